// client.ts bench: the load, what is counted, and what is told.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { FRAMINGS } from "../../lib/framing/mod.ts";
import { bearerTokens, method, serve } from "../../lib/mod.ts";
import { Load } from "../../cli/bench/load.ts";
import { AnswerReader, LoadCalls } from "../../cli/bench/load_calls.ts";
import { testWith } from "../support/tools.ts";
import { frame, FRAMING_NAMES } from "../support/raw.ts";
import { dial } from "../../lib/transport/mod.ts";
import { CLIENT, linesOf, makeFolder, Program, runClient, say, serveRaw } from "./_programs.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };
const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  hello: method(() => "hello"),
};

const SHORT = ["--seconds=0.3", "--warmup=0.1"];

for (const framing of FRAMING_NAMES) {
  Deno.test(`client.ts bench measures a server (${framing})`, async () => {
    await using server = serve(api, HERE);
    const { code, stdout, stderr } = await runClient(
      [
        "bench",
        ...SHORT,
        "--depth=4",
        "--framing",
        framing,
        server.addresses[0]!,
        "add",
        "a=1",
        "b=2",
      ],
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^add at tcp:\/\/127\.0\.0\.1:\d+, 0\.3 s, 8 connections, 4 calls at once on each\n\n {2}results\/s {2}[\d,.]+\n {2}errors {5}0\n\n {2}latency +p50 +p90 +p99 +p99\.9 +max +mean\n/,
    );
    assertMatch(stdout, /^ +[\d.]+ (µs|ms|s) ▕█{50} +[\d.]+ %$/m);
  });
}

Deno.test("client.ts bench --json prints one text, with the histogram", async () => {
  await using server = serve(api, HERE);
  const { code, stdout } = await runClient([
    ...["bench", ...SHORT, "--json", "--connections=2", "--depth=3"],
    ...[server.addresses[0]!, "hello"],
  ]);
  assertEquals(code, 0);
  const { address, method, connections, depth, seconds, failures, errors, ...found } = JSON.parse(
    stdout,
  );
  assertEquals(
    { address, method, connections, depth, seconds, failures, errors },
    {
      address: server.addresses[0],
      method: "hello",
      connections: 2,
      depth: 3,
      seconds: 0.3,
      failures: 0,
      errors: {},
    },
  );
  assert(found.results > 0);
  assertEquals(found.resultsPerSecond, found.results / 0.3);
  const { latency, histogram } = found;
  assertEquals(
    histogram.reduce((sum: number, [, , count]: number[]) => sum + count!, 0),
    latency.count,
  );
  const order = [latency.min, latency.p50, latency.p90, latency.p99, latency["p99.9"], latency.max];
  assertEquals(order, order.toSorted((a, b) => a - b));
});

Deno.test("client.ts bench --svg draws a picture", async () => {
  await using server = serve(api, HERE);
  const svg = await Deno.makeTempFile({ prefix: "landline-", suffix: ".svg" });
  try {
    const { code } = await runClient(
      ["bench", ...SHORT, "--svg", svg, server.addresses[0]!, "hello"],
      { flags: ["-N", "-W"] },
    );
    assertEquals(code, 0);
    const picture = await Deno.readTextFile(svg);
    assertMatch(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]+>\n/);
    assertMatch(picture, /<rect .*fill="#4a7ab5"\/>/);
    assertMatch(picture, /<\/svg>\n$/);
  } finally {
    await Deno.remove(svg);
  }
});

Deno.test("client.ts bench counts errors by kind, and exits with 1", async () => {
  await using server = serve(api, HERE);
  const { code, stdout } = await runClient(
    ["bench", ...SHORT, "--rate=1000", "--json", server.addresses[0]!, "nope"],
  );
  assertEquals(code, 1);
  const { results, failures, errors } = JSON.parse(stdout);
  // An open loop sends what is due: 1000 a second for 0.3 s.
  assertEquals(results, 0);
  assert(failures >= 299 && failures <= 301, String(failures));
  assertEquals(errors, { "error -32601: Method not found": failures });
});

