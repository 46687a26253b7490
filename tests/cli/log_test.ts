// The lines of main.ts, as log collectors read them: a real process, and peers that send what they like.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../lib/mod.ts";
import type { Api as Demo } from "../../examples/demo.ts";
import { Collector } from "../support/collector.ts";
import { RawPeer } from "../support/raw.ts";
import { makeFolder, type Program, runServer, startServer } from "./_programs.ts";

/** A line as an operator's tool has it. */
type Line = Readonly<Record<string, unknown>>;

/** What https://pkg.go.dev/github.com/go-logfmt/logfmt makes of a line; throws where that fails. */
function readLogfmt(line: string): Line {
  const fields: Record<string, unknown> = {};
  let rest = line;
  while (rest !== "") {
    const [whole, name, value] =
      /^([^\s="\p{Cc}]+)=("(?:[^"\\\p{Cc}]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"|[^\s="\p{Cc}]+)(?: |$)/u
        .exec(rest) ?? [];
    if (whole === undefined) throw new TypeError(`no logfmt: ${rest}`);
    assert(!(name! in fields), `${name} twice: ${line}`);
    fields[name!] = value!.startsWith('"') ? JSON.parse(value!) : value;
    rest = rest.slice(whole.length);
  }
  return fields;
}

const READERS = { json: (line: string): Line => JSON.parse(line), logfmt: readLogfmt };

/** Ends the server, and gives what it wrote from then on: each line of both outputs is read. */
async function linesOf(server: Program, read: (line: string) => Line): Promise<Line[]> {
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.outcome();
  assertEquals(code, 0);
  const lines = (stdout + stderr).split("\n").filter((line) => line !== "");
  // deno-lint-ignore no-control-regex
  for (const line of lines) assert(!/[\x00-\x1f\x7f-\x9f\u2028\u202e]/.test(line), line);
  return lines.map(read);
}

/** Starts a server of which the first line is not in text. */
async function start(format: string, ...args: string[]): Promise<Program & { address: string }> {
  return await startServer(["--log-format", format, ...args], {}, /tcp:\/\/127\.0\.0\.1:\d+/);
}

const HOSTILE = 'a"b\\c\nlevel=error msg=forged\u001b[31m\u202e\u2028\ud800={}';

for (const [format, read] of Object.entries(READERS)) {
  Deno.test(`main.ts --log-format ${format} writes what log collectors read, whatever peers send`, async () => {
    await using server = await start(format, "--log-calls=1", "--limit", "maxMethodBytes=64");
    const peer = await RawPeer.dial(server.address);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await peer.ask({
      jsonrpc: "2.0",
      id: 1,
      method: "upper",
      params: { value: "x", _meta: { traceparent } },
    });
    await peer.ask({ jsonrpc: "2.0", id: 2, method: HOSTILE });
    await peer.ask({ jsonrpc: "2.0", id: 3, method: "x".repeat(65) });
    await peer.ask({ jsonrpc: "2.0", id: 3, method: 5 });
    await peer.ask({ jsonrpc: "2.0", id: 4, method: "fail", params: [HOSTILE] });
    peer.close();
    const lines = await linesOf(server, read);
    for (const { time, level, msg } of lines) {
      assertEquals(new Date(String(time)).toISOString(), time);
      assert(["info", "warn", "error"].includes(String(level)) && typeof msg === "string");
    }
    const of = (msg: string) => lines.filter((line) => line.msg === msg);
    const { conn: id, peer: address } = of("opened")[0]!;
    assertMatch(String(address), /^tcp:\/\/127\.0\.0\.1:\d+$/);
    const { method, trace_id, span_id, conn, reason } = of("call")[0]!;
    assertEquals([method, reason, conn], ["upper", undefined, id]);
    assertEquals([trace_id, span_id], ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]);
    assertEquals(of("call")[1]!.method, HOSTILE.toWellFormed());
    assertEquals(of("call")[1]!.reason, "METHOD_NOT_FOUND");
    assertEquals(of("refused").map(({ reason }) => reason), ["METHOD_NOT_FOUND"]);
    assert(of("bad message").length >= 1);
    assertEquals(of("closed").length, 1);
  });
}

Deno.test("main.ts --log-format json tells refusals with their limit, and slow calls", async () => {
  await using server = await start("json", "--rate=1", "--slow", "1ms");
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 0, method: "sleep", params: [20] });
  for (let id = 1; id <= 12; id++) await peer.ask({ jsonrpc: "2.0", id, method: "now" });
  peer.close();
  const lines = await linesOf(server, READERS.json);
  const slow = lines.find(({ msg, method }) => msg === "slow call" && method === "sleep")!;
  assert(Number(slow.duration_ms) >= 1);
  assertEquals(slow.level, "warn");
  const refusal = lines.find(({ msg }) => msg === "refused")!;
  assertEquals([refusal.limit, refusal.reason, refusal.method, refusal.level], [
    "rate",
    "RESOURCE_EXHAUSTED",
    "now",
    "warn",
  ]);
});

Deno.test("main.ts --log-format json has the stack of an error in one line, and no password", async () => {
  const library = new URL("../../lib/mod.ts", import.meta.url).href;
  await using folder = await makeFolder({
    "api.ts": `import { method } from ${JSON.stringify(library)};
      export const api = { fail: method(() => { throw new Error("no: tcp://me:s3cret@db:1/x") }) };`,
  });
  await using server = await start("json", `${folder.path}/api.ts`);
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 0, method: "fail" });
  peer.close();
  const [error] = (await linesOf(server, READERS.json)).filter(({ level }) => level === "error");
  assertEquals([error!.about, error!.err], ["fail", "Error: no: tcp://me:…@db:1/x"]);
  assertMatch(String(error!.stack), /api\.ts:2:/);
});

