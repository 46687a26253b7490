// Clients that speak HTTP or WebSocket, with our server.

import { assertEquals } from "@std/assert";
import { type ClientProgram, clientProgram, gaveUp, prints } from "./_client_program.ts";
import { WEB_BLOCKCHAIN_CLIENTS } from "./_blockchains.ts";
import { CURL } from "./_curl.ts";
import { compiled } from "./_go.ts";
import { BUN, bun, program } from "./_npm.ts";
import { type Pair, WEB_FEATURES } from "./_pairs.ts";
import { WSCAT } from "./_wscat.ts";

const NO_ITEMS = "HTTP has no way to ask for items";
const NO_WAY_BACK = "HTTP has no way back";

/** The row of a client of HTTP. */
function overHttp(
  { cells = {}, ...what }:
    & Omit<ClientProgram, "over" | "cells">
    & Partial<Pick<ClientProgram, "over" | "cells">>,
): Pair {
  return clientProgram({
    over: "http",
    features: WEB_FEATURES,
    ...what,
    cells: { "items up": NO_ITEMS, cancel: gaveUp("hung up"), "calls back": NO_WAY_BACK, ...cells },
  });
}

/** The row of a client of WebSocket. */
function overWebSocket(
  what: Omit<ClientProgram, "over" | "cells"> & Partial<Pick<ClientProgram, "cells">>,
): Pair {
  return clientProgram({ over: "ws", features: WEB_FEATURES, cells: {}, ...what });
}

const node = (
  name: string,
  url: string,
) => ["node", `${import.meta.dirname}/programs/web.js`, name, url];
const httpOf = (address: string) => `http://${address}/`;
const wsOf = (address: string) => `ws://${address}/`;
const hostAndPort = (address: string) => address.split(":");

const GO = [
  "go",
  "debian:golang-github-gorilla-websocket-dev",
  "debian:golang-nhooyr-websocket-dev",
];
const PYTHON = (kind: string, address: string) => [
  "/usr/bin/python3",
  `${import.meta.dirname}/programs/web.py`,
  kind,
  ...hostAndPort(address),
];
const CHROMIUM = ["chromium", "npm:playwright-core@1"];

const JAYSON = {
  stream: "it has no streams",
  "items up": "it has no streams",
  cancel: "it does not know how to cancel a call",
  progress: "it has no progress",
};

