/**
 * `client.ts ADDRESS --types > api.ts`: the server's API as a TypeScript module, for `connect<Api>()`.
 *
 * @module
 */

import type { ArgumentOptions, Given } from "../command/args.ts";
import { withDescription } from "./describe.ts";
import { EXIT, Exit } from "../command/exit.ts";
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
    let text: string;
    try {
      text = typesModule(description, from);
    } catch (error) {
      throw new Exit(EXIT.FAILED, error); // the server is to blame, and not the command line
    }
    await print(text);
    return EXIT.OK;
  });
}
