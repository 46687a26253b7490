// OpenTelemetry: `OTEL_DENO=true deno task serve` and a client of its own process, and a collector that takes
// what both of them send.

import { assert, assertEquals } from "@std/assert";
import { Program } from "../cli/_programs.ts";
import { Collector } from "../support/collector.ts";
import { RawPeer } from "../support/raw.ts";

const API = new URL("./_telemetry_api.ts", import.meta.url).href;
const CALLER = new URL("./_telemetry_client.ts", import.meta.url).href;

const SERVER_KIND = 2, CLIENT_KIND = 3; // as OTLP numbers them

/** The server as an operator starts it. */
async function serveTraced(collector: Collector, protocol?: string) {
  const program = new Program("serve", ["--listen", "tcp://127.0.0.1:0", "--no-console", API], {
    command: "task",
    env: collector.env("server", protocol),
  });
  const [, address = ""] = await program.lineWith(/^listening on (.*)$/);
  const peer = await RawPeer.dial(address);
  const { result } = await peer.ask({ jsonrpc: "2.0", id: 1, method: "pid" });
  peer.close();
  return {
    address,
    async [Symbol.asyncDispose]() {
      Deno.kill(result as number, "SIGKILL");
      await program.outcome();
      await program[Symbol.asyncDispose]();
    },
  };
}

Deno.test("OTEL_DENO=true deno task serve traces calls over the wire, back, over HTTP and into fetch", async () => {
  await using collector = new Collector();
  await using server = await serveTraced(collector);
  const { address } = server;
  const url = `${collector.url}/other`;
  await using client = new Program(CALLER, [address, url], {
    flags: ["-N"],
    env: collector.env("client"),
  });
  const { code, stdout, stderr } = await client.outcome();
  assertEquals([code, stderr], [0, ""]);

  const fetched = await collector.span("client", "fetched", CLIENT_KIND);
  const served = await collector.span("server", "fetched", SERVER_KIND, fetched);
  const further = await collector.span("server", "GET", CLIENT_KIND, served);
  assertEquals(stdout, `00-${fetched.traceId}-${further.spanId}-01\nanswer\n`);
  const { port } = new URL(address);
  assertEquals(served.attributes, {
    "rpc.system.name": "jsonrpc",
    "rpc.method": "fetched",
    "jsonrpc.protocol.version": "2.0",
    "jsonrpc.request.id": served.attributes["jsonrpc.request.id"],
    "network.peer.address": "127.0.0.1",
    "network.peer.port": served.attributes["network.peer.port"],
  });
  assertEquals(fetched.attributes["jsonrpc.request.id"], served.attributes["jsonrpc.request.id"]);
  assertEquals(fetched.attributes["server.address"], "127.0.0.1");
  assertEquals(String(fetched.attributes["server.port"]), port);

  const asked = await collector.span("client", "asked", CLIENT_KIND);
  const askedThere = await collector.span("server", "asked", SERVER_KIND, asked);
  const back = await collector.span("server", "answer", CLIENT_KIND, askedThere);
  await collector.span("client", "answer", SERVER_KIND, back);

  const failed = await collector.span("server", "failed", SERVER_KIND);
  assertEquals(failed.status.code, 2);
  assertEquals(failed.attributes["rpc.status_code"], "-32603");
  assertEquals(failed.attributes["error.type"], "-32603");
  assert(!JSON.stringify(failed).includes("secret"));

  const unknown = await collector.span("server", "jsonrpc", SERVER_KIND);
  assertEquals(unknown.attributes["rpc.method"], "_OTHER");
  assertEquals(unknown.attributes["rpc.method_original"], "nothing");
  assertEquals(unknown.attributes["rpc.status_code"], "-32601");

  const posted = await collector.span("client", "POST", CLIENT_KIND);
  const overHttp = await collector.span("server", "fetched", SERVER_KIND, posted);
  assertEquals(overHttp.attributes["jsonrpc.request.id"], "by HTTP");
  assert(collector.spans.every(({ name }) => !name.startsWith("rpc.")));

  for (const side of ["server", "client"]) {
    // deno-lint-ignore no-explicit-any
    const { unit, histogram }: any = await collector.find(
      () => collector.metrics.find(({ name }) => name === `rpc.${side}.call.duration`),
      `the histogram of the ${side}`,
    );
    assertEquals(unit, "s");
    const [{ explicitBounds }] = histogram.dataPoints;
    assertEquals([explicitBounds[0], explicitBounds.at(-1)], [0.0001, 10]);
  }
});

Deno.test("a call whose caller records nothing gets no span", async () => {
  await using collector = new Collector();
  await using server = await serveTraced(collector);
  const peer = await RawPeer.dial(server.address);
  const trace = (digit: string, flags: string) =>
    `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`;
  for (const [digit, flags] of [["a", "00"], ["b", "01"]] as const) {
    const _meta = { traceparent: trace(digit, flags) };
    await peer.ask({ jsonrpc: "2.0", id: digit, method: "failed", params: { _meta } });
  }
  peer.close();
  const span = await collector.span("server", "failed", SERVER_KIND);
  assertEquals([span.traceId, span.parentSpanId], ["b".repeat(32), "b".repeat(16)]);
});

Deno.test("what is sent in protobuf has the same names", async () => {
  await using collector = new Collector();
  await using server = await serveTraced(collector, "http/protobuf");
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "failed" });
  peer.close();
  for (
    const [path, text] of [["/v1/traces", "failed"], ["/v1/metrics", "rpc.server.call.duration"]]
  ) {
    const { type } = await collector.find(
      () =>
        collector.bodies.find((body) =>
          body.path === path && new TextDecoder().decode(body.bytes).includes(text!)
        ),
      `${text} at ${path}`,
    );
    assertEquals(type, "application/x-protobuf");
  }
});
