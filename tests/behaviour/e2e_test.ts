// Every case of support/cases.ts and support/call_cases.ts over every wire: each transport with each framing. A
// table at the end shows what passed. Transports that lie in other processes, or carry datagrams, have suites of
// their own in tests/transport/.

import { CALL_CASES } from "../support/call_cases.ts";
import { CASES as PLAIN_CASES } from "../support/cases.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { WIRES } from "../support/wires.ts";

const CASES = [...PLAIN_CASES, ...CALL_CASES];

/** How many cases passed, by transport and framing. */
const passed = new Map<string, Map<string, number>>();

for (const wire of WIRES) {
  const row = passed.get(wire.name) ?? new Map<string, number>();
  passed.set(wire.name, row.set(wire.framing, 0));
  for (const { name, isOfFirstBytes, isOfConnections, run } of CASES) {
    if (isOfFirstBytes && ["websocket", "http"].includes(wire.framing)) continue;
    if (isOfConnections && wire.framing === "http") continue;
    Deno.test(`${name} (${wire.name}, ${wire.framing})`, async () => {
      await run(wire);
      row.set(wire.framing, row.get(wire.framing)! + 1);
    });
  }
}

addEventListener("unload", () => {
  const framings = [...FRAMING_NAMES, "websocket", "http"];
  const lines = [["transport", ...framings]];
  for (const [name, row] of passed) {
    const cells = framings.map((framing) => row.get(framing));
    lines.push([
      name,
      ...cells.map((count) => count === undefined ? "" : `${count} of ${CASES.length}`),
    ]);
  }
  console.log(lines.map((cells) => cells.map((cell) => cell.padEnd(18)).join("")).join("\n"));
});