Deno.test("main.ts --log-level leaves out what matters less", async () => {
  await using server = await startServer(["--log-level", "info"]);
  await using line = await connect<Demo>(server.address);
  await line.call.now();
  assertMatch(String(await server.line()), /^opened /);
  const { code, stdout, stderr } = await runServer([
    "--log-level=error",
    "--listen=tcp://127.0.0.1:0",
    "--log-format=json",
    "nowhere.ts",
  ]);
  assertEquals([code, stdout], [2, ""]);
  const { level, msg } = JSON.parse(stderr);
  assertEquals([level, msg], ["error", "could not start"]);
});

Deno.test("main.ts writes priorities for the journal before each line", async () => {
  const env = { JOURNAL_STREAM: "8:1234" };
  await using server = await startServer([], { env });
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: 5 });
  peer.close();
  await server.errorWith(/^<4>bad message of tcp:\S+ INVALID_REQUEST /);
  assertMatch(String(await server.line()), /^<6>opened tcp:/);
  assertMatch(String(await server.line()), /^<6>closed tcp:/);
});

Deno.test("main.ts sends its lines not to OpenTelemetry too, and has the ids of its spans", async () => {
  await using collector = new Collector();
  await using server = await startServer(
    ["--log-format=json", "--log-calls=1"],
    { env: { ...collector.env("none"), OTEL_DENO: "true", OTEL_DENO_CONSOLE: "capture" } },
    /tcp:\/\/127\.0\.0\.1:\d+/,
  );
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "upper", params: ["a"] });
  peer.close();
  const span = await collector.span("none", "upper", 2);
  const { input } = await server.lineWith(/"msg":"call"/);
  const { trace_id, span_id } = JSON.parse(input);
  assertEquals([trace_id, span_id], [span.traceId, span.spanId]);
  const logs = collector.bodies.filter(({ path }) => path === "/v1/logs");
  assertEquals(logs.map(({ bytes }) => new TextDecoder().decode(bytes)), []);
});

Deno.test("main.ts refuses options of its log that make no sense", async () => {
  for (
    const [args, message] of [
      [["--log-format=xml"], 'Cannot read --log-format: it is text, logfmt, json; this is "xml"'],
      [["--log-level=loud"], "Cannot read --log-level"],
      [["--slow=1"], "Cannot read --slow: it needs a time such as 100ms or 2s"],
      [["--log-calls=2"], "Cannot read --log-calls: it needs a number from 0 to 1"],
      [["--slow=1s", "--workers=2"], "Cannot use --slow or --log-calls with --workers or --raw"],
    ] as const
  ) {
    const { code, stderr } = await runServer(args);
    assertEquals([code, stderr.startsWith(`error: ${message}`)], [2, true], stderr);
  }
});
