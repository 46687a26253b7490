/**
 * Addresses to sockets, in both directions.
 *
 * @module
 */

export { schemeOf } from "./address.ts";
export { dial } from "./dial.ts";
export { listen } from "./listen.ts";
export type {
  DialOptions,
  Listener,
  ListenOptions,
  Socket,
  TlsClientOptions,
  TlsServerOptions,
} from "./socket.ts";
