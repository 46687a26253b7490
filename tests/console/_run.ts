// Runs scenarios by hand: `deno run -A tests/console/_run.ts [--narrow] [PART OF A NAME]`.

import { program } from "../interop/_npm.ts";
import { serveEverything, serveHostile } from "./_api.ts";

const isNarrow = Deno.args.includes("--narrow");
const only = Deno.args.find((arg) => !arg.startsWith("--")) ?? "";
await using server = await serveEverything();
await using locked = await serveEverything("s3cret");
await using leaving = await serveEverything();
await using aging = await serveEverything(undefined, 3000);
await using hostile = serveHostile(server);
const world = {
  everything: server.addresses[0]!.replace("tcp:", "http:"),
  locked: locked.addresses[0]!.replace("tcp:", "http:"),
  hostile: `http://127.0.0.1:${hostile.addr.port}`,
  leaving: leaving.addresses[0]!.replace("tcp:", "http:"),
  aging: aging.addresses[0]!.replace("tcp:", "http:"),
  isNarrow,
  only,
  patience: 20_000,
};
const [command, ...args] = program(`${import.meta.dirname}/_browser.ts`, JSON.stringify(world));
await new Deno.Command(command!, { args }).spawn().status;
