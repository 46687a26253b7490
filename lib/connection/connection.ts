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

import type { CloseInfo, Peer, PeerInfo, TraceContext } from "../api/context.ts";
import { observeNotice } from "../api/observe.ts";
import type { CallOptions, StreamCall } from "../api/stub.ts";
import { RpcError } from "../error.ts";
import { type BadFrame, type ControlFrame, FRAMINGS } from "../framing/mod.ts";
import type { RequestContext } from "../incoming/request_context.ts";
import { Requests } from "../incoming/requests.ts";
import { Backpressure } from "../link/backpressure.ts";
import { FramedReader } from "../link/framed_reader.ts";
import { FramedWriter } from "../link/framed_writer.ts";
import type { SharedMessage } from "../link/shared_message.ts";
import { type Ends, Identity, type IdentityOwner } from "../link/identity.ts";
import { LINGERING } from "../link/in_flight.ts";
import { Keepalive } from "../link/keepalive.ts";
import { Lifecycle } from "../link/lifecycle.ts";
import { ReadBuffer } from "../link/read_buffer.ts";
import { isControl, RPC } from "../message/control.ts";
import { type Argument, encodeError, encodeNotification, encodeParams } from "../message/encode.ts";
import type { Message, Single } from "../message/message.ts";
import { Calls } from "../outgoing/calls.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Socket } from "../transport/socket.ts";
import { control, controlFrame } from "./apply_control.ts";
import { Broken, mute } from "./broken.ts";
import { beginHttp, type HttpConnection, relay, speakHttp, speaksHttp } from "./http_guest.ts";
import type { ConnectionOptions, Shared } from "./options.ts";
import { ConnectedPeer, PeerCaller, type PeerConnection } from "./peer.ts";
import type { Reachable } from "./peers.ts";

export type { ConnectionOptions, Shared };

