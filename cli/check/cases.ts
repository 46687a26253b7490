/**
 * What every JSON-RPC 2.0 server has to do, whatever its methods are: the examples of the
 * specification as far as they name no method that must be there, its rules one by one, and the edges
 * where peers in other languages differ.
 *
 * @module
 */

import type { Framing } from "../../lib/wire.ts";
import {
  type Answer,
  batch,
  error,
  errors,
  type Expected,
  faultOfError,
  faultOfResult,
  NOTHING,
  REFUSAL,
  result,
} from "./expected.ts";
import { parseExactJson } from "../text/exact_json.ts";

/** One thing that a server has to do. */
export interface Case {
  readonly name: string;
  /** The section of the specification, or `edge` where it leaves room for what is asked. */
  readonly source: string;
  /** Texts, or bytes, each of which is put into a frame; all frames go out in one write. */
  readonly send?: readonly (string | Uint8Array)[];
  /** Instead: pieces that are written one by one; undefined where the framing has nothing such. */
  readonly pieces?: (
    framing: Framing["name"],
    frame: (text: string | Uint8Array) => Uint8Array,
  ) => readonly Uint8Array[] | undefined;
  /** Says afterwards that no more comes. */
  readonly halfClose?: boolean;
  readonly expected: Expected;
}

/** A call that must succeed. */
export interface KnownCall {
  readonly method: string;
  /** Params as JSON text; undefined for none. */
  readonly params: string | undefined;
}

/** A name that no server has. */
const NOBODY = "check.no_such_method";

const request = (id: string, method = NOBODY, rest = "") =>
  `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${rest}}`;
const notification = (method = NOBODY, rest = "") =>
  `{"jsonrpc":"2.0","method":${JSON.stringify(method)}${rest}}`;
const bytes = (text: string) => new TextEncoder().encode(text);

/** The examples of section 7 that name no method, and those that name one that does not exist. */
const EXAMPLES: readonly Case[] = [
  {
    name: "a call of a method that does not exist is -32601",
    source: "7",
    send: [`{"jsonrpc": "2.0", "method": "${NOBODY}", "id": "1"}`],
    expected: error('"1"', -32601),
  },
  {
    name: "a notification of a method that does not exist is not answered",
    source: "7",
    send: [`{"jsonrpc": "2.0", "method": "${NOBODY}"}`],
    expected: NOTHING,
  },
  {
    name: "a notification with params is not answered",
    source: "7",
    send: [`{"jsonrpc": "2.0", "method": "${NOBODY}", "params": [1,2,3,4,5]}`],
    expected: NOTHING,
  },
  {
    name: "invalid JSON is -32700 with id null",
    source: "7",
    send: ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'],
    expected: error("null", -32700),
  },
  {
    name: "an invalid request object is -32600 with id null",
    source: "7",
    send: ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}'],
    expected: error("null", -32600),
  },
  {
    name: "a batch that is invalid JSON is one -32700",
    source: "7",
    send: [`[ {"jsonrpc": "2.0", "method": "${NOBODY}", "id": "1"}, {"jsonrpc": "2.0", "method" ]`],
    expected: error("null", -32700),
  },
  {
    name: "an empty array is one -32600, not an array",
    source: "7",
    send: ["[]"],
    expected: error("null", -32600),
  },
  {
    name: "a batch of one invalid request is an array of one -32600",
    source: "7",
    send: ["[1]"],
    expected: batch(["null", -32600]),
  },
  {
    name: "a batch of three invalid requests is an array of three",
    source: "7",
    send: ["[1,2,3]"],
    expected: batch(["null", -32600], ["null", -32600], ["null", -32600]),
  },
  {
    name: "a batch is answered as one array, notifications left out",
    source: "7",
    send: [
      `[${request('"1"')}, ${notification()}, {"foo": "boo"}, ${request("5", NOBODY)}]`,
    ],
    expected: batch(['"1"', -32601], ["null", -32600], ["5", -32601]),
  },
  {
    name: "a batch of notifications is not answered",
    source: "7",
    send: [`[${notification()}, ${notification(NOBODY, ',"params":[7]')}]`],
    expected: NOTHING,
  },
];

/** An id comes back as it was. */
const echoes = (name: string, id: string, source = "4"): Case => ({
  name,
  source,
  send: [request(id)],
  expected: error(id, -32601),
});

