/**
 * The telephone: a prompt, a line that is sent as it is, and whatever comes back.
 *
 * ```text
 * >>: hello
 * HELLO
 * >>:
 * ```
 *
 * Without framing nobody can know where an answer ends, or whether one comes at all. So what arrives
 * soon after a line counts as its answer, and what arrives at any other time is printed all the same.
 *
 * @module
 */

import type { Socket } from "../../lib/client.ts";
import { printable } from "../text/printable.ts";
import { type InputLine, readLines } from "../text/stdio.ts";

/** Milliseconds to wait for an answer before the next prompt, where nothing else is said. */
export const ANSWER_TIMEOUT = 2000;

/**
 * Milliseconds of silence after which an answer counts as whole. An answer written in two small pieces
 * pauses between them until the first is acknowledged, which systems put off for 40 ms.
 */
const QUIET = 100;

const PROMPT = ">>: ";

/** Bytes of one line of the input. */
const MAX_LINE = 1 << 20;

/** Bytes of one read from the socket. */
const READ = 1 << 16;

const LF = 10;

/** What {@linkcode talk} takes. */
export interface TalkOptions {
  /** The line to the server. It is closed in the end. */
  readonly socket: Socket;
  /** What is typed. */
  readonly input: ReadableStream<Uint8Array>;
  /** Writes to the screen. */
  readonly print: (bytes: Uint8Array) => Promise<void>;
  /**
   * Whether a person looks at the screen: what a server sends can then not move the cursor or change
   * colours. Otherwise it is printed byte for byte.
   */
  readonly isTerminal: boolean;
  /**
   * What is sent behind each line, which then goes out as it was typed.
   * @default none, and no white space around the line
   */
  readonly lineEnd?: string;
  /** Milliseconds to wait for an answer before the next prompt. @default {2000} */
  readonly answerTimeout?: number;
  /** Told of a line that cannot be sent. */
  readonly onFault: (fault: string) => void;
}

/** How the conversation ended: we had nothing more to say, or the server hung up before. */
export type TalkEnd = { readonly kind: "ended" } | {
  readonly kind: "lost";
  /** What was thrown, where the server did not simply close the connection. */
  readonly error?: unknown;
};

/**
 * Talks until the input ends or the server hangs up.
 *
 * Lines are sent without the white space around them, and without a newline; empty ones are not sent.
 * With a `lineEnd` all of them are sent, as they were typed.
 * When the input ends the server is told so, and what it still has to say is printed until it hangs up,
 * or says nothing for as long as an answer may take.
 *
 * @throws {Deno.errors.BrokenPipe} where nobody reads what is printed
 */
export async function talk(options: TalkOptions): Promise<TalkEnd> {
  const { socket, input, lineEnd, answerTimeout = ANSWER_TIMEOUT } = options;
  const stop = new AbortController();
  const screen = new Screen(options.print, options.isTerminal);
  const ear = new Ear(socket, (bytes) => screen.show(bytes));
  const lines = readLines(input, MAX_LINE, stop.signal, {
    blank: true,
    untrimmed: lineEnd !== undefined,
  });
  try {
    for (;;) {
      if (ear.isOver) return await ear.ended;
      await screen.prompt();
      const next = await Promise.race([lines.next(), ear.ended]);
      if ("kind" in next) return next;
      screen.entered();
      if (next.done) break;
      const line: InputLine = next.value;
      if ("fault" in line) options.onFault(line.fault);
      else if (lineEnd !== undefined || line.text !== "") {
        const { heard } = ear;
        const end = await Promise.race([say(socket, line.text + (lineEnd ?? "")), ear.ended]);
        if (end !== undefined) return end;
        await ear.answer(heard, answerTimeout);
      }
    }
    await screen.newLine();
    await socket.closeWrite?.().catch(() => {}); // where the line is dead reading says so
    await ear.rest(answerTimeout);
    return { kind: "ended" };
  } finally {
    stop.abort();
    // It may be closed already, from the other side.
    await Promise.try(() => socket.close()).catch(() => {});
    await ear.ended;
    await screen.end();
  }
}

/** Sends a text whole; resolves to how the line ended, where it did. */
async function say(socket: Socket, text: string): Promise<TalkEnd | undefined> {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
    return undefined;
  } catch (error) {
    return { kind: "lost", error };
  }
}

