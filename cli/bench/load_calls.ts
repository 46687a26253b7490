/**
 * The calls of a load: requests that are encoded before they are needed, and answers that are looked
 * at without being parsed where they look like the one before.
 *
 * @module
 */

import type { Framing } from "../../lib/wire.ts";

/** Ids begin here, so that all have as many digits and every request one size. */
const FIRST_ID = 1_000_000;
const ID_DIGITS = 7;
const MAX_IDS = 9_000_000;

/** The requests take about this much memory; and at most so much, where many are long. */
const TABLE_BYTES = 1 << 16;
const MAX_TABLE_BYTES = 1 << 28;

/** Of the answers that look right one in so many is parsed. */
const PARSE_EVERY = 100;

/** What an answer turned out to be. */
export type Verdict =
  /** The result of the request in this slot. */
  | { readonly kind: "result"; readonly slot: number }
  /** An error, or a result that is wrong, for the request in this slot. */
  | { readonly kind: "failure"; readonly slot: number; readonly why: string }
  /** A request or notification of the server's: no answer. */
  | { readonly kind: "message" }
  /** Nothing that belongs here. */
  | { readonly kind: "stray"; readonly why: string };

/** Requests for one method with one value, by slots: the id of a request is that of its slot. */
export class LoadCalls {
  /** How many requests there are before they repeat. */
  readonly count: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #size: number;

  /**
   * @param atOnce how many requests a connection may have without an answer
   * @throws {RangeError} where the requests would take too much memory
   */
  constructor(framing: Framing, method: string, params: unknown, atOnce: number) {
    const request = (id: number) =>
      JSON.stringify({ jsonrpc: "2.0", id, method, ...params !== undefined && { params } });
    const encode = (texts: string[]) => framing.encode(texts, (size) => new Uint8Array(size));
    this.#size = encode([request(FIRST_ID)]).length;
    // More than may be under way, so that there is always one that is free.
    this.count = Math.max(2 * atOnce, Math.ceil(TABLE_BYTES / this.#size));
    if (this.count > MAX_IDS || this.count * this.#size > MAX_TABLE_BYTES) {
      throw new RangeError(
        `Cannot make a load of ${atOnce} calls at once on a connection: each has ${this.#size} bytes`,
      );
    }
    this.#bytes = encode(Array.from({ length: this.count }, (_, slot) => request(FIRST_ID + slot)))
      .slice();
  }

  /** The bytes of the requests of these slots. */
  bytes(from: number, to: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(from * this.#size, to * this.#size);
  }
}

/**
 * Tells what answers are. The first one is parsed; one that is the same but for its id, or that begins
 * alike and names no error, is taken to be right. One in a hundred of these is parsed all the same.
 */
export class AnswerReader {
  readonly #expected: ((result: unknown) => boolean) | undefined;
  /** The last answer that was parsed and right: what stands before its id, and what behind. */
  #head = "";
  #tail = "";
  /** Whether in its kind of answer the result comes right behind the id. */
  #resultFollows = false;
  #untilParsed = 0;

  /** @param expected whether a result is right; all are where it is not given */
  constructor(expected?: (result: unknown) => boolean) {
    this.#expected = expected;
  }

  /** What this text of one frame is. */
  read(text: string): Verdict {
    const head = this.#head, slot = this.#slotAt(text, head.length);
    if (slot < 0 || --this.#untilParsed <= 0 || text.slice(0, head.length) !== head) {
      return this.#parse(text);
    }
    const tail = this.#tail, end = head.length + ID_DIGITS;
    // Comparing is fast; endsWith() goes letter by letter.
    const isSame = text.length === end + tail.length && text.slice(end) === tail;
    const isAlike = isSame ||
      this.#resultFollows && text.startsWith(RESULT, end) && !text.includes('"error"');
    return isAlike ? { kind: "result", slot } : this.#parse(text);
  }

  /** The slot of the id that stands here, -1 where none does. */
  #slotAt(text: string, at: number): number {
    let id = 0;
    for (let digits = 0; digits < ID_DIGITS; digits++) {
      const digit = text.charCodeAt(at + digits) - 48;
      if (!(digit >= 0 && digit <= 9)) return -1; // NaN beyond the end
      id = id * 10 + digit;
    }
    return id - FIRST_ID;
  }

  #parse(text: string): Verdict {
    let answer: Readonly<Record<string, unknown>>;
    try {
      answer = JSON.parse(text);
    } catch {
      return { kind: "stray", why: "not JSON" };
    }
    if (answer === null || typeof answer !== "object") return { kind: "stray", why: "no answer" };
    const { id, method, result, error } = answer;
    if (typeof method === "string") return { kind: "message" };
    const isFailure = error !== undefined && error !== null;
    if (typeof id !== "number" || !(id >= FIRST_ID)) {
      return { kind: "stray", why: isFailure ? nameOf(error) : "an answer with a wrong id" };
    }
    const slot = id - FIRST_ID;
    if (isFailure) return { kind: "failure", slot, why: nameOf(error) };
    if (result === undefined) {
      return { kind: "failure", slot, why: "neither a result nor an error" };
    }
    if (this.#expected?.(result) === false) return { kind: "failure", slot, why: "a wrong result" };
    this.#untilParsed = PARSE_EVERY;
    // The id is the member of the answer itself: it stands first, or behind all of the result.
    const digits = `"id":${id}`;
    const at = text.startsWith('{"jsonrpc":"2.0",' + digits) || text.startsWith("{" + digits)
      ? text.indexOf(digits)
      : text.lastIndexOf(digits);
    const end = at + digits.length;
    const isLast = text.endsWith("}") && end === text.length - 1;
    if (at >= 0 && (isLast || text.startsWith(RESULT, end))) {
      this.#head = text.slice(0, end - ID_DIGITS);
      this.#tail = text.slice(end);
      this.#resultFollows = !isLast && text.startsWith('{"jsonrpc":"2.0"');
    }
    return { kind: "result", slot };
  }
}

const RESULT = ',"result":';

/** An error by its code, as far as it has one. */
function nameOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== "number") return "an error without a code";
  return typeof message === "string" ? `error ${code}: ${message.slice(0, 80)}` : `error ${code}`;
}
