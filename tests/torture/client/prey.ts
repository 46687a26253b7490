/**
 * A client of ours, in a process of its own, which makes calls of every kind and tells how each ended.
 *
 *     deno run -A tests/torture/client/prey.ts PORT SECONDS
 *
 * @module
 */

import { connect, type Line, type Untyped } from "../../../lib/mod.ts";
import { tell } from "../child.ts";
import { sleep } from "../crowd.ts";
import { Outcomes } from "./outcomes.ts";

/** Milliseconds that each call has. */
const TIMEOUT = 2000;

const [port, seconds] = Deno.args.map(Number) as [number, number];
const outcomes = new Outcomes();
globalThis.addEventListener("unhandledrejection", (event) => {
  outcomes.stray(event.reason);
  event.preventDefault();
});
globalThis.addEventListener("error", (event) => {
  outcomes.stray(event.error);
  event.preventDefault();
});

/** Every kind of call. */
function callAll(line: Line<Untyped>): void {
  const options = { timeout: TIMEOUT };
  const track = (kind: string, call: () => Promise<unknown>) => outcomes.track(kind, call);
  track("call", () => line.call.add!({ a: 1, b: 2 }, options));
  track("progress", () => line.call.work!(3, { ...options, onProgress: () => {} }));
  track(
    "batch",
    () => Promise.all(line.batch((call) => [call.add!([1, 2], options), call.echo!("x", options)])),
  );
  track("stream", async () => {
    let taken = 0;
    for await (const _ of line.call.countdown!(1e9, options)) {
      await sleep(20); // slower than they come
      if (++taken === 200) break;
    }
  });
  track("items", () => line.call.total!([], { ...options, items: endless() } as typeof options));
  line.notify.note!("x");
}

/** Items without an end. */
async function* endless() {
  for (let i = 0;; i++) {
    yield i;
    if (i % 100 === 0) await sleep(0);
  }
}

const address = `tcp://127.0.0.1:${port}`;
const line = await connect<Untyped>(address, { timeout: TIMEOUT, onError: () => {} });
const end = performance.now() + seconds * 1000;
let late = 0;
while (performance.now() < end) {
  callAll(line);
  const due = performance.now() + 100;
  await sleep(100);
  late = Math.max(late, performance.now() - due);
}
// All of them must have ended by then, whatever the server does.
for (let patience = TIMEOUT + 3000; outcomes.pending > 0 && patience > 0; patience -= 50) {
  await sleep(50);
}
await Promise.race([line.close().catch(() => {}), sleep(2000)]);
tell({ ...outcomes.summary(), late });
Deno.exit(0);
