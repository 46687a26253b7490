/**
 * A connection that speaks HTTP/1.1: one request after another, each of them a call, a batch, a
 * notification or a page; or a WebSocket, with which the connection goes on by itself.
 *
 * ```text
 * read ─> head ─> guard ─> credentials ─> body ─┬─ call ─> requests ─> answer ─> writer
 *                    │          │               └─ page
 *                    └──────────┴── refused
 * ```
 *
 * It is a guest: the socket, the writer, the requests and the life are those of the connection whose first
 * bytes were HTTP. One request is answered before the next is looked at, so that whatever is sent
 * meanwhile belongs to it.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { EMPTY } from "../framing/byte_queue.ts";
import { decodeUtf8 } from "../framing/utf8.ts";
import type { RequestContext, SendAnswer } from "../incoming/request_context.ts";
import type { Requests } from "../incoming/requests.ts";
import type { Limits } from "../limits.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import { DRAINING, LINGERING, OPEN } from "../link/in_flight.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { ReadBuffer } from "../link/read_buffer.ts";
import { isControl } from "../message/control.ts";
import { encodeError, UNKNOWN } from "../message/encode.ts";
import type { Message, Notification, Request, Single } from "../message/message.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Duplex } from "../transport/socket.ts";
import { adapt, fits, streamType } from "./call.ts";
import type { HttpCaller } from "./caller.ts";
import { Callers, type CallersOptions } from "./callers.ts";
import { type Admitted, guard, type Refusal } from "./guard.ts";
import type { HttpServing } from "./options.ts";
import {
  type BadRequest,
  RequestDecoder,
  type RequestHead,
  type RequestLimits,
} from "./request.ts";
import {
  type Answer,
  answer,
  Answers,
  chunk,
  CONTINUE,
  event,
  EVENTS_TYPE,
  JSON_TYPE,
  LAST_CHUNK,
  type LINES_TYPE,
  openHead,
  SILENCE,
  TEXT_TYPE,
} from "./response.ts";
import { statusOf } from "./status.ts";
import { handshake } from "./upgrade.ts";

/** Milliseconds of silence in a stream of events after which it says that it is still there. */
const SILENT = 15_000;

/** Milliseconds, at most, for which a peer is not read that was faster than it may be. */
const MAX_REST = 1000;

/** The connection whose guest the session is, and what it lends. */
export interface HttpHost extends CallersOptions {
  readonly socket: Duplex;
  readonly lifecycle: Lifecycle<RequestContext>;
  readonly requests: Requests;
  readonly writer: FramedWriter;
  readonly allowance: Allowance | undefined;
  /** Makes a message of a text. */
  readonly parse: (text: string) => Message;
}

/** One connection that speaks HTTP. */
export class HttpSession {
  readonly #host: HttpHost;
  readonly #serving: HttpServing;
  readonly #answers = new Answers();
  readonly #limits: { -readonly [Name in keyof RequestLimits]: RequestLimits[Name] };
  readonly #decoder: RequestDecoder;
  readonly #callers: Callers;
  /** When the first byte of an unfinished head, or of its body, came; undefined between requests. */
  messageSince: number | undefined;
  readonly pausedSince = undefined;
  /** Requests so far, and parts of the last read that were handled without waiting. */
  #count = 0;
  #handled = 0;
  /** The bytes behind the handshake of a WebSocket, once there was one. */
  #upgraded: Uint8Array | undefined;
  #isUpgrading = false;

  // The request that is being answered.
  #head: RequestHead | undefined;
  #admitted!: Admitted;
  /** Lines of each answer to it, for the page that asks. */
  #cors = "";
  #caller!: HttpCaller;
  /** Whether its body is read and forgotten: it has been refused. */
  #isRefused = false;
  /** Whether the client waits to be told that its body may come. */
  #expects = false;
  #isAnswered = true;
  /** How the messages before the answer travel: as events, as lines, or not at all. */
  #stream: typeof EVENTS_TYPE | typeof LINES_TYPE | undefined;
  /** Whether such an answer has begun, and when it said something last. */
  #isOpen = false;
  #lastTold = 0;
  #resolve: (() => void) | undefined;

