// Clients that nobody here wrote, with our server.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Client } from "npm:@modelcontextprotocol/sdk@1/client/index.js";
import { ReadBuffer, serializeMessage } from "npm:@modelcontextprotocol/sdk@1/shared/stdio.js";
import type { Transport } from "npm:@modelcontextprotocol/sdk@1/shared/transport.js";
import {
  type JSONRPCMessage,
  ListRootsRequestSchema,
  type McpError,
} from "npm:@modelcontextprotocol/sdk@1/types.js";
import {
  createJSONRPCRequest,
  JSONRPCClient,
  JSONRPCServer,
  JSONRPCServerAndClient,
} from "npm:json-rpc-2.0@1";
import { connect as dialNode, type Socket } from "node:net";
import * as rpc from "npm:vscode-jsonrpc@10/node";
import * as z from "npm:zod@4";
import { type Api, method, type Peer, serve, type Server, withContext } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { GoProgram } from "./_go.ts";
import { type Answer, jayson, type Request } from "./_jayson.ts";
import { type Pair, pairOf } from "./_pairs.ts";
import { VsCode } from "./_vscode.ts";

const clientApi = {
  ask: method(z.string(), (question) => question),
  "roots/list": method(() => ({ roots: [{ uri: "" }] })),
};
const withPeer = withContext<{ peer: Peer<typeof clientApi> }>();

const anything = z.looseObject({}).optional();

/** Our server, with what a handler saw. */
function ourServer(): { server: Server; port: number; noted: Events<unknown>; waiting: Waiting } {
  const noted = new Events<unknown>();
  const begun = Promise.withResolvers<void>(), aborted = Promise.withResolvers<void>();
  const api: Api = {
    upper: method(z.string(), (text) => text.toUpperCase()),
    subtract: method(
      z.object({ minuend: z.number(), subtrahend: z.number() }),
      ({ minuend, subtrahend }) => minuend - subtrahend,
    ),
    note: method(z.object({ text: z.string() }), ({ text }) => noted.add(text)),
    work: method(anything, (_, { progress }) => {
      progress("half");
      return "done";
    }),
    wait: method(async (_, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.resolve();
    }),
    ask: withPeer.method((_, { peer }) => peer.call.ask("Really?")),
    ...mcpApi(noted),
  };
  const server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const port = Number(new URL(server.addresses[0]!.replace("tcp:", "http:")).port);
  return { server, port, noted, waiting: { begun: begun.promise, aborted: aborted.promise } };
}

/** A call that waits to be cancelled. */
interface Waiting {
  readonly begun: Promise<void>;
  readonly aborted: Promise<void>;
}

/** The methods of an MCP server, written by hand. */
function mcpApi(noted: Events<unknown>): Api {
  const textOf = (text: string) => ({ content: [{ type: "text", text }] });
  return {
    initialize: method(z.looseObject({ protocolVersion: z.string() }), ({ protocolVersion }) => ({
      protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: "landline", version: "0" },
    })),
    "notifications/initialized": method(anything, () => noted.add("initialized")),
    "tools/list": method(anything, () => ({
      tools: [{ name: "add", inputSchema: { type: "object" } }],
    })),
    "tools/call": withPeer.method(
      z.looseObject({ name: z.string(), arguments: z.record(z.string(), z.number()).optional() }),
      async ({ name, arguments: { a = 0, b = 0 } = {} }, { peer }) => {
        if (name === "add") return textOf(String(a + b));
        const { roots } = await peer.call["roots/list"]();
        return textOf(roots.map(({ uri }) => uri).join());
      },
    ),
  };
}

/** Closes a client of Node's, then our server. */
function endsOf<T>(ours: ReturnType<typeof ourServer>, theirs: T, close: () => Promise<unknown>) {
  return {
    ...ours,
    theirs,
    async [Symbol.asyncDispose]() {
      await close();
      await ours.server.shutdown(0);
    },
  };
}

