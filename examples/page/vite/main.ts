/// <reference lib="dom" />
/**
 * The chat of the folder above as a project of Vite: `npx vite examples/page/vite`, while its server runs.
 *
 * @module
 */

import { connect, method, type StandardSchema } from "@landline/rpc/browser";
// Types alone: nothing of the server gets into the page.
import type { Api } from "../server.ts";

const server = new URLSearchParams(location.search).get("server") ?? "ws://127.0.0.1:8080/";
const form = document.querySelector("form")!, state = document.querySelector("output")!;

// A schema may be of any library, or written by hand.
const text: StandardSchema<string> = {
  "~standard": {
    version: 1,
    vendor: "page",
    validate: (value) =>
      typeof value === "string" ? { value } : { issues: [{ message: "expected a text" }] },
  },
};

const line = await connect<Api>(server, {
  api: { confirm: method(text, (question) => globalThis.confirm(question)) },
  onState: ({ state: now }) => state.textContent = now,
});

form.onsubmit = async (event) => {
  event.preventDefault();
  await line.call.say(String(new FormData(form).get("text")), { timeout: 60_000 });
  form.reset();
};

for await (const message of line.call.hear()) {
  const item = document.createElement("li");
  item.textContent = message;
  document.querySelector("ul")!.append(item);
}
