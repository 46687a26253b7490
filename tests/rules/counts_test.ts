// What a fixed load costs, counted and not timed: reads, writes, timers of the runtime and promises. The
// load runs within one turn of the event loop, over sockets that answer at once, so that the numbers are
// the same on every machine. One that grows is a regression to be explained; one that falls is lowered
// here.

import { assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import * as z from "npm:zod@4";
import { WINDOW } from "../../lib/stream/receiver.ts";
import { method, stream } from "../../lib/mod.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import { within } from "../support/deadline.ts";
import { connectOver, serveLocally } from "../support/local.ts";
import { post } from "../support/http.ts";
import { join } from "../support/raw.ts";

const NUMBERS = z.object({ a: z.number(), b: z.number() });

const api = {
  add: method(NUMBERS, ({ a, b }) => a + b),
  later: method(NUMBERS, async ({ a, b }) => await Promise.resolve(a + b)),
  echo: method(z.object({ data: z.string() }), ({ data }) => data),
  count: stream(z.int(), async function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
};

/** What was counted. */
interface Counts {
  readonly reads: number;
  readonly writes: number;
  readonly timers: number;
  readonly promises: number;
}

/** How many of whatever is counted: so many to warm up, and so many more. */
const WARM_UP = 640;
const MEASURED = 1000;

/**
 * Counts what happens between two moments. By the first the buffers have grown, and what is made once
 * is made.
 */
class Meter implements Disposable {
  reads = 0;
  writes = 0;
  #timers = 0;
  #promises = 0;
  #done = 0;
  #result = Promise.withResolvers<Counts>();
  readonly #setTimeout = globalThis.setTimeout;
  readonly #now = performance.now;

  /** Time stands still: a turn that has taken long is ended, and that must not depend on the machine. */
  constructor() {
    const now = performance.now();
    performance.now = () => now;
  }

  /** Whether enough has been done. */
  get isOver(): boolean {
    return this.#done >= WARM_UP + MEASURED;
  }

  /** What was counted, once enough has been done. */
  get result(): Promise<Counts> {
    return within(this.#result.promise, `${WARM_UP + MEASURED} of what is counted`);
  }

  /** So many calls, or items, are done. */
  add(count: number): void {
    const before = this.#done;
    this.#done += count;
    if (before < WARM_UP && this.#done >= WARM_UP) this.#start();
    if (before < WARM_UP + MEASURED && this.isOver) this.#stop();
  }

  #start(): void {
    this.reads = this.writes = 0;
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
      this.#timers++;
      return this.#setTimeout(...args);
    }) as typeof setTimeout;
    setPromiseHook(() => void this.#promises++);
  }

  [Symbol.dispose](): void {
    setPromiseHook(undefined);
    globalThis.setTimeout = this.#setTimeout;
    performance.now = this.#now;
  }

  #stop(): void {
    this[Symbol.dispose]();
    const { reads, writes } = this;
    this.#result.resolve({ reads, writes, timers: this.#timers, promises: this.#promises });
  }
}

/**
 * Has V8 call back for each promise that is made, and once more for one that is awaited. Deno's
 * node:async_hooks does not tell of promises.
 */
function setPromiseHook(onPromise: (() => void) | undefined): void {
  const { core } = Reflect.get(Deno, Reflect.get(Deno, "internal")) as {
    core: { setPromiseHooks(init: (() => void) | undefined): void };
  };
  core.setPromiseHooks(onPromise);
}

/** The other end of a connection: what it has to say can be read at once. */
class Peer implements Duplex {
  readonly #meter: Meter;
  readonly #reply: (message: string) => string;
  readonly #messagesIn: (text: string) => string[];
  #due = new Uint8Array(0);
  #reader: { buffer: Uint8Array; resolve: (count: number | null) => void } | undefined;
  #closed = false;

  /**
   * @param reply what it says to each message; to all those of one write it says it in one piece
   * @param messagesIn the messages of one write
   */
  constructor(meter: Meter, reply: (message: string) => string, messagesIn = linesIn) {
    this.#meter = meter;
    this.#reply = reply;
    this.#messagesIn = messagesIn;
  }

  say(text: string): void {
    if (text === "") return;
    this.#due = join([this.#due, new TextEncoder().encode(text)]);
    this.#give();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    this.#meter.reads++;
    return new Promise((resolve) => {
      this.#reader = { buffer, resolve };
      this.#give();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#meter.writes++;
    const messages = this.#messagesIn(new TextDecoder().decode(bytes));
    this.say(messages.map(this.#reply).join(""));
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#closed = true;
    this.#give();
  }

  #give(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#due.length === 0 && !this.#closed) return;
    this.#reader = undefined;
    const part = this.#due.subarray(0, reader.buffer.length);
    this.#due = this.#due.subarray(part.length);
    reader.buffer.set(part);
    reader.resolve(part.length === 0 ? null : part.length);
  }
}

function linesIn(text: string): string[] {
  return text.trimEnd().split("\n");
}

/** The bodies of answers of HTTP. */
function bodiesIn(text: string): string[] {
  return text.split(/HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n/).slice(1);
}

/**
 * What a server does for calls of a peer that has so many in flight.
 *
 * @param isHttp whether they come over HTTP, whose requests a server answers one by one
 */
async function serving(
  name: string,
  params: unknown,
  inFlight: number,
  isHttp = false,
): Promise<Counts> {
  await using local = serveLocally(api);
  using meter = new Meter();
  const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: name, params });
  const request = isHttp ? post(call) : call + "\n";
  const reply = (answer: string) => {
    assertMatch(answer, /^{"jsonrpc":"2.0","id":1,"result":/);
    meter.add(1);
    return meter.isOver ? "" : request;
  };
  const peer = new Peer(meter, reply, isHttp ? bodiesIn : linesIn);
  local.accept(peer);
  peer.say(request.repeat(inFlight));
  return await meter.result;
}

/** What a server does for one stream whose consumer takes every item at once. */
async function streaming(): Promise<Counts> {
  await using local = serveLocally(api);
  using meter = new Meter();
  let taken = 0;
  const peer = new Peer(meter, (text) => {
    const { method, params } = JSON.parse(text);
    assertEquals(method, "$/stream/item");
    const count = params.values?.length ?? 1;
    meter.add(count);
    if ((taken += count) < WINDOW / 2 || meter.isOver) return "";
    const credit = { jsonrpc: "2.0", method: "$/stream/credit", params: { id: 1, n: taken } };
    taken = 0;
    return JSON.stringify(credit) + "\n";
  });
  local.accept(peer);
  const params = { value: 10_000, _meta: { stream: { credit: WINDOW } } };
  peer.say(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "count", params }) + "\n");
  return await meter.result;
}

/** What our client does for calls, so many of them in flight. */
async function calling(inFlight: number): Promise<Counts> {
  using meter = new Meter();
  const peer = new Peer(meter, (text) => {
    const { id, params: { a, b } } = JSON.parse(text);
    return JSON.stringify({ jsonrpc: "2.0", id, result: a + b }) + "\n";
  });
  await using line = await connectOver<typeof api>(peer);
  const loop = async () => {
    while (!meter.isOver) {
      assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
      meter.add(1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return await meter.result;
}

const SUM = { a: 1, b: 2 };
const TEXT = { data: "x".repeat(1 << 16) };

/** A thousand of each; the socket's own two promises a call, and what the test awaits, are in it. */
const LOADS: Record<string, [load: () => Promise<Counts>, expected: Counts]> = {
  "calls, one at a time": [
    () => serving("add", SUM, 1),
    { reads: 1000, writes: 1000, timers: 0, promises: 6000 },
  ],
  "calls, 64 in flight": [
    () => serving("add", SUM, 64),
    { reads: 16, writes: 16, timers: 0, promises: 96 },
  ],
  "calls of an asynchronous handler, one at a time": [
    () => serving("later", SUM, 1),
    { reads: 1000, writes: 1000, timers: 0, promises: 15_000 },
  ],
  "calls of an asynchronous handler, 64 in flight": [
    () => serving("later", SUM, 64),
    { reads: 32, writes: 32, timers: 0, promises: 6336 },
  ],
  "echoes of 64 KiB, one at a time": [
    () => serving("echo", TEXT, 1),
    { reads: 1000, writes: 1000, timers: 0, promises: 6000 },
  ],
  "echoes of 64 KiB, four in flight": [
    () => serving("echo", TEXT, 4),
    { reads: 500, writes: 250, timers: 0, promises: 2000 },
  ],
  "calls over HTTP, one at a time": [
    () => serving("add", SUM, 1, true),
    { reads: 1000, writes: 1000, timers: 0, promises: 6000 },
  ],
  "calls over HTTP, 16 pipelined": [
    () => serving("add", SUM, 16, true),
    { reads: 63, writes: 63, timers: 0, promises: 378 },
  ],
  "calls over HTTP of an asynchronous handler, one at a time": [
    () => serving("later", SUM, 1, true),
    { reads: 1000, writes: 1000, timers: 0, promises: 19_000 },
  ],
  "echoes of 64 KiB over HTTP, one at a time": [
    () => serving("echo", TEXT, 1, true),
    { reads: 1000, writes: 1000, timers: 0, promises: 6000 },
  ],
  "items of a stream": [
    streaming,
    { reads: 16, writes: 16, timers: 0, promises: 8448 },
  ],
  "calls of our own, one at a time": [
    () => calling(1),
    { reads: 1000, writes: 1000, timers: 0, promises: 11_000 },
  ],
  "calls of our own, 64 in flight": [
    () => calling(64),
    { reads: 32, writes: 32, timers: 0, promises: 2192 },
  ],
};

for (const [name, [load, { promises: most, ...exact }]] of Object.entries(LOADS)) {
  Deno.test(`a thousand ${name} cost as many reads, writes, timers and promises as ever`, async () => {
    const { promises, ...found } = await load();
    assertEquals(found, exact);
    // Newer engines may make fewer for an await.
    assertLessOrEqual(promises, most);
  });
}
