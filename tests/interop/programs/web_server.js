// A server of WebSocket with the package ws, which prints where it listens.

import { npm } from "./_print.js";
import { conversation } from "./_server.js";

const { WebSocketServer } = await npm("ws@8");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
server.on("connection", (socket) => {
  socket.on("message", conversation((text) => socket.send(text)));
});
server.on("listening", () => console.log(`127.0.0.1:${server.address().port}`));