/** Connects a socket of Node's; its end is waited for. */
function dialled(port: number): { socket: Socket; close: () => Promise<unknown> } {
  const socket = dialNode(port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  return {
    socket,
    close: () => {
      socket.destroy();
      return closed;
    },
  };
}

async function hundred(call: (n: number) => Promise<unknown>) {
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  assertEquals(
    await within(Promise.all(numbers.map(call)), "a hundred answers"),
    numbers.map((n) => `N${n}`),
  );
}

/** jayson makes a connection for each request. */
function jaysonClient() {
  const ours = ourServer();
  const client = jayson.Client.tcp({ host: "127.0.0.1", port: ours.port });
  const sockets = new Set<Promise<unknown>>();
  client.on("tcp socket", (socket: Socket) => {
    sockets.add(new Promise((resolve) => socket.on("close", resolve)));
  });
  /** What comes of a request, where `send` says how it is sent. */
  const sent = <T>(send: (done: (error: unknown, answer: unknown) => void) => void) =>
    within(
      new Promise<T>((resolve, reject) =>
        send((error, answer) => error ? reject(error) : resolve(answer as T))
      ),
      "jayson",
    );
  const request = (name: string, params: unknown, id?: null) =>
    sent<Answer>((done) => client.request(name, params, id, done));
  const batch = (requests: readonly Request[]) =>
    sent<Answer[]>((done) => client.request(requests, done));
  const theirs = { client, request, batch };
  return Promise.resolve(endsOf(ours, theirs, () => Promise.all(sockets)));
}

function vscodeClient() {
  const ours = ourServer();
  const theirs = new VsCode(dialNode(ours.port, "127.0.0.1"));
  theirs.connection.onRequest("ask", (question: string) => `${question} Yes.`);
  theirs.connection.listen();
  return Promise.resolve(
    endsOf(ours, theirs.connection, () => theirs[Symbol.asyncDispose]()),
  );
}

/** json-rpc-2.0 leaves the socket, and the lines on it, to its user. */
function jsonRpc2Client() {
  const ours = ourServer();
  const { socket, close } = dialled(ours.port);
  const both = new JSONRPCServerAndClient(
    new JSONRPCServer(),
    new JSONRPCClient((message) => void socket.write(JSON.stringify(message) + "\n")),
  );
  both.addMethod("ask", ([question]: [string]) => `${question} Yes.`);
  let text = "";
  socket.on("data", (chunk) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    for (const line of lines) both.receiveAndSend(JSON.parse(line));
  });
  return Promise.resolve(endsOf(ours, both, close));
}

async function goClient() {
  const ours = ourServer();
  const program = await GoProgram.start(`127.0.0.1:${ours.port}`);
  return endsOf(ours, program, () => program[Symbol.asyncDispose]());
}

/** MCP over a socket, with the SDK's own lines. */
class SocketTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #dialled: ReturnType<typeof dialled>;

  constructor(port: number) {
    this.#dialled = dialled(port);
  }

  start(): Promise<void> {
    const buffer = new ReadBuffer();
    this.#dialled.socket.on("data", (chunk) => {
      buffer.append(chunk);
      for (let message; (message = buffer.readMessage()) !== null;) this.onmessage?.(message);
    });
    return Promise.resolve();
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#dialled.socket.write(serializeMessage(message));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#dialled.close();
    this.onclose?.();
  }
}

async function mcpClient() {
  const ours = ourServer();
  const client = new Client({ name: "theirs", version: "1" }, { capabilities: { roots: {} } });
  client.setRequestHandler(ListRootsRequestSchema, () => ({
    roots: [{ uri: "file:///there" }],
  }));
  await within(client.connect(new SocketTransport(ours.port)), "the MCP client");
  return endsOf(ours, client, () => client.close());
}

const contentOf = (text: string) => [{ type: "text", text }];

