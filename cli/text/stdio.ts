/**
 * Standard input as lines, and standard output as whole texts.
 *
 * @module
 */

import { joined } from "./byte_size.ts";

/** A line of the input, or what is wrong with it. */
export type InputLine = { readonly text: string } | { readonly fault: string };

const LF = 10;

/** What {@linkcode readLines} may be told. */
export interface ReadLinesOptions {
  /** Whether blank lines are lines too: empty ones. @default {false} */
  readonly blank?: boolean;
  /** Whether lines keep the white space around them, apart from their end. @default {false} */
  readonly untrimmed?: boolean;
}

/**
 * Bytes to lines, without the white space around them; blank ones are left out. The last line needs no
 * newline. A line that is too long or not UTF-8 is a fault, and the lines after it go on.
 *
 * @param maxBytes of one line; no more is kept
 * @param signal ends the lines, the one that has begun is forgotten
 */
export async function* readLines(
  input: ReadableStream<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
  { blank = false, untrimmed = false }: ReadLinesOptions = {},
): AsyncGenerator<InputLine> {
  const reader = input.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const line = new LineBuffer(maxBytes, untrimmed);
  try {
    for (let chunk; (chunk = (await reader.read()).value) !== undefined;) {
      let from = 0;
      for (let end; (end = chunk.indexOf(LF, from)) >= 0; from = end + 1) {
        line.append(chunk.subarray(from, end));
        const found = line.take();
        if (found !== undefined) yield found;
        else if (blank) yield { text: "" };
      }
      line.append(chunk.subarray(from));
    }
    const last = line.take();
    if (last !== undefined && !signal.aborted) yield last;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** The parts of one line, as far as the limit allows. */
class LineBuffer {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #max: number;
  readonly #untrimmed: boolean;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number, untrimmed: boolean) {
    this.#max = maxBytes;
    this.#untrimmed = untrimmed;
  }

  append(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size <= this.#max) this.#parts.push(part);
    else this.#parts = [];
  }

  /** The line, which has ended; undefined where it is blank. */
  take(): InputLine | undefined {
    const parts = this.#parts, size = this.#size;
    this.#parts = [];
    this.#size = 0;
    if (size > this.#max) return { fault: `the line is longer than ${this.#max} bytes` };
    try {
      const bytes = parts.length === 1 ? parts[0]! : joined(parts);
      const line = this.#decoder.decode(bytes);
      const text = this.#untrimmed ? line.replace(/\r$/, "") : line.trim();
      return text === "" ? undefined : { text };
    } catch {
      return { fault: "the line is not UTF-8" };
    }
  }
}

/**
 * Writes a text whole, or bytes; resolves once the reader has taken it.
 *
 * @throws {Deno.errors.BrokenPipe} where nobody reads any more, as behind `| head`
 */
export async function print(text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/** Lines that are printed together are no longer than this together; the next one waits. */
const MAX_TOGETHER = 1 << 16;

/** Prints lines as they come; those that come while some are printed go out together. */
export class LinePrinter {
  #text = "";
  #printing: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;

  /**
   * Prints a line; a promise where there is no room for another.
   *
   * @throws {Deno.errors.BrokenPipe} where nobody reads any more
   */
  print(line: string): Promise<void> | undefined {
    if (this.#failed !== undefined) throw this.#failed.error;
    this.#text += line + "\n";
    this.#printing ??= this.#print();
    return this.#text.length > MAX_TOGETHER ? this.end() : undefined;
  }

  /**
   * Resolves when all is printed.
   *
   * @throws {Deno.errors.BrokenPipe} where nobody reads any more
   */
  async end(): Promise<void> {
    await this.#printing;
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  async #print(): Promise<void> {
    try {
      for (let text; (text = this.#text) !== "";) {
        this.#text = "";
        await print(text);
      }
    } catch (error) {
      this.#failed = { error };
    }
    this.#printing = undefined;
  }
}
