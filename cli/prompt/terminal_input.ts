/**
 * Lines that a person types at a terminal: edited, completed, and found again in the history. The
 * runtime's `node:readline` does all of that.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import process from "node:process";
import { MAX_ENTRIES } from "./history.ts";

/** What was typed: a line, Ctrl-C, or Ctrl-D on an empty line. */
export type Typed =
  | { readonly kind: "line"; readonly text: string }
  /** `isEmpty` tells whether there was nothing to throw away. */
  | { readonly kind: "interrupted"; readonly isEmpty: boolean }
  | { readonly kind: "ended" };

/** What {@linkcode TerminalInput} takes. */
export interface TerminalInputOptions {
  /** Earlier lines, the oldest first. */
  readonly history: readonly string[];
  /** Completes what stands before the cursor. */
  readonly complete: (line: string) => [completions: string[], of: string];
}

/**
 * The keys that are typed, as `node:readline` wants them: Tab by itself, and what follows it only once it
 * has been completed. readline takes a Tab that comes together with other keys, as from a fast typist or
 * out of a paste, for white space.
 */
class Keys extends PassThrough {
  readonly isTTY = true;
  #typed = "";
  #isFeeding = false;
  readonly #decoder = new TextDecoder();
  readonly #onData = (bytes: Uint8Array): void => {
    this.#typed += this.#decoder.decode(bytes, { stream: true });
    if (!this.#isFeeding) this.#feed();
  };

  constructor() {
    super();
    process.stdin.on("data", this.#onData);
    process.stdin.on("end", () => this.end());
  }

  /** readline asks for it, and takes it back. */
  setRawMode(mode: boolean): void {
    process.stdin.setRawMode(mode);
  }

  /** Lets the process end. */
  leave(): void {
    process.stdin.off("data", this.#onData);
    process.stdin.pause();
  }

  async #feed(): Promise<void> {
    this.#isFeeding = true;
    for (let keys; (keys = /^(?:\t|[^\t]+)/.exec(this.#typed)?.[0]) !== undefined;) {
      this.#typed = this.#typed.slice(keys.length);
      this.write(keys);
      // Completing takes some turns of the event loop, in which readline reads nothing.
      do await new Promise((resolve) => setImmediate(resolve)); while (
        keys === "\t" && (this.isPaused() || this.readableLength > 0)
      );
    }
    this.#isFeeding = false;
  }
}

/** The keyboard. */
export class TerminalInput implements Disposable {
  readonly #keys = new Keys();
  readonly #readline: Interface & { history?: string[] };
  /** What was typed while nobody asked. */
  readonly #typed: Typed[] = [];
  #asking: ((typed: Typed) => void) | undefined;
  #onInterrupt: (() => void) | undefined;

  constructor({ history, complete }: TerminalInputOptions) {
    this.#readline = createInterface({
      input: this.#keys,
      output: process.stdout,
      terminal: true,
      history: [...history].reverse(),
      historySize: MAX_ENTRIES,
      removeHistoryDuplicates: true,
      completer: complete,
    });
    this.#readline.on("line", (text) => this.#tell({ kind: "line", text }));
    this.#readline.on("SIGINT", () => {
      if (this.#onInterrupt !== undefined) return this.#onInterrupt();
      const isEmpty = this.#readline.line === "";
      if (!isEmpty) this.#clear();
      this.#tell({ kind: "interrupted", isEmpty });
    });
    this.#readline.on("close", () => this.#tell({ kind: "ended" }));
  }

  /**
   * Called for Ctrl-C while something else than a line is waited for; at once where it was typed behind
   * the line, before anyone could say what it is to interrupt.
   */
  set onInterrupt(interrupt: (() => void) | undefined) {
    this.#onInterrupt = interrupt;
    if (interrupt === undefined || this.#typed[0]?.kind !== "interrupted") return;
    this.#typed.shift();
    interrupt();
  }

  /** Asks for a line. */
  read(prompt: string): Promise<Typed> {
    const typed = this.#typed.shift();
    if (typed !== undefined) return Promise.resolve(typed);
    const { promise, resolve } = Promise.withResolvers<Typed>();
    this.#asking = resolve;
    this.#readline.setPrompt(prompt);
    this.#readline.prompt(true);
    return promise;
  }

  /** Puts one entry of the history in the place of the last ones: the lines that it was typed in. */
  join(lines: number, text: string): void {
    this.#readline.history?.splice(0, lines, text);
  }

  [Symbol.dispose](): void {
    this.#readline.close();
    this.#keys.leave();
  }

  #tell(typed: Typed): void {
    const asking = this.#asking;
    this.#asking = undefined;
    if (asking === undefined) this.#typed.push(typed);
    else asking(typed);
  }

  /** Throws the line away: what stands before the cursor, and behind it. */
  #clear(): void {
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
  }
}
