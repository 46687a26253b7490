// A client keeps to the number of calls that its peer takes at once: the others wait in the client, where
// they can be given up, and where nobody waits for all calls of another.

import { assertEquals, assertInstanceOf, assertLess, assertLessOrEqual } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  type ConnectionLostError,
  type Line,
  method,
  type Peer,
  RpcError,
  serve,
  type Socket,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { type Answer, RawPeer } from "../support/raw.ts";

const METHOD_NOT_FOUND = { code: -32601, message: "Method not found" };

/** A server without the library, of one client: what it answers is up to the test. */
async function scripted(options: Parameters<typeof connect>[1] = {}) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connect(
    `tcp://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    { reconnect: false, ...options },
  );
  const peer = new RawPeer(await listener.accept(), "json");
  const line = await connecting;
  return {
    line,
    peer,
    answer: (id: unknown, result: unknown = null) => peer.send({ jsonrpc: "2.0", id, result }),
    async [Symbol.asyncDispose]() {
      await line.close();
      peer.close();
      listener.close();
    },
  };
}
type Scripted = Awaited<ReturnType<typeof scripted>>;

/** Has the client learn how many calls its server takes. */
async function tell({ line, peer, answer }: Scripted, maxInFlight: number): Promise<void> {
  const first = line.request("first", [], { timeout: 20_000 });
  const [call, question] = await peer.answers(2);
  assertEquals([call!.method, question!.method], ["first", "rpc.serverInfo"]);
  await answer(question!.id, { extensions: ["meta"], limits: { maxInFlight } });
  await answer(call!.id);
  await first;
}

/** An API whose handlers can be seen at work. */
function observed() {
  const seen = { running: 0, most: 0 };
  const work = async (ms: number) => {
    seen.most = Math.max(seen.most, ++seen.running);
    await new Promise((resolve) => setTimeout(resolve, ms));
    seen.running--;
    return ms;
  };
  const api = {
    work: method(z.number(), work),
    other: method(z.number(), work),
    ticks: stream(async function* (_, { signal }) {
      yield 0;
      await aborted(signal);
    }),
  };
  return { seen, api };
}

Deno.test("ten thousand calls at once are all answered, with and without a stream open", async () => {
  for (const isStreaming of [false, true]) {
    const { seen, api } = observed();
    await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
    await using line = await connect<typeof api>(server.addresses[0]!);
    const items = line.call.ticks()[Symbol.asyncIterator]();
    if (isStreaming) await items.next();
    else await items.return!();
    const calls = Array.from({ length: 10_000 }, () => line.call.work(1));
    assertEquals(new Set(await within(Promise.all(calls), "all calls")), new Set([1]));
    assertLessOrEqual(seen.most, 64);
    await items.return!();
  }
});

Deno.test("one call beside thousands waits for few of them, whatever it calls and whenever it was made", async () => {
  const { api } = observed();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);
  let answered = 0;
  const calls = Array.from({ length: 5000 }, () => line.call.work(1).then(() => answered++));
  await line.call.other(1); // made in the same turn
  assertLess(answered, 1000);
  const before = answered;
  await line.call.work(1); // the same method, made later
  assertLess(answered - before, 1000);
  await Promise.all(calls);
});

Deno.test("no more calls are sent than the server says it takes, and the next as each is answered", async () => {
  await using it = await scripted();
  const { line, peer, answer } = it;
  await tell(it, 2);
  const calls = [1, 2, 3, 4].map((n) => line.request("work", [n]));
  const [first, second] = await peer.answers(2);
  assertEquals([first!.params, second!.params], [[1], [2]]);
  // What is answered at once needs no place.
  const ping = line.request("rpc.ping");
  const { id, method } = await peer.answer();
  assertEquals(method, "rpc.ping");
  await answer(id);
  await ping;
  await answer(second!.id);
  const third = await peer.answer();
  assertEquals(third.params, [3]);
  await answer(first!.id);
  const fourth = await peer.answer();
  assertEquals(fourth.params, [4]);
  await answer(third.id);
  await answer(fourth.id);
  await Promise.all(calls);
});

Deno.test("a call that is given up while it waits is never sent, nor is that it was given up", async () => {
  await using it = await scripted();
  const { line, peer, answer } = it;
  await tell(it, 1);
  const first = line.request("work", [1]);
  const { id } = await peer.answer();
  const user = new AbortController(), why = new Error("enough");
  const cancelled = rejection(line.request("work", [2], { signal: user.signal }));
  const late = rejection(line.request("work", [3], { timeout: 20 }));
  const last = line.request("work", [4]);
  user.abort(why);
  assertEquals(await cancelled, why);
  const error = await late;
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "DEADLINE_EXCEEDED");
  await answer(id);
  await first;
  const next = await peer.answer();
  assertEquals([next.method, next.params], ["work", [4]]);
  await answer(next.id);
  await last;
});

Deno.test("a batch that waits leaves whole, without the calls that were given up", async () => {
  await using it = await scripted();
  const { line, peer, answer } = it;
  await tell(it, 1);
  const first = line.request("work", [1]);
  const { id } = await peer.answer();
  const user = new AbortController();
  const [a, b, c] = line.batch((call) => [
    call.work!("a"),
    call.work!("b", { signal: user.signal }),
    call.work!("c"),
  ]);
  user.abort(new Error("enough"));
  await rejection(b);
  await answer(id);
  await first;
  const batch = JSON.parse(await peer.text()) as Answer[];
  assertEquals(batch.map(({ params }) => params), [["a"], ["c"]]);
  await peer.send(batch.map(({ id }) => ({ jsonrpc: "2.0", id, result: id })));
  assertEquals(await Promise.all([a, c]), batch.map(({ id }) => id));
});

Deno.test("calls keep their order where the line is told to keep it", async () => {
  for (const inOrder of [true, false]) {
    await using it = await scripted({ inOrder });
    const { line, peer, answer } = it;
    await tell(it, 1);
    const calls = ["a", "b", "c", "b", "a"].map((method, n) => line.request(method, [n]));
    const seen: unknown[] = [];
    for (const _ of calls) {
      const { id, params } = await peer.answer();
      seen.push(...params as unknown[]);
      await answer(id);
    }
    await Promise.all(calls);
    assertEquals(seen, inOrder ? [0, 1, 2, 3, 4] : [0, 1, 2, 4, 3]);
  }
});

Deno.test("a server that knows nothing of rpc.serverInfo takes any number of calls, one that is silent after a second", async () => {
  for (const isSilent of [false, true]) {
    await using it = await scripted();
    const { line, peer, answer } = it;
    const calls = Array.from({ length: 200 }, (_, n) => line.request("work", [n]));
    const messages = await peer.answers(65);
    const question = messages.at(-1)!;
    assertEquals(question.method, "rpc.serverInfo");
    const { id } = question;
    if (!isSilent) await peer.send({ jsonrpc: "2.0", id, error: METHOD_NOT_FOUND });
    messages.push(...await peer.answers(136));
    for (const { id, method } of messages) if (method === "work") await answer(id, id);
    assertEquals(new Set(await Promise.all(calls)).size, 200);
  }
});

Deno.test("at a server that hung up at the question the calls of the next connection do not wait", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const connecting = connect(address);
  const first = new RawPeer(await listener.accept(), "json");
  await using line = await connecting;
  const calls = Array.from({ length: 200 }, (_, n) => line.request("work", [n]));
  const settled = Promise.allSettled(calls);
  assertEquals((await first.answers(65)).at(-1)!.method, "rpc.serverInfo");
  first.close();
  using second = new RawPeer(await listener.accept(), "json");
  const messages = await second.answers(136); // those that had not left
  assertEquals(new Set(messages.map(({ method }) => method)), new Set(["work"]));
  for (const { id } of messages) await second.send({ jsonrpc: "2.0", id, result: id });
  const outcomes = (await settled).map(({ status }) => status);
  assertEquals(outcomes.slice(0, 64), new Array(64).fill("rejected"));
  assertEquals(outcomes.slice(64), new Array(136).fill("fulfilled"));
  listener.close();
});

Deno.test("calls that wait when the server goes away go to the next one, and end with a line that is closed", async () => {
  const begun = new Events<number>(), gate = Promise.withResolvers<void>();
  const api = {
    work: method(z.number(), async (n) => {
      begun.add(n);
      await gate.promise;
      return n;
    }),
  };
  const options = { listen: "tcp://127.0.0.1:0", limits: { maxInFlight: 2 } };
  const first = serve(api, options);
  await using second = serve(api, options);
  const line = await connect<typeof api>([...first.addresses, ...second.addresses]);
  await line.request("rpc.ping", [], { timeout: 1000 });
  await line.request("rpc.ping"); // answered after the question that the first call asked
  const calls = [1, 2, 3, 4].map((n) => line.call.work(n));
  await begun.count(2);
  const ending = first.shutdown();
  await begun.count(4); // two of them at the second
  gate.resolve();
  assertEquals(await Promise.all(calls), [1, 2, 3, 4]);
  assertEquals(begun.all, [1, 2, 3, 4]);
  await ending;

  await using it = await scripted();
  await tell(it, 1);
  const [sent, waiting] = [it.line.request("work"), it.line.request("work")].map(rejection);
  await it.peer.answer();
  await it.line.close();
  assertEquals((await sent as ConnectionLostError).sent, true);
  assertEquals((await waiting as ConnectionLostError).sent, false);
  await line.close();
});

Deno.test("calls that wait when the connection is lost are not lost, however long they are together", async () => {
  const begun = new Events<number>(), gate = Promise.withResolvers<void>();
  const api = {
    work: method(z.object({ n: z.number(), text: z.string() }), async ({ n }) => {
      begun.add(n);
      if (n === 0) await gate.promise;
      return n;
    }),
  };
  const limits = { maxInFlight: 1 }, sockets: Socket[] = [];
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", limits });
  await using line = await connect<typeof api>(server.addresses[0]!, {
    limits: { maxInFlight: 1, maxOutboundBytes: 10_000 },
    wrapSocket: (socket) => (sockets.push(socket), socket),
  });
  const text = "x".repeat(1000);
  const calls = Array.from({ length: 100 }, (_, n) => line.call.work({ n, text }));
  await begun.count(1);
  const lost = rejection(calls[0]!);
  sockets[0]!.close();
  assertEquals((await lost as ConnectionLostError).sent, true);
  gate.resolve();
  const rest = Array.from({ length: 99 }, (_, n) => n + 1);
  assertEquals(await within(Promise.all(calls.slice(1)), "the others"), rest);
  assertEquals(begun.all, [0, ...rest]);
});

Deno.test("ends that call each other beyond what each takes do not wait for each other", async () => {
  type Down = { down: typeof down };
  const up = method(z.int(), async (depth, { peer }): Promise<number> => {
    if (depth === 0) return await Promise.resolve(0);
    return 1 + await (peer as unknown as Peer<Down>).call.down(depth - 1);
  });
  const connected = Promise.withResolvers<Line<{ up: typeof up }>>();
  const { method: typed } = withContext();
  const down = typed(z.int(), async (depth): Promise<number> => {
    const { call } = await connected.promise;
    return 1 + await call.up(depth);
  });
  const limits = { maxInFlight: 3 };
  await using server = serve({ up }, { listen: "tcp://127.0.0.1:0", limits });
  await using line = await connect<{ up: typeof up }>(server.addresses[0]!, {
    api: { down },
    limits,
  });
  connected.resolve(line);
  await line.call.up(0, { timeout: 60_000 });
  const calls = Array.from({ length: 100 }, () => line.call.up(4));
  assertEquals(new Set(await within(Promise.all(calls), "all calls")), new Set([8]));
});
