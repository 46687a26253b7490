/**
 * A progress bar for long work: the handler says how far it is, the caller draws.
 *
 * ```sh
 * deno run -N examples/progress.ts
 * ```
 *
 * @module
 */

import { connect, method, serve } from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** The API: one method that takes its time. */
export const api = {
  copy: method(
    z.object({ files: z.int().min(1).max(1000), msPerFile: z.int().min(0).default(50) }),
    async ({ files, msPerFile }, { progress, signal }) => {
      for (let done = 0; done < files;) {
        await new Promise((resolve) => setTimeout(resolve, msPerFile));
        // Nobody waits any more: cancelled, too late, or hung up.
        signal.throwIfAborted();
        progress({ done: ++done, of: files });
      }
      return { copied: files };
    },
    { summary: "Pretends to copy files" },
  ),
};

/** What `copy` says of its progress: it travels unchecked, so that whoever draws it checks it. */
const Progress = z.object({ done: z.int(), of: z.int() });

/** `[########            ]  40 %` */
export function bar(done: number, of: number, width = 20): string {
  const full = Math.round(done / of * width);
  const percent = String(Math.round(done / of * 100)).padStart(3);
  return `[${"#".repeat(full)}${" ".repeat(width - full)}] ${percent} %`;
}

if (import.meta.main) {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);

  // In a terminal each bar replaces the one before; anywhere else each has a line.
  const end = Deno.stdout.isTerminal() ? "\r" : "\n";
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));

  const { copied } = await line.call.copy({ files: 20 }, {
    onProgress(value) {
      const { done, of } = Progress.parse(value);
      write(bar(done, of) + end);
    },
  });
  write(`${end === "\r" ? "\n" : ""}copied ${copied} files\n`);

  // The same with a deadline that it cannot keep: what is not needed any more is not done either.
  try {
    await line.call.copy({ files: 1000 }, { timeout: 300 });
  } catch (error) {
    console.log(`gave up: ${(error as Error).message}`);
  }
}
