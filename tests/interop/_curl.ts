// curl, over TCP, TLS and a Unix socket.

import { assertEquals } from "@std/assert";
import { certificates } from "../support/certificates.ts";
import { within } from "../support/deadline.ts";
import { call } from "../support/http.ts";
import { socketPath } from "../support/wires.ts";
import { type OurServer, ourServer } from "./_our_server.ts";
import { type Cells, type Pair, webPairOf } from "./_pairs.ts";
import type { ServeOptions } from "../../lib/mod.ts";

interface Ends extends OurServer, AsyncDisposable {
  /** What curl is called with for every request: where to, and with which papers. */
  readonly to: readonly string[];
}

const JSON_TYPE = ["-H", "content-type: application/json"];
const LINES = ["-N", "-H", "accept: application/x-ndjson"];

function spawned({ to }: Ends, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("curl", {
    args: ["-sS", ...to, ...JSON_TYPE, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    env: { NO_PROXY: "*" },
  }).spawn();
}

/** What it prints. */
async function curl(ends: Ends, body: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await within(spawned(ends, ["-d", body, ...args]).output(), "curl");
  return new TextDecoder().decode(stdout);
}

/** The messages of an answer that comes as lines. */
async function messages(ends: Ends, body: string) {
  const text = await curl(ends, body, ...LINES);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const CELLS: Cells<Ends> = {
  call: async (ends) =>
    assertEquals(JSON.parse(await curl(ends, call("upper", ["hé😀"]))).result, "HÉ😀"),
  "by name": async (ends) => {
    const body = call("subtract", { minuend: 42, subtrahend: 23 });
    assertEquals(JSON.parse(await curl(ends, body)).result, 19);
  },
  error: async (ends) =>
    assertEquals(JSON.parse(await curl(ends, call("nope", []))).error.code, -32601),
  notification: async (ends) => {
    const body = '{"jsonrpc":"2.0","method":"note","params":{"text":"noted"}}';
    assertEquals(await curl(ends, body, "-w", "%{http_code}"), "202");
    assertEquals(await ends.noted.count(1), ["noted"]);
  },
  batch: async (ends) => {
    const answers = JSON.parse(
      await curl(ends, `[${call("upper", ["a"], 1)},${call("nope", [], 2)}]`),
    );
    assertEquals(answers[0].result, "A");
    assertEquals(answers[1].error.code, -32601);
  },
  "100 at once": async (ends) => {
    const [url = "", ...more] = ends.to.toReversed();
    const all = { ...ends, to: [...more.toReversed(), `${url}?[1-100]`] };
    const text = await curl(all, call("upper", ["n"]), "--parallel", "--no-progress-meter");
    assertEquals(text.match(/"result":"N"/g)?.length, 100);
  },
  "600 KB": async (ends) => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, call("upper", ["é".repeat(300_000)]));
    assertEquals(JSON.parse(await curl(ends, `@${file}`)).result, "É".repeat(300_000));
    await Deno.remove(file);
  },
  stream: async (ends) => {
    const told = await messages(ends, call("count", [3]));
    const { result } = told.pop();
    const items = told.flatMap(({ params: { values, value } }) => values ?? [value]);
    assertEquals([items, result], [[0, 1, 2], null]);
  },
  "items up": "HTTP has no way to ask for items",
  cancel: async (ends) => {
    const waiting = spawned(ends, ["-d", call("wait")]);
    await within(ends.waiting.begun, "the call to begin");
    waiting.kill("SIGINT");
    await within(ends.waiting.aborted, "the handler to be told");
    await waiting.output();
  },
  progress: async (ends) => {
    const [told] = await messages(ends, call("work", { _meta: { progressToken: "t" } }));
    assertEquals([told.method, told.params.value], ["$/progress", "half"]);
  },
  "calls back": "HTTP has no way back",
};

function pair(
  over: string,
  how: string,
  where: () => { listen: string; options?: ServeOptions; to: (port: number) => readonly string[] },
  tools: readonly string[] = [],
): Pair {
  return webPairOf(
    { theirs: "curl 7", over, how },
    async () => {
      const { listen, options, to } = where();
      const ours = ourServer({}, listen, options);
      await ours.server.ready;
      return {
        ...ours,
        to: to(ours.port),
        [Symbol.asyncDispose]: () => ours.server.shutdown(0),
      };
    },
    CELLS,
    ["curl", ...tools],
  );
}

export const CURL: readonly Pair[] = [
  pair(
    "http",
    "`curl URL -H 'content-type: application/json' -d '{…}'`",
    () => ({ listen: "tcp://127.0.0.1:0", to: (port) => [`http://127.0.0.1:${port}/`] }),
  ),
  pair(
    "http, unix",
    "the same, with `--unix-socket PATH`",
    () => {
      const path = socketPath();
      return {
        listen: `unix://${path}`,
        to: () => ["--unix-socket", path, "http://localhost/"],
      };
    },
  ),
  pair(
    "https",
    "the same, with `--cacert`, `--cert` and `--key`",
    () => {
      const { ca, clientCa, server, client } = certificates();
      return {
        listen: "tls://127.0.0.1:0",
        options: { tls: { ...server, clientCa } },
        to: (port) => [
          ...["--cacert", ca, "--cert", client.cert, "--key", client.key],
          `https://127.0.0.1:${port}/`,
        ],
      };
    },
    ["openssl"],
  ),
];
