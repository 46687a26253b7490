// jayson over HTTP and WebSocket: `jayson.js http http://127.0.0.1:8080/` and `jayson.js ws …` are clients,
// `jayson.js serve` is a server that prints where it listens for each.

import { Buffer } from "node:buffer";
import process from "node:process";
import { hundred, npm, show } from "./_print.js";
import { long } from "./_web.js";

globalThis.Buffer ??= Buffer;
const { default: jayson } = await npm("jayson@5");
const [kind, url] = process.argv.slice(2);

if (kind === "serve") {
  const noted = [];
  const server = new jayson.Server({
    upper: ([text], done) => done(null, text.toUpperCase()),
    subtract: ({ minuend, subtrahend }, done) => done(null, minuend - subtrahend),
    note: (params, done) => done(null, noted.push(params)),
    noted: (_, done) => done(null, noted.pop()),
  });
  const http = server.http();
  http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
  const websocket = server.websocket({ host: "127.0.0.1", port: 0 });
  websocket.on("listening", () => console.log(`ws 127.0.0.1:${websocket.address().port}`));
} else {
  const client = kind === "http" ? jayson.Client.http(url) : jayson.Client.websocket({ url });
  if (kind === "ws") await new Promise((resolve) => client.ws.on("open", resolve));
  /** What comes of a request. */
  const sent = (...request) =>
    new Promise((resolve, reject) =>
      client.request(...request, (error, answer) => error ? reject(error) : resolve(answer))
    );
  const call = async (method, params) => (await sent(method, params, undefined)).result;
  await show({
    call: () => call("upper", ["hé😀"]),
    "by name": () => call("subtract", { minuend: 42, subtrahend: 23 }),
    error: async () => (await sent("nope", [], undefined)).error.code,
    notification: () => sent("note", { text: "noted" }, null),
    batch: async () => {
      const answers = await sent([
        client.request("upper", ["a"], undefined, false),
        client.request("nope", [], undefined, false),
      ]);
      return answers.map(({ result, error }) => result ?? error.code);
    },
    "100 at once": () => hundred(call),
    "600 KB": () => long((method, params) => sent(method, params, undefined)),
  });
  process.exit();
}
