/**
 * The request of one HTTP connection that is being answered: one at a time, so that whatever is sent meanwhile
 * belongs to it. It says how the answer travels: as a whole, or as one that goes on, in events or in lines.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import type { SendAnswer } from "../incoming/request_context.ts";
import type { Limits } from "../limits.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import { DRAINING } from "../link/in_flight.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { encodeError, UNKNOWN } from "../message/encode.ts";
import type { Timer, Timers } from "../timers.ts";
import type { StreamType } from "./call.ts";
import type { RequestHead } from "./head.ts";
import {
  type Answer,
  answer,
  type Answers,
  chunk,
  event,
  EVENTS_TYPE,
  JSON_TYPE,
  LAST_CHUNK,
  openHead,
  SILENCE,
  USUAL,
} from "./response.ts";
import { statusOf } from "./status.ts";

/** Milliseconds of silence in a stream of events after which it says that it is still there. */
const SILENT = 15_000;

/** The connection on which it is answered. */
export interface ExchangeHost extends Pick<Lifecycle, "phase" | "linger"> {
  readonly writer: FramedWriter;
  readonly shared: { readonly limits: Limits; readonly timers: Timers };
}

/** One request after another, and the answer to each. */
export class Exchange {
  readonly #host: ExchangeHost;
  readonly #answers: Answers;
  /** The request; undefined if it could not be read. */
  #head: RequestHead | undefined;
  /** How many there were. */
  #count = 0;
  /** Lines of each answer to it, for the page that asks. */
  cors = "";
  /** How the messages before the answer travel: as events, as lines, or not at all. */
  stream: StreamType | undefined;
  /** Whether all is said. */
  isAnswered = true;
  /** Whether an answer that goes on has begun, and when it said something last. */
  #isOpen = false;
  #lastTold = 0;
  /** Runs while an answer in events goes on. */
  #silence: Timer | undefined;
  #resolve: (() => void) | undefined;

  /** @param answers writes them */
  constructor(host: ExchangeHost, answers: Answers) {
    this.#host = host;
    host.writer.answering = this.#answers = answers;
  }

  /** Another request has come. @param head undefined if it could not be read */
  begin(head: RequestHead | undefined): void {
    this.#head = head;
    this.#count++;
    this.#isOpen = this.isAnswered = false;
    this.stream = undefined;
    this.cors = "";
  }

  /** Nobody waits for it any more: nothing is sent. */
  abandon(): void {
    this.isAnswered = true;
    this.#close();
    this.#resolve?.();
  }

