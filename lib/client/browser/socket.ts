/**
 * The WebSocket of a browser: makes one.
 *
 * @module
 */

/** What the addresses of a page may begin with, and what they mean. */
const SCHEMES: Readonly<Record<string, string>> = {
  "ws:": "ws:",
  "wss:": "wss:",
  "http:": "ws:",
  "https:": "wss:",
};

/**
 * The address of a WebSocket: one of HTTP means the WebSocket at the same place, and a path one of the page's own
 * server.
 *
 * @throws {TypeError} for any other
 */
export function webSocketAddress(address: string): string {
  // A module of its own has no place in a worker that was made of a text.
  const base = globalThis.location?.href;
  if (!URL.canParse(address, base)) {
    throw new TypeError(`Cannot connect: ${JSON.stringify(address)} is no URL`);
  }
  const url = new URL(address, base), scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    throw new TypeError(
      `Cannot connect: a browser connects to ws: and wss: addresses, not to ${url.protocol}`,
    );
  }
  if (scheme === url.protocol) return address;
  url.protocol = scheme;
  return url.href;
}

/**
 * Connects.
 *
 * @throws {TypeError} if the browser forbids it
 */
export function dialWebSocket(address: string, signal: AbortSignal): Promise<WebSocket> {
  signal.throwIfAborted();
  let socket: WebSocket;
  try {
    socket = new WebSocket(address);
  } catch (cause) {
    // Such as ws: from a page that came by https:.
    throw new TypeError(`Cannot connect to ${address}: ${(cause as Error).message}`, { cause });
  }
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      settle();
      socket.close();
      reject(signal.reason);
    };
    const settle = () => {
      signal.removeEventListener("abort", giveUp);
      socket.onopen = socket.onclose = null;
    };
    signal.addEventListener("abort", giveUp);
    socket.onopen = () => {
      settle();
      resolve(socket);
    };
    socket.onclose = () => {
      settle();
      const why = "nobody answers there, or the server takes no calls of this page's origin";
      reject(new Error(`Cannot connect to ${address}: ${why}`));
    };
  });
}
