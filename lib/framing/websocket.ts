/**
 * WebSocket after its handshake: a message or a batch in each message of RFC 6455, as text. Binary
 * messages are read too. There are no extensions, so every reserved bit is an error.
 *
 * A client masks what it sends and a server does not, so each end has a framing of its own.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import type { Framing } from "./frame.ts";
import { WebSocketDecoder } from "./websocket_decoder.ts";
import { WebSocketEncoder } from "./websocket_encoder.ts";
import { CLOSE, controlFrame, MAX_CONTROL, PING } from "./websocket_frame.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

/** Bytes of the reason that a close may carry: its code takes two. */
const MAX_REASON = MAX_CONTROL - 2;

function framing(isClient: boolean): Framing {
  const texts = new WebSocketEncoder(isClient);
  return {
    name: "websocket",
    decoder: (limits) => new WebSocketDecoder(limits, !isClient),
    encode: (messages, reserve) => texts.encode(messages, reserve),
    ...!isClient && { around: (message) => ({ before: texts.head(message), after: EMPTY }) },
    get peer() {
      return isClient ? websocket.server : websocket.client;
    },
    ping: () => controlFrame(PING, EMPTY, isClient),
    close(code, reason) {
      const payload = new Uint8Array(2 + MAX_REASON);
      payload[0] = code >> 8;
      payload[1] = code;
      const { written } = encoder.encodeInto(reason, payload.subarray(2)); // whole characters only
      return controlFrame(CLOSE, payload.subarray(0, 2 + written), isClient);
    },
  };
}

/** WebSocket as each end writes it; it reads what the other one writes. */
export const websocket: { readonly client: Framing; readonly server: Framing } = {
  client: /* @__PURE__ */ framing(true),
  server: /* @__PURE__ */ framing(false),
};
