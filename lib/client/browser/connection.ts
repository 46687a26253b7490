/**
 * One server, as a page is connected to it: calls and calls back over the browser's own WebSocket.
 *
 * It is what `connection/connection.ts` is over sockets, for the one case that a page has. The browser gives
 * whole messages, so that there are no bytes and no framings; the peer is a server that the page has chosen, so
 * that the page asks for no credentials, and admits nothing in turns.
 *
 * Messages travel as text both ways, as the server sends them: a browser shows them so to its developers, and
 * makes their bytes outside of the page's thread.
 *
 * @module
 */

import type { CloseInfo, Peer } from "../../api/context.ts";
import type { CallOptions, StreamCall } from "../../api/stub.ts";
import { control } from "../../connection/apply_control.ts";
import { ConnectedPeer, PeerCaller, type PeerConnection } from "../../connection/peer.ts";
import { RpcError } from "../../error.ts";
import type { CallerRoom } from "../../incoming/caller.ts";
import type { RequestContext } from "../../incoming/request_context.ts";
import type { Limits } from "../../limits.ts";
import type { PeerIds } from "../../link/identity.ts";
import { CLOSED, InFlight } from "../../link/in_flight.ts";
import { isControl, RPC } from "../../message/control.ts";
import {
  type Argument,
  encodeError,
  encodeNotification,
  encodeParams,
} from "../../message/encode.ts";
import type { Invalid, Message, Single } from "../../message/message.ts";
import { invalid, messageOf } from "../../message/parsed.ts";
import {
  type CallLifecycle,
  Calls,
  type CallsOptions,
  type CallWriter,
} from "../../outgoing/calls.ts";
import type { Timer, Timers } from "../../timers.ts";
import { Kept } from "./kept.ts";
import { BrowserRequests, type BrowserRequestsOptions } from "./requests.ts";

/** What all connections of a line have in common. */
export interface BrowserShared extends BrowserRequestsOptions, Omit<CallsOptions, "limits"> {
  readonly limits: Limits;
  readonly timers: Timers;
  readonly ids: PeerIds;
  /** Told of what goes wrong and is no call's answer, and which callback of the author's threw it, if one did. */
  readonly onError: (error: unknown, address: string, callback?: string) => void;
}

/** Milliseconds between two looks whether a full WebSocket has room again: a browser does not tell. */
const LOOK = 16;

/** Milliseconds in which a server is to be heard of that may have been lost while the page was away. */
const SOON = 5000;

/** What the numbers of RFC 6455, section 7.4.1, mean at the end of a connection without another word. */
const MEANINGS: Readonly<Record<number, string>> = {
  1000: "the peer closed the connection",
  1001: "the peer is going away",
  1005: "the peer closed the connection",
  1006: "the connection was lost",
};

