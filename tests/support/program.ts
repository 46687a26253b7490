// A server in a process of its own, which may be short of descriptors and may be killed.

import { TextLineStream, toText } from "@std/streams";
import { argsOf, LIB, type Outcome, type Script, script } from "./child.ts";
import { within } from "./deadline.ts";

/** A program that runs, and is killed in the end. */
export class Program implements AsyncDisposable {
  readonly #script: Script | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;

  private constructor(
    program: Script | undefined,
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) {
    this.#script = program;
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#errors = toText(this.#child.stderr);
  }

  /** Runs code that may import `LIB`, with all permissions. */
  static async start(code: string, ...args: string[]): Promise<Program> {
    const program = await script(code.replaceAll("LIB", JSON.stringify(LIB)));
    return new Program(program, [Deno.execPath(), ...argsOf(program, ["-A"]), ...args]);
  }

  /** The same in a process that may have so many descriptors. Needs `sh`. */
  static async startWithin(limit: number, code: string, ...args: string[]): Promise<Program> {
    const program = await script(code.replaceAll("LIB", JSON.stringify(LIB)));
    const deno = [Deno.execPath(), ...argsOf(program, ["-A"]), ...args];
    const start = `ulimit -n ${limit} && exec "$@"`;
    return new Program(program, ["sh", "-c", start, "sh", ...deno]);
  }

  /** Runs another program than Deno. */
  static run(command: readonly string[], env?: Readonly<Record<string, string>>): Program {
    return new Program(undefined, command, env);
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await within(this.#lines.read(), "a line of the program's");
    if (value === undefined) throw new Error(`The program has ended: ${await this.#errors}`);
    return value;
  }

  /** Reads on to the next line that begins like this. */
  async lineWith(start: string): Promise<string> {
    for (;;) {
      const line = await this.line();
      if (line.startsWith(start)) return line;
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has ended. */
  get status(): Promise<Deno.CommandStatus> {
    return within(this.#child.status, "the program to end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#lines.cancel();
    await this.#child.status;
    await this.#errors;
    await this.#script?.[Symbol.asyncDispose]();
  }
}

/** Runs a program with a text on its standard input, which then ends. */
export async function runFed(
  [command, ...args]: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = new Deno.Command(command!, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await within(child.output(), `${command} to end`);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
