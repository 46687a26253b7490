/**
 * Text cut into lines.
 *
 * @module
 */

/** Options of {@linkcode TextLineStream}. */
export interface TextLineStreamOptions {
  /**
   * Whether a lone `\r` ends a line too.
   *
   * @default {false}
   */
  allowCR?: boolean;
}

/**
 * Cuts text into lines, without their `\n` or `\r\n`. What follows the last line end is a line as
 * well, unless it is empty. A line has no limit: do not feed this from a peer that is not trusted.
 */
export class TextLineStream extends TransformStream<string, string> {
  /**
   * Makes the stream.
   *
   * @param options Whether a lone `\r` ends a line.
   */
  constructor(options: TextLineStreamOptions = {}) {
    // With allowCR a `\r` at the end of a chunk waits: it may be the first half of a `\r\n`.
    const lineEnd = options.allowCR ? /\r\n|\n|\r(?!$)/ : /\r?\n/;
    let tail = "";
    super({
      transform(chunk, controller) {
        const lines = (tail + chunk).split(lineEnd);
        tail = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (tail === "") return;
        controller.enqueue(
          options.allowCR && tail.endsWith("\r") ? tail.slice(0, -1) : tail,
        );
      },
    });
  }
}
