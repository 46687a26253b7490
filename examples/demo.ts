/**
 * The demo API: what `deno task serve` serves when it is given no other.
 *
 * ```sh
 * deno task serve
 * deno run -N client.ts tcp://127.0.0.1:8080 add a=1 b=2
 * echo '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}' | nc -N 127.0.0.1 8080
 * ```
 *
 * @module
 */

import { method, RpcError, stream } from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** The demo API. */
export const api = {
  echo: method(z.unknown(), (params) => params, {
    summary: "Gives the params back as they came",
    result: z.unknown(),
  }),

  upper: method(z.string(), (text) => text.toUpperCase(), {
    summary: "A text in upper case",
    result: z.string(),
  }),

  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b, {
    summary: "a + b",
    result: z.number(),
  }),

  subtract: method(
    z.object({ minuend: z.number(), subtrahend: z.number() }),
    ({ minuend, subtrahend }) => minuend - subtrahend,
    { summary: "minuend - subtrahend", result: z.number() },
  ),

  sum: method(
    z.array(z.number()),
    (numbers) => numbers.reduce((sum, number) => sum + number, 0),
    { summary: "The sum of all params", result: z.number(), maxBytes: 16 << 10 },
  ),

  sleep: method(z.int().min(0).max(3_600_000), (ms, { signal }) => sleep(ms, signal), {
    summary: "Answers after so many milliseconds, with their number",
    description: "Ends early when the call is cancelled or the caller hangs up.",
    result: z.int(),
  }),

  countdown: stream(z.int().min(0), function* (from) {
    for (let n = from; n >= 0; n--) yield n;
  }, { summary: "From a number down to 0, item by item", result: z.int() }),

  now: method(() => new Date(), {
    summary: "The time of the server",
    result: z.date(),
  }),

  time: {
    in: method(z.object({ zone: z.string() }), ({ zone }) => timeIn(zone), {
      summary: "The time of day in a zone such as Asia/Tokyo",
      result: z.string(),
    }),
  },

  whoami: method((_, { peer }) => peer, {
    summary: "How the server sees the caller: addresses, transport, framing",
  }),

  fail: method(
    z.object({ message: z.string().default("This was asked for") }),
    ({ message }) => {
      throw new RpcError("FAILED_PRECONDITION", message);
    },
    { summary: "Always an error, to see what one looks like" },
  ),
};

/** The type of the demo API, for its clients. */
export type Api = typeof api;

function sleep(ms: number, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", stop);
    resolve(ms);
  }, ms);
  const stop = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}

function timeIn(zone: string): string {
  try {
    return new Date().toLocaleTimeString("en-GB", { timeZone: zone });
  } catch {
    throw new RpcError("NOT_FOUND", "No such time zone", { details: { zone } });
  }
}
