// Takes the pictures in docs/images/ anew: `deno task screenshots`. Each is to be looked at before it is kept.

import { program } from "../interop/_npm.ts";
import { serveWorld } from "./_api.ts";

await using world = await serveWorld();
const folder = new URL("../../docs/images/", import.meta.url).pathname;
await Deno.mkdir(folder, { recursive: true });
const [command, ...args] = program(
  `${import.meta.dirname}/_browser.ts`,
  JSON.stringify({ ...world.urls, folder }),
);
const { code } = await new Deno.Command(command!, { args }).spawn().status;
if (code !== 0) throw new Error(`Cannot take the pictures: the program ended with ${code}`);
