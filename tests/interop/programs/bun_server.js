// A server of HTTP and WebSocket in Bun, which prints where it listens.

/* global Bun */

const noted = [];

/** What comes of a message; undefined for a notification. */
async function answer({ id, method, params }, ask) {
  const outcome = await run();
  return id === undefined ? undefined : { jsonrpc: "2.0", id, ...outcome };

  async function run() {
    if (method === "upper") return { result: params[0].toUpperCase() };
    if (method === "subtract") return { result: params.minuend - params.subtrahend };
    if (method === "note") return void noted.push(params);
    if (method === "noted") return { result: noted.pop() };
    if (method === "ask") return { result: await ask("ask", ["Really?"]) };
    return { error: { code: -32601, message: "Method not found" } };
  }
}

const answers = (message, ask) =>
  Array.isArray(message)
    ? Promise.all(message.map((one) => answer(one, ask)))
    : answer(message, ask);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, server) {
    if (server.upgrade(request, { data: { asked: [] } })) return;
    const reply = await answers(await request.json());
    return reply === undefined ? new Response(null, { status: 202 }) : Response.json(reply);
  },
  websocket: {
    perMessageDeflate: true,
    async message(socket, text) {
      const message = JSON.parse(text), { asked } = socket.data;
      if (!Array.isArray(message) && message.method === undefined) {
        return asked[message.id](message.result);
      }
      const ask = (method, params) =>
        new Promise((resolve) => {
          const id = asked.push(resolve) - 1;
          socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
        });
      const reply = await answers(message, ask);
      if (reply !== undefined) socket.send(JSON.stringify(reply));
    },
  },
});
console.log(`127.0.0.1:${server.port}`);
