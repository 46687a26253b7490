/**
 * Datagrams as lines: what a connection reads is one line for each datagram, and of what it writes
 * each line becomes a datagram. The two ends of such a line keep different rules about what goes out.
 *
 * A datagram is one JSON text, a message or a batch. It may come from anyone, in anyone's name: so a
 * server never answers with more bytes than it was asked with, and says nothing unasked. A caller who
 * expects a long answer pads the question with spaces.
 *
 * @module
 */

import { type ErrorName, RpcError } from "../../error.ts";
import { decodeLoosely } from "../../framing/utf8.ts";
import { encodeError } from "../../message/encode.ts";
import { errors } from "../../runtime.ts";
import type { Socket } from "../socket.ts";

/** Bytes of the largest datagram: IPv4 has 16 bits for its length, headers included. */
export const MAX_DATAGRAM = 65507;

/**
 * Datagrams that wait to be read, and their bytes; more are lost, as datagrams may be. There is one
 * server to hear, but there can be thousands of callers.
 */
const MAX_INBOX = 256;
const MAX_WAITING_ANSWERS = 1 << 20;
const MAX_WAITING_QUESTIONS = 1 << 17;

/** Questions of one peer that wait for their answers; the oldest is forgotten first. */
const MAX_QUESTIONS = 256;

const LF = 10;
const CR = 13;
const RS = 30;
const SPACE = 32;

/** What a line of datagrams is given. */
export interface DatagramEnd {
  readonly local: string;
  readonly remote: string;
  /** Sends one datagram. */
  send(datagram: Uint8Array): Promise<unknown>;
  /** Told once that it was closed; the promise is for what takes a while. */
  closed(): void | Promise<void>;
}

