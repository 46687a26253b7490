// The end-to-end cases once more, where every read gives one byte and every write takes one.

import { CASES } from "./_cases.ts";
import { oneByteNetwork } from "./_local.ts";
import { FRAMING_NAMES } from "./_raw.ts";
import { wire } from "./_wires.ts";

for (const framing of FRAMING_NAMES) {
  const bytes = wire({ name: "one byte", framing, listen: () => "tcp://127.0.0.1:0" });
  for (const { name, run } of CASES) {
    Deno.test(`${name} (one byte at a time, ${framing})`, async () => {
      using _network = oneByteNetwork();
      await run(bytes);
    });
  }
}
