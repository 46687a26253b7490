// examples/chat.ts, as its users run it: a server, guests with keyboards, and one who uses the library.

import { assertEquals, assertMatch } from "@std/assert";
import type { api } from "../../examples/chat.ts";
import { connect } from "../../lib/mod.ts";
import { Example } from "./_example.ts";

Deno.test("examples/chat.ts carries what is said to everyone in the room", async () => {
  await using server = new Example("chat", ["-N"], ["tcp://127.0.0.1:0"]);
  const address = await server.address();
  await using alice = new Example("chat", ["-N"], [address, "alice"]);
  assertEquals(await alice.line(), "* alice is here");
  await using bob = new Example("chat", ["-N"], [address, "bob"]);
  assertEquals(await bob.line(), "* bob is here");
  assertEquals(await alice.line(), "* bob is here");
  await using line = await connect<typeof api>(address);
  assertEquals(await line.call.who(), ["alice", "bob"]);

  await alice.type("hello");
  assertEquals([await alice.line(), await bob.line()], ["alice: hello", "alice: hello"]);
  await bob.type("你好");
  assertEquals([await alice.line(), await bob.line()], ["bob: 你好", "bob: 你好"]);

  // Somebody of the same name is told so, and nobody else is disturbed.
  await using other = new Example("chat", ["-N"], [address, "bob"]);
  const { code, lines, errors } = await other.end();
  assertEquals([code, lines], [1, []]);
  assertMatch(errors, /^bob is taken, try another name\n$/);

  await bob.endInput();
  assertEquals((await bob.end()).code, 0);
  assertEquals(await alice.line(), "* bob has left");
  assertEquals(await line.call.who(), ["alice"]);
});

Deno.test("examples/chat.ts notices guests who vanish", async () => {
  await using server = new Example("chat", ["-N"], ["tcp://127.0.0.1:0"]);
  const address = await server.address();
  await using alice = new Example("chat", ["-N"], [address, "alice"]);
  await alice.line();
  {
    await using bob = new Example("chat", ["-N"], [address, "bob"]);
    await bob.line();
    assertEquals(await alice.line(), "* bob is here");
  }
  assertEquals(await alice.line(), "* bob has left");
});
