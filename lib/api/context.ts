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

/** Why a connection ended. */
export interface CloseInfo {
  /** In words. */
  readonly reason: string;
  /** What was thrown, where something was. */
  readonly error?: unknown;
}

/** The two ends of a connection. */
export interface PeerInfo {
  /** Tells the peer from every other one, at this server and at others. The text means nothing else. */
  readonly id: string;
  /**
   * Where the peer is, as an address: `tcp://127.0.0.1:50123`. Behind a proxy that `serve` was told to trust
   * it is the address that the proxy names, and has no port if the proxy names none.
   */
  readonly address: string;
  /** Where the peer reached us. */
  readonly localAddress: string;
  /** The scheme of the addresses: `tcp`, `unix`. */
  readonly transport: string;
  /**
   * The framing that the peer speaks: `json` until its first bytes tell, `websocket` after the handshake of
   * one, and `http` for the caller of an HTTP request.
   */
  readonly framing: FramingName | "websocket" | "http";
  /** The certificate that the peer has shown, where TLS asked for one and trusts it. */
  readonly certificate?: PeerCertificate;
  /** Who the peer is, as `authenticate` found; undefined where nobody asked. */
  readonly identity?: unknown;
}

/**
 * The other end of a connection: one object from the beginning of the connection to its end, the same
 * in every hook and every handler, to be kept, and to be used as a key.
 *
 * Its `identity` is who it is now. A call keeps the peer for which it was begun: where calls run while the
 * peer becomes another, there is another object from then on, with the same `id`.
 *
 * @typeParam A The API that the peer serves.
 * @typeParam State What the option `connectionState` of {@linkcode ServeOptions} makes.
 *
 * @example A greeting, a peer that is kept, and a call long after the handler has ended
 * ```ts
 * import { connect, method, notification, type Peer, serve, withContext } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const heard = Promise.withResolvers<string>();
 * const clientApi = {
 *   greeted: notification(z.string(), heard.resolve),
 *   double: method(z.number(), (n) => 2 * n),
 * };
 * type Guest = Peer<typeof clientApi>;
 *
 * const guests = new Map<Guest, string>();
 * const { method: known } = withContext<{ peer: Guest }>();
 * const api = { enter: known(z.string(), (name, { peer }) => void guests.set(peer, name)) };
 * await using server = serve(api, {
 *   listen: "tcp://127.0.0.1:0",
 *   onOpen: (peer: Guest) => peer.notify.greeted("welcome"),
 *   onClose: (peer) => guests.delete(peer),
 * });
 * await using line = await connect<typeof api>(server.addresses[0]!, { api: clientApi });
 *
 * await line.call.enter("alice");
 * const [[guest, name]] = [...guests] as [[Guest, string]];
 * assert(name === "alice" && await heard.promise === "welcome");
 * assert(await guest.call.double(21) === 42);
 * ```
 */
export interface Peer<A = Untyped, State = unknown> extends PeerInfo {
  /**
   * The methods of the peer. Their calls belong to no other call: without a `timeout` of their own they take
   * as long as the limit `callTimeout` says.
   */
  readonly call: Stub<A>;
  /** The same methods without an answer. One whose framing is not known yet is told once it has spoken. */
  readonly notify: NotifyStub<A>;
  /** What `serve`'s option `connectionState` made for this connection. */
  readonly state: State;
  /** Resolves when the connection has ended, with why; never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Ends the connection: what is queued is sent, and the peer has a moment to read it. */
  close(): Promise<void>;
}

/**
 * The peers of one server, for as long as they are connected: those who may call, so that none is among them
 * that has not said who it is where `authenticate` asks.
 *
 * @typeParam A The API that the peers serve.
 * @typeParam State See {@linkcode Peer}.
 *
 * @example All are told, some are told, and one is sent away
 * ```ts
 * import { connect, notification, serve, type Server } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const heard = Promise.withResolvers<string>();
 * const clientApi = { said: notification(z.string(), heard.resolve) };
 * const server: Server<typeof clientApi> = serve({}, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect(server.addresses[0]!, { api: clientApi });
 * await line.request("rpc.ping");
 *
 * const [first] = server.peers;
 * server.peers.notify.said("to all");
 * server.peers.to((peer) => peer.transport === "unix").notify.said("to some");
 * assert(server.peers.get(first!.id) === first && await heard.promise === "to all");
 *
 * await first!.close();
 * assert(server.peers.size === 0);
 * await server.shutdown();
 * ```
 */
export interface Peers<A = Untyped, State = unknown> extends Iterable<Peer<A, State>> {
  /** How many there are. */
  readonly size: number;
  /** The peer with this id; undefined if it is not connected. */
  get(id: string): Peer<A, State> | undefined;
  /**
   * The methods of all of them, without an answer. What is said is written once, however many hear it; where
   * they are many, other work goes on in between. Each hears everything in the order in which it was said.
   */
  readonly notify: NotifyStub<A>;
  /** The same for some of them. */
  to(
    some: Iterable<PeerInfo> | ((peer: Peer<A, State>) => boolean),
  ): Pick<Peers<A, State>, "notify">;
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
  /**
   * The request's id, as its caller wrote it: a text or a number, and the digits as a text where no number
   * of JavaScript's has them all (`12345678901234567890`, `1.0`). Undefined for a notification.
   */
  readonly id: string | number | null | undefined;
  /** Aborts when nobody waits for the answer any more: cancelled, too late, or disconnected. */
  readonly signal: AbortSignal;
  /**
   * Aborts when the connection begins to end, because the server shuts down or the connection is too old.
   * The handler may go on for the grace that is left: one that would go on for longer should end itself.
   */
  readonly draining: AbortSignal;
  /** Who called: the same object for all calls of a connection. */
  readonly peer: Peer;
  /** All peers of the server that this is; at a client the server. */
  readonly peers: Peers;
  /**
   * The methods of the caller, as `peer.call` has them. These calls end with this one: they have what is
   * left of its time, belong to its trace, and are cancelled with it.
   */
  readonly call: Stub<Untyped>;
  /** The same without an answer. Nothing is said any more once this call was cancelled. */
  readonly notify: NotifyStub<Untyped>;
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

/** A context with other or more members. Where `peer` says what it serves, so do the ways to call it. */
export type ContextWith<Base, Extra> = Extra extends {
  readonly peer: Peer<infer Client, infer State>;
} ?
    & Omit<Base, keyof Extra | "call" | "notify" | "peers">
    & Omit<Pick<Peer<Client>, "call" | "notify">, keyof Extra>
    & Omit<{ readonly peers: Peers<Client, State> }, keyof Extra>
    & Extra
  : Omit<Base, keyof Extra> & Extra;

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
