/**
 * One peer. The same class at both ends: it reads frames and answers requests with the methods it was
 * given, and it sends requests of its own and settles them with the answers.
 *
 * ```text
 * read ─> frames ─> message ─┬─ request ──────> admit ─> dispatch ─> answer ─> writer
 *                            ├─ notification ─> cancel, or dispatch
 *                            ├─ response ─────> settle the call that waits for it
 *                            └─ invalid ──────> its answer ─> writer
 * ```
 *
 * @module
 */

import type { Dispatcher } from "./dispatch.ts";
import { ConnectionLost, RpcError } from "./error.ts";
import { concat, type Decoder, detect, type Fault, type Framing, FRAMINGS } from "./framing/mod.ts";
import { isLongerThan } from "./framing/text.ts";
import type { Limits } from "./limits.ts";
import {
  type Batch,
  encodeError,
  encodeNotification,
  encodeRequest,
  faultAnswer,
  isUnparsable,
  type Message,
  type Notification,
  parseMessage,
  type Request,
  type Response,
  type Single,
} from "./message.ts";
import type { CallOptions, Context, PeerInfo } from "./method.ts";
import type { Timer, Timers } from "./timers.ts";
import { type BufferPool, type Duplex, Writer } from "./writer.ts";

/** The read buffer starts small, for those who are silent, and grows for those who are not. */
const MIN_READ = 1 << 10;
const MAX_READ = 1 << 18;

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** What a connection is given besides its socket. */
export interface ConnectionOptions {
  readonly limits: Limits;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly pool: BufferPool;
  /** The framing that we speak first; without it the peer's first bytes decide. */
  readonly framing?: Framing;
  /** The two addresses and the transport. */
  readonly peer: Omit<PeerInfo, "framing">;
  /** Whether the peer is closed after a long silence. */
  readonly closesIdle: boolean;
  /** Told of what goes wrong and is nobody's answer. */
  readonly onError: (error: unknown) => void;
}

/** A call of ours that waits for its answer. */
interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The writer's count when it was queued: tells whether it was sent. */
  readonly order: number;
  readonly text: string;
  timer: Timer | undefined;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** Where the answer to a request goes: to the writer, or to the batch that it came in. */
type Answer = (text: string) => void;

/** A request of the peer's while its handler runs; the handler sees it as its context. */
class Running implements Context {
  readonly peer: PeerInfo;
  readonly method: string;
  readonly request: Request | Notification;
  readonly #answer: Answer | undefined;
  #answered = false;
  #controller: AbortController | undefined;

  constructor(peer: PeerInfo, request: Request | Notification, answer: Answer | undefined) {
    this.peer = peer;
    this.method = request.method;
    this.request = request;
    this.#answer = answer;
  }

  /** Made only for those who look: most handlers do not. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  /** Sends the answer, unless there was one. */
  answer(text: string): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#answer?.(text);
  }

  /** Answers with an error now, and tells the handler that nobody waits any more. */
  stop(error: RpcError): void {
    const { request } = this;
    if (request.kind === "request") this.answer(encodeError(request.version, request.id, error));
    (this.#controller ??= new AbortController()).abort(error);
  }
}

/** Why a connection ended. */
export interface CloseInfo {
  /** In words. */
  readonly reason: string;
  /** What was thrown, where something was. */
  readonly error?: unknown;
}

