// examples/tail.ts: over the network what tail -f is on one machine.

import { assertEquals } from "@std/assert";
import { tailOf } from "../../examples/tail.ts";
import { connect } from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { RawPeer } from "../support/raw.ts";
import { Example } from "./_example.ts";

/** A file that is removed in the end. */
async function fileOf(text: string) {
  const path = await Deno.makeTempFile({ prefix: "landline-tail-" });
  await Deno.writeTextFile(path, text);
  return {
    path,
    append: (text: string) => Deno.writeTextFile(path, text, { append: true }),
    [Symbol.asyncDispose]: () => Deno.remove(path),
  };
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}\n`).join("");

Deno.test("examples/tail.ts shows the last lines, then each new one", async () => {
  await using file = await fileOf(lines(30));
  await using server = new Example("tail", ["-N", "-R"], [file.path, "tcp://127.0.0.1:0"]);
  const address = await server.address();
  await using client = new Example("tail", ["-N"], [address]);
  assertEquals(
    await client.lines(10),
    Array.from({ length: 10 }, (_, n) => `line ${n + 20}`),
  );
  await file.append("one\ntwo\nhal");
  assertEquals(await client.lines(2), ["one", "two"]);
  await file.append("f\n");
  assertEquals(await client.line(), "half");

  // Whoever writes a line of JSON gets what is there now.
  using peer = await RawPeer.dial(address);
  const params = { lines: 2, follow: false };
  const answer = await peer.ask({ jsonrpc: "2.0", id: 1, method: "tail", params });
  assertEquals(answer.result, ["two", "half"]);
});

Deno.test("examples/tail.ts lets go of its file when its readers leave", async () => {
  await using file = await fileOf(lines(3));
  await using ends = await pair(tailOf(file.path));
  const { tail } = ends.line.call;
  for (let n = 0; n < 5; n++) {
    for await (const text of tail({ lines: 1 })) {
      assertEquals(text, "line 2");
      break;
    }
  }
  const iterator = tail()[Symbol.asyncIterator]();
  for (let n = 0; n < 3; n++) assertEquals((await iterator.next()).value, `line ${n}`);
  const waiting = iterator.next();
  await iterator.return!();
  assertEquals((await waiting).done, true);
  await ends.server.shutdown(); // which waits for generators that have not ended
});

Deno.test("examples/tail.ts goes at the pace of its reader", async () => {
  await using file = await fileOf(lines(5000));
  await using server = new Example("tail", ["-N", "-R"], [file.path, "tcp://127.0.0.1:0"]);
  await using line = await connect<ReturnType<typeof tailOf>>(await server.address());
  let expected = 0;
  for await (const text of line.call.tail({ lines: 5000, follow: false })) {
    assertEquals(text, `line ${expected++}`);
  }
  assertEquals(expected, 5000);
});
