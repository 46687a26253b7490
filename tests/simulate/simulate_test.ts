// Some worlds of the simulation, that they are the same each time, and that they see what is broken.

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { MemorySocket } from "../../lib/testing.ts";
import { type Changes, simulate } from "./_simulation.ts";
import { World } from "./_world.ts";

/** What `deno task simulate` does with more of them. */
const WORLDS = 400;

Deno.test(`whatever the seed, every call has one outcome and nothing is left behind`, async () => {
  let calls = 0;
  for (let seed = 1; seed <= WORLDS; seed++) {
    const result = await simulate(seed);
    calls += result.calls;
    assertEquals(result.violations, [], `deno task simulate --seed ${seed}`);
  }
  assertGreater(calls, WORLDS * 5); // or nobody did anything
});

Deno.test("a seed does the same each time, to the last line of its trace", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const once = await simulate(seed), again = await simulate(seed);
    assertEquals(again.trace, once.trace);
    const other = await simulate(seed + 1000);
    assert(other.trace.join() !== once.trace.join());
  }
});

/** Has a server's socket do something else with one write, which holds whole messages or the end of one. */
function atWrite(
  which: number,
  instead: (bytes: Uint8Array, write: (bytes: Uint8Array) => Promise<number>) => Promise<void>,
): Changes {
  return {
    tamper(socket: MemorySocket, isServer: boolean): MemorySocket {
      if (!isServer) return socket;
      let writes = 0;
      const write = socket.write.bind(socket);
      return Object.assign(socket, {
        async write(bytes: Uint8Array): Promise<number> {
          if (++writes !== which) return await write(bytes);
          await instead(bytes, write);
          return bytes.length;
        },
      });
    },
  };
}

async function writeAll(
  bytes: Uint8Array,
  write: (bytes: Uint8Array) => Promise<number>,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await write(rest));
}

const BROKEN: Readonly<Record<string, Changes>> = {
  "is lost": atWrite(3, async () => {}),
  "is sent twice": atWrite(3, async (bytes, write) => {
    const copy = bytes.slice();
    await writeAll(copy, write);
    await writeAll(copy, write);
  }),
  "has one wrong bit": atWrite(3, async (bytes, write) => {
    const copy = bytes.slice();
    copy[copy.length >> 1]! ^= 1;
    await writeAll(copy, write);
  }),
};

for (const [what, changes] of Object.entries(BROKEN)) {
  Deno.test(`the invariants see that what a server sends ${what}`, async () => {
    let seen = 0;
    for (let seed = 1; seed <= 80; seed++) {
      if ((await simulate(seed, changes)).violations.length > 0) seen++;
    }
    assertGreater(seen, 3);
  });
}

Deno.test("a world tells who waits in vain, what is left over, and what nobody handles", async () => {
  const bounds = { ms: 1000, turns: 1000 };
  assertEquals(await new World(1).run(() => new Promise(() => {}), bounds), "stuck");
  const left = new World(1);
  const tick = () => void left.sleep(100).then(tick);
  assertEquals(await left.run(() => Promise.resolve(tick()), bounds), "left over");
  const careless = new World(1);
  await careless.run(async () => {
    Promise.reject(new Error("nobody looks"));
    await careless.sleep(1);
  }, bounds);
  assertEquals(careless.violations, ["nobody handled the rejection Error: nobody looks"]);
});
