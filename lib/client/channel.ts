/**
 * The calls of a line over connections that come and go: each is sent at most once, unless it may run
 * twice; waits where there is no connection; and is sent again where it has certainly not run.
 *
 * ```text
 *   send ───> a connection ──> answered
 *     ^  └──> waiting            │
 *     └──────────┴── taken back: never left, or may run twice, or goes on after an event
 * ```
 *
 * @module
 */

import type { Observer } from "../api/observe.ts";
import type { ItemOptions } from "../api/stub.ts";
import type { Call, CallSink } from "../outgoing/call.ts";
import type { CloseInfo } from "../link/lifecycle.ts";
import {
  Endpoint,
  type EndpointHost,
  joined,
  type LineConnection,
  type LineState,
} from "./reconnect.ts";
import { ConnectionLostError, RpcError } from "../error.ts";
import { type Limits, MAX_MS } from "../limits.ts";
import type { Keeping } from "../overload/ledger.ts";
import { Balancer, type Balancing } from "./balancing.ts";
import { Retries, type RetriesOptions } from "./retry.ts";
import type { Timer, Timers } from "../timers.ts";

/** What {@linkcode Channel} is made with. */
export interface ChannelOptions extends Omit<EndpointHost, "onEnd">, RetriesOptions {
  readonly addresses: readonly string[];
  readonly balance: Balancing;
  /** Whether it goes on where the first connection cannot be made. */
  readonly isPatient: boolean;
  /** What its calls keep is charged to this. */
  readonly account: Keeping;
  /** Sees its calls; without it none is shown to anything. */
  readonly observe?: Observer | undefined;
  readonly limits: Pick<Limits, "callTimeout" | "maxCallTimeout" | "maxOutboundBytes">;
}

/** A call that waits for a connection, or for its next attempt. */
interface Wait {
  /** What ends it. */
  readonly timer: Timer | undefined;
  readonly isForConnection: boolean;
}

