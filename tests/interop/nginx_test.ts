// A server behind nginx, with the configuration that docs/http.md shows.

import { assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, method, serve, stream } from "../../lib/mod.ts";
import { until, within } from "../support/deadline.ts";
import { call } from "../support/http.ts";
import { testWith } from "../support/tools.ts";

/** The configuration of the page, for these two ports and without the certificate. */
async function configuration(folder: string, front: number, back: number): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/http.md", import.meta.url));
  const block = /```nginx\n(.*?)```/s.exec(page)![1]!
    .replace("127.0.0.1:8080", `127.0.0.1:${back}`)
    .replace("listen 443 ssl", `listen 127.0.0.1:${front}`);
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`);
  return `pid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${
    folders.join("\n")
  }\n${block}}\n`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

testWith(
  ["nginx"],
  "nginx passes calls, streams and WebSockets on, as docs/http.md has it",
  async () => {
    const seen = Promise.withResolvers<void>();
    const api = {
      add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
      two: stream(async function* () {
        yield "first";
        await seen.promise;
        yield "second";
      }),
    };
    const http = { hosts: ["api.example"], origins: ["https://api.example"] };
    await using server = serve(api, { listen: "tcp://127.0.0.1:0", http });
    const folder = await Deno.makeTempDir({ prefix: "landline-" }), front = freePort();
    const file = `${folder}/nginx.conf`, back = Number(new URL(server.addresses[0]!).port);
    await Deno.writeTextFile(file, await configuration(folder, front, back));
    await using nginx = new Deno.Command("nginx", {
      args: ["-p", folder, "-e", "stderr", "-c", file, "-g", "daemon off; error_log stderr;"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await until(async () => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: front }).catch(() =>
          undefined
        );
        conn?.close();
        return conn !== undefined;
      }, "nginx to listen");
      const url = `http://127.0.0.1:${front}/`;
      const post = (body: string, headers: Record<string, string> = {}) =>
        fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body,
        });
      // One connection after another and the same again: nginx keeps those to the server.
      for (let i = 0; i < 3; i++) {
        const answer = await within(post(call("add", { a: i, b: 1 })), "an answer");
        assertEquals((await answer.json()).result, i + 1);
      }
      const foreign = await post(call("add", { a: 1, b: 1 }), { origin: "https://evil.example" });
      assertEquals(foreign.status, 403);
      await foreign.body!.cancel();

      const events = await post(call("two"), { accept: "text/event-stream" });
      let text = "";
      for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text.includes("first")) seen.resolve(); // it came before there was a second one
      }
      assertEquals([text.includes("second"), text.includes('"id":1')], [true, true]);

      await using line = await connect<typeof api>(`ws://127.0.0.1:${front}/rpc`);
      assertEquals(await within(line.call.add({ a: 20, b: 1 }), "an answer"), 21);
      assertEquals(await Array.fromAsync(line.call.two()), ["first", "second"]);
    } finally {
      nginx.kill("SIGTERM");
      await nginx.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
);
