// A line whose connections come and go: what is sent again, what is not, and when it is tried.

import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Api,
  bearerTokens,
  connect,
  ConnectionLostError,
  type ConnectOptions,
  event,
  EventRing,
  type Line,
  type LineState,
  method,
  RpcError,
  serve,
  type ServeOptions,
  type Server,
  stream,
} from "../../lib/mod.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import type { CloseInfo } from "../../lib/link/lifecycle.ts";
import { Endpoint, type EndpointHost } from "../../lib/client/reconnect.ts";
import { delayAfter, RetryBudget } from "../../lib/client/retry.ts";
import { LIB, run } from "../support/child.ts";
import { Clock } from "../support/clock.ts";
import { turn, until, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { Program } from "../support/program.ts";
import { RawPeer } from "../support/raw.ts";

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

/** Whether a call may have reached the server that was lost. */
function sentOf(error: unknown): boolean {
  assertInstanceOf(error, ConnectionLostError);
  return error.sent;
}

/** What a line goes through. */
class States extends Events<string> {
  readonly details: LineState[] = [];
  readonly onState = (state: LineState) => {
    this.details.push(state);
    this.add(state.state);
  };
}

/** A name in memory where servers come and go. */
function place() {
  const address = `memory:${crypto.randomUUID()}`;
  return {
    start: (api: Api, options: ServeOptions = {}) => serve(api, { listen: address, ...options }),
    dial: <A>(options?: ConnectOptions): Promise<Line<A>> => connect<A>(address, options),
  };
}

/** An API that tells what it does, and waits where it is told to. */
function observed() {
  const begun = new Events();
  return {
    begun,
    api: {
      upper: method(z.string(), (text) => {
        begun.add(text);
        return text.toUpperCase();
      }),
      wait: method(z.string(), async (text, { signal }) => {
        begun.add(text);
        await aborted(signal);
      }),
    },
  };
}
type Observed = ReturnType<typeof observed>["api"];

// ---- Back-off ----------------------------------------------------------------------------------------

Deno.test("the delay before another attempt is 100 ms × 1.6 ± 20 %, at most 30 s", () => {
  const options = { initial: 100, multiplier: 1.6, max: 30_000 };
  for (let failures = 1; failures < 100; failures++) {
    const middle = Math.min(30_000, 100 * 1.6 ** (failures - 1));
    assertEquals(Math.round(delayAfter(failures, options, 0.5)), Math.round(middle));
    assertEquals(Math.round(delayAfter(failures, options, 0)), Math.round(middle * 0.8));
    const most = delayAfter(failures, options, 1);
    assertEquals(Math.round(most), Math.round(Math.min(30_000, middle * 1.2)));
  }
});

/** An endpoint on a clock of the test's, with connections that the test makes. */
function endpoint(open: EndpointHost["open"], options: Partial<EndpointHost> = {}) {
  const clock = new Clock(), states: LineState[] = [], ends: CloseInfo[] = [];
  const made = new Endpoint(["memory:x"], {
    timers: clock,
    limits: { maxCallTimeout: 300_000 },
    returns: true,
    open,
    isHopeless: () => false,
    onState: (state) => states.push(state),
    onEnd: (info) => ends.push(info),
    random: () => 0.5,
    ...options,
  });
  return { endpoint: made, clock, states, ends };
}

/** As much of a connection as an endpoint looks at. */
class FakeConnection {
  yielded = 0;
  isOpen = true;
  readonly #end = Promise.withResolvers<CloseInfo>();
  readonly closed = this.#end.promise;
  /** Its calls have no end. */
  quiet(): Promise<void> {
    return new Promise(() => {});
  }
  close(): Promise<CloseInfo> {
    this.finish({ reason: "closed" });
    return this.closed;
  }
  finish(info: CloseInfo): void {
    this.#end.resolve(info);
  }
}

Deno.test("a server that is down for a minute is tried as often as the formula says", async () => {
  let attempts = 0;
  const { endpoint: made, clock, states } = endpoint(() => {
    attempts++;
    return Promise.reject(new Deno.errors.ConnectionRefused("no"));
  });
  await made.connect();
  let expected = 1, time = 0;
  for (let delay = 100; time + delay <= 60_000; delay = Math.min(30_000, delay * 1.6)) {
    time += delay;
    expected++;
  }
  while (clock.now() + clock.pending[0]! <= 60_000) {
    assertEquals(clock.pending.length, 1);
    clock.advance(clock.pending[0]!);
    await turn();
  }
  assertEquals(attempts, expected);
  assertEquals(attempts, 13);
  assertEquals(states.filter(({ state }) => state === "waiting").length, attempts);
  await made.close();
  assertEquals(clock.pending, []);
});

Deno.test("a server that accepts and closes is not called in a hot loop, one that answers is", async () => {
  for (const useful of [false, true]) {
    let attempts = 0, leave = () => {};
    const { endpoint: made, clock } = endpoint((_address, _signal, onLeave) => {
      attempts++;
      const connection = new FakeConnection();
      leave = () => {
        if (useful) connection.yielded++;
        connection.isOpen = false;
        onLeave();
        connection.close();
      };
      return Promise.resolve(connection as unknown as Connection);
    });
    await made.connect();
    while (clock.now() < (useful ? 6000 : 60_000)) {
      leave();
      await turn();
      clock.advance(clock.pending[0]!);
      await turn();
    }
    if (useful) assertGreater(attempts, 50);
    else assertLess(attempts, 20);
    leave();
    await made.close();
    assertEquals(clock.pending, []);
  }
});

Deno.test("a peer that goes away and never ends is closed after its grace", async () => {
  const connections: FakeConnection[] = [];
  let leave = (_graceMs?: number) => {};
  const { endpoint: made, clock } = endpoint((_address, _signal, onLeave) => {
    const connection = new FakeConnection();
    connections.push(connection);
    leave = onLeave;
    return Promise.resolve(connection as unknown as Connection);
  });
  await made.connect();
  leave(5000);
  clock.advance(100);
  await turn();
  assertEquals(connections.length, 2, "new calls have another connection");
  let ended = false;
  connections[0]!.closed.then(() => ended = true);
  clock.advance(5000);
  await turn();
  assertEquals(ended, false);
  clock.advance(1000);
  await turn();
  assertEquals(ended, true);
  await made.close();
  assertEquals(clock.pending, []);
});

// ---- Calls -------------------------------------------------------------------------------------------

Deno.test("a line connects again when its server was killed and started again", async () => {
  const code = `
    import { method, serve } from LIB;
    const server = serve({ pid: method(() => Deno.pid) }, { listen: Deno.args[0] });
    await server.ready;
    console.log(server.addresses[0]);
    await server.finished;
  `;
  let address: string;
  const states = new States();
  let line: Line;
  const pids: unknown[] = [];
  {
    await using first = await Program.start(code, "tcp://127.0.0.1:0");
    address = await first.line();
    line = await connect(address, { onState: states.onState });
    pids.push(await line.call.pid!());
    first.kill("SIGKILL");
    await first.status;
  }
  await using _line = line;
  await states.has("waiting");
  const early = line.call.pid!();
  await using second = await Program.start(code, address);
  await second.line();
  pids.push(await within(early, "the call that waited"));
  assertEquals(new Set(pids).size, 2);
  assertEquals(states.all[0], "connecting");
  assertEquals(states.all.at(-1), "ready");
});

Deno.test("a call that may have reached the server is lost at once, and is not sent again", async () => {
  const { start, dial } = place(), { api, begun } = observed();
  const states = new States();
  const first = start(api);
  await using line = await dial<Observed>({ onState: states.onState });
  const call = rejection(line.call.wait("x"));
  await begun.count(1);
  await first.shutdown(0);
  const error = await call;
  // The server may have had the time to say so itself.
  if (error instanceof RpcError) assertEquals(error.reason, "UNAVAILABLE");
  else assertEquals(sentOf(error), true);
  await using _second = start(api);
  assertEquals(await line.call.upper("y"), "Y");
  assertEquals(begun.all, ["x", "y"]);
});

Deno.test("a call whose connection breaks says sent: true, whichever end breaks it", async () => {
  const { api, begun } = observed();
  await using server = serve(api, { listen: "memory:" });
  for (const fault of ["down.drop=20", "down.halfClose=20", "up.drop=1000"]) {
    const address = `${server.addresses[0]}?${fault}`;
    await using line = await connect<Observed>(address);
    const text = fault.startsWith("up") ? "x".repeat(2000) : "x";
    assertEquals(sentOf(await rejection(line.call.upper(text))), true);
  }
  assertLessOrEqual(begun.all.length, 2);
});

Deno.test("calls that are made while there is no connection go out on the next one, within their time", async () => {
  const { start, dial } = place(), { api, begun } = observed();
  const states = new States();
  const first = start(api);
  await using line = await dial<Observed>({ onState: states.onState });
  await first.shutdown(0);
  await states.has("waiting");
  const stop = new AbortController();
  const late = rejection(line.call.upper("late", { timeout: 1 }));
  const cancelled = rejection(line.call.upper("cancelled", { signal: stop.signal }));
  const kept = line.call.upper("kept", { timeout: 60_000 });
  const batch = line.batch((call) => [call.upper("a"), call.upper("b")]);
  const streamed = rejection(line.request("nope"));
  assertEquals(reasonOf(await late), "DEADLINE_EXCEEDED");
  stop.abort(new Error("changed my mind"));
  assertEquals((await cancelled as Error).message, "changed my mind");
  await using _second = start(api);
  assertEquals(await kept, "KEPT");
  assertEquals(await Promise.all(batch), ["A", "B"]);
  assertEquals(reasonOf(await streamed), "METHOD_NOT_FOUND");
  assertEquals(
    begun.all,
    ["a", "b", "kept"],
    "a batch begins at once, a call at the end of its turn",
  );
});

Deno.test("a call without a timeout waits for a connection as long as callTimeout says", async () => {
  const { start, dial } = place(), { api } = observed();
  const states = new States();
  const first = start(api);
  await using line = await dial<Observed>({
    onState: states.onState,
    limits: { callTimeout: 50, maxOutboundBytes: 100 },
  });
  await first.shutdown(0);
  await states.has("waiting");
  const calls = [line.call.upper("x"), line.call.upper("x".repeat(100))];
  const [lost, full] = await Promise.all(calls.map(rejection));
  assertEquals(sentOf(lost), false);
  assertEquals(
    (lost as Error).message,
    "Cannot call upper: there was no connection for 50 ms",
  );
  assertEquals(reasonOf(full), "RESOURCE_EXHAUSTED");
});

Deno.test("close() ends the calls that wait for a connection, and leaves nothing behind", async () => {
  const { start, dial } = place(), { api } = observed();
  const states = new States();
  const first = start(api);
  const line = await dial<Observed>({ onState: states.onState });
  await first.shutdown(0);
  await states.has("waiting");
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  const call = rejection(line.call.upper("x", { signal }));
  await turn();
  assertEquals(listeners, 1);
  await line.close();
  assertEquals(sentOf(await call), false);
  assertEquals(listeners, 0);
  assertEquals((await line.closed).reason, "closed");
  assertEquals(states.all.at(-1), "closed");
  assertEquals(sentOf(await rejection(line.call.upper("x", { timeout: 60_000 }))), false);
  await line.close();
});

Deno.test("reconnect: false ends the line with its connection", async () => {
  const { start, dial } = place(), { api } = observed();
  const states = new States();
  const first = start(api);
  await using line = await dial<Observed>({ reconnect: false, onState: states.onState });
  await first.shutdown(0);
  assertEquals((await line.closed).reason, "the peer closed the connection");
  assertEquals(sentOf(await rejection(line.call.upper("x"))), false);
  assertEquals(states.all, ["connecting", "ready", "closed"]);
});

Deno.test('connect() rejects where nobody listens, unless reconnect is "always"', async () => {
  const { start, dial } = place(), { api } = observed();
  const states = new States();
  await assertRejects(() => dial(), Deno.errors.ConnectionRefused);
  const stop = new AbortController();
  const given = rejection(dial({ reconnect: "always", signal: stop.signal }));
  stop.abort(new Error("enough"));
  assertEquals((await given as Error).message, "enough");
  const line = dial<Observed>({ reconnect: "always", onState: states.onState });
  await states.has("waiting");
  await using _server = start(api);
  await using made = await within(line, "the first connection");
  assertEquals(await made.call.upper("x"), "X");
  const hopeless = { reconnect: "always" } as const;
  await assertRejects(() => connect("raw://x", hopeless), TypeError);
});

Deno.test("a connection that nobody accepts is given up after connectTimeout, and tried again", async () => {
  using full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = full.addr as Deno.NetAddr;
  const states = new States(), waiting: Deno.Conn[] = [];
  const stop = new AbortController();
  const line = rejection(connect(`tcp://127.0.0.1:${port}`, {
    reconnect: "always",
    connectTimeout: 20,
    signal: stop.signal,
    token: "nobody reads this", // so that the connections that the backlog takes fail too
    onState: states.onState,
  }));
  await until(() => states.all.filter((state) => state === "waiting").length > 2, "three attempts");
  stop.abort(new Error("enough"));
  assertEquals((await line as Error).message, "enough");
  for (const state of states.details) {
    if (state.state !== "waiting") continue;
    assertInstanceOf(state.error, DOMException);
    assertEquals(state.error.name, "TimeoutError");
  }
  for (const conn of waiting) conn.close();
});

Deno.test("credentials that are refused end the line, at first and later", async () => {
  const { start, dial } = place(), { api } = observed();
  const states = new States();
  const authenticate = bearerTokens({ good: "alice" });
  const first = start(api, { authenticate });
  const error = await rejection(dial({ token: "bad", reconnect: "always" }));
  assertEquals(reasonOf(error), "UNAUTHENTICATED");
  await using line = await dial<Observed>({ token: "good", onState: states.onState });
  assertEquals(await line.call.upper("x"), "X");
  await first.shutdown(0);
  await states.has("waiting");
  const call = rejection(line.call.upper("y"));
  await using _second = start(api, { authenticate: bearerTokens({ other: "bob" }) });
  const { error: why } = await within(line.closed, "the line to end");
  assertEquals(reasonOf(why), "UNAUTHENTICATED");
  const lost = await call;
  assertEquals(sentOf(lost), false);
  assertEquals(reasonOf((lost as Error).cause), "UNAUTHENTICATED");
  assertEquals(sentOf(await rejection(line.call.upper("z"))), false);
});

// ---- At most once, unless it may run twice -----------------------------------------------------------

/** A server of raw sockets: each connection is in the hands of the test. */
async function* rawServer(listener: Deno.TcpListener): AsyncGenerator<RawPeer, undefined> {
  for (;;) {
    const conn = await listener.accept();
    conn.setNoDelay();
    yield new RawPeer(conn, "json");
  }
}

/** A line to a server that the test plays. */
async function played(options: ConnectOptions<"upper" | "wait"> = {}) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const peers = rawServer(listener);
  const next = async () => (await within(peers.next(), "a connection")).value!;
  const [line, peer] = await Promise.all([
    connect<Observed>(`tcp://127.0.0.1:${listener.addr.port}`, options),
    next(),
  ]);
  return {
    line,
    peer,
    next,
    async [Symbol.asyncDispose]() {
      await line.close();
      listener.close();
    },
  };
}