  constructor(host: HttpHost, serving: HttpServing) {
    this.#host = host;
    this.#serving = serving;
    const { maxHttpHeadBytes, maxHttpHeadLines } = host.shared.limits;
    this.#limits = { maxHttpHeadBytes, maxHttpHeadLines, maxMessageBytes: 0 };
    this.#decoder = new RequestDecoder(this.#limits);
    this.#callers = new Callers(host, this);
    host.writer.answering = this.#answers;
  }

  /** How long what {@linkcode messageSince} tells of may take. */
  get messageTimeout(): number {
    const { httpHeadTimeout, messageTimeout } = this.#host.shared.limits;
    if (this.messageSince === undefined) return Math.min(messageTimeout, httpHeadTimeout);
    return this.#decoder.isInBody ? messageTimeout : httpHeadTimeout;
  }

  /** Bytes that are kept of an unfinished request. */
  get held(): number {
    return this.#decoder.held;
  }

  // ---- Reading -------------------------------------------------------------------------------

  /**
   * Speaks HTTP until the connection ends, or becomes a WebSocket.
   *
   * @param first what was read already
   * @returns the bytes behind the handshake of a WebSocket; undefined if the connection ends
   */
  async run(first: Uint8Array): Promise<Uint8Array | undefined> {
    const { lifecycle, shared } = this.#host;
    const buffer = new ReadBuffer(shared.pool);
    try {
      await this.#read(first, buffer);
    } catch (error) {
      this.#leave();
      lifecycle.lose(error);
    }
    buffer.end();
    return this.#upgraded;
  }

  async #read(first: Uint8Array, buffer: ReadBuffer): Promise<void> {
    const { socket, lifecycle, allowance, shared } = this.#host;
    const { timers, timeSlice, fairQueue } = shared;
    let wait = this.#take(first, lifecycle.lastActive), reading: Promise<number | null> | undefined;
    for (;;) {
      if (wait !== undefined) {
        // What is left of the last read lies in its buffer: no more may come into it.
        if (this.#decoder.rest.length > 0 || this.#isUpgrading) await wait;
        else {
          reading ??= socket.read(buffer.space);
          const hasLeft = await Promise.race([wait, reading.then((count) => count === null)]);
          if (hasLeft === true) return this.#leave();
          await wait;
        }
        wait = undefined;
        if (this.#upgraded !== undefined) return;
      }
      const { space } = buffer, count = await (reading ?? socket.read(space));
      reading = undefined;
      if (count === null) return this.#leave();
      if (lifecycle.phase >= LINGERING) continue; // what still comes is read and forgotten
      const now = timers.now();
      lifecycle.lastActive = now;
      allowance?.receive(count, now);
      wait = this.#take(space.subarray(0, count), now);
      if (this.#decoder.rest.length === 0) {
        this.#decoder.push(EMPTY); // lets go of the buffer
        buffer.adapt(count);
      }
      if (wait !== undefined) continue;
      fairQueue?.note(this.#handled, timers.now() - now);
      for (let debt; (debt = allowance?.debt(timers.now()) ?? 0) > 0;) {
        if (lifecycle.phase >= LINGERING) break;
        await lifecycle.pause(Math.min(debt, MAX_REST));
      }
      const pause = timeSlice?.yieldWhenOver(now);
      if (pause !== undefined) await pause;
    }
  }

  /** The caller sends no more, which is how it leaves: nobody waits for what still runs. */
  #leave(): void {
    const { lifecycle } = this.#host;
    if (!this.#isAnswered) {
      this.#isAnswered = true; // nothing more is sent
      lifecycle.stopAll(new RpcError("CANCELLED", "The caller has left"));
      this.#resolve?.();
    }
    lifecycle.endInput();
  }

  #take(bytes: Uint8Array, now: number): Promise<void> | undefined {
    this.#decoder.push(bytes);
    return this.#next(now);
  }

  /** Handles what has come; the promise is that of an answer, behind which the next request is looked at. */
  #next(now: number): Promise<void> | undefined {
    const { lifecycle, shared, writer, backpressure } = this.#host, decoder = this.#decoder;
    let count = 0;
    for (let part; lifecycle.phase < LINGERING && (part = decoder.next()) !== undefined; count++) {
      const wait = part.kind === "head"
        ? this.#onHead(part)
        : part.kind === "body"
        ? this.#onBody(part.bytes)
        : this.#onBad(part);
      if (wait !== undefined) {
        this.messageSince = undefined;
        return wait.then(() => this.#next(shared.timers.now()));
      }
    }
    if (!decoder.midway) this.messageSince = undefined;
    // A body has its own time, from the end of its head.
    else if (count > 0 || this.messageSince === undefined) this.messageSince = now;
    this.#handled = count;
    if (this.#expects && !this.#isRefused && decoder.isInBody) {
      this.#expects = false;
      writer.push(CONTINUE);
    }
    backpressure.afterRead(decoder.held);
    // A client that sends requests and takes no answers is not read any further.
    return backpressure.isFull ? backpressure.whenRoom(() => {}) as Promise<void> : undefined;
  }

