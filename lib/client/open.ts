/**
 * Opens single connections: dials, says who calls, and has the caller make them ready.
 *
 * @module
 */

import type { Peer } from "../api/context.ts";
import { Connection, type ConnectionOptions, type Shared } from "../connection/connection.ts";
import { RpcError } from "../error.ts";
import { encodeArgument } from "../message/base64.ts";
import { RPC } from "../message/control.ts";
import { schemeOf } from "../transport/address.ts";
import { dial } from "../transport/dial.ts";
import type { ConnectOptions } from "./options.ts";
import type { EndpointHost } from "./reconnect.ts";

/** Milliseconds after which a client that serves something says something: most have called by then. */
const SILENCE = 20;

/** What opening a connection takes of the options. */
export type OpenOptions = Pick<
  ConnectOptions,
  "api" | "connectTimeout" | "framing" | "headers" | "onReady" | "tls" | "token" | "wrapSocket"
>;

/** Makes single connections: dials, says who calls, and has the caller make it ready. */
export function opener(
  options: OpenOptions,
  shared: Shared,
  common: Omit<ConnectionOptions, "transport">,
): EndpointHost["open"] {
  const { connectTimeout = 5000, tls, framing, wrapSocket = (socket) => socket } = options;
  return async (address, closed, onLeave) => {
    const limit = new AbortController(), signal = AbortSignal.any([closed, limit.signal]);
    const late = `No connection within ${connectTimeout} ms`;
    const timer = setTimeout(
      () => limit.abort(new DOMException(late, "TimeoutError")),
      connectTimeout,
    );
    try {
      const scheme = schemeOf(address), isPosted = scheme === "http" || scheme === "https";
      const token = await tokenOf(options, signal);
      // Requests of HTTP say each by itself who calls.
      const headers = token === undefined || !isPosted
        ? options.headers
        : { ...options.headers, authorization: `Bearer ${token}` };
      const dialled = await dial(address, {
        signal,
        limits: shared.limits,
        ...(tls && { tls }),
        ...(headers && { headers }),
      });
      const socket = wrapSocket(dialled);
      const own = socket.datagrams ? "a datagram has no framing" : dialled.framing &&
        `a ${scheme}: address decides the framing`;
      if (own && framing !== undefined && framing !== "json") {
        socket.close();
        throw new TypeError(`Cannot connect: ${own}, it is ${JSON.stringify(framing)}`);
      }
      const connection = new Connection(socket, shared, {
        ...common,
        ...(dialled.framing && { framing: dialled.framing }),
        transport: scheme,
        onLeave,
      });
      connection.run();
      try {
        await makeReady(connection, options, isPosted ? undefined : token, signal);
        // Who serves something wants to be called: a server can speak only to one that has spoken.
        if (options.api !== undefined && !socket.datagrams && !isPosted && !connection.isPlain) {
          shared.timers.after(SILENCE, () => connection.calls.introduce());
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
  { token: given }: OpenOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const token = typeof given === "function" ? await unlessAborted(signal, given) : given;
  if (typeof token === "string" || given === undefined) return token;
  throw new TypeError(`Cannot connect: token must give a text, it gave ${typeof token}`);
}

/** Does what the caller wants done before the connection is used. */
async function makeReady(
  connection: Connection,
  { onReady }: OpenOptions,
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
    return await Promise.race([Promise.try(work), promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Whether another attempt to connect would fail in the same way: it is us who ask for the wrong thing. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof RpcError) return !PASSING.includes(error.reason);
  return error instanceof TypeError || error instanceof RangeError ||
    error instanceof Deno.errors.NotCapable;
}

/** What a server may answer to good credentials when it is not well. */
const PASSING: readonly (string | undefined)[] = [
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "INTERNAL_ERROR",
];
