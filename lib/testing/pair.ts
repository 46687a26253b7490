/**
 * A server and a client that is connected to it, in one call and one process: for tests.
 *
 * @module
 */

import { connect } from "../client/connect.ts";
import type { ConnectOptions, Line } from "../client/options.ts";
import type { Api, ApiShape, MethodName } from "../api/api.ts";
import type { PeerInfo } from "../api/context.ts";
import type { Untyped } from "../api/stub.ts";
import { serve, type ServeOptions, type Server } from "../server/serve.ts";
import { type NetworkFaults, queryOf } from "../transport/memory/faults.ts";

/** What {@linkcode pair} takes besides the API. */
export interface PairOptions<Name extends string = never, State = unknown, A = never> {
  /** What {@linkcode serve} takes, without an address. */
  readonly serve?: ServeOptions<Untyped, State> & { readonly listen?: never };
  /** What {@linkcode connect} takes. */
  readonly connect?: ConnectOptions<Name, A>;
  /** What is to go wrong between them; `up` is from the client to the server. @default nothing */
  readonly faults?: NetworkFaults;
}

/** Both ends. Disposing of it closes the line, then ends the server with whatever still runs there. */
export interface Pair<A> extends AsyncDisposable {
  /** The client, with the types of the API. */
  readonly line: Line<A>;
  /** The server. `connect(server.addresses[0])` gives another line to it, in the same process. */
  readonly server: Server;
}

/** Serves an API whose handlers find in `context.state` what the option `connectionState` makes. */
export function pair<A, State>(
  api: A & Api<State>,
  options: PairOptions<MethodName<A>, State, A> & {
    readonly serve: { readonly connectionState: (peer: PeerInfo) => State };
  },
): Promise<Pair<A>>;
/** Serves an API whose type is an `interface`, and connects to it. */
export function pair<A extends ApiShape<A>>(
  api: A,
  options?: PairOptions<MethodName<A>, unknown, A>,
): Promise<Pair<A>>;
/**
 * Serves an API in this process and connects to it: no port, no file, no permission. Everything but
 * the socket is what it is over a network.
 *
 * @throws {TypeError} for an API that cannot be served, and for faults that do not exist
 *
 * @example A test of an API
 * ```ts
 * import { method } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = { upper: method(z.string(), (text) => text.toUpperCase()) };
 *
 * await using ends = await pair(api);
 * assert(await ends.line.call.upper("hello") === "HELLO");
 * ```
 *
 * @example A call whose answer is lost
 * ```ts
 * import { ConnectionLostError, method } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const api = { now: method(() => new Date()) };
 *
 * await using ends = await pair(api, { faults: { down: { drop: 10 } } });
 * const error = await ends.line.call.now().catch((error) => error);
 * assert(error instanceof ConnectionLostError && error.sent);
 * ```
 *
 * @example A slow network that cuts what it carries, always in the same places
 * ```ts
 * import { method } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = { echo: method(z.string(), (text) => text) };
 *
 * await using ends = await pair(api, { faults: { cut: [1, 16], delay: [0, 3], seed: 7 } });
 * assert(await ends.line.call.echo("slow but whole") === "slow but whole");
 * ```
 */
export function pair<A extends Api>(
  api: A,
  options?: PairOptions<MethodName<A>, unknown, A>,
): Promise<Pair<A>>;
export async function pair<A>(
  api: A,
  options: PairOptions<MethodName<A>, unknown, A> = {},
): Promise<Pair<A>> {
  const server = serve(api as Api, { ...options.serve, listen: "memory:" });
  let line: Line<A>;
  try {
    const query = queryOf(options.faults ?? {});
    line = await connect<A>(`${server.addresses[0]}?${query}`, options.connect);
  } catch (error) {
    await server.shutdown(0);
    throw error;
  }
  return {
    line,
    server,
    async [Symbol.asyncDispose]() {
      await line.close();
      await server.shutdown(0);
    },
  };
}