/** What the server says. */
class Ear {
  /** Resolves when the server has hung up, or the line is dead. Rejects where printing fails. */
  readonly ended: Promise<TalkEnd>;
  /** Whether it has. */
  isOver = false;
  /** How many pieces have arrived. */
  heard = 0;
  #change = Promise.withResolvers<void>();

  constructor(socket: Socket, show: (bytes: Uint8Array) => Promise<void>) {
    this.ended = this.#listen(socket, show).finally(() => {
      this.isOver = true;
      this.#changed();
    });
    this.ended.catch(() => {}); // whoever waits for it is told
  }

  async #listen(socket: Socket, show: (bytes: Uint8Array) => Promise<void>): Promise<TalkEnd> {
    const buffer = new Uint8Array(READ);
    for (;;) {
      let count: number | null;
      try {
        count = await socket.read(buffer);
      } catch (error) {
        return { kind: "lost", error };
      }
      if (count === null) return { kind: "lost" };
      await show(buffer.subarray(0, count));
      this.heard++;
      this.#changed();
    }
  }

  #changed(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }

  /**
   * Waits for a piece, and then for silence.
   *
   * @param heard the pieces that had arrived before the question was sent
   * @param ms that this may take
   */
  async answer(heard: number, ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let wait = ms; wait > 0 && await this.#hears(heard, wait);) {
      heard = this.heard;
      wait = Math.min(QUIET, end - performance.now());
    }
  }

  /** Waits for the end, or for so many milliseconds of silence. */
  async rest(ms: number): Promise<void> {
    while (await this.#hears(this.heard, ms));
    if (this.isOver) await this.ended; // however it ended: we had said goodbye
  }

  /** Whether more pieces arrive than so many, before the end and within so many milliseconds. */
  async #hears(heard: number, ms: number): Promise<boolean> {
    if (this.heard > heard || this.isOver) return !this.isOver;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([this.#change.promise, late]);
    clearTimeout(timer);
    return this.heard > heard && !this.isOver;
  }
}

/** Where the prompt stands, and what the server says. */
class Screen {
  readonly #print: (bytes: Uint8Array) => Promise<void>;
  readonly #decoder: TextDecoder | undefined;
  readonly #encoder = new TextEncoder();
  #lineStart = true;
  #prompting = false;
  /** What is written is written one after another. */
  #written = Promise.resolve();

  constructor(print: (bytes: Uint8Array) => Promise<void>, isTerminal: boolean) {
    this.#print = print;
    this.#decoder = isTerminal ? new TextDecoder() : undefined;
  }

  /** Asks for a line, at the beginning of one. */
  prompt(): Promise<void> {
    this.#prompting = true;
    return this.#write((this.#lineStart ? "" : "\n") + PROMPT);
  }

  /** A line was typed: the cursor stands below it, where there is one. */
  entered(): void {
    this.#prompting = false;
    this.#lineStart = true;
  }

  /** Goes to the next line, whatever stands on this one. */
  newLine(): Promise<void> {
    return this.#write("\n");
  }

  /** Shows what arrived: below the prompt, where one stands, and with a new one after it. */
  async show(bytes: Uint8Array): Promise<void> {
    const said = this.#decoder === undefined
      ? bytes
      : this.#encoder.encode(visible(this.#decoder.decode(bytes, { stream: true })));
    if (said.length === 0) return; // a part of a character
    if (!this.#prompting) return await this.#write(said);
    this.#write("\n");
    this.#write(said);
    await this.prompt();
  }

  /** Ends the last line, and what a character was cut off from. */
  async end(): Promise<void> {
    await this.#write(visible(this.#decoder?.decode() ?? ""));
    if (!this.#lineStart) await this.newLine();
  }

  #write(what: string | Uint8Array): Promise<void> {
    const bytes = typeof what === "string" ? this.#encoder.encode(what) : what;
    if (bytes.length === 0) return this.#written;
    this.#lineStart = bytes.at(-1) === LF;
    return this.#written = this.#written.then(() => this.#print(bytes));
  }
}

/** A text that cannot do more to a terminal than to be read. */
function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(/[^\n\t]+/g, printable);
}
