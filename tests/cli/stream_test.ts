// client.ts ADDRESS METHOD where the method is a stream: items as they come, and Ctrl-C.
import { assertEquals, assertMatch } from "@std/assert";
import * as z from "npm:zod@4";
import { method, serve, stream } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { CLIENT, Program, runClient } from "./_programs.ts";

/** A stream that goes on for as long as somebody listens, and says when nobody does. */
function waiting() {
  const left = Promise.withResolvers<void>();
  const wait = stream(async function* (_, { signal }) {
    yield "waiting";
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    left.resolve();
  });
  return { api: { wait }, left: left.promise };
}

const api = {
  count: stream(z.int(), function* (to) {
    for (let n = 1; n <= to; n++) yield { n };
  }),
  sum: stream(z.object({ to: z.int() }), function* ({ to }) {
    for (let n = 1; n <= to; n++) yield n;
    return "the end";
  }),
  broken: stream(function* () {
    yield 1;
    throw new Error("no more");
  }),
  list: method(() => [1, 2]),
};

Deno.test("client.ts prints the items of a stream, one a line, and no line where there are none", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const call = (...args: string[]) => runClient([server.addresses[0]!, ...args]);
  assertEquals(await call("count", "2"), { code: 0, stdout: '{"n":1}\n{"n":2}\n', stderr: "" });
  assertEquals(await call("count", "0"), { code: 0, stdout: "", stderr: "" });
  assertEquals(await call("sum", "to=2"), {
    code: 0,
    stdout: "1\n2\n",
    stderr: 'returned "the end"\n',
  });
  assertEquals(await call("list"), { code: 0, stdout: "[1,2]\n", stderr: "" });
  const { stdout } = await call("count", "5000"); // more than one answer may hold
  assertEquals(stdout.split("\n").length, 5001);
});

Deno.test("client.ts prints the items before a stream's error, and exits with 1", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", onError() {} });
  const { code, stdout, stderr } = await runClient([server.addresses[0]!, "broken"]);
  assertEquals([code, stdout], [1, "1\n"]);
  assertMatch(stderr, /^error -32603 INTERNAL_ERROR: /);
});

Deno.test("client.ts prints an item of a stream as soon as it comes, and cancels it at SIGINT", async () => {
  const { api, left } = waiting();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using client = new Program(CLIENT, [server.addresses[0]!, "wait"], { flags: ["-N"] });
  assertEquals(await client.line(), '"waiting"');
  client.kill("SIGINT");
  assertEquals(await client.outcome(), { code: 130, stdout: "", stderr: "" });
  await within(left, "the stream to be cancelled");
});

Deno.test("client.ts leaves a stream whose --timeout has passed, and exits with 4", async () => {
  const { api, left } = waiting();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using client = new Program(
    CLIENT,
    ["--timeout=4000", server.addresses[0]!, "wait"],
    { flags: ["-N"] },
  );
  assertEquals(await client.line(), '"waiting"');
  const { code, stderr } = await client.outcome();
  assertEquals(code, 4);
  assertMatch(stderr, /no answer within 4000 ms/);
  await within(left, "the stream to be cancelled");
});
