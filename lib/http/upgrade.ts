/**
 * The handshake of a WebSocket: RFC 6455, section 4.2. Extensions are never agreed to.
 *
 * @module
 */

import { toBase64 } from "../runtime.ts";
import type { Refusal } from "./guard.ts";
import type { RequestHead } from "./head.ts";

/** The subprotocol that is spoken, for clients that ask for one. */
const SUBPROTOCOL = "jsonrpc-2.0";

/** What is hashed with the key of the client. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The answer that agrees, or why there is none. */
export async function handshake(
  { headers, isOld, length }: RequestHead,
): Promise<{ readonly answer: string } | Refusal> {
  if (isOld || length !== 0) {
    return { status: 400, reason: "a WebSocket begins with HTTP/1.1 and without a body" };
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return {
      status: 426,
      reason: "the only version of WebSockets is 13",
      headers: "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    };
  }
  const key = headers.get("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return { status: 400, reason: "sec-websocket-key must be 16 bytes in base64" };
  }
  const offered = headers.get("sec-websocket-protocol")?.split(",").map((it) => it.trim()) ?? [];
  const protocol = offered.includes(SUBPROTOCOL)
    ? `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n`
    : "";
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + MAGIC));
  return {
    answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${toBase64(new Uint8Array(digest))}\r\n${protocol}\r\n`,
  };
}
