// A server behind HAProxy, with the configuration that docs/addresses.md shows: it passes on bytes, with both
// versions of its PROXY protocol, or requests of HTTP.

import { assertEquals } from "@std/assert";
import { connect, method, serve, type ServeOptions } from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { until, within } from "../support/deadline.ts";
import { call, HttpPeer, post } from "../support/http.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { freePort } from "../support/local.ts";
import { blockOf, changed, haproxy } from "./_proxy.ts";

const api = { who: method((_, { peer }) => [peer.address, peer.localAddress, peer.transport]) };

/** Where HAProxy connects from. */
const PROXY = "127.0.0.9";

/** A server, and HAProxy in front of it with the page's configuration and these changes. */
async function served(options: ServeOptions, changes: Readonly<Record<string, string>> = {}) {
  const errors: unknown[] = [], opened: string[] = [];
  const server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    onError: (error) => errors.push(error),
    onOpen: (peer) => opened.push(peer.address),
    ...options,
  });
  const port = freePort(), back = new URL(server.addresses[0]!.replace(/^[a-z]+:/, "http:")).host;
  const proxy = await haproxy(
    port,
    changed(await blockOf("addresses.md", "haproxy"), {
      "bind :9000": `bind 127.0.0.1:${port}`,
      "127.0.0.1:8080": `${back} source ${PROXY}`,
      ...changes,
    }),
  );
  return {
    server,
    port,
    errors,
    opened,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server.shutdown(0);
    },
  };
}

/** What the page has, and what else HAProxy sends: version 1, and version 2 with all that it knows. */
const SENT: Readonly<Record<string, string>> = {
  "as the page has it": "send-proxy-v2",
  "in version 1": "send-proxy",
  "with a checksum and more":
    "send-proxy-v2-ssl-cn proxy-v2-options crc32c,ssl,authority,unique-id",
};

for (const [how, sent] of Object.entries(SENT)) {
  testWith(["haproxy"], `HAProxy says whose a connection is, ${how}`, async () => {
    const changes = { "check send-proxy-v2": `check inter 100ms ${sent}` };
    await using site = await served({ proxyProtocol: [PROXY] }, changes);
    for (const framing of ["json", "headers", "length"] as const) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: site.port });
      using peer = new RawPeer(conn, framing);
      const answer = await peer.ask(call("who"));
      const ends = [`tcp://127.0.0.1:${conn.localAddr.port}`, `tcp://127.0.0.1:${site.port}`];
      assertEquals(answer.result, [...ends, "tcp"]);
    }
    await using line = await connect<typeof api>(`ws://127.0.0.1:${site.port}`);
    const [address] = await line.call.who();
    assertEquals(/^tcp:\/\/127\.0\.0\.1:\d+$/.test(address!), true);
    // It looks every 100 ms whether the server is well, in its own name or as somebody without bytes.
    const seen = site.opened.length;
    if (sent !== "send-proxy") {
      await until(() => site.opened.length > seen + 1, "health checks");
      assertEquals(site.opened.at(-1)!.startsWith(`tcp://${PROXY}:`), true);
    }
    assertEquals(site.errors, []);
  });
}

testWith(
  ["haproxy", "openssl"],
  "HAProxy's PROXY header stands before TLS that it leaves alone",
  async () => {
    const { ca, server: own } = certificates();
    await using site = await served({
      listen: "tls://127.0.0.1:0",
      tls: own,
      proxyProtocol: [PROXY],
    });
    await using line = await connect<typeof api>(`tls://localhost:${site.port}`, { tls: { ca } });
    const [address, , transport] = await within(line.call.who(), "an answer");
    assertEquals([/^tls:\/\/127\.0\.0\.1:\d+$/.test(address!), transport], [true, "tls"]);
    assertEquals(site.errors, []);
  },
);

testWith(
  ["haproxy", "openssl"],
  "HAProxy ends TLS, and tells of the caller behind it",
  async () => {
    const { ca, server: own } = certificates(), folder = await Deno.makeTempDir();
    const both = await Deno.readTextFile(own.cert) + await Deno.readTextFile(own.key);
    await Deno.writeTextFile(`${folder}/pem`, both);
    try {
      const port = freePort();
      await using site = await served({ proxyProtocol: [PROXY] }, {
        "default_backend landline\n": `bind 127.0.0.1:${port} ssl crt ${folder}/pem\n` +
          "  default_backend landline\n",
        "check send-proxy-v2": "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,crc32c",
      });
      await using line = await connect<typeof api>(`tls://localhost:${port}`, { tls: { ca } });
      const [address, local, transport] = await within(line.call.who(), "an answer");
      assertEquals(/^tcp:\/\/127\.0\.0\.1:\d+$/.test(address!), true);
      assertEquals([local, transport], [`tcp://127.0.0.1:${port}`, "tcp"]);
      assertEquals(site.errors, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testWith(["haproxy"], "HAProxy says in X-Forwarded-For from where a request comes", async () => {
  await using site = await served({ http: { trustProxy: [PROXY] } }, {
    "mode tcp": "mode http\n  option forwardfor\n  http-reuse always\n  timeout tunnel 1h",
    "check send-proxy-v2": "check",
  });
  using peer = await HttpPeer.dial(`tcp://127.0.0.1:${site.port}`);
  for (const lines of [[], ["X-Forwarded-For: 203.0.113.7"], ["X-Forwarded-For: a\\", 'x: "']]) {
    const { body } = await peer.ask(post(call("who"), ...lines));
    assertEquals(JSON.parse(body).result[0], "tcp://127.0.0.1");
  }
  // It passes on the header that it does not write: then nobody is believed.
  const refused = await peer.ask(post(call("who"), "Forwarded: for=203.0.113.7"));
  assertEquals(refused.status, 400);
  await using line = await connect<typeof api>(`ws://127.0.0.1:${site.port}`);
  assertEquals((await line.call.who())[0], "tcp://127.0.0.1");
});
