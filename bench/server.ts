/**
 * Landline as it is measured: `serve()` with its default limits.
 *
 *     deno run -A bench/server.ts PORT [--metrics]
 *
 * @module
 */

import { serve } from "../lib/mod.ts";
import { api } from "./api.ts";

const server = serve(api, {
  listen: `tcp://127.0.0.1:${Number(Deno.args[0] ?? 0)}`,
  metrics: Deno.args.includes("--metrics"),
  onListen: (address) => console.log(`listening on ${address}`),
  onError: (error, about) => console.error(about, error),
});
await server.finished;
