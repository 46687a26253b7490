// The conformance messages, each with its answer: the examples of the JSON-RPC 2.0 specification word
// for word (section 7), and what a peer in any other language may send.

import * as z from "npm:zod@4";
import { type Api, method, RpcError } from "../../lib/mod.ts";
import { bytesOf, join } from "./raw.ts";
import { ANYTHING } from "./schemas.ts";

/** The methods that the messages call. All answer in the same turn, so that answers keep their order. */
export const CONFORMANCE_API: Api = {
  subtract: method(
    z.object({ minuend: z.number(), subtrahend: z.number() }),
    ({ minuend, subtrahend }) => minuend - subtrahend,
  ),
  update: method(z.array(z.number()), () => {}),
  sum: method(z.array(z.number()), (numbers) => numbers.reduce((sum, n) => sum + n, 0)),
  notify_hello: method(z.array(z.number()), () => {}),
  get_data: method(() => ["hello", 5]),
  echo: method(ANYTHING, (params) => params),
  upper: method(z.string(), (text) => text.toUpperCase()),
  fail: method(() => {
    throw new RpcError("NOT_FOUND", "No such thing", { details: { id: 7 } });
  }),
  crash: method(() => {
    throw new Error("not for the caller");
  }),
};

/** One message and what must come back. */
export interface Conformance {
  /** The row of the matrix, and what it is about. */
  readonly name: string;
  readonly send: string | Uint8Array;
  /**
   * The answer as a value, or as text where digits count; without both nothing comes back. What says in an
   * error where the JSON ends is left out.
   */
  readonly answer?: unknown;
  readonly text?: string;
  /** The id and the code of the answer, where its words are the implementation's own. */
  readonly error?: readonly [id: unknown, code: number];
}

const answer = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", result, id });
const failure = (id: unknown, code: number, message: string) => ({
  jsonrpc: "2.0",
  error: { code, message },
  id,
});
const INVALID = failure(null, -32600, "Invalid Request");
const UNPARSABLE = failure(null, -32700, "Parse error");

/** JSON-RPC 2.0, section 7, as it stands there. */
export const EXAMPLES: readonly Conformance[] = [
  {
    name: "rpc call with positional parameters",
    send: '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    answer: JSON.parse('{"jsonrpc": "2.0", "result": 19, "id": 1}'),
  },
  {
    name: "rpc call with positional parameters, the other way round",
    send: '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    answer: JSON.parse('{"jsonrpc": "2.0", "result": -19, "id": 2}'),
  },
  {
    name: "rpc call with named parameters",
    send:
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    answer: JSON.parse('{"jsonrpc": "2.0", "result": 19, "id": 3}'),
  },
  {
    name: "rpc call with named parameters, the other way round",
    send:
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    answer: JSON.parse('{"jsonrpc": "2.0", "result": 19, "id": 4}'),
  },
  {
    name: "a notification",
    send: '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
  },
  {
    name: "a notification of no method",
    send: '{"jsonrpc": "2.0", "method": "foobar"}',
  },
  {
    name: "rpc call of non-existent method",
    send: '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    answer: JSON.parse(
      '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}',
    ),
  },
  {
    name: "rpc call with invalid JSON",
    send: '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    answer: JSON.parse(
      '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}',
    ),
  },
  {
    name: "rpc call with invalid Request object",
    send: '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    answer: JSON.parse(
      '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}',
    ),
  },
  {
    name: "rpc call Batch, invalid JSON",
    send: `[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]`,
    answer: JSON.parse(
      '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}',
    ),
  },
  {
    name: "rpc call with an empty Array",
    send: "[]",
    answer: JSON.parse(
      '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}',
    ),
  },
  {
    name: "rpc call with an invalid Batch (but not empty)",
    send: "[1]",
    answer: JSON.parse(`[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]`),
  },
  {
    name: "rpc call with invalid Batch",
    send: "[1,2,3]",
    answer: JSON.parse(`[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]`),
  },
  {
    name: "rpc call Batch",
    send: `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`,
    answer: JSON.parse(`[
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]`),
  },
  {
    name: "rpc call Batch (all notifications)",
    send: `[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`,
  },
];

/** An id and what calls with it. */
const call = (id: string, rest = '"method":"get_data"') => `{"jsonrpc":"2.0","id":${id},${rest}}`;
const echo = (params: string) => call("1", `"method":"echo","params":${params}`);

/** Ids that come back as they are written. */
const IDS = [
  ...['"a"', "7", "0", "-1", '""', "null"], // J02, J03
  ...["1.5", "1e2", "1.0", "-0", "1E+2"], // J05
  ...["9007199254740993", "12345678901234567890", "1e400", "-9007199254740993"], // J06
  ...['"é"', '"😀"', '"a\\\\b"', '"a\\"b"', '"\\u0000"', '"\\ud800"'],
];

/** A message with bytes in its middle that are no text. */
const withBytes = (...bytes: number[]) =>
  join([
    bytesOf('{"jsonrpc":"2.0","id":1,"method":"upper","params":["'),
    new Uint8Array(bytes),
    bytesOf('"]}'),
  ]);

