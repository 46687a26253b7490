/**
 * The version that `--version` prints. A constant, because deno.json is not there when a program is
 * run from its URL; a test holds the two together.
 *
 * @module
 */

/** The version of Landline. */
export const VERSION = "0.1.0";
