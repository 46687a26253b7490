/**
 * A load generator that is Landline's own client: each of `depth` loops on each of `conns` connections
 * awaits one typed call after another, and checks every result.
 *
 *     deno run -A bench/client.ts port=8080 conns=16 depth=4 kind=echo size=1024 warm=1 dur=3
 *
 * @module
 */

import { connect, type Line } from "../lib/mod.ts";
import type { api } from "./api.ts";
import { loadOf, Meter, textOf } from "./measure.ts";

const load = loadOf(Deno.args);
const data = textOf(load.size);
const lines = await Promise.all(Array.from({ length: load.conns }, () => {
  return connect<typeof api>(`tcp://127.0.0.1:${load.port}`, { framing: load.framing });
}));
const meter = new Meter(load);
let unfinished = load.conns * load.depth;

/** One call after another. */
async function loop({ call }: Line<typeof api>): Promise<void> {
  for (let a = 1, from = performance.now(); from < meter.end; a++) {
    if (load.kind === "add") {
      const sum = await call.add({ a, b: 7 });
      if (sum !== a + 7) meter.wrong(`${a} + 7 = ${sum}`);
    } else {
      const text = await call.echo({ data });
      if (text.length !== data.length || text.at(-1) !== data.at(-1)) meter.wrong(text);
    }
    const to = performance.now();
    meter.add(from, to);
    from = to;
  }
  unfinished--;
}

const stalled = setTimeout(() => meter.report(unfinished), (load.warm + load.dur + 8) * 1000);
try {
  await Promise.all(lines.flatMap((line) => {
    return Array.from({ length: load.depth }, () => loop(line));
  }));
} catch (error) {
  meter.wrong(String(error));
}
clearTimeout(stalled);
await Promise.all(lines.map((line) => line.close()));
meter.report(unfinished);
