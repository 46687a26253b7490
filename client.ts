/**
 * The client. Scripts import {@linkcode connect} from here; run directly it calls methods from the
 * command line: `deno run -N client.ts tcp://127.0.0.1:8080 upper '"hello"'`.
 *
 * Nothing here or in what it runs needs an import map or a package registry, so that both work from a
 * URL on any machine.
 *
 * @example
 * ```ts
 * import { method, serve } from "@landline/rpc";
 * import { connect } from "@landline/rpc/client";
 * import { assert } from "@std/assert";
 *
 * const api = { now: method(() => new Date(0)) };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect<typeof api>(server.addresses[0]!);
 * assert(await line.call.now() === "1970-01-01T00:00:00.000Z");
 * ```
 *
 * @module
 */

export * from "./lib/client.ts";

if (import.meta.main) {
  // A literal, so that no permission is needed to load it; run only here, so that scripts stay light.
  const { runClient } = await import("./cli/client/main.ts");
  Deno.exit(await runClient(Deno.args));
}
