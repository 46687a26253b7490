/**
 * Lines for people and their tools, no more than so many a second: who floods the server must not flood
 * the disk. What was left out is counted, and said.
 *
 * @module
 */

/** Lines that are written in one second. */
const MAX_LINES = 100;
const SECOND = 1000;

/** Writes lines, up to so many a second. */
export class Log {
  readonly #write: (line: string) => void;
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param write writes one line */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Writes a line, unless there were too many in this second. */
  line(text: string): void {
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.flush(), SECOND);
      Deno.unrefTimer(this.#timer);
    }
    if (this.#count++ < MAX_LINES) this.#write(text);
  }

  /** Says how many lines were left out; a new second begins. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const left = this.#count - MAX_LINES;
    this.#count = 0;
    if (left > 0) this.#write(`${left} more lines in one second were left out`);
  }
}
