// Servers that nobody here wrote, with our client.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";
import * as rpc from "npm:vscode-jsonrpc@10/node";
import * as z from "npm:zod@4";
import {
  type Api,
  connect,
  type ConnectOptions,
  type Line,
  method,
  notification,
  RpcError,
} from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { jayson } from "./_jayson.ts";
import { type Cell, type Cells, type FEATURES, type Pair, pairOf } from "./_pairs.ts";
import { cancelled, VsCode } from "./_vscode.ts";

/** Our client, and what it needs to be closed. */
interface Ends {
  readonly line: Line;
}

/** Sends a notification to a peer whose types nobody knows. */
export function notify({ line }: Ends, name: string, value?: unknown): void {
  (line.notify as unknown as Record<string, (value?: unknown) => void>)[name]!(value);
}

/** A hundred calls without waiting, each with an answer of its own. */
export async function hundred(
  call: (n: number) => Promise<unknown>,
  expected: (n: number) => unknown,
) {
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  assertEquals(await Promise.all(numbers.map(call)), numbers.map(expected));
}

/** A call fails with this code. */
export async function failsWith(code: number, call: Promise<unknown>): Promise<RpcError> {
  const error = await rejection(call);
  assertInstanceOf(error, RpcError);
  assertEquals(error.code, code);
  return error;
}

