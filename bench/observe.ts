/**
 * What metrics cost a call: a micro-benchmark of the counters alone, with requests as the core makes them.
 *
 *     deno run -A bench/observe.ts
 *
 * The figures of the whole server are in README.md.
 *
 * @module
 */

import { proceduresOf } from "../lib/api/api.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { Dispatcher } from "../lib/incoming/dispatch.ts";
import { ServedTarget } from "../lib/incoming/target.ts";
import { RequestContext } from "../lib/incoming/request_context.ts";
import type { Caller } from "../lib/incoming/caller.ts";
import type { Request } from "../lib/message/message.ts";
import { Metrics } from "../lib/telemetry/metrics.ts";
import { TimerWheel } from "../lib/timers.ts";
import { api } from "./api.ts";

/** Calls of one read, and reads of one round. */
const CALLS = 16, READS = 20_000, ROUNDS = 15;

const dispatcher = new Dispatcher(
  proceduresOf(api),
  DEFAULT_LIMITS,
  () => {},
  (name, method) => new ServedTarget(name, method, DEFAULT_LIMITS),
);
const timers = new TimerWheel();
const caller = { answer() {} } as unknown as Caller;
const methods = ["add", "echo"];

/** Nanoseconds a call: a request is made and answered, with or without metrics. */
async function round(observe: Metrics | undefined, isMixed: boolean): Promise<number> {
  const options = { limits: DEFAULT_LIMITS, timers, observe };
  const begun = performance.now();
  for (let read = 0; read < READS; read++) {
    const now = timers.now(); // as a read does
    for (let i = 0; i < CALLS; i++) {
      const method = methods[isMixed ? i & 1 : 0]!;
      const message: Request = {
        kind: "request",
        version: "2.0",
        id: "1",
        method,
        params: undefined,
        text: undefined,
      };
      const target = dispatcher.find(method);
      new RequestContext(options, message, target, caller, undefined, now).answer("");
    }
    await undefined; // as a read is awaited
  }
  return (performance.now() - begun) * 1e6 / (READS * CALLS);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

for (const isMixed of [false, true]) {
  const off: number[] = [], on: number[] = [], more: number[] = [];
  for (let i = 0; i < ROUNDS + 2; i++) {
    const a = await round(undefined, isMixed), b = await round(new Metrics(), isMixed);
    if (i < 2) continue; // warms up
    off.push(a);
    on.push(b);
    more.push(b - a);
  }
  const [a, b, c] = [off, on, more].map((values) => median(values).toFixed(1));
  console.log(
    `${
      isMixed ? "two methods in turn" : "one method"
    }: ${a} ns off, ${b} ns on, ${c} ns more a call`,
  );
}
