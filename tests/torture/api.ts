/**
 * The API that is served under attack: calls that are quick, slow, large, endless or stuck, and counters
 * that tell which of them ran. Every feature is in it: values that are checked, items in both directions,
 * calls back, progress, identities.
 *
 * @module
 */

import { method, notification, RpcError, stream } from "../../lib/mod.ts";
import * as z from "npm:zod@4";
import { freshValue } from "./fresh.ts";

/** How often each key was run; keys come from the attacks. */
const runs = new Map<string, number>();

function count(key: string): number {
  const times = (runs.get(key) ?? 0) + 1;
  runs.set(key, times);
  return times;
}

/** Resolves after so many milliseconds, or when the call is cancelled. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(end, ms);
  function end() {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    resolve();
  }
  signal.addEventListener("abort", end, { once: true });
  return promise;
}

/** What is served. */
export const api = {
  echo: method(z.unknown(), (params) => params),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  big: method(z.int().min(0), (size) => "x".repeat(size)),
  sum: method(z.array(z.number()), (numbers) => numbers.reduce((sum, it) => sum + it, 0)),
  /** A value that was made for this call alone. */
  fresh: method(
    z.object({ seed: z.int(), size: z.int() }),
    ({ seed, size }) => freshValue(seed, size),
  ),

  run: method(z.string(), count),
  ran: method(z.string(), (key) => runs.get(key) ?? 0),
  note: notification(z.string(), (key) => void count(key)),

  sleep: method(z.int().min(0), async (ms, { signal }) => {
    await delay(ms, signal);
    return ms;
  }),
  /** Sleeps, and counts how it ended. */
  wait: method(z.object({ key: z.string(), ms: z.int() }), async ({ key, ms }, { signal }) => {
    count(`${key} begun`);
    await delay(ms, signal);
    return count(signal.aborted ? `${key} aborted` : `${key} ended`);
  }),
  /** A notification whose handler takes its time, and keeps what came with it. */
  linger: notification(
    z.object({ ms: z.int(), filler: z.unknown() }),
    async ({ ms, filler }, { signal }) => {
      await delay(ms, signal);
      return filler;
    },
  ),
  /** Holds its place whatever anybody says. */
  stuck: method(() => new Promise<void>(() => {})),
  /** Calls back, and waits for an answer. */
  callBack: method(z.string(), async (key, { call }) => {
    count(`${key} begun`);
    try {
      await (call as unknown as Record<string, (value: string) => Promise<unknown>>).answer!(key);
    } finally {
      count(`${key} ended`);
    }
  }),

  /** Texts of a size, as many as anybody takes. */
  texts: stream(
    z.object({ key: z.string(), size: z.int(), count: z.int().optional() }),
    async function* ({ key, size, count: items = Infinity }) {
      count(`${key} begun`);
      const text = "x".repeat(size);
      try {
        for (let i = 0; i < items; i++) {
          yield text;
          if (i % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        }
      } finally {
        count(`${key} ended`);
      }
    },
  ),

  /** Items made anew, as many as are asked for. */
  freshItems: stream(
    z.object({ seed: z.int(), size: z.int(), count: z.int() }),
    function* ({ seed, size, count }) {
      for (let i = 0; i < count; i++) yield freshValue(seed + i, size);
    },
  ),
  countdown: stream(z.int().min(0), function* (from) {
    for (let n = from; n >= 0; n--) yield n;
  }),

  /** Adds up the items that the caller streams. */
  total: method(async (_, { items }) => {
    let total = 0;
    for await (const item of items) total += item;
    return total;
  }, { items: z.number() }),
  /** Takes one item, and leaves the others where they are. */
  take: method(async (_, { items, signal }) => {
    for await (const _ of items) await delay(3_600_000, signal);
  }, { items: z.unknown() }),
  /** Gives back each item that the caller streams. */
  mirror: stream(async function* (_, { items }) {
    yield* items;
  }, { items: z.unknown() }),
  /** Tells how far it is, step by step. */
  work: method(z.int().min(0).max(1e6), (steps, { progress }) => {
    for (let step = 1; step <= steps; step++) progress({ step });
    return steps;
  }),

  whoami: method((_, { peer: { address, identity } }) => ({ address, identity })),
  /** Who the caller is at the begin of a call, and at its end. */
  identify: method(z.int().min(0), async (ms, { peer, signal }) => {
    const before = peer.identity;
    await delay(ms, signal);
    return [before, peer.identity];
  }),

  /** Takes the processor, as a handler should not. */
  block: method(z.int().min(0).max(10_000), (ms) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return ms;
  }),
  /** Opens a file, which needs a descriptor. */
  open: method(async () => {
    using file = await Deno.open(new URL(import.meta.url));
    return (await file.stat()).size;
  }),
  fail: method(z.string(), (how) => {
    if (how === "throw") throw new Error("secret of the handler");
    if (how === "refuse") throw new RpcError("FAILED_PRECONDITION", "refused");
    if (how === "cycle") {
      const cycle: Record<string, unknown> = {};
      return cycle.cycle = cycle;
    }
    if (how === "bigint") return 1n;
    if (how === "rejection") void Promise.reject(new Error("nobody waits for this"));
    if (how === "timer") {
      setTimeout(() => {
        throw new Error("nobody catches this");
      }, 0);
    }
    return null;
  }),

  /** Bytes that the process holds. */
  memory: method(() => Deno.memoryUsage()),
};