const answer = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", id, result });
const unavailable = (id: unknown, data: object = {}) => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32014, message: "busy", data: { name: "UNAVAILABLE", ...data } },
});

Deno.test("an idempotent call is sent again when it was lost, by option or by name", async () => {
  const ways: [ConnectOptions<"upper" | "wait">, boolean | undefined, boolean][] = [
    [{ idempotent: ["upper"] }, undefined, true],
    [{}, true, true],
    [{ idempotent: ["upper"] }, false, false],
    [{ idempotent: ["wait"] }, undefined, false],
    [{ idempotent: ["upper"], retry: { maxAttempts: 1 } }, undefined, false],
    [{ idempotent: ["upper"], retry: { retryableStatusCodes: ["ABORTED"] } }, undefined, false],
  ];
  for (const [options, idempotent, isRepeated] of ways) {
    await using site = await played(options);
    const call = site.line.call.upper("x", idempotent === undefined ? {} : { idempotent });
    const outcome = call.catch((error: unknown) => error);
    assertEquals((await site.peer.answer()).method, "upper");
    site.peer.close();
    if (!isRepeated) {
      assertEquals(sentOf(await within(outcome, "the call to be lost")), true);
      using again = await site.next();
      const after = site.line.call.upper("y");
      const asked = await again.answer();
      assertEquals(asked.params, ["y"], "the lost call was not sent again");
      await again.send(answer(asked.id, "Y"));
      assertEquals(await after, "Y");
      continue;
    }
    using again = await site.next();
    const { id, params } = await again.answer();
    assertEquals(params, ["x"]);
    await again.send(answer(id, "X"));
    assertEquals(await outcome, "X");
  }
});

