// Clients that nobody here wrote, with our server.

import { assertEquals } from "@std/assert";
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
import { within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { type Answer, jayson, type Request } from "./_jayson.ts";
import { type OurServer, ourServer } from "./_our_server.ts";
import { type Pair, pairOf } from "./_pairs.ts";
import { VsCode } from "./_vscode.ts";

/** Closes a client of Node's, then our server. */
function endsOf<T>(ours: OurServer, theirs: T, close: () => Promise<unknown>) {
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
  pairOf(
    { theirs: "jayson 5", over: "tcp, json", how: "`jayson.Client.tcp({ host, port })`" },
    jaysonClient,
    {
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
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": "it only asks",
    },
  ),
  pairOf(
    {
      theirs: "vscode-jsonrpc 10",
      over: "tcp, headers",
      how:
        "`createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket))`",
    },
    vscodeClient,
    {
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
      batch: "it has no batches",
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
    },
  ),
  pairOf(
    {
      theirs: "json-rpc-2.0 1",
      over: "tcp, json",
      how:
        '`new JSONRPCServerAndClient(new JSONRPCServer(), new JSONRPCClient((message) => socket.write(JSON.stringify(message) + "\\n")))`, and `receiveAndSend(JSON.parse(line))` for each line',
    },
    jsonRpc2Client,
    {
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
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": async ({ theirs }) =>
        assertEquals(await theirs.request("ask", []), "Really? Yes."),
    },
  ),
  pairOf(
    {
      theirs: "@modelcontextprotocol/sdk 1",
      over: "tcp, json",
      how:
        "`new Client(…).connect(transport)`, with a transport of the SDK's `ReadBuffer` and `serializeMessage` on a socket",
    },
    mcpClient,
    {
      call: "its methods take objects",
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
      batch: "it has no batches",
      "100 at once": ({ theirs }) =>
        hundred(async (n) => {
          const { content } = await theirs.callTool({ name: "add", arguments: { a: n } });
          return `N${(content as { text: string }[])[0]!.text}`;
        }),
      cancel: "it cancels with a notification of its own",
      progress: "it tells progress with a notification of its own",
      "calls back": async ({ theirs }) => {
        const { content } = await theirs.callTool({ name: "roots" });
        assertEquals(content, contentOf("file:///there"));
      },
    },
  ),
];
