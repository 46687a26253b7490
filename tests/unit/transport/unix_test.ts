// unix: a foreign program at either end.

import { assertEquals } from "@std/assert";
import { connect, method, serve } from "../../../lib/mod.ts";
import * as z from "npm:zod@4";
import { until, within } from "../../support/deadline.ts";
import { testWith } from "../../support/tools.ts";

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

function socketPath(): string {
  return `/tmp/landline-${crypto.randomUUID()}.sock`;
}

testWith(["socat"], "socat is answered over unix:", async () => {
  const path = socketPath();
  const server = serve(api, { listen: `unix://${path}` });
  await server.ready;
  const socat = new Deno.Command("socat", {
    args: ["-t", "20", "-", `UNIX-CONNECT:${path}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = socat.stdin.getWriter();
  await input.write(
    new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}\n'),
  );
  await input.close();
  // It half-closes and waits for the answer, and for the end.
  const { stdout } = await within(socat.output(), "socat to end");
  assertEquals(new TextDecoder().decode(stdout), '{"jsonrpc":"2.0","id":1,"result":3}\n');
  await server.shutdown();
});

testWith(["socat"], "connect() to unix: calls through a relay of socat's", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const { host } = new URL(server.addresses[0]!);
  const path = socketPath();
  const socat = new Deno.Command("socat", {
    args: [`UNIX-LISTEN:${path},fork`, `TCP:${host}`],
    stdin: "null",
    stdout: "null",
  }).spawn();
  try {
    await until(() => isThere(path), "socat to listen");
    await using line = await connect<typeof api>(`unix://${path}`);
    assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  } finally {
    socat.kill("SIGTERM");
    await socat.status;
    if (isThere(path)) await Deno.remove(path);
  }
});

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}
