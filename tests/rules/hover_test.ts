// What an editor shows where the pointer rests on a method: its own words and its params, and not how the
// types were made.

import { assert, assertEquals } from "@std/assert";
import * as rpc from "npm:vscode-jsonrpc@10/node";
import { Readable, Writable } from "node:stream";
import { LIB } from "../support/child.ts";
import { within } from "../support/deadline.ts";

const API = `
import { method, stream } from ${JSON.stringify(LIB)};
import type { StandardSchema } from ${JSON.stringify(LIB)};
declare const of: <I, O = I>() => StandardSchema<I, O>;
export const api = {
  /** A text in upper case. */
  upper: method(of<string>(), (text) => text.toUpperCase()),
  math: {
    /** The sum of both. */
    add: method(of<{ a: number; b?: number }>(), ({ a, b = 0 }) => a + b),
  },
  /** Counts down. */
  countdown: stream(of<{ from: number }>(), async function* ({ from }) {
    while (from > 0) yield { n: from--, at: new Date() };
    return "lift-off";
  }),
  /** Buys so many. */
  buy: method(of<number>(), (count) => ({ bought: count }), {
    errors: { OUT_OF_STOCK: of<{ left: number }>() },
  }),
  /** The sum of all items. */
  total: method(async (_, { items }) => (await Array.fromAsync(items)).length, { items: of<number>() }),
};
`;

const CLIENT = `
import { connect } from ${JSON.stringify(LIB)};
import type { api } from "./api.ts";
const { call } = await connect<typeof api>("memory:");
call.upper("x");
call.math.add({ a: 1 });
call.countdown({ from: 3 });
call.buy(1);
call.total(undefined, { items: [1] });
`;

const options = "options?: CallOptions | undefined";

/** What is shown, its white space made even: the signature, and the words. */
const SHOWN: Record<string, [signature: string, words: string]> = {
  upper: [`(value: string, ${options}) => Promise<string>`, "A text in upper case."],
  add: [
    `(value: { a: number; b?: number; }, ${options}) => Promise<number>`,
    "The sum of both.",
  ],
  countdown: [
    `(value: { from: number; }, ${options}) => StreamCall<{ n: number; at: string; }, string, unknown>`,
    "Counts down.",
  ],
  buy: [
    `(value: number, ${options}) => ` +
    `CallPromise<{ bought: number; }, { OUT_OF_STOCK: StandardSchema<{ left: number; }, { left: number; }>; }>`,
    "Buys so many.",
  ],
  total: [
    "(value: undefined, options: ItemOptions<number>) => Promise<number>",
    "The sum of all items.",
  ],
};

Deno.test("an editor shows a method's own words, its params and its result", async () => {
  const folder = await Deno.makeTempDir({ prefix: "landline-hover-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["lsp", "-q"],
    cwd: folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = Writable.fromWeb(child.stdin as never);
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(Readable.fromWeb(child.stdout as never)),
    new rpc.StreamMessageWriter(input),
  );
  try {
    await Deno.writeTextFile(`${folder}/api.ts`, API);
    await Deno.writeTextFile(`${folder}/client.ts`, CLIENT);
    connection.onRequest(
      "workspace/configuration",
      ({ items }: { items: unknown[] }) => items.map(() => ({ enable: true })),
    );
    connection.onRequest("client/registerCapability", () => null);
    connection.listen();
    const rootUri = `file://${folder}`, uri = `${rootUri}/client.ts`;
    await within(
      connection.sendRequest("initialize", {
        processId: null,
        rootUri,
        capabilities: { workspace: { configuration: true } },
        workspaceFolders: [{ uri: rootUri, name: "hover" }],
      }),
      "the language server",
    );
    await connection.sendNotification("initialized", {});
    await connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "typescript", version: 1, text: CLIENT },
    });
    const lines = CLIENT.split("\n");
    for (const [name, [signature, words]] of Object.entries(SHOWN)) {
      const line = lines.findIndex((text) => text.includes(`.${name}(`));
      const position = { line, character: lines[line]!.indexOf(`.${name}(`) + 1 };
      const params = { textDocument: { uri }, position };
      const hover = await within(
        connection.sendRequest("textDocument/hover", params),
        "what is shown",
      ) as { contents: { value: string } };
      const [, code, text] = /^```\w+\n([^]*?)\n```\n([^]*)$/.exec(hover.contents.value) ?? [];
      assert(code !== undefined, hover.contents.value);
      assertEquals(code.replaceAll(/\s+/g, " "), `(property) ${name}: ${signature}`);
      assertEquals(text, words);
    }
    await within(connection.sendRequest("shutdown"), "the language server to shut down");
    await connection.sendNotification("exit");
    await within(child.status, "the language server to end");
  } finally {
    connection.dispose();
    await new Promise((resolve) => input.end(resolve));
    try {
      child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
});
