/**
 * `tail -f` over the network: the last lines of a file, and each new one as it is written. A reader that is
 * slow slows down the reading of the file, and one that leaves ends it.
 *
 * ```sh
 * deno run -N -R examples/tail.ts access.log                # serves, at tcp://127.0.0.1:7071
 * deno run -N examples/tail.ts tcp://127.0.0.1:7071         # follows
 * echo '{"jsonrpc":"2.0","id":1,"method":"tail","params":{"lines":5,"follow":false}}' | nc -N 127.0.0.1 7071
 * ```
 *
 * @module
 */

import { connect, serve, stream } from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** Lines longer than this come in pieces. */
const MAX_LINE = 64 << 10;

/** The API of a server that shows one file, and no other: callers name no paths. */
export function tailOf(path: string) {
  return {
    tail: stream(
      z.object({
        lines: z.int().min(0).max(10_000).default(10),
        follow: z.boolean().default(true),
      }).default({ lines: 10, follow: true }),
      async function* ({ lines, follow }, { signal }) {
        using file = await Deno.open(path);
        // Watched from before the first read, so that nothing is written unseen in between.
        using watcher = follow ? Deno.watchFs(path) : undefined;
        signal.addEventListener("abort", () => watcher?.close());
        const reader = new LineReader(file);
        const last: string[] = [];
        for await (const line of reader.lines()) {
          if (last.push(line) > lines) last.shift();
        }
        yield* last;
        if (watcher === undefined) return;
        for await (const _ of watcher) yield* reader.lines();
      },
      { summary: "The last lines of the file, and each new one", result: z.string() },
    ),
  };
}

/** Reads a file line by line, as far as it was written; asked again it goes on from there. */
class LineReader {
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async *lines(): AsyncGenerator<string> {
    const buffer = new Uint8Array(16 << 10);
    for (let count; (count = await this.#file.read(buffer)) !== null;) {
      const text = this.#rest + this.#decoder.decode(buffer.subarray(0, count), { stream: true });
      const lines = text.split("\n");
      this.#rest = lines.pop()!;
      yield* lines;
      if (this.#rest.length > MAX_LINE) {
        yield this.#rest;
        this.#rest = "";
      }
    }
  }
}

if (import.meta.main) {
  const [what, listen = "tcp://127.0.0.1:7071"] = Deno.args;
  if (what === undefined) {
    console.error("usage: tail.ts FILE [ADDRESS]   or   tail.ts ADDRESS");
    Deno.exit(2);
  } else if (what.includes("://")) {
    await using line = await connect<ReturnType<typeof tailOf>>(what);
    for await (const text of line.call.tail()) console.log(text);
  } else {
    const onListen = (address: string) => console.log(`listening at ${address}`);
    await serve(tailOf(what), { listen, onListen }).finished;
  }
}
