/**
 * One peer. The same class at both ends: it reads frames and answers requests with the methods it was
 * given, and it sends requests of its own and settles them with the answers.
 *
 * ```text
 * read ─> frames ─> message ─┬─ request ──────> admission ─> dispatch ─> answer ─> writer
 *                            ├─ notification ─> control, or dispatch
 *                            ├─ response ─────> settle the call that waits for it
 *                            └─ invalid ──────> its answer ─> writer
 * ```
 *
 * It joins the parts that stand below it: its life is `link/lifecycle.ts`, who the peer is
 * `link/identity.ts`, what it keeps in memory `link/backpressure.ts`.
 *
 * @module
 */

import type { Authenticate } from "../api/auth.ts";
import type { PeerInfo } from "../api/context.ts";
import type { CallOptions, StreamCall } from "../api/stub.ts";
import { RpcError } from "../error.ts";
import { type BadFrame, type Framing, FRAMINGS } from "../framing/mod.ts";
import type { RequestContext } from "../incoming/request_context.ts";
import { Requests, type RequestsOptions } from "../incoming/requests.ts";
import { Backpressure } from "../link/backpressure.ts";
import type { BufferPool } from "../link/buffer_pool.ts";
import { FramedReader } from "../link/framed_reader.ts";
import { FramedWriter } from "../link/framed_writer.ts";
import { Identity } from "../link/identity.ts";
import { LINGERING } from "../link/in_flight.ts";
import { Keepalive } from "../link/keepalive.ts";
import { type CloseInfo, Lifecycle } from "../link/lifecycle.ts";
import { isControl, RPC } from "../message/control.ts";
import { type Argument, encodeError, encodeNotification, encodeParams } from "../message/encode.ts";
import type { ParseJson } from "../message/exact_numbers.ts";
import type { Message, Single, Version } from "../message/message.ts";
import { Calls, type CallsOptions } from "../outgoing/calls.ts";
import type { Guesses } from "../overload/guesses.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Ledger } from "../overload/ledger.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { Socket } from "../transport/socket.ts";
import { control } from "./apply_control.ts";
import { Broken } from "./broken.ts";
import { PeerCaller } from "./call_back.ts";

/** What all connections of a server, or of a line, have in common. */
export interface Shared extends RequestsOptions, Pick<CallsOptions, "queue" | "memory"> {
  readonly pool: BufferPool;
  /** Makes values of JSON. @default {JSON.parse} */
  readonly parseJson?: ParseJson;
  /** Who keeps and runs how much. */
  readonly ledger: Ledger;
  /** Makes guessing slow; a line has none. */
  readonly guesses?: Guesses;
  /** The time slice that connections share; without one the runtime alone decides. */
  readonly timeSlice?: TimeSlice;
  /** Told of what goes wrong and is nobody's answer. */
  readonly onError: (error: unknown, connection: Connection) => void;
}

/** What the connections of one listener, or one address, have in common. */
export interface ConnectionOptions {
  /** The scheme of the addresses. */
  readonly transport: string;
  /** Whether we are the end that dialled: it keeps the line alive, where the other ends a silent one. */
  readonly isDialler: boolean;
  /** Whether we only call: what the peer sends that breaks the rules is then meant as an answer. */
  readonly onlyCalls?: boolean;
  /** The version in which we speak; without it that of the peer's own requests. */
  readonly version?: Version;
  /** Whether the peer is sent nothing but JSON-RPC. */
  readonly isPlain?: boolean;
  /** The framing that we speak first; without it the peer's first bytes decide. */
  readonly framing?: Framing;
  /** The network of an address; undefined where each connection is a caller by itself. */
  readonly network?: (address: string) => string | undefined;
  /** How fast the peer at an address may go; without it as fast as it can. */
  readonly allowance?: (address: string) => Allowance;
  /** Makes what the author keeps for a connection. */
  readonly connectionState?: (peer: PeerInfo) => unknown;
  /** Decides who the peer is; without it every peer may call. */
  readonly authenticate?: Authenticate;
  /** Milliseconds that our calls may take if they do not say. */
  readonly timeout?: number;
  /** Told once that no calls can be begun here any more, and for how long those that run may go on. */
  readonly onLeave?: (graceMs?: number) => void;
  /** Told once that it has ended, and why. */
  readonly onClose?: (connection: Connection, info: CloseInfo) => void;
}

/** One peer, symmetrical. */
export class Connection extends Lifecycle<RequestContext> {
  readonly #shared: Shared;
  readonly #options: ConnectionOptions;
  readonly #writer: FramedWriter;
  readonly #backpressure: Backpressure;
  readonly #identity: Identity;
  readonly #reader: FramedReader;
  readonly #requests: Requests;
  readonly #broken: Broken;
  /** The peer as it is known now. */
  #caller: PeerCaller;
  readonly #keepalive: Keepalive;
  /** Our calls; most servers make none. */
  #calls: Calls | undefined;