Deno.test("a client may go by what the server says of its methods", async () => {
  const api = {
    get: method(() => 1, { idempotent: true }),
    add: method(() => 2),
    remove: method(() => 3, { idempotent: false }),
  };
  await using server = serve(api, { listen: "memory:" });
  await using line = await connect(server.addresses[0]!);
  const { methods } = await line.request("rpc.discover") as {
    methods: { name: string; "x-idempotent"?: true }[];
  };
  const idempotent = methods.filter((it) => it["x-idempotent"]).map(({ name }) => name);
  assertEquals(idempotent, ["get"]);
});

Deno.test("an idempotent call that is UNAVAILABLE is sent again, after the delay that the server asks for", async () => {
  await using site = await played({
    idempotent: ["upper"],
    retry: { initialBackoff: 1, maxAttempts: 3 },
  });
  const { peer, line } = site;
  const call = rejection(line.call.upper("x"));
  for (let n = 1; n <= 3; n++) {
    const { id } = await peer.answer();
    assertEquals(id, n, "ids are not used twice");
    await peer.send(unavailable(id, n === 2 ? { retryAfterMs: 1 } : {}));
  }
  assertEquals(reasonOf(await call), "UNAVAILABLE");
  const other = rejection(line.call.wait("not idempotent"));
  await peer.send(unavailable((await peer.answer()).id));
  assertEquals(reasonOf(await other), "UNAVAILABLE");
  const wrong = rejection(line.call.upper("y"));
  const { id } = await peer.answer();
  await peer.send({ jsonrpc: "2.0", id, error: { code: -32602, message: "Invalid params" } });
  assertEquals(reasonOf(await wrong), "INVALID_PARAMS");
  const far = rejection(line.call.upper("z"));
  await peer.send(unavailable((await peer.answer()).id, { retryAfterMs: 1e9 }));
  assertEquals(reasonOf(await far), "UNAVAILABLE", "nobody waits for so long");
  peer.close();
});

