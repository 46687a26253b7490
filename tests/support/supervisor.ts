// Opens sockets and starts programs with them, as systemd does: a program in Python, supervisor.py, does both.

import { TextLineStream, toText } from "@std/streams";
import { within } from "./deadline.ts";

const PROGRAM = new URL("supervisor.py", import.meta.url).pathname;

/** A socket that is handed over: at a port that the system chooses, or at a path. */
export type SocketSpec = readonly [
  kind: "tcp" | "tcp6" | "udp" | "unix",
  place: string,
  port: number,
  name: string,
];

/** Keeps sockets, and starts one program after another with them. Ends them all. */
export class Supervisor implements AsyncDisposable {
  /** Where the sockets are, as `serve` names them. */
  readonly addresses: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #errors: Promise<string>;
  readonly #pids = new Set<number>();

  private constructor(sockets: readonly SocketSpec[], command: readonly string[]) {
    this.#child = new Deno.Command("python3", {
      args: [PROGRAM, JSON.stringify(sockets), ...command],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#errors = toText(this.#child.stderr);
    this.#stdin = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** Opens the sockets. Needs `python3`. */
  static async open(
    sockets: readonly SocketSpec[],
    command: readonly string[],
  ): Promise<Supervisor> {
    const supervisor = new Supervisor(sockets, command);
    const names: (string | [string, number])[] = JSON.parse(await supervisor.#line());
    supervisor.addresses.push(...names.map((name) => {
      if (typeof name === "string") return `unix://${name}`;
      const [host, port] = name;
      return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
    }));
    return supervisor;
  }

  /** Starts the program, with these changes of its environment; resolves to its process's number. */
  async start(changes: Readonly<Record<string, string | null>> = {}): Promise<number> {
    await this.#stdin.write(new TextEncoder().encode(JSON.stringify(changes) + "\n"));
    const [, pid] = await this.lineWith(/^started ([0-9]+)$/);
    this.#pids.add(Number(pid));
    return Number(pid);
  }

  /** Reads on to the next line of the program's that matches. */
  async lineWith(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(await this.#line());
      if (match !== null) return match;
    }
  }

  /** Waits until the program that was started last has ended; its exit code. */
  async ended(): Promise<number> {
    return Number((await this.lineWith(/^ended (-?[0-9]+)$/))[1]);
  }

  async #line(): Promise<string> {
    const { value } = await within(this.#lines.read(), "a line of the program's");
    if (value === undefined) throw new Error(`The supervisor has ended: ${await this.#errors}`);
    return value;
  }

  /** Ends everything; what was written to standard error. */
  async close(): Promise<string> {
    for (const pid of this.#pids) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // has ended
      }
    }
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#lines.cancel();
    await this.#stdin.abort().catch(() => {});
    await this.#child.status;
    return await this.#errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
