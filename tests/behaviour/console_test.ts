// The console as it is served: to a browser and to nobody else, packed once, under a policy that lets it load
// nothing from elsewhere. What it does in a browser is in tests/console/.

import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bearerTokens, serve, type ServeOptions } from "../../lib/mod.ts";
import { HttpPeer, request } from "../support/http.ts";

const ROOT = new URL("../../", import.meta.url);

/** What a browser asks with. */
const BROWSER = ["Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"];
const GZIP = "Accept-Encoding: gzip, deflate, br, zstd";

/** Bytes that all files take together, as sent, before the bytes panel is opened. */
const BUDGET = 60_000;

async function served(options: ServeOptions = {}) {
  const server = serve({}, { listen: "tcp://127.0.0.1:0", http: { console: true }, ...options });
  await server.ready;
  const address = server.addresses[0]!, peers: HttpPeer[] = [];
  return {
    async dial() {
      const peer = await HttpPeer.dial(address);
      peers.push(peer);
      return peer;
    },
    async [Symbol.asyncDispose]() {
      for (const peer of peers) peer[Symbol.dispose]();
      await server.shutdown(0);
    },
  };
}

/** What is loaded when a message is opened. */
const LATER: readonly string[] = ["/console/bytes/panel.ts"];

/** The files that a browser loads, by their paths, with what is told of them. */
async function loaded(peer: HttpPeer) {
  const found = new Map<string, Awaited<ReturnType<HttpPeer["ask"]>>>();
  const load = async (path: string) => {
    if (found.has(path)) return;
    const answer = await peer.ask(request(`GET ${path}`, path === "/" ? BROWSER : []));
    found.set(path, answer);
    const named = path === "/"
      ? /\b(?:src|href)="(\/[^"]*)"/g
      : /\bimport\("(\.[^"]+)"\)|\bnew URL\("(\.[^"]+)", import\.meta\.url\)/g;
    for (const [, script, worker] of answer.body.matchAll(named)) {
      await load(new URL(script ?? worker!, `http://localhost${path}`).pathname);
    }
  };
  await load("/");
  return found;
}

