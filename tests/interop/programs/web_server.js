// A server of WebSocket with the package ws, which prints where it listens.

import { npm } from "./_print.js";

const { WebSocketServer } = await npm("ws@8");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
const noted = [];

/** What comes of a message; undefined for a notification. */
async function outcome(ask, { method, params }) {
  if (method === "upper") return { result: params[0].toUpperCase() };
  if (method === "subtract") return { result: params.minuend - params.subtrahend };
  if (method === "note") return void noted.push(params);
  if (method === "noted") return { result: noted.pop() };
  if (method === "ask") return { result: await ask("ask", ["Really?"]) };
  return { error: { code: -32601, message: "Method not found" } };
}

server.on("connection", (socket) => {
  const asked = new Map();
  const ask = (method, params) =>
    new Promise((resolve) => {
      asked.set(asked.size, resolve);
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: asked.size - 1, method, params }));
    });
  const answer = async (message) => ({
    jsonrpc: "2.0",
    id: message.id,
    ...await outcome(ask, message),
  });
  socket.on("message", async (data) => {
    const message = JSON.parse(data);
    if (Array.isArray(message)) socket.send(JSON.stringify(await Promise.all(message.map(answer))));
    else if (message.method === undefined) asked.get(message.id)(message.result);
    else {
      const reply = await answer(message);
      if (message.id !== undefined) socket.send(JSON.stringify(reply));
    }
  });
});
server.on("listening", () => console.log(`127.0.0.1:${server.address().port}`));
