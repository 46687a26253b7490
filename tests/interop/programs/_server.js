// What a server in JavaScript does with its messages, whatever carries them. It imports nothing, because it
// runs in Deno and in Bun.

const noted = [];

async function outcome({ method, params }, ask) {
  if (method === "upper") return { result: params[0].toUpperCase() };
  if (method === "subtract") return { result: params.minuend - params.subtrahend };
  if (method === "note") return void noted.push(params);
  if (method === "noted") return { result: noted.pop() };
  if (method === "ask") return { result: await ask("ask", ["Really?"]) };
  return { error: { code: -32601, message: "Method not found" } };
}

/** The answer to a message or to a batch; undefined for a notification. */
export async function answer(message, ask) {
  if (Array.isArray(message)) return Promise.all(message.map((one) => answer(one, ask)));
  const answered = { jsonrpc: "2.0", id: message.id, ...await outcome(message, ask) };
  return message.id === undefined ? undefined : answered;
}

/** Gives what hears the texts of a connection whose `send` takes texts. */
export function conversation(send) {
  const asked = [];
  const tell = (message) => send(JSON.stringify(message));
  const ask = (method, params) =>
    new Promise((resolve) => {
      const id = asked.push(resolve) - 1;
      tell({ jsonrpc: "2.0", id, method, params });
    });
  return async (text) => {
    const message = JSON.parse(text);
    if (!Array.isArray(message) && message.method === undefined) {
      return asked[message.id](message.result);
    }
    const reply = await answer(message, ask);
    if (reply !== undefined) tell(reply);
  };
}
