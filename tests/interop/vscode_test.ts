// vscode-jsonrpc, which editors and language servers speak, at the other end of our line: as a client of
// our server, and as a server of our client.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect as dialNode, createServer } from "node:net";
import * as rpc from "npm:vscode-jsonrpc@10/node";
import * as z from "npm:zod@4";
import {
  type Api,
  connect,
  type ConnectOptions,
  type Line,
  method,
  notification,
  type Peer,
  RpcError,
  serve,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { turn, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { cancelled, VsCode } from "./_vscode.ts";

/** Our server, and their client. */
function ourServer<A extends Api>(api: A) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const { port } = new URL(server.addresses[0]!.replace("tcp:", "http:"));
  const theirs = new VsCode(dialNode(Number(port), "127.0.0.1"));
  return {
    server,
    theirs,
    connection: theirs.connection,
    async [Symbol.asyncDispose]() {
      await theirs[Symbol.asyncDispose]();
      await server.shutdown(0);
    },
  };
}

/** Their server, which is made ready by `prepare`, and our client. */
async function theirServer<A>(
  prepare: (connection: rpc.MessageConnection) => void,
  options: ConnectOptions = {},
) {
  const accepted = Promise.withResolvers<VsCode>();
  const listener = createServer((socket) => {
    const theirs = new VsCode(socket);
    prepare(theirs.connection);
    theirs.connection.listen();
    accepted.resolve(theirs);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const line: Line<A> = await connect<A>(`tcp://127.0.0.1:${port}`, {
    framing: "headers",
    ...options,
  });
  const theirs = await accepted.promise;
  return {
    line,
    connection: theirs.connection,
    async [Symbol.asyncDispose]() {
      await line.close();
      await theirs[Symbol.asyncDispose]();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

const value = new rpc.ProgressType<unknown>();

// ---- Their client, our server ------------------------------------------------------------------------

Deno.test("vscode-jsonrpc as a client gets the progress of its requests", async () => {
  await using site = ourServer({
    work: method(z.object({ steps: z.int() }), async ({ steps }, { progress }) => {
      for (let n = 1; n <= steps; n++) {
        progress({ kind: "report", percentage: n * 100 / steps });
        await turn();
      }
      return "done";
    }),
  });
  const { connection } = site;
  const reports = new Events<unknown>();
  connection.onProgress(value, "token 1", reports.add);
  connection.listen();
  const params = { steps: 4, workDoneToken: "token 1" };
  assertEquals(await within(connection.sendRequest("work", params), "the result"), "done");
  assertEquals(
    await reports.count(4),
    [25, 50, 75, 100].map((percentage) => ({ kind: "report", percentage })),
  );
});

Deno.test("vscode-jsonrpc as a client gets a stream as partial results, or whole", async () => {
  await using site = ourServer({
    search: stream(z.object({ count: z.int() }), async function* ({ count }) {
      for (let n = 0; n < count; n++) {
        yield { hit: n };
        if (n % 100 === 0) await turn();
      }
    }),
  });
  const { connection } = site;
  const hits = new Events<unknown>();
  connection.onProgress(value, 17, hits.add);
  connection.listen();
  const expected = Array.from({ length: 300 }, (_, hit) => ({ hit }));
  const whole = await within(connection.sendRequest("search", { count: 300 }), "the result");
  assertEquals(whole, expected);
  const params = { count: 300, partialResultToken: 17 };
  assertEquals(await within(connection.sendRequest("search", params), "the result"), null);
  assertEquals(await hits.count(300), expected);
});

Deno.test("vscode-jsonrpc as a client cancels a request, and a stream, and both are aborted", async () => {
  const events = new Events<unknown>();
  await using site = ourServer({
    wait: method(async (_, { signal }) => {
      events.add("begun");
      events.add((await aborted(signal) as RpcError).reason);
    }),
    endless: stream(async function* (_, { signal }) {
      try {
        yield 1;
        await aborted(signal);
      } finally {
        events.add("left");
      }
    }),
  });
  const { connection } = site;
  connection.onProgress(value, "t", (item) => events.add(`item ${item}`));
  connection.listen();
  using source = Object.assign(new rpc.CancellationTokenSource(), {
    [Symbol.dispose]() {
      source.dispose();
    },
  });
  const calls = [
    connection.sendRequest("wait", source.token),
    connection.sendRequest("endless", { partialResultToken: "t" }, source.token),
  ].map(rejection);
  await events.count(2);
  source.cancel();
  for (const error of await within(Promise.all(calls), "both to be answered")) {
    assertInstanceOf(error, rpc.ResponseError);
    assertEquals(error.code, -32800);
  }
  await events.count(4);
  assertEquals(events.all.slice(2).toSorted(), ["CANCELLED", "left"]);
});

Deno.test("vscode-jsonrpc as a client serves requests of our handlers, who cancel them", async () => {
  const clientApi = {
    double: method(z.int(), (n) => n),
    wait: method(() => "never"),
    told: notification(z.object({ text: z.string() }), () => {}),
    fail: method(() => "never"),
  };
  const events = new Events<unknown>();
  const own = withContext<{ peer: Peer<typeof clientApi> }>();
  await using site = ourServer({
    ask: own.method(async (_, { peer }) => {
      peer.notify.told({ text: "hello" });
      const failure = await rejection(peer.call.fail()) as RpcError;
      return [await peer.call.double(21), failure.code, failure.message];
    }),
    giveUp: own.method(async (_, { peer }) => {
      const controller = new AbortController();
      const call = rejection(peer.call.wait(undefined, { signal: controller.signal }));
      await events.count(1);
      controller.abort("enough");
      return await call;
    }),
  });
  const { connection } = site;
  const told = new Events<unknown>();
  connection.onNotification("told", told.add);
  connection.onRequest("double", (n: number) => n * 2);
  connection.onRequest("fail", () => new rpc.ResponseError(-32050, "not today"));
  connection.onRequest("wait", async (token: rpc.CancellationToken) => {
    events.add("begun");
    await cancelled(token);
    events.add("cancelled");
  });
  connection.listen();
  const answer = await within(connection.sendRequest("ask"), "the answer");
  assertEquals(answer, [42, -32050, "not today"]);
  assertEquals(told.all, [{ text: "hello" }]);
  assertEquals(await within(connection.sendRequest("giveUp"), "the answer"), "enough");
  await events.has("cancelled");
});

Deno.test("vscode-jsonrpc as a client is told when the server ends, and takes $/goaway in silence", async () => {
  await using site = ourServer({ hello: method(() => "hello") });
  const { connection } = site;
  const errors: unknown[] = [];
  connection.onError((error) => errors.push(error));
  connection.onUnhandledNotification((message) => errors.push(message.method));
  connection.listen();
  assertEquals(await within(connection.sendRequest("hello"), "the answer"), "hello");
  const shutdown = site.server.shutdown();
  connection.end();
  await within(shutdown, "the server to end");
  await within(site.theirs.closed, "the socket to end");
  assert(errors.every((error) => error === "$/goaway"), Deno.inspect(errors));
});

// ---- Their server, our client ------------------------------------------------------------------------

const remote = {
  subtract: method(z.object({ minuend: z.int(), subtrahend: z.int() }), () => of<number>()),
  upper: method(z.string(), () => of<string>()),
  fail: method(() => of<string>()),
  wait: method(() => of<string>()),
  work: method(z.object({ workDoneToken: z.string() }), () => of<string>()),
  search: stream(z.object({ partialResultToken: z.int().optional() }), () => of<number[]>()),
  ask: method(() => of<unknown>()),
  note: notification(z.object({ text: z.string() }), () => {}),
};

/** These methods are there for their types: it is vscode-jsonrpc that answers. */
function of<T>(): T {
  throw new Error("This is not run");
}

Deno.test("vscode-jsonrpc as a server answers our requests, and gets our notifications", async () => {
  const notes = new Events<unknown>();
  await using site = await theirServer<typeof remote>((connection) => {
    connection.onRequest(
      "subtract",
      (params: { minuend: number; subtrahend: number }) => params.minuend - params.subtrahend,
    );
    connection.onRequest("upper", (text: string) => text.toUpperCase());
    connection.onRequest("fail", () => new rpc.ResponseError(-32001, "no", { why: "because" }));
    connection.onNotification("note", notes.add);
  });
  const { call, notify } = site.line;
  assertEquals(await call.subtract({ minuend: 42, subtrahend: 23 }), 19);
  assertEquals(await call.upper("hé😀"), "HÉ😀");
  const failure = await rejection(call.fail()) as RpcError;
  assertInstanceOf(failure, RpcError);
  assertEquals(failure.toJSON(), { code: -32001, message: "no", data: { why: "because" } });
  const unknown = await rejection(call.wait()) as RpcError;
  assertEquals(unknown.reason, "METHOD_NOT_FOUND");
  notify.note({ text: "noted" });
  assertEquals(await notes.count(1), [{ text: "noted" }]);
});

Deno.test("vscode-jsonrpc as a server is cancelled by our signals and our deadlines", async () => {
  const events = new Events();
  await using site = await theirServer<typeof remote>((connection) => {
    connection.onRequest("wait", async (token: rpc.CancellationToken) => {
      events.add("begun");
      await cancelled(token);
      events.add("cancelled");
      throw new rpc.ResponseError(-32800, "cancelled");
    });
    connection.onRequest("upper", (text: string) => text.toUpperCase());
  });
  const { call } = site.line;
  const controller = new AbortController(), why = new Error("enough");
  const waiting = rejection(call.wait(undefined, { signal: controller.signal }));
  await events.count(1);
  controller.abort(why);
  assertEquals(await waiting, why);
  await events.count(2);
  const late = await rejection(call.wait(undefined, { timeout: 50 })) as RpcError;
  assertEquals(late.reason, "DEADLINE_EXCEEDED");
  await events.count(4);
  assertEquals(await call.upper("still there", { timeout: 1e6 }), "STILL THERE");
});

Deno.test("vscode-jsonrpc as a server tells us its progress and its partial results", async () => {
  await using site = await theirServer<typeof remote>((connection) => {
    connection.onRequest("work", async ({ workDoneToken }: { workDoneToken: string }) => {
      for (const percentage of [50, 100]) {
        await connection.sendProgress(value, workDoneToken, { percentage });
      }
      return "done";
    });
    connection.onRequest("search", async (params: { partialResultToken?: number }) => {
      if (params.partialResultToken === undefined) return [1, 2, 3];
      for (const hit of [1, 2, 3]) {
        await connection.sendProgress(value, params.partialResultToken, hit);
      }
      return [];
    });
  });
  const { call } = site.line;
  const seen: unknown[] = [];
  const onProgress = (value: unknown) => seen.push(value);
  assertEquals(await call.work({ workDoneToken: "w" }, { onProgress }), "done");
  assertEquals(seen.splice(0), [{ percentage: 50 }, { percentage: 100 }]);
  assertEquals(await call.search({ partialResultToken: 99 }, { onProgress }), []);
  assertEquals(seen, [1, 2, 3]);
  // Without a token it answers in one piece, which is iterated all the same.
  assertEquals(await Array.fromAsync(call.search({})), [1, 2, 3]);
});

Deno.test("vscode-jsonrpc as a server calls our client's API, cancels and notifies", async () => {
  const events = new Events<unknown>();
  const clientApi = {
    name: method(() => "client"),
    wait: method(async (_, { signal }) => {
      events.add("begun");
      events.add((await aborted(signal) as RpcError).reason);
    }),
    count: stream(() => [1, 2, 3]),
    work: method(z.looseObject({}), (_, { progress }) => progress("half")),
    told: notification(z.string(), (text) => events.add(text)),
  };
  await using site = await theirServer<typeof remote>((connection) => {
    connection.onProgress(value, "t", (item) => events.add(item));
    connection.onRequest("ask", async () => {
      await connection.sendNotification("told", "told");
      await events.count(1);
      const source = new rpc.CancellationTokenSource();
      const waiting = connection.sendRequest("wait", source.token);
      await events.count(2);
      source.cancel();
      const error = await rejection(waiting) as rpc.ResponseError<unknown>;
      source.dispose();
      await events.count(3);
      await connection.sendRequest("work", { workDoneToken: "t" });
      await events.count(4);
      return [
        error.code,
        await connection.sendRequest("name"),
        await connection.sendRequest("count"),
      ];
    });
  }, { api: clientApi });
  assertEquals(await within(site.line.call.ask(), "the answer"), [-32800, "client", [1, 2, 3]]);
  assertEquals(events.all, ["told", "begun", "CANCELLED", "half"]);
});