Deno.test("an idempotent call is sent again when the server says after what time, and not before", async () => {
  const api = { get: method(() => 1) };
  const rateLimit = { connection: { calls: 4, burst: 0.25 } };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", rateLimit });
  await using line = await connect<typeof api>(server.addresses[0]!, { idempotent: ["get"] });
  assertEquals(await line.call.get(), 1);
  assertEquals(await line.call.get(), 1); // was refused before: a quarter of a second had to pass

  await using site = await played({ idempotent: ["upper"] });
  const { peer } = site;
  const refused = (id: unknown, data: object) => {
    const error = {
      code: -32008,
      message: "Too fast",
      data: { name: "RESOURCE_EXHAUSTED", ...data },
    };
    return { jsonrpc: "2.0", id, error };
  };
  for (
    const [options, data] of [
      [{}, {}] as const, // it does not say when
      [{ timeout: 20_000 }, { retryAfterMs: 20_000 }] as const, // the call has less
    ]
  ) {
    const call = rejection(site.line.call.upper("x", options));
    const messages = [await peer.answer()];
    if (messages[0]!.method === "rpc.serverInfo") messages.push(await peer.answer());
    await peer.send(refused(messages.find(({ method }) => method === "upper")!.id, data!));
    assertEquals(reasonOf(await call), "RESOURCE_EXHAUSTED");
  }
  // A call that has the time waits, also for longer than calls get that do not say how much they have.
  const user = new AbortController();
  const patient = rejection(
    site.line.call.upper("x", { timeout: 100_000, signal: user.signal }),
  );
  await peer.send(refused((await peer.answer()).id, { retryAfterMs: 60_000 }));
  const beside = site.line.call.upper("y");
  await peer.send({ jsonrpc: "2.0", id: (await peer.answer()).id, result: "Y" });
  assertEquals(await beside, "Y");
  user.abort(new Error("still waiting"));
  assertEquals((await patient as Error).message, "still waiting");
  peer.close();
});