/** The rules that the examples do not show. */
const RULES: readonly Case[] = [
  echoes("a positive integer as id comes back", "7"),
  echoes("a string as id comes back, whatever is in it", '"a \\"b\\" é😀"'),
  echoes("the id 0 comes back", "0"),
  echoes("a negative id comes back", "-1"),
  echoes("an empty string as id comes back", '""'),
  ...["{}", "[]", "true"].map((id): Case => ({
    name: `the id ${id} is -32600`,
    source: "4",
    send: [request(id)],
    expected: error("null", -32600),
  })),
  ...['"1.0"', "2.0", "null"].map((version): Case => ({
    name: `"jsonrpc":${version} is -32600`,
    source: "4",
    send: [`{"jsonrpc":${version},"id":1,"method":"${NOBODY}"}`],
    expected: error(["1", "null"], -32600),
  })),
  {
    name: "a request without a method is -32600",
    source: "4",
    send: ['{"jsonrpc":"2.0","id":1}'],
    expected: error(["1", "null"], -32600),
  },
  ...["1", '"bar"', "true"].map((params): Case => ({
    name: `params that are ${params} are refused`,
    source: "4.2",
    send: [request("1", NOBODY, `,"params":${params}`)],
    // Which of its three mistakes is found first is up to the server.
    expected: error(["1", "null"], -32600, -32601, -32602),
  })),
  ...["1", '"x"', "null", "true"].map((text): Case => ({
    name: `a message that is ${text} is -32600`,
    source: "5.1",
    send: [text],
    expected: error("null", -32600),
  })),
  {
    name: "a reserved method that does not exist is -32601",
    source: "8",
    send: [request("1", "rpc.check_no_such_method")],
    expected: error("1", -32601),
  },
  {
    name: "calls that follow a parse error are answered",
    source: "5.1",
    send: ['{"jsonrpc"', request("2"), request("3")],
    expected: errors(["null", -32700], ["2", -32601], ["3", -32601]),
  },
  {
    name: "a batch within a batch is invalid",
    source: "6",
    send: [`[[${request("1")}]]`],
    expected: batch(["null", -32600]),
  },
];