  // ---- Requests ------------------------------------------------------------------------------

  #onHead(head: RequestHead): Promise<void> | undefined {
    const { lifecycle, shared: { limits } } = this.#host;
    this.#head = head;
    this.#count++;
    this.#isRefused = this.#isOpen = this.#isAnswered = false;
    this.#stream = undefined;
    this.#cors = "";
    const expect = head.headers.get("expect")?.toLowerCase();
    this.#expects = expect === "100-continue" && !head.isOld && head.length !== 0;
    this.#limits.maxMessageBytes = Math.min(limits.maxMessageBytes, limits.maxHttpBodyBytes);
    const admitted = guard(head, this.#serving.guard);
    if ("status" in admitted) return this.#refuse(admitted);
    this.#admitted = admitted;
    if (admitted.route.kind !== "options") this.#cors = admitted.headers;
    if (expect !== undefined && expect !== "100-continue") {
      return this.#refuse({ status: 417, reason: "the only expectation is 100-continue" });
    }
    const { kind } = admitted.route;
    if (this.#serving.only === "websocket" && kind !== "upgrade") {
      return this.#refuse({
        status: 426,
        reason: "only WebSockets are taken at this address",
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\n",
      });
    }
    if (kind === "upgrade") return this.#upgrade(head);
    if (kind === "options") return undefined;
    if (kind === "page" && admitted.route.path !== "/openrpc.json") {
      this.#caller = this.#callers.anyone; // the first page, and how the server is, are for all
      return undefined;
    }
    const found = this.#callers.find(head.headers.get("authorization"));
    const go = (found: HttpCaller | RpcError): undefined => {
      if (lifecycle.phase >= LINGERING) return;
      if (found instanceof RpcError) this.#refuseUnknown(found, head);
      else this.#caller = found;
    };
    return found instanceof Promise ? found.then(go) : go(found);
  }

  /** Nobody is known by what the request shows. A short body is passed over, so that another may follow. */
  #refuseUnknown(error: RpcError, { length, headers }: RequestHead): void {
    const { limits: { maxUnauthenticatedBytes, maxAuthFailures } } = this.#host.shared;
    const isShort = length <= maxUnauthenticatedBytes && !headers.has("expect");
    this.#limits.maxMessageBytes = Math.min(this.#limits.maxMessageBytes, maxUnauthenticatedBytes);
    this.#isRefused = true;
    const ends = !isShort || this.#callers.failures >= maxAuthFailures;
    this.#refuseWith(encodeError(UNKNOWN, error), error, ends);
  }

  /** Answers a request that is refused by its head. If there is a body it is not read: the connection ends. */
  #refuse({ status, reason, headers = "" }: Refusal): undefined {
    this.#isRefused = true;
    this.#send(status, { headers, type: TEXT_TYPE, body: reason + "\n" }, this.#head!.length !== 0);
  }

  #onBad({ status, reason, limit }: BadRequest): undefined {
    if (this.#isRefused) { // it has been told something else
      this.#host.lifecycle.linger(reason);
      return;
    }
    if (this.#isAnswered) { // there is no head that could be read
      this.#head = undefined;
      this.#cors = "";
    }
    this.#isAnswered = false;
    this.#isRefused = true;
    if (status !== 413) {
      this.#send(status, { type: TEXT_TYPE, body: reason + "\n" }, true);
      return;
    }
    const { maxMessageBytes: maxBytes } = this.#limits;
    const error = new RpcError("RESOURCE_EXHAUSTED", `Message too large: ${reason}`, {
      ...(limit && { limit }),
      details: { maxBytes },
    });
    this.#send(413, { type: JSON_TYPE, body: encodeError(UNKNOWN, error) }, true);
  }

  #onBody(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isRefused) {
      this.#isRefused = false;
      return undefined;
    }
    const { route } = this.#admitted;
    switch (route.kind) {
      case "call":
        return this.#call(bytes);
      case "page":
        return this.#page(route.path, route.query);
      default:
        this.#send(204, { headers: this.#admitted.headers });
        return undefined;
    }
  }

  #call(bytes: Uint8Array): Promise<void> | undefined {
    const { requests, parse } = this.#host, caller = this.#caller;
    const text = decodeUtf8(bytes), { headers } = this.#head!;
    this.#stream = streamType(headers.get("accept"));
    const message = parse(text ?? "\0"); // what is no text is no JSON
    switch (message.kind) {
      case "request":
        return this.#waitAfter(this.#request(message));
      case "notification":
      case "response":
        return this.#accept(message);
      case "invalid":
        requests.mistake();
        this.#refuseWith(encodeError(message, message.error), message.error);
        return undefined;
      case "batch": {
        const stream = this.#stream;
        const items = message.items.map((item) => fits(item, headers, stream, this.#host.shared));
        const isDue = items.some(({ kind }) => kind === "request" || kind === "invalid");
        const wait = requests.batch({ ...message, items }, caller, this.#beside);
        if (isDue) return this.#waitAfter(wait);
        this.#send(202, {});
        return wait;
      }
    }
  }

  #request(message: Request): Promise<void> | undefined {
    const { requests, shared } = this.#host, { headers } = this.#head!;
    const error = adapt(message, headers, this.#stream, shared);
    if (error !== undefined) {
      this.#finish(encodeError(message, error));
      return undefined;
    }
    const wait = requests.request(message, this.#caller, this.#finish);
    // A stream that goes on begins at once: its first item may be long in coming.
    if (!this.#isAnswered && this.#stream !== undefined) {
      if (shared.dispatcher.find(message.method)?.method.kind === "stream") this.#open();
    }
    return wait;
  }

  /** Nobody waits for what becomes of a notification: it is told that it has begun. */
  #accept(message: Exclude<Single, Request>): Promise<void> | undefined {
    const { requests } = this.#host;
    let wait: Promise<void> | undefined;
    if (message.kind !== "notification" || isControl(message.method)) this.#beside();
    else {
      adapt(message, this.#head!.headers, undefined, this.#host.shared);
      wait = requests.notification(message as Notification, this.#caller);
    }
    this.#send(202, {});
    return wait;
  }

  /** A message that is no call means nothing here: there are no calls of ours, and a stream cannot be told. */
  readonly #beside = (): undefined => void this.#host.requests.note();

  #page(path: string, query: string): Promise<void> {
    const { requests } = this.#host;
    const ask = (method: string, params: Request["params"]) =>
      new Promise<string>((resolve) => {
        const request: Request = {
          kind: "request",
          version: "2.0",
          id: "null",
          method,
          params,
          text: undefined,
        };
        requests.request(request, this.#caller, resolve);
      });
    return import("./pages.ts").then(async ({ page }) => {
      const head = this.#head!, { scheme } = this.#serving.guard;
      const { status, ...rest } = await page(path, query, head.headers, scheme, ask);
      this.#send(status, rest);
    });
  }

  #waitAfter(wait: Promise<void> | undefined): Promise<void> | undefined {
    if (this.#isAnswered) return wait;
    const answered = new Promise<void>((resolve) => this.#resolve = resolve);
    return wait === undefined ? answered : wait.then(() => answered);
  }

  // ---- Answers -------------------------------------------------------------------------------

  /** The answer to a call. @param refusal why it was not begun at all, if it was not */
  readonly #finish: SendAnswer = (text, refusal) => {
    if (this.#isAnswered) return;
    if (this.#isOpen) {
      this.#tellPart(text);
      this.#isAnswered = true;
      this.#isOpen = false;
      this.#host.writer.push(LAST_CHUNK);
      this.#endRequest(false);
    } else if (refusal !== undefined) this.#refuseWith(text, refusal);
    else this.#send(200, { type: JSON_TYPE, body: text });
  };

  #refuseWith(body: string, error: RpcError, ends = false): void {
    const { status, headers } = statusOf(error);
    this.#send(status, { headers, type: JSON_TYPE, body }, ends);
  }

  /** The answer to a batch. */
  push(text: string): void {
    this.#finish(text);
  }

  /** A message before the answer: where the client takes such, the first makes the answer one that goes on. */
  tell(text: string, eventId?: string): void {
    if (this.#isAnswered || this.#stream === undefined) return;
    if (!this.#isOpen) this.#open();
    this.#tellPart(text, eventId);
  }

  #open(): void {
    const type = this.#stream!, { writer } = this.#host;
    this.#isOpen = true;
    const head = this.#head!;
    if (head.isOld) this.#head = { ...head, keepsAlive: false };
    writer.push(openHead(this.#answers.date, type, this.#cors, this.#connection(false)));
    if (type === EVENTS_TYPE) this.#breakSilence(this.#count);
  }

  #tellPart(text: string, eventId?: string): void {
    const { writer, shared: { timers } } = this.#host;
    this.#lastTold = timers.now();
    writer.push(chunk(this.#stream === EVENTS_TYPE ? event(text, eventId) : text + "\n"));
  }

  /** Says now and then that the stream is still there: proxies end what is silent for a minute. */
  #breakSilence(request: number): void {
    const { writer, shared: { timers } } = this.#host, now = timers.now();
    timers.after(Math.max(0, this.#lastTold + SILENT - now), () => {
      if (!this.#isOpen || this.#count !== request) return;
      if (timers.now() - this.#lastTold >= SILENT) {
        this.#lastTold = timers.now();
        writer.push(chunk(SILENCE));
      }
      this.#breakSilence(request);
    });
    if (this.#lastTold === 0) this.#lastTold = now;
  }

  /** What an answer says of the connection: nothing where it is as the version has it. */
  #connection(ends: boolean): string | undefined {
    if (ends || this.#isLast) return "close";
    return this.#head?.isOld ? "keep-alive" : undefined;
  }

  /** Whether no request is answered after this one. */
  get #isLast(): boolean {
    const { lifecycle, shared: { limits: { maxHttpRequests } } } = this.#host;
    return this.#head?.keepsAlive === false || lifecycle.phase >= DRAINING ||
      maxHttpRequests > 0 && this.#count >= maxHttpRequests;
  }

  /** Answers the request as a whole, unless it has been. */
  #send(status: number, rest: Answer, ends = false): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    const { writer } = this.#host, { headers = "", type, body } = rest;
    const { isHead = this.#head?.method === "HEAD" } = rest;
    const cors = this.#cors;
    const connection = this.#connection(ends), isJson = status === 200 && type === JSON_TYPE;
    const isUsual = isJson && headers === "" && cors === "" && connection === undefined &&
      !isHead;
    writer.push(
      isUsual ? body! : answer(status, this.#answers.date, {
        ...rest,
        isHead,
        headers: cors + headers,
        ...(connection && { connection }),
      }),
    );
    this.#endRequest(ends);
  }

  #endRequest(ends: boolean): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (ends || this.#isLast) this.#host.lifecycle.linger("an HTTP answer was the last");
    resolve?.();
  }

  /** What is told to a client whose connection is ended: only to one that waits for an answer. */
  lastWord(error: RpcError): string {
    // One that has just come asks for something.
    const isWaiting = !this.#isAnswered || this.#decoder.midway || this.#count === 0;
    if (!isWaiting || this.#isOpen) return ""; // what goes on ends without its last chunk
    this.#isAnswered = true;
    const { status, headers } = (error.data as { limit?: keyof Limits } | undefined)?.limit ===
        "messageTimeout"
      ? { status: 408, headers: "" }
      : statusOf(error, 503);
    return answer(status, this.#answers.date, {
      headers,
      type: JSON_TYPE,
      body: encodeError(UNKNOWN, error),
      connection: "close",
    });
  }

  // ---- WebSocket -----------------------------------------------------------------------------

  async #upgrade(head: RequestHead): Promise<void> {
    const { writer, lifecycle } = this.#host;
    this.#isUpgrading = true;
    try {
      const shown = await this.#callers.introduce(head.headers.get("authorization"));
      if (lifecycle.phase > OPEN) {
        this.#refuseWith("", new RpcError("UNAVAILABLE", "The server is shutting down"), true);
        return;
      }
      if (shown !== undefined) return this.#refuseUnknown(shown, head);
      const agreed = await handshake(head);
      if ("status" in agreed) return this.#refuse(agreed);
      this.#isAnswered = true;
      writer.push(agreed.answer);
      await writer.drained();
      if (lifecycle.phase < LINGERING) this.#upgraded = this.#decoder.rest.slice();
    } finally {
      this.#isUpgrading = false;
    }
  }
}
