/**
 * What a peer understands besides JSON-RPC: it is asked with `rpc.serverInfo`, once, when a call first
 * needs to know. Only what it names is sent to it.
 *
 * @module
 */

import type { ItemOptions } from "../api/stub.ts";
import { ConnectionLostError, RpcError } from "../error.ts";
import { DEFAULT_LIMITS, type Limits } from "../limits.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { decodeExactly } from "../message/base64.ts";
import { isBuiltin, RPC } from "../message/control.ts";
import { WINDOW_BYTES } from "../stream/receiver.ts";
import type { Timers } from "../timers.ts";
import type { Call } from "./call.ts";

/** Milliseconds for which calls wait, at most, that go better if it is known what the peer understands. */
const PATIENCE = 1000;

/**
 * The same for calls that need to know. A peer of ours says it at once; one that says nothing ignores what
 * it does not know, and gets plain JSON-RPC until it has said something.
 */
const LONG_PATIENCE = 5000;

/** What a line remembers of its peer, from one connection to the next. */
export interface PeerMemory {
  /** Whether it hung up instead of saying what it understands: the next calls do not wait for that. */
  hungUp: boolean;
}

/** What it is asked and waited for with. */
export interface ExtensionsOptions {
  readonly timers: Timers;
  readonly limits: Pick<Limits, "maxInFlight">;
  /** What is remembered of the peer from one connection to the next; a server has many peers, and none. */
  readonly memory?: PeerMemory;
}

/** What one peer understands. */
export class Extensions {
  /** Their names, once the peer has said them. */
  known: ReadonlySet<string> | undefined;
  /** The longest message that the peer says it takes. */
  maxBytes = Infinity;
  /** Calls of ours that the peer takes at once; while it has not said, as many as we take of its calls. */
  maxInFlight: number;
  /** Told when the peer has said how many, or is not one that does. */
  onTold: (() => void) | undefined;
  readonly #call: () => Promise<unknown>;
  readonly #timers: Timers;
  readonly #memory: PeerMemory;
  readonly #lifecycle: Pick<Lifecycle, "peerSends">;
  #asking: Promise<void> | undefined;
  #learning: Promise<void> | undefined;
  /** Whether calls wait no longer for what is not known. */
  #isImpatient: boolean;
  /** Whether the peer has said nothing for so long that no call waits for it any more. */
  #isSilent = false;

  /** @param call calls `rpc.serverInfo` of the peer */
  constructor(
    call: () => Promise<unknown>,
    { timers, limits, memory = { hungUp: false } }: ExtensionsOptions,
    lifecycle: Pick<Lifecycle, "peerSends">,
  ) {
    this.#call = call;
    this.#timers = timers;
    this.#memory = memory;
    this.#lifecycle = lifecycle;
    this.#isImpatient = memory.hungUp;
    this.maxInFlight = memory.hungUp ? Infinity : limits.maxInFlight;
  }

  /**
   * Asks what the peer understands; once it has said so never again. Rejects if it had no time to say: a
   * stream must not become something else because a server was busy for a moment.
   */
  ask(): Promise<void> {
    return this.#asking ??= this.#ask();
  }