/** Carries calls over one connection, or over one to each of several addresses. */
export class Channel implements CallSink {
  readonly timers: Timers;
  readonly account: Keeping;
  readonly observe: Observer | undefined;
  readonly #options: ChannelOptions;
  readonly #endpoints: readonly Endpoint[];
  readonly #balancer: Balancer;
  readonly #retries: Retries;
  /** Calls that wait for a connection, or for their next attempt. */
  readonly #waiting = new Map<Call, Wait>();
  /** The sum of their lengths. */
  #waitingBytes = 0;
  #keepsAlive = true;
  /** Keeps the process alive where no socket does. */
  #anchor: ReturnType<typeof setTimeout> | undefined;
  /** Why there is no connection. */
  #failure: unknown;
  readonly #first = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<CloseInfo>();
  #isEnded = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.timers = options.timers;
    this.account = options.account;
    this.observe = options.observe;
    this.#retries = new Retries(options);
    this.#balancer = new Balancer(options.balance);
    const { addresses, balance } = options;
    const host: EndpointHost = {
      ...options,
      onState: (state) => this.#onState(state),
      onEnd: (info) => this.#onEnd(info),
    };
    const places = balance === "first" ? [addresses] : addresses.map((address) => [address]);
    this.#endpoints = places.map((place) => new Endpoint(place, host));
  }

  /** Resolves when the line has ended for good, with why; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#end.promise;
  }

  /** See {@linkcode Lifecycle.keepsAlive}. */
  set keepsAlive(keeps: boolean) {
    this.#keepsAlive = keeps;
    for (const endpoint of this.#endpoints) endpoint.keepsAlive = keeps;
    this.#hold();
  }

  /**
   * Resolves when there is a connection; rejects where there is none and none is waited for.
   *
   * @param signal gives up
   */
  async start(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const giveUp = () => this.#first.reject(signal!.reason);
    signal?.addEventListener("abort", giveUp);
    const errors: unknown[] = [];
    for (const endpoint of this.#endpoints) {
      endpoint.connect().then((failure) => {
        if (failure === undefined || this.#options.isPatient) return;
        if (errors.push(failure.error) < this.#endpoints.length) return;
        this.#first.reject(joined(errors));
      });
    }
    this.#hold();
    try {
      await this.#first.promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** See {@linkcode Endpoint.suspend}. */
  suspend(reason?: string): void {
    for (const endpoint of this.#endpoints) endpoint.suspend(reason);
  }

  /** See {@linkcode Endpoint.resume}. */
  resume(): void {
    for (const endpoint of this.#endpoints) endpoint.resume();
  }

  // ---- Calls ---------------------------------------------------------------------------------

  /** The connection for the next call; undefined while there is none. */
  get connection(): LineConnection | undefined {
    const [first] = this.#endpoints;
    if (this.#endpoints.length === 1) {
      return first!.isReady || first!.isOver ? first!.connection : undefined;
    }
    const ready = this.#endpoints.filter(({ isReady }) => isReady)
      .map(({ connection }) => connection!);
    return this.#balancer.choose(ready);
  }

  send(call: Call): void {
    const { connection } = this;
    if (connection !== undefined) connection.calls.send(call);
    else if (!this.#isOver && !this.#hasRoomFor(call)) {
      const message = `Cannot call ${call.method}: too much waits for a connection`;
      call.fail(new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxOutboundBytes" }));
    } else this.#wait(call);
  }

  /** Sends a call that was taken once, and is not refused because others wait. */
  #resend(call: Call): void {
    const { connection } = this;
    if (connection !== undefined) connection.calls.send(call);
    else this.#wait(call);
  }

  sendBatch(calls: readonly Call[]): void {
    const { connection } = this;
    if (connection !== undefined) connection.calls.sendBatch(calls);
    else for (const call of calls) this.send(call);
  }

  takeBack(call: Call, error: unknown): boolean {
    if (this.#isOver) return false;
    // What was taken of its items cannot be taken twice.
    const { items } = call.options as Partial<ItemOptions<unknown>>;
    if (items !== undefined && call.attempts > 0) return false;
    if (error instanceof ConnectionLostError && !error.sent) {
      this.#resend(call);
      return true;
    }
    const successes = this.#endpoints.reduce((sum, endpoint) => sum + endpoint.yielded, 0);
    const delay = this.#retries.delayFor(call, error, successes);
    if (delay === undefined) return false;
    if (delay === 0) this.#resend(call);
    else this.#wait(call, delay);
    return true;
  }

  #hasRoomFor(call: Call): boolean {
    return this.#waitingBytes + sizeOf(call) <= this.#options.limits.maxOutboundBytes;
  }

  /** Keeps a call until there is a connection, or until its next attempt. */
  #wait(call: Call, delay?: number): void {
    if (this.#isOver) {
      return call.fail(this.#lost(`Cannot call ${call.method}: the line has ended`));
    }
    const { callTimeout } = this.#options.limits;
    let timer: Timer | undefined;
    if (delay !== undefined) {
      timer = this.timers.after(delay, () => {
        this.drop(call);
        this.#resend(call);
      });
    } else if (call.deadline === Infinity && call.receiver?.after === undefined) {
      // Nobody waits for ever: who says nothing has as long as a server would give. A stream that goes
      // on has all the time that its line has.
      timer = this.timers.after(callTimeout, () => {
        const why = `Cannot call ${call.method}: there was no connection for ${callTimeout} ms`;
        call.giveUp(this.#lost(why));
      });
    }
    this.#waitingBytes += sizeOf(call);
    this.#waiting.set(call, { timer, isForConnection: delay === undefined });
    call.sink = this;
    this.#hold();
  }

  drop(call: Call): void {
    const wait = this.#waiting.get(call);
    if (wait === undefined) return;
    wait.timer?.cancel();
    this.#waiting.delete(call);
    this.#waitingBytes -= sizeOf(call);
    call.sink = undefined;
    this.#hold();
  }

  /** What waits has no peer to tell: it says how much it takes when it is sent. */
  grant(): void {}

  #lost(message: string): ConnectionLostError {
    return new ConnectionLostError(message, { sent: false, cause: this.#failure });
  }

  // ---- Connections ---------------------------------------------------------------------------

  #onState(state: LineState): void {
    if (state.state === "waiting") this.#failure = state.error;
    this.#options.onState(state);
    if (state.state === "ready") {
      this.#first.resolve();
      for (const [call, { isForConnection }] of [...this.#waiting]) {
        if (!isForConnection) continue;
        this.drop(call);
        this.#resend(call);
      }
    }
    this.#hold();
  }

  get #isOver(): boolean {
    return this.#isEnded || this.#endpoints.every(({ isOver }) => isOver);
  }

  #onEnd(info: CloseInfo): void {
    this.#failure = info.error;
    if (this.#isOver) this.#finish(info);
  }

  /** Keeps the process alive while there is no socket that does. */
  #hold(): void {
    const isNeeded = !this.#isEnded &&
      (this.#waiting.size > 0 ||
        this.#keepsAlive && !this.#endpoints.some(({ isReady }) => isReady));
    if (isNeeded) this.#anchor ??= setTimeout(() => {}, MAX_MS);
    else {
      clearTimeout(this.#anchor);
      this.#anchor = undefined;
    }
  }

  /** Ends all connections, and every call. */
  close(): Promise<CloseInfo> {
    return this.#finish({ reason: "closed" });
  }

  async #finish(info: CloseInfo): Promise<CloseInfo> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      const { reason } = info;
      const why = reason === "closed" ? "The line was closed" : `The line has ended: ${reason}`;
      for (const call of [...this.#waiting.keys()]) call.giveUp(this.#lost(why));
      await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()));
      this.#hold();
      this.#first.promise.catch(() => {});
      this.#first.reject(info.error ?? this.#lost(why));
      this.#options.onState({ state: "closed", ...info });
      this.#end.resolve(info);
    }
    return await this.closed;
  }
}

/** Bytes that a call keeps while it waits, about. */
function sizeOf({ value }: Call): number {
  return value?.text.length ?? 0;
}
