// An example that runs as its users run it, in a process of its own.

import { TextLineStream, toText } from "@std/streams";
import { within } from "../support/deadline.ts";

const root = new URL("../../", import.meta.url);

/** A program out of examples/, which is killed in the end where it has not ended. */
export class Example implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #errors: Promise<string>;

  /** @param permissions the flags that the example's own words give it */
  constructor(name: string, permissions: readonly string[], args: readonly string[] = []) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", ...permissions, `examples/${name}.ts`, ...args],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#input = this.#child.stdin.getWriter();
    this.#errors = toText(this.#child.stderr);
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await within(this.#lines.read(), "a line of the example");
    if (value === undefined) throw new Error(`The example has ended: ${await this.#errors}`);
    return value;
  }

  /** The next lines, so many. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.line());
    return lines;
  }

  /** The address at which it says that it listens. */
  async address(): Promise<string> {
    const line = await this.line();
    const [, address] = /^listening at (.+)$/.exec(line) ?? [];
    if (address === undefined) throw new Error(`Expected an address, got ${line}`);
    return address;
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(line + "\n"));
  }

  /** Has no more to type. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** The rest of its lines, and how it ended. */
  async end(): Promise<{ code: number; lines: string[]; errors: string }> {
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await within(this.#lines.read(), "the example to end");
      if (done) break;
      lines.push(value);
    }
    return { code: (await this.#child.status).code, lines, errors: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#child.status;
    await this.#lines.cancel();
    await this.#input.abort().catch(() => {});
    await this.#errors;
  }
}