/** Where the specification leaves room, or says nothing because it knows no sockets. */
const EDGES: readonly Case[] = [
  {
    name: "a null id is a request's",
    source: "edge",
    send: [request("null")],
    expected: error("null", -32601),
  },
  ...["12345678901234567890", "1.5"].map((id): Case => ({
    name: `the id ${id} comes back digit for digit, or is refused`,
    source: "edge",
    send: [request(id)],
    expected: {
      kind: "answers",
      count: 1,
      fault: ([frame]) =>
        faultOfError(frame, [id], [-32601]) && faultOfError(frame, ["null"], [-32600]) &&
        `expected error -32601 with id ${id}, or -32600 with id null`,
    },
  })),
  ...["constructor", "toString", "__proto__", "hasOwnProperty", "", "é😀"].map((method): Case => ({
    name: `no server has a method ${JSON.stringify(method)}`,
    source: "edge",
    send: [request("1", method)],
    expected: error("1", -32601),
  })),
  {
    name: "members that nobody knows are ignored",
    source: "edge",
    send: [request("1", NOBODY, ',"trace":{"id":5},"auth":null')],
    expected: error("1", -32601),
  },
  {
    name: "members may be in any order, with white space and escapes",
    source: "edge",
    send: [` { "\\u006dethod" : "${NOBODY}" ,\t"id" : 1 , "jsonrpc":"2\\u002e0" } `],
    expected: error("1", -32601),
  },
  {
    name: "what is not UTF-8 is -32700",
    source: "edge",
    // A WebSocket ends there: RFC 6455, section 8.1.
    pieces: (framing, frame) =>
      framing === "websocket" ? undefined : [frame(
        new Uint8Array([
          ...bytes('{"jsonrpc":"2.0","id":1,"method":"'),
          0xff,
          0xfe,
          ...bytes('"}'),
        ]),
      )],
    expected: error("null", -32700),
  },
  {
    name: "10,000 nested arrays do no harm",
    source: "edge",
    send: [request("1", NOBODY, `,"params":${"[".repeat(10_000)}${"]".repeat(10_000)}`)],
    expected: { kind: "no harm" },
  },
  {
    name: "a response to nothing is not answered",
    source: "edge",
    send: ['{"jsonrpc":"2.0","id":"nobody asked","result":1}'],
    expected: NOTHING,
  },
  {
    name: "a control notification that nobody knows is not answered",
    source: "edge",
    send: [notification("$/check"), notification("$/cancelRequest", ',"params":{"id":99}')],
    expected: NOTHING,
  },
  {
    name: "a hundred calls in one write are each answered once",
    source: "edge",
    send: Array.from({ length: 100 }, (_, n) => request(String(n + 1))),
    expected: errors(...Array.from({ length: 100 }, (_, n) => [String(n + 1), -32601] as const)),
  },
  {
    name: "a message that comes byte by byte is answered",
    source: "edge",
    pieces: (_, frame) => Array.from(frame(request("1")), (byte) => new Uint8Array([byte])),
    expected: error("1", -32601),
  },
  {
    name: "a caller that half-closes gets its answer",
    source: "edge",
    send: [request("1")],
    halfClose: true,
    expected: error("1", -32601),
  },
  {
    name: "json: \\r\\n and blank lines are fine",
    source: "edge",
    pieces: (framing) => framing === "json" ? [bytes(`\r\n\n${request("1")}\r\n\r\n`)] : undefined,
    expected: error("1", -32601),
  },
  {
    name: "headers: Content-Type may come first, in any case",
    source: "edge",
    pieces: (framing) => {
      const body = request("1");
      return framing !== "headers" ? undefined : [
        bytes(
          "content-type: application/vscode-jsonrpc; charset=utf-8\r\n" +
            `CONTENT-LENGTH: ${body.length}\r\n\r\n${body}`,
        ),
      ];
    },
    expected: error("1", -32601),
  },
  {
    name: "headers: the length counts bytes",
    source: "edge",
    pieces: (framing, frame) =>
      framing === "headers" ? [frame(request('"é😀"')), frame(request("2"))] : undefined,
    expected: errors(['"é😀"', -32601], ["2", -32601]),
  },
  {
    name: "headers: a length that is no number is refused",
    source: "edge",
    pieces: (framing) =>
      framing === "headers" ? [bytes(`Content-Length: 12abc\r\n\r\n${request("1")}`)] : undefined,
    expected: REFUSAL,
  },
  {
    name: "headers: two lengths are refused",
    source: "edge",
    pieces: (framing) =>
      framing === "headers"
        ? [bytes("Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}")]
        : undefined,
    expected: REFUSAL,
  },
  {
    name: "headers, length: a length of 0 is -32700, and the next call is answered",
    source: "edge",
    pieces: (framing, frame) => framing === "json" ? undefined : [frame(""), frame(request("2"))],
    expected: errors(["null", -32700], ["2", -32601]),
  },
];

/** What a call that succeeds must look like, alone, in a batch, and as a notification. */
function successes({ method, params }: KnownCall): readonly Case[] {
  const rest = params === undefined ? "" : `,"params":${params}`;
  return [
    {
      name: `a call of ${method} has a result and no error`,
      source: "5",
      send: [request('"ok"', method, rest)],
      expected: result('"ok"'),
    },
    {
      name: `a notification of ${method} is not answered`,
      source: "4.1",
      send: [notification(method, rest)],
      expected: NOTHING,
    },
    {
      name: `a batch holds the result of ${method} and other answers`,
      source: "6",
      send: [`[${request("1", method, rest)},${request("2")}]`],
      expected: {
        kind: "answers",
        count: 1,
        fault([frame]) {
          if (!Array.isArray(frame) || frame.length !== 2) return "expected an array of two";
          const [one, two] = (frame[0] as Answer).id === 1 ? frame : frame.toReversed();
          return faultOfResult(one, "1") ?? faultOfError(two, ["2"], [-32601]);
        },
      },
    },
  ];
}

/** All cases; those of a call that succeeds have no {@linkcode KnownCall} where none is known. */
export function casesFor(known: KnownCall | undefined): readonly Case[] {
  return [...EXAMPLES, ...RULES, ...known === undefined ? [] : successes(known), ...EDGES];
}

/** A call whose answer tells that everything before it was read. */
export const lastCall = (id: string): string => request(JSON.stringify(id));

/** The text of a frame as a value whose numbers keep their digits; undefined where it is not JSON. */
export function valueOf(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseExactJson(text) };
  } catch {
    return undefined;
  }
}