Deno.test("the deadline covers all attempts and the delays between them", async () => {
  await using site = await played({
    idempotent: ["upper"],
    retry: { initialBackoff: 60_000, maxBackoff: 60_000 },
  });
  const call = rejection(site.line.call.upper("x", { timeout: 200 }));
  const { id } = await site.peer.answer();
  await site.peer.send(unavailable(id));
  assertEquals(reasonOf(await call), "DEADLINE_EXCEEDED");
  site.peer.close();
});

Deno.test("retries stop when half of the budget is gone, and successes earn it back", () => {
  const budget = new RetryBudget();
  assertEquals(Array.from({ length: 6 }, () => budget.allows(0)), [
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  assertEquals(budget.allows(20), false, "4 + 2 - 1 is not more than half");
  assertEquals(budget.allows(40), true);
});

Deno.test("a storm of calls that fail adds a bounded number of retries", async () => {
  let asked = 0;
  const api = {
    busy: method(() => {
      asked++;
      throw new RpcError("UNAVAILABLE", "busy");
    }),
  };
  await using server = serve(api, { listen: "memory:" });
  await using line = await connect<typeof api>(server.addresses[0]!, {
    idempotent: ["busy"],
    retry: { initialBackoff: 1 },
  });
  const calls = Array.from({ length: 1000 }, () => rejection(line.call.busy()));
  await Promise.all(calls);
  assertLessOrEqual(asked, 1010);
});

Deno.test("connect() refuses what makes no sense", async () => {
  const wrong: [ConnectOptions, string][] = [
    [{ retry: { maxAttempts: 0 } }, "maxAttempts must be a number from 1, it is 0"],
    [{ retry: { maxAttempts: 1.5 } }, "maxAttempts must be a number from 1, it is 1.5"],
    [{ retry: { initialBackoff: -1 } }, "initialBackoff must be a number from 0, it is -1"],
    [{ retry: { backoffMultiplier: NaN } }, "backoffMultiplier must be a number from 1, it is NaN"],
    [
      { balance: "fast" as never },
      'balance must be first, round-robin or least-busy, it is "fast"',
    ],
  ];
  for (const [options, message] of wrong) {
    await assertRejects(() => connect("memory:x", options), Error, message);
  }
  await assertRejects(() => connect([]), TypeError, "there is no address");
});

Deno.test("200 calls over a network that breaks: each has one outcome, and none ran twice", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const runs = new Map<number, number>(), reads = new Map<number, number>();
    const count = (map: Map<number, number>) => (n: number) => {
      map.set(n, (map.get(n) ?? 0) + 1);
      return n;
    };
    const api = { add: method(z.int(), count(runs)), read: method(z.int(), count(reads)) };
    await using server = serve(api, { listen: "memory:" });
    // Each connection breaks after so many bytes, wherever they end.
    const faults = `cut=1-40&up.drop=${4000 + 61 * seed}&down.drop=${
      2500 + 37 * seed
    }&seed=${seed}`;
    const states = new States();
    await using line = await connect<typeof api>(`${server.addresses[0]}?${faults}`, {
      idempotent: ["read"],
      retry: { initialBackoff: 1 },
      onState: states.onState,
    });
    const outcomes: string[] = [];
    const settle = async (n: number) => {
      const call = n % 4 === 0 ? line.call.read(n) : line.call.add(n, { timeout: 60_000 });
      let outcome: string;
      try {
        assertEquals(await call, n, "an answer of another call");
        outcome = "answered";
      } catch (error) {
        outcome = sentOf(error) ? "unknown" : "never sent";
      }
      assertEquals(outcomes[n], undefined);
      outcomes[n] = outcome;
    };
    const all: Promise<void>[] = [];
    for (let n = 0; n < 200; n++) {
      all.push(settle(n));
      if (n % 3 === 0) await turn();
      if (n % 50 === 49) await all[n];
    }
    await within(Promise.all(all), "all outcomes");
    assertEquals(outcomes.length, 200);
    for (const [n, outcome] of outcomes.entries()) {
      if (n % 4 === 0) continue;
      const ran = runs.get(n) ?? 0;
      if (outcome === "answered") assertEquals(ran, 1);
      else if (outcome === "unknown") assertLessOrEqual(ran, 1);
      else assertEquals(ran, 0, "a call that says that it was never sent");
    }
    for (const ran of reads.values()) assertLessOrEqual(ran, 3);
    assertGreater(states.all.filter((state) => state === "ready").length, 3);
    assertGreater(outcomes.filter((outcome) => outcome === "answered").length, 20);
  }
});

