// A page in Chromium that calls the server from which it comes: `chromium.js fetch http://127.0.0.1:8080/`.

import process from "node:process";
import { launched } from "./_chromium.js";

const [name, url] = process.argv.slice(2);
const browser = await launched();
const page = await browser.newPage();
await page.exposeFunction("print", (line) => console.log(line));
await page.goto(new URL("/openrpc.json", url).href);

// The page gets the same text that Deno imports.
const client = await Deno.readTextFile(`${import.meta.dirname}/_web.js`);
await page.evaluate(`(async () => {
  ${client.replaceAll("export ", "")}
  const clients = {
    fetch: () => overHttp((body, headers, signal) =>
      fetch("/", { method: "POST", body, headers, signal })),
    WebSocket: () => overWebSocket((hear) => new Promise((resolve, reject) => {
      const socket = new WebSocket("/", "jsonrpc-2.0");
      socket.onopen = () => resolve((text) => socket.send(text));
      socket.onmessage = ({ data }) => hear(data);
      socket.onerror = reject;
    })),
  };
  const features = await clients[${JSON.stringify(name)}]();
  for (const [feature, run] of Object.entries(features)) {
    await print(JSON.stringify([feature, (await run()) ?? null]));
  }
})()`);
await browser.close();
process.exit();