Deno.test("client.ts bench escapes what a server says", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id } = JSON.parse(line);
      const error = { code: -1, message: "\u001b[31mred" };
      await say(socket, JSON.stringify({ jsonrpc: "2.0", id, error }) + "\n");
    }
  });
  const { code, stdout } = await runClient(["bench", ...SHORT, server.address, "m"]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "error -1: \\u001b[31mred");
});

Deno.test("client.ts bench counts the calls of a connection that is lost", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const _ of linesOf(socket)) return;
  });
  const { code, stdout } = await runClient(
    [
      "bench",
      "--seconds=5",
      "--warmup=5",
      "--connections=3",
      "--depth=2",
      "--json",
      server.address,
      "m",
    ],
  );
  assertEquals(code, 1);
  const { results, errors } = JSON.parse(stdout);
  assertEquals([results, errors], [0, { "connection lost": 6 }]);
});

Deno.test("client.ts bench and check say who calls, with --token-file", async () => {
  await using folder = await makeFolder({ right: "secret\n", wrong: "other" });
  const authenticate = bearerTokens({ secret: "me" });
  await using server = serve(api, { ...HERE, authenticate });
  const address = server.addresses[0]!, flags = ["-N", "-R"];
  const as = (token: string, ...args: string[]) =>
    runClient([...args, "--token-file", `${folder.path}/${token}`], { flags });
  assertEquals((await as("right", "bench", ...SHORT, address, "hello")).code, 0);
  const checked = await as("right", "check", address);
  assertEquals([checked.code, checked.stderr], [0, ""], checked.stdout);
  for (const command of [["bench", address, "hello"], ["check", address]]) {
    const { code, stderr } = await as("wrong", ...command);
    assertEquals(code, 1);
    assertMatch(stderr, /^error -32016 UNAUTHENTICATED: /);
  }
});

for (
  const [args, message] of [
    [[], "Cannot bench: ADDRESS and METHOD are needed, bench --help shows how"],
    [["--depth=0"], 'Cannot read --depth: it needs a whole number from 1 to 100000, it is "0"'],
    [["--rate=x"], 'Cannot read --rate: it needs a number from 0.1 to 10000000, it is "x"'],
    [
      ["--connections=1.5"],
      'Cannot read --connections: it needs a whole number from 1 to 10000, it is "1.5"',
    ],
    [["--svg="], "Cannot read --svg: it needs the path of a file"],
  ] as const
) {
  Deno.test(`client.ts bench ${args.join(" ")} exits with 2`, async () => {
    const words = args.length === 0 ? [] : ["tcp://127.0.0.1:1", "m"];
    assertEquals(await runClient(["bench", ...args, ...words]), {
      code: 2,
      stdout: "",
      stderr: `error: ${message}\n`,
    });
  });
}

