// A server behind nginx, with the configurations that docs/http.md and docs/addresses.md show.

import { assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, method, serve, type ServeOptions, stream } from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { within } from "../support/deadline.ts";
import { call } from "../support/http.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { freePort } from "../support/local.ts";
import { blockOf, changed, nginx } from "./_proxy.ts";

/** Where nginx connects from. Its callers, who are on this machine as well, are not there. */
const PROXY = "127.0.0.9";

const http = {
  hosts: ["api.example"],
  origins: ["https://api.example"],
  trustProxy: [PROXY, "unix"],
};

/** Everything that a proxy has to pass on. */
function api(seen: Promise<void>) {
  return {
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
    who: method((_, { peer }) => peer.address),
    two: stream(async function* () {
      yield "first";
      await seen;
      yield "second";
    }),
  };
}

for (const kind of ["TCP", "a Unix socket"]) {
  testWith(
    ["nginx", "openssl"],
    `nginx ends TLS, and passes calls, streams and WebSockets on over ${kind}, as docs/http.md has it`,
    async () => {
      const seen = Promise.withResolvers<void>(), { ca, server: own } = certificates();
      const folder = await Deno.makeTempDir({ prefix: "landline-" }), path = `${folder}/s`;
      try {
        await using server = serve(api(seen.promise), {
          listen: kind === "TCP" ? "tcp://127.0.0.1:0" : `unix://${path}`,
          http,
        });
        await server.ready;
        const port = freePort(), [address] = server.addresses as [string];
        const block = changed(await blockOf("http.md", "nginx"), {
          "server 127.0.0.1:8080": kind === "TCP"
            ? `server ${address.slice("tcp://".length)}`
            : `server unix:${path}`,
          "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;` +
            (kind === "TCP" ? ` proxy_bind ${PROXY};` : ""),
          "/etc/ssl/api.example.pem": own.cert,
          "/etc/ssl/api.example.key": own.key,
        });
        await using _nginx = await nginx("http", port, block);
        using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(ca)] });
        const post = (body: string, headers: Record<string, string> = {}) =>
          within(
            fetch(`https://localhost:${port}/`, {
              client,
              method: "POST",
              headers: { "content-type": "application/json", ...headers },
              body,
            }),
            "an answer",
          );
        const result = async (answer: Response) => (await answer.json()).result;
        // One connection after another and the same again: nginx keeps those to the server.
        for (let i = 0; i < 3; i++) {
          assertEquals(await result(await post(call("add", { a: i, b: 1 }))), i + 1);
        }
        const page = await post(call("add", { a: 1, b: 1 }), { origin: "https://api.example" });
        assertEquals(page.headers.get("access-control-allow-origin"), "https://api.example");
        assertEquals(await result(page), 2);
        const foreign = await post(call("add", { a: 1, b: 1 }), { origin: "https://evil.example" });
        assertEquals(foreign.status, 403);
        await foreign.body!.cancel();

        // The caller, whatever it says of itself.
        for (
          const headers of [{}, { "x-forwarded-for": "203.0.113.7" }, {
            forwarded: "for=203.0.113.7",
          }, { "x-forwarded-for": '", ', forwarded: '"' }]
        ) assertEquals(await result(await post(call("who"), headers)), "tcp://127.0.0.1");

        const events = await post(call("two"), { accept: "text/event-stream" });
        let text = "";
        for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
          text += chunk;
          if (text.includes("first")) seen.resolve(); // it came before there was a second one
        }
        assertEquals([text.includes("second"), text.includes('"id":1')], [true, true]);

        await using line = await connect<ReturnType<typeof api>>(`wss://localhost:${port}/rpc`, {
          tls: { ca },
          headers: { "X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7" },
        });
        assertEquals(await within(line.call.add({ a: 20, b: 1 }), "an answer"), 21);
        assertEquals(await Array.fromAsync(line.call.two()), ["first", "second"]);
        assertEquals(await line.call.who(), "tcp://127.0.0.1");
        assertEquals([...server.peers].map((peer) => peer.address), ["tcp://127.0.0.1"]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

testWith(
  ["nginx", "debian:libnginx-mod-stream"],
  "nginx says with the PROXY protocol whose a connection is, as docs/addresses.md has it",
  async () => {
    const errors: unknown[] = [];
    const options: ServeOptions = {
      listen: "tcp://127.0.0.1:0",
      proxyProtocol: [PROXY],
      onError: (error) => errors.push(error),
    };
    await using server = serve(api(Promise.resolve()), options);
    const port = freePort();
    const block = changed(await blockOf("addresses.md", "nginx"), {
      "listen 9000;": `listen 127.0.0.1:${port}; proxy_bind ${PROXY};`,
      "127.0.0.1:8080": server.addresses[0]!.slice("tcp://".length),
    });
    await using _nginx = await nginx("stream", port, block);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    using peer = new RawPeer(conn, "json");
    const answer = await peer.ask(call("who"));
    assertEquals(answer.result, `tcp://127.0.0.1:${conn.localAddr.port}`);
    assertEquals(errors, []);
  },
);
