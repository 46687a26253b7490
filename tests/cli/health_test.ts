// client.ts health: an exit code that says whether a server serves.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client.ts";
import { bearerTokens, method, serve } from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { testWith } from "../support/tools.ts";
import { linesOf, makeFolder, runClient, say, serveRaw } from "./_programs.ts";

const api = { nothing: method(() => null) };

/** The addresses at which a server at a TCP port is asked. */
const WAYS = ["tcp", "ws", "http"];

/** A server of another project: the results of its calls, and undefined where it hangs up. */
function serveResults(resultOf: () => unknown) {
  return serveRaw(async (socket) => {
    try {
      for await (const line of linesOf(socket)) {
        const { id, method } = JSON.parse(line);
        if (method !== "rpc.health") continue; // what else the server can do is asked too
        const result = resultOf();
        if (result === undefined) return;
        await say(socket, JSON.stringify({ jsonrpc: "2.0", id, result }) + "\n");
      }
    } catch {
      // the client has left
    }
  });
}

/** With patience for a busy machine; an option that stands behind it counts. */
const health = (...args: string[]) => runClient(["health", "--timeout=60000", ...args]);

Deno.test("client.ts health ends with 0 and prints nothing if the server serves, at every address", async () => {
  await using folder = await makeFolder();
  await using server = serve(api, {
    listen: ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", `unix://${folder.path}/s`],
  });
  await server.ready;
  const [tcp, udp, unix] = server.addresses as [string, string, string];
  const ways = WAYS.map((scheme) => tcp.replace("tcp", scheme));
  for (const address of [...ways, `${ways[2]}/rpc`, `${ways[2]}/`, udp]) {
    assertEquals(await health(address), { code: 0, stdout: "", stderr: "" }, address);
  }
  const flags = ["-N", "-R", "-W"];
  assertEquals(await runClient(["health", unix], { flags }), { code: 0, stdout: "", stderr: "" });
  assertEquals((await health("--json", tcp)).stdout, '{"status":"SERVING"}\n');
});

testWith(["openssl"], "client.ts health trusts the CA that it is told of", async () => {
  const { ca, server: { cert, key } } = certificates();
  await using server = serve(api, { listen: "tls://127.0.0.1:0", tls: { cert, key } });
  const [tls] = server.addresses as [string];
  for (const address of [tls, tls.replace("tls", "https"), tls.replace("tls", "wss")]) {
    const trusting = await runClient(["health", "--ca", ca, address], { flags: ["-N", "-R"] });
    assertEquals(trusting, { code: 0, stdout: "", stderr: "" }, address);
    assertEquals((await health(address)).code, 3, address);
  }
});

Deno.test("client.ts health ends with 5 for another status than SERVING, and with 6 for no such service", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  server.health.set("mail", "NOT_SERVING");
  server.health.set("disk", "UNKNOWN");
  for (const scheme of WAYS) {
    const address = server.addresses[0]!.replace("tcp", scheme);
    const ask = async (service: string) => {
      const { code, stdout, stderr } = await health("--service", service, address);
      return [code, stdout, stderr];
    };
    assertEquals(await ask("mail"), [5, "", "not serving: NOT_SERVING\n"], address);
    assertEquals(await ask("disk"), [5, "", "not serving: UNKNOWN\n"], address);
    assertEquals(await ask("none"), [6, "", "not serving: SERVICE_UNKNOWN\n"], address);
    assertEquals(await ask(""), [0, "", ""], address);
  }
});

Deno.test("client.ts health ends with 1 if the server has no room for a connection", async () => {
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    limits: { maxConnections: 1 },
  });
  await using line = await connect<typeof api>(server.addresses[0]!);
  await line.call.nothing();
  for (const scheme of ["tcp", "http"]) {
    const address = server.addresses[0]!.replace("tcp", scheme);
    assertEquals((await health(address)).code, 1, address);
  }
});

Deno.test("client.ts health tells how many handlers go on although their calls have ended", async () => {
  await using server = serveResults(() => ({ status: "NOT_SERVING", hung: 64, more: 1 }));
  const { code, stderr } = await health(server.address);
  assertEquals(
    [code, stderr],
    [5, "not serving: NOT_SERVING, 64 handlers go on though their calls have ended\n"],
  );
  assertEquals(
    (await health("--json", server.address)).stdout,
    '{"status":"NOT_SERVING","hung":64}\n',
  );
});

Deno.test("client.ts health needs a token where callers are asked who they are, but not over HTTP", async () => {
  await using folder = await makeFolder({ token: "s3cret\n" });
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    authenticate: bearerTokens({ "s3cret": "prober" }),
  });
  const [tcp] = server.addresses as [string];
  const refused = await health(tcp);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "UNAUTHENTICATED");
  const args = ["health", "--token-file", `${folder.path}/token`, tcp];
  assertEquals((await runClient(args, { flags: ["-N", "-R"] })).code, 0);
  assertEquals((await health(tcp.replace("tcp", "http"))).code, 0);
});

Deno.test("client.ts health tells servers that answer something else, closed ports and silence apart", async () => {
  await using server = serveResults(() => "fine");
  const silent = serveRaw(async (socket) => {
    await Array.fromAsync(linesOf(socket)).catch(() => {}); // until the client leaves
  });
  await using web = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) =>
      request.url.endsWith("/api/health")
        ? Response.json({ status: "SERVING" })
        : new Response("404 page not found", { status: 404 }),
  );
  const site = `http://127.0.0.1:${web.addr.port}`;
  const ask = async (...args: string[]) => {
    const { code, stderr } = await health(...args);
    return [code, stderr.trimEnd()];
  };

  assertEquals(await ask(server.address), [
    1,
    "error: Cannot tell the health: the answer has no status",
  ]);
  assertEquals(await ask(site), [
    1,
    `error: Cannot tell the health of ${site}/health: it answers 404`,
  ]);
  assertEquals(await ask(`${site}/api/rpc`), [0, ""]);
  for (const scheme of WAYS) {
    const [code, why] = await ask("--timeout=100", silent.address.replace("tcp", scheme));
    assertEquals(code, 4, scheme);
    assertStringIncludes(String(why), "DEADLINE_EXCEEDED");
  }

  await silent[Symbol.asyncDispose]();
  for (const scheme of WAYS) {
    const address = silent.address.replace("tcp", scheme);
    const [code, why] = await ask(address);
    assertEquals(code, 3, address);
    assertStringIncludes(String(why), `Cannot connect to ${address}: `);
    assertStringIncludes(String(why), "Connection refused");
  }
  const lines = [["health"], ["health", "a", "b"], ["health", "nonsense"], ["health", "http:"]];
  for (const args of lines) assertEquals((await runClient(args)).code, 2, args.join(" "));
});

Deno.test("client.ts health --retry waits until the server serves", async () => {
  let asked = 0;
  const status = () => ++asked % 3 === 0 ? "SERVING" : "NOT_SERVING";
  await using server = serveResults(() => {
    if (asked !== 1) return { status: status() };
    asked++;
    return undefined;
  });
  assertEquals(await health("--retry", server.address), { code: 0, stdout: "", stderr: "" });
  assertEquals(asked, 3);
  await using web = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => Response.json({ status: status() }),
  );
  const address = `http://127.0.0.1:${web.addr.port}`;
  assertEquals(await health("--retry", address), { code: 0, stdout: "", stderr: "" });
  assertEquals(asked, 6);
});
