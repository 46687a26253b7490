// Clients of HTTP and WebSocket in JavaScript: `web.js undici http://127.0.0.1:8080/`. Node runs what is its own.

import process from "node:process";
import { npm, show } from "./_print.js";
import { overHttp, overWebSocket } from "./_web.js";

const post = (fetch, url, more) => async (body, headers, signal) => {
  const { status, body: chunks } = await fetch(url, {
    method: "POST",
    body,
    headers,
    signal,
    ...more,
  });
  return { status, body: chunks ?? [] };
};

/** Opens one of a browser's kind. */
const opened = (WebSocket, url) => (hear) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, "jsonrpc-2.0");
    socket.addEventListener("open", () => resolve((text) => socket.send(text)));
    socket.addEventListener("message", ({ data }) => hear(data));
    socket.addEventListener("error", reject);
  });

const clients = {
  fetch: (url) => overHttp(post(fetch, url)),
  WebSocket: (url) => overWebSocket(opened(WebSocket, url)),
  async "undici-fetch"(url) {
    const { fetch } = await npm("undici@7");
    return overHttp(post(fetch, url));
  },
  async "undici-request"(url) {
    const { request } = await npm("undici@7");
    return overHttp(async (body, headers, signal) => {
      const { statusCode, body: chunks } = await request(url, {
        method: "POST",
        body,
        headers,
        signal,
      });
      return { status: statusCode, body: chunks };
    });
  },
  async "undici-WebSocket"(url) {
    const { WebSocket } = await npm("undici@7");
    return overWebSocket(opened(WebSocket, url));
  },
  async ws(url) {
    const { WebSocket } = await npm("ws@8");
    return overWebSocket((hear) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url); // it offers permessage-deflate
        socket.on("open", () => resolve((text) => socket.send(text)));
        socket.on("message", (data) => hear(data.toString()));
        socket.on("error", reject);
      })
    );
  },
};

const [name, url] = process.argv.slice(2);
await show(await clients[name](url));
process.exit();
