/**
 * What a peer sends that breaks the rules. A call is answered with what is wrong with it; an answer never,
 * or two strict ends would talk each other to death: the call that waits for it fails with what came, or
 * it is reported.
 *
 * @module
 */

import type { PeerInfo } from "../api/context.ts";
import { ERROR_CODES, type RpcError } from "../error.ts";
import { TOO_BIG } from "../framing/close_code.ts";
import { type BadFrame, type ControlFrame, UNFINISHED } from "../framing/mod.ts";
import type { Caller } from "../incoming/caller.ts";
import type { Requests } from "../incoming/requests.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import { type CloseInfo, HUNG_UP } from "../link/lifecycle.ts";
import type { Batch, Invalid, Message, Single } from "../message/message.ts";
import { faultAnswer } from "../message/parse.ts";
import { unreadable, unreadableId } from "../message/unreadable.ts";
import type { Calls } from "../outgoing/calls.ts";
import type { Timer, Timers } from "../timers.ts";

/** The connection on which it comes. */
export interface BrokenHost {
  readonly peer: PeerInfo;
  /** Whether the peer has turned out to be something else. */
  isOther: boolean;
  /** Whether we only call: what comes is meant as an answer, unless it is a call. */
  readonly onlyCalls: boolean;
  readonly calls: Calls;
  readonly pendingCalls: number;
  report(error: unknown): void;
  linger(reason: string, closeCode?: number): void;
  finish(info: CloseInfo): void;
}

/** What becomes of broken messages of one peer. */
export class Broken {
  readonly #host: BrokenHost;
  readonly #requests: Requests;
  readonly #writer: Pick<FramedWriter, "raw">;
  readonly #isProgram: boolean;
  readonly #timers: Timers;
  /** Whether the peer has sent a message that could be read. */
  #isUnderstood = false;
  /** What may be a greeting, and is told when it is known; most peers send none. */
  #greetings: Map<RpcError, Timer> | undefined;

  /**
   * @param isProgram whether the peer may print there what is meant for people
   */
  constructor(
    host: BrokenHost,
    requests: Requests,
    writer: Pick<FramedWriter, "raw">,
    isProgram: boolean,
    timers: Timers,
  ) {
    this.#host = host;
    this.#requests = requests;
    this.#writer = writer;
    this.#isProgram = isProgram;
    this.#timers = timers;
  }

  /**
   * What a message is meant as. One with a method and with a result or an error is the answer of the call
   * that waits for it, if there is one and it can be nothing else: some servers repeat the method there.
   * All members may be there too, in a call as well, with null for those that are not meant.
   */
  meant<M extends Message | BadFrame | ControlFrame>(message: M): M | Single {
    const { kind } = message;
    if (!this.#isUnderstood && kind !== "invalid" && kind !== "malformed" && kind !== "oversized") {
      this.#isUnderstood = true;
    }
    if (kind === "response" && this.#greetings !== undefined && this.#host.pendingCalls === 1) {
      this.#greeted(message.id);
    }
    if (message.kind !== "request" || message.answer === undefined) return message;
    const { calls, pendingCalls, onlyCalls } = this.#host;
    const { answer } = message, says = answer.error !== undefined || answer.result !== null;
    const isAnswer = (says || onlyCalls) && pendingCalls > 0 && calls.has(answer.id);
    return isAnswer ? answer : message;
  }

