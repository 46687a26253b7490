// A server of HTTP and WebSocket in Bun, which prints where it listens.

/* global Bun */

import { answer, conversation } from "./_server.js";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, server) {
    if (server.upgrade(request, { data: {} })) return;
    const reply = await answer(await request.json());
    return reply === undefined ? new Response(null, { status: 202 }) : Response.json(reply);
  },
  websocket: {
    perMessageDeflate: true,
    open(socket) {
      socket.data.hear = conversation((text) => socket.send(text));
    },
    message: (socket, text) => socket.data.hear(text),
  },
});
console.log(`127.0.0.1:${server.port}`);