  /** Resolves once it is answered, and what has to be waited for besides is over; undefined if all is. */
  after(wait: Promise<void> | undefined): Promise<void> | undefined {
    if (this.isAnswered) return wait;
    const answered = new Promise<void>((resolve) => this.#resolve = resolve);
    return wait === undefined ? answered : wait.then(() => answered);
  }

  /** The answer to a call. @param refusal why it was not begun at all, if it was not */
  readonly finish: SendAnswer = (text, refusal) => {
    if (this.isAnswered) return;
    if (this.#isOpen) {
      this.#tellPart(text);
      this.isAnswered = true;
      this.#close();
      this.#host.writer.push(LAST_CHUNK);
      this.#endRequest(false);
    } else if (refusal !== undefined) this.refuse(text, refusal);
    else this.send(200, { type: JSON_TYPE, body: text });
  };

  /** Says that it is not served. @param ends whether the connection ends with it */
  refuse(body: string, error: RpcError, ends = false): void {
    const { status, headers } = statusOf(error);
    this.send(status, { headers, type: JSON_TYPE, body }, ends);
  }

  /** The answer to a batch. */
  push(text: string): void {
    this.finish(text);
  }

  /** A message before the answer: where the client takes such, the first makes the answer one that goes on. */
  tell(text: string, eventId?: string): void {
    if (this.isAnswered || this.stream === undefined) return;
    if (!this.#isOpen) this.open();
    this.#tellPart(text, eventId);
  }

  /** Begins an answer that goes on. */
  open(): void {
    const type = this.stream!, { writer, shared: { timers } } = this.#host;
    this.#isOpen = true;
    this.#lastTold = timers.now();
    writer.push(openHead(this.#answers.date, type, this.cors, this.#connection(false)));
    if (type === EVENTS_TYPE) this.#breakSilence();
  }

  /** The answer that goes on has ended. */
  #close(): void {
    this.#isOpen = false;
    this.#silence?.cancel();
    this.#silence = undefined;
  }

  #tellPart(text: string, eventId?: string): void {
    const { writer, shared: { timers } } = this.#host;
    this.#lastTold = timers.now();
    writer.push(chunk(this.stream === EVENTS_TYPE ? event(text, eventId) : text + "\n"));
  }

  /** Says now and then that the stream is still there: proxies end what is silent for a minute. */
  #breakSilence(): void {
    const { writer, shared: { timers } } = this.#host;
    this.#silence = timers.after(Math.max(0, this.#lastTold + SILENT - timers.now()), () => {
      if (timers.now() - this.#lastTold >= SILENT) {
        this.#lastTold = timers.now();
        // One that has yet to take what waits for it is sent enough.
        if (writer.isQuiet) writer.push(chunk(SILENCE));
      }
      this.#breakSilence();
    });
  }

  /** What an answer says of the connection: nothing where it is as the version has it. */
  #connection(ends: boolean): string | undefined {
    if (ends || this.#isLast) return "close";
    return this.#head?.isOld ? "keep-alive" : undefined;
  }

  /** Whether no request is answered after this one. */
  get #isLast(): boolean {
    const { phase, shared: { limits: { maxHttpRequests } } } = this.#host;
    return this.#head?.keepsAlive === false || phase >= DRAINING ||
      maxHttpRequests > 0 && this.#count >= maxHttpRequests;
  }

  /** Answers the request as a whole, unless it has been. */
  send(status: number, rest: Answer, ends = false): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    const { writer } = this.#host, { headers = "", type, body } = rest;
    const { isHead = this.#head?.method === "HEAD" } = rest;
    const connection = this.#connection(ends), isJson = status === 200 && type === JSON_TYPE;
    const isUsual = isJson && headers === "" && this.cors === "" && connection === undefined &&
      !isHead;
    if (isUsual) {
      writer.push(USUAL);
      writer.push(body!);
    } else writer.push(this.#whole(status, { ...rest, isHead }, connection));
    this.#endRequest(ends);
  }

  /** The same for an answer of bytes; resolves once they are handed to the socket. */
  async sendBytes(status: number, rest: Answer, bytes: Uint8Array): Promise<void> {
    if (this.isAnswered) return;
    this.isAnswered = true;
    const { writer } = this.#host, isHead = this.#head?.method === "HEAD";
    writer.push(this.#whole(status, { ...rest, bytes, isHead }, this.#connection(false)));
    await writer.drained();
    if (!isHead) {
      writer.raw(bytes);
      await writer.drained();
    }
    this.#endRequest(false);
  }

  /** A whole answer, with what the page that asks is told, and what becomes of the connection. */
  #whole(status: number, rest: Answer, connection: string | undefined): string {
    return answer(status, this.#answers.date, {
      ...rest,
      headers: this.cors + (rest.headers ?? ""),
      ...(connection && { connection }),
    });
  }

  #endRequest(ends: boolean): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (ends || this.#isLast) this.#host.linger("an HTTP answer was the last");
    resolve?.();
  }

  /**
   * What is told to a client whose connection is ended: only to one that waits for an answer.
   *
   * @param isMidway whether a request has begun to come
   */
  lastWord(error: RpcError, isMidway: boolean): string | undefined {
    // One that has just come asks for something.
    const isWaiting = !this.isAnswered || isMidway || this.#count === 0;
    if (!isWaiting || this.#isOpen) return undefined; // what goes on ends without its last chunk
    this.isAnswered = true;
    const { status, headers } = statusOf(error, 503);
    return answer(status, this.#answers.date, {
      headers,
      type: JSON_TYPE,
      body: encodeError(UNKNOWN, error),
      connection: "close",
    });
  }
}
