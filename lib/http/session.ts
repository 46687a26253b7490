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
import type { RequestContext } from "../incoming/request_context.ts";
import type { Requests } from "../incoming/requests.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import { LINGERING, OPEN } from "../link/in_flight.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { ReadBuffer } from "../link/read_buffer.ts";
import { isControl } from "../message/control.ts";
import { encodeError, UNKNOWN } from "../message/encode.ts";
import type { Message, Notification, Request, Single } from "../message/message.ts";
import { tooLarge } from "../message/parse.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Duplex } from "../transport/socket.ts";
import { adapt, fits, streamType } from "./call.ts";
import type { HttpCaller } from "./caller.ts";
import { Callers, type CallersOptions } from "./callers.ts";
import { Exchange } from "./exchange.ts";
import { type Admitted, guard, type Refusal } from "./guard.ts";
import type { HttpServing } from "./options.ts";
import {
  type BadRequest,
  RequestDecoder,
  type RequestHead,
  type RequestLimits,
} from "./request.ts";
import { CONTINUE, JSON_TYPE, TEXT_TYPE } from "./response.ts";
import { handshake } from "./upgrade.ts";

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
  readonly #exchange: Exchange;
  readonly #limits: { -readonly [Name in keyof RequestLimits]: RequestLimits[Name] };
  readonly #decoder: RequestDecoder;
  readonly #callers: Callers;
  /** When the first byte of an unfinished head, or of its body, came; undefined between requests. */
  messageSince: number | undefined;
  readonly pausedSince = undefined;
  /** Parts of the last read that were handled without waiting. */
  #handled = 0;
  /** The bytes behind the handshake of a WebSocket, once there was one. */
  #upgraded: Uint8Array | undefined;
  #isUpgrading = false;

  // The request that is being answered.
  #head: RequestHead | undefined;
  #admitted!: Admitted;
  #caller!: HttpCaller;
  /** Whether its body is read and forgotten: it has been refused. */
  #isRefused = false;
  /** Whether the client waits to be told that its body may come. */
  #expects = false;

  constructor(host: HttpHost, serving: HttpServing) {
    this.#host = host;
    this.#serving = serving;
    const { maxHttpHeadBytes, maxHttpHeadLines } = host.shared.limits;
    this.#limits = { maxHttpHeadBytes, maxHttpHeadLines, maxMessageBytes: 0 };
    this.#decoder = new RequestDecoder(this.#limits);
    this.#exchange = new Exchange(host);
    this.#callers = new Callers(host, this.#exchange);
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
    if (!this.#exchange.isAnswered) {
      this.#exchange.abandon();
      lifecycle.stopAll(new RpcError("CANCELLED", "The caller has left"));
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
    this.#isRefused = false;
    this.#exchange.begin(head);
    const expect = head.headers.get("expect")?.toLowerCase();
    this.#expects = expect === "100-continue" && !head.isOld && head.length !== 0;
    this.#limits.maxMessageBytes = Math.min(limits.maxMessageBytes, limits.maxHttpBodyBytes);
    const admitted = guard(head, this.#serving.guard);
    if ("status" in admitted) return this.#refuse(admitted);
    this.#admitted = admitted;
    if (admitted.route.kind !== "options") this.#exchange.cors = admitted.headers;
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
    this.#exchange.refuse(encodeError(UNKNOWN, error), error, ends);
  }

  /** Answers a request that is refused by its head. If there is a body it is not read: the connection ends. */
  #refuse({ status, reason, headers = "" }: Refusal): undefined {
    this.#isRefused = true;
    this.#exchange.send(
      status,
      { headers, type: TEXT_TYPE, body: reason + "\n" },
      this.#head!.length !== 0,
    );
  }

  #onBad({ status, reason }: BadRequest): undefined {
    if (this.#isRefused) { // it has been told something else
      this.#host.lifecycle.linger(reason);
      return;
    }
    if (this.#exchange.isAnswered) this.#exchange.begin(undefined);
    this.#isRefused = true;
    if (status !== 413) {
      this.#exchange.send(status, { type: TEXT_TYPE, body: reason + "\n" }, true);
      return;
    }
    const error = tooLarge(reason, this.#limits.maxMessageBytes);
    this.#exchange.send(413, { type: JSON_TYPE, body: encodeError(UNKNOWN, error) }, true);
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
        this.#exchange.send(204, { headers: this.#admitted.headers });
        return undefined;
    }
  }

  #call(bytes: Uint8Array): Promise<void> | undefined {
    const { requests, parse } = this.#host, caller = this.#caller;
    const text = decodeUtf8(bytes), { headers, isOld } = this.#head!;
    // HTTP/1.0 has no chunks.
    this.#exchange.stream = isOld ? undefined : streamType(headers.get("accept"));
    const message = parse(text ?? "\0"); // what is no text is no JSON
    switch (message.kind) {
      case "request":
        return this.#exchange.after(this.#request(message));
      case "notification":
      case "response":
        return this.#accept(message);
      case "invalid":
        requests.mistake();
        this.#exchange.refuse(encodeError(message, message.error), message.error);
        return undefined;
      case "batch": {
        const items = message.items.map((item) => fits(item, headers, this.#host.shared));
        const isDue = items.some(({ kind }) => kind === "request" || kind === "invalid");
        const wait = requests.batch({ ...message, items }, caller, this.#beside);
        if (isDue) return this.#exchange.after(wait);
        this.#exchange.send(202, {});
        return wait;
      }
    }
  }

  #request(message: Request): Promise<void> | undefined {
    const { requests, shared } = this.#host, { headers } = this.#head!;
    const error = adapt(message, headers, this.#exchange.stream, shared);
    if (error !== undefined) {
      this.#exchange.finish(encodeError(message, error));
      return undefined;
    }
    const wait = requests.request(message, this.#caller, this.#exchange.finish);
    // A stream that goes on begins at once: its first item may be long in coming.
    if (!this.#exchange.isAnswered && this.#exchange.stream !== undefined) {
      if (shared.dispatcher.find(message.method)?.method.kind === "stream") this.#exchange.open();
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
    this.#exchange.send(202, {});
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
      this.#exchange.send(status, rest);
    });
  }

  /** See {@linkcode Exchange.lastWord}. */
  lastWord(error: RpcError): string {
    return this.#exchange.lastWord(error, this.#decoder.midway);
  }

  // ---- WebSocket -----------------------------------------------------------------------------

  async #upgrade(head: RequestHead): Promise<void> {
    const { writer, lifecycle } = this.#host;
    this.#isUpgrading = true;
    try {
      const shown = await this.#callers.introduce(head.headers.get("authorization"));
      if (lifecycle.phase > OPEN) {
        this.#exchange.refuse("", new RpcError("UNAVAILABLE", "The server is shutting down"), true);
        return;
      }
      if (shown !== undefined) return this.#refuseUnknown(shown, head);
      const agreed = await handshake(head);
      if ("status" in agreed) return this.#refuse(agreed);
      this.#exchange.abandon();
      writer.push(agreed.answer);
      await writer.drained();
      if (lifecycle.phase < LINGERING) this.#upgraded = this.#decoder.rest.slice();
    } finally {
      this.#isUpgrading = false;
    }
  }
}
