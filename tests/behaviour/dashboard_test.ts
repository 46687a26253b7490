// deploy/grafana.json and deploy/prometheus.yml: every query of the dashboard, asked of a real Prometheus that
// scrapes a real server, gives numbers.

import { assert, assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, method, serve, settle, stream } from "../../lib/mod.ts";
import { makeFolder } from "../cli/_programs.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/local.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(Deno.readTextFileSync(new URL("grafana.json", DEPLOY))) as {
  readonly panels: readonly Panel[];
};

/** The queries, with what Grafana fills in for its variables. */
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll("$__rate_interval", "10s").replaceAll("$job", "landline"),
  }))
);

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  asked: method(async (_, { call }) => await call["answer"]!()),
  sum: method(async (_, { items }) => {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  }, { items: z.number() }),
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
};

/** A Prometheus that scrapes this address as deploy/prometheus.yml says, only more often. */
async function startPrometheus(target: string) {
  const config = (await Deno.readTextFile(new URL("prometheus.yml", DEPLOY)))
    .replace("127.0.0.1:8080", target).replace("5s", "100ms");
  const folder = await makeFolder({ "prometheus.yml": config });
  const address = `127.0.0.1:${freePort()}`;
  const process = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder.path}/prometheus.yml`,
      `--storage.tsdb.path=${folder.path}/data`,
      `--web.listen-address=${address}`,
      "--log.level=warn",
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    /** The values that a query gives now. */
    async values(query: string): Promise<number[]> {
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(query)}`;
      const { status, data, error } = await (await fetch(url)).json();
      assertEquals(status, "success", `${query}: ${error}`);
      return data.result.map(({ value }: { value: [number, string] }) => Number(value[1]));
    },
    async isReady(): Promise<boolean> {
      const answer = await fetch(`http://${address}/-/ready`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok ?? false;
    },
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
      await folder[Symbol.asyncDispose]();
    },
  };
}

testWith(["prometheus"], "every query of the dashboard gives numbers", async () => {
  assert(queries.length > 20);
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    metrics: true,
    limits: { maxStreams: 1 },
  });
  const address = server.addresses[0]!;
  await using prometheus = await startPrometheus(address.slice("tcp://".length));
  await until(() => prometheus.isReady(), "Prometheus to be ready");
  await using line = await connect<typeof api>(address, { api: { answer: method(() => 1) } });
  const work = async () => {
    await line.call.upper("a");
    await settle(line.call.upper(1 as never));
    await line.call.asked();
    for await (const _ of line.call.count(3)) { /* an item */ }
    await line.call.sum(undefined, { items: [1, 2] });
    const peer = await RawPeer.dial(address);
    await peer.send({ jsonrpc: "2.0", id: 1, method: "sum" });
    await peer.ask({ jsonrpc: "2.0", id: 2, method: "sum" });
    await peer.ask("{]");
    peer.close();
  };
  // What a query gives needs two scrapes between which something has happened.
  const left = new Set(queries);
  await within(
    (async () => {
      while (left.size > 0) {
        await work();
        for (const query of left) {
          const values = await prometheus.values(query.expr);
          if (values.some(Number.isFinite)) left.delete(query);
        }
      }
    })(),
    "each query",
  ).catch((error) => {
    throw new Error(`no numbers: ${JSON.stringify([...left])}`, { cause: error });
  });
  assertEquals(await prometheus.values('up{job="landline"}'), [1]);
});

testWith(["promtool"], "promtool finds nothing wrong with deploy/prometheus.yml", async () => {
  const path = new URL("prometheus.yml", DEPLOY);
  const { code, stderr } = await new Deno.Command("promtool", {
    args: ["check", "config", path.pathname],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});
