/**
 * A server with rates that main.ts has no flags for; it takes the same command line, and listens at TCP
 * alone.
 *
 * @module
 */

import { serve } from "../../lib/mod.ts";
import { api } from "./api.ts";

const path = Deno.args.find((it) => it.startsWith("--listen=unix:"))!.slice("--listen=".length);
await using server = serve(api, {
  listen: ["tcp://127.0.0.1:0", path],
  rateLimit: { connection: { calls: 10, bytes: 100_000 } },
});
await server.ready;
for (const address of server.addresses) console.log(`listening on ${address}`);
await server.finished;
