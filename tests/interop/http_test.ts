// HTTP with clients that are not ours, beyond what the table of `_web_clients.ts` shows: curl, Python's
// http.client and Deno's fetch; over TCP, TLS and Unix sockets, and to several threads.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { method, serve, serveWorkers, stream } from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { within } from "../support/deadline.ts";
import { aborted, Events } from "../support/events.ts";
import { call } from "../support/http.ts";
import { testWith } from "../support/tools.ts";
import { socketPath } from "../support/wires.ts";

const left = new Events();

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  wait: method(async (_, { signal }) => {
    left.add("begun");
    await aborted(signal);
    left.add("aborted");
  }),
  count: stream(z.int(), async function* (to) {
    for (let n = 0; n < to; n++) yield n;
    await Promise.resolve();
  }),
};

const JSON_TYPE = ["-H", "content-type: application/json"];
const ADD = call("add", { a: 1, b: 2 }), THREE = '{"jsonrpc":"2.0","id":1,"result":3}';

/** What a program prints. */
async function output(program: string, ...args: readonly string[]): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { NO_PROXY: "*" },
  });
  const { stdout, stderr } = await within(command.output(), program);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const curl = (...args: readonly string[]) => output("curl", "-sS", ...args);

function served() {
  const server = serve(api, { listen: "tcp://127.0.0.1:0" });
  return { server, url: server.addresses[0]!.replace("tcp:", "http:") + "/" };
}

testWith(["curl"], "curl calls, streams, reads pages, and cancels by hanging up", async () => {
  const { server, url } = served();
  await using _ = server;
  assertEquals(await curl(url, ...JSON_TYPE, "-d", ADD), THREE);
  assertEquals(await curl(url, ...JSON_TYPE, "--http1.0", "-d", ADD), THREE);
  assertEquals(await curl(url, ...JSON_TYPE, "-H", "Transfer-Encoding: chunked", "-d", ADD), THREE);
  const two = await curl(
    url,
    ...JSON_TYPE,
    "-d",
    ADD,
    "--next",
    "-sS",
    url,
    ...JSON_TYPE,
    "-d",
    ADD,
  );
  assertEquals(two, THREE + THREE);
  const events = await curl(
    "-N",
    url,
    ...JSON_TYPE,
    "-H",
    "accept: text/event-stream",
    "-d",
    call("count", [2]),
  );
  assertMatch(
    events,
    /^data: \{.*\$\/stream\/item.*\}\n\n(data: .*\n\n)*data: .*"result":null\}\n\n$/,
  );
  const lines = await curl(
    "-N",
    url,
    ...JSON_TYPE,
    "-H",
    "accept: application/x-ndjson",
    "-d",
    call("count", [2]),
  );
  assertEquals(JSON.parse(lines.trimEnd().split("\n").at(-1)!).result, null);
  // A body that curl asks for first, and one that is too long.
  const long = call("add", { a: 1, b: 2, c: "x".repeat(1 << 20) });
  assertStringIncludes(
    await curl(
      url,
      ...JSON_TYPE,
      "-w",
      "%{http_code}",
      "-H",
      "Expect: 100-continue",
      "-d",
      long.slice(0, 90_000),
    ),
    "400",
  );
  const status = ["-o", "/dev/null", "-w", "%{http_code}"];
  assertEquals(await curl(...status, "-X", "DELETE", url), "405");
  assertEquals(await curl(...status, "-d", ADD, url), "415");
  assertEquals(await curl(...status, "-I", url + "health"), "200");
  assertEquals(
    await curl(...status, "-H", "Origin: https://evil.example", ...JSON_TYPE, "-d", ADD, url),
    "403",
  );
  assertEquals(
    await curl(...status, "--resolve", "evil.example:1:127.0.0.1", "-H", "Host: evil.example", url),
    "403",
  );
  // The command that the first page shows works as it stands there.
  const page = await curl(url), command = /curl .*/.exec(page)![0];
  assertStringIncludes(
    await output("sh", "-c", command.replace("curl", "curl -sS")),
    '"framing":"http"',
  );
  // To give up is to cancel.
  await curl("-m", "0.2", url, ...JSON_TYPE, "-d", call("wait"));
  await left.has("aborted");
});