/** One peer, symmetrical. */
export class Connection extends Lifecycle<RequestContext>
  implements IdentityOwner, PeerConnection, Reachable, HttpConnection {
  readonly shared: Shared;
  readonly options: ConnectionOptions;
  readonly writer: FramedWriter;
  readonly backpressure: Backpressure;
  readonly identity: Identity;
  readonly reader: FramedReader;
  readonly requests: Requests;
  readonly #broken: Broken;
  /** The peer as it is known now. */
  #caller: PeerCaller;
  readonly keepalive: Keepalive;
  readonly socket: Socket;
  allowance: Allowance | undefined;
  /** The network that it comes from; see {@linkcode ConnectionOptions.network}. */
  network: string | undefined;
  /** What the author keeps for it. */
  readonly state: unknown;
  lastBroadcast = 0;
  /** Our calls; most servers make none. */
  #calls: Calls | undefined;

  /** Takes over the socket; call {@linkcode run} to begin. */
  constructor(socket: Socket, shared: Shared, options: ConnectionOptions) {
    const { timers, pool } = shared, { transport, isDialler } = options;
    const framing = socket.datagrams ? FRAMINGS.json : options.framing;
    const network = options.network?.(socket.remote), account = shared.ledger.open(network);
    const backpressure = new Backpressure(shared, account);
    const { timeSlice } = shared, { mark } = backpressure;
    const writer = new FramedWriter(socket, framing, pool, timers, mark, backpressure, timeSlice);
    super(socket, writer, account, shared, options);
    account.keeper = this;
    backpressure.bind(writer, this);
    this.network = network;
    this.shared = shared;
    this.options = options;
    this.writer = writer;
    this.backpressure = backpressure;
    this.socket = socket;
    const allowance = this.allowance = options.allowance?.(socket.remote);
    const { authenticate } = options, { name } = framing ?? FRAMINGS.json;
    const identity = new Identity(shared, socket, transport, name, authenticate, this);
    this.identity = identity;
    this.state = options.connectionState?.(this.peer);
    this.requests = new Requests(shared, this, allowance);
    this.#broken = new Broken(this, this.requests, writer, socket.lasting ?? false, timers);
    this.#caller = this.#makeCaller();
    this.reader = new FramedReader(
      socket,
      shared,
      this,
      backpressure,
      framing,
      identity.framingLimits,
      allowance,
      (frame, text) => this.#onFrame(frame, text),
      (framing) => {
        this.hear();
        writer.framing = framing;
        identity.framing = framing.name;
      },
      isDialler && !socket.lasting && !socket.datagrams,
    );
    this.keepalive = new Keepalive(
      shared,
      this,
      identity,
      this.reader,
      writer,
      // A peer that was said to know nothing of us is not asked whether it is there.
      socket.lasting || isDialler && (socket.datagrams || this.isPlain) || false,
      isDialler ? (timeout) => this.call(RPC.ping, undefined, { timeout }) : undefined,
    );
  }

  // ---- The peer ------------------------------------------------------------------------------

  /** Who is at the other end. */
  get peer(): Peer {
    return this.identity.peer as Peer;
  }

  makePeer(info: PeerInfo): Peer {
    return new ConnectedPeer(info, this);
  }

  #makeCaller(): PeerCaller {
    const { peers } = this.shared;
    return new PeerCaller(this, peers, this.identity, this.writer, this.backpressure, this.state);
  }

  get isServing(): boolean {
    return this.requests.isServing;
  }

  onKnown(before: PeerInfo): void {
    this.account.moveTo(this.identity.key);
    if (before === this.peer) return;
    const past = this.#caller;
    past.becomePast(before, this.#caller = this.#makeCaller());
  }

  relay(ends: Ends): RpcError | undefined {
    return relay(this, ends);
  }

  // ---- Reading -------------------------------------------------------------------------------

  /** Reads until the connection ends. */
  run(): void {
    const read = () => {
      const buffer = new ReadBuffer(this.shared.pool);
      if (!beginHttp(this, buffer)) this.reader.run(buffer);
    };
    const introduction = this.identity.introduce();
    if (introduction === undefined) read();
    else introduction.then(read);
  }

  /** Handles what came. Whatever a single message makes us throw ends that message, and not the line. */
  #onFrame(message: Message | BadFrame | ControlFrame, text: string): Promise<void> | undefined {
    try {
      return this.#handle(this.#broken.meant(message), text);
    } catch (error) {
      this.report(error);
      const answer = new RpcError("INTERNAL_ERROR", "Internal error");
      if (message.kind === "request") this.#caller.send(encodeError(message, answer));
      return undefined;
    }
  }

  #handle(message: Message | BadFrame | ControlFrame, text: string): Promise<void> | undefined {
    switch (message.kind) {
      case "request": // {"jsonrpc":"2.0","id":…,"method":…,"params":…}
        if (!this.options.isDialler) this.version = message.version;
        return this.requests.request(message, this.#caller);
      case "notification": // {"jsonrpc":"2.0","method":…,"params":…}
        if (isControl(message.method)) return this.#beside(message);
        if (!this.options.isDialler) this.version = message.version;
        return this.requests.notification(message, this.#caller);
      case "response": // {"jsonrpc":"2.0","id":…,"result":…} or "error"
        return this.#beside(message);
      case "batch": // […]
        return this.requests.batch(this.#broken.restOf(message), this.#caller, this.#beside);
      case "invalid":
        return this.#broken.take(message, text, this.#caller);
      case "oversized":
      case "malformed":
        if (speaksHttp(message, this)) return speakHttp(message.first, this);
        return this.#broken.takeFrame(message, this.#caller);
      default: // "ping" or "close"
        return controlFrame(message, this.writer, this.requests, this);
    }
  }

  /** A message that is no call. */
  readonly #beside = (message: Single): undefined => {
    this.requests.note();
    if (message.kind === "response") this.calls.settle(message);
    else if (message.kind === "notification") control(message, this.calls, this.requests, this);
  };

  // ---- Calls of ours -------------------------------------------------------------------------

  /** Our calls on this connection. */
  get calls(): Calls {
    return this.#calls ??= new Calls(this.shared, this, this.writer, this.backpressure);
  }

  /** Calls a method of the peer's; see {@linkcode Calls.call}. */
  call(
    method: string,
    value: Argument | undefined,
    options: CallOptions = {},
  ): StreamCall<unknown, unknown> {
    const { timeout } = this.options;
    if (timeout !== undefined && options.timeout === undefined) options = { ...options, timeout };
    this.shared.peers.catchUp(this);
    return this.calls.call(method, value, options);
  }

  /**
   * Sends a notification; it is not known whether it arrives.
   *
   * @param trace what travels beside the params, to a peer that has sent such itself
   */
  notify(method: string, value: Argument | undefined, trace: TraceContext = {}): void {
    if (this.phase >= LINGERING) return;
    this.shared.peers.catchUp(this);
    const { observe } = this.shared;
    if (observe !== undefined) {
      const carried = observeNotice(observe, method, this.peer, { ...trace });
      if (Object.keys(trace).length > 0 || this.#calls?.hasExtensions) {
        trace = { ...trace, ...carried };
      }
    }
    const takesMeta = !this.isPlain && this.version === "2.0" && value?.isPlain !== false;
    const isTraced = takesMeta && Object.keys(trace).length > 0;
    const params = encodeParams(value, isTraced ? JSON.stringify(trace) : undefined);
    this.writer.pushUnasked(encodeNotification(method, params, this.version));
    if (this.pendingCalls > 0) this.calls.odd.onNotification();
  }

  /** Sends a notification that many are sent. */
  tell(message: SharedMessage): void {
    if (this.phase >= LINGERING) return;
    const { observe } = this.shared;
    if (observe !== undefined) observeNotice(observe, message.method, this.peer, {});
    this.writer.pushShared(message, this.version);
    if (this.pendingCalls > 0) this.calls.odd.onNotification();
  }

  /** A server that is not ours takes what it does not know for a mistake. */
  override probe(): void {
    if (!this.options.isDialler || this.#calls?.hasExtensions) super.probe();
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

  /** Ends the connection; what is queued is sent, and the peer has a moment to read it. */
  async hangUp(): Promise<void> {
    this.#calls?.cancelAll("The connection was closed");
    this.linger("closed");
    await this.closed;
  }

  /** See {@linkcode Backpressure.evict}. */
  evict(): void {
    this.backpressure.evict();
  }

  protected override settle({ reason, error }: CloseInfo, isClosed: boolean): void {
    if (isClosed) this.keepalive.stop();
    this.#calls?.rejectAll(reason, error, !isClosed);
    if (isClosed) {
      this.requests.end();
      this.backpressure.end();
    } else this.requests.endInput();
  }

  protected override hungUpMutely(): string {
    return mute(this.peer, this.writer.sentCount);
  }

  protected override onLeave(graceMs: number | undefined): void {
    this.options.onLeave?.(graceMs);
    this.#calls?.leave();
  }

  protected override onClosed(info: CloseInfo): void {
    this.options.onClose?.(this, info);
  }

  protected override onRefused(error: RpcError): void {
    this.shared.observe?.refused?.(error, this.peer);
  }

  override report(error: unknown, callback?: string): void {
    this.shared.onError(error, this.peer, callback);
  }
}
