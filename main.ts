/**
 * The server: serves an API module, or the demo, until it is told to stop. See
 * `deno task serve --help`.
 *
 * @module
 */

import { runServer } from "./cli/serve/main.ts";

if (import.meta.main) Deno.exit(await runServer(Deno.args));
