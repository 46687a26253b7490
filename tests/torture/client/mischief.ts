/**
 * What a hostile server does to a client that connects to it.
 *
 * @module
 */

import type { Answer } from "../../support/raw.ts";
import { empties } from "../press.ts";
import { HOSTILE } from "../search/values.ts";

/** A connection of a client, as mischief sees it. */
export interface Prey {
  /** Sends a line, made when it is its turn; resolves once it is taken. */
  send(text: string | (() => string)): Promise<void>;
  /** The same without the end of the line. */
  begin(text: string): Promise<void>;
  /** Whether the client is still there. */
  readonly isOpen: boolean;
}

/** One kind of mischief. */
export interface Mischief {
  readonly name: string;
  readonly does: string;
  /** Answers a request; without it the request gets a plain result. */
  readonly answer?: (request: Answer, prey: Prey) => Promise<void> | void;
  /** Sent again and again, as fast as it is taken, from the first request on. */
  readonly flood?: (index: number) => string;
}

/** As much as one message of a client's may hold: 1 MiB that is 21 when it has been parsed. */
const MANY = empties(349_000);
/** The same for an answer. */
const GIANT = empties(2_700_000);
const LARGE = "x".repeat(1_000_000);

const result = (id: unknown, value: string) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${value}}`;
const item = (id: unknown, value: string) =>
  `{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":${
    JSON.stringify(id)
  },"value":${value}}}`;

/** Whether a request asks for a stream. */
function isStream({ params }: Answer): boolean {
  const { _meta } = (params ?? {}) as { _meta?: { stream?: unknown } };
  return _meta?.stream !== undefined;
}

/** Repeats a line until it fills some 64 kB: one write for many. */
const block = (line: string) => Array(Math.ceil(65_536 / line.length)).fill(line).join("\n");

/** The case of the matrix that they are. */
export const CLIENT_ROW = "N01";

/** All of them. */
export const MISCHIEF: readonly Mischief[] = [
  {
    name: "client-stray-answers",
    does: "sends answers to no call as fast as they are taken",
    flood: (i) => block(result(1_000_000 + i, `"${"x".repeat(500)}"`)),
  },
  {
    name: "client-large-stray-answers",
    does: "sends answers of 1 MiB of {} to no call",
    flood: (i) => result(1_000_000 + i, MANY),
  },
  {
    name: "client-giant-answers",
    does: "answers every call with 8 MB of {}",
    answer: (request, prey) => prey.send(() => result(request.id, GIANT)),
  },
  {
    name: "client-endless-answer",
    does: "answers a call with a line that never ends",
    answer: async (request, prey) => {
      await prey.begin(`{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"result":"`);
      while (prey.isOpen) await prey.begin(LARGE);
    },
  },
  {
    name: "client-items-beyond-credit",
    does: "sends items of a stream as fast as they are taken, whatever the credit",
    answer: async (request, prey) => {
      if (!isStream(request)) return await prey.send(result(request.id, "1"));
      const items = block(item(request.id, '"an item"'));
      while (prey.isOpen) await prey.send(items);
    },
  },
  {
    name: "client-heavy-items",
    does: "sends items of 1 MiB of {}, as many as there is credit for: 64",
    answer: async (request, prey) => {
      if (!isStream(request)) return await prey.send(result(request.id, "1"));
      for (let i = 0; i < 64 && prey.isOpen; i++) await prey.send(item(request.id, MANY));
    },
  },
  {
    name: "client-notifications",
    does: "sends notifications as fast as they are taken",
    flood: () => block(`{"jsonrpc":"2.0","method":"note","params":["${"x".repeat(200)}"]}`),
  },
  {
    name: "client-requests",
    does: "calls a client that serves nothing, as fast as it can",
    flood: (i) => block(`{"jsonrpc":"2.0","id":${i},"method":"add","params":[1,2]}`),
  },
  {
    name: "client-large-requests",
    does: "calls a client that serves nothing with 1 MiB of {}",
    flood: (i) => `{"jsonrpc":"2.0","id":${i},"method":"rpc.ping","params":${MANY}}`,
  },
  {
    name: "client-goaways",
    does: "says on every connection that it goes away in a million years, and keeps the calls",
    answer: (_, prey) =>
      prey.send('{"jsonrpc":"2.0","method":"$/goaway","params":{"reason":"age","graceMs":3e13}}'),
  },
  {
    name: "client-goaway-flood",
    does: "says again and again that it goes away",
    flood: () =>
      block('{"jsonrpc":"2.0","method":"$/goaway","params":{"reason":"shutdown","graceMs":1e999}}'),
  },
  {
    name: "client-progress",
    does: "tells progress of every call as fast as it is taken",
    answer: async (request, prey) => {
      const { _meta } = (request.params ?? {}) as { _meta?: { progressToken?: unknown } };
      const token = JSON.stringify(_meta?.progressToken ?? request.id);
      const progress = block(
        `{"jsonrpc":"2.0","method":"$/progress","params":{"token":${token},"value":${
          empties(100)
        }}}`,
      );
      while (prey.isOpen) await prey.send(progress);
    },
  },
  {
    name: "client-batches",
    does: "sends batches of 100 answers, calls and notifications as fast as they are taken",
    flood: (i) =>
      `[${
        Array.from({ length: 100 }, (_, at) =>
          [
            result(i * 100 + at, "1"),
            `{"jsonrpc":"2.0","id":${at},"method":"rpc.ping","params":[]}`,
            '{"jsonrpc":"2.0","method":"note"}',
          ][at % 3]).join()
      }]`,
  },
  {
    name: "client-credit",
    does: "gives all the credit in the world for items up, again and again, and reads none of them",
    answer: async (request, prey) => {
      const id = JSON.stringify(request.id), n = Number.MAX_SAFE_INTEGER;
      const params = `{"id":${id},"n":${n},"dir":"up"}`;
      await prey.send(block(`{"jsonrpc":"2.0","method":"$/stream/credit","params":${params}}`));
    },
  },
  {
    name: "client-hostile-answers",
    does: "answers with values that break programs which trust them",
    answer: (request, prey) => {
      const value = HOSTILE[Number(request.id) % HOSTILE.length]!;
      const id = JSON.stringify(request.id);
      const outcomes = [
        `"result":${value}`,
        `"error":${value}`,
        `"error":{"code":${value},"message":${value},"data":${value}}`,
        `"error":{"code":-32000,"message":"x","data":{"name":${value},"issues":${value}}}`,
      ];
      return prey.send(
        `{"jsonrpc":"2.0","id":${id},${outcomes[Number(request.id) % outcomes.length]}}`,
      );
    },
  },
  {
    name: "client-garbage",
    does: "answers every call with what is no JSON, no message, or nested too deeply",
    answer: async (request, prey) => {
      const kinds = ["{", "[]", "1", "\u0000", "[".repeat(500_000), '{"jsonrpc":"2.0","id":null}'];
      await prey.send(kinds[Number(request.id) % kinds.length]!);
    },
  },
];

/** What a server says of itself that can do everything. */
export const SERVER_INFO = JSON.stringify({
  name: "hostile",
  version: "1",
  framing: "json",
  extensions: ["meta", "stream", "resume", "progress", "discover", "health", "goaway", "bytes"],
  limits: { maxMessageBytes: 1 << 20, maxResponseBytes: 8 << 20 },
});
