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

export { type Authenticate, bearerTokens, type Credentials, timingSafeEqual } from "./api/auth.ts";
export { connect, type ConnectOptions, type Line } from "./client/connect.ts";
export type { CloseInfo } from "./connection/connection.ts";
export type { LineState } from "./client/endpoint.ts";
export type { Policy } from "./client/channel.ts";
export type { RetryPolicy } from "./client/retry.ts";
export { type ContextWith, define, type Definer } from "./api/with_context.ts";
export {
  ConnectionLost,
  ERROR_CODES,
  type ErrorCodes,
  type ErrorData,
  type ErrorName,
  type ErrorObject,
  type ParamsIssue,
  RpcError,
} from "./error.ts";
export { event, StreamEvent } from "./stream/event.ts";
export { EventRing, type EventRingOptions } from "./stream/event_ring.ts";
export type { Fault, Frame, FramingLimits, FramingName } from "./framing/frame.ts";
export { FrameStream, type FrameStreamOptions } from "./framing/frame_stream.ts";
export { Health, type HealthStatus } from "./builtin/health.ts";
export { DEFAULT_LIMITS, type LimitRow, LIMITS, type Limits } from "./limits.ts";
export {
  type Answer,
  type CallArguments,
  type CallOptions,
  type Client,
  type DeclaredError,
  type ItemOptions,
  type Notifier,
  type Notify,
  type Serialized,
  settle,
  type Settled,
  type StreamAnswer,
  type StreamIterator,
  type Untyped,
  type UntypedAnswer,
  type UntypedCall,
} from "./api/stub.ts";
export type { Context, HandlerContext, Peer, PeerInfo, TraceContext } from "./api/context.ts";
export { method, type MethodOptions, notification, stream, type Streamable } from "./api/method.ts";
export type {
  Api,
  ErrorSchemas,
  Kind,
  Method,
  NoErrors,
  Notification,
  Procedure,
  ProcedureOptions,
  Stream,
} from "./api/procedure.ts";
export {
  type ClientInvocation,
  type ClientMiddleware,
  type ClientNext,
  type Invocation,
  type Middleware,
  type Next,
  type Outcome,
  use,
} from "./api/middleware.ts";
export { type Mock, mock, type MockMethod } from "./testing/mock.ts";
export { type Pair, pair, type PairOptions } from "./testing/pair.ts";
export type {
  InferInput,
  InferOutput,
  JsonSchema,
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from "./schema/standard_schema.ts";
export type { Rate, RateOptions } from "./overload/rate_limit.ts";
export { serve, type ServeOptions, type Server } from "./server/serve.ts";
export type { FaultRange, Faults, OneWayFaults } from "./transport/memory/faults.ts";
export { type MemorySocket, socketPair } from "./transport/memory/mod.ts";
export type { TlsClientOptions, TlsServerOptions } from "./transport/mod.ts";
export type { Duplex, PeerCertificate, Socket } from "./transport/socket.ts";
export { serveWorkers, type WorkersOptions } from "./server/workers/mod.ts";
