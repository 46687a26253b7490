/**
 * The parts of `@std/cli` that this project uses, with the names, types and behaviour of the real
 * package, for machines that reach npm but not JSR.
 *
 * ```ts
 * import { parseArgs } from "@std/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const flags = parseArgs(["--quiet", "--listen=tcp://127.0.0.1:0", "api.ts"], {
 *   boolean: ["quiet"],
 *   string: ["listen"],
 *   collect: ["listen"],
 * });
 * assertEquals(flags, { quiet: true, listen: ["tcp://127.0.0.1:0"], _: ["api.ts"] });
 * ```
 *
 * @module
 */
export { parseArgs } from "./parse_args.ts";
export type { Args, ParseOptions } from "./parse_args.ts";
export { promptSecret } from "./prompt_secret.ts";
export type { PromptSecretOptions } from "./prompt_secret.ts";