/** The line before it may have been a greeting. */
const GARBAGE = 'Cannot read what the peer sent (Invalid Request): "[]"';

Deno.test("a server that breaks every rule harms neither the process nor the next connection", async () => {
  const answers: ((id: unknown) => (string | object)[])[] = [
    () => [{ jsonrpc: "2.0", id: 12345, result: "wrong id" }],
    (id) => [answer(id, "X"), answer(id, "twice")],
    (id) => [[answer(id, "X"), answer(id, "twice"), answer(99, "other"), 7]],
    () => ["garbage", "[]", "[1,2", '{"id":', "\u0000"],
    () => [{
      jsonrpc: "2.0",
      method: "$/stream/item",
      params: { id: 1, values: "no", eventIds: 1 },
    }],
    () => [{ jsonrpc: "2.0", method: "$/goaway", params: { graceMs: "soon" } }],
  ];
  for (const wrong of answers) {
    const errors: unknown[] = [];
    await using site = await played({ onError: (error) => errors.push(error) });
    const call = site.line.call.upper("x").catch((error: unknown) => error);
    const { id } = await site.peer.answer();
    await site.peer.send(...wrong(id));
    site.peer.close();
    const outcome = await within(call, "an outcome");
    if (wrong("").includes("garbage")) {
      assertEquals((outcome as RpcError).message, GARBAGE);
    } else if (outcome !== "X") assertEquals(sentOf(outcome), true);
    using again = await site.next();
    const later = site.line.call.upper("y");
    for (;;) {
      const { id, method } = await again.answer();
      if (method !== "upper") continue;
      await again.send(answer(id, "Y"));
      break;
    }
    assertEquals(await later, "Y");
  }
  // A frame of a gigabyte is not waited for.
  await using site = await played({ framing: "headers" });
  const call = rejection(site.line.call.upper("x"));
  await site.peer.write("Content-Length: 1073741824\r\n\r\n");
  assertInstanceOf(await call, Error);
  (await site.next()).close();
  site.peer.close();
});

// ---- Streams -----------------------------------------------------------------------------------------

Deno.test("a stream of events goes on over connections that break, without a gap and without a repeat", async () => {
  const begun = new Events();
  const api = {
    count: stream(z.int(), async function* (to, { after = "0" }) {
      begun.add(after);
      for (let n = Number(after) + 1; n <= to; n++) {
        if (n % 10 === 0) await turn();
        yield event(String(n), n);
      }
      return "done";
    }),
  };
  await using server = serve(api, { listen: "memory:" });
  const address = `${server.addresses[0]}?down.drop=3000&down.cut=1-300&seed=3`;
  await using line = await connect<typeof api>(address);
  const items = line.call.count(400)[Symbol.asyncIterator](), seen: unknown[] = [];
  for (;;) {
    const next = await within(items.next(), "an item");
    seen.push(next.value);
    if (next.done) break;
    if (next.value % 50 === 0) await turn();
  }
  assertEquals(seen, [...Array.from({ length: 400 }, (_, n) => n + 1), "done"]);
  assertGreater(begun.all.length, 2);
});

Deno.test("a stream without events is lost with its connection, and says so", async () => {
  const { start, dial } = place();
  const states = new States();
  const api = {
    plain: stream(async function* (_, { signal }) {
      yield 1;
      await aborted(signal);
    }),
    mixed: stream(async function* (_, { signal, after }) {
      yield event("1", after);
      yield "no event";
      await aborted(signal);
    }),
  };
  for (const [name, count] of [["plain", 1], ["mixed", 2]] as const) {
    const first = start(api);
    await using line = await dial<typeof api>({ onState: states.onState });
    const items = line.call[name](undefined, { idempotent: true })[Symbol.asyncIterator]();
    for (let n = 0; n < count; n++) await items.next();
    await first.shutdown(0);
    await using _second = start(api);
    const error = await rejection(items.next());
    if (error instanceof RpcError) assertEquals(error.reason, "UNAVAILABLE");
    else assertEquals(sentOf(error), true);
  }
});