/** The rows J and P of the matrix, as far as they are one small message. */
export const ROWS: readonly Conformance[] = [
  ...IDS.map((id): Conformance => ({
    name: `J02, J03, J05, J06: id ${id}`,
    send: call(id),
    text: `{"jsonrpc":"2.0","id":${id},"result":["hello",5]}`,
  })),
  ...IDS.map((id): Conformance => ({
    name: `J05, J06: id ${id} behind its params`,
    send: `{"params":[] , "method":"get_data","jsonrpc":"2.0" , "id" : ${id} }`,
    text: `{"jsonrpc":"2.0","id":${id},"result":["hello",5]}`,
  })),
  { name: "J04: a notification", send: '{"jsonrpc":"2.0","method":"echo","params":[1]}' },
  { name: "J04: a notification of no method", send: '{"jsonrpc":"2.0","method":"nope"}' },
  {
    name: "J04: a notification with bad params",
    send: '{"jsonrpc":"2.0","method":"upper","params":[5]}',
  },
  { name: "J04: a notification whose handler throws", send: '{"jsonrpc":"2.0","method":"crash"}' },
  {
    name: "J04: a notification of a method whose name is too long",
    send: `{"jsonrpc":"2.0","method":"${"m".repeat(257)}"}`,
  },
  ...["true", "[]", "{}", '{"id":1}', "[1]", "false"].map((id): Conformance => ({
    name: `J07: id ${id}`,
    send: call(id),
    error: [null, -32600],
  })),
  ...['"1.0"', "2.0", '"2.0 "', "null", "2", '"2"', "true", "{}"].map((version): Conformance => ({
    name: `J10: jsonrpc ${version}`,
    send: `{"jsonrpc":${version},"id":"v","method":"get_data"}`,
    error: ["v", -32600],
  })),
  {
    name: "J10: no jsonrpc is JSON-RPC 1.0",
    send: '{"id":1,"method":"subtract","params":[42,23]}',
    text: '{"id":1,"result":19,"error":null}',
  },
  {
    name: "J10: no jsonrpc, and no such method",
    send: '{"params":[],"id":1,"method":"nope"}',
    answer: { id: 1, result: null, error: { code: -32601, message: "Method not found" } },
  },
  {
    name: "J10: no jsonrpc and a null id is a notification of JSON-RPC 1.0",
    send: '{"id":null,"method":"subtract","params":[42,23]}',
  },
  { name: "J11: params missing", send: call("1"), answer: answer(1, ["hello", 5]) },
  {
    name: "J11: params null count as none",
    send: call("1", '"method":"get_data","params":null'),
    answer: answer(1, ["hello", 5]),
  },
  ...["1", '"bar"', "true"].map((params): Conformance => ({
    name: `J11: params ${params}`,
    send: call("1", `"method":"echo","params":${params}`),
    error: [1, -32600],
  })),
  ...[
    '{"minuend":1}',
    '{"minuend":1,"subtrahend":"2"}',
    "[1]",
    "[1,2,3]",
    '["1",2]',
    "{}",
    "[]",
  ].map((params): Conformance => ({
    name: `J12: params ${params}`,
    send: call("1", `"method":"subtract","params":${params}`),
    error: [1, -32602],
  })),
  {
    name: "J12: a param more by name",
    send: call("1", '"method":"subtract","params":{"minuend":42,"subtrahend":23,"extra":1}'),
    answer: answer(1, 19),
  },
  ...[
    "",
    "rpc.foo",
    "constructor",
    "toString",
    "__proto__",
    "hasOwnProperty",
    "prototype",
    "$/nope",
    "m".repeat(256),
  ].map((name): Conformance => ({
    name: `J13, J14: method ${JSON.stringify(name.slice(0, 20))}`,
    send: call("1", `"method":${JSON.stringify(name)}`),
    answer: failure(1, -32601, "Method not found"),
  })),
  {
    name: "J14: a method's name of 257 bytes",
    send: call("1", `"method":"${"m".repeat(257)}"`),
    error: [1, -32601],
  },
  {
    name: "J16: a batch of batches is not executed",
    send: "[[],{}]",
    answer: [INVALID, INVALID],
  },
  {
    name: "J16: a batch within a batch is not executed",
    send: `[[${call("1")}]]`,
    answer: [INVALID],
  },
  {
    name: "J17: a batch of notifications only",
    send: '[{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"nope"}]',
  },
  {
    name: "J18: a mixed batch",
    send: `[${call('"b"')},{"jsonrpc":"2.0","method":"echo"},${call("1e2")},${call("null")}]`,
    text: `[${
      ['"b"', "1e2", "null"].map((id) => `{"jsonrpc":"2.0","id":${id},"result":["hello",5]}`).join()
    }]`,
  },
  {
    name: "J22: members that nobody knows",
    send: '{"jsonrpc":"2.0","id":1,"method":"get_data","trace":{"id":5},"auth":null,"a":[]}',
    answer: answer(1, ["hello", 5]),
  },
  {
    name: "J25: an error on purpose",
    send: call("1", '"method":"fail"'),
    answer: {
      jsonrpc: "2.0",
      error: {
        code: -32005,
        message: "No such thing",
        data: { name: "NOT_FOUND", details: { id: 7 } },
      },
      id: 1,
    },
  },
  {
    name: "J25: an error by accident",
    send: call("1", '"method":"crash"'),
    answer: failure(1, -32603, "Internal error"),
  },

  ...[
    [0xff],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
    [0xf0, 0x9f, 0x98],
  ].map((bytes): Conformance => ({
    name: `P04: the bytes ${bytes.map((byte) => byte.toString(16)).join(" ")}`,
    send: withBytes(...bytes),
    error: [null, -32700],
  })),
  {
    name: "P05: text of 1 to 4 bytes a letter",
    send: echo('["aé€😀"]'),
    answer: answer(1, ["aé€😀"]),
  },
  {
    name: "P05: the replacement character, as text",
    send: echo('["\ufffd"]'),
    answer: answer(1, ["\ufffd"]),
  },
  {
    name: "P06: a byte order mark within",
    send: call("1").replace(":", ":\ufeff"),
    error: [null, -32700],
  },
  {
    name: "P07: 64 levels",
    send: echo("[".repeat(63) + "]".repeat(63)),
    text: `{"jsonrpc":"2.0","id":1,"result":${"[".repeat(63) + "]".repeat(63)}}`,
  },
  {
    name: "P07: 65 levels",
    send: echo("[".repeat(64) + "]".repeat(64)),
    error: [null, -32700],
  },
  {
    name: "P07: 65 levels, of which some are in a text",
    send: echo(`["${"[".repeat(64)}\\"[[\\\\"]`),
    answer: answer(1, ["[".repeat(64) + '"[[\\']),
  },
  {
    name: "P09: of members that are repeated the last counts",
    send:
      '{"jsonrpc":"2.0","id":1,"method":"nope","params":[1],"params":[2],"method":"echo","id":2}',
    answer: answer(2, [2]),
  },
  {
    name: "P09: of members that are repeated the last counts, odd ids too",
    send: '{"id":1.0,"id":2.0,"jsonrpc":"2.0","method":"get_data"}',
    text: '{"jsonrpc":"2.0","id":2.0,"result":["hello",5]}',
  },
  {
    name: "P09: of members that are repeated the last counts, whatever it is",
    send: '{"jsonrpc":"2.0","id":1,"method":"echo","params":[1],"params":2}',
    error: [1, -32600],
  },
  {
    name: "P10: members that name a prototype are data",
    send: echo('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    text: '{"jsonrpc":"2.0","id":1,"result":' +
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
  },
  {
    name: "P10: an envelope does not come from a prototype",
    send: '{"__proto__":{"jsonrpc":"2.0","method":"get_data","id":1}}',
    answer: INVALID,
  },
  {
    name: "P10: an item of a batch does not come from a prototype",
    send: '[{"__proto__":{"jsonrpc":"2.0","method":"get_data","id":1}}]',
    answer: [INVALID],
  },
  { name: "P12: a number past all numbers", send: echo("[1e400]"), error: [1, -32603] },
  {
    name: "P12: a number past all numbers, where a number is asked for",
    send: call("1", '"method":"sum","params":[1e400]'),
    error: [1, -32602],
  },
  {
    name: "P12: numbers in odd clothes",
    send: echo("[-0,1E5,1e-7,0.10]"),
    answer: answer(1, [0, 100000, 1e-7, 0.1]),
  },
  {
    name: "P14: NUL and the separators of lines and paragraphs",
    send: echo('["\\u0000","\u2028","\u2029","\\u2028"]'),
    answer: answer(1, ["\u0000", "\u2028", "\u2029", "\u2028"]),
  },
  ...["1", '"x"', "null", "true", "-0.5", "false"].map((text): Conformance => ({
    name: `P15: ${text}`,
    send: text,
    answer: INVALID,
  })),
  ...["nul", "x", "'", "1 2", "]", "}", "{]", "\u0001", "+1", "{'a':1}"].map((
    text,
  ): Conformance => ({
    name: `P15: ${JSON.stringify(text)}`,
    send: text,
    answer: UNPARSABLE,
  })),
  {
    name: "P16: keys that look alike are two",
    send: echo('{"\u00e9":1,"e\u0301":2}'),
    text: '{"jsonrpc":"2.0","id":1,"result":{"\u00e9":1,"e\u0301":2}}',
  },
  {
    name: "white space wherever JSON allows it",
    send: ' \t{ "jsonrpc" :\t"2.0" , "method" : "sum" , "params" : [ 1 , 2 ] , "id" : 1 } \t\r',
    answer: answer(1, 3),
  },
  {
    name: "escapes in the names of members",
    send: '{"\\u006asonrpc":"2.0","\\u0069d":1.0,"me\\u0074hod":"\\u0073um","p\\u0061rams":[1]}',
    text: '{"jsonrpc":"2.0","id":1.0,"result":1}',
  },
];
