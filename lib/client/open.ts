/**
 * Makes a connection ready: in time, says who calls, and has the caller do what is to be done before it is
 * used. It is told how one is made.
 *
 * @module
 */

import type { Peer } from "../api/context.ts";
import type { Connection } from "../connection/connection.ts";
import { RpcError } from "../error.ts";
import { encodeArgument } from "../message/base64.ts";
import { RPC } from "../message/control.ts";
import { attempt } from "../runtime.ts";
import type { Timers } from "../timers.ts";
import type { ConnectOptions } from "./options.ts";
import type { EndpointHost, LineConnection } from "./reconnect.ts";

/** Milliseconds after which a client that serves something says something: most have called by then. */
const SILENCE = 20;

/** What making a connection ready takes of the options. */
export type ReadyOptions = Pick<ConnectOptions, "api" | "connectTimeout" | "onReady" | "token">;

/** A connection that is to be made ready. */
export interface MadeConnection<C extends LineConnection & Pick<Connection, "call">> {
  readonly connection: C;
  /** Whether the token has travelled already, with the requests themselves. */
  readonly isTokenSent?: boolean;
  /** Whether the peer can call us, once it has heard from us. */
  readonly canBeCalled: boolean;
}

/**
 * Makes one connection, whose peer has not been told anything.
 *
 * @param token says who calls, if that travels before all else
 */
export type MakeConnection<C extends LineConnection & Pick<Connection, "call">> = (
  address: string,
  signal: AbortSignal,
  token: string | undefined,
  onLeave: (graceMs?: number) => void,
) => Promise<MadeConnection<C>>;

/** Makes single connections, each of them ready to be used. */
export function opener<C extends LineConnection & Pick<Connection, "call">>(
  options: ReadyOptions,
  timers: Timers,
  make: MakeConnection<C>,
): EndpointHost["open"] {
  const { connectTimeout = 5000 } = options;
  return async (address, closed, onLeave) => {
    const limit = new AbortController(), signal = AbortSignal.any([closed, limit.signal]);
    const late = `No connection within ${connectTimeout} ms`;
    const timer = setTimeout(
      () => limit.abort(new DOMException(late, "TimeoutError")),
      connectTimeout,
    );
    try {
      const token = await tokenOf(options, signal);
      const made = await make(address, signal, token, onLeave), { connection, canBeCalled } = made;
      try {
        await makeReady(connection, options, made.isTokenSent ? undefined : token, signal);
        // Who serves something wants to be called: a server can speak only to one that has spoken.
        if (options.api !== undefined && canBeCalled) {
          timers.after(SILENCE, () => connection.calls.introduce());
        }
        return connection;
      } catch (error) {
        await connection.close();
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The token that says who calls, if there is one. */
async function tokenOf(
  { token: given }: ReadyOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const token = typeof given === "function" ? await unlessAborted(signal, given) : given;
  if (typeof token === "string" || given === undefined) return token;
  throw new TypeError(`Cannot connect: token must give a text, it gave ${typeof token}`);
}

/** Does what the caller wants done before the connection is used. */
async function makeReady(
  connection: Pick<Connection, "call" | "peer">,
  { onReady }: ReadyOptions,
  token: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (token !== undefined) {
    const credentials = encodeArgument({ scheme: "bearer", token });
    await connection.call(RPC.authenticate, credentials, { signal, timeout: Infinity });
  }
  if (onReady !== undefined) {
    await unlessAborted(signal, () => onReady(connection.peer as Peer<never>));
  }
}

/** What the work comes to, unless the signal aborts before. */
async function unlessAborted<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([attempt(work), promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Whether another attempt to connect would fail in the same way: it is us who ask for the wrong thing. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof RpcError) return !PASSING.includes(error.reason);
  return error instanceof TypeError || error instanceof RangeError ||
    error instanceof Error && error.name === "NotCapable";
}

/** What a server may answer to good credentials when it is not well. */
const PASSING: readonly (string | undefined)[] = [
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "INTERNAL_ERROR",
];