/** One peer, symmetrical. */
export class Connection {
  readonly #duplex: Duplex;
  readonly #options: ConnectionOptions;
  readonly #limits: Limits;
  readonly #timers: Timers;
  readonly #writer: Writer;
  #decoder: Decoder | undefined;
  #framing: Framing | undefined;
  /** What came before the framing was known. */
  #first = EMPTY;
  #peer: PeerInfo;
  /** Our calls, by id; ids start at 1 because some peers take 0 for none. */
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  /** The peer's requests whose handlers have not ended. */
  readonly #running = new Set<Running>();
  /** Wakes those who wait for a place among the running, or for the writer to have room. */
  readonly #waiting: (() => void)[] = [];
  /** No new request is begun. */
  #draining = false;
  /** The peer has said that it sends no more. */
  #inputEnded = false;
  /** Nothing more will be read, the last bytes are on their way. */
  #ending = false;
  #ended = false;
  /** Why we end, while the peer reads our last words. */
  #lingering: string | undefined;
  readonly #end = Promise.withResolvers<CloseInfo>();
  #check: Timer | undefined;
  #graceTimer: Timer | undefined;
  /** When the first byte of an unfinished message came; undefined between messages. */
  #messageSince: number | undefined;
  #lastActive: number;

  /** Takes over the socket; call {@linkcode run} to begin. */
  constructor(duplex: Duplex, options: ConnectionOptions) {
    this.#duplex = duplex;
    this.#options = options;
    this.#limits = options.limits;
    this.#timers = options.timers;
    this.#framing = options.framing;
    this.#decoder = options.framing?.decoder(options.limits);
    const framing = options.framing ?? FRAMINGS.lines;
    this.#peer = { ...options.peer, framing: framing.name };
    this.#lastActive = this.#timers.now();
    this.#writer = new Writer(duplex, framing, options.pool, () => this.#timers.now(), {
      onError: (error) => this.#finish({ reason: "the peer is gone", error }),
      onRoom: () => this.#wake(),
    });
    this.#watch();
  }

  /** Who is at the other end. */
  get peer(): PeerInfo {
    return this.#peer;
  }

  /** Resolves when the connection has ended, with why; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#end.promise;
  }

  /** Whether nothing new can be begun here. */
  get isClosing(): boolean {
    return this.#draining || this.#ending || this.#ended;
  }

  // ---- Reading -------------------------------------------------------------------------------

  /** Reads until the connection ends. Never rejects. */
  async run(): Promise<CloseInfo> {
    let size = MIN_READ, buffer = new Uint8Array(size), quiet = 0;
    try {
      for (;;) {
        const count = await this.#duplex.read(buffer);
        if (count === null) break;
        if (this.#ending) continue; // read and forgotten, until the peer has read our last words
        this.#lastActive = this.#timers.now();
        const wait = this.#take(count === size ? buffer : buffer.subarray(0, count));
        if (wait !== undefined) await wait;
        while (this.#writer.waiting > this.#limits.outboundHighWater && !this.#ending) {
          await this.#change();
        }
        // Grow when full, shrink when far too large for a while.
        if (count === size && size < MAX_READ) buffer = new Uint8Array(size *= 4);
        else if (count > size >> 3) quiet = 0;
        else if (size > MIN_READ && ++quiet > 16) {
          buffer = new Uint8Array(size >>= 2);
          quiet = 0;
        }
      }
      this.#inputEnd();
    } catch (error) {
      this.#finish({ reason: "the connection was lost", error });
    }
    return this.#end.promise;
  }

  /** Handles what arrived. The promise, where there is one, is back-pressure: read on after it. */
  #take(bytes: Uint8Array): Promise<void> | undefined {
    const decoder = this.#decoder ?? this.#choose(bytes);
    if (decoder === undefined) {
      this.#messageSince ??= this.#lastActive;
      return undefined;
    }
    if (this.#first.length > 0) {
      bytes = concat(this.#first, bytes);
      this.#first = EMPTY;
    }
    decoder.push(bytes);
    return this.#next(decoder);
  }

  /** Handles frame after frame, and stops where one has to wait. */
  #next(decoder: Decoder): Promise<void> | undefined {
    const before = this.#messageSince;
    this.#messageSince = undefined;
    let found = false;
    for (let frame; !this.#ending && (frame = decoder.next()) !== undefined;) {
      found = true;
      const wait = typeof frame === "string" ? this.#text(frame, decoder) : this.#fault(frame);
      if (wait !== undefined) return wait.then(() => this.#next(decoder));
    }
    if (decoder.midway) {
      this.#messageSince = found || before === undefined ? this.#timers.now() : before;
    }
    return undefined;
  }

  #text(text: string, decoder: Decoder): Promise<void> | undefined {
    const message = parseMessage(text, this.#limits);
    if (decoder.split === undefined || !isUnparsable(message)) return this.#handle(message);
    const frames = decoder.split(text);
    if (frames.length < 2) return this.#handle(message);
    return this.#inTurn(
      frames,
      (frame) =>
        typeof frame === "string"
          ? this.#handle(parseMessage(frame, this.#limits))
          : this.#fault(frame),
    );
  }

  /** Does one after another, at once where nothing has to wait. */
  #inTurn<T>(
    items: readonly T[],
    work: (item: T) => Promise<void> | undefined,
    from = 0,
  ): Promise<void> | undefined {
    for (let i = from; i < items.length; i++) {
      const wait = work(items[i]!);
      if (wait !== undefined) return wait.then(() => this.#inTurn(items, work, i + 1));
    }
    return undefined;
  }

  /** Finds the framing in the first bytes; undefined while it is open, or where there is none. */
  #choose(bytes: Uint8Array): Decoder | undefined {
    const first = concat(this.#first, bytes);
    const detected = detect(first);
    switch (detected.kind) {
      case "undecided":
        this.#first = first.slice();
        return undefined;
      case "framing": {
        const framing = FRAMINGS[detected.name];
        this.#framing = this.#writer.framing = framing;
        this.#peer = { ...this.#peer, framing: framing.name };
        return this.#decoder = framing.decoder(this.#limits);
      }
      case "http":
        // A browser must never get a line executed here.
        this.#writer.raw(new TextEncoder().encode(HTTP_REFUSAL));
        this.#linger("HTTP is not served here");
        return undefined;
      case "tls":
        this.#linger("a TLS handshake arrived on a port without TLS");
        return undefined;
      case "unknown":
        this.#fault({ kind: "malformed", reason: detected.reason, fatal: true });
        return undefined;
    }
  }

  #fault(fault: Fault): undefined {
    this.#writer.push(faultAnswer(fault));
    if (fault.fatal) this.#linger(fault.reason);
  }

  // ---- Messages ------------------------------------------------------------------------------

  #handle(message: Message): Promise<void> | undefined {
    if (message.kind === "batch") return this.#batch(message);
    return this.#single(message, this.#send);
  }

  #single(message: Single, answer: Answer): Promise<void> | undefined {
    switch (message.kind) {
      case "request": // {"jsonrpc":"2.0","id":…,"method":…,"params":…}
        return this.#admit(message, answer);
      case "notification": // {"jsonrpc":"2.0","method":…,"params":…}
        return this.#notification(message);
      case "response": // {"jsonrpc":"2.0","id":…,"result":…} or "error"
        this.#settle(message);
        return undefined;
      case "invalid":
        answer(encodeError("2.0", message.id, message.error));
        return undefined;
    }
  }

  readonly #send: Answer = (text) => {
    this.#writer.push(text);
    if (this.#writer.waiting > this.#limits.maxOutboundBytes) {
      this.#finish({ reason: `more than ${this.#limits.maxOutboundBytes} bytes wait to be sent` });
    }
  };

  /** All answers of a batch go back in one frame; none, where it held no request. */
  #batch({ items }: Batch): Promise<void> | undefined {
    const answers: string[] = [];
    let due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    let size = 0;
    const answer: Answer = (text) => {
      // The sum is limited too: past it the rest is told so.
      size += text.length;
      answers.push(text);
      if (--due === 0) this.#send(`[${answers.join(",")}]`);
    };
    return this.#inTurn(items, (item) => {
      if (item.kind !== "request" || size <= this.#limits.maxResponseBytes) {
        return this.#single(item, answer);
      }
      const error = new RpcError("RESOURCE_EXHAUSTED", "The batch's answers are too large", {
        limit: "maxResponseBytes",
      });
      answer(encodeError(item.version, item.id, error));
      return undefined;
    });
  }

  /**
   * Begins a request, or waits until there is room.
   *
   * Waiting stops the reading, and with it the peer. But while a call of ours waits for its answer,
   * that answer lies behind the peer's requests: then it is told "busy", or a handler that calls
   * back would wait for ever.
   */
  #admit(request: Request, answer: Answer): Promise<void> | undefined {
    const { version, id } = request;
    if (this.#draining) {
      const error = new RpcError("UNAVAILABLE", "The server is shutting down");
      answer(encodeError(version, id, error));
    } else if (this.#running.size < this.#limits.maxInFlight) {
      this.#begin(request, answer);
    } else if (this.#pending.size > 0) {
      const error = new RpcError("UNAVAILABLE", "Too many calls are running on this connection", {
        limit: "maxInFlight",
      });
      answer(encodeError(version, id, error));
    } else if (!this.#ended) {
      return this.#change().then(() => this.#admit(request, answer));
    }
    return undefined;
  }

  #begin(request: Request, answer: Answer): void {
    const running = new Running(this.#peer, request, answer);
    const outcome = this.#options.dispatcher.answer(request, running);
    if (typeof outcome === "string") running.answer(outcome);
    else this.#await(running, outcome);
  }

  async #await(running: Running, outcome: Promise<string | void>): Promise<void> {
    this.#running.add(running);
    const text = await outcome;
    if (typeof text === "string") running.answer(text);
    this.#running.delete(running);
    this.#wake();
    this.#endWhenIdle();
  }

  #notification(message: Notification): Promise<void> | undefined {
    const { method, params } = message;
    if (method === "$/cancelRequest") {
      const id = params !== undefined && "id" in params ? JSON.stringify(params.id) : undefined;
      for (const running of this.#running) {
        if (running.request.kind === "request" && running.request.id === id) {
          running.stop(new RpcError("CANCELLED", "The call was cancelled"));
        }
      }
      return undefined;
    }
    // LSP's rule: who does not know a `$/` notification ignores it.
    if (method.startsWith("$/") || this.#draining) return undefined;
    if (this.#running.size >= this.#limits.maxInFlight) {
      if (this.#pending.size > 0 || this.#ended) return undefined;
      return this.#change().then(() => this.#notification(message));
    }
    const running = new Running(this.#peer, message, undefined);
    const outcome = this.#options.dispatcher.notify(method, params, running);
    if (outcome !== undefined) this.#await(running, outcome);
    return undefined;
  }

  // ---- Calls of ours -------------------------------------------------------------------------

  /**
   * Calls a method of the peer's.
   *
   * @param params as JSON text
   * @returns the result; rejects with {@linkcode RpcError}, {@linkcode ConnectionLost}, or the
   * signal's reason
   */
  call(method: string, params: string | undefined, options: CallOptions = {}): Promise<unknown> {
    const { signal, timeout } = options;
    return new Promise((resolve, reject) => {
      if (timeout !== undefined && !(timeout >= 0)) {
        throw new RangeError(
          `Cannot call ${method}: timeout must be milliseconds from 0 on, it is ${timeout}`,
        );
      }
      signal?.throwIfAborted();
      if (this.isClosing || this.#inputEnded) {
        throw new ConnectionLost(`Cannot call ${method}: the connection is closed`, {
          sent: false,
        });
      }
      if (timeout === 0) throw deadlineExceeded(method, timeout);
      const id = this.#nextId++;
      const text = encodeRequest(id, method, params);
      if (this.#writer.waiting + text.length > this.#limits.maxOutboundBytes) {
        throw new RpcError(
          "RESOURCE_EXHAUSTED",
          `Cannot call ${method}: too much waits to be sent`,
          {
            limit: "maxOutboundBytes",
          },
        );
      }
      this.#writer.push(text);
      const pending: Pending = {
        resolve,
        reject,
        order: this.#writer.queuedCount,
        text,
        timer: undefined,
        signal,
        onAbort: undefined,
      };
      this.#pending.set(id, pending);
      if (timeout !== undefined && timeout !== Infinity) {
        pending.timer = this.#timers.after(
          timeout,
          () => this.#giveUp(id, deadlineExceeded(method, timeout)),
        );
      }
      if (signal !== undefined) {
        signal.addEventListener(
          "abort",
          pending.onAbort = () => this.#giveUp(id, signal.reason),
          { once: true },
        );
      }
      this.#wake(); // who waits for a place must not wait for us
    });
  }

  /** Sends a notification; it is not known whether it arrives. */
  notify(method: string, params: string | undefined): void {
    if (this.isClosing) return;
    this.#send(encodeNotification(method, params));
  }

  /** Ends one of our calls from this side, and says so to the peer. */
  #giveUp(id: number, reason: unknown): void {
    const pending = this.#forget(id);
    if (pending === undefined) return;
    this.#writer.push(encodeNotification("$/cancelRequest", `{"id":${id}}`));
    pending.reject(reason);
  }

  #settle({ id, error, result }: Response): void {
    const pending = this.#forget(Number(id));
    if (pending === undefined) {
      if (error !== undefined && id === "null") this.#refused(error);
      return; // given up, or never asked
    }
    if (error === undefined) pending.resolve(result);
    else pending.reject(new RpcError(error.code, error.message, error.data));
  }

  /** An error without an id: the peer could not read something of ours. */
  #refused({ code, message, data }: NonNullable<Response["error"]>): void {
    const error = new RpcError(code, message, data);
    const details = (data as { details?: { maxBytes?: unknown } } | undefined)?.details;
    const maxBytes = typeof details === "object" ? details?.maxBytes : undefined;
    let told = false;
    if (typeof maxBytes === "number") {
      for (const [id, { text }] of this.#pending) {
        if (!isLongerThan(text, maxBytes)) continue;
        told = true;
        this.#forget(id)!.reject(error);
      }
    }
    if (!told) this.#options.onError(error);
  }

  #forget(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.timer?.cancel();
    if (pending.onAbort !== undefined) {
      pending.signal!.removeEventListener("abort", pending.onAbort);
    }
    return pending;
  }

  // ---- The end -------------------------------------------------------------------------------

  /**
   * Ends the connection in order: running handlers may finish for `grace` milliseconds, new requests
   * are refused, the peer is told, and what is due is sent.
   */
  drain(grace: number): Promise<CloseInfo> {
    if (!this.isClosing) {
      this.#draining = true;
      if (this.#framing !== undefined) {
        const params = JSON.stringify({ reason: "shutdown", graceMs: grace });
        this.#writer.push(encodeNotification("$/goaway", params));
      }
      this.#graceTimer = this.#timers.after(grace, () => {
        for (const running of this.#running) {
          running.stop(new RpcError("UNAVAILABLE", "The server is shutting down"));
        }
        this.#linger("shutdown");
      });
      this.#wake();
      this.#endWhenIdle();
    }
    return this.closed;
  }

  /** Tells the peer why it is not served, and ends the connection. */
  refuse(error: RpcError): void {
    this.#writer.push(encodeError("2.0", "null", error));
    this.#linger(error.message);
  }

  /** Ends the connection now: what is queued is sent, calls that wait are cancelled. */
  async close(): Promise<void> {
    for (const id of this.#pending.keys()) {
      this.#giveUp(id, new ConnectionLost("The line was closed", { sent: true }));
    }
    this.#ending = true;
    await this.#writer.drained();
    this.#finish({ reason: "closed" });
    await this.closed;
  }

  /** The peer sends no more. It may still be waiting for answers: they are finished first. */
  #inputEnd(): void {
    this.#inputEnded = true;
    this.#messageSince = undefined;
    this.#rejectPending({ reason: "the peer closed the connection" });
    if (this.#lingering !== undefined) this.#finishWhenSent(this.#lingering);
    else this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#running.size > 0 || this.#ending) return;
    if (this.#inputEnded) this.#finishWhenSent("the peer closed the connection");
    else if (this.#draining) this.#linger("shutdown");
  }

  /**
   * Sends what is queued, and ends once the peer has read it: closing over bytes that the peer still
   * sends would reset the connection, and our last words would be lost.
   */
  #linger(reason: string): void {
    if (this.#ending) return;
    if (this.#inputEnded) return this.#finishWhenSent(reason);
    this.#ending = true;
    this.#lingering = reason;
    this.#wake();
    this.#graceTimer?.cancel();
    this.#writer.drained().then(async () => {
      if (this.#ended) return;
      this.#graceTimer = this.#timers.after(
        this.#limits.lingerTimeout,
        () => this.#finish({ reason }),
      );
      await this.#duplex.closeWrite?.();
    }).catch((error) => this.#finish({ reason, error }));
  }

  #finishWhenSent(reason: string): void {
    this.#ending = true;
    this.#writer.drained().then(() => this.#finish({ reason }));
  }

  /** The only way to the end: lets go of the socket, and settles everyone who waits. */
  #finish(info: CloseInfo): void {
    if (this.#ended) return;
    this.#ended = this.#ending = true;
    this.#check?.cancel();
    this.#graceTimer?.cancel();
    this.#writer.stop();
    try {
      this.#duplex.close();
    } catch {
      // closed already, from the other side
    }
    this.#rejectPending(info);
    for (const running of this.#running) {
      running.stop(new RpcError("CANCELLED", "The connection ended"));
    }
    this.#wake();
    this.#end.resolve(info);
  }

  #rejectPending({ reason, error }: CloseInfo): void {
    for (const [id, { order }] of this.#pending) {
      const sent = order <= this.#writer.sentCount;
      this.#forget(id)!.reject(
        new ConnectionLost(`The connection ended: ${reason}`, { sent, cause: error }),
      );
    }
  }

  // ---- Waiting -------------------------------------------------------------------------------

  /** Resolves when something changes that somebody may have waited for. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Looks at the slow deadlines now and then: they cost nothing while bytes flow. */
  #watch(): void {
    const { messageTimeout, idleTimeout, writeStallTimeout } = this.#limits;
    const shortest = Math.min(messageTimeout, idleTimeout, writeStallTimeout);
    this.#check = this.#timers.after(Math.min(1000, Math.ceil(shortest / 8)), () => {
      const now = this.#timers.now();
      const { waitingSince } = this.#writer;
      if (waitingSince !== undefined && now - waitingSince > writeStallTimeout) {
        this.#finish({ reason: `the peer took nothing for ${writeStallTimeout} ms` });
      } else if (this.#messageSince !== undefined && now - this.#messageSince > messageTimeout) {
        this.#messageSince = undefined;
        const reason = `a message took longer than ${messageTimeout} ms`;
        const error = new RpcError("RESOURCE_EXHAUSTED", `Message too slow: ${reason}`, {
          limit: "messageTimeout",
        });
        this.refuse(error);
      } else if (this.#options.closesIdle && now - this.#lastActive > idleTimeout) {
        if (this.#running.size === 0 && this.#pending.size === 0 && this.#writer.waiting === 0) {
          this.#linger(`nothing was said for ${idleTimeout} ms`);
        }
      }
      if (!this.#ended) this.#watch();
    });
  }
}

function deadlineExceeded(method: string, timeout: number): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", `${method} took longer than ${timeout} ms`);
}

const HTTP_REFUSAL = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" +
  "Content-Type: text/plain\r\nContent-Length: 47\r\n\r\n" +
  "This port speaks JSON-RPC over TCP, not HTTP.\r\n";
