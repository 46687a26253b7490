/// <reference lib="dom" />
/**
 * Messages as they come, handled in their order and for a few milliseconds at a time, so that the page is
 * painted and used between them.
 *
 * @module
 */

import { parsed } from "./json.ts";
import type { LongMessage } from "./outline.ts";

/** Milliseconds of each frame that messages take, of a frame, and of the pause between. */
const SLICE = 8, FRAME = 16, PAUSE = 4;

/** Messages, and characters, that may wait: a server that sends more ignores credit. */
const MAX_MESSAGES = 500_000, MAX_CHARACTERS = 200_000_000;

/** What an inbox hands its messages to. */
export interface InboxHost {
  /**
   * @param message undefined if the text is no JSON
   * @param arrived when it came, by `performance.now()`: it may have waited since
   * @param long what was read of a long text
   */
  onmessage(message: unknown, text: string, arrived: number, long?: LongMessage): void;
  /** More has come than may wait: nothing more is handled. */
  onflood(): void;
}

/** A message that has come. */
interface Waiting {
  readonly text: string;
  readonly long: LongMessage | undefined;
  readonly arrived: number;
}

/** What stands in the place of a message that was handled: its text is not kept. */
const HANDLED: Waiting = { text: "", long: undefined, arrived: 0 };

/** The messages of one connection. */
export class Inbox {
  readonly #host: InboxHost;
  #waiting: Waiting[] = [];
  #next = 0;
  #characters = 0;
  /** When the slice began, and what was used of it. */
  #begun = 0;
  #used = 0;
  #isRunning = false;
  /** Whether a pause is made. */
  #isDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(host: InboxHost) {
    this.#host = host;
  }

  /** Takes one more. It is handled at once if there is time. @param long what was read of a long text */
  push(text: string, long?: LongMessage): void {
    if (this.#isClosed) return;
    this.#waiting.push({ text, long, arrived: performance.now() });
    this.#characters += text.length;
    if (
      this.#waiting.length - this.#next > MAX_MESSAGES ||
      this.#characters > MAX_CHARACTERS && this.#waiting.length - this.#next > 1
    ) {
      this.close();
      this.#host.onflood();
    } else if (!this.#isRunning && !this.#isDue) this.#run();
  }

  /** Forgets what waits, and takes nothing more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#next = this.#characters = 0;
  }

  #run(): void {
    let now = performance.now();
    if (now - this.#begun > FRAME) {
      this.#begun = now;
      this.#used = 0;
    }
    this.#isRunning = true;
    while (this.#next < this.#waiting.length && !this.#isDue) {
      const waiting = this.#waiting[this.#next]!;
      this.#waiting[this.#next++] = HANDLED;
      this.#characters -= waiting.text.length;
      this.#hand(waiting);
      const before = now;
      now = performance.now();
      this.#used += now - before;
      if (this.#used >= SLICE && !this.#isClosed) this.#pause();
    }
    this.#isRunning = false;
    if (this.#next < this.#waiting.length) return;
    this.#waiting = [];
    this.#next = 0;
  }

  /** Hands a message on. If the page fails at it, the messages behind it still come. */
  #hand({ text, long, arrived }: Waiting): void {
    try {
      const message = long === undefined ? parsed(text) : long.message;
      this.#host.onmessage(message, text, arrived, long);
    } catch (error) {
      reportError(error);
    }
  }

  #pause(): void {
    this.#isDue = true;
    this.#timer = setTimeout(() => {
      this.#isDue = false;
      this.#begun = 0;
      this.#run();
    }, PAUSE);
  }
}
