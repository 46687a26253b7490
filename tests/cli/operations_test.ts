// The commands of docs/operations.md do what the page says.

import { assert, assertEquals } from "@std/assert";
import { Collector } from "../support/collector.ts";
import { until } from "../support/deadline.ts";
import { freePort } from "../support/local.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { makeFolder, startServer } from "./_programs.ts";
import { blocksOf, commandsOf, ROOT, run } from "./_transcripts.ts";

const PAGE = "docs/operations.md";

testWith(["curl"], "the transcript in docs/operations.md is what one sees", async () => {
  const [first, ...others] = [...blocksOf(PAGE)].flatMap(commandsOf);
  assertEquals(first!.command, "deno task -q serve --metrics");
  await using server = await startServer(["--metrics"]);
  const { host } = new URL(server.address);
  assertEquals(others.length, 2);
  for (const { command, output } of others) {
    assertEquals(await run(command.replaceAll("127.0.0.1:8080", host)), output, command);
  }
});

/** The one-line command of the page that has this in it. */
function commandWith(text: string): string {
  const found = [...blocksOf(PAGE, "sh")].find((block) => block.includes(text));
  assert(found !== undefined, `no command with ${text}`);
  return found.trim();
}

testWith(["prometheus", "sh"], "the command that starts Prometheus starts it", async () => {
  await using folder = await makeFolder();
  const address = `127.0.0.1:${freePort()}`;
  const command = commandWith("--storage.tsdb.path")
    .replace("/tmp/landline-prometheus", `${folder.path}/data`);
  const process = new Deno.Command("sh", {
    args: ["-c", `exec ${command} --web.listen-address=${address}`],
    cwd: ROOT,
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await until(async () => {
      const answer = await fetch(`http://${address}/api/v1/targets`).catch(() => undefined);
      if (!answer?.ok) {
        await answer?.body?.cancel();
        return false;
      }
      const { data } = await answer.json();
      return data.activeTargets[0]?.scrapeUrl === "http://127.0.0.1:8080/metrics";
    }, "Prometheus to scrape");
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
});

Deno.test("the command that turns OpenTelemetry on has the server send its spans", async () => {
  await using collector = new Collector();
  const [, variables] = /^(.*) deno task serve$/.exec(commandWith("OTEL_DENO"))!;
  const env = Object.fromEntries(variables!.split(" ").map((it) => it.split("="))) as Record<
    string,
    string
  >;
  assertEquals(env["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://127.0.0.1:4318");
  await using server = await startServer([], {
    env: { ...collector.env("none"), ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "upper", params: ["a"] });
  peer.close();
  await collector.span("api", "upper", 2);
});

Deno.test("the commands of the live view and of the log do what the page says", async () => {
  await using folder = await makeFolder();
  const [serve, top] = commandWith("--admin").split("\n");
  const [, admin] = /^deno task serve --admin (unix:\S+)$/.exec(serve!)!;
  assertEquals(top, `deno run -A client.ts top ${admin}`);
  const [, options] = /^deno task serve (.*)$/.exec(commandWith("--log-format"))!;
  const socket = `unix://${folder.path}/admin`;
  await using _server = await startServer(
    ["--admin", socket, ...options!.split(" ")],
    {},
    /unix:.*admin/,
  );
  const shown = await run(`deno run -A client.ts top ${socket} --once`);
  assert(shown.startsWith("landline "), shown);
});
