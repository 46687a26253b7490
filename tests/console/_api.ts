// The servers that the console is tried with: one that has everything the page can show, one that asks who
// calls, and one that is hostile.

import * as z from "npm:zod@4";
import {
  bearerTokens,
  event,
  method,
  notification,
  serve,
  type Server,
  stream,
} from "../../lib/mod.ts";

/** What has happened at a server, for pages that ask. */
interface Counts {
  yielded: number;
  noted: string[];
  cancelled: number;
}

/**
 * A server to look at.
 *
 * @param token of the only caller; without it everyone may call
 * @param maxConnectionAge milliseconds after which it has each connection make place for another
 */
async function serveEverything(token?: string, maxConnectionAge?: number): Promise<Server> {
  const counts: Counts = { yielded: 0, noted: [], cancelled: 0 };
  const server: Server = serve(everything(counts, () => server), {
    listen: "tcp://127.0.0.1:0",
    name: "everything",
    version: "1.2.3",
    http: { console: true },
    onError: () => {},
    ...(maxConnectionAge !== undefined && { limits: { maxConnectionAge } }),
    ...(token !== undefined && { authenticate: bearerTokens({ [token]: "alice" }) }),
  });
  await server.ready;
  return server;
}

/** All servers that the console is tried with, and where each has it. */
export async function serveWorld() {
  await using started = new AsyncDisposableStack();
  const everything = started.use(await serveEverything());
  const locked = started.use(await serveEverything("s3cret"));
  const leaving = started.use(await serveEverything());
  const aging = started.use(await serveEverything(undefined, 3000));
  const hostile = started.use(serveHostile(everything));
  const urls = {
    everything: urlOf(everything),
    locked: urlOf(locked),
    hostile: `http://127.0.0.1:${hostile.addr.port}`,
    leaving: urlOf(leaving),
    aging: urlOf(aging),
  };
  const all = started.move();
  return { urls, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function urlOf({ addresses }: Server): string {
  return addresses[0]!.replace("tcp:", "http:");
}

function everything(counts: Counts, server: () => Server) {
  return {
    upper: method(z.string(), (text) => text.toUpperCase(), {
      summary: "A text in upper case",
      result: z.string(),
    }),
    math: {
      add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b, {
        summary: "a + b",
        result: z.number(),
      }),
      sum: method(z.array(z.number()), (all) => all.reduce((sum, n) => sum + n, 0)),
    },
    orders: {
      place: method(
        z.object({
          customer: z.string().min(1).describe("Who orders"),
          kind: z.enum(["parcel", "letter", "pallet"]),
          express: z.boolean().optional(),
          lines: z.array(z.object({ article: z.string(), count: z.int().min(1).max(99) })).min(1),
          pickup: z.union([
            z.object({ at: z.string() }),
            z.object({ door: z.int() }),
          ]).optional(),
          note: z.string().nullable().optional(),
        }),
        (order) => ({ number: 4711, ...order }),
        {
          summary: "Places an order",
          description: "Every line is checked. An order that is placed twice is placed twice.",
        },
      ),
      old: method(z.string(), (text) => text, { deprecated: true, summary: "The way before" }),
    },
    ticks: stream(z.object({ count: z.int() }), async function* ({ count }) {
      for (let n = 1; n <= count; n++) {
        counts.yielded = n;
        yield { n, square: n * n };
        if (n % 16 === 0) await null;
      }
      return "that was all";
    }, { summary: "Counts up, item by item" }),
    log: stream(async function* (_, { after, signal }) {
      for (let n = Number(after ?? 0) + 1; n <= 1000; n++) {
        yield event(`e${n}`.slice(1), `line ${n}`);
        if (n % 3 === 0) await paused(signal);
      }
    }, { summary: "Lines that can be gone on after" }),
    total: method(z.object({}), async (_, { items }) => {
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }, { items: z.number(), summary: "The sum of what it is sent" }),
    ask: method(z.object({ question: z.string() }), async ({ question }, { call }) => ({
      answered: await call.confirm!({ question }),
    }), { summary: "Asks the caller" }),
    work: method(z.object({ steps: z.int() }), async ({ steps }, { progress, signal }) => {
      for (let done = 1; done <= steps; done++) progress({ done, total: steps });
      await paused(signal);
      counts.cancelled++;
      return "never";
    }, { summary: "Tells how far it is, and waits" }),
    note: notification(z.string(), (text) => void counts.noted.push(text)),
    counts: method(() => counts),
    drop: method((_, { peer }) => {
      queueMicrotask(() => void server().peers.get(peer.id)?.close());
    }, { summary: "Ends the connection" }),
    leave: method(() => void server().shutdown(2000), { summary: "Ends the server in order" }),
    where: method((_, { meta, trace }) => ({ timeoutMs: meta["timeoutMs"] ?? null, trace })),
    wide: method(
      z.object({ count: z.int() }),
      ({ count }) =>
        Array.from({ length: count }, (_, n) => ({ n, name: `entry ${n}`, tags: ["a", "b"] })),
    ),
  };
}

/** Resolves when nobody waits any more. */
function paused(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

// ---- A hostile server ------------------------------------------------------------------------

/** Texts that would be more than texts where they are taken for HTML or code. */
export const HOSTILE = [
  `<img src=x onerror="window.hacked=1">`,
  `<script>window.hacked=1</script>`,
  `"><svg onload=window.hacked=1>`,
  `javascript:window.hacked=1`,
  "\u202egnp.exe\u2066 \u0000\u0007\u001b[31m \ud800",
  "__proto__",
  "constructor",
];

/** What throws where it is taken for a text. */
const TEXTLESS = { toString: 1, valueOf: 1 };

/**
 * A server whose page is the real one and whose answers are not: names, descriptions, values and errors that
 * try to run, ten thousand methods, ten megabytes at once, and items for which nobody has given credit.
 *
 * @param real serves the page
 */
function serveHostile(real: Server): Deno.HttpServer<Deno.NetAddr> {
  const origin = urlOf(real);
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      const { pathname } = new URL(request.url);
      const { status, headers, body } = await fetch(origin + pathname, {
        headers: { accept: request.headers.get("accept") ?? "" },
      });
      return new Response(body, {
        status,
        headers: {
          "content-type": headers.get("content-type") ?? "",
          "content-security-policy": headers.get("content-security-policy") ?? "",
        },
      });
    }
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "jsonrpc-2.0" });
    socket.onmessage = ({ data }) => answerHostile(socket, JSON.parse(data));
    return response;
  });
}

