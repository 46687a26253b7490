// Starts main.ts and client.ts as their users do.
import { TextLineStream } from "@std/streams";

export const MAIN = new URL("../../main.ts", import.meta.url).href;
export const CLIENT = new URL("../../client.ts", import.meta.url).href;

/** How to start a program. */
export interface StartOptions {
  /** Options of `deno run`: permissions. */
  readonly flags?: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** `deno task` for one of the project's tasks instead of a script. @default {"run"} */
  readonly command?: "run" | "task";
}

/** What a program did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. Disposal ends it. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  /** What it has written to its standard error so far, and those who wait for more. */
  #errors = "";
  readonly #readers: (() => void)[] = [];
  readonly #stderr: Promise<string>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  constructor(script: string, args: readonly string[], options: StartOptions = {}) {
    const { flags = [], cwd, env, command = "run" } = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [command, "-q", ...flags, script, ...args],
      ...(cwd !== undefined && { cwd }),
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stderr = this.#readErrors();
    this.#stdin = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line of its standard output; undefined where it has ended. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.read()).value;
  }

  /** Reads lines until one matches. */
  async lineWith(pattern: RegExp): Promise<RegExpExecArray> {
    const seen: string[] = [];
    for (let line; (line = await this.line()) !== undefined;) {
      const match = pattern.exec(line);
      if (match !== null) return match;
      seen.push(line);
    }
    throw new Error(`no line matches ${pattern}: ${seen.join("\n")}\n${await this.#stderr}`);
  }

  async #readErrors(): Promise<string> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#errors += text;
      for (const wake of this.#readers.splice(0)) wake();
    }
    for (const wake of this.#readers.splice(0)) wake();
    return this.#errors;
  }

  /** Waits until its standard error matches. */
  async errorWith(pattern: RegExp): Promise<void> {
    const ended = this.#stderr.then(() => true);
    while (!pattern.test(this.#errors)) {
      const more = new Promise<boolean>((wake) => this.#readers.push(() => wake(false)));
      if (await Promise.race([more, ended]) && !pattern.test(this.#errors)) {
        throw new Error(`no error matches ${pattern}: ${this.#errors}`);
      }
    }
  }

  /** Writes to its standard input. */
  async write(text: string | Uint8Array): Promise<void> {
    await this.#stdin.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends its standard input. */
  async end(): Promise<void> {
    await this.#stdin.close();
  }

  /** Reads no more of its standard output. */
  async stopReading(): Promise<void> {
    await this.#lines.cancel();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** What is left of its output, and how it ended. */
  async outcome(): Promise<Outcome> {
    let stdout = "";
    for (let line; (line = await this.line()) !== undefined;) stdout += line + "\n";
    const { code } = await this.#child.status;
    return { code, stdout, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#lines.cancel().catch(() => {});
    await this.#stdin.abort().catch(() => {});
    await this.#child.status;
    await this.#stderr;
  }
}

/** Runs client.ts to its end, with the permission that README gives it. */
export async function runClient(
  args: readonly string[],
  options: StartOptions & { readonly stdin?: string } = {},
): Promise<Outcome> {
  const { stdin = "", ...start } = options;
  await using program = new Program(CLIENT, args, { flags: ["-N"], ...start });
  if (stdin !== "") await program.write(stdin);
  await program.end();
  return await program.outcome();
}

/**
 * Starts main.ts with the permissions of `deno task serve`, at a port of the system's choice.
 *
 * @param pattern of the line with its address
 */
export async function startServer(
  args: readonly string[] = [],
  options: StartOptions = {},
  pattern = /^(?:<6>)?listening on (.*)$/,
): Promise<Program & { address: string }> {
  const listen = args.some((arg) => arg.startsWith("--listen"))
    ? []
    : ["--listen", "tcp://127.0.0.1:0"];
  // Its line would stand between those that tests wait for.
  const page = args.includes("--console") ? [] : ["--no-console"];
  const program = new Program(MAIN, [...listen, ...page, ...args], {
    flags: ["-P=serve"],
    ...options,
  });
  try {
    const found = await program.lineWith(pattern);
    return Object.assign(program, { address: found[1] ?? found[0] });
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs main.ts where it must not begin to serve: fails if it does. */
export async function runServer(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Outcome> {
  await using program = new Program(MAIN, args, { flags: ["-P=serve"], ...options });
  await program.end();
  let stdout = "";
  for (let line; (line = await program.line()) !== undefined;) {
    if (line.startsWith("listening on")) throw new Error(`main.ts ${args.join(" ")} is ${line}`);
    stdout += line + "\n";
  }
  return { ...await program.outcome(), stdout };
}

/** A folder that is removed with what is in it. */
export async function makeFolder(
  files: Readonly<Record<string, string>> = {},
): Promise<AsyncDisposable & { readonly path: string }> {
  // Not in TMPDIR's own place on every system: a Unix socket's path has room for 107 bytes.
  const path = await Deno.makeTempDir({ prefix: "landline-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/**
 * A server that does as it is told: calls back with each caller's socket, which is closed afterwards.
 */
export function serveRaw(
  talk: (socket: Deno.Conn) => Promise<void>,
): AsyncDisposable & { readonly address: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const talks: Promise<void>[] = [];
  const accepting = (async () => {
    for (;;) {
      let socket: Deno.Conn;
      try {
        socket = await listener.accept();
      } catch {
        return; // closed
      }
      talks.push(
        talk(socket).finally(() => {
          try {
            socket.close();
          } catch {
            // closed by the talk itself
          }
        }),
      );
    }
  })();
  return {
    address: `tcp://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(talks);
    },
  };
}

/** The lines that arrive at a socket. */
export async function* linesOf(socket: Deno.Conn): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  for (let count; (count = await socket.read(buffer)) !== null;) {
    const lines = (text + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}

/**
 * The same for a server that cannot describe itself: `rpc.discover`, which client.ts asks first, is
 * refused, and is not among the lines.
 */
export async function* callsOf(socket: Deno.Conn): AsyncGenerator<string> {
  for await (const line of linesOf(socket)) {
    if (!line.includes('"rpc.discover"')) {
      yield line;
      continue;
    }
    const error = { code: -32601, message: "Method not found" };
    await say(socket, JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(line).id, error }) + "\n");
  }
}

/** Writes a text to a socket, whole. */
export async function say(socket: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}
