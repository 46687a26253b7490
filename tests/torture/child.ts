/**
 * A process that is told what to do by lines, and tells what happened by lines of JSON.
 *
 * @module
 */

import { TextLineStream, toText } from "@std/streams";
import settings from "../../deploy/landline.env" with { type: "text" };

const CONFIG = `${import.meta.dirname}/../../deno.json`;

/** What a process may be started with. */
export interface ChildOptions {
  /** Variables of its environment, besides ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of the runtime, before the program. */
  readonly flags?: readonly string[];
  /** How many descriptors it may have. Needs `sh`. */
  readonly descriptors?: number;
  /** The processor that it runs on; any where nothing is said. Needs `taskset`. */
  readonly processor?: number | undefined;
  /** How far it goes before what else wants its processor, from 1 to 20, if we may say so. Needs `nice`. */
  readonly precedence?: number;
}

/** How a server that may be attacked is started: with the settings of docs/memory.md. */
export const SERVE = {
  env: Object.fromEntries(
    settings.trim().split("\n").map((line) => /^(\w+)=(.*)$/.exec(line)!.slice(1)),
  ) as Record<string, string>,
  flags: ["-P=serve"],
};

/** A program that runs. Disposal kills it. */
export class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  /** What it wrote to standard error, once it has ended. */
  readonly errors: Promise<string>;
  readonly status: Promise<Deno.CommandStatus>;

  /** Starts a program of this project, by its path in it. */
  constructor(program: string, args: readonly string[], options: ChildOptions = {}) {
    const { env, flags = ["-A"], descriptors, processor, precedence } = options;
    const path = `${import.meta.dirname}/../../${program}`;
    const deno = [Deno.execPath(), "run", "-q", "--no-check", `--config=${CONFIG}`];
    const command = [...deno, ...flags, path, ...args];
    if (descriptors !== undefined) {
      command.unshift("sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh");
    }
    if (processor !== undefined) command.unshift("taskset", "-c", String(processor));
    if (precedence !== undefined) command.unshift("nice", "-n", String(-precedence));
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // it has ended, which its status tells
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.errors = toText(this.#child.stderr);
    this.status = this.#child.status;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value !== undefined) return value;
    throw new Error(`A process has ended before its time: ${(await this.errors).slice(-4000)}`);
  }

  /** Reads on to the next line that begins like this. */
  async lineWith(start: string): Promise<string> {
    for (;;) {
      const line = await this.line();
      if (line.startsWith(start)) return line;
    }
  }

  /** The next line as JSON. */
  async json<T>(): Promise<T> {
    return JSON.parse(await this.line());
  }

  /** Tells it a line. */
  tell(line: string): Promise<void> {
    return this.#stdin.write(new TextEncoder().encode(line + "\n"));
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // has ended
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#stdin.abort().catch(() => {});
    await this.#lines.cancel();
    await this.status;
    await this.errors;
  }
}

/** The lines that this process is told. */
export function orders(): AsyncIterable<string> {
  return Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
}

/** Tells a line of JSON. */
export function tell(value: unknown): void {
  console.log(JSON.stringify(value));
}