  /**
   * Does with one what is to be done.
   *
   * @param text as far as it is known
   * @param caller who gets the answer; without it nobody does
   */
  take(message: Invalid, text = "", caller?: Caller): undefined {
    const { calls, pendingCalls } = this.#host;
    const id = message.isCall || pendingCalls === 0 ? undefined : unreadableId(text) ?? message.id;
    if (id === undefined || !calls.end(id, unreadable(message, text))) {
      if (caller !== undefined && !this.#host.onlyCalls) {
        return this.#answer(message, text, caller);
      }
      const error = unreadable(message, text);
      if (message.isCall || this.#isProgram && isNoJson(message, text)) this.#host.report(error);
      else if (this.#mayGreet(message, text)) this.#hold(error);
      else calls.odd.withoutId(error);
    }
    this.#requests.mistake(message.error, this.#host.peer);
  }

  /**
   * Whether this may be how the peer greets everyone, and no answer: a line for people, or an object that
   * has nothing of an answer, while nothing has come that could be read.
   */
  #mayGreet(message: Invalid, text: string): boolean {
    if (this.#isUnderstood || !this.#host.onlyCalls || this.#host.pendingCalls === 0) return false;
    return isNoJson(message, text) ||
      text.startsWith("{") && message.error.code === ERROR_CODES.INVALID_REQUEST &&
        !NAMES_OF_ANSWERS.some((name) => text.includes(name));
  }

  /** Waits a moment for an answer before the call that waits for one fails with what may be a greeting. */
  #hold(error: RpcError): void {
    const { odd } = this.#host.calls, sent = odd.sentCount;
    odd.lastWords = error;
    const tell = () => {
      this.#greetings?.delete(error);
      odd.withoutId(error, sent);
    };
    (this.#greetings ??= new Map()).set(error, this.#timers.after(GREETING_TIME, tell));
  }

  /** The only call is answered: what came before was a greeting. */
  #greeted(id: string): void {
    if (!this.#host.calls.has(id)) return;
    for (const [error, timer] of this.#greetings!) {
      timer.cancel();
      this.#host.report(error);
    }
    this.#greetings = undefined;
  }

  /** Answers it; what is no JSON is worth a line in the log of the end that did not send it. */
  #answer(message: Invalid, text: string, caller: Caller): undefined {
    if (message.error.code === ERROR_CODES.PARSE_ERROR) {
      this.#host.report(unreadable(message, text));
    }
    this.#requests.invalid(message, caller);
  }

  /** The same with bytes that are no frame. */
  takeFrame(bad: BadFrame, caller: Caller): undefined {
    const host = this.#host;
    // There is nothing to say to what answers here and speaks something else.
    if (bad.other !== undefined) host.isOther = true;
    if (bad.other !== undefined || bad.fatal && host.onlyCalls && bad.closeCode === undefined) {
      return void host.finish({ reason: told(bad, host.peer.address) });
    }
    if (bad.reason === UNFINISHED) {
      // It is no answer: of the calls that wait for one the end of the connection says more.
      const message = faultAnswer(bad);
      if (!host.onlyCalls) return this.#answer(message, bad.start ?? "", caller);
      return void host.report(unreadable(message, bad.start ?? ""));
    }
    // A browser must never get a line executed here; and to TLS there is nothing to say.
    if (bad.protocol === "http") this.#writer.raw(new TextEncoder().encode(HTTP_REFUSAL));
    else if (bad.protocol === undefined && (bad.closeCode ?? TOO_BIG) === TOO_BIG) {
      this.take(faultAnswer(bad), bad.start, caller); // all else its close code says
    }
    if (bad.fatal) host.linger(bad.reason, bad.closeCode);
  }

  /**
   * What is left of a batch. One with answers in it, while calls of ours wait, is the answer to one of ours:
   * what it leaves out is not answered any more.
   */
  restOf(batch: Batch): Batch {
    const { calls, pendingCalls } = this.#host;
    const items = pendingCalls > 0 ? batch.items.map((item) => this.meant(item)) : batch.items;
    const isAnswer = pendingCalls > 0 && items.some(({ kind }) => kind === "response");
    if (!isAnswer && !this.#host.onlyCalls) return batch;
    const whole = items.filter((item) => item.kind !== "invalid");
    const broken = items.filter((item) => item.kind === "invalid");
    if (!isAnswer) {
      for (const item of broken) this.take(item);
      return { ...batch, items: whole };
    }
    const errors: RpcError[] = [];
    for (const item of broken) {
      const error = unreadable(item, "");
      if (item.isCall || !calls.end(item.id, error)) errors.push(error);
      this.#requests.mistake(item.error, this.#host.peer);
    }
    return { ...batch, items: calls.endLeftOut(whole, errors) };
  }
}

/** Why bytes end the connection to a server at this address, and what to do. */
function told({ reason, other }: BadFrame, address: string): string {
  if (other === undefined) return reason;
  const what = `${other.name} answers at ${address}`, { use } = other;
  if (use === undefined) return `${what}, which speaks no JSON-RPC`;
  if ("framing" in use) return `${what}; use the framing ${JSON.stringify(use.framing)}`;
  const url = use.scheme + address.slice(address.indexOf(":"));
  return `${what}; use ${url}`;
}

/**
 * Why the connection to a server ended that has not said a word.
 *
 * @param sent messages that it was sent
 */
export function mute({ address, transport }: PeerInfo, sent: number): string {
  if (transport !== "tcp" || sent === 0) return HUNG_UP;
  const url = "tls" + address.slice(address.indexOf(":"));
  return `${HUNG_UP} without a word, as a TLS server does; if it is one, use ${url}`;
}

const HTTP_REFUSAL = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" +
  "Content-Type: text/plain\r\nContent-Length: 47\r\n\r\n" +
  "This port speaks JSON-RPC over TCP, not HTTP.\r\n";

/** Milliseconds that an answer has to come behind what may be a greeting. */
const GREETING_TIME = 500;

const NAMES_OF_ANSWERS: readonly string[] = ['"id"', '"result"', '"error"'];

/** Whether this does not even begin as a message. */
function isNoJson({ error }: Invalid, text: string): boolean {
  return error.code === ERROR_CODES.PARSE_ERROR && !/^\s*[{[]/.test(text);
}
