// Language servers that nobody here wrote, with our client in the place of an editor: each is started
// over pipes, opens a document with a mistake, and is asked for what is in it.

import { assert, assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { type Api, connect, type Line, method, notification, type Socket } from "../../lib/mod.ts";
import { turn, until } from "../support/deadline.ts";
import { Events } from "../support/events.ts";
import { packaged } from "./_npm.ts";
import { type Cell, type Pair, pairOf } from "./_pairs.ts";
import { failsWith, notify } from "./_servers.ts";

/** What a language server is started with and shown. */
interface LanguageServer {
  readonly theirs: string;
  /** The command line of its users, and that of the test if it differs. */
  readonly command: string;
  readonly start?: readonly string[];
  readonly tools?: readonly string[];
  /** The kind of document, its name, and its text with a mistake. */
  readonly languageId: string;
  readonly file: string;
  readonly text: string;
  /** A part of what it says of the mistake, or a method that it calls. */
  readonly heard: string;
  /** The name of its first symbol, and another text and its. */
  readonly symbol: string;
  readonly changed: readonly [text: string, symbol: string];
  readonly cancel?: string;
  readonly progress?: Cell<Ends>;
}

interface Ends {
  readonly line: Line;
  readonly uri: string;
  /** The messages of the diagnostics that it told, and the methods that it called. */
  readonly heard: Events<string>;
  /** How often the bytes that came have this in them. */
  readonly seen: (text: string) => number;
}

/** What an editor serves. */
function editor(heard: Events<string>): Api {
  const diagnostics = z.object({ diagnostics: z.array(z.object({ message: z.string() })) });
  return {
    "textDocument/publishDiagnostics": notification(
      z.looseObject(diagnostics.shape),
      ({ diagnostics }) => {
        heard.add("textDocument/publishDiagnostics");
        diagnostics.forEach(({ message }) => heard.add(message));
      },
    ),
    "workspace/configuration": method(
      z.object({ items: z.array(z.unknown()) }),
      ({ items }) => {
        heard.add("workspace/configuration");
        return items.map(() => null);
      },
    ),
    "client/registerCapability": method(z.unknown(), () => null),
    "window/logMessage": notification(z.unknown(), () => {}),
  };
}

/** Keeps what a socket reads. */
function tapped(socket: Socket, chunks: string[]): Socket {
  const decoder = new TextDecoder();
  return {
    remote: socket.remote,
    local: socket.local,
    lasting: true,
    async read(buffer) {
      const size = await socket.read(buffer);
      if (size !== null) chunks.push(decoder.decode(buffer.subarray(0, size), { stream: true }));
      return size;
    },
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite!(),
    close: () => socket.close(),
  };
}

/** The name of the first symbol of the document. */
async function firstSymbol({ line, uri }: Ends): Promise<unknown> {
  const symbols = await line.request("textDocument/documentSymbol", { textDocument: { uri } });
  return (symbols as { name: string }[])[0]?.name;
}

/** Asks until the server has read the document as far as to know its first symbol. */
function hasSymbol(ends: Ends, name: string): Promise<void> {
  return until(async () => await firstSymbol(ends) === name, `the symbol ${name}`);
}

function languageServer(server: LanguageServer): Pair {
  const { theirs, command, start = command.split(" "), languageId, file, text } = server;
  const open = async () => {
    const heard = new Events<string>(), chunks: string[] = [];
    const quoted = start.map((word) => `'${word}'`).join(" ");
    await using stack = new AsyncDisposableStack();
    const line = stack.use(
      await connect(`command:${encodeURIComponent(quoted)}`, {
        framing: "headers",
        extensions: false,
        api: editor(heard),
        wrapSocket: (socket) => tapped(socket, chunks),
      }),
    );
    const uri = `file:///tmp/landline/${file}`;
    const seen = (text: string) => chunks.join("").split(text).length - 1;
    const ends = { line, uri, heard, seen };
    const { capabilities } = await line.request("initialize", {
      processId: null,
      rootUri: null,
      capabilities: {
        textDocument: { publishDiagnostics: {} },
        workspace: { configuration: true },
        window: { workDoneProgress: true },
      },
    }) as { capabilities: Record<string, unknown> };
    assert(capabilities.documentSymbolProvider, "it has symbols");
    notify(ends, "initialized", {});
    notify(ends, "textDocument/didOpen", { textDocument: { uri, languageId, version: 1, text } });
    // As an editor ends one: else some of them complain.
    stack.defer(async () => {
      await line.request("shutdown");
      notify(ends, "exit");
    });
    const all = stack.move();
    return { ...ends, [Symbol.asyncDispose]: () => all.disposeAsync() };
  };
  return pairOf<Ends & AsyncDisposable>(
    {
      theirs,
      over: "command, headers",
      how: `\`connect("command:${
        encodeURIComponent(command)
      }", { framing: "headers", extensions: false })\``,
    },
    open,
    {
      call: "its methods take objects",
      "by name": (ends) => hasSymbol(ends, server.symbol),
      error: async ({ line }) => void await failsWith(-32601, line.request("nope", {})),
      notification: async (ends) => {
        const [text, symbol] = server.changed, textDocument = { uri: ends.uri, version: 2 };
        notify(ends, "textDocument/didChange", { textDocument, contentChanges: [{ text }] });
        await hasSymbol(ends, symbol);
      },
      batch: "it has no batches",
      "100 at once": async (ends) =>
        assertEquals(
          await Promise.all(Array.from({ length: 100 }, () => firstSymbol(ends))),
          Array(100).fill(server.changed[1]),
        ),
      cancel: server.cancel ?? (async ({ line, uri, seen }) => {
        const params = { textDocument: { uri } };
        // Our call ends at once; the server says that it has dropped it, if it had not answered yet.
        await until(async () => {
          const controller = new AbortController(), { signal } = controller;
          const call = line.request("textDocument/documentSymbol", params, { signal });
          await turn();
          controller.abort();
          await Promise.allSettled([call]);
          return seen('"code":-32800') > 0;
        }, "a call to be cancelled at the server");
      }),
      progress: server.progress ?? "it tells of none for a request",
      "calls back": ({ heard }) =>
        until(() => heard.all.some((text) => text.includes(server.heard)), server.heard),
    },
    server.tools,
  );
}

export const LANGUAGE_SERVERS: readonly Pair[] = [
  languageServer({
    theirs: "clangd 14",
    command: "clangd",
    start: ["clangd", "--log=error"],
    tools: ["clangd"],
    languageId: "c",
    file: "landline.c",
    text: "int add(int a) { return a + b; }",
    heard: "undeclared identifier 'b'",
    symbol: "add",
    changed: ["int subtract(int a) { return a - b; }", "subtract"],
  }),
  languageServer({
    theirs: "pylsp 1",
    command: "pylsp",
    tools: ["pylsp"],
    languageId: "python",
    file: "landline.py",
    text: "x = 1\ndef f(:\n",
    heard: "textDocument/publishDiagnostics",
    symbol: "x",
    changed: ["y = 1\n", "y"],
    cancel: "it cancels only what has not begun",
  }),
  languageServer({
    theirs: "pyright 1",
    command: "pyright-langserver --stdio",
    start: packaged("pyright@1/pyright-langserver", "--stdio"),
    tools: ["npm:pyright@1"],
    languageId: "python",
    file: "landline.py",
    text: 'x: int = "a"',
    heard: 'is not assignable to declared type "int"',
    symbol: "x",
    changed: ['y: int = "a"', "y"],
    progress: async ({ line, uri }) => {
      const told: unknown[] = [], position = { line: 0, character: 0 };
      await line.request("textDocument/references", {
        textDocument: { uri },
        position,
        context: { includeDeclaration: true },
        workDoneToken: "t",
      }, { onProgress: (value) => told.push(value) });
      assertEquals(told, [{ kind: "end" }]);
    },
  }),
  languageServer({
    theirs: "typescript-language-server 6",
    command: "typescript-language-server --stdio",
    start: packaged("typescript-language-server@6", "--stdio"),
    tools: ["npm:typescript-language-server@6"],
    cancel: "it has answered before it reads that a call is cancelled",
    languageId: "typescript",
    file: "landline.ts",
    text: 'const x: number = "a";',
    heard: "is not assignable to type 'number'",
    symbol: "x",
    changed: ['const y: number = "a";', "y"],
  }),
  languageServer({
    theirs: "vscode-json-languageserver 1",
    command: "vscode-json-languageserver --stdio",
    start: packaged("vscode-json-languageserver@1", "--stdio"),
    tools: ["npm:vscode-json-languageserver@1"],
    cancel: "it has answered before it reads that a call is cancelled",
    languageId: "json",
    file: "landline.json",
    text: '{"a": [1,}',
    heard: "Value expected",
    symbol: "a",
    changed: ['{"b": [1,}', "b"],
  }),
  languageServer({
    theirs: "bash-language-server 5",
    command: "bash-language-server start",
    start: packaged("bash-language-server@5", "start"),
    tools: ["npm:bash-language-server@5"],
    cancel: "it has answered before it reads that a call is cancelled",
    languageId: "shellscript",
    file: "landline.sh",
    text: "add() { echo $1; }",
    heard: "workspace/configuration",
    symbol: "add",
    changed: ["subtract() { echo $1; }", "subtract"],
  }),
  languageServer({
    theirs: "yaml-language-server 2",
    command: "yaml-language-server --stdio",
    start: packaged("yaml-language-server@2", "--stdio"),
    tools: ["npm:yaml-language-server@2"],
    cancel: "it has answered before it reads that a call is cancelled",
    languageId: "yaml",
    file: "landline.yaml",
    text: "a: [1,",
    heard: "Flow sequence",
    symbol: "a",
    changed: ["b: [1,", "b"],
  }),
];
