// A language server of ours as an editor starts it: LSP at standard input and output. It knows upper
// case, and dislikes the word "nope".

import { method, notification, type Peer, serve, withContext } from "../../../lib/mod.ts";
import * as z from "npm:zod@4";

const position = z.object({ line: z.number(), character: z.number() });
const document = z.looseObject({ uri: z.string() });

/** What the editor serves. */
const editor = {
  "textDocument/publishDiagnostics": notification(z.unknown(), () => {}),
  "workspace/configuration": method(z.unknown(), (): unknown[] => []),
};

const withEditor = withContext<{ peer: Peer<typeof editor> }>();

const texts = new Map<string, string>();

/** The word at a position. */
function wordAt(uri: string, { line, character }: z.infer<typeof position>): string {
  const text = texts.get(uri)?.split("\n")[line] ?? "";
  return /\w*$/.exec(text.slice(0, character))![0] + /^\w*/.exec(text.slice(character))![0];
}

/** What is wrong in a text. */
function diagnosticsOf(text: string) {
  return text.split("\n").flatMap((words, line) => {
    const character = words.indexOf("nope");
    if (character < 0) return [];
    const start = { line, character }, end = { line, character: character + 4 };
    return [{ range: { start, end }, severity: 1, source: "landline", message: "Not nope" }];
  });
}

/** Takes a text, and tells the editor what is wrong in it. */
function changed(uri: string, text: string, peer: Peer<typeof editor>): void {
  texts.set(uri, text);
  peer.notify["textDocument/publishDiagnostics"]({ uri, diagnostics: diagnosticsOf(text) });
}

const gaveUp = Promise.withResolvers<void>();

const server = serve({
  initialize: method(z.looseObject({}), () => ({
    capabilities: {
      textDocumentSync: 1,
      hoverProvider: true,
      executeCommandProvider: { commands: ["work"] },
    },
    serverInfo: { name: "landline" },
  })),
  initialized: notification(z.looseObject({}), () => {}),
  shutdown: method(() => null),
  exit: notification(() => void server.shutdown(0)),

  "textDocument/didOpen": withEditor.notification(
    z.object({ textDocument: document.extend({ text: z.string() }) }),
    ({ textDocument: { uri, text } }, { peer }) => changed(uri, text, peer),
  ),
  "textDocument/didChange": withEditor.notification(
    z.object({
      textDocument: document,
      contentChanges: z.array(z.looseObject({ text: z.string() })),
    }),
    ({ textDocument: { uri }, contentChanges }, { peer }) =>
      changed(uri, contentChanges.at(-1)!.text, peer),
  ),
  "textDocument/didClose": notification(
    z.object({ textDocument: document }),
    ({ textDocument: { uri } }) => void texts.delete(uri),
  ),
  "textDocument/hover": method(
    z.looseObject({ textDocument: document, position }),
    ({ textDocument: { uri }, position }) => ({ contents: wordAt(uri, position).toUpperCase() }),
  ),
  // Tells how far it is.
  "workspace/executeCommand": method(z.looseObject({ command: z.string() }), (_, { progress }) => {
    progress({ kind: "begin", title: "work" });
    progress({ kind: "end" });
    return "done";
  }),
  // Asks the editor for one of its settings.
  setting: withEditor.method(async (_, { peer }) => {
    const items = [{ section: "landline" }];
    return (await peer.call["workspace/configuration"]({ items }))[0];
  }),
  // Ends when its caller gives up.
  wait: method(async (_, { signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    gaveUp.resolve();
  }),
  cancelled: method(() => gaveUp.promise.then(() => "told")),
}, { listen: "stdio:" });
