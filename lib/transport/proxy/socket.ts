/**
 * The connection of a caller that a proxy passes on.
 *
 * @module
 */

import { PrefixedSocket } from "../prefixed_socket.ts";
import type { Socket } from "../socket.ts";
import type { ProxiedEnds } from "./header.ts";

/** A socket to a proxy whose ends are those of the caller's connection to the proxy. */
export class ProxiedSocket extends PrefixedSocket {
  readonly isRelayed = true;

  /**
   * @param ends those of the socket itself if the proxy has said nothing of them
   * @param first what came with the header
   */
  constructor(below: Socket, ends: ProxiedEnds | undefined, first: Uint8Array) {
    super(below, ends ?? below, first.slice()); // the rest of its buffer is let go of
  }
}
