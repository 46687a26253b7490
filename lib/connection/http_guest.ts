/**
 * A connection whose peer speaks HTTP: it lends what it has to a session, and goes on by itself where that
 * has made a WebSocket of it.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import { EMPTY } from "../framing/byte_queue.ts";
import type { BadFrame } from "../framing/mod.ts";
import type { RequestContext } from "../incoming/request_context.ts";
import type { Requests } from "../incoming/requests.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { FramedReader } from "../link/framed_reader.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Ends, Identity } from "../link/identity.ts";
import { CLOSED } from "../link/in_flight.ts";
import type { Keepalive } from "../link/keepalive.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { ReadBuffer } from "../link/read_buffer.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Socket } from "../transport/socket.ts";
import type { ConnectionOptions, Shared } from "./options.ts";
import type { Reachable } from "./peers.ts";

/** What a connection lends. */
export interface HttpConnection extends Lifecycle<RequestContext>, Omit<Reachable, "identity"> {
  readonly shared: Shared;
  readonly options: ConnectionOptions;
  readonly socket: Socket;
  readonly identity: Identity;
  readonly requests: Requests;
  readonly reader: FramedReader;
  readonly writer: FramedWriter;
  readonly backpressure: Backpressure;
  readonly keepalive: Keepalive;
  allowance: Allowance | undefined;
  network: string | undefined;
  /** See {@linkcode relay}. */
  relay(ends: Ends): RpcError | undefined;
}

/** Whether a peer has begun to speak HTTP where that is served. */
export function speaksHttp(
  bad: BadFrame,
  { options: { http } }: Pick<HttpConnection, "options">,
): bad is BadFrame & { readonly first: Uint8Array } {
  return bad.protocol === "http" && bad.first !== undefined && http !== undefined;
}

/** Begins with HTTP at an address where nothing else is spoken; false where others are. */
export function beginHttp(connection: HttpConnection, buffer: ReadBuffer): boolean {
  if (connection.options.http?.only === undefined) return false;
  speakHttp(EMPTY, connection, () => buffer);
  return true;
}

/** Each request says who calls: the connection need not. */
const KNOWN = { isKnown: true } as const;

/**
 * Has a session speak HTTP from now on, until the connection ends, or has become a WebSocket. The promise is
 * that it has begun.
 *
 * @param first what was read already
 * @param leave has who reads now leave, and gives its buffer
 */
export async function speakHttp(
  first: Uint8Array,
  connection: HttpConnection,
  leave: () => ReadBuffer = () => connection.reader.leave(),
): Promise<void> {
  const { shared, options, identity, keepalive } = connection, http = options.http!;
  const { HttpSession } = await http.load(); // most servers never hear any
  if (isClosed(connection)) return;
  const session = new HttpSession(connection, http), buffer = leave();
  shared.peers.delete(connection); // it can be told nothing
  connection.guest = session;
  identity.framing = "http";
  if (first.length > 0) connection.hear();
  keepalive.watch(session, KNOWN, shared.limits.httpIdleTimeout);
  session.run(first, buffer, (rest) => void speakWebSocket(rest, connection, buffer));
}

/** Goes on as a WebSocket. */
async function speakWebSocket(
  first: Uint8Array,
  connection: HttpConnection,
  buffer: ReadBuffer,
): Promise<void> {
  const { websocket: { server: framing } } = await import("../framing/websocket.ts");
  if (isClosed(connection)) return buffer.end();
  const { shared, identity, reader, writer, keepalive } = connection;
  connection.guest = undefined;
  keepalive.watch(reader, identity, shared.limits.idleTimeout);
  identity.framing = framing.name;
  writer.framing = framing;
  reader.continueIn(framing, identity.framingLimits, connection.allowance, first, buffer);
  shared.peers.add(connection);
}

/**
 * The connection is that of a proxy, and all of it is one caller's from now on.
 *
 * @returns why that one is not served, if it is not
 */
export function relay(connection: HttpConnection, ends: Ends): RpcError | undefined {
  const { options, identity } = connection, network = options.network?.(ends.remote);
  const refusal = options.onRelay?.(connection, network);
  if (refusal !== undefined) return refusal;
  connection.network = network;
  connection.requests.allowance = connection.allowance = options.allowance?.(ends.remote);
  identity.relay(ends);
  return undefined;
}

function isClosed({ phase }: Pick<HttpConnection, "phase">): boolean {
  return phase === CLOSED;
}
