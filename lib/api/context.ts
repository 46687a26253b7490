/**
 * What a handler knows of its call besides the value.
 *
 * @module
 */

import type { NotifyStub, Stub, Untyped } from "./stub.ts";
import type { RpcError } from "../error.ts";
import type { FramingName } from "../framing/frame.ts";
import type { ErrorSchemas, NoErrors } from "./api.ts";
import type { InferInput, InferOutput, StandardSchema } from "../schema/standard_schema.ts";
import type { PeerCertificate } from "../transport/socket.ts";

/** The two ends of the connection that a call came over. */
export interface PeerInfo {
  /** Where the peer is, as an address: `tcp://127.0.0.1:50123`. */
  readonly address: string;
  /** Where the peer reached us. */
  readonly localAddress: string;
  /** The scheme of the addresses: `tcp`, `unix`. */
  readonly transport: string;
  /** The framing that the peer speaks. */
  readonly framing: FramingName;
  /** The certificate that the peer has shown, where TLS asked for one and trusts it. */
  readonly certificate?: PeerCertificate;
  /** Who the peer is, as `authenticate` found; undefined where nobody asked. */
  readonly identity?: unknown;
}

/** Who called, and a way to call back: `A` is the API that the caller serves. */
export interface Peer<A = Untyped> extends PeerInfo {
  /** The methods of the caller. Their calls inherit what is left of this call's time. */
  readonly call: Stub<A>;
  /** The same methods without an answer. */
  readonly notify: NotifyStub<A>;
}

/** The W3C trace context that came with a call. */
export interface TraceContext {
  /** https://www.w3.org/TR/trace-context/#traceparent-header */
  readonly traceparent?: string;
  /** https://www.w3.org/TR/trace-context/#tracestate-header */
  readonly tracestate?: string;
}

/** What a handler knows of its call besides the value. */
export interface Context {
  /** The name that was called. */
  readonly method: string;
  /** Aborts when nobody waits for the answer any more: cancelled, too late, or disconnected. */
  readonly signal: AbortSignal;
  /** Who called. */
  readonly peer: Peer;
  /** What came as `_meta` beside the params; empty where nothing did. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** The trace that the call belongs to. */
  readonly trace: TraceContext;
  /** What `serve`'s option `connectionState` made for this connection. */
  readonly state: unknown;
  /** The items that the caller streams to the handler, checked by the option `items`. */
  readonly items: AsyncIterable<unknown>;
  /**
   * The id of the event that the caller asks to go on after, for streams; undefined where it begins
   * anew. A stream whose handler has not looked at it by its first item fails with `DATA_LOSS` where
   * the caller sent one: it must not start over unnoticed.
   */
  readonly after: string | undefined;
  /** Milliseconds until the deadline; `Infinity` where there is none. */
  timeLeft(): number;
  /** Tells the caller how far it is, where the caller asked to be told. */
  progress(value: unknown): void;
}

/** A context with other or more members. */
export type ContextWith<Base, Extra> = Omit<Base, keyof Extra> & Extra;

/** The context of a handler whose method declares errors and items. */
export interface HandlerContext<
  Errors extends ErrorSchemas = NoErrors,
  Items extends StandardSchema = never,
> extends Omit<Context, "items"> {
  /** The items that the caller streams to the handler. */
  readonly items: AsyncIterable<InferOutput<Items>>;
  /**
   * Makes one of the method's declared errors, to be thrown.
   *
   * @param data is checked by the schema that the name was declared with
   */
  error<Name extends keyof Errors & string>(
    name: Name,
    data: InferInput<Errors[Name]>,
    message?: string,
  ): RpcError;
}
