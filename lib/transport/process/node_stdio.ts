/**
 * Standard input and output of Node and Bun.
 *
 * @module
 */

import { nodeModule } from "../../runtime.ts";
import { systemError } from "../node/errors.ts";
import type { StandardStreams } from "../system.ts";

/** The descriptor of standard output, and milliseconds after which one that is full is tried again. */
const OUTPUT = 1;
const FULL_PAUSE = 2;

/** Those of this process. */
export const nodeStreams: StandardStreams = {
  input: () =>
    nodeModule("node:stream").Readable.toWeb(globalThis.process.stdin) as ReadableStream<
      Uint8Array
    >,
  // Not process.stdout: where a pipe is full that stops the whole process, and what we would read with it.
  write: (bytes) =>
    new Promise((resolve, reject) => {
      const write = () =>
        nodeModule("node:fs").write(OUTPUT, bytes, (error, count) => {
          if (error === null) resolve(count);
          else if (error.code === "EAGAIN") setTimeout(write, FULL_PAUSE);
          else reject(systemError(error));
        });
      write();
    }),
};
