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

import type { Authenticate, Credentials } from "../api/auth.ts";
import { Identity } from "../link/identity.ts";
import type { FairQueue } from "../overload/fair_queue.ts";
import { TokenBucket } from "../overload/token_bucket.ts";
import { encodeArgument } from "../message/base64.ts";
import type { CallOptions, StreamCall } from "../api/stub.ts";
import type { Call } from "../outgoing/call.ts";
import { Calls, type CallsHost } from "../outgoing/calls.ts";
import { control, type Controlled } from "./control.ts";
import type { Context, Peer, PeerInfo } from "../api/context.ts";
import type { Dispatcher } from "../incoming/dispatch.ts";
import { asRpcError, RpcError } from "../error.ts";
import { type BadFrame, type Framing, type FramingLimits, FRAMINGS } from "../framing/mod.ts";
import { FramedReader, type FramedReaderHost } from "../link/framed_reader.ts";
import { type Limits, MAX_MS } from "../limits.ts";
import type { Holder, LoadShedding } from "../overload/load_shedding.ts";
import { faultAnswer, unreadableAnswer } from "../message/parse.ts";
import { encodeError, encodeNotification, encodeParams } from "../message/encode.ts";
import type { Invalid, Message, Single } from "../message/message.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { goaway, isControl, RPC } from "../message/control.ts";
import { Requests, type RequestsHost } from "../incoming/requests.ts";
import type { SendAnswer } from "../incoming/request.ts";
import { type Invoke, nameProxy } from "../outgoing/name_proxy.ts";
import type { Timer, Timers } from "../timers.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import { Keepalive, type KeepaliveHost } from "../link/keepalive.ts";
import { FramedWriter, type FramedWriterHost } from "../link/framed_writer.ts";
import type { BufferPool } from "../link/buffer_pool.ts";
import type { Socket } from "../transport/socket.ts";

/** Bytes that a connection may keep without being counted among those who keep many. */
const LIGHT = 1 << 12;

/** What a connection is given besides its socket: the same for all of a listener's, or of a line's. */
export interface ConnectionOptions {
  readonly limits: Limits;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly pool: BufferPool;
  /** What the connections of a server use together. */
  readonly loadShedding: LoadShedding;
  /** How fast the peer at an address may go; without it as fast as it can. */
  readonly allowance?: (address: string) => Allowance;
  /** The time slice that connections share; without one the runtime alone decides. */
  readonly timeSlice?: TimeSlice;
  /** Where calls wait for the processor; without it none does. */
  readonly fairQueue?: FairQueue;
  /** The framing that we speak first; without it the peer's first bytes decide. */
  readonly framing?: Framing;
  /** The scheme of the addresses. */
  readonly transport: string;
  /** Makes what the author keeps for a connection. */
  readonly connectionState?: (peer: PeerInfo) => unknown;
  /** Decides who the peer is; without it everyone may call. */
  readonly authenticate?: Authenticate;
  /** Milliseconds that our calls may take where they do not say. */
  readonly timeout?: number;
  /** Whether we are the end that dialled: it keeps the line alive, where the other ends a silent one. */
  readonly isDialler: boolean;
  /** Told once that no calls can be begun here any more, and for how long those that run may go on. */
  readonly onLeave?: (graceMs?: number) => void;
  /** Told once that it has ended, and why. */
  readonly onClose?: (connection: Connection, info: CloseInfo) => void;
  /** Told of what goes wrong and is nobody's answer. */
  readonly onError: (error: unknown, connection: Connection) => void;
}

/** Why a connection ended. */
export interface CloseInfo {
  /** In words. */
  readonly reason: string;
  /** What was thrown, where something was. */
  readonly error?: unknown;
}

