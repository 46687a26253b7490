/**
 * Clients that come for one call each: our own client, a new connection a call, at a fixed rate.
 *
 *     deno run -A tests/torture/channels.ts PORT RATE
 *
 * It is told and tells the same as the healthy clients. A latency is that of connecting, calling and
 * closing together.
 *
 * @module
 */

import { connect } from "../../lib/mod.ts";
import type { api } from "./api.ts";
import { callAtRate, now } from "./window.ts";

const [port, rate] = Deno.args.map(Number) as [number, number];
let count = 0;

async function call(at: number): Promise<void> {
  const window = now(), a = count++;
  window.sent++;
  window.due++;
  window.lateness.add(performance.now() - at);
  try {
    await using line = await connect<typeof api>(`tcp://127.0.0.1:${port}`);
    const sum = await line.call.add({ a, b: 1 });
    if (sum !== a + 1) throw new Error(`${a} + 1 is ${sum}`);
    await line.close();
    window.latencies.add(performance.now() - at);
  } catch (error) {
    window.wrong++;
    window.example ||= String(error).slice(0, 300);
  }
  window.settle();
}

await callAtRate(rate, call);
