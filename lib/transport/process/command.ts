/**
 * `command:program argument …`: starts a program and talks to its standard input and output: a
 * language server, an MCP server. What it writes to standard error goes to ours; where it ends, the end of
 * that is told.
 *
 * The words are told apart as a shell does it, by spaces, quotes and backslashes; no shell is
 * started, and nothing else is expanded. `%` begins a code as in every URL: `command:echo%20a`.
 *
 * @module
 */

import { errors, isDeno } from "../../runtime.ts";
import { badAddress } from "../address.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { ErrorOutput } from "./error_output.ts";
import { ProcessGroup } from "./process_group.ts";
import type { Socket, Transport } from "../socket.ts";
import type { Program, ProgramStatus } from "../system.ts";

/**
 * Milliseconds in which the program may end by itself once its input has ended, and once more after
 * it was asked to with SIGTERM.
 */
const GRACE = 2000;

/** Milliseconds in which what the program has left behind may end, once it was asked to. */
const REST_GRACE = 500;

/** Programs that are started. */
export const command: Pick<Transport, "dial"> = {
  async dial({ text }, { signal }) {
    const [program, ...args] = wordsOf(text);
    signal?.throwIfAborted();
    const { start, writeError } = await system();
    try {
      return new CommandSocket(program, await start(program, args), writeError);
    } catch (error) {
      if (!(error instanceof errors.NotFound)) throw error;
      throw new errors.NotFound(`there is no program ${JSON.stringify(program)}`);
    }
  },
};

class CommandSocket implements Socket {
  readonly remote: string;
  readonly local = "stdio:";
  readonly lasting = true;
  readonly #program: string;
  readonly #group: ProcessGroup;
  readonly #status: Promise<ProgramStatus>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ChunkReader;
  readonly #errors: ErrorOutput;
  #closing: Promise<void> | undefined;

  constructor(name: string, program: Program, writeError: (bytes: Uint8Array) => Promise<number>) {
    this.remote = `command:${encodeURIComponent(name)}`;
    this.#program = name;
    this.#group = new ProcessGroup(program);
    this.#status = program.status;
    this.#input = program.input.getWriter();
    this.#input.closed.catch(() => {}); // a write tells of it
    this.#output = new ChunkReader(program.output);
    this.#errors = new ErrorOutput(program.errors, writeError);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const count = await this.#output.read(buffer);
    if (count === null && this.#closing === undefined) await this.#throwIfEnded();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    try {
      await this.#input.write(bytes);
    } catch (error) {
      if (this.#closing === undefined) await this.#throwIfEnded();
      throw error;
    }
    return bytes.length;
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#input.close();
    } catch {
      // the program closed its end first
    }
  }

  /**
   * Ends its input and waits until it has ended. If it does not, SIGTERM and SIGKILL follow, for it and
   * for what it has started. What it still writes can be read meanwhile, so that it does not wait for us.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.closeWrite();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (await this.#ended() !== undefined) break;
      this.#group.kill(signal);
    }
    await this.#status;
    await this.#group.endRest(REST_GRACE);
    await this.#output.cancel(); // one that has left the group may hold the other end
    await this.#errors.cancel();
  }

  /** Says how the program ended, where it did. It may have closed its output and live on. */
  async #throwIfEnded(): Promise<void> {
    const status = await this.#ended();
    if (status === undefined) return;
    const how = status.signal === null
      ? `${this.#program} ended with exit code ${status.code}`
      : `${this.#program} was ended by ${status.signal}`;
    const said = await this.#errors.end();
    throw new errors.BrokenPipe(
      said === "" ? how : `${how}; its standard error ends with: ${said}`,
    );
  }

  /** How it ended; undefined where it did not within {@linkcode GRACE}. */
  async #ended(): Promise<ProgramStatus | undefined> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), GRACE);
    try {
      return await Promise.race([this.#status, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What starts programs in this runtime, and writes to standard error. */
async function system(): Promise<{
  start(program: string, args: readonly string[]): Program | Promise<Program>;
  writeError(bytes: Uint8Array): Promise<number>;
}> {
  if (isDeno) {
    const { startOnDeno, writeErrorOnDeno } = await import("./deno_program.ts");
    return { start: startOnDeno, writeError: writeErrorOnDeno };
  }
  const { startOnNode, writeErrorOnNode } = await import("./node_program.ts");
  return { start: startOnNode, writeError: writeErrorOnNode };
}

/** The program and its arguments. */
function wordsOf(text: string): [program: string, ...args: string[]] {
  let line: string;
  try {
    line = decodeURIComponent(text.slice(text.indexOf(":") + 1));
  } catch {
    throw badAddress(text, "it has a % that is not followed by two hexadecimal digits");
  }
  const words: string[] = [];
  const parts = /\s+|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|([^])/gy;
  let word: string | undefined;
  for (const [, single, double, escaped, plain, stray] of line.matchAll(parts)) {
    if (stray !== undefined) {
      throw badAddress(text, stray === "\\" ? "it ends with a \\" : `a ${stray} is not closed`);
    }
    const piece = single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? plain;
    if (piece !== undefined) word = (word ?? "") + piece;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === "") {
    throw badAddress(text, "it names no program; command:pylsp does");
  }
  return [program, ...args];
}