/** One connection of a page. */
export class BrowserConnection extends InFlight<RequestContext, Kept>
  implements CallLifecycle, CallWriter, CallerRoom, PeerConnection {
  readonly version = "2.0";
  readonly isPlain = false;
  readonly isOther = false;
  readonly state = undefined;
  /** Whether the server takes new calls: it has sent no `$/goaway`. */
  peerAccepts = true;
  readonly peer: Peer;
  readonly calls: Calls;
  readonly #socket: WebSocket;
  readonly #shared: BrowserShared;
  readonly #address: string;
  readonly #onLeave: (graceMs?: number) => void;
  readonly #requests: BrowserRequests;
  readonly #caller: PeerCaller;
  readonly #draining = new AbortController();
  readonly #closed = Promise.withResolvers<CloseInfo>();
  #timer: Timer | undefined;
  #isChecked = false;
  #hasLeft = false;
  #end: CloseInfo | undefined;
  /** Units of items that are written as text, and not yet sent. */
  #reserved = 0;
  /** What waits for room. */
  readonly #waiting: (() => void)[] = [];
  /** Messages that were handed to the browser. */
  queuedCount = 0;

  /**
   * Takes over a WebSocket that is open.
   *
   * @param onLeave told once that no calls can be begun here any more, and for how long those that run may go on
   */
  constructor(
    socket: WebSocket,
    address: string,
    shared: BrowserShared,
    onLeave: (graceMs?: number) => void,
  ) {
    super(new Kept(shared.limits.maxBufferedBytes));
    this.#socket = socket;
    this.#address = address;
    this.#shared = shared;
    this.#onLeave = onLeave;
    this.lastActive = shared.timers.now();
    const { ids, limits } = shared;
    this.peer = new ConnectedPeer({
      id: ids.idOf(ids.next()),
      address,
      localAddress: globalThis.location?.origin ?? "",
      transport: address.slice(0, address.indexOf(":")),
      framing: "websocket",
    }, this) as Peer;
    const identity = { isKnown: true, peer: this.peer };
    this.#caller = new PeerCaller(this, undefined, identity, this, this);
    this.#requests = new BrowserRequests(shared, this);
    this.calls = new Calls(shared, this, this, this);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      const why = reason || (MEANINGS[code] ?? `the connection ended with the code ${code}`);
      const isLost = code !== 1000 && code !== 1001 && code !== 1005;
      this.finish(isLost ? { reason: why, error: new Error(why) } : { reason: why });
    };
    if (limits.pingInterval > 0) this.#keepAlive();
  }

  // ---- Reading -------------------------------------------------------------------------------

  #receive(data: string | ArrayBuffer): void {
    const { limits, timers } = this.#shared, { maxResponseBytes: max } = limits;
    this.lastActive = timers.now();
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    if (text.length > max) {
      return this.finish({ reason: `the peer sent a message of more than ${max} bytes` });
    }
    const message = this.#read(text);
    // Whatever a single message makes us throw ends that message, and not the line.
    try {
      this.#handle(message);
    } catch (error) {
      this.report(error);
      if (message.kind !== "request") return;
      this.push(encodeError(message, new RpcError("INTERNAL_ERROR", "Internal error")));
    }
  }

  #read(text: string): Message {
    try {
      return messageOf(JSON.parse(text), text, this.#shared.limits);
    } catch {
      return invalid("null", "PARSE_ERROR");
    }
  }

  #handle(message: Message): void {
    switch (message.kind) {
      case "batch":
        return this.#requests.batch(message, this.#caller, (item) => this.#handle(item));
      case "request":
        return this.#requests.take(message, this.#caller);
      case "response":
        return this.calls.settle(message);
      case "invalid":
        return this.#refuse(message);
      case "notification":
        if (!isControl(message.method)) return this.#requests.take(message, this.#caller);
        return control(message, this.calls, this.#requests, this);
    }
  }

  /** A message breaks the rules: a call is told so; an answer ends the call that waits for it. */
  #refuse(message: Invalid & Single): void {
    if (message.isCall) this.push(encodeError(message, message.error));
    else if (!this.calls.end(message.id, message.error)) this.report(message.error);
  }

  // ---- Writing -------------------------------------------------------------------------------

  get sentCount(): number {
    return this.queuedCount;
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  push(text: string): void {
    if (this.phase === CLOSED) return;
    this.#socket.send(text);
    this.queuedCount++;
    const { maxOutboundBytes } = this.#shared.limits;
    if (this.queuedBytes <= 2 * maxOutboundBytes) return;
    const what = "bytes wait to be sent that could not be held back";
    this.finish({ reason: `more than ${2 * maxOutboundBytes} ${what}` });
  }

  pushUnasked(text: string): void {
    this.push(text);
  }

  get isFull(): boolean {
    const { outboundHighWater, maxOutboundBytes } = this.#shared.limits;
    const most = Math.min(outboundHighWater, maxOutboundBytes);
    return this.queuedBytes + this.#reserved > most && this.phase < CLOSED;
  }

  whenRoom<T>(write: () => T): T | Promise<T> {
    if (!this.isFull && this.#waiting.length === 0) return write();
    return new Promise<T>((resolve, reject) => {
      const length = this.#waiting.push(() => {
        try {
          resolve(write());
        } catch (error) {
          reject(error);
        }
      });
      if (length === 1) this.#release();
    });
  }

  /** Lets what waits go on, one after another: each may take the room that there is. */
  #release(): void {
    while (this.#waiting.length > 0 && !this.isFull) this.#waiting.shift()!();
    if (this.#waiting.length > 0) this.#shared.timers.after(LOOK, () => this.#release());
  }

  reserve(units: number): void {
    this.#reserved += units;
  }

  pause(): undefined {}

  expect(): void {}

  hold(bytes: number): boolean {
    return this.account.hold(bytes);
  }

  get keepsLittle(): boolean {
    return this.account.keepsLittle;
  }

  // ---- Calls of ours -------------------------------------------------------------------------

  /** Whether calls can be begun here. */
  get isOpen(): boolean {
    return this.peerAccepts && this.phase < CLOSED;
  }

  /** Whether the server may still send. */
  get peerSends(): boolean {
    return this.phase < CLOSED;
  }

  get yielded(): number {
    return this.calls.yielded;
  }

  closedBecause(method: string): string | undefined {
    if (this.phase < CLOSED) {
      return this.peerAccepts || method === RPC.ping ? undefined : "the server is going away";
    }
    return `the connection is closed: ${this.#end!.reason}`;
  }

  beginCall(): void {
    this.pendingCalls++;
  }

  endCall(): void {
    if (--this.pendingCalls === 0) this.wake();
  }

  call(
    method: string,
    value: Argument | undefined,
    options: CallOptions = {},
  ): StreamCall<unknown, unknown> {
    return this.calls.call(method, value, options);
  }

  notify(method: string, value: Argument | undefined, trace: object = {}): void {
    const isTraced = value?.isPlain !== false && Object.keys(trace).length > 0;
    const params = encodeParams(value, isTraced ? JSON.stringify(trace) : undefined);
    this.push(encodeNotification(method, params));
  }

  report(error: unknown, callback?: string): void {
    this.#shared.onError(error, this.#address, callback);
  }

  // ---- Keeping it alive ----------------------------------------------------------------------

  /** A page lives as long as its reader likes. */
  set keepsAlive(_keeps: boolean) {}

  /** Asks a server that is silent whether it is there. */
  #keepAlive(): void {
    const { limits: { pingInterval, pingTimeout }, timers } = this.#shared;
    const left = this.lastActive + pingInterval - timers.now();
    if (left <= 0) this.check(pingTimeout);
    this.#timer = timers.after(left > 0 ? left : pingInterval, () => this.#keepAlive());
  }

  /** Ends it unless the server is heard of in this time. */
  async check(timeout = SOON): Promise<void> {
    if (this.#isChecked || !this.isOpen) return;
    this.#isChecked = true;
    const heard = this.lastActive;
    await this.call(RPC.ping, undefined, { timeout }).catch(() => {});
    this.#isChecked = false;
    // A page that stood still finds the answer behind this: timers come first.
    this.#shared.timers.after(0, () => {
      if (this.lastActive !== heard) return;
      this.finish({ reason: `the peer did not answer a ping within ${timeout} ms` });
    });
  }

  // ---- The end -------------------------------------------------------------------------------

  /** Aborts when it has ended. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Resolves when it has ended, with why; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  /** The server begins nothing new: what runs may go on for so long. */
  goAway(graceMs: number = this.#shared.limits.shutdownGrace): void {
    this.peerAccepts = false;
    this.#leave(graceMs);
  }

  /** Ends it from this side; what was handed to the browser is sent. */
  async close(): Promise<void> {
    this.calls.cancelAll("The line was closed");
    this.finish({ reason: "closed" });
    await this.closed;
  }

  hangUp(): Promise<void> {
    return this.close();
  }

  /** The only way to the end: settles all that waits. */
  finish(info: CloseInfo): void {
    if (this.phase === CLOSED) return;
    this.phase = CLOSED;
    this.#end = info;
    this.#timer?.cancel();
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#leave();
    this.#draining.abort(new RpcError("UNAVAILABLE", "The connection has ended"));
    this.calls.rejectAll(info.reason, info.error);
    this.stopAll(new RpcError("CANCELLED", "The connection ended"));
    this.#release();
    this.wake();
    // Not at once: what the author does then must not come in the middle of what we do.
    queueMicrotask(() => this.#closed.resolve(info));
  }

  #leave(graceMs?: number): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#onLeave(graceMs);
    this.calls.leave();
  }
}
