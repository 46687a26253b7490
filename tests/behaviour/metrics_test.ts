// The option `metrics`: server.metrics() and GET /metrics, what they count, and which callers may read them.

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  connect,
  type Line,
  method,
  notification,
  RpcError,
  serve,
  type ServeOptions,
  serveWorkers,
  settle,
  stream,
} from "../../lib/mod.ts";
import { BOUNDS } from "../../lib/telemetry/histogram.ts";
import { within } from "../support/deadline.ts";
import { rejection } from "../support/events.ts";
import { runFed } from "../support/program.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { type Api, Lines, linesAfter, MODULE } from "../unit/server/_workers.ts";

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  'odd"name\n\\': method(() => 1),
  deny: method(() => {
    throw new RpcError("PERMISSION_DENIED", "No");
  }),
  code: method(z.int(), (code) => {
    throw new RpcError(code, "Any");
  }),
  limit: method(z.string(), (limit) => {
    throw new RpcError("RESOURCE_EXHAUSTED", "Mine", { limit });
  }),
  wait: method((_, { signal }) => new Promise((resolve) => (signal.onabort = resolve))),
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
  sum: method(async (_, { items }) => {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  }, { items: z.number() }),
  told: notification(() => {}),
  back: method(async (_, { call }) => await call["double"]!(2)),
};

const listen = (options: ServeOptions = {}) =>
  serve(api, { listen: "tcp://127.0.0.1:0", metrics: true, onError() {}, ...options });

