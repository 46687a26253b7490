/**
 * A server that asks who calls, and takes its time to find out who bob is; it takes the command line of
 * main.ts, and listens at the plain addresses alone.
 *
 * @module
 */

import { type Authenticate, serve } from "../../lib/mod.ts";
import { api } from "./api.ts";
import { TOKENS } from "./attack.ts";
import { sleep } from "./crowd.ts";

const authenticate: Authenticate = (credentials) => {
  if (credentials.scheme !== "bearer") return undefined;
  if (credentials.token === TOKENS.alice) return "alice";
  return credentials.token === TOKENS.bob ? sleep(5).then(() => "bob") : undefined;
};

const path = Deno.args.find((it) => it.startsWith("--listen=unix:"))!.slice("--listen=".length);
await using server = serve(api, { listen: ["tcp://127.0.0.1:0", path], authenticate });
await server.ready;
for (const address of server.addresses) console.log(`listening on ${address}`);
await server.finished;
