/**
 * `client.ts ADDRESS --types > api.ts`: the server's API as a TypeScript module, for `connect<Api>()`.
 *
 * @module
 */

import type { ArgumentOptions, Given } from "../command/args.ts";
import { withDescription } from "./describe.ts";
import { EXIT } from "../command/exit.ts";
import { print } from "../text/stdio.ts";
import { typesModule } from "./types_module.ts";

/** Its own options. */
export const options = {
  types: { type: "boolean" },
  from: { type: "string" },
} as const satisfies ArgumentOptions;

/** Prints the module. */
export function run(words: readonly string[], given: Given): Promise<number> {
  const from = given.values.get("from") ?? new URL("../../client.ts", import.meta.url).href;
  return withDescription(words, given, async (description) => {
    await print(typesModule(description, from));
    return EXIT.OK;
  });
}