/** The samples of a page, by what stands before the value. */
function samplesOf(page: string): Map<string, number> {
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

/** How many calls are counted, by method and error. */
function countsOf(page: string, side = "server"): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [sample, value] of samplesOf(page)) {
    const [, labels] = new RegExp(`^rpc_${side}_call_duration_seconds_count\\{(.*)\\}$`, "s")
      .exec(sample) ?? [];
    if (labels === undefined) continue;
    const label = (name: string) => new RegExp(`${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels)?.[1];
    const error = label("error_type");
    assertEquals(label("rpc_status_code"), /^-?\d/.test(error ?? "") ? error : undefined);
    if (label("rpc_method")?.startsWith("rpc.")) continue; // what the line asks by itself
    counts[`${label("rpc_method")}${error === undefined ? "" : ` ${error}`}`] = value;
  }
  return counts;
}

const request = (id: number | undefined, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

Deno.test("metrics() counts calls of every fate once, under the names that the API has", async () => {
  await using server = listen();
  const peer = await RawPeer.dial(server.addresses[0]!);
  for (const [id, name] of ["deny", 'odd"name\n\\', "nothing", "__proto__", "nix"].entries()) {
    await peer.ask(request(id, name));
  }
  await peer.ask(request(5, "upper", ["a"]));
  await peer.ask(request(6, "upper", [1]));
  await peer.ask([request(7, "upper", ["a"]), request(8, "upper", ["b"])]);
  await peer.send(request(undefined, "told"));
  await peer.ask(request(9, "count", [3]));
  peer.close();
  assertEquals(countsOf(await server.metrics()), {
    "deny -32007": 1,
    'odd\\"name\\n\\\\': 1,
    "_OTHER -32601": 3,
    "upper": 3,
    "upper -32602": 1,
    "told": 1,
    "count": 1,
  });
});

Deno.test("metrics() has buckets that add up, and a time for each call", async () => {
  await using server = listen();
  await using line = await connect<typeof api>(server.addresses[0]!);
  const before = performance.now();
  await Promise.all(Array.from({ length: 100 }, () => line.call.upper("a")));
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.ask(request(1, "wait", { _meta: { timeoutMs: 20 } }));
  peer.close();
  const took = (performance.now() - before) / 1000;
  const samples = samplesOf(await server.metrics());
  const name = "rpc_server_call_duration_seconds", labels = 'rpc_system_name="jsonrpc",rpc_method=';
  const buckets = [...BOUNDS, "+Inf"].map((le) =>
    samples.get(`${name}_bucket{${labels}"upper",le="${le}"}`)!
  );
  assertEquals(buckets.toSorted((a, b) => a - b), buckets);
  assertEquals(buckets.at(-1), 100);
  const sum = samples.get(`${name}_sum{${labels}"upper"}`)!;
  assert(sum > 0 && sum <= 100 * took, `${sum} s`);
  const late = samples.get(
    `${name}_sum{${labels}"wait",rpc_status_code="-32004",error_type="-32004"}`,
  )!;
  assert(late >= 0.02 && late <= took, `${late} s`);
});

Deno.test("metrics() makes no series for what callers or handlers make up", async () => {
  await using server = listen();
  await using line = await connect<typeof api>(server.addresses[0]!);
  for (let n = 0; n < 100; n++) {
    await settle(line.call.code(n));
    await settle(line.request(`made up ${n}`));
    await settle(line.call.limit(`made up ${n}`));
  }
  await settle(line.call.limit("maxRunning"));
  const page = await server.metrics(), counts = countsOf(page);
  const ofCode = Object.entries(counts).filter(([name]) => name.startsWith("code "));
  assert(ofCode.length <= 33, `${ofCode.length} series`);
  assertEquals(ofCode.reduce((sum, [, count]) => sum + count, 0), 100);
  assertEquals(counts["_OTHER -32601"], 100);
  assertEquals([...samplesOf(page)].filter(([name]) => name.startsWith("landline_refused")), [
    ['landline_refused_total{limit="maxRunning"}', 1],
  ]);
});

Deno.test("metrics() tells of connections, what runs, items, refusals, mistakes and bytes", async () => {
  await using server = listen({ limits: { maxStreams: 1, maxConnections: 2 } });
  const address = server.addresses[0]!;
  await using line = await connect<typeof api>(address, {
    api: { double: method(z.number(), (n) => 2 * n) },
  });
  assertEquals(await line.call.back(), 4);
  let items = 0;
  for await (const _ of line.call.count(10)) items++;
  assertEquals([items, await line.call.sum(undefined, { items: [1, 2] })], [10, 3]);
  const peer = await RawPeer.dial(address);
  await peer.ask("{]");
  await peer.send(request(1, "wait"), request(2, "sum"));
  await peer.ask(request(3, "sum"));
  const third = await RawPeer.dial(address);
  await third.ask(request(1, "rpc.ping"));
  third.close();
  const page = await server.metrics(), samples = samplesOf(page);
  assertEquals(countsOf(page, "client"), { double: 1 });
  const get = (name: string) => samples.get(`landline_${name}`);
  assertEquals(get('connections{transport="tcp"}'), 2);
  assertEquals(get('connections_total{transport="tcp"}'), 2);
  assertEquals(get("calls_running"), 1);
  assertEquals(get("streams_open"), 1);
  assertEquals(get("stream_items_sent_total"), 10);
  assertEquals(get("stream_items_received_total"), 2);
  assertEquals(get('refused_total{limit="maxStreams"}'), 1);
  assertEquals(get('refused_total{limit="maxConnections"}'), 1);
  assertEquals(get("protocol_errors_total"), 1);
  assert(get("received_bytes_total")! > 100 && get("sent_bytes_total")! > 100);
  assert(get("event_loop_delay_seconds")! >= 0);
  assert(samples.get("process_resident_memory_bytes")! > 1e6);
  assert(samples.get("process_cpu_seconds_total")! > 0);
  assert(samples.get("process_start_time_seconds")! <= Date.now() / 1000);
  peer.close();
});

Deno.test("metrics() rejects, and there is no /metrics, unless the option is given", async () => {
  await using server = listen({ metrics: false });
  assertInstanceOf(await rejection(server.metrics()), TypeError);
  const answer = await fetch(server.addresses[0]!.replace("tcp:", "http:") + "/metrics");
  await answer.body?.cancel();
  assertEquals(answer.status, 404);
});

Deno.test("GET /metrics gives the page in the format that is asked for", async () => {
  await using server = listen();
  const url = server.addresses[0]!.replace("tcp:", "http:") + "/metrics";
  const plain = await fetch(url), text = await plain.text();
  assertEquals(plain.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertMatch(text, /^# TYPE landline_connections_total counter$/m);
  // As Prometheus 2.42 asks.
  const accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5";
  const open = await fetch(url, { headers: { accept } }), openText = await open.text();
  assertEquals(
    open.headers.get("content-type"),
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  assert(openText.endsWith("\n# EOF\n"));
  const head = await fetch(url, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  const post = await fetch(url, { method: "POST" });
  await post.body?.cancel();
  assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
});

Deno.test("GET /metrics is for callers that may call, at the rate at which they may", async () => {
  await using server = listen({
    authenticate: bearerTokens({ secret: "prometheus" }),
    rateLimit: { connection: { calls: 1, burst: 2 } },
  });
  const url = server.addresses[0]!.replace("tcp:", "http:") + "/metrics";
  const status = async (headers: HeadersInit = {}) => {
    const answer = await fetch(url, { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  assertEquals(await status(), 401);
  const unknown = samplesOf(await server.metrics())
    .get('landline_refused_total{limit="authentication"}');
  assertEquals(unknown, 1);
  assertEquals(await status({ authorization: "Bearer secret" }), 200);
  let refused = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let i = 0; i < 3; i++) {
      if (await status({ authorization: "Bearer secret" }) === 429) refused++;
    }
  }));
  assert(refused > 0);
});

Deno.test("metrics() is one page for all workers, and loses nothing with a worker that is replaced", async () => {
  await using server = serveWorkers(MODULE, {
    listen: "tcp://127.0.0.1:0",
    workers: 2,
    metrics: true,
    onError() {},
  });
  await server.ready;
  const address = server.addresses[0]!;
  const whoCalls = async () => countsOf(await server.metrics())["who"] ?? 0;
  const lines = await Lines.to(address), before = await whoCalls();
  for (const line of lines.all) await line.call.who();
  assertEquals(await whoCalls(), before + 2);
  const page = samplesOf(await server.metrics());
  assertEquals(page.get('landline_connections{transport="tcp"}'), 2);
  const answer = await fetch(address.replace("tcp:", "http:") + "/metrics");
  assertEquals(countsOf(await answer.text())["who"], before + 2);
  const [thread, line] = [...lines.byThread][0]!;
  await line.call.fail("exit").catch(() => {});
  await using _after = await linesAfter(address, thread);
  assert(await within(whoCalls(), "the page") >= before + 2);
  await lines[Symbol.asyncDispose]();
});

Deno.test("metrics() counts a worker once that is replaced while another is waited for", async () => {
  await using server = serveWorkers(MODULE, {
    listen: "tcp://127.0.0.1:0",
    workers: 2,
    metrics: true,
    onError() {},
  });
  await server.ready;
  await using lines = await Lines.to(server.addresses[0]!);
  const whoCalls = async () => countsOf(await server.metrics())["who"];
  const before = await whoCalls();
  const [busy, failing] = lines.all as [Line<Api>, Line<Api>];
  const blocked = busy.call.block();
  await failing.call.identity();
  const counted = whoCalls();
  await failing.call.fail("exit").catch(() => {});
  assertEquals(await counted, before);
  await blocked;
});

testWith(["promtool"], "promtool finds nothing wrong with the page", async () => {
  await using server = listen();
  await using line = await connect<typeof api>(server.addresses[0]!);
  await settle(line.call.limit("maxRunning"));
  await line.request('odd"name\n\\');
  const said = await runFed(["promtool", "check", "metrics"], await server.metrics());
  assertEquals(said, { code: 0, stdout: "", stderr: "" });
});

const PARSE = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(sum(len(family.samples) for family in text_string_to_metric_families(sys.stdin.read())))
`;

testWith(
  ["python3", "debian:python3-prometheus-client"],
  "the parser of OpenMetrics that its authors wrote takes the page",
  async () => {
    await using server = listen();
    await using line = await connect<typeof api>(server.addresses[0]!);
    await settle(line.call.limit("maxRunning"));
    await line.request('odd"name\n\\');
    const url = server.addresses[0]!.replace("tcp:", "http:") + "/metrics";
    const answer = await fetch(url, { headers: { accept: "application/openmetrics-text" } });
    const page = await answer.text();
    const { stdout, stderr } = await runFed(["/usr/bin/python3", "-c", PARSE], page);
    assertEquals(stderr, "");
    assertEquals(Number(stdout), samplesOf(page).size);
  },
);
