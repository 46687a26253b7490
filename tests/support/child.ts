// A Deno program of a test's own, outside of this project's configuration, with its standard input and
// output in the hands of the test.

import { toText } from "@std/streams";
import type { FramingName } from "../../lib/mod.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import { RawPeer } from "./raw.ts";

/** The library, for the programs to import. */
export const LIB = new URL("../../lib/mod.ts", import.meta.url).href;

/** A program in a file that is removed with this. */
export interface Script extends AsyncDisposable {
  readonly path: string;
}

/** Writes a program to a file. */
export async function script(code: string): Promise<Script> {
  const path = await Deno.makeTempFile({ prefix: "landline-", suffix: ".ts" });
  await Deno.writeTextFile(path, code);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, without a standard input. */
export async function run(code: string, flags: readonly string[] = []): Promise<Outcome> {
  await using program = await script(code);
  const { code: exitCode, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: argsOf(program, flags),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code: exitCode, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The arguments that run a program without asking anyone anything. */
export function argsOf({ path }: Script, flags: readonly string[] = []): string[] {
  return ["run", "--quiet", "--no-prompt", "--no-config", "--no-check", ...flags, path];
}

/** Whether a process runs: one that has ended counts no more, even if its parent has not noticed. */
export function isRunning(pid: number): boolean {
  const args = ["-o", "stat=", "-p", String(pid)];
  const { stdout } = new Deno.Command("ps", { args }).outputSync();
  return /^[^Z\s]/.test(new TextDecoder().decode(stdout));
}

/** A program that runs. Disposal ends it. */
export class Child implements AsyncDisposable {
  /** What it writes and reads. */
  readonly peer: RawPeer;
  readonly #script: Script;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(program: Script, flags: readonly string[], framing: FramingName) {
    this.#script = program;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: argsOf(program, flags),
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stderr = toText(this.#child.stderr);
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdout = this.#child.stdout.getReader();
    this.peer = new RawPeer(this.#duplex(), framing);
  }

  /** Starts a program. */
  static async start(
    code: string,
    { flags = [], framing = "json" }: {
      readonly flags?: readonly string[];
      readonly framing?: FramingName;
    } = {},
  ): Promise<Child> {
    return new Child(await script(code), flags, framing);
  }

  #duplex(): Duplex {
    let rest = new Uint8Array(0);
    return {
      read: async (buffer) => {
        while (rest.length === 0) {
          const { value, done } = await this.#stdout.read();
          if (done) return null;
          rest = new Uint8Array(value);
        }
        const part = rest.subarray(0, buffer.length);
        buffer.set(part);
        rest = rest.subarray(part.length);
        return part.length;
      },
      write: async (bytes) => {
        await this.#stdin.write(bytes);
        return bytes.length;
      },
      closeWrite: () => this.#stdin.close(),
      close: () => {},
    };
  }

  /** How it ended, once it has. */
  async outcome(): Promise<Omit<Outcome, "stdout">> {
    const { code } = await this.#child.status;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#stdout.cancel();
    await this.#stdin.abort().catch(() => {});
    await this.#child.status;
    await this.#stderr;
    await this.#script[Symbol.asyncDispose]();
  }
}