/** The modules that one brings along, by their paths in the tree. */
function modulesFrom(path: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(path)) return found;
  found.add(path);
  const source = Deno.readTextFileSync(new URL(path, ROOT));
  const imports = source.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "").matchAll(
    /(?:^|\n)(?:import|export)\s(?!type\b)[^"';]*?\bfrom\s*"(\.[^"]+)"/g,
  );
  for (const [, from] of imports) {
    if (path === "console/commands.ts" && from === "./api.ts") continue; // stands in a text
    modulesFrom(new URL(from!, new URL(path, ROOT)).href.slice(ROOT.href.length), found);
  }
  return found;
}

Deno.test("GET / gives the console to a browser, and a text to everyone else", async () => {
  await using own = await served();
  const peer = await own.dial();
  const page = await peer.ask(request("GET /", BROWSER));
  assertEquals([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  assertMatch(page.body, /^<!DOCTYPE html>\n<html lang="en">/);
  for (const lines of [[], ["Accept: */*"], ["Accept: application/json"]]) {
    const text = await peer.ask(request("GET /", lines));
    assertEquals([text.status, text.headers.get("content-type")], [
      200,
      "text/plain; charset=utf-8",
    ]);
    assertStringIncludes(text.body, "curl http://localhost/");
  }
});

Deno.test("the console is not there unless it is asked for", async () => {
  for (const http of [undefined, { console: false }]) {
    await using own = await served(http && { http });
    await using bare = await served({ http: {} });
    for (const server of http === undefined ? [bare] : [own]) {
      const peer = await server.dial();
      const page = await peer.ask(request("GET /", BROWSER));
      assertEquals(page.headers.get("content-type"), "text/plain; charset=utf-8");
      assertEquals((await peer.ask(request("GET /console/app.ts"))).status, 404);
    }
  }
});

Deno.test("the console may load nothing from elsewhere, and runs no code that stands in the page", async () => {
  await using own = await served();
  const peer = await own.dial();
  const { headers, body } = await peer.ask(request("GET /", BROWSER));
  const policy = headers.get("content-security-policy")!;
  const style = /<style>([^]*?)<\/style>/.exec(body)![1]!;
  const hash = createHash("sha256").update(style).digest("base64");
  assertStringIncludes(
    policy,
    `default-src 'none'; script-src 'self'; style-src 'sha256-${hash}';`,
  );
  assert(!policy.includes("unsafe"));
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  assertEquals(/<script(?![^>]*\bsrc=")|\son\w+=|\sstyle=|<style[^]*<style/.exec(body), null);
  assertEquals(
    Array.from(body.matchAll(/\b(?:src|href)="([^"]*)"/g), ([, url]) => url!).filter((url) =>
      !/^\/console\/|^data:/.test(url)
    ),
    [],
  );
});

Deno.test("every file that the page loads is there, without types, and no other", async () => {
  await using own = await served();
  const peer = await own.dial();
  const { consoleFiles } = await import("../../lib/http/console_files.ts");
  const files = await loaded(peer);
  for (const [path, { status, headers, body }] of files) {
    assertEquals([path, status], [path, 200]);
    if (!path.endsWith(".ts")) continue;
    assertEquals(headers.get("content-type"), "text/javascript; charset=utf-8");
    assertEquals(/^(?:export )?(?:interface|type) \w/m.exec(body), null, path);
  }
  assertEquals(new Set(files.keys()), new Set(consoleFiles.keys()));
  for (const path of LATER) assert(files.has(path), path);
  assertEquals((await peer.ask(request("GET /console/none.ts"))).status, 404);
  assertEquals((await peer.ask(request("GET /console/dom.ts"))).status, 404);
  assertEquals((await peer.ask(request("GET /lib/mod.ts"))).status, 404);
});

Deno.test("no source is kept that is not in a script of the page", async () => {
  const { consoleFiles } = await import("../../lib/http/console_files.ts");
  const path = "lib/http/console_texts.ts";
  const kept = Deno.readTextFileSync(new URL(path, ROOT)).matchAll(/from "(.*\.ts)" with/g);
  const scripts = [...consoleFiles.keys()].filter((path) => path.endsWith(".ts"));
  assertEquals(
    new Set(Array.from(kept, ([, it]) => new URL(it!, new URL(path, ROOT)).href)),
    new Set(
      scripts.flatMap((script) => [...modulesFrom(script.slice(1))]).map((it) =>
        new URL(it, ROOT).href
      ),
    ),
  );
});

Deno.test("a file is packed where the browser takes that, and not sent again when it is known", async () => {
  await using own = await served();
  const peer = await own.dial();
  const plain = await peer.ask(request("GET /console/app.ts"));
  assertEquals(plain.headers.get("content-encoding"), undefined);
  const tag = plain.headers.get("etag")!;
  assertEquals(plain.headers.get("cache-control"), "no-cache");
  assertEquals(
    (await peer.ask(request("GET /console/app.ts", [`If-None-Match: ${tag}`]))).status,
    304,
  );
  const refused = await peer.ask(request("GET /console/app.ts", ["Accept-Encoding: gzip;q=0, br"]));
  assertEquals(refused.headers.get("content-encoding"), undefined);
  const head = await peer.ask(request("HEAD /console/app.ts", [GZIP]));
  assertEquals(head.headers.get("content-encoding"), "gzip");
  const packedTag = head.headers.get("etag")!;
  assert(packedTag !== tag);
  assert(Number(head.headers.get("content-length")) < plain.body.length / 2);
  assertEquals(
    (await peer.ask(request("GET /console/app.ts", [GZIP, `If-None-Match: ${packedTag}`]))).status,
    304,
  );
});

Deno.test("requests that follow at once are answered behind the bytes of a packed file", async () => {
  await using own = await served();
  const peer = await own.dial();
  await peer.send(
    request("GET /console/app.ts") + request("GET /health") +
      request("GET /console/socket_worker.ts"),
  );
  assertStringIncludes((await peer.answer()).body, "showState");
  assertEquals((await peer.answer()).body, '{"status":"SERVING"}\n');
  assertStringIncludes((await peer.answer()).body, "self.onmessage");
  const last = await peer.ask(request("GET /console/socket_worker.ts", ["Connection: close"]));
  assertEquals([last.status, last.headers.get("connection")], [200, "close"]);
  assert(await peer.ends());
});

Deno.test(`the page takes at most ${BUDGET} bytes as sent`, async () => {
  await using own = await served();
  const paths = [...(await loaded(await own.dial())).keys()].filter((it) => !LATER.includes(it));
  let sum = 0;
  for (const path of paths) {
    const peer = await own.dial();
    await peer.send(request(`GET ${path}`, [...BROWSER, GZIP]));
    const { status, headers } = await peer.head();
    assertEquals(status, 200, path);
    sum += Number(headers.get("content-length"));
  }
  assertEquals(paths.length, 4, "requests before anything is seen of the server");
  console.log(`the console: ${sum} bytes as sent`);
  assert(sum <= BUDGET, `${sum} bytes`);
});

Deno.test("the page itself is open to all, and what it shows is not", async () => {
  await using own = await served({ authenticate: bearerTokens({ "s3cret": "alice" }) });
  const peer = await own.dial();
  assertEquals((await peer.ask(request("GET /", BROWSER))).status, 200);
  assertEquals((await peer.ask(request("GET /console/app.ts"))).status, 200);
  assertEquals((await peer.ask(request("GET /openrpc.json"))).status, 401);
});