Deno.test("a stream that cannot go on at the server that was started again is DATA_LOSS", async () => {
  const { start, dial } = place();
  const apiOf = (ring: EventRing<number>) => ({
    news: stream((_, { after, signal }) => ring.events(after, signal)),
  });
  const old = new EventRing<number>({ size: 10 });
  const first = start(apiOf(old));
  await using line = await dial<ReturnType<typeof apiOf>>();
  const items = line.call.news(undefined, { after: old.push(1) })[Symbol.asyncIterator]();
  old.push(2);
  assertEquals((await items.next()).value, 2);
  const next = rejection(items.next());
  await first.shutdown(0);
  await using _second = start(apiOf(new EventRing<number>({ size: 10 })));
  assertEquals(reasonOf(await next), "DATA_LOSS");
});

Deno.test("a call with items is not sent again: what was taken of them is gone", async () => {
  const { start, dial } = place();
  const begun = new Events();
  const api = {
    total: method(async (_, { items }) => {
      let sum = 0;
      for await (const n of items) {
        begun.add("item");
        sum += n as number;
      }
      return sum;
    }, { items: z.int() }),
  };
  const first = start(api);
  await using line = await dial<typeof api>();
  const open = Promise.withResolvers<void>();
  const call = rejection(line.call.total(undefined, {
    idempotent: true,
    items: (async function* () {
      yield 1;
      await open.promise;
    })(),
  }));
  await begun.count(1);
  await first.shutdown(0);
  await using _second = start(api);
  const error = await call;
  if (error instanceof RpcError) assertEquals(error.reason, "UNAVAILABLE");
  else assertEquals(sentOf(error), true);
  open.resolve();
});

// ---- Going away --------------------------------------------------------------------------------------

Deno.test("after $/goaway new calls go to a new connection, and the old one finishes what runs", async () => {
  const { start, dial } = place();
  const gate = Promise.withResolvers<void>(), begun = new Events();
  const apiOf = (name: string) => ({
    name: method(() => name),
    slow: method(async () => {
      begun.add(name);
      await gate.promise;
      return name;
    }),
  });
  const states = new States();
  const first: Server = start(apiOf("first"));
  await using line = await dial<ReturnType<typeof apiOf>>({ onState: states.onState });
  const slow = line.call.slow();
  await begun.count(1);
  const ending = first.shutdown(60_000);
  await states.has("waiting");
  await using _second = start(apiOf("second"));
  assertEquals(await line.call.name(), "second");
  gate.resolve();
  assertEquals(await slow, "first");
  await within(ending, "the first server to end");
  assertEquals(await line.call.slow(), "second");
});

Deno.test("a server that ends connections by age is called without an error", async () => {
  let answered = 0;
  const api = { count: method(() => ++answered) };
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    limits: { maxConnectionAge: 40 },
  });
  const states = new States();
  await using line = await connect<typeof api>(server.addresses[0]!, {
    onState: states.onState,
    idempotent: ["count"], // a call may arrive when nobody answers any more
  });
  let calls = 0;
  while (states.all.filter((state) => state === "ready").length < 4) {
    await line.call.count();
    calls++;
  }
  assertEquals(answered, calls);
});

Deno.test("a call that crossed a goodbye is sent to the next server, one that was stopped there is not", async () => {
  for (const started of [false, undefined]) {
    await using site = await played();
    const { line, peer } = site;
    const call = line.call.upper("x").catch((error: unknown) => error);
    const { id } = await peer.answer();
    const goodbye = { reason: "shutdown", graceMs: 1000 };
    await peer.send(
      { jsonrpc: "2.0", method: "$/goaway", params: goodbye },
      unavailable(id, started === undefined ? {} : { details: { started } }),
    );
    using again = await site.next();
    if (started === undefined) assertEquals(reasonOf(await call), "UNAVAILABLE");
    else {
      const asked = await again.answer();
      assertEquals(asked.params, ["x"]);
      await again.send(answer(asked.id, "X"));
      assertEquals(await call, "X");
    }
    peer.close();
  }
});

// ---- Several addresses -------------------------------------------------------------------------------

/** Servers that tell their number, and how many calls they got. */
function several(count: number) {
  const gates = new Events();
  const apiOf = (n: number) => ({
    n: method(() => n),
    wait: method(async (_, { signal }) => {
      gates.add(String(n));
      await aborted(signal);
    }),
  });
  const servers = Array.from({ length: count }, (_, n) => serve(apiOf(n), { listen: "memory:" }));
  return {
    servers,
    gates,
    addresses: servers.map((server) => server.addresses[0]!),
    connect: (options: ConnectOptions) =>
      connect<ReturnType<typeof apiOf>>(servers.map((server) => server.addresses[0]!), options),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.shutdown(0)));
    },
  };
}

Deno.test('balance "first" takes the first address that answers, and the next when it is lost', async () => {
  await using site = several(3);
  await using line = await site.connect({});
  for (let n = 0; n < 3; n++) assertEquals(await line.call.n(), 0);
  assertEquals(site.servers.map(({ connections }) => connections), [1, 0, 0]);
  await site.servers[0]!.shutdown(0);
  assertEquals(await line.call.n(), 1);
  await using other = await site.connect({});
  assertEquals(await other.call.n(), 1);
  for (const server of site.servers) await server.shutdown(0);
  const error = await rejection(site.connect({}));
  assertInstanceOf(error, AggregateError);
  assertEquals(error.errors.length, 3);
});

