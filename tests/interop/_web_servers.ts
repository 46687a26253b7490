// Servers that speak HTTP or WebSocket, with our client.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect, type ConnectOptions, type Line } from "../../lib/mod.ts";
import { until, within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { freePort } from "../support/local.ts";
import { Program } from "../support/program.ts";
import { compiled } from "./_go.ts";
import { binary, BUN, bun, program } from "./_npm.ts";
import { type Cell, type Cells, type Pair, webPairOf } from "./_pairs.ts";
import {
  asks,
  clientApi,
  failsWith,
  hundred,
  initialize,
  MCP,
  notify,
  USUAL as OF_METHODS,
} from "./_servers.ts";

/** Our client, and what the server told it by itself. */
interface Ends extends AsyncDisposable {
  readonly line: Line;
  readonly heard: Events<unknown>;
}

/** Starts a server, which `start` gives the address of, and connects. */
async function ends(
  start: (stack: AsyncDisposableStack) => Promise<string>,
  options: ConnectOptions = {},
): Promise<Ends> {
  await using stack = new AsyncDisposableStack();
  const address = await start(stack), heard = new Events<unknown>();
  const line = stack.use(await connect(address, { ...options, api: clientApi(heard) }));
  const all = stack.move();
  return { line, heard, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Starts a program that prints where it listens. */
async function printed(stack: AsyncDisposableStack, command: readonly string[], start = "") {
  const theirs = stack.use(Program.run(command));
  return (await theirs.lineWith(start)).slice(start.length);
}

const NO_LONG_TEXT = "its methods here take no long text";
const NO_STREAMS = "it has no streams";
const NO_CANCEL = "it does not know how to cancel a call";
const NO_PROGRESS = "it has no progress";
const NO_WAY_BACK = "HTTP has no way back";

/** What a server of the methods `upper`, `subtract`, `note` and `noted` shows, whatever its library. */
const USUAL: Cells<Ends> = {
  ...OF_METHODS,
  notification: async (ends) => {
    notify(ends, "note", { text: "noted" });
    await until(async () => {
      const noted = await ends.line.request("noted").catch(() => null);
      return (noted as { text?: string } | null)?.text === "noted";
    }, "the notification");
  },
  "600 KB": async ({ line }) =>
    assertEquals(await line.request("upper", ["é".repeat(300_000)]), "É".repeat(300_000)),
  stream: NO_STREAMS,
  "items up": NO_STREAMS,
  cancel: NO_CANCEL,
  progress: NO_PROGRESS,
  "calls back": NO_WAY_BACK,
};

/** A call is given up by hanging up. */
const hangsUp: Cell<Ends> = async ({ line }) => {
  const controller = new AbortController();
  const waiting = rejection(line.request("wait", undefined, { signal: controller.signal }));
  assertEquals(await within(line.request("begun"), "the call to begin"), true);
  controller.abort();
  await waiting;
  assertEquals(await within(line.request("aborted"), "the handler to be told"), true);
};

// ---- aria2 -------------------------------------------------------------------------------------

const TOKEN = "token:s3cret";

/** Starts aria2, which listens at a port that it must be told. */
async function aria2(stack: AsyncDisposableStack, scheme: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const port = freePort();
  const args = [`--rpc-listen-port=${port}`, "--rpc-secret=s3cret", `--dir=${folder}`];
  const command = ["aria2c", "--no-conf", "--enable-rpc", "--disable-ipv6", ...args];
  const theirs = stack.use(Program.run(command));
  while (!(await theirs.line()).includes("RPC: listening")) { /* it says more */ }
  return `${scheme}://127.0.0.1:${port}/jsonrpc`;
}

const ask = ({ line }: Ends, name: string, ...params: unknown[]) =>
  line.request(`aria2.${name}`, [TOKEN, ...params]);

const ARIA2: Cells<Ends> = {
  ...USUAL,
  call: async (ends) => {
    const { version } = await ask(ends, "getVersion") as { version: string };
    assertStringIncludes(version, "1.");
  },
  "by name": "its methods take arrays",
  error: async (ends) => {
    const { message } = await failsWith(1, ask(ends, "nope"));
    assertEquals(message, "No such method: aria2.nope");
  },
  notification: "it answers one with an error",
  "600 KB": NO_LONG_TEXT,
  batch: async ({ line }) => {
    const calls = line.batch((
      call,
    ) => [call.aria2!.getVersion!([TOKEN]), call.aria2!.nope!([TOKEN])]);
    const [version, nope] = await Promise.allSettled(calls);
    assertEquals([version?.status, nope?.status], ["fulfilled", "rejected"]);
  },
  "100 at once": (ends) =>
    hundred(async (n) => (await ask(ends, "tellWaiting", n, 1) as unknown[]).length, () => 0),
};

// ---- A node of Ethereum ------------------------------------------------------------------------

async function anvil(stack: AsyncDisposableStack, scheme: string): Promise<string> {
  const path = await binary("@foundry-rs/anvil-linux-amd64@1", "bin/anvil");
  return `${scheme}://${await printed(stack, [path, "--port", "0"], "Listening on ")}/`;
}

const ANVIL: Cells<Ends> = {
  ...USUAL,
  call: async ({ line }) => assertEquals(await line.request("eth_chainId"), "0x7a69"),
  "by name": "its methods take arrays",
  error: async ({ line }) => void await failsWith(-32601, line.request("eth_nope", [])),
  notification: "it does not run one",
  "600 KB": async ({ line }) => {
    const hash = await line.request("web3_sha3", [`0x${"e9".repeat(300_000)}`]) as string;
    assertEquals(hash.length, 66);
  },
  batch: async ({ line }) =>
    assertEquals(
      await Promise.all(line.batch((call) => [call.eth_chainId!(), call.net_version!()])),
      ["0x7a69", "31337"],
    ),
  "100 at once": ({ line }) => hundred(() => line.request("eth_chainId"), () => "0x7a69"),
};

// ---- The Model Context Protocol ----------------------------------------------------------------

async function mcp(): Promise<Ends> {
  const mcp = await ends(
    async (stack) => `http://${await printed(stack, program("mcp.js", "serve"))}/mcp`,
    { extensions: false },
  );
  await initialize(mcp);
  return mcp;
}

const python = ["/usr/bin/python3", `${import.meta.dirname}/programs/web.py`, "serve"];
const GO = [
  "go",
  "debian:golang-github-gorilla-websocket-dev",
  "debian:golang-nhooyr-websocket-dev",
];
const go = async (stack: AsyncDisposableStack) =>
  await printed(stack, [await compiled("web"), "serve"]);

export const WEB_SERVERS: readonly Pair[] = [
  webPairOf(
    {
      theirs: "aria2 1",
      over: "http",
      how:
        '`aria2c --enable-rpc --rpc-secret=…`; `connect("http://127.0.0.1:6800/jsonrpc")`, `line.request("aria2.getVersion", ["token:…"])`',
    },
    () => ends((stack) => aria2(stack, "http")),
    ARIA2,
    ["aria2c"],
  ),
  webPairOf(
    { theirs: "aria2 1", over: "ws", how: 'the same; `connect("ws://127.0.0.1:6800/jsonrpc")`' },
    () => ends((stack) => aria2(stack, "ws")),
    {
      ...ARIA2,
      "calls back": async (ends) => {
        await using files = Deno.serve(
          { hostname: "127.0.0.1", port: 0, onListen() {} },
          () => new Response("hello"),
        );
        const gid = await ask(ends, "addUri", [`http://127.0.0.1:${files.addr.port}/hello`]);
        assertEquals((await ends.heard.count(1))[0], [{ gid }]);
        await until(async () => {
          const { status } = await ask(ends, "tellStatus", gid) as { status: string };
          return status === "complete";
        }, "the download");
      },
    },
    ["aria2c"],
  ),
  webPairOf(
    { theirs: "anvil 1", over: "http", how: '`anvil`; `connect("http://127.0.0.1:8545")`' },
    () => ends((stack) => anvil(stack, "http")),
    ANVIL,
    ["npm:@foundry-rs/anvil-linux-amd64@1"],
  ),
  webPairOf(
    { theirs: "anvil 1", over: "ws", how: '`anvil`; `connect("ws://127.0.0.1:8545")`' },
    () => ends((stack) => anvil(stack, "ws")),
    {
      ...ANVIL,
      error: {
        run: async ({ line }) => void await failsWith(-32602, line.request("eth_nope", [])),
        but: "it says -32602 over WebSocket",
      },
      "calls back": async ({ line, heard }) => {
        const subscription = await line.request("eth_subscribe", ["newHeads"]);
        await line.request("evm_mine", []);
        const [told] = await heard.count(1) as [
          { subscription: string; result: { number: string } },
        ];
        assertEquals([told.subscription, told.result.number], [subscription, "0x1"]);
      },
    },
    ["npm:@foundry-rs/anvil-linux-amd64@1"],
  ),
  webPairOf(
    {
      theirs: "@modelcontextprotocol/sdk 1",
      over: "http",
      how:
        '`new StreamableHTTPServerTransport(…)`; `connect("http://127.0.0.1:3000/mcp", { extensions: false })`',
    },
    mcp,
    { ...USUAL, ...MCP, "600 KB": NO_LONG_TEXT },
    ["npm:@modelcontextprotocol/sdk@1"],
  ),
  webPairOf(
    { theirs: "jayson 5", over: "http", how: "`new jayson.Server(methods).http().listen(port)`" },
    () => ends(async (stack) => `http://${await printed(stack, program("jayson.js", "serve"))}/`),
    USUAL,
    ["npm:jayson@5"],
  ),
  webPairOf(
    { theirs: "jayson 5", over: "ws", how: "`new jayson.Server(methods).websocket({ port })`" },
    () =>
      ends(async (stack) => `ws://${await printed(stack, program("jayson.js", "serve"), "ws ")}/`),
    { ...USUAL, "calls back": "it only answers" },
    ["npm:jayson@5"],
  ),
  webPairOf(
    { theirs: "ws 8", over: "ws", how: "`new WebSocketServer({ port, perMessageDeflate: true })`" },
    () => ends(async (stack) => `ws://${await printed(stack, program("web_server.js"))}/`),
    { ...USUAL, "calls back": asks },
    ["npm:ws@8"],
  ),
  webPairOf(
    { theirs: "Python websockets 10", over: "ws", how: "`websockets.serve(talk, host, port)`" },
    () => ends(async (stack) => `ws://${await printed(stack, python)}/`),
    { ...USUAL, "calls back": asks },
    ["debian:python3-websockets"],
  ),
  webPairOf(
    { theirs: "Go net/http", over: "http", how: "`http.Serve(listener, handler)`" },
    () => ends(async (stack) => `http://${await go(stack)}/`),
    { ...USUAL, cancel: hangsUp },
    GO,
  ),
  webPairOf(
    {
      theirs: "Go gorilla/websocket 1",
      over: "ws",
      how: "`(&websocket.Upgrader{}).Upgrade(response, request, nil)`",
    },
    () => ends(async (stack) => `ws://${await go(stack)}/`),
    { ...USUAL, "calls back": asks },
    GO,
  ),
  webPairOf(
    { theirs: "Bun 1", over: "http", how: "`Bun.serve({ fetch })`" },
    () => ends(async (stack) => `http://${await printed(stack, await bun("bun_server.js"))}/`),
    USUAL,
    BUN,
  ),
  webPairOf(
    { theirs: "Bun 1", over: "ws", how: "`Bun.serve({ fetch, websocket })`" },
    () => ends(async (stack) => `ws://${await printed(stack, await bun("bun_server.js"))}/`),
    { ...USUAL, "calls back": asks },
    BUN,
  ),
];