Deno.test("client.ts bench refuses datagrams", async () => {
  const { code, stderr } = await runClient(["bench", "udp://127.0.0.1:1", "m"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^error: Cannot use the address "udp:\/\/127\.0\.0\.1:1": /);
});

Deno.test("client.ts bench exits with 3 where nobody listens", async () => {
  const { code, stdout, stderr } = await runClient(["bench", "tcp://127.0.0.1:1", "m"]);
  assertEquals([code, stdout], [3, ""]);
  assertMatch(stderr, /^error: Cannot connect to tcp:\/\/127\.0\.0\.1:1: /);
});

Deno.test("client.ts bench prints what it has at SIGINT, and exits with 130", async () => {
  const called = Promise.withResolvers<void>();
  await using server = serve({
    hello: method(() => called.resolve()),
  }, HERE);
  const args = ["bench", "--seconds=600", "--warmup=0", server.addresses[0]!, "hello"];
  await using client = new Program(CLIENT, args, { flags: ["-N"] });
  await called.promise;
  client.kill("SIGINT");
  const { code, stdout } = await client.outcome();
  assertEquals(code, 130);
  assertMatch(stdout, /^ {2}results\/s /m);
});

const TERMINAL = `${import.meta.dirname}/_terminal.py`;

testWith(["python3"], "client.ts bench shows its progress on a terminal", async () => {
  await using server = serve(api, HERE);
  const { code, stdout } = await new Deno.Command("python3", {
    args: [
      ...[TERMINAL, "[]", Deno.execPath(), "run", "-q", "-N", CLIENT, "bench"],
      ...["--seconds=1", "--warmup=0", server.addresses[0]!, "hello"],
    ],
  }).output();
  const screen = new TextDecoder().decode(stdout);
  assertEquals(code, 0, screen);
  // deno-lint-ignore no-control-regex
  assertMatch(screen, /\r\x1b\[K[\d.]+ of 1 s {2}[\d,.]+\/s {2}p50 [\d.]+ (µs|ms) {2}p99 /);
  assertStringIncludes(screen, "\r\x1b[Khello at tcp:");
});

/** A load on a server of the test's own, which is one function: what is said to each line. */
async function measure(
  answer: (line: string, count: number) => string | Promise<string>,
  options: Partial<ConstructorParameters<typeof Load>[0]> = {},
) {
  await using server = serveRaw(async (socket) => {
    let count = 0;
    for await (const line of linesOf(socket)) await say(socket, await answer(line, count++));
  });
  const load = new Load({
    ...{ method: "m", params: undefined, framing: FRAMINGS.json, depth: 1, rate: undefined },
    ...{ warmUp: 0, seconds: 0.2, patience: 50, sockets: [await dial(server.address)] },
    ...options,
  });
  return await load.run();
}

const resultTo = (line: string) =>
  `{"jsonrpc":"2.0","id":${JSON.parse(line).id},"result":${JSON.stringify("x".repeat(5))}}\n`;

Deno.test("Load charges a server that stalls for every call that it kept waiting", async () => {
  // One call every 10 ms, and the server is silent for 300 ms at the tenth.
  const { latencies, failures } = await measure(async (line, count) => {
    if (count === 10) await new Promise((resolve) => setTimeout(resolve, 300));
    return resultTo(line);
  }, { rate: 100, seconds: 1, depth: 1000, patience: 20_000 });
  assertEquals(failures, 0);
  assert(latencies.count >= 99 && latencies.count <= 101, String(latencies.count));
  // A client that waited with the server would have seen one slow call in a hundred.
  assert(latencies.quantile(0.75) > 10, `${latencies.quantile(0.75)} ms`);
  assert(latencies.max >= 295, `${latencies.max} ms`);
});

Deno.test("Load counts calls that were due and never sent, with how late they were", async () => {
  const { latencies, kinds, failures } = await measure(() => "", { rate: 100, depth: 3 });
  assertEquals(kinds.get("no answer"), 3);
  assert(failures >= 19 && failures <= 21, String(failures));
  assertEquals(kinds.get("not sent in time"), failures - 3);
  assertEquals(latencies.count, failures);
});

for (
  const [what, kind, answer] of [
    [
      "an id that nobody waits for",
      "an answer that nobody waits for",
      (line: string) => resultTo(line).replace(/"id":\d+/, '"id":1000999'),
    ],
    [
      "an id of another kind",
      "an answer with a wrong id",
      (line: string) => resultTo(line).replace(/"id":(\d+)/, '"id":"$1"'),
    ],
    ["what is not JSON", "not JSON", () => "hello\n"],
    ["what is no answer", "no answer", () => "5\n"],
    [
      "an answer of neither kind",
      "neither a result nor an error",
      (line: string) => `{"jsonrpc":"2.0","id":${JSON.parse(line).id}}\n`,
    ],
    [
      "an error of JSON-RPC 1.0",
      "an error without a code",
      (line: string) => `{"id":${JSON.parse(line).id},"result":null,"error":"no"}\n`,
    ],
  ] as const
) {
  Deno.test(`Load counts ${what} as an error`, async () => {
    // The answers before are right, so that the reader has seen what they look like.
    const { kinds, failures } = await measure(
      (line, count) => count === 5 ? answer(line) : resultTo(line),
      { rate: 50, depth: 10, patience: 1000 },
    );
    assert(kinds.has(kind), [...kinds.keys()].join());
    // Where the answer did not say whose it is, that call has none.
    assert(failures <= 2, String(failures));
  });
}

Deno.test("Load takes answers in any order, and requests and notifications of the server's", async () => {
  const held: string[] = [], ended = new AbortController();
  const { results, failures } = await measure((line, count) => {
    if (count === 40) ended.abort();
    held.push(resultTo(line));
    if (held.length < 4) return '{"jsonrpc":"2.0","method":"log","params":["\\"id\\":1000001"]}\n';
    return held.splice(0).reverse().join("");
  }, { depth: 4, seconds: 600, signal: ended.signal });
  assertEquals(failures, 0);
  assert(results >= 36, String(results));
});

Deno.test("AnswerReader tells answers of all shapes", () => {
  const shapes = [
    ['{"jsonrpc":"2.0","id":', ',"result":42}'],
    ['{"jsonrpc":"2.0","result":42,"id":', "}"],
    ['{"result":{"id":1000003},"error":null,"id":', "}"],
    ['{"id":', ',"result":42,"error":null}'],
    ['{"jsonrpc": "2.0", "id": ', ', "result": 42}'],
    ['{"jsonrpc":"2.0","id":', ',"result":{"id":1000005}}'],
  ];
  for (const [head, tail] of shapes) {
    const reader = new AnswerReader();
    for (let slot = 0; slot < 250; slot++) {
      assertEquals(reader.read(`${head}${1_000_000 + slot}${tail}`), { kind: "result", slot });
    }
  }
});

Deno.test("AnswerReader sees errors and other results behind answers that began alike", () => {
  const reader = new AnswerReader();
  const right = '{"jsonrpc":"2.0","id":1000001,"result":42}';
  assertEquals(reader.read(right).kind, "result");
  assertEquals(reader.read('{"jsonrpc":"2.0","id":1000002,"result":43}').kind, "result");
  assertEquals(
    reader.read('{"jsonrpc":"2.0","id":1000001,"error":{"code":-32000,"message":"no"}}'),
    { kind: "failure", slot: 1, why: "error -32000: no" },
  );
  assertEquals(
    reader.read('{"jsonrpc":"2.0","id":1000001,"result":null,"error":{"code":1,"message":"x"}}'),
    { kind: "failure", slot: 1, why: "error 1: x" },
  );
  assertEquals(reader.read('{"jsonrpc":"2.0","id":100,"result":42}').kind, "stray");
  const strict = new AnswerReader((result) => result === 42);
  assertEquals(strict.read(right).kind, "result");
  const kinds = Array.from(
    { length: 250 },
    () => strict.read('{"jsonrpc":"2.0","id":1000001,"result":4200}').kind,
  );
  assert(kinds.filter((kind) => kind === "failure").length >= 2, "one in a hundred is looked at");
});

for (const framing of FRAMING_NAMES) {
  Deno.test(`LoadCalls has requests of one size, each with its own id (${framing})`, () => {
    const calls = new LoadCalls(FRAMINGS[framing], "m", { text: "é" }, 10);
    const request = (id: number) =>
      frame(framing, `{"jsonrpc":"2.0","id":${id},"method":"m","params":{"text":"é"}}`);
    assertEquals(calls.bytes(0, 1), request(1_000_000));
    assertEquals(calls.bytes(19, 20), request(1_000_019));
    assertEquals(calls.bytes(2, 4).length, 2 * request(1_000_000).length);
  });
}
