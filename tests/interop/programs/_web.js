// What a client says over HTTP or over a WebSocket, one feature after another, and what it makes of the answers.
// It imports nothing, because it runs in Deno, in Node and in a page.

const call = (id, method, params) => ({ jsonrpc: "2.0", id, method, params });

/** What the two calls of a batch came to. */
const both = (answers) => answers.map(({ result, error }) => result ?? error.code);

/** How long a long text came back, if it came back as it should. */
export const long = async (call) => {
  const { result } = await call("upper", ["é".repeat(300_000)]);
  return result === "É".repeat(300_000) ? result.length : String(result).slice(0, 100);
};

/** The items in a message before the answer. */
const itemsOf = ({ method, params }) =>
  method === "$/stream/item" ? params.values ?? [params.value] : [];

/**
 * The features over HTTP.
 *
 * @param post sends a body with headers, and resolves to { status, body }, where a body is its chunks
 */
export function overHttp(post) {
  const send = (message, headers, signal) =>
    post(JSON.stringify(message), { "content-type": "application/json", ...headers }, signal);
  const ask = async (message) => {
    const { status, body } = await send(message);
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
    return { status, answer: text === "" ? null : JSON.parse(text) };
  };
  const request = async (method, params) => (await ask(call(1, method, params))).answer;
  /** The messages of an answer that comes as events. */
  async function* messages(message) {
    const { body } = await send(message, { accept: "text/event-stream" });
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const events = (text + decoder.decode(chunk, { stream: true })).split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").find((line) => line.startsWith("data: "));
        if (data !== undefined) yield JSON.parse(data.slice("data: ".length));
      }
    }
  }
  return {
    call: async () => (await request("upper", ["hé😀"])).result,
    "by name": async () => (await request("subtract", { minuend: 42, subtrahend: 23 })).result,
    error: async () => (await request("nope", [])).error.code,
    notification: async () => {
      const { status, answer } = await ask(call(undefined, "note", { text: "noted" }));
      return status === 202 ? answer : status;
    },
    batch: async () => both((await ask([call(1, "upper", ["a"]), call(2, "nope", [])])).answer),
    "100 at once": () =>
      Promise.all(
        Array.from({ length: 100 }, async (_, n) => (await request("upper", [`n${n}`])).result),
      ),
    "600 KB": () => long(request),
    stream: async () => {
      const items = [];
      for await (const message of messages(call(1, "count", [3]))) {
        items.push(...itemsOf(message));
        if ("result" in message) items.push(message.result);
      }
      return items;
    },
    cancel: async () => {
      const controller = new AbortController();
      const waiting = send(call(1, "wait"), {}, controller.signal)
        .then(({ body }) => Array.fromAsync(body));
      const givenUp = waiting.then(() => "answered", () => "hung up");
      await request("begun");
      controller.abort();
      return await givenUp;
    },
    progress: async () => {
      const told = [];
      const asked = call(1, "work", { _meta: { progressToken: "t" } });
      for await (const { method, params } of messages(asked)) {
        if (method === "$/progress") told.push(params.value);
      }
      return told;
    },
  };
}

/**
 * The features over a WebSocket.
 *
 * @param open connects, and resolves to what sends a text; it is given what hears the texts that come
 */
export async function overWebSocket(open) {
  const answers = new Map(), listeners = new Map();
  let ids = 0;
  const send = await open((text) => {
    const message = JSON.parse(text), { id, method, params } = message;
    if (method === undefined) {
      const key = Array.isArray(message) ? message[0].id : id;
      answers.get(key)?.(message);
    } else if (id === undefined) listeners.get(params?.id ?? params?.token)?.(message);
    else if (method === "ask") tell({ jsonrpc: "2.0", id, result: `${params[0]} Yes.` });
    else tell({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
  });
  const tell = (message) => send(JSON.stringify(message));
  const answerTo = (id, message) =>
    new Promise((resolve) => {
      answers.set(id, resolve);
      tell(message);
    });
  const request = (method, params, id = ++ids) => answerTo(id, call(id, method, params));
  return {
    call: async () => (await request("upper", ["hé😀"])).result,
    "by name": async () => (await request("subtract", { minuend: 42, subtrahend: 23 })).result,
    error: async () => (await request("nope", [])).error.code,
    notification: () => tell(call(undefined, "note", { text: "noted" })),
    batch: async () =>
      both(await answerTo(++ids, [call(ids, "upper", ["a"]), call(++ids, "nope", [])])),
    "100 at once": () =>
      Promise.all(
        Array.from({ length: 100 }, async (_, n) => (await request("upper", [`n${n}`])).result),
      ),
    "600 KB": () => long(request),
    stream: async () => {
      const items = [], id = ++ids;
      listeners.set(id, (message) => {
        items.push(...itemsOf(message));
        tell(call(undefined, "$/stream/credit", { id, n: 1 })); // one item at a time
      });
      const asked = { value: 3, _meta: { stream: { credit: 1 } } };
      const { result } = await request("count", asked, id);
      return [...items, result];
    },
    "items up": async () => {
      const id = ++ids;
      listeners.set(id, ({ params: { dir } }) => {
        listeners.delete(id); // its first credit is enough for all of them
        tell(call(undefined, "$/stream/item", { id, values: [1, 2], dir }));
        tell(call(undefined, "$/stream/item", { id, value: 4, dir }));
        tell(call(undefined, "$/stream/end", { id, dir }));
      });
      return (await request("total", [], id)).result;
    },
    cancel: async () => {
      const id = ++ids, waiting = request("wait", undefined, id);
      await request("begun");
      tell(call(undefined, "$/cancelRequest", { id }));
      return (await waiting).error.code;
    },
    progress: async () => {
      const told = [];
      listeners.set("t", ({ params }) => told.push(params.value));
      await request("work", { _meta: { progressToken: "t" } });
      return told;
    },
    "calls back": async () => (await request("ask")).result,
  };
}