function answerHostile(
  socket: WebSocket,
  { id, method }: { readonly id?: number; readonly method: string },
): void {
  if (id === undefined) return;
  const answer = (rest: object) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...rest }));
  switch (method) {
    case "rpc.serverInfo":
      return answer({
        result: {
          name: HOSTILE[0],
          version: TEXTLESS,
          extensions: [...HOSTILE, TEXTLESS],
          limits: { [HOSTILE[1]!]: HOSTILE[2], odd: TEXTLESS },
        },
      });
    case "rpc.discover":
      return answer({ result: hostileApi() });
    case "rpc.health":
      return answer({ result: { status: TEXTLESS } });
    case "large":
      return answer({
        result: { text: "x".repeat(5_000_000), list: Array.from({ length: 500_000 }, (_, n) => n) },
      });
    case "flood":
      return flood(socket, id);
    case "drizzle":
      return drizzle(socket, id);
    case "questions":
      for (let n = 0; n < 1000; n++) {
        socket.send(
          JSON.stringify({ jsonrpc: "2.0", id: `q${n}`, method: HOSTILE[n % 7], params: HOSTILE }),
        );
      }
      return answer({ result: null });
    case "rubbish":
      for (
        const text of [
          "{",
          "null",
          "[]",
          "1",
          '"x"',
          '{"jsonrpc":"2.0"}',
          '{"method":5}',
          '{"id":{},"result":1}',
          '{"id":{"toString":1},"result":1}',
          '{"id":null,"result":"nobody\'s"}',
          '{"method":"$/progress","params":{"token":{"valueOf":1,"toString":1},"value":1}}',
          '{"method":"$/stream/item","params":7}',
          '{"method":"$/stream/item","params":{"id":null,"values":"x"}}',
        ]
      ) {
        socket.send(text);
      }
      return answer({
        result: Object.fromEntries(HOSTILE.map((text) => [text, { [text]: text }])),
      });
    default:
      return answer({
        error: {
          code: -32602,
          message: HOSTILE[0],
          data: {
            name: HOSTILE[1],
            issues: HOSTILE.map((text) => ({ path: [text], message: text })),
          },
        },
      });
  }
}

/** Items as fast as they can be sent, whatever the credit. */
function flood(socket: WebSocket, id: number): void {
  const values = Array.from({ length: 100 }, (_, n) => ({ n, text: HOSTILE[n % 7] }));
  const item = JSON.stringify({ jsonrpc: "2.0", method: "$/stream/item", params: { id, values } });
  let left = 3000; // three hundred thousand items
  const more = () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    for (let n = 0; n < 30 && left > 0; n++, left--) socket.send(item);
    if (left > 0) setTimeout(more, 30);
    else socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "that was all" }));
  };
  more();
}

/** A hundred thousand items in about a second, each in a message of its own, whatever the credit. */
function drizzle(socket: WebSocket, id: number): void {
  let n = 0;
  const more = () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    for (const end = n + 1000; n < end; n++) {
      const params = { id, value: n };
      socket.send(JSON.stringify({ jsonrpc: "2.0", method: "$/stream/item", params }));
    }
    if (n < 100_000) setTimeout(more, 5);
    else socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "that was all" }));
  };
  more();
}

function hostileApi() {
  const named = (name: string, more: object = {}) => ({
    name,
    summary: HOSTILE[0],
    description: HOSTILE[1],
    params: [{
      name: HOSTILE[2],
      schema: {
        type: "object",
        title: HOSTILE[0],
        description: HOSTILE[1],
        properties: { __proto__: { type: "string" }, [HOSTILE[3]!]: { enum: HOSTILE } },
      },
    }],
    ...more,
  });
  return {
    openrpc: "1.4.0",
    info: { title: HOSTILE[0], version: HOSTILE[1] },
    methods: [
      ...HOSTILE.map((name) => named(name)),
      ...["large", "questions", "rubbish"].map((name) => ({ name, params: [] })),
      ...["flood", "drizzle"].map((name) => ({ name, params: [], "x-stream": { down: {} } })),
      { name: "loop", params: [{ name: "a", schema: { $ref: "#/components/schemas/a" } }] },
      { name: "odd", params: 7, paramStructure: {}, summary: {}, deprecated: "x" },
      null,
      7,
      ...Array.from({ length: 10_000 }, (_, n) => named(`many.${n % 100}.of.${n}`)),
    ],
    components: { schemas: { a: { $ref: "#/components/schemas/a" } } },
  };
}
