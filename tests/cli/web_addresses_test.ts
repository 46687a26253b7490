// client.ts at ws: and http: addresses, as at those of sockets.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { type Authenticate, bearerTokens, method, serve, stream } from "../../lib/mod.ts";
import { CLIENT, Program, runClient } from "./_programs.ts";

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  count: stream(z.number(), async function* (to) {
    for (let n = 1; n <= to; n++) yield n;
    return "done";
  }),
};

async function site(authenticate?: Authenticate) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", ...authenticate && { authenticate } });
  await server.ready;
  const { port } = new URL(server.addresses[0]!);
  return {
    at: (scheme: string) => `${scheme}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

for (const scheme of ["ws", "http"]) {
  Deno.test(`client.ts calls, streams, reads calls from standard input and checks at ${scheme}:`, async () => {
    await using served = await site();
    const address = served.at(scheme);
    const run = (args: string[], stdin = "") => runClient([...args], { flags: ["-N"], stdin });
    const call = await run([address, "add", "a=1", "b=2"]);
    assertEquals([call.code, call.stdout, call.stderr], [0, "3\n", ""]);
    const items = await run([address, "count", "3"]);
    assertEquals([items.code, items.stdout], [0, "1\n2\n3\n"]);
    const lines = await run([address, "-"], "add a=1 b=2\nadd a=3 b=4\n");
    assertEquals([lines.code, lines.stdout], [0, "3\n7\n"]);
    assertStringIncludes((await run(["--list", address])).stdout, "count");
    const shown = await run(["-v", address, "add", "a=1", "b=2"]);
    assertStringIncludes(shown.stderr, '>> {"jsonrpc":"2.0","id":1,');
    const known = ["--method", "add", "--params", '{"a":1,"b":2}'];
    const checked = await run(["check", address, ...known, "--json"]);
    const { passed, failed, framing } = JSON.parse(checked.stdout);
    assertEquals([failed, framing], [0, scheme === "ws" ? "websocket" : "http"], checked.stdout);
    assert(passed > 50);
    const words = scheme === "ws" ? ["--raw", address] : ["replay", "/dev/null", address];
    const refused = await run(words);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "Cannot use the address");
  });

  Deno.test(`client.ts says who calls at ${scheme}:, by a header or by a token`, async () => {
    await using served = await site(bearerTokens({ secret: "alice" }));
    const words = [served.at(scheme), "add", "a=1", "b=2"];
    const run = (...args: string[]) => runClient([...args, ...words], { flags: ["-N", "-R"] });
    const unknown = await run();
    assertEquals([unknown.code, unknown.stdout], [1, ""]);
    assertStringIncludes(unknown.stderr, "UNAUTHENTICATED");
    // Of a text it cannot be told whether it is one where the server says nothing of its methods.
    for (const path of ["", "/elsewhere"]) {
      const text = await runClient([served.at(scheme) + path, "upper", "hello"]);
      assertEquals([text.code, text.stdout], [1, ""]);
      assertMatch(text.stderr, path === "" ? /UNAUTHENTICATED/ : /404 Not Found/);
    }
    assertEquals((await run("--header", "Authorization: Bearer secret")).stdout, "3\n");
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "secret\n");
    assertEquals((await run("--token-file", file)).stdout, "3\n");
    await Deno.remove(file);
    const wrong = await run("--header", "nonsense");
    assertEquals([wrong.code, wrong.stderr], [
      2,
      'error: Cannot read --header: it needs NAME: VALUE, it is "nonsense"\n',
    ]);
  });
}

Deno.test("client.ts bench puts a load on a WebSocket", async () => {
  await using served = await site();
  const load = ["--seconds", "0.2", "--warmup", "0", "--depth", "4", "--json"];
  const { code, stdout } = await runClient(
    ["bench", ...load, served.at("ws"), "add", "a=1", "b=2"],
    {
      flags: ["-N"],
    },
  );
  const { errors, framing } = JSON.parse(stdout);
  assertEquals([code, errors, framing], [0, {}, "websocket"]);
});

Deno.test("client.ts bench puts a load on an HTTP server: each connection carries one call at a time", async () => {
  const clients = new Set<string>();
  let [running, most] = [0, 0];
  const server = serve({
    one: method(async (_, { peer }) => {
      most = Math.max(most, ++running);
      clients.add(peer.address);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return 1;
    }),
  }, { listen: "tcp://127.0.0.1:0", authenticate: bearerTokens({ secret: "alice" }) });
  await server.ready;
  const address = server.addresses[0]!.replace("tcp:", "http:");
  const run = (...words: string[]) =>
    runClient(["bench", "--seconds", "0.2", "--warmup", "0", "--json", ...words], {
      flags: ["-N"],
    });
  const header = ["--header", "Authorization: Bearer secret"];
  for (const rate of [[], ["--rate", "200"]]) {
    const { code, stdout, stderr } = await run(
      ...[...header, "--connections", "3", ...rate],
      ...[address, "one"],
    );
    const { errors, results, framing, depth } = JSON.parse(stdout);
    assertEquals([code, errors, framing, depth, stderr], [0, {}, "http", 1, ""]);
    assert(results > 0);
    assert(most <= 3 && clients.size >= 3, `${most} at once, ${clients.size} connections`);
    clients.clear();
  }
  const unknown = await run(address, "one");
  const { errors, results, failures } = JSON.parse(unknown.stdout);
  assertEquals([unknown.code, results, failures > 0], [1, 0, true]);
  assertMatch(Object.keys(errors).join(), /^error -32016: /);
  const deep = await run("--depth", "2", address, "one");
  assertEquals(deep.code, 2);
  assertStringIncludes(deep.stderr, "--depth");
  await server.shutdown(0);
});

Deno.test("client.ts record shows and writes down what a WebSocket carries", async () => {
  await using served = await site();
  const file = await Deno.makeTempFile();
  {
    await using recorder = new Program(CLIENT, ["record", file, served.at("ws")], {
      flags: ["-N", `--allow-write=${file}`],
    });
    const [, address] = await recorder.lineWith(/listening on (ws:\S+), for/);
    const { stdout } = await runClient([address!, "add", "a=1", "b=2"]);
    assertEquals(stdout, "3\n");
    await recorder.lineWith(/<< websocket .*"result":3/);
    await recorder.lineWith(/>> no frame, close/);
  }
  const sent = (await Deno.readTextFile(file)).trim().split("\n").map((line) => JSON.parse(line));
  const texts = sent.filter(({ framing, text }) => framing === "websocket" && text !== undefined);
  assert(texts.some(({ from, text }) => from === "client" && JSON.parse(text).method === "add"));
  assert(texts.some(({ from, text }) => from === "server" && JSON.parse(text).result === 3));
  assert(sent.filter(({ fault }) => fault === "the handshake of a WebSocket").length === 2);
  await Deno.remove(file);
});

Deno.test("client.ts replay says again what a WebSocket carried, and compares the answers", async () => {
  await using served = await site();
  const file = await Deno.makeTempFile();
  {
    await using recorder = new Program(CLIENT, ["record", file, served.at("ws")], {
      flags: ["-N", `--allow-write=${file}`],
    });
    const [, address] = await recorder.lineWith(/listening on (ws:\S+), for/);
    assertEquals((await runClient([address!, "add", "a=1", "b=2"])).stdout, "3\n");
    assertEquals((await runClient([address!, "count", "3"])).stdout, "1\n2\n3\n");
    await recorder.lineWith(/#2 << end/);
  }
  const run = (address: string) => runClient(["replay", file, address], { flags: ["-N", "-R"] });
  for (const scheme of ["ws", "tcp"]) {
    const { code, stdout, stderr } = await run(served.at(scheme));
    assertEquals([code, stderr], [0, ""], stdout);
    // For each of the two: the status, two answers or more, and the close.
    const [, same, all] = /^(\d+) of (\d+) answers/.exec(stdout)!;
    assertEquals(same, all);
    assert(Number(all) >= 8, stdout);
  }
  await using other = serve({
    ...api,
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a - b),
  }, { listen: "ws://127.0.0.1:0" });
  await other.ready;
  const differs = await run(other.addresses[0]!);
  assertEquals(differs.code, 1);
  assertStringIncludes(differs.stdout, "result: 3 → -1");
  await Deno.remove(file);
});