testWith(["curl"], "curl calls through a Unix socket", async () => {
  const path = socketPath();
  await using server = serve(api, { listen: `unix://${path}` });
  await server.ready;
  assertEquals(await curl("--unix-socket", path, "http://any/", ...JSON_TYPE, "-d", ADD), THREE);
});

testWith(["curl", "openssl"], "curl calls over TLS, at https: and at tls:", async () => {
  const { ca, clientCa, server: tls, client } = certificates();
  for (const scheme of ["https", "tls"]) {
    await using server = serve(api, {
      listen: `${scheme}://127.0.0.1:0`,
      tls: { ...tls, clientCa },
    });
    await server.ready;
    const url = server.addresses[0]!.replace(/^tls:/, "https:") + "/";
    const papers = ["--cacert", ca, "--cert", client.cert, "--key", client.key];
    assertEquals(await curl(...papers, url, ...JSON_TYPE, "-d", ADD), THREE);
    const version = await curl(...papers, "-o", "/dev/null", "-w", "%{http_version}", url);
    assertEquals(version, "1.1");
  }
});

testWith(["python3"], "Python's http.client calls again and again on one connection", async () => {
  const { server } = served();
  await using _ = server;
  const { port } = new URL(server.addresses[0]!.replace("tcp:", "http:"));
  const program = `
import http.client, json
line = http.client.HTTPConnection("127.0.0.1", ${port})
sums = []
for n in range(100):
    body = json.dumps({"jsonrpc": "2.0", "id": n, "method": "add", "params": {"a": n, "b": 1}})
    line.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    assert answer.status == 200, answer.status
    sums.append(json.loads(answer.read())["result"])
line.request("POST", "/", '{"jsonrpc":"2.0","method":"nothing"}', {"Content-Type": "application/json"})
answer = line.getresponse()
print(sum(sums), answer.status, len(answer.read()))
line.request("POST", "/", iter([b'{"jsonrpc":"2.0","id":1,', b'"method":"add","params":[1,2]}']),
    {"Content-Type": "application/json"}, encode_chunked=True)
print(json.loads(line.getresponse().read())["result"])
`;
  assertEquals(await output("python3", "-c", program), "5050 202 0\n3\n");
  assertEquals(server.connections <= 1, true);
});

Deno.test("Deno's fetch calls, reads events as they come, and aborts", async () => {
  const { server, url } = served();
  await using _ = server;
  using client = Deno.createHttpClient({});
  const ask = (body: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(url, {
      client,
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
      ...(signal && { signal }),
    });
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => await (await ask(ADD)).text()),
  );
  assert(answers.every((it) => it === THREE));
  const stream = await ask(call("count", [3]), { accept: "text/event-stream" });
  assertEquals(stream.headers.get("content-type"), "text/event-stream");
  assertStringIncludes(await stream.text(), '"result":null');
  const controller = new AbortController(), before = left.all.length;
  const waiting = ask(call("wait"), {}, controller.signal).catch((error) => error.name);
  await left.count(before + 1);
  controller.abort();
  assertEquals(await waiting, "AbortError");
  assertEquals((await left.count(before + 2)).at(-1), "aborted");
});

testWith(["curl"], "several threads answer HTTP at one address", async () => {
  await using server = serveWorkers(import.meta.resolve("../unit/server/_workers_api.ts"), {
    listen: "tcp://127.0.0.1:0",
    workers: 2,
    http: { hosts: ["api.example"] },
  });
  await server.ready;
  const url = server.addresses[0]!.replace("tcp:", "http:") + "/";
  const threads = new Set<string>();
  for (let tries = 0; threads.size < 2 && tries < 200; tries++) {
    threads.add(await curl(url, ...JSON_TYPE, "-H", "Host: api.example", "-d", call("who")));
  }
  assertEquals([...threads].every((it) => typeof JSON.parse(it).result === "number"), true);
  assertEquals(threads.size, 2);
});
