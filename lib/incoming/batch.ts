/**
 * The answers of a batch: they go back in one frame, in the order of its requests.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { isLongerThan, utf8Length } from "../framing/utf8.ts";
import { encodeError } from "../message/encode.ts";
import type { Request } from "../message/message.ts";
import type { Keeping } from "../overload/ledger.ts";

/** Bytes that a unit of text takes as UTF-8 at most. */
const MOST = 3;

/** Collects the answers of one batch, and sends them when the last is there. */
export class BatchAnswers {
  readonly #texts: string[] = [];
  readonly #maxBytes: number;
  readonly #send: (text: string) => void;
  readonly #account: Keeping;
  /** Bytes that are charged for the answers so far. */
  #charge = 0;
  #due: number;
  /** Bytes of the answers so far: no more than this, and exactly this once it is near the limit. */
  #size = 0;
  #isExact = false;

  /**
   * @param due how many will be answered
   * @param maxBytes of all of them together
   * @param account is charged for those that are there, until all are
   */
  constructor(due: number, maxBytes: number, account: Keeping, send: (text: string) => void) {
    this.#account = account;
    this.#due = due;
    this.#maxBytes = maxBytes;
    this.#send = send;
  }

  /** Whether there is no room for any more. */
  get isFull(): boolean {
    return !this.#fits(0);
  }

  #hasRoom(text: string): boolean {
    return this.#fits(text.length) || !isLongerThan(text, this.#maxBytes - this.#size);
  }

  /** Takes the answer at this place; each is answered once. */
  place(at: number): (text: string) => void {
    return (text) => {
      this.#size += this.#isExact ? utf8Length(text) : MOST * text.length;
      this.#texts[at] = text;
      if (--this.#due === 0) {
        this.#account.release(this.#charge);
        this.#send(`[${this.#texts.join(",")}]`);
      } else {
        this.#charge += text.length;
        this.#account.keep(text.length);
      }
    };
  }

  /** The same for the answer to this request; if there is no room for it, it takes and gives an error in its place. */
  placeOf(request: Request, at: number): (text: string) => RpcError | undefined {
    const place = this.place(at);
    return (text) => {
      const error = this.#hasRoom(text) ? undefined : tooLarge();
      place(error === undefined ? text : encodeError(request, error));
      return error;
    };
  }

  /** Whether so many units fit, whatever they are. Bytes are counted only where that leaves doubt. */
  #fits(units: number): boolean {
    if (this.#size + MOST * units <= this.#maxBytes) return true;
    if (!this.#isExact) {
      this.#isExact = true;
      // Those that are not there yet leave their places empty.
      this.#size = this.#texts.reduce((sum, text) => sum + utf8Length(text), 0);
    }
    return this.#size + MOST * units <= this.#maxBytes;
  }
}

/** The error for a request whose answer has no room among those of its batch. */
export function tooLarge(): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", "The batch's answers are too large", {
    limit: "maxResponseBytes",
  });
}