/** Listens at a port of the system's choice. */
async function listening(server: NetServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function jaysonServer() {
  const noted = new Events<unknown>();
  const server = new jayson.Server({
    upper: ([text]: [string], done) => done(null, text.toUpperCase()),
    subtract: ({ minuend, subtrahend }, done) => done(null, minuend - subtrahend),
    note: (params, done) => {
      noted.add(params);
      done(null, null);
    },
  }).tcp();
  const line = await connect(await listening(server));
  return {
    line,
    noted,
    async [Symbol.asyncDispose]() {
      await line.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What our client answers to the servers that call back, and what it hears. */
export function clientApi(heard: Events<unknown>): Api {
  const anything = z.unknown();
  return {
    ask: method(z.string(), (question) => `${question} Yes.`),
    "roots/list": method(anything, () => ({ roots: [{ uri: "file:///here", name: "here" }] })),
    ...Object.fromEntries(
      ["notifications/progress", "eth_subscription", "aria2.onDownloadStart"].map((name) => [
        name,
        notification(anything, heard.add),
      ]),
    ),
  };
}

async function vscodeServer() {
  const heard = new Events<unknown>(), noted = new Events<unknown>();
  const accepted = Promise.withResolvers<VsCode>();
  const aborted = Promise.withResolvers<void>(), begun = Promise.withResolvers<void>();
  const progress = new rpc.ProgressType<unknown>();
  const server = createServer((socket) => {
    const theirs = new VsCode(socket), { connection } = theirs;
    connection.onRequest("upper", (text: string) => text.toUpperCase());
    connection.onRequest("subtract", ({ minuend, subtrahend }) => minuend - subtrahend);
    connection.onNotification("note", (value: unknown) => noted.add(value));
    connection.onRequest("ask", () => connection.sendRequest("ask", "Really?"));
    connection.onRequest("wait", async (token: rpc.CancellationToken) => {
      begun.resolve();
      await cancelled(token);
      aborted.resolve();
    });
    connection.onRequest("work", async ({ workDoneToken }) => {
      await connection.sendProgress(progress, workDoneToken, "half");
      return "done";
    });
    connection.listen();
    accepted.resolve(theirs);
  });
  const line = await connect(await listening(server), {
    framing: "headers",
    api: clientApi(heard),
  });
  const theirs = await accepted.promise;
  return {
    line,
    noted,
    aborted: aborted.promise,
    begun: begun.promise,
    async [Symbol.asyncDispose]() {
      await line.close();
      await theirs[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Our client on the pipes of a program, and what it is told without asking. */
async function overCommand(command: string, options: ConnectOptions) {
  const heard = new Events<unknown>();
  const line = await connect(`command:${encodeURIComponent(command)}`, {
    ...options,
    api: clientApi(heard),
  });
  return { line, heard, [Symbol.asyncDispose]: () => line.close() };
}

const MCP_SERVER = `${import.meta.dirname}/_mcp_server.ts`;

async function mcpServer() {
  const command = `'${Deno.execPath()}' run -q -A '${MCP_SERVER}'`;
  const ends = await overCommand(command, { framing: "json" });
  await initialize(ends);
  return ends;
}

/** Begins a session of the Model Context Protocol. */
export async function initialize({ line }: Ends): Promise<void> {
  const { serverInfo } = await line.request("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: { roots: {} },
    clientInfo: { name: "landline", version: "0" },
  }) as { serverInfo: { name: string } };
  assertEquals(serverInfo.name, "theirs");
}

const tool = ({ line }: Ends, name: string, args: object, meta?: object) =>
  line.request("tools/call", { name, arguments: args, ...meta && { _meta: meta } });

const textOf = (text: string) => ({ content: [{ type: "text", text }] });

/** What a server of this test's methods and our client do, whatever its library. */
export const USUAL = {
  call: async ({ line }) => assertEquals(await line.request("upper", ["hé😀"]), "HÉ😀"),
  "by name": async ({ line }) =>
    assertEquals(await line.request("subtract", { minuend: 42, subtrahend: 23 }), 19),
  error: async ({ line }) => void await failsWith(-32601, line.request("nope")),
  batch: async ({ line }) =>
    assertEquals(
      await Promise.all(line.batch((call) => [call.upper!("a"), call.upper!("b")])),
      ["A", "B"],
    ),
  "100 at once": ({ line }) => hundred((n) => line.request("upper", [`n${n}`]), (n) => `N${n}`),
} satisfies Partial<Cells<Ends>>;

/** A server that keeps what it is told shows that it has heard a notification. */
const notes: Cell<Ends & { readonly noted: Events<unknown> }> = async (ends) => {
  notify(ends, "note", { text: "noted" });
  assertEquals((await ends.noted.count(1))[0], { text: "noted" });
};

/** A server calls back before it answers. */
export const asks: Cell<Ends> = async ({ line }) =>
  assertEquals(await line.request("ask"), "Really? Yes.");

/** What a server of the Model Context Protocol and our client do, whatever carries it. */
export const MCP: Cells<Ends & { readonly heard: Events<unknown> }, (typeof FEATURES)[number]> = {
  call: "its methods take objects",
  "by name": async (ends) => assertEquals(await tool(ends, "add", { a: 1, b: 2 }), textOf("3")),
  error: async ({ line }) => void await failsWith(-32601, line.request("nope", {})),
  // A server that was not told this answers no calls back.
  notification: async (ends) => {
    notify(ends, "notifications/initialized");
    assertEquals(await ends.line.request("ping"), {});
  },
  batch: "it has no batches",
  "100 at once": (ends) =>
    hundred((n) => tool(ends, "add", { a: n, b: n }), (n) => textOf(String(2 * n))),
  cancel: "it cancels with a notification of its own",
  progress: async (ends) => {
    assertEquals(await tool(ends, "work", {}, { progressToken: "t" }), textOf("done"));
    assertEquals((await ends.heard.count(1))[0], { progressToken: "t", progress: 1, total: 2 });
  },
  "calls back": async (ends) => assertEquals(await tool(ends, "ask", {}), textOf("file:///here")),
};

export const SERVERS: readonly Pair[] = [
  pairOf(
    {
      theirs: "jayson 5",
      over: "tcp, json",
      how: "`new jayson.Server(methods).tcp().listen(port)`",
    },
    jaysonServer,
    {
      ...USUAL,
      notification: notes,
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": "it only answers",
    },
  ),
  pairOf(
    {
      theirs: "vscode-jsonrpc 10",
      over: "tcp, headers",
      how:
        '`createMessageConnection(…)` on each socket of `net.createServer`; `connect(address, { framing: "headers" })`',
    },
    vscodeServer,
    {
      ...USUAL,
      notification: notes,
      batch: "it has no batches",
      cancel: async ({ line, begun, aborted }) => {
        const controller = new AbortController();
        const waiting = rejection(line.request("wait", undefined, { signal: controller.signal }));
        await within(begun, "the call to begin");
        controller.abort();
        await waiting;
        await within(aborted, "the handler to be told");
      },
      progress: async ({ line }) => {
        const reports: unknown[] = [];
        const onProgress = (value: unknown) => void reports.push(value);
        // A language server wants the token among the params.
        assertEquals(await line.request("work", { workDoneToken: "t" }, { onProgress }), "done");
        assertEquals(reports, ["half"]);
      },
      "calls back": asks,
    },
  ),
  pairOf(
    {
      theirs: "@modelcontextprotocol/sdk 1",
      over: "command, json",
      how: '`server.connect(new StdioServerTransport())`; `connect("command:node server.js")`',
    },
    mcpServer,
    MCP,
  ),
];
