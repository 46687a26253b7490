/**
 * What a peer understands besides JSON-RPC: it is asked with `rpc.serverInfo`, once, when a call first
 * needs to know. Only what it names is sent to it.
 *
 * @module
 */

import type { ItemOptions } from "../api/stub.ts";
import { RpcError } from "../error.ts";
import { decodeExactly } from "../message/base64.ts";
import { RPC } from "../message/control.ts";
import { WINDOW_BYTES } from "../stream/receiver.ts";
import type { Call } from "./call.ts";

/** What one peer understands. */
export class Extensions {
  /** Their names, once the peer has said them. */
  known: ReadonlySet<string> | undefined;
  /** The longest message that the peer says it takes. */
  maxBytes = Infinity;
  readonly #call: () => Promise<unknown>;
  #asking: Promise<void> | undefined;

  /** @param call calls `rpc.serverInfo` of the peer */
  constructor(call: () => Promise<unknown>) {
    this.#call = call;
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
      this.known = new Set(Array.isArray(extensions) ? extensions : []);
      const { maxMessageBytes } = (limits ?? {}) as { maxMessageBytes?: unknown };
      if (typeof maxMessageBytes === "number") this.maxBytes = maxMessageBytes;
    }, (error: unknown) => {
      const reason = error instanceof RpcError ? error.reason : undefined;
      const isBusy = reason === "UNAVAILABLE" || reason === "RESOURCE_EXHAUSTED";
      // Who may not ask yet may ask again; any other refusal says that it knows of no extensions.
      if (isBusy || reason === "UNAUTHENTICATED") this.#asking = undefined;
      else this.known = new Set();
      if (isBusy) throw error;
    });
  }

  /** Whether this call can be sent: it needs no extension, or it is known which there are. */
  suffice(call: Call): boolean {
    return this.known !== undefined || !needsExtensions(call);
  }

  /**
   * What travels beside the params of a call: only to a peer that has said that it understands it.
   *
   * @param id of the call, which is the token of its progress
   * @throws {RpcError} `DATA_LOSS` for a stream that is to go on at a peer that resumes none
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
    if (known === undefined || !known.has("meta")) return undefined;
    const isTimed = deadline !== Infinity;
    call.isStream = receiver !== undefined && known.has("stream");
    if (!call.isStream && meta === undefined && onProgress === undefined && !isTimed) {
      return undefined;
    }
    // What is left of the time, because clocks differ; a call without any was given up.
    const left = Math.max(1, Math.ceil(deadline - call.owner.timers.now()));
    return JSON.stringify({
      ...meta,
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
    return this.known === undefined && method !== RPC.serverInfo;
  }

  /** What the peer sent, with bytes for markers if it says that it marks bytes. */
  decode({ method }: Call, value: unknown): unknown {
    if (method === RPC.serverInfo) return value;
    try {
      if (this.known === undefined) throw new Error("the peer did not say if it marks bytes");
      return this.known.has("bytes") ? decodeExactly(value) : value;
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new TypeError(`Cannot read the answer of ${method}: ${reason}`, { cause });
    }
  }
}

/** Whether a call cannot do without what only some peers understand. */
function needsExtensions(call: Call): boolean {
  const { receiver, options } = call;
  return receiver !== undefined || options.meta !== undefined ||
    options.onProgress !== undefined && tokensOf(call).length === 0 ||
    (options as Partial<ItemOptions<unknown>>).items !== undefined;
}

/** What a caller who listens to progress has put into the params for a server that speaks LSP. */
export function tokensOf({ value, options }: Call): readonly unknown[] {
  if (options.onProgress === undefined || !value?.text.includes('Token"')) return [];
  const { workDoneToken, partialResultToken } = JSON.parse(value.text) as Record<string, unknown>;
  return [workDoneToken, partialResultToken].filter((token) => token !== undefined);
}
