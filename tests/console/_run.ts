// Runs scenarios by hand: `deno run -A tests/console/_run.ts [--narrow] [PART OF A NAME]`.

import { program } from "../interop/_npm.ts";
import { serveWorld } from "./_api.ts";

const isNarrow = Deno.args.includes("--narrow");
const only = Deno.args.find((arg) => !arg.startsWith("--")) ?? "";
await using world = await serveWorld();
const given = JSON.stringify({ ...world.urls, isNarrow, only, patience: 20_000 });
const [command, ...args] = program(`${import.meta.dirname}/_browser.ts`, given);
await new Deno.Command(command!, { args }).spawn().status;
