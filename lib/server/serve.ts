/**
 * Serves an API.
 *
 * @module
 */

import type { Api, ApiShape } from "../api/api.ts";
import type { PeerInfo } from "../api/context.ts";
import type { Untyped } from "../api/stub.ts";
import { ListeningServer } from "./listening_server.ts";
import type { ServeOptions, Server } from "./options.ts";

export type { ServeOptions, Server };

/** Serves an API whose handlers find in `context.state` what the option `connectionState` makes. */
export function serve<State, Client = Untyped>(
  api: Api<State>,
  options: ServeOptions<Client, State> & { readonly connectionState: (peer: PeerInfo) => State },
): Server<Client, State>;
/** Serves an API whose type is an `interface`. */
export function serve<A extends ApiShape<A>, Client = Untyped>(
  api: A,
  options?: ServeOptions<Client>,
): Server<Client>;
/**
 * Serves an API. TCP addresses, and Unix sockets that no dead server has left behind, are listened
 * at when this returns; await {@linkcode Server.ready} for the others.
 *
 * @throws {TypeError} for an API or an address that cannot be served
 * @throws {RangeError} for limits that cannot be kept
 *
 * @example
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = { upper: method(z.string(), (text) => text.toUpperCase()) };
 *
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect<typeof api>(server.addresses[0]!);
 *
 * assert(await line.call.upper("hello") === "HELLO");
 * ```
 */
export function serve<Client = Untyped>(
  api: Api,
  options?: ServeOptions<Client>,
): Server<Client>;
export function serve(api: Api<never>, options: ServeOptions = {}): Server {
  return new ListeningServer(api, options);
}
