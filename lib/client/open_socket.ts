/**
 * Makes a connection over a socket of a transport.
 *
 * @module
 */

import { Connection, type ConnectionOptions, type Shared } from "../connection/connection.ts";
import { schemeOf } from "../transport/address.ts";
import type { DialOptions, Socket } from "../transport/socket.ts";
import type { MakeConnection } from "./open.ts";
import type { ConnectOptions } from "./options.ts";

/** What it takes of the options. */
export type SocketOptions = Pick<
  ConnectOptions,
  "framing" | "headers" | "tls" | "wrapSocket"
>;

/** Connects to an address. */
export type Dial = (address: string, options: DialOptions) => Promise<Socket>;

/** Makes connections over what the dial gives. */
export function overSockets(
  dial: Dial,
  { framing, headers, tls, wrapSocket = (socket) => socket }: SocketOptions,
  shared: Shared,
  common: Omit<ConnectionOptions, "transport">,
): MakeConnection<Connection> {
  return async (address, signal, token, onLeave) => {
    const scheme = schemeOf(address), isPosted = scheme === "http" || scheme === "https";
    // Requests of HTTP say each by itself who calls.
    const all = token === undefined || !isPosted
      ? headers
      : { ...headers, authorization: `Bearer ${token}` };
    const dialled = await dial(address, {
      signal,
      limits: shared.limits,
      ...(tls && { tls }),
      ...(all && { headers: all }),
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
    const canBeCalled = !socket.datagrams && !isPosted && !connection.isPlain;
    return { connection, isTokenSent: isPosted, canBeCalled };
  };
}
