// npm's EventSource, with a fetch that posts: `eventsource.js http://127.0.0.1:8080/ '{"jsonrpc":…}'`. It
// connects again by itself. Prints the data of each event, and ends at the answer.

import process from "node:process";
import { npm } from "./_print.js";

const { EventSource } = await npm("eventsource@5");
const [url, body] = process.argv.slice(2);
const source = new EventSource(url, {
  fetch: (url, init) =>
    fetch(url, {
      ...init,
      method: "POST",
      headers: { ...init.headers, "content-type": "application/json" },
      body,
    }),
});
source.addEventListener("message", ({ data }) => {
  console.log(data);
  if ("result" in JSON.parse(data)) process.exit();
});
setInterval(() => {}, 60_000); // it does not keep the program alive while it waits to connect again
