/**
 * What is asked of the system's files, as the runtime has it.
 *
 * @module
 */

import { isDeno } from "../runtime.ts";
import { denoFiles } from "./deno_files.ts";
import { nodeFiles } from "./node/files.ts";
import type { Files } from "./system.ts";

/** Those of this runtime. */
export const files: Files = isDeno ? denoFiles : nodeFiles;