  #ask(): Promise<void> {
    return this.#call().then((info: unknown) => {
      const { extensions, limits } = (info ?? {}) as { extensions?: unknown; limits?: unknown };
      const { maxMessageBytes, maxInFlight } = (limits ?? {}) as Record<string, unknown>;
      if (typeof maxMessageBytes === "number") this.maxBytes = maxMessageBytes;
      const isNumber = typeof maxInFlight === "number" && maxInFlight >= 1;
      this.#memory.hungUp = false;
      this.#know(Array.isArray(extensions) ? extensions : [], isNumber ? maxInFlight : Infinity);
    }, (error: unknown) => {
      // It closed the connection itself: one that was lost says nothing of the peer.
      if (error instanceof ConnectionLostError) this.#memory.hungUp = !this.#lifecycle.peerSends;
      const reason = error instanceof RpcError ? error.reason : undefined;
      const isBusy = reason === "UNAVAILABLE" || reason === "RESOURCE_EXHAUSTED";
      // Who may not ask yet may ask again; any other refusal says that it knows of no extensions.
      if (isBusy || reason === "UNAUTHENTICATED") this.#asking = undefined;
      else this.#know([]);
      if (isBusy) throw error;
    });
  }

  /** The peer is sent nothing but JSON-RPC, and is not asked. */
  expectNothing(): void {
    this.#know([]);
  }

  /** The peer understands this, and takes any number of calls unless it says how many. */
  #know(names: readonly string[], maxInFlight = Infinity): void {
    this.known = new Set(names);
    this.#take(maxInFlight);
  }

  #take(maxInFlight: number): void {
    this.maxInFlight = maxInFlight;
    this.onTold?.();
  }

  /**
   * Asks, and resolves when it is known what the peer understands, or the peer has not said so for a
   * second: that is waited for once. Never rejects.
   */
  learn(): Promise<void> {
    if (this.#isImpatient) return this.ask().catch(() => {});
    return this.#learning ??= new Promise((resolve) => {
      const end = () => {
        this.#isImpatient = true;
        timer.cancel();
        resolve();
      };
      const timer = this.#timers.after(PATIENCE, () => {
        this.#take(Infinity); // it is not one of those that say how many calls they take
        end();
      });
      this.ask().then(end, end);
    });
  }

  /** Asks, and resolves when the peer has said what it understands, or nothing for long; rejects as asking does. */
  hear(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#timers.after(LONG_PATIENCE, () => {
      this.#isSilent = true;
      resolve();
    });
    this.ask().finally(() => timer.cancel()).then(resolve, reject);
    return promise;
  }

  /**
   * What a call waits for before it is sent, if anything: where it needs an extension, whatever it takes to
   * know which there are, and a refusal to say is its own; where it has longer than a server gives that is
   * not told, at most a second.
   */
  before(call: Call): Promise<void> | undefined {
    if (this.known !== undefined) return undefined;
    if (needsExtensions(call)) return this.#isSilent ? undefined : this.hear();
    if (call.deadline === Infinity) return undefined;
    if (isLong(call) && !this.#isImpatient) return this.learn();
    this.ask().catch(() => {}); // for the next call: this one does not wait to be told
    return undefined;
  }

  /**
   * What travels beside the params of a call: only to a peer that has said that it understands it.
   *
   * @param id of the call, which is the token of its progress
   * @throws {RpcError} `DATA_LOSS` for a stream that is to go on at a peer that resumes none, and
   * `UNIMPLEMENTED` for items to one that takes none, or `UNAVAILABLE` if it has not said
   */
  metaOf(call: Call, id: number): string | undefined {
    const { receiver, deadline, options: { meta, onProgress } } = call;
    const { known } = this, after = receiver?.after;
    if (after !== undefined && !known?.has("resume")) {
      throw new RpcError(
        "DATA_LOSS",
        `Cannot resume ${call.method}: the server resumes no streams`,
      );
    }
    if (takesItems(call) && (known === undefined ? this.#isSilent : !known.has("stream"))) {
      const [name, why] = known === undefined
        ? ["UNAVAILABLE", "the server does not say whether it takes any"] as const
        : ["UNIMPLEMENTED", "the server takes none"] as const;
      throw new RpcError(name, `Cannot call ${call.method} with items: ${why}`);
    }
    if (known === undefined || !known.has("meta")) return undefined;
    const { carried } = call, isTimed = deadline !== Infinity;
    call.isStream = receiver !== undefined && known.has("stream");
    const hasMeta = meta !== undefined || carried !== undefined;
    if (!call.isStream && !hasMeta && onProgress === undefined && !isTimed) {
      return undefined;
    }
    // What is left of the time, because clocks differ; a call without any was given up.
    const left = Math.max(1, Math.ceil(deadline - call.owner.timers.now()));
    return JSON.stringify({
      ...meta,
      ...carried,
      ...(isTimed && { timeoutMs: left }),
      ...(onProgress !== undefined && { progressToken: id }),
      ...(call.isStream && {
        stream: {
          credit: receiver!.open(),
          bytes: WINDOW_BYTES,
          ...(after !== undefined && { after }),
        },
      }),
    });
  }

  /** Whether markers of bytes in the answer of this call mean nothing before the peer was asked. */
  mustAskFor({ method }: Call): boolean {
    return this.known === undefined && !this.#isSilent && method !== RPC.serverInfo;
  }

  /** What the peer sent, with bytes for markers if it says that it marks bytes. */
  decode({ method }: Call, value: unknown): unknown {
    if (method === RPC.serverInfo) return value;
    try {
      const { known } = this;
      if (known === undefined && !this.#isSilent) {
        throw new Error("the peer did not say if it marks bytes");
      }
      return known?.has("bytes") ? decodeExactly(value) : value;
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new TypeError(`Cannot read the answer of ${method}: ${reason}`, { cause });
    }
  }
}

/** Whether a call may take longer than one whose deadline its server does not know. */
function isLong({ method, options: { timeout } }: Call): boolean {
  return timeout !== undefined && timeout > DEFAULT_LIMITS.callTimeout && !isBuiltin(method);
}

/** Whether a call cannot do without what only some peers understand. */
function needsExtensions(call: Call): boolean {
  const { receiver, options, carried } = call;
  return receiver !== undefined || options.meta !== undefined || carried !== undefined ||
    options.onProgress !== undefined && tokensOf(call).length === 0 || takesItems(call);
}

/** Whether a call streams items to the peer. */
function takesItems({ options }: Call): boolean {
  return (options as Partial<ItemOptions<unknown>>).items !== undefined;
}

/** What a caller who listens to progress has put into the params for a server that speaks LSP. */
export function tokensOf({ value, options }: Call): readonly unknown[] {
  if (options.onProgress === undefined || !value?.text.includes('Token"')) return [];
  const { workDoneToken, partialResultToken } = JSON.parse(value.text) as Record<string, unknown>;
  return [workDoneToken, partialResultToken].filter((token) => token !== undefined);
}
