/**
 * The client: what a script needs that calls. It loads nothing of what serves.
 *
 * @module
 */

// ---- Connecting ------------------------------------------------------------------------------
export { connect } from "./client/connect.ts";
export type { ConnectOptions, ContractConnectOptions, Line } from "./client/options.ts";
export type { LineState } from "./client/reconnect.ts";
export type { Balancing } from "./client/balancing.ts";
export type { RetryPolicy } from "./client/retry.ts";
export type { CloseInfo } from "./link/lifecycle.ts";
export type { FramingName } from "./framing/frame.ts";
export type { Limits } from "./limits.ts";
export type { TlsClientOptions } from "./transport/socket.ts";
export type { Duplex, PeerCertificate, Socket } from "./transport/socket.ts";

// ---- Calling ---------------------------------------------------------------------------------
export {
  type CallArguments,
  type CallOptions,
  type CallPromise,
  type DeclaredError,
  type ItemIterator,
  type ItemOptions,
  type NotifyStub,
  type Serialized,
  settle,
  type Settled,
  type StreamCall,
  type Stub,
  type Untyped,
  type UntypedCall,
  type UntypedCallPromise,
} from "./api/stub.ts";
export type {
  ClientInvocation,
  ClientMiddleware,
  ClientMiddlewareNext,
  MiddlewareOutcome,
} from "./api/middleware.ts";

// ---- What sees every call --------------------------------------------------------------------
export type { ObservedCall, Observer } from "./api/observe.ts";
export type { TelemetryOptions } from "./telemetry/opentelemetry.ts";

// ---- The API that is called, and the one that the client serves -----------------------------
export type { PeerInfo } from "./api/context.ts";
export type { Json } from "./api/json.ts";
export type {
  AnyMethod,
  Api,
  ApiShape,
  ErrorSchemas,
  Method,
  MethodName,
  MethodOptions,
  NoErrors,
  Notification,
  ProcedureKind,
  Returned,
  Stream,
} from "./api/api.ts";
export type {
  InferInput,
  InferOutput,
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from "./schema/standard_schema.ts";

// ---- Errors ----------------------------------------------------------------------------------
export {
  ConnectionLostError,
  ERROR_CODES,
  type ErrorCodes,
  type ErrorData,
  type ErrorName,
  type ErrorObject,
  type ParamsIssue,
  RpcError,
} from "./error.ts";
