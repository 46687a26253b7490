// The end-to-end cases once more, where every read gives one byte and every write takes one.

import { CASES } from "../support/cases.ts";
import { oneByteNetwork } from "../support/local.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { wire } from "../support/wire.ts";

for (const framing of FRAMING_NAMES) {
  const bytes = wire({ name: "one byte", framing, listen: () => "tcp://127.0.0.1:0" });
  for (const { name, run } of CASES) {
    Deno.test(`${name} (one byte at a time, ${framing})`, async () => {
      using _network = oneByteNetwork();
      await run(bytes);
    });
  }
}
