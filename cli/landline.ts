/**
 * The installed command `landline`: the server as `landline serve`, and all of the client. Install this
 * file, see docs/install.md; client.ts is the client alone, main.ts the server.
 *
 * @module
 */

import type { Program } from "./client/commands.ts";

const PROGRAM: Program = {
  name: "landline",
  server: {
    name: "serve",
    usage: "serve [API] [OPTIONS]",
    summary: "serves the API of a module, or a demo",
    importOptions: async () => (await import("./serve/args.ts")).SERVE_OPTIONS,
  },
};

if (import.meta.main) {
  // Each is loaded only when it is used. Literals, so that no permission is needed.
  const [command, ...args] = Deno.args;
  if (command === "serve") {
    const { serveProject } = await import("./serve/project.ts");
    Deno.exit(await serveProject(args, "landline serve"));
  }
  if (command === "types") {
    const { typesInProject } = await import("./describe/project_types.ts");
    const code = await typesInProject(Deno.args);
    if (code !== undefined) Deno.exit(code);
  }
  const { runClient } = await import("./client/main.ts");
  Deno.exit(await runClient(Deno.args, PROGRAM));
}
