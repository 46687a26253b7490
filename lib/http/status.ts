/**
 * The status for a call that was not begun at all. One that was begun has `200`, however it ended: clients of
 * JSON-RPC read the body of no other.
 *
 * @module
 */

import type { ErrorData, RpcError } from "../error.ts";

/** Limits behind which there is room again later. */
const LATER: ReadonlySet<string> = new Set(["rate", "maxPings", "maxProtocolErrors"]);

/** Limits that a message was too large for. */
const TOO_LARGE: ReadonlySet<string> = new Set(["maxMessageBytes", "maxBatch"]);

/** The status, and lines of the header that belong to it. @param otherwise for what has none of its own */
export function statusOf(
  error: RpcError,
  otherwise = 200,
): { readonly status: number; readonly headers: string } {
  const { limit = "" } = (error.data ?? {}) as ErrorData;
  switch (error.reason) {
    case "UNAUTHENTICATED":
    case "PERMISSION_DENIED":
      return { status: 401, headers: "WWW-Authenticate: Bearer\r\n" };
    case "UNAVAILABLE":
      return { status: 503, headers: retryAfter(error) };
    case "RESOURCE_EXHAUSTED":
      if (LATER.has(limit)) return { status: 429, headers: retryAfter(error) };
      if (TOO_LARGE.has(limit)) return { status: 413, headers: "" };
      if (limit === "messageTimeout") return { status: 408, headers: "" };
      return { status: otherwise, headers: "" };
    case "PARSE_ERROR":
    case "INVALID_REQUEST":
      return { status: 400, headers: "" };
    default:
      return { status: error.code === -32603 ? 500 : otherwise, headers: "" };
  }
}

/** In whole seconds (RFC 9110, section 10.2.3), and at least one. */
function retryAfter(error: RpcError): string {
  const { retryAfterMs = 0 } = (error.data ?? {}) as ErrorData;
  return `Retry-After: ${Math.max(1, Math.ceil(retryAfterMs / 1000))}\r\n`;
}
