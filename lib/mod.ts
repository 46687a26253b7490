/**
 * Typed RPC over raw sockets: JSON-RPC 2.0 for servers, their typed clients, and everyone else who
 * can write a line of JSON into a socket.
 *
 * @example A server and a client
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = {
 *   upper: method(z.string(), (text) => text.toUpperCase()),
 *   math: {
 *     add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
 *   },
 * };
 *
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect<typeof api>(server.addresses[0]!);
 * assert(await line.call.upper("hello") === "HELLO");
 * assert(await line.call.math.add({ a: 1, b: 2 }) === 3);
 * ```
 *
 * @module
 */

// ---- Calling, and errors ---------------------------------------------------------------------
export * from "./client.ts";

// ---- Serving ---------------------------------------------------------------------------------
export { serve, type ServeOptions, type Server } from "./server/serve.ts";
export { serveWorkers } from "./server/workers/mod.ts";
export type { WorkersOptions } from "./server/workers/options.ts";
export { type Authenticate, bearerTokens, type Credentials } from "./api/auth.ts";
export type { Health, HealthStatus } from "./builtin/health.ts";
export type { HttpOptions } from "./http/options.ts";
export type { RateLimit, RateLimits } from "./overload/rate_limit.ts";
export type { TlsServerOptions } from "./transport/socket.ts";
export { DEFAULT_LIMITS } from "./limits.ts";

// ---- Defining an API -------------------------------------------------------------------------
export { method, notification, stream, type Streamable } from "./api/method.ts";
export type {
  Context,
  ContextWith,
  HandlerContext,
  Peer,
  Peers,
  TraceContext,
} from "./api/context.ts";
export { type ContextBuilder, withContext } from "./api/with_context.ts";
export {
  type Invocation,
  type Middleware,
  type MiddlewareNext,
  withMiddleware,
} from "./api/middleware.ts";

// ---- Streams of events -----------------------------------------------------------------------
export { event, StreamEvent } from "./stream/event.ts";
export { EventRing, type EventRingOptions } from "./stream/event_ring.ts";
