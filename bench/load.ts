/**
 * A load generator that costs little: the one of `client.ts bench`. The id of every answer is looked
 * at, and whether it is an error; what does not look like the answer before is parsed and compared, and
 * one in a hundred in any case.
 *
 *     deno run -A bench/load.ts port=8080 conns=16 depth=4 kind=echo size=1024 warm=1 dur=3
 *
 * Each connection keeps `depth` calls in flight: whatever answers a read brings, as many requests go
 * out in one write. A call's latency runs from the moment when the answer that made room for it was
 * read; with a `rate` from when it was due.
 *
 * @module
 */

import { Load } from "../cli/bench/load.ts";
import { FRAMINGS } from "../lib/framing/mod.ts";
import { dial } from "../lib/transport/mod.ts";
import { loadOf, report, sayWhenMeasuring, textOf } from "./measure.ts";

/** Milliseconds to wait for the last answers. */
const PATIENCE = 8000;

const { port, conns, depth, rate, kind, size, warm, dur, framing } = loadOf(Deno.args);
const params = kind === "add" ? { a: 20, b: 22 } : { data: textOf(size) };
const right = kind === "add" ? 42 : params.data;
const sockets = await Promise.all(
  Array.from({ length: conns }, () => dial(`tcp://127.0.0.1:${port}`)),
);
sayWhenMeasuring(warm);
const { latencies, results, failures, kinds } = await new Load({
  method: kind,
  params,
  framing: FRAMINGS[framing],
  sockets,
  depth,
  rate,
  warmUp: warm,
  seconds: dur,
  patience: PATIENCE,
  expected: (result) => result === right,
}).run();
const lost = (kinds.get("no answer") ?? 0) + (kinds.get("connection lost") ?? 0);
report({
  latencies,
  seconds: dur,
  results,
  errors: failures - lost,
  lost,
  firstError: kinds.keys().next().value ?? "",
});
