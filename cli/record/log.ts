/**
 * What is written down of a recording, and shown of it.
 *
 * @module
 */

import { showBytes } from "../text/byte_size.ts";
import { BLANK, isEqual, type Piece } from "./frame_tap.ts";
import { printable } from "../text/printable.ts";
import { canonical, type Entry, type RecordingTitle, type Side } from "./recording.ts";

/** Characters of a frame that are shown. */
const MAX_SHOWN = 2000;

/** Calls of one side of a connection whose answers are timed; a peer may never answer. */
const MAX_TIMED = 10_000;

/** Characters of an id that are remembered for that. */
const MAX_ID = 256;

/** How long answers took, by the ids of their calls. */
export class AnswerTimer {
  readonly #calls: Readonly<Record<Side, Map<string, number>>> = {
    client: new Map(),
    server: new Map(),
  };

  /** Notes a message; for an answer the milliseconds since its call. */
  note(side: Side, text: string, now: number): number | undefined {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (message === null || typeof message !== "object" || !("id" in message)) return undefined;
    if (typeof message.id !== "string" && typeof message.id !== "number") return undefined;
    const id = JSON.stringify(message.id);
    if (id.length > MAX_ID) return undefined;
    if ("method" in message) {
      const calls = this.#calls[side];
      if (calls.size < MAX_TIMED) calls.set(id, now);
      return undefined;
    }
    const calls = this.#calls[side === "client" ? "server" : "client"];
    const start = calls.get(id);
    calls.delete(id);
    return start === undefined ? undefined : now - start;
  }
}

/** The file and the screen. */
export class Log {
  readonly #file: Deno.FsFile;
  readonly #start = performance.now();
  readonly #show: (line: string) => void;

  private constructor(file: Deno.FsFile, toStandardError: boolean) {
    this.#file = file;
    this.#show = toStandardError ? console.error : console.log;
  }

  /** @throws {TypeError} where the file cannot be written */
  static async open(path: string, title: RecordingTitle, toStandardError: boolean): Promise<Log> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { write: true, create: true, truncate: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new TypeError(`Cannot write the recording: ${why}`);
    }
    const log = new Log(file, toStandardError);
    log.#write(title);
    return log;
  }

  /** A line for the screen alone. */
  say(line: string): void {
    this.#show(printable(line));
  }

  /** A client has come, and has the server. */
  opened(connection: number): void {
    this.#event({ connection, at: this.#now(), event: "open" });
  }

  /** This side sends no more. */
  ended(connection: number, from: Side): void {
    this.#event({ connection, at: this.#now(), from, event: "end" });
  }

  /** This side has sent a frame, or bytes that are none. */
  sent(connection: number, from: Side, piece: Piece, timer: AnswerTimer): void {
    const { bytes, framing, text, fault } = piece, at = this.#now();
    const isPlain = text !== undefined && isEqual(bytes, canonical(framing!, text));
    this.#write({
      connection,
      at,
      from,
      ...framing !== undefined && { framing },
      ...text !== undefined ? { text } : { fault: fault! },
      ...!isPlain && { base64: bytes.toBase64() },
    });
    if (fault === BLANK) return;
    const took = text === undefined ? undefined : timer.note(from, text, at);
    this.#line(
      connection,
      at,
      from,
      text === undefined
        ? `no frame, ${printable(fault!)}: ${showBytes(bytes, MAX_SHOWN)}`
        : `${framing} ${printable(text.slice(0, MAX_SHOWN))}${text.length > MAX_SHOWN ? "…" : ""}` +
          (took === undefined ? "" : `  (${took.toFixed(1)} ms)`),
    );
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  #event(event: Entry & { readonly event: string }): void {
    this.#write(event);
    this.#line(event.connection, event.at, event.from, event.event);
  }

  #line(connection: number, at: number, from: Side | undefined, what: string): void {
    const arrow = from === undefined ? "--" : from === "client" ? ">>" : "<<";
    this.#show(`${(at / 1000).toFixed(3).padStart(8)} #${connection} ${arrow} ${what}`);
  }

  /** Synchronously: entries must not overtake each other, nor be lost at Ctrl-C. */
  #write(entry: Entry | RecordingTitle): void {
    const line = new TextEncoder().encode(JSON.stringify(entry) + "\n");
    for (let at = 0; at < line.length;) at += this.#file.writeSync(line.subarray(at));
  }

  /** Milliseconds since the start, to the microsecond. */
  #now(): number {
    return Math.round((performance.now() - this.#start) * 1000) / 1000;
  }
}
