/**
 * The client of a web page: the same typed calls over the browser's own WebSocket. It runs in every page and
 * worker without a bundler, as the one file that `deno task browser FOLDER` makes of it.
 *
 * @module
 */

// ---- Connecting and calling ------------------------------------------------------------------
export {
  type BrowserOptions,
  connect,
  type ContractBrowserOptions,
} from "./client/browser/connect.ts";
export { settle } from "./api/stub.ts";
export { ConnectionLostError, RpcError } from "./error.ts";
export type * from "./client.ts";

// ---- What the server may call ----------------------------------------------------------------
export { method, notification, stream, type Streamable } from "./api/method.ts";
export { event, type StreamEvent } from "./stream/event.ts";
export type { Context, HandlerContext, Peer, Peers, TraceContext } from "./api/context.ts";
export type { Invocation, Middleware, MiddlewareNext } from "./api/middleware.ts";