Deno.test('balance "round-robin" spreads calls, and leaves out who is not there', async () => {
  await using site = several(3);
  await using line = await site.connect({ balance: "round-robin" });
  await until(() => site.servers.every(({ connections }) => connections === 1), "all connections");
  const seen = new Map<number, number>();
  const count = async (calls: number) => {
    seen.clear();
    for (let n = 0; n < calls; n++) {
      const who = await line.call.n();
      seen.set(who, (seen.get(who) ?? 0) + 1);
    }
    return [0, 1, 2].map((n) => seen.get(n) ?? 0);
  };
  assertEquals(await count(30), [10, 10, 10]);
  await site.servers[1]!.shutdown(0);
  const [zero, one, two] = await count(30);
  assertEquals(one, 0);
  assertEquals(zero! + two!, 30);
  await site.servers[0]!.shutdown(0);
  assertEquals(await count(3), [0, 0, 3]);
  await using back = serve({ n: method(() => 0) }, { listen: site.addresses[0]! });
  await until(() => back.connections === 1, "the server that came back to be found");
  const [again] = await count(10);
  assertEquals(again, 5);
});

Deno.test('balance "least-busy" goes where the fewest calls wait', async () => {
  await using site = several(3);
  await using line = await site.connect({ balance: "least-busy" });
  await until(() => site.servers.every(({ connections }) => connections === 1), "all connections");
  const calls: Promise<unknown>[] = [];
  for (let n = 1; n <= 6; n++) {
    calls.push(rejection(line.call.wait()));
    await site.gates.count(n);
  }
  assertEquals(site.gates.all.toSorted(), ["0", "0", "1", "1", "2", "2"]);
  await line.close();
  await Promise.all(calls);
});

Deno.test("several addresses of which none answers reject, of which one answers do not", async () => {
  await using site = several(1);
  const dead = ["memory:nobody-1", "memory:nobody-2"];
  for (const balance of ["first", "round-robin", "least-busy"] as const) {
    const error = await rejection(connect(dead, { balance }));
    assertInstanceOf(error, AggregateError);
    await using line = await connect<{ n: ReturnType<typeof method<number>> }>(
      [...dead, ...site.addresses],
      { balance },
    );
    assertEquals(await line.request("n"), 0);
  }
});

// ---- The process -------------------------------------------------------------------------------------

Deno.test("a line that waits for its server keeps the process, unless it is idle and unref'd", async () => {
  const script = (after: string) => `
    import { connect, method, serve } from ${JSON.stringify(LIB)};
    const api = { upper: method(() => "back") };
    const first = serve(api, { listen: "tcp://127.0.0.1:0" });
    const address = first.addresses[0];
    const waiting = Promise.withResolvers();
    const line = await connect(address, {
      onState: ({ state }) => state === "waiting" && waiting.resolve(),
    });
    await first.shutdown(0);
    await waiting.promise;
    ${after}
  `;
  const start = "setTimeout(() => serve(api, { listen: address }).finished, 20);";
  const ends: [string, string][] = [
    // Nothing but the line is left: it waits for its server, and gives up.
    ["line.unref();", ""],
    [`line.unref(); ${start} console.log(await line.call.upper()); Deno.exit();`, "back"],
    [`${start} console.log(await line.call.upper()); Deno.exit();`, "back"],
    [
      "console.log(await line.call.upper(undefined, { timeout: 50 }).catch((it) => it.reason)); await line.close();",
      "DEADLINE_EXCEEDED",
    ],
  ];
  for (const [after, printed] of ends) {
    const { stdout, stderr, code } = await within(run(script(after), ["-A"]), "the process to end");
    assertEquals([stdout.trim(), code, stderr], [printed, 0, ""]);
  }
});

Deno.test("an idle line that is unref'd lets its process end, a call that waits does not", async () => {
  const gate = Promise.withResolvers<void>();
  const api = {
    slow: method(async () => {
      await gate.promise;
      return "slow";
    }),
    open: method(() => gate.resolve()),
  };
  for (const scheme of ["tcp", "unix", "ws", "http"]) {
    const path = `unix:///tmp/landline-${crypto.randomUUID()}.sock`;
    await using server = serve(api, { listen: scheme === "unix" ? path : "tcp://127.0.0.1:0" });
    await server.ready;
    const address = server.addresses[0]!.replace(/^tcp/, scheme);
    const { stdout, code, stderr } = await within(
      run(
        `
      import { connect } from ${JSON.stringify(LIB)};
      const line = await connect(${JSON.stringify(address)});
      line.unref();
      line.call.slow().then(console.log);
      await new Promise((resolve) => setTimeout(resolve, 50));
      line.call.open();
    `,
        ["-A"],
      ),
      "the process to end",
    );
    assertEquals([stdout.trim(), code, stderr], ["slow", 0, ""]);
  }
});
