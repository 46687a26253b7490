/**
 * Opens single connections: dials, and says who calls.
 *
 * @module
 */

import { Connection, type ConnectionOptions, type Shared } from "../connection/connection.ts";
import { RpcError } from "../error.ts";
import { encodeArgument } from "../message/base64.ts";
import { RPC } from "../message/control.ts";
import { schemeOf } from "../transport/address.ts";
import { dial } from "../transport/dial.ts";
import type { ConnectOptions } from "./options.ts";
import type { EndpointHost } from "./reconnect.ts";

/** Makes single connections: dials, and says who calls. */
export function opener(
  { connectTimeout = 5000, token, tls, framing, wrapSocket = (socket) => socket }: ConnectOptions<
    string
  >,
  shared: Shared,
  common: Omit<ConnectionOptions, "transport">,
): EndpointHost["open"] {
  return async (address, closed, onLeave) => {
    const limit = new AbortController(), signal = AbortSignal.any([closed, limit.signal]);
    const late = `No connection within ${connectTimeout} ms`;
    const timer = setTimeout(
      () => limit.abort(new DOMException(late, "TimeoutError")),
      connectTimeout,
    );
    try {
      const socket = wrapSocket(await dial(address, { signal, ...(tls && { tls }) }));
      if (socket.datagrams && framing !== undefined && framing !== "json") {
        socket.close();
        throw new TypeError(
          `Cannot connect: a datagram has no framing, it is ${JSON.stringify(framing)}`,
        );
      }
      const connection = new Connection(socket, shared, {
        ...common,
        transport: schemeOf(address),
        onLeave,
      });
      connection.run();
      if (token === undefined) return connection;
      try {
        const credentials = encodeArgument({ scheme: "bearer", token });
        await connection.call(RPC.authenticate, credentials, { signal, timeout: Infinity });
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