export const WEB_CLIENTS: readonly Pair[] = [
  ...CURL,
  WSCAT,
  overHttp({
    theirs: "Chromium, `fetch`",
    how:
      '`fetch("/", { method: "POST", headers: { "content-type": "application/json" }, body })`, in a page of the server\'s',
    start: (address) => program("chromium.js", "fetch", httpOf(address)),
    tools: CHROMIUM,
  }),
  overWebSocket({
    theirs: "Chromium, `WebSocket`",
    how: '`new WebSocket("/", "jsonrpc-2.0")`, in a page of the server\'s',
    start: (address) => program("chromium.js", "WebSocket", httpOf(address)),
    tools: CHROMIUM,
  }),
  overHttp({
    theirs: "Deno 2, `fetch`",
    how: '`fetch(url, { method: "POST", headers, body })`',
    start: (address) => program("web.js", "fetch", httpOf(address)),
  }),
  overWebSocket({
    theirs: "Deno 2, `WebSocket`",
    how: '`new WebSocket(url, "jsonrpc-2.0")`',
    start: (address) => program("web.js", "WebSocket", wsOf(address)),
  }),
  overHttp({
    theirs: "Node 20, `fetch`",
    how: '`fetch(url, { method: "POST", headers, body })`',
    start: (address) => node("fetch", httpOf(address)),
    tools: ["node"],
  }),
  overHttp({
    theirs: "Bun 1, `fetch`",
    how: '`fetch(url, { method: "POST", headers, body })`',
    start: (address) => bun("web.js", "fetch", httpOf(address)),
    tools: BUN,
  }),
  overWebSocket({
    theirs: "Bun 1, `WebSocket`",
    how: '`new WebSocket(url, "jsonrpc-2.0")`',
    start: (address) => bun("web.js", "WebSocket", wsOf(address)),
    tools: BUN,
  }),
  overHttp({
    theirs: "undici 7, `fetch`",
    how: '`fetch(url, { method: "POST", headers, body })`',
    start: (address) => program("web.js", "undici-fetch", httpOf(address)),
    tools: ["npm:undici@7"],
  }),
  overHttp({
    theirs: "undici 7, `request`",
    how: '`request(url, { method: "POST", headers, body })`',
    start: (address) => program("web.js", "undici-request", httpOf(address)),
    tools: ["npm:undici@7"],
  }),
  overWebSocket({
    theirs: "undici 7, `WebSocket`",
    how: '`new WebSocket(url, "jsonrpc-2.0")`',
    start: (address) => program("web.js", "undici-WebSocket", wsOf(address)),
    tools: ["npm:undici@7"],
  }),
  overWebSocket({
    theirs: "ws 8",
    how: "`new WebSocket(url)`",
    start: (address) => program("web.js", "ws", wsOf(address)),
    tools: ["npm:ws@8"],
  }),
  overHttp({
    theirs: "Python 3, http.client",
    how: '`HTTPConnection(host, port).request("POST", "/", body, headers)`',
    start: (address) => PYTHON("http", address),
    tools: ["python3"],
    cells: {
      "100 at once": "it makes one call after another",
    },
  }),
  overWebSocket({
    theirs: "Python websockets 10",
    how: "`websockets.connect(url)`",
    start: (address) => PYTHON("websockets", address),
    tools: ["debian:python3-websockets"],
  }),
  overHttp({
    theirs: "Go net/http",
    how: "`http.DefaultClient.Do(request)`",
    start: async (address) => [await compiled("web"), "http", address],
    tools: GO,
  }),
  overWebSocket({
    theirs: "Go gorilla/websocket 1",
    how: "`websocket.DefaultDialer.Dial(url, nil)`",
    start: async (address) => [await compiled("web"), "gorilla", address],
    tools: GO,
  }),
  overWebSocket({
    theirs: "Go nhooyr.io/websocket 1",
    how: "`websocket.Dial(ctx, url, nil)`",
    start: async (address) => [await compiled("web"), "nhooyr", address],
    tools: GO,
  }),
  overHttp({
    theirs: "jayson 5",
    how: "`jayson.Client.http(url)`",
    start: (address) => program("jayson.js", "http", httpOf(address)),
    tools: ["npm:jayson@5"],
    cells: JAYSON,
  }),
  overWebSocket({
    theirs: "jayson 5",
    how: "`jayson.Client.websocket({ url })`",
    start: (address) => program("jayson.js", "ws", wsOf(address)),
    tools: ["npm:jayson@5"],
    cells: { ...JAYSON, "calls back": "it only asks" },
  }),
  overHttp({
    theirs: "@modelcontextprotocol/sdk 1",
    how: "`new Client(…).connect(new StreamableHTTPClientTransport(url))`",
    start: (address) => program("mcp.js", httpOf(address)),
    tools: ["npm:@modelcontextprotocol/sdk@1"],
    cells: {
      call: "its methods take objects",
      "by name": prints(["add", "3"]),
      notification: async (ends, feature) => {
        await prints([])(ends, feature); // it has heard of no error
        assertEquals(await ends.noted.count(1), ["initialized"]);
      },
      batch: "it has no batches",
      "100 at once": prints(Array.from({ length: 100 }, (_, n) => `${n}`)),
      "600 KB": "its methods here take no long text",
      stream: "it has no streams",
      "items up": "it has no streams",
      cancel: "it cancels with a notification of its own",
      progress: "it tells progress with a notification of its own",
    },
  }),
  ...WEB_BLOCKCHAIN_CLIENTS,
];
