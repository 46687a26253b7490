/**
 * A line of progress on standard error, where that is a terminal.
 *
 * @module
 */

const encoder = new TextEncoder();

/** A line that replaces itself; nothing at all where standard error is no terminal. */
export class ProgressLine {
  /** Whether anybody sees it. */
  readonly isShown = Deno.stderr.isTerminal();
  #hasText = false;

  /** Shows this instead. The text must be printable, and no longer than a terminal is wide. */
  show(text: string): void {
    if (!this.isShown) return;
    this.#hasText = text !== "";
    // Back to the beginning, and away with what stood there.
    Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
  }

  /** Takes it away. */
  clear(): void {
    if (this.#hasText) this.show("");
  }
}
