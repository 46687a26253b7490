/**
 * Standard input and output of Deno.
 *
 * @module
 */

import type { StandardStreams } from "../system.ts";

/** Those of this process. */
export const denoStreams: StandardStreams = {
  input: () => Deno.stdin.readable,
  write: (bytes) => Deno.stdout.write(bytes),
};
