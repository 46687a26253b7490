// stdio: a server that its parent started, and a child that calls its parent.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Child, LIB, run } from "../../support/child.ts";
import { within } from "../../support/deadline.ts";
import type { FramingName } from "../../../lib/mod.ts";

/** A child has no schemas at hand: this one takes any params as they come. */
const ANY = `{ "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } }`;

const SERVER = `
  import { method, serve } from ${JSON.stringify(LIB)};
  const any = ${ANY};
  const server = serve({
    upper: method(any, ([text]) => text.toUpperCase()),
    late: method(() => new Promise((resolve) => setTimeout(resolve, 50, "at last"))),
    quit: method(() => { server.shutdown(); return "bye"; }),
  }, { listen: "stdio:" });
  await server.finished;
  console.error("finished");
`;

const FRAMINGS: readonly FramingName[] = ["json", "headers", "length"];

for (const framing of FRAMINGS) {
  Deno.test(`serve() at stdio: answers in ${framing} and ends when its input does`, async () => {
    await using child = await Child.start(SERVER, { framing });
    const answer = await child.peer.ask({ jsonrpc: "2.0", id: 1, method: "upper", params: ["hé"] });
    assertEquals(answer, { jsonrpc: "2.0", id: 1, result: "HÉ" });

    await child.peer.closeWrite();
    assertEquals(await child.peer.messages(), []);
    const { code, stderr } = await within(child.outcome(), "the server to end");
    assertEquals([code, stderr], [0, "finished\n"]);
  });
}

Deno.test("serve() at stdio: finishes what runs when its input ends", async () => {
  await using child = await Child.start(SERVER);
  await child.peer.send({ jsonrpc: "2.0", id: 1, method: "late" });
  await child.peer.closeWrite();
  assertEquals(await child.peer.messages(), [{ jsonrpc: "2.0", id: 1, result: "at last" }]);
  assertEquals((await within(child.outcome(), "the server to end")).code, 0);
});

Deno.test("serve() at stdio: ends with no word when nothing was asked", async () => {
  await using child = await Child.start(SERVER);
  await child.peer.closeWrite();
  assertEquals(await child.peer.messages(), []);
  assertEquals((await within(child.outcome(), "the server to end")).code, 0);
});

Deno.test("shutdown() ends a server at stdio: whose input is still open", async () => {
  await using child = await Child.start(SERVER);
  await child.peer.send({ jsonrpc: "2.0", id: 1, method: "quit" });
  const said = await child.peer.messages();
  assertEquals(said.find(({ id }) => id === 1)?.result, "bye");
  const { code, stderr } = await within(child.outcome(), "the server to end");
  assertEquals([code, stderr], [0, "finished\n"]);
});

Deno.test("serve() at stdio: and at another address goes on when its input ends", async () => {
  await using child = await Child.start(
    `
      import { connect, method, serve } from ${JSON.stringify(LIB)};
      const ended = Promise.withResolvers();
      const server = serve({ ping: method(() => "pong") }, {
        listen: ["stdio:", "tcp://127.0.0.1:0"],
        onClose: ({ transport }) => transport === "stdio" && ended.resolve(),
      });
      await ended.promise;
      await using line = await connect(server.addresses[1]);
      console.error(await line.request("ping"), server.addresses[0]);
      await line.close();
      await server.shutdown();
    `,
    { flags: ["--allow-net=127.0.0.1"] },
  );
  await child.peer.closeWrite();
  const { code, stderr } = await within(child.outcome(), "the server to end");
  assertEquals([code, stderr], [0, "pong stdio:\n"]);
});

Deno.test("serve() at stdio: keeps standard output to the protocol, whatever a handler prints there", async () => {
  await using child = await Child.start(`
    import { method, serve } from ${JSON.stringify(LIB)};
    const { log } = console;
    const server = serve({
      print: method(() => {
        console.log("logged %d", 1, { a: 1 });
        console.info("told");
        console.group("group");
        console.debug("within");
        console.groupEnd();
        console.dir([2]);
        console.table([{ a: 3 }]);
        console.count();
        console.time("t");
        console.timeEnd("t");
        console.error("error");
        return "printed";
      }),
    }, { listen: "stdio:" });
    await server.finished;
    if (console.log === log) console.error("given back");
  `);
  const answer = await child.peer.ask({ jsonrpc: "2.0", id: 1, method: "print" });
  assertEquals(answer, { jsonrpc: "2.0", id: 1, result: "printed" });
  await child.peer.closeWrite();
  assertEquals(await child.peer.messages(), []);
  const { code, stderr } = await within(child.outcome(), "the server to end");
  assertEquals(code, 0);
  const printed = ["logged 1 { a: 1 }", "told", "group", "  within", "[ 2 ]", "default: 1"];
  for (const text of [...printed, "error", "given back"]) assertStringIncludes(stderr, text + "\n");
});

Deno.test("connect() to stdio: calls the parent", async () => {
  await using child = await Child.start(`
    import { connect } from ${JSON.stringify(LIB)};
    await using line = await connect("stdio:");
    console.error(await line.call.add([1, 2]), line.peer.address);
  `);
  const { id, method, params } = JSON.parse(await child.peer.text());
  assertEquals([method, params], ["add", [1, 2]]);
  await child.peer.send({ jsonrpc: "2.0", id, result: 3 });
  const { code, stderr } = await within(child.outcome(), "the child to end");
  assertEquals([code, stderr], [0, "3 stdio:\n"]);
});

Deno.test("serve() and connect() refuse a second stdio:, and one with a path", async () => {
  const { code, stdout, stderr } = await run(`
    import { connect, serve } from ${JSON.stringify(LIB)};
    const server = serve({}, { listen: "stdio:" });
    for (const address of ["stdio:", "stdio:in"]) {
      try {
        await connect(address);
      } catch (error) {
        console.error(error.message);
      }
    }
    await server.shutdown();
  `);
  assertEquals(
    stderr,
    `Cannot connect to stdio: standard input is being read already
Cannot use the address "stdio:in": there is only one standard input and output: stdio:
`,
  );
  assertEquals([code, stdout], [0, ""]);
});