/** One peer, symmetrical. */
export class Connection
  implements
    RequestsHost,
    CallsHost,
    FramedWriterHost,
    FramedReaderHost,
    Controlled,
    KeepaliveHost,
    Holder {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly loadShedding: LoadShedding;
  readonly allowance: Allowance | undefined;
  readonly fairQueue: FairQueue | undefined;
  readonly state: unknown;
  readonly #writer: FramedWriter;
  readonly #identity: Identity;
  /** Smaller than our limits until it is known who the peer is. */
  readonly #framingLimits: { -readonly [Name in keyof FramingLimits]: FramingLimits[Name] };
  readonly #reader: FramedReader;
  /** Whether it is known how the peer wants to be spoken to. */
  #isFramed: boolean;
  #framing: Framing;
  #peer: PeerInfo | undefined;
  /** Our calls that wait for their answers; most servers make none. */
  #ownCalls: Calls | undefined;
  /** The peer's requests whose handlers have not ended. */
  readonly requests: Requests;
  /** Wakes those who wait for a place among the running, or for the writer to have room. */
  readonly #waiting: (() => void)[] = [];
  /** No new request is begun. */
  #draining = false;
  /** It stays open for a while although nothing runs, to refuse what comes. */
  #isHeldOpen = false;
  /** The peer has said that it sends no more. */
  #inputEnded = false;
  /** Nothing more will be read, the last bytes are on their way. */
  #ending = false;
  #ended = false;
  /** The peer begins nothing new. */
  #goneAway = false;
  /** Whether it was told that we take no more calls. */
  #hasLeft = false;
  #keepsAlive = true;
  /** Why we end, while the peer reads our last words. */
  #lingering: string | undefined;
  /** Why it ended, once it has; and who waits for that, where somebody does. */
  #closeInfo: CloseInfo | undefined;
  #end: PromiseWithResolvers<CloseInfo> | undefined;
  readonly #keepalive: Keepalive;
  #graceTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  /** When running handlers have had their time. */
  #graceEnd = Infinity;
  lastActive: number;
  lastEnd = 0;
  /** What the peer may still send against the rules. */
  #mistakes: TokenBucket | undefined;
  /** Whether we are among those who keep many bytes. */
  #isHeavy = false;

  /** Takes over the socket; call {@linkcode run} to begin. */
  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.limits = options.limits;
    this.timers = options.timers;
    this.loadShedding = options.loadShedding;
    this.allowance = options.allowance?.(socket.remote);
    this.fairQueue = options.fairQueue;
    this.requests = new Requests(this);
    this.#identity = new Identity(options.authenticate);
    const { maxMessageBytes, maxUnauthenticatedBytes, maxHeaderBytes, maxHeaderLines } =
      options.limits;
    this.#framingLimits = this.#identity.isOpen ? options.limits : {
      maxMessageBytes: Math.min(maxMessageBytes, maxUnauthenticatedBytes),
      maxHeaderBytes,
      maxHeaderLines,
    };
    const framing = socket.datagrams ? FRAMINGS.json : options.framing;
    this.#framing = framing ?? FRAMINGS.json;
    this.#isFramed = framing !== undefined;
    this.state = options.connectionState?.(this.peer);
    this.#reader = new FramedReader(socket, this, this.#framingLimits, framing, options.timeSlice);
    this.lastActive = this.timers.now();
    this.#writer = new FramedWriter(socket, this.#framing, options.pool, this);
    this.#keepalive = new Keepalive(this);
  }

  /** Who is at the other end. */
  get peer(): PeerInfo {
    return this.#peer ??= this.#describePeer();
  }

  #describePeer(): PeerInfo {
    const { remote, local, certificate } = this.#socket;
    return {
      address: remote,
      localAddress: local,
      transport: this.#options.transport,
      framing: this.#framing.name,
      ...(certificate && { certificate }),
    };
  }

  /** Resolves when the connection has ended, with why; never rejects. */
  get closed(): Promise<CloseInfo> {
    if (this.#closeInfo !== undefined) return Promise.resolve(this.#closeInfo);
    return (this.#end ??= Promise.withResolvers()).promise;
  }

  /** Whether nothing new can be begun here. */
  get isClosing(): boolean {
    return this.#draining || this.#ending || this.#ended;
  }

  // ---- Reading -------------------------------------------------------------------------------

  /** Reads until the connection ends. */
  run(): void {
    const read = () => void this.#reader.run(this.#options.pool);
    // Where everyone may call nobody is looked at, and a quiet connection makes no `peer`.
    const isDecided = this.#ending || this.#identity.isOpen;
    const decision = isDecided ? undefined : this.#identity.begin(this.peer);
    if (decision === undefined) read();
    else this.#introduce(decision).then(read);
  }

  onLost(error: unknown): void {
    this.finish({ reason: this.#lingering ?? "the connection was lost", error });
  }

  onBytes(count: number, now: number): void {
    this.lastActive = now;
    this.allowance?.receive(count, now);
  }

  onHandled(): void {
    this.#weigh();
  }

  onFraming(framing: Framing): void {
    this.#isFramed = true;
    this.#framing = this.#writer.framing = framing;
    if (this.#peer !== undefined) this.#peer = { ...this.#peer, framing: framing.name };
  }

  /** Only while no answer is due to us: a peer of the same kind that waits too would never end it. */
  get isFull(): boolean {
    return this.#writer.queuedBytes > this.limits.outboundHighWater && !this.isWaiting &&
      !this.#ending;
  }

  /** Tells how many bytes we keep, where they are many. */
  #weigh(): void {
    const bytes = this.#reader.held + this.#writer.queuedBytes, isHeavy = bytes > LIGHT;
    if (!isHeavy && !this.#isHeavy || this.#ended) return;
    this.#isHeavy = isHeavy;
    this.loadShedding.hold(this, isHeavy ? bytes : 0);
  }

  evict(): void {
    this.finish({ reason: "it kept more bytes waiting than any other when there were too many" });
  }

  onFault(fault: BadFrame): undefined {
    // A browser must never get a line executed here; and to TLS there is nothing to say.
    if (fault.protocol === "http") this.#writer.raw(new TextEncoder().encode(HTTP_REFUSAL));
    else if (fault.protocol === undefined) this.#invalid(faultAnswer(fault), fault.start);
    if (fault.fatal) this.linger(fault.reason);
  }

  // ---- Messages ------------------------------------------------------------------------------

  onMessage(message: Message, text: string): Promise<void> | undefined {
    if (message.kind === "invalid") return this.#invalid(message, text);
    return message.kind === "batch"
      ? this.requests.batch(message.items, (item, answer) => this.#single(item, answer, true))
      : this.#single(message, this.#send);
  }

  /** Answers what breaks the rules. Answers are not answered: the call that waits for one fails. */
  #invalid({ version, id, error }: Invalid, start = ""): undefined {
    const answer = this.isWaiting ? unreadableAnswer(start, error) : undefined;
    if (answer === undefined) {
      this.requests.inOrder(() => this.send(encodeError(version, id, error)));
    } else this.calls.settle(answer);
    this.#mistake();
  }

  readonly #send: SendAnswer = (text) => this.send(text);

  #single(message: Single, answer: SendAnswer, isPaid = false): Promise<void> | undefined {
    switch (message.kind) {
      case "request": // {"jsonrpc":"2.0","id":…,"method":…,"params":…}
        return this.requests.request(message, answer, isPaid);
      case "notification": // {"jsonrpc":"2.0","method":…,"params":…}
        if (!isControl(message.method)) return this.requests.notification(message, isPaid);
        control(message, this);
        return undefined;
      case "response": // {"jsonrpc":"2.0","id":…,"result":…} or "error"
        this.calls.settle(message);
        return undefined;
      case "invalid":
        answer(encodeError(message.version, message.id, message.error));
        this.#mistake();
        return undefined;
    }
  }

  /** Counts what breaks the rules: who does nothing else is not listened to for long. */
  #mistake(): void {
    const { maxProtocolErrors } = this.limits, now = this.timers.now();
    const left = this.#mistakes ??= new TokenBucket(maxProtocolErrors / 60, maxProtocolErrors, now);
    left.take(1, now);
    if (left.delay(0, now) === 0) return;
    const message = "Too many messages break the rules";
    const error = new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxProtocolErrors" });
    queueMicrotask(() => this.refuse(error)); // once this one is answered
  }

  onGoAway(graceMs = this.limits.shutdownGrace): void {
    this.calls.askLast();
    this.#goneAway = true;
    this.#leave(graceMs);
  }

  // ---- Calls of ours -------------------------------------------------------------------------

  /** Our calls that wait for their answers. */
  get calls(): Calls {
    return this.#ownCalls ??= new Calls(this);
  }

  /** Calls a method of the peer's; see {@linkcode Calls.call}. */
  call(
    method: string,
    value: string | undefined,
    options: CallOptions = {},
  ): StreamCall<unknown, unknown> {
    const { timeout } = this.#options;
    if (timeout !== undefined && options.timeout === undefined) options = { ...options, timeout };
    return this.calls.call(method, value, options);
  }

  /** Makes the calls in one batch. */
  batch<T>(make: () => T): T {
    return this.calls.batch(make);
  }

  /** Calls that were made elsewhere and are sent here; see {@linkcode Calls}. */
  carry(call: Call): void {
    this.calls.carry(call);
  }

  /** The same for several that travel as one batch. */
  carryTogether(calls: readonly Call[]): void {
    this.calls.carryTogether(calls);
  }

  /** How many of our calls wait for their answers. */
  get callCount(): number {
    return this.calls.size;
  }

  /** Results and items that our calls got so far. */
  get yielded(): number {
    return this.calls.yielded;
  }

  /** Whether calls can be begun here. */
  get isOpen(): boolean {
    return !this.#goneAway && !this.#ending && !this.#inputEnded;
  }

  /** Whether it keeps the process alive while nothing waits for an answer. @default {true} */
  set keepsAlive(keeps: boolean) {
    this.#keepsAlive = keeps;
    if (keeps || this.calls.size > 0) this.#socket.ref?.();
    else this.#socket.unref?.();
  }

  /** Sends a notification; it is not known whether it arrives. */
  notify(method: string, value: string | undefined): void {
    if (!this.#ending) this.send(encodeNotification(method, encodeParams(value)));
  }

  /** The peer, with calls that end when the call of this context does. */
  peerFor(context: Context): Peer {
    const call: Invoke = (name, value, given) => {
      const own = (given ?? {}) as CallOptions;
      const signal = own.signal === undefined
        ? context.signal
        : AbortSignal.any([own.signal, context.signal]);
      const timeout = Math.min(own.timeout ?? Infinity, context.timeLeft());
      return this.call(name, encodeArgument(value), { ...own, signal, timeout });
    };
    const notify: Invoke = (name, value) => this.notify(name, encodeArgument(value));
    // Not enumerable: a handler may return its peer, or log it.
    return Object.defineProperties({ ...this.peer }, {
      call: { value: nameProxy(call) },
      notify: { value: nameProxy(notify) },
    }) as Peer;
  }

  // What calls and running requests ask of their connection.

  get waiting(): number {
    return this.#writer.queuedBytes;
  }

  get queuedCount(): number {
    return this.#writer.queuedCount;
  }

  get sentCount(): number {
    return this.#writer.sentCount;
  }

  now(): number {
    return this.timers.now();
  }

  closedBecause(method: string): string | undefined {
    // While it drains, handlers that still run may call back.
    if (this.#ending || this.#inputEnded) return "the connection is closed";
    // Those who finish what runs still want to know whether anybody is there.
    return this.#goneAway && method !== RPC.ping ? "the server is going away" : undefined;
  }

  /** Sends a message; who takes nothing of what it is sent is closed. */
  send(text: string): void {
    this.#writer.push(text);
    if (this.#writer.queuedBytes > LIGHT) this.#weigh();
    if (this.#writer.queuedBytes > this.limits.maxOutboundBytes) {
      this.finish({ reason: `more than ${this.limits.maxOutboundBytes} bytes wait to be sent` });
    }
  }

  room(): Promise<void> | undefined {
    if (this.#writer.queuedBytes <= this.limits.outboundHighWater || this.#ending) return undefined;
    return this.change().then(() => this.room());
  }

  get isKnown(): boolean {
    return this.#identity.isOpen;
  }

  async authenticate(credentials: Credentials): Promise<void> {
    try {
      if (this.#identity.failures >= this.limits.maxAuthFailures) {
        throw new RpcError("UNAUTHENTICATED", "Too many wrong credentials");
      }
      await this.#identity.enter(credentials, this.peer);
    } catch (error) {
      if (this.#ended) throw error; // nobody is told
      const { failures } = this.#identity;
      // Guessing is made slow; the last answer is sent before the end.
      await new Promise<void>((resolve) => this.timers.after(100 * failures, resolve));
      if (failures >= this.limits.maxAuthFailures) {
        this.timers.after(0, () => this.linger(`${failures} times wrong credentials`));
      }
      throw error;
    }
    this.#greet();
  }

  /**
   * Looks at what the connection shows by itself of who the peer is. Until that is decided, or we end,
   * nothing is read: what the peer sends waits. Never rejects.
   */
  async #introduce(decision: Promise<void>): Promise<void> {
    let decided = false;
    decision.then(() => {
      if (this.#identity.isOpen) this.#greet();
    }, (error) => {
      if (this.#ending) return; // it is too late to refuse
      const meant = asRpcError(error);
      this.refuse(meant ?? new RpcError("INTERNAL_ERROR", "Internal error"));
      if (meant === undefined) this.onError(error);
    }).then(() => {
      decided = true;
      this.#wake();
    });
    while (!decided && !this.#ending) await this.change();
  }

  /** It is known who the peer is. */
  #greet(): void {
    this.#peer = { ...this.peer, identity: this.#identity.identity };
    this.#framingLimits.maxMessageBytes = this.limits.maxMessageBytes;
  }

  get isWaiting(): boolean {
    return this.#ownCalls !== undefined && this.#ownCalls.size > 0;
  }

  get dispatcher(): Dispatcher {
    return this.#options.dispatcher;
  }

  onEnd(): void {
    this.lastEnd = this.timers.now();
    this.#wake();
    this.#endWhenIdle();
  }

  onStop(): void {
    this.#endWhenIdle();
  }

  onCall(): void {
    this.#wake(); // who waits for a place must not wait for us
    if (!this.#keepsAlive) this.#socket.ref?.();
  }

  onQuiet(): void {
    if (!this.#keepsAlive) this.#socket.unref?.();
  }

  onError(error: unknown): void {
    this.#options.onError(error, this);
  }

  // What the watch looks at.

  get isDialler(): boolean {
    return this.#options.isDialler;
  }

  get isLasting(): boolean {
    const { lasting = false, datagrams = false } = this.#socket;
    return lasting || datagrams && this.isDialler;
  }

  get messageSince(): number | undefined {
    return this.#reader.messageSince;
  }

  set messageSince(since: number | undefined) {
    this.#reader.messageSince = since;
  }

  get writingSince(): number | undefined {
    return this.#writer.writingSince;
  }

  get isIdle(): boolean {
    return this.requests.size === 0 && !this.isWaiting && this.#writer.queuedBytes === 0;
  }

  get isEnding(): boolean {
    return this.#ending;
  }

  async ping(): Promise<boolean> {
    try {
      await this.call(RPC.ping, undefined, { timeout: this.limits.pingTimeout });
    } catch (error) {
      // A ping that could not be sent shows nothing.
      return this.#ended || !(error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED");
    }
    return true;
  }

  // What the writer tells.

  onGone(error: unknown): void {
    this.finish({ reason: "the peer is gone", error });
  }

  onRoom(): void {
    this.#weigh();
    this.#wake();
  }

  // ---- The end -------------------------------------------------------------------------------

  /**
   * Ends the connection in order: running handlers may finish for `grace` milliseconds, new requests
   * are refused, the peer is told, and what is due is sent.
   *
   * @param delay milliseconds for which it stays open even if nothing runs
   */
  drain(grace: number, reason = "shutdown", delay = 0): Promise<CloseInfo> {
    if (!this.isClosing) {
      this.#draining = true;
      this.#isHeldOpen = delay > 0 && this.#isFramed; // who has said nothing has asked nothing
      this.requests.drain();
      if (this.#isFramed) {
        this.#writer.push(goaway(reason, grace));
      }
      this.#wake();
      this.#endWhenIdle();
      if (this.#isHeldOpen) {
        this.timers.after(delay, () => {
          this.#isHeldOpen = false;
          this.#endWhenIdle();
        });
      }
    }
    // Who drains it once more, with less patience, is not kept waiting.
    const end = this.timers.now() + grace;
    if (!this.#ended && end < this.#graceEnd) {
      this.#graceEnd = end;
      this.#graceTimer?.cancel();
      this.#graceTimer = this.timers.after(grace, () => {
        this.requests.stop(new RpcError("UNAVAILABLE", "The server is shutting down"));
        this.linger("shutdown");
        // Who takes what is due too slowly, a byte now and then, must not keep us.
        this.#finishLater(this.#lingering ?? "shutdown");
      });
    }
    return this.closed;
  }

  /** Tells the peer why it is not served, and ends the connection. */
  refuse(error: RpcError): void {
    if (this.#ending) return;
    this.#writer.push(encodeError("2.0", "null", error));
    this.linger(error.message);
  }

  /** Ends the connection now: what is queued is sent, calls that wait are cancelled. */
  async close(): Promise<void> {
    this.#ownCalls?.cancelAll("The line was closed");
    this.#ending = true;
    await this.#writer.drained();
    this.finish({ reason: "closed" });
    await this.closed;
  }

  #leave(graceMs?: number): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.onLeave?.(graceMs);
  }

  /** The peer sends no more. It may still be waiting for answers: they are finished first. */
  onInputEnd(): void {
    this.#inputEnded = true;
    this.#leave();
    this.#reader.messageSince = undefined;
    this.#ownCalls?.rejectAll("the peer closed the connection", undefined, true);
    this.requests.endInput();
    if (this.#lingering !== undefined) this.#finishWhenSent(this.#lingering);
    else this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#ending) return;
    if (this.#inputEnded) {
      // A handler that goes on although it was stopped must not keep the socket of one who has left.
      if (!this.requests.isDue) this.#finishWhenSent("the peer closed the connection");
    } else if (this.requests.size === 0 && this.#draining && !this.#isHeldOpen) {
      this.linger("shutdown");
    }
  }

  /**
   * Sends what is queued, and ends once the peer has read it: closing over bytes that the peer still
   * sends would reset the connection, and our last words would be lost.
   */
  linger(reason: string): void {
    if (this.#ending) return;
    if (this.#inputEnded) return this.#finishWhenSent(reason);
    this.#ending = true;
    this.#leave();
    this.#lingering = reason;
    this.#wake();
    this.#writer.drained().then(async () => {
      if (this.#ended) return;
      this.#finishLater(reason);
      await this.#socket.closeWrite?.();
    }).catch((error) => this.finish({ reason, error }));
  }

  /** Gives the peer a moment to hang up. */
  #finishLater(reason: string): void {
    this.#lingerTimer ??= this.timers.after(
      this.limits.lingerTimeout,
      () => this.finish({ reason }),
    );
  }

  #finishWhenSent(reason: string): void {
    this.#ending = true;
    this.#writer.drained().then(() => this.finish({ reason }));
  }

  /** The only way to the end: lets go of the socket, and settles everyone who waits. */
  finish(info: CloseInfo): void {
    if (this.#ended) return;
    this.#ended = this.#ending = true;
    if (this.#isHeavy) this.loadShedding.hold(this, 0);
    this.#leave();
    this.#keepalive.stop();
    this.#graceTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#writer.stop();
    let closing: void | Promise<void> = undefined;
    try {
      closing = this.#socket.close();
    } catch {
      // closed already, from the other side
    }
    this.#ownCalls?.rejectAll(info.reason, info.error);
    this.requests.end();
    this.#wake();
    // Not at once: what the author does then must not come in the middle of what we do.
    Promise.resolve(closing).catch(() => {}).then(() => {
      this.#closeInfo = info;
      this.#options.onClose?.(this, info);
      this.#end?.resolve(info);
    });
  }

  // ---- Waiting -------------------------------------------------------------------------------

  /** Resolves when something changes that somebody may have waited for. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async pause(ms: number): Promise<void> {
    const timer = this.timers.after(ms, () => this.#wake());
    // Nothing is read meanwhile that would keep the process alive, as a connection does.
    const alive = this.#keepsAlive ? setTimeout(() => {}, MAX_MS) : undefined;
    await this.change();
    clearTimeout(alive);
    timer.cancel();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const HTTP_REFUSAL = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" +
  "Content-Type: text/plain\r\nContent-Length: 47\r\n\r\n" +
  "This port speaks JSON-RPC over TCP, not HTTP.\r\n";