  /** Takes over the socket; call {@linkcode run} to begin. */
  constructor(socket: Socket, shared: Shared, options: ConnectionOptions) {
    const { timers, pool } = shared, { transport, isDialler } = options;
    const framing = socket.datagrams ? FRAMINGS.json : options.framing;
    const account = shared.ledger.open(options.network?.(socket.remote));
    const backpressure = new Backpressure(shared, account);
    const { timeSlice } = shared, { mark } = backpressure;
    const writer = new FramedWriter(socket, framing, pool, timers, mark, backpressure, timeSlice);
    super(socket, writer, account, shared);
    account.keeper = this;
    backpressure.bind(writer, this);
    this.#shared = shared;
    this.#options = options;
    this.#writer = writer;
    this.#backpressure = backpressure;
    const allowance = options.allowance?.(socket.remote);
    const identity = this.#identity = new Identity(
      shared,
      socket,
      transport,
      (framing ?? FRAMINGS.json).name,
      options.authenticate,
      this,
    );
    const state = options.connectionState?.(identity.peer);
    this.#requests = new Requests(shared, this, allowance);
    const { onlyCalls = false, isPlain = false } = options, isLasting = socket.lasting ?? false;
    this.version = options.version ?? "2.0";
    this.isPlain = isPlain;
    this.#broken = new Broken(this, this.#requests, writer, onlyCalls, isLasting);
    const caller = () => new PeerCaller(this, identity, writer, backpressure, state);
    this.#caller = caller();
    identity.onKnown = (before) => {
      const past = this.#caller;
      past.becomePast(before, this.#caller = caller());
      account.moveTo(identity.key);
    };
    this.#reader = new FramedReader(
      socket,
      shared,
      this,
      backpressure,
      framing,
      identity.framingLimits,
      allowance,
      (frame, text) => this.#onFrame(frame, text),
      (framing) => {
        writer.framing = framing;
        identity.framing = framing.name;
      },
    );
    this.#keepalive = new Keepalive(
      shared,
      this,
      identity,
      this.#reader,
      writer,
      // A peer that was said to know nothing of us is not asked whether it is there.
      isLasting || isDialler && (socket.datagrams || isPlain) || false,
      isDialler ? (timeout) => this.call(RPC.ping, undefined, { timeout }) : undefined,
    );
  }

  /** Who is at the other end. */
  get peer(): PeerInfo {
    return this.#identity.peer;
  }

  // ---- Reading -------------------------------------------------------------------------------

  /** Reads until the connection ends. */
  run(): void {
    const read = () => void this.#reader.run(this.#shared.pool);
    const introduction = this.#identity.introduce();
    if (introduction === undefined) read();
    else introduction.then(read);
  }

  /** Handles what came. Whatever a single message makes us throw ends that message, and not the line. */
  #onFrame(message: Message | BadFrame, text: string): Promise<void> | undefined {
    try {
      return this.#handle(message, text);
    } catch (error) {
      this.report(error);
      const answer = new RpcError("INTERNAL_ERROR", "Internal error");
      if (message.kind === "request") this.#caller.send(encodeError(message, answer));
      return undefined;
    }
  }

  #handle(message: Message | BadFrame, text: string): Promise<void> | undefined {
    switch (message.kind) {
      case "request": // {"jsonrpc":"2.0","id":…,"method":…,"params":…}
        if (!this.#options.isDialler) this.version = message.version;
        return this.#requests.request(message, this.#caller);
      case "notification": // {"jsonrpc":"2.0","method":…,"params":…}
        if (!isControl(message.method)) {
          if (!this.#options.isDialler) this.version = message.version;
          return this.#requests.notification(message, this.#caller);
        }
        return this.#beside(message);
      case "response": // {"jsonrpc":"2.0","id":…,"result":…} or "error"
        return this.#beside(message);
      case "batch": // […]
        return this.#requests.batch(this.#broken.restOf(message), this.#caller, this.#beside);
      case "invalid":
        return this.#broken.take(message, text, this.#caller);
      case "oversized":
      case "malformed":
        return this.#broken.takeFrame(message, this.#caller);
    }
  }

  /** A message that is no call. */
  readonly #beside = (message: Single): undefined => {
    this.#requests.note();
    if (message.kind === "response") this.calls.settle(message);
    else if (message.kind === "notification") {
      control(message, this.calls, this.#requests, this);
    }
  };

  // ---- Calls of ours -------------------------------------------------------------------------

  /** Our calls on this connection. */
  get calls(): Calls {
    return this.#calls ??= new Calls(this.#shared, this, this.#writer, this.#backpressure);
  }

  /** Calls a method of the peer's; see {@linkcode Calls.call}. */
  call(
    method: string,
    value: Argument | undefined,
    options: CallOptions = {},
  ): StreamCall<unknown, unknown> {
    const { timeout } = this.#options;
    if (timeout !== undefined && options.timeout === undefined) options = { ...options, timeout };
    return this.calls.call(method, value, options);
  }

  /** Sends a notification; it is not known whether it arrives. */
  notify(method: string, value: Argument | undefined): void {
    if (this.phase >= LINGERING) return;
    this.#writer.push(encodeNotification(method, encodeParams(value), this.version));
    if (this.pendingCalls > 0) this.calls.odd.onNotification();
  }

  /** A server that is not ours takes what it does not know for a mistake. */
  override probe(): void {
    if (!this.#options.isDialler || this.#calls?.hasExtensions) super.probe();
  }

  /** Results and items that our calls got so far: the peer is of use. */
  get yielded(): number {
    return this.#calls?.yielded ?? 0;
  }

  // ---- The end -------------------------------------------------------------------------------

  /** Ends the connection now: what is queued is sent, calls that wait are cancelled. */
  override async close(): Promise<void> {
    this.#calls?.cancelAll("The line was closed");
    await super.close();
  }

  /** See {@linkcode Backpressure.evict}. */
  evict(): void {
    this.#backpressure.evict();
  }

  protected override settle({ reason, error }: CloseInfo, isClosed: boolean): void {
    if (isClosed) this.#keepalive.stop();
    this.#calls?.rejectAll(reason, error, !isClosed);
    if (isClosed) {
      this.#requests.end();
      this.#backpressure.end();
    } else this.#requests.endInput();
  }

  protected override onLeave(graceMs: number | undefined): void {
    this.#options.onLeave?.(graceMs);
    this.#calls?.leave();
  }

  protected override onClosed(info: CloseInfo): void {
    this.#options.onClose?.(this, info);
  }

  override report(error: unknown): void {
    this.#shared.onError(error, this);
  }
}
