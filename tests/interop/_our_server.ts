// Our server, as the clients of other projects find it here.

import * as z from "npm:zod@4";
import {
  type Api,
  method,
  type Peer,
  serve,
  type ServeOptions,
  type Server,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { Events } from "../support/events.ts";

const clientApi = {
  ask: method(z.string(), (question) => question),
  "roots/list": method(() => ({ roots: [{ uri: "" }] })),
};
const withPeer = withContext<{ peer: Peer<typeof clientApi> }>();

const anything = z.looseObject({}).optional();

/** Our server, and what its handlers saw. */
export interface OurServer {
  readonly server: Server;
  readonly port: number;
  readonly noted: Events<unknown>;
  readonly waiting: Waiting;
}

/** Serves what the clients of other projects call here, and what is asked for beyond it. */
export function ourServer(
  beyond: Api = {},
  listen = "tcp://127.0.0.1:0",
  options: ServeOptions = {},
): OurServer {
  const noted = new Events<unknown>();
  const begun = Promise.withResolvers<void>(), aborted = Promise.withResolvers<void>();
  const api: Api = {
    upper: method(z.string(), (text) => text.toUpperCase()),
    subtract: method(
      z.object({ minuend: z.number(), subtrahend: z.number() }),
      ({ minuend, subtrahend }) => minuend - subtrahend,
    ),
    note: method(z.object({ text: z.string() }), ({ text }) => noted.add(text)),
    work: method(anything, (_, { progress }) => {
      progress("half");
      return "done";
    }),
    wait: method(async (_, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.resolve();
    }),
    begun: method(() => begun.promise),
    count: stream(z.int(), function* (to) {
      for (let n = 0; n < to; n++) yield n;
    }),
    total: method(async (_, { items }) => {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    }, { items: z.number() }),
    ask: withPeer.method((_, { peer }) => peer.call.ask("Really?")),
    ...mcpApi(noted),
    ...beyond,
  };
  const server = serve(api, { listen, ...options });
  const port = Number(new URL(server.addresses[0]!.replace(/^t(?:cp|ls):/, "http:")).port);
  return { server, port, noted, waiting: { begun: begun.promise, aborted: aborted.promise } };
}

/** A call that waits to be cancelled. */
export interface Waiting {
  readonly begun: Promise<void>;
  readonly aborted: Promise<void>;
}

/** The methods of an MCP server, written by hand. */
function mcpApi(noted: Events<unknown>): Api {
  const textOf = (text: string) => ({ content: [{ type: "text", text }] });
  return {
    initialize: method(z.looseObject({ protocolVersion: z.string() }), ({ protocolVersion }) => ({
      protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: "landline", version: "0" },
    })),
    "notifications/initialized": method(anything, () => noted.add("initialized")),
    "tools/list": method(anything, () => ({
      tools: [{ name: "add", inputSchema: { type: "object" } }],
    })),
    "tools/call": withPeer.method(
      z.looseObject({ name: z.string(), arguments: z.record(z.string(), z.number()).optional() }),
      async ({ name, arguments: { a = 0, b = 0 } = {} }, { peer }) => {
        if (name === "add") return textOf(String(a + b));
        const { roots } = await peer.call["roots/list"]();
        return textOf(roots.map(({ uri }) => uri).join());
      },
    ),
  };
}