export const CLIENTS: readonly Pair[] = [
  pairOf("jayson 5", "tcp, json", jaysonClient, {
    call: async ({ theirs }) =>
      assertEquals((await theirs.request("upper", ["hé😀"])).result, "HÉ😀"),
    "by name": async ({ theirs }) => {
      const { result } = await theirs.request("subtract", { minuend: 42, subtrahend: 23 });
      assertEquals(result, 19);
    },
    error: async ({ theirs }) => {
      const { error } = await theirs.request("nope", []);
      assertEquals(error, { code: -32601, message: "Method not found" });
    },
    notification: async ({ theirs, noted }) => {
      await theirs.request("note", { text: "noted" }, null);
      assertEquals(await noted.count(1), ["noted"]);
    },
    batch: async ({ theirs: { client, batch } }) => {
      const answers = await batch([
        client.request("upper", ["a"], undefined, false),
        client.request("nope", [], undefined, false),
      ]);
      assertEquals(answers.map(({ result, error }) => result ?? error?.code), ["A", -32601]);
    },
    "100 at once": ({ theirs }) =>
      hundred((n) => theirs.request("upper", [`n${n}`]).then(({ result }) => result)),
    cancel: "jayson does not know how to cancel a call",
    progress: "jayson has no progress",
    "calls back": "a jayson client serves nothing",
  }),
  pairOf("vscode-jsonrpc 10", "tcp, headers", vscodeClient, {
    call: async ({ theirs }) => assertEquals(await theirs.sendRequest("upper", "hé😀"), "HÉ😀"),
    "by name": async ({ theirs }) =>
      assertEquals(await theirs.sendRequest("subtract", { minuend: 42, subtrahend: 23 }), 19),
    error: async ({ theirs }) => {
      const error = await rejection(theirs.sendRequest("nope")) as rpc.ResponseError<unknown>;
      assertEquals([error.code, error.message], [-32601, "Method not found"]);
    },
    notification: async ({ theirs, noted }) => {
      await theirs.sendNotification("note", { text: "noted" });
      assertEquals(await noted.count(1), ["noted"]);
    },
    batch: "vscode-jsonrpc has no batches",
    "100 at once": ({ theirs }) => hundred((n) => theirs.sendRequest("upper", `n${n}`)),
    cancel: async ({ theirs, waiting }) => {
      const source = new rpc.CancellationTokenSource();
      const call = rejection(theirs.sendRequest("wait", source.token));
      await within(waiting.begun, "the call to begin");
      source.cancel();
      await within(waiting.aborted, "the handler to be told");
      assertEquals((await call as rpc.ResponseError<unknown>).code, -32800);
      source.dispose();
    },
    progress: async ({ theirs }) => {
      const reports = new Events<unknown>();
      const listening = theirs.onProgress(new rpc.ProgressType<unknown>(), "t", reports.add);
      assertEquals(await theirs.sendRequest("work", { workDoneToken: "t" }), "done");
      assertEquals(await reports.count(1), ["half"]);
      listening.dispose();
    },
    "calls back": async ({ theirs }) =>
      assertEquals(await theirs.sendRequest("ask"), "Really? Yes."),
  }),
  pairOf("json-rpc-2.0 1", "tcp, json", jsonRpc2Client, {
    call: async ({ theirs }) => assertEquals(await theirs.request("upper", ["hé😀"]), "HÉ😀"),
    "by name": async ({ theirs }) =>
      assertEquals(await theirs.request("subtract", { minuend: 42, subtrahend: 23 }), 19),
    error: async ({ theirs }) => {
      const error = await rejection(Promise.resolve(theirs.request("nope", [])));
      assertEquals([(error as Error).message, (error as { code: number }).code], [
        "Method not found",
        -32601,
      ]);
    },
    notification: async ({ theirs, noted }) => {
      theirs.notify("note", { text: "noted" });
      assertEquals(await noted.count(1), ["noted"]);
    },
    batch: async ({ theirs }) => {
      const answers = await theirs.client.requestAdvanced([
        createJSONRPCRequest("one", "upper", ["a"]),
        createJSONRPCRequest("two", "nope"),
      ]);
      assertEquals(answers.map(({ id, result, error }) => [id, result ?? error?.code]), [
        ["one", "A"],
        ["two", -32601],
      ]);
    },
    "100 at once": ({ theirs }) =>
      hundred((n) => Promise.resolve(theirs.request("upper", [`n${n}`]))),
    cancel: "json-rpc-2.0 does not know how to cancel a call",
    progress: "json-rpc-2.0 has no progress",
    "calls back": async ({ theirs }) =>
      assertEquals(await theirs.request("ask", []), "Really? Yes."),
  }),
  pairOf("Go net/rpc/jsonrpc", "tcp, json (JSON-RPC 1.0)", goClient, {
    call: async ({ theirs }) => assertEquals(await theirs.call("upper", '"hé😀"'), ["HÉ😀"]),
    "by name": async ({ theirs }) =>
      assertEquals(await theirs.call("subtract", '{"minuend":42,"subtrahend":23}'), [19]),
    error: {
      run: async ({ theirs }) => {
        const [error] = await theirs.call("nope", "1");
        assertStringIncludes(String(error), "Method not found");
      },
      but:
        "Go's client hangs up after it: JSON-RPC 1.0 does not say what an error is, ours is an " +
        "object, and Go takes a text alone for one",
    },
    notification: "Go's server answers everything, and a client of Go's cannot leave out the id",
    batch: "JSON-RPC 1.0 has no batches",
    "100 at once": async ({ theirs }) =>
      assertEquals(
        await theirs.call("upper", '"nN"', 100),
        Array.from({ length: 100 }, (_, n) => `N${n}`),
      ),
    cancel: "Go's net/rpc does not know how to cancel a call",
    progress: "Go's net/rpc has no progress",
    "calls back": "a client of Go's net/rpc serves nothing",
  }, ["go"]),
  pairOf("@modelcontextprotocol/sdk 1", "tcp, json", mcpClient, {
    call: "the methods of the Model Context Protocol take objects",
    "by name": async ({ theirs }) => {
      const { tools } = await theirs.listTools();
      assertEquals(tools.map(({ name }: { name: string }) => name), ["add"]);
      const { content } = await theirs.callTool({ name: "add", arguments: { a: 1, b: 2 } });
      assertEquals(content, contentOf("3"));
    },
    error: async ({ theirs }) => {
      const error = await rejection(theirs.listPrompts()) as McpError;
      assertEquals([error.code, error.message], [-32601, "MCP error -32601: Method not found"]);
    },
    notification: async ({ noted }) => assertEquals(await noted.count(1), ["initialized"]),
    batch: "the Model Context Protocol has no batches any more",
    "100 at once": ({ theirs }) =>
      hundred(async (n) => {
        const { content } = await theirs.callTool({ name: "add", arguments: { a: n } });
        return `N${(content as { text: string }[])[0]!.text}`;
      }),
    cancel: "the Model Context Protocol cancels with a notification of its own",
    progress: "the Model Context Protocol tells progress with a notification of its own",
    "calls back": async ({ theirs }) => {
      const { content } = await theirs.callTool({ name: "roots" });
      assertEquals(content, contentOf("file:///there"));
    },
  }),
];
