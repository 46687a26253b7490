// Takes the pictures in docs/images/ anew: `deno task screenshots`. Each is to be looked at before it is kept.

import { program } from "../interop/_npm.ts";
import { serveEverything } from "./_api.ts";

await using server = await serveEverything();
const everything = server.addresses[0]!.replace("tcp:", "http:");
const folder = new URL("../../docs/images/", import.meta.url).pathname;
await Deno.mkdir(folder, { recursive: true });
const others = { locked: everything, hostile: everything, leaving: everything, aging: everything };
const world = { everything, ...others };
const [command, ...args] = program(
  `${import.meta.dirname}/_browser.ts`,
  JSON.stringify({ ...world, folder }),
);
const { code } = await new Deno.Command(command!, { args }).spawn().status;
if (code !== 0) throw new Error(`Cannot take the pictures: the program ended with ${code}`);