/** One end of a line of datagrams. */
abstract class DatagramSocket implements Socket {
  readonly datagrams = true;
  readonly local: string;
  readonly remote: string;
  readonly #end: DatagramEnd;
  readonly #maxWaiting: number;
  readonly #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  /** How much of the first one has been read. */
  #at = 0;
  #hasDelivered = false;
  #wake: (() => void) | undefined;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  constructor(end: DatagramEnd, maxWaiting: number) {
    this.#end = end;
    this.#maxWaiting = maxWaiting;
    this.local = end.local;
    this.remote = end.remote;
  }

  /** What goes out for a message: a datagram, or nothing. */
  protected abstract outgoing(message: Uint8Array): Uint8Array | undefined;

  /**
   * Takes a datagram that came; its bytes may be overwritten afterwards.
   *
   * @returns whether there was room for it
   */
  deliver(datagram: Uint8Array): boolean {
    const start = this.#hasDelivered ? 1 : 0, size = start + datagram.length + 1;
    if (
      this.#ended || this.#inbox.length >= MAX_INBOX || this.#inboxBytes + size > this.#maxWaiting
    ) return false;
    const line = new Uint8Array(size);
    line.set(datagram, start);
    // A line of its own, whatever is in it: within JSON a line feed is white space, or an error, and
    // so is a carriage return. What the one before has left open is broken by RS.
    for (let at = -1; (at = line.indexOf(LF, at + 1)) >= 0;) line[at] = CR;
    if (this.#hasDelivered) line[0] = RS;
    line[size - 1] = LF;
    this.#hasDelivered = true;
    this.#inbox.push(line);
    this.#inboxBytes += size;
    this.#wake?.();
    return true;
  }

  /** No other datagram will come; what has come can still be read, and answered. */
  endInput(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Nothing works any more. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.endInput();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#closed) throw new errors.BadResource("the socket is closed");
      if (this.#failure !== undefined) throw this.#failure.error;
      const [line] = this.#inbox;
      if (line !== undefined) {
        const part = line.subarray(this.#at, this.#at + buffer.length);
        buffer.set(part);
        this.#at += part.length;
        if (this.#at === line.length) {
          this.#inbox.shift();
          this.#inboxBytes -= line.length;
          this.#at = 0;
        }
        return part.length;
      }
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Sends each line as a datagram of its own. */
  async write(lines: Uint8Array): Promise<number> {
    for (let from = 0; from < lines.length;) {
      const lf = lines.indexOf(LF, from);
      const end = lf < 0 ? lines.length : lf;
      const datagram = this.outgoing(lines.subarray(from, end));
      if (datagram !== undefined) await this.#end.send(datagram);
      from = end + 1;
    }
    return lines.length;
  }

  /** There is nobody to tell: whoever has said the last word need not wait for another. */
  closeWrite(): Promise<void> {
    this.endInput();
    return Promise.resolve();
  }

  close(): void | Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.endInput();
    return this.#end.closed();
  }
}

/** The end that asks. */
export class CallerSocket extends DatagramSocket {
  readonly #pad: number;

  /** @param pad bytes to which questions are filled up, so that their answers may be as long */
  constructor(end: DatagramEnd, pad: number) {
    super(end, MAX_WAITING_ANSWERS);
    this.#pad = pad;
  }

  protected override outgoing(message: Uint8Array): Uint8Array | undefined {
    if (message.length > MAX_DATAGRAM) {
      this.#refuse(message);
      return undefined;
    }
    if (message.length >= this.#pad || !isQuestion(message)) return message;
    const padded = new Uint8Array(this.#pad).fill(SPACE);
    padded.set(message);
    return padded;
  }

  /** Nobody else could say it: this end answers in the other's place. */
  #refuse(message: Uint8Array): void {
    const bytes = message.length;
    const error = new RpcError(
      "RESOURCE_EXHAUSTED",
      `Cannot send: the message has ${bytes} bytes, a datagram takes ${MAX_DATAGRAM}`,
      { details: { bytes, maxBytes: MAX_DATAGRAM } },
    );
    const ids = questionIds(message);
    const answers = (ids.length === 0 ? ["null"] : ids).map((id) =>
      encodeError({ version: "2.0", id }, error)
    );
    for (const answer of answers) this.deliver(new TextEncoder().encode(answer));
  }
}

/** A question whose answer has not gone out. */
interface Question {
  readonly bytes: number;
  readonly ids: readonly string[];
}

/** The end that answers: never with more bytes than the question had, and never unasked. */
export class AnswererSocket extends DatagramSocket {
  readonly #questions: Question[] = [];
  /** Whether it has answered anything. */
  hasAnswered = false;

  constructor(end: DatagramEnd) {
    super(end, MAX_WAITING_QUESTIONS);
  }

  /** Whether a question waits for its answer. */
  get isAsked(): boolean {
    return this.#questions.length > 0;
  }

  override deliver(datagram: Uint8Array): boolean {
    if (!super.deliver(datagram)) return false;
    const ids = questionIds(datagram);
    if (ids.length > 0) {
      this.#questions.push({ bytes: datagram.length, ids });
      if (this.#questions.length > MAX_QUESTIONS) this.#questions.shift();
    }
    return true;
  }

  protected override outgoing(message: Uint8Array): Uint8Array | undefined {
    const head = headOf(message);
    if (head === null) return undefined; // a notification: nobody asked for it
    const [, batch, version, id, kind] = head;
    if (kind === "method") {
      const error = new RpcError(
        "FAILED_PRECONDITION",
        "Cannot call back over datagrams: nothing proves that the caller is who it says",
      );
      super.deliver(new TextEncoder().encode(encodeError({ version: "2.0", id: id! }, error)));
      return undefined;
    }
    const question = this.#answered(canonical(id!));
    if (question === undefined) return undefined;
    this.hasAnswered = true;
    if (message.length <= question.bytes && message.length <= MAX_DATAGRAM) return message;
    const ids = batch === undefined ? [id!] : question.ids;
    const shorter = batch === undefined && kind === "error" ? [withoutData(message)] : [];
    // What stands here has to be short itself, or is not said.
    for (const error of [...shorter, ...tooLong(message.length, question.bytes)]) {
      const texts = ids.map((id) =>
        encodeError({ version: version === undefined ? "1.0" : "2.0", id }, error)
      );
      const refusal = new TextEncoder().encode(batch === undefined ? texts[0] : `[${texts}]`);
      if (refusal.length <= question.bytes) return refusal;
    }
    return undefined;
  }

  /** The question that is answered here; no second answer belongs to it. */
  #answered(id: string): Question | undefined {
    const index = this.#questions.findIndex(({ ids }) => ids.includes(id));
    if (index >= 0) return this.#questions.splice(index, 1)[0];
    // What breaks a limit is answered without its id, and at once: it came last.
    return id === "null" ? this.#questions.pop() : undefined;
  }
}

/** The error of an answer of ours, without what else there is to say of it. */
function withoutData(message: Uint8Array): RpcError {
  const { error: { code, message: text } } = JSON.parse(decodeLoosely(message));
  return new RpcError(code, text);
}

/** What stands in place of an answer that is too long, from explicit to short. */
function tooLong(bytes: number, question: number): RpcError[] {
  const name: ErrorName = "RESOURCE_EXHAUSTED";
  const more = bytes > MAX_DATAGRAM
    ? "use tcp://"
    : `pad it with spaces (udp://host:port?pad=${bytes}) or use tcp://`;
  return [
    new RpcError(name, `The answer has ${bytes} bytes, its question ${question}: ${more}`, {
      details: { bytes, maxBytes: question },
    }),
    new RpcError(new RpcError(name, "").code, "The answer is longer than its question"),
  ];
}

/** The beginning of what our encoders write, up to the member that tells what it is. */
const HEAD =
  /^(\[)?\{("jsonrpc":"2\.0",)?"id":(null|[-+.0-9eE]+|"(?:[^"\\]|\\.)*"),"(result|error|method)":/;

function headOf(message: Uint8Array): RegExpExecArray | null {
  return HEAD.exec(decodeLoosely(message.subarray(0, MAX_DATAGRAM)));
}

/** Whether a message of ours is one that waits for an answer. */
function isQuestion(message: Uint8Array): boolean {
  return message[0] === 0x5b || headOf(message) !== null;
}

/** The ids that answers to this datagram carry, as JSON text; none, where none will come. */
function questionIds(datagram: Uint8Array): string[] {
  let value: unknown;
  try {
    value = JSON.parse(decodeLoosely(datagram));
  } catch {
    return ["null"]; // a parse error is an answer too
  }
  if (!Array.isArray(value) || value.length === 0) value = [value];
  return (value as unknown[]).flatMap((item) => {
    if (item === null || typeof item !== "object" || Array.isArray(item)) return ["null"];
    const { id, jsonrpc, method, result, error } = item as Record<string, unknown>;
    if (method === undefined && (result !== undefined || error !== undefined)) return [];
    const isNone = id === undefined || id === null && jsonrpc === undefined;
    if (isNone && typeof method === "string") return [];
    return [typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : "null"];
  });
}

/** An id as {@linkcode questionIds} writes it: `1.0` as `1`. */
function canonical(id: string): string {
  return JSON.stringify(JSON.parse(id));
}
