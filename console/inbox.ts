/// <reference lib="dom" />
/**
 * Messages as they come, handled in their order and for a few milliseconds at a time, so that the page is
 * painted and used between them. A worker reads long ones.
 *
 * @module
 */

import { parsed } from "./json.ts";
import { type LongMessage, readLong } from "./outline.ts";

/** Characters of a message above which a worker reads it. */
const LONG = 500_000;

/** Milliseconds of each frame that messages take, of a frame, and of the pause between. */
const SLICE = 8, FRAME = 16, PAUSE = 4;

/** Messages, and characters, that may wait: a server that sends more ignores credit. */
const MAX_MESSAGES = 500_000, MAX_CHARACTERS = 200_000_000;

/** What an inbox hands its messages to. */
export interface InboxHost {
  /** The id of the call for the API, whose answer is read in a way of its own. */
  readonly discover: number | undefined;
  /**
   * @param message undefined if the text is no JSON
   * @param arrived when it came, by `performance.now()`: it may have waited since
   * @param long what was read of a long text
   */
  onmessage(message: unknown, text: string, arrived: number, long?: LongMessage): void;
  /** More has come than may wait: nothing more is handled. */
  onflood(): void;
}

/** The messages of one connection. */
export class Inbox {
  readonly #host: InboxHost;
  #texts: string[] = [];
  /** When each of them came. */
  #arrivals: number[] = [];
  #next = 0;
  #characters = 0;
  /** When the slice began, and what was used of it. */
  #begun = 0;
  #used = 0;
  #isRunning = false;
  /** Whether a pause is made. */
  #isDue = false;
  #isReading = false;
  #isClosed = false;
  /** Undefined until there is something long to read; null if this browser has no worker for it. */
  #reader: Worker | null | undefined;

  constructor(host: InboxHost) {
    this.#host = host;
  }

  /** Takes one more. It is handled at once if there is time. */
  push(text: string): void {
    if (this.#isClosed) return;
    this.#texts.push(text);
    this.#arrivals.push(performance.now());
    this.#characters += text.length;
    if (
      this.#texts.length - this.#next > MAX_MESSAGES ||
      this.#characters > MAX_CHARACTERS && this.#texts.length - this.#next > 1
    ) {
      this.close();
      this.#host.onflood();
    } else if (!this.#isRunning && !this.#isDue && !this.#isReading) this.#run();
  }

  /** Forgets what waits, and takes nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#texts = [];
    this.#arrivals = [];
    this.#next = this.#characters = 0;
    this.#reader?.terminate();
  }

  #run(): void {
    let now = performance.now();
    if (now - this.#begun > FRAME) {
      this.#begun = now;
      this.#used = 0;
    }
    this.#isRunning = true;
    while (this.#next < this.#texts.length && !this.#isReading && !this.#isDue) {
      const text = this.#texts[this.#next]!, arrived = this.#arrivals[this.#next]!;
      this.#texts[this.#next++] = "";
      this.#characters -= text.length;
      if (text.length > LONG) this.#readLong(text, arrived);
      else this.#hand(parsed(text), text, arrived);
      const before = now;
      now = performance.now();
      this.#used += now - before;
      if (this.#used >= SLICE && !this.#isClosed) this.#pause();
    }
    this.#isRunning = false;
    if (this.#next < this.#texts.length) return;
    this.#texts = [];
    this.#arrivals = [];
    this.#next = 0;
  }

  /** Hands a message on. If the page fails at it, the messages behind it still come. */
  #hand(message: unknown, text: string, arrived: number, long?: LongMessage): void {
    try {
      this.#host.onmessage(message, text, arrived, long);
    } catch (error) {
      reportError(error);
    }
  }

  #pause(): void {
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#begun = 0;
      if (!this.#isReading) this.#run();
    }, PAUSE);
  }

  #readLong(text: string, arrived: number): void {
    const { discover } = this.#host, reader = this.#worker();
    if (reader === null) {
      const long = readLong(text, discover);
      return this.#hand(long.message, text, arrived, long);
    }
    this.#isReading = true;
    const onread = (long: LongMessage) => {
      if (this.#isClosed) return;
      this.#isReading = false;
      this.#hand(long.message, text, arrived, long);
      if (!this.#isDue) this.#run();
    };
    reader.onmessage = ({ data }: MessageEvent<LongMessage>) => onread(data);
    // The worker cannot be loaded, or has failed. The page reads the text itself: later messages wait for it.
    reader.onerror = (event) => {
      event.preventDefault();
      reader.terminate();
      this.#reader = null;
      onread(readLong(text, discover));
    };
    reader.postMessage({ text, discover });
  }

  #worker(): Worker | null {
    if (this.#reader !== undefined) return this.#reader;
    try {
      const url = new URL("./long_reader.ts", import.meta.url);
      return this.#reader = new Worker(url, { type: "module" });
    } catch {
      return this.#reader = null;
    }
  }
}
