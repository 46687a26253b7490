// What pages in Chromium may do with a server, and what they may not:
// `browser.js SERVER ALLOWED FOREIGN`, with the port of the server and the origins of two pages. Prints what
// each page got.

import process from "node:process";
import { launched } from "./_chromium.js";

const [port, allowed, foreign] = process.argv.slice(2);
const server = `http://127.0.0.1:${port}/`, socket = `ws://127.0.0.1:${port}/`;
const browser = await launched();

/** What a page may try, by the name of its call; each gives what came of it. */
const attempts = {
  /** A call as it should be: a page of another origin is asked for first. */
  fetch: async (url) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"run","params":["fetch"]}';
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body }).catch(() => undefined);
    return answer === undefined
      ? "blocked"
      : answer.ok
      ? (await answer.json()).result
      : answer.status;
  },
  /** Events, as they come. */
  events: async (url) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"count","params":[2]}';
    const headers = { "content-type": "application/json", accept: "text/event-stream" };
    const answer = await fetch(url, { method: "POST", headers, body }).catch(() => undefined);
    return answer === undefined ? "blocked" : (await answer.text()).match(/^data: /gm).length;
  },
  /** What a browser sends without asking: the page cannot read the answer. */
  plain: async (url) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"run","params":["plain"]}';
    const headers = { "content-type": "text/plain" };
    const answer = await fetch(url, { method: "POST", mode: "no-cors", headers, body });
    return answer.type;
  },
  beacon: (url) =>
    navigator.sendBeacon(url, '{"jsonrpc":"2.0","id":1,"method":"run","params":["beacon"]}'),
  image: (url) =>
    new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve("loaded");
      image.onerror = () => resolve("blocked");
      image.src = `${url}?method=run`;
    }),
  script: (url) =>
    new Promise((resolve) => {
      const script = document.createElement("script");
      script.onload = () => resolve("loaded");
      script.onerror = () => resolve("blocked");
      script.src = `${url}openrpc.json`;
      document.head.append(script);
    }),
  WebSocket: (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () =>
        socket.send('{"jsonrpc":"2.0","id":1,"method":"run","params":["WebSocket"]}');
      socket.onmessage = ({ data }) => resolve(JSON.parse(data).result);
      socket.onerror = () => resolve("blocked");
    }),
  EventSource: (url) =>
    new Promise((resolve) => {
      const source = new EventSource(url);
      source.onopen = () => resolve("open");
      source.onerror = () => resolve(source.readyState === EventSource.CLOSED ? "closed" : "again");
    }),
};

/** What a page at this address gets. */
async function page(name, address, tries) {
  const page = await browser.newPage();
  const { status } = await page.goto(address).then((answer) => ({ status: answer.status() }));
  const got = { status };
  for (const [what, url] of tries) got[what] = await page.evaluate(attempts[what], url);
  console.log(JSON.stringify([name, got]));
  return page;
}

const all = [
  ["fetch", server],
  ["events", server],
  ["WebSocket", socket],
  ["plain", server],
  ["beacon", server],
  ["image", server],
  ["script", server],
];
await page("own", `${server}openrpc.json`, [["fetch", "/"], ["WebSocket", "/"], [
  "EventSource",
  "/",
]]);
await page("allowed", allowed, all);
await page("foreign", foreign, all);
await page("other site", foreign.replace("127.0.0.1", "other.test"), all);

// A form needs no script, and sends a body that is JSON but for its type.
const form = await browser.newPage();
await form.goto(foreign);
await form.setContent(`<form method="post" enctype="text/plain" action="${server}">
  <input name='{"jsonrpc":"2.0","id":1,"method":"run","params":["form"],"x":"' value='"}'>
</form>`);
const [answer] = await Promise.all([
  form.waitForNavigation(),
  form.evaluate(() => document.forms[0].submit()),
]);
console.log(JSON.stringify(["form", { status: answer.status() }]));

// A name of the attacker's that points here now: the page is of the same origin as what it calls.
await page("rebound", `http://evil.test:${port}/`, [["fetch", "/"], ["WebSocket", "/"], [
  "plain",
  "/",
]]);

await browser.close();
process.exit();
