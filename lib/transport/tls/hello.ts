/**
 * What comes first on a port that speaks TLS, and what to answer where it is something else.
 *
 * @module
 */

import { RpcError } from "../../error.ts";
import { detect } from "../../framing/detect.ts";
import { encodeError, UNKNOWN } from "../../message/encode.ts";
import { errors } from "../../runtime.ts";

/** Bytes that a record of TLS begins with: its type, its version, its length. */
const HEADER = 5;

/** Bytes of a whole record at most; the first holds the peer's hello. */
export const MAX_HELLO: number = HEADER + (1 << 14) + 256;

/** Whether these bytes are a whole record of a handshake, or can never be one. */
export function isHello(bytes: Uint8Array): boolean {
  const { kind } = detect(bytes);
  if (kind !== "tls") return kind !== "undecided";
  if (bytes.length < HEADER) return false;
  const size = HEADER + (bytes[3]! << 8 | bytes[4]!);
  return bytes.length >= size || size > MAX_HELLO;
}

/** What to say where this is no TLS. */
export function withoutTls(
  bytes: Uint8Array,
): { error: Error; answer: string | Uint8Array } | undefined {
  const detected = detect(bytes);
  switch (detected.kind) {
    case "tls":
      return undefined;
    case "http":
      return {
        error: cannotAccept("HTTP without TLS arrived on a TLS port"),
        answer: HTTP_REFUSAL,
      };
    case "framing": {
      const error = new RpcError("INVALID_REQUEST", "This port speaks TLS only");
      return {
        error: cannotAccept("JSON-RPC without TLS arrived on a TLS port"),
        answer: encodeError(UNKNOWN, error) + "\n",
      };
    }
    default: {
      const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
      return {
        error: cannotAccept(`no TLS arrived on a TLS port, it begins with ${start.join(" ")}`),
        answer: HANDSHAKE_FAILURE,
      };
    }
  }
}

/** An alert of TLS (RFC 8446, section 6): fatal, handshake_failure. */
const HANDSHAKE_FAILURE: Uint8Array = /* @__PURE__ */ new Uint8Array([0x15, 3, 3, 0, 2, 2, 40]);

const HTTP_REFUSAL = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" +
  "Content-Type: text/plain\r\nContent-Length: 33\r\n\r\n" +
  "This port speaks TLS, not HTTP.\r\n";

/** Why somebody is not served, as the log has it. */
export function cannotAccept(why: string, cause?: unknown): Error {
  return new errors.InvalidData(`Cannot accept: ${why}`, { cause });
}
