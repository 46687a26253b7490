import { assert, assertEquals } from "@std/assert";
import { type ErrorObject, RpcError } from "../../../lib/error.ts";
import { faultAnswer, isUnparsable, parseMessage } from "../../../lib/message/parse.ts";
import {
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
} from "../../../lib/message/encode.ts";
import { unreadableId } from "../../../lib/message/unreadable.ts";
import type { Invalid, Message } from "../../../lib/message/message.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/mod.ts";
import { LIB, run } from "../../support/child.ts";

function parse(text: string, limits: Partial<Limits> = {}): Message {
  return parseMessage(text, { ...DEFAULT_LIMITS, ...limits });
}

/** What an invalid message is answered with. */
function refusal(text: string, limits: Partial<Limits> = {}): [string, number, unknown] {
  const message = parse(text, limits);
  assertEquals(message.kind, "invalid", text);
  const { id, error } = message as Invalid;
  return [id, error.code, error.data];
}

// What JSON-RPC says of messages is in conformance_test.ts, and that shortcuts take no other way than
// the long one is in property_test.ts. Here is what neither shows.

Deno.test("parseMessage() tells requests, notifications and answers apart", () => {
  assertEquals(parse('{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}'), {
    kind: "request",
    version: "2.0",
    id: "1",
    method: "m",
    params: { a: 1 },
    text: '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}',
  });
  assertEquals(parse('{"id":"x","method":"m","params":[1]}'), {
    kind: "request",
    version: "1.0",
    id: '"x"',
    method: "m",
    params: [1],
    text: '{"id":"x","method":"m","params":[1]}',
  });
  assertEquals(parse('{"jsonrpc":"2.0","method":"m"}'), {
    kind: "notification",
    version: "2.0",
    method: "m",
    params: undefined,
    text: '{"jsonrpc":"2.0","method":"m"}',
    isMarked: false,
  });
  assertEquals(parse('{"id":null,"method":"m","params":[1]}'), {
    kind: "notification",
    version: "1.0",
    method: "m",
    params: [1],
    text: '{"id":null,"method":"m","params":[1]}',
    isMarked: false,
  });
  assertEquals(parse('{"jsonrpc":"2.0","id":1,"result":{"a":1}}'), {
    kind: "response",
    id: "1",
    error: undefined,
    result: { a: 1 },
    isMarked: false,
  });
});

Deno.test("parseMessage() reads an answer's error, of whatever version it is", () => {
  const errorOf = (text: string): ErrorObject | undefined => {
    const message = parse(text);
    assert(message.kind === "response");
    return message.error;
  };
  const cases: [string, ErrorObject | undefined][] = [
    ['"error":{"code":-1,"message":"m"}', { code: -1, message: "m" }],
    ['"error":{"code":-1,"message":"m","data":0}', { code: -1, message: "m", data: 0 }],
    ['"error":{"code":-1,"message":"m","data":null}', { code: -1, message: "m", data: null }],
    ['"error":{"code":-1}', { code: -1, message: "" }],
    ['"error":{"code":-1,"message":5}', { code: -1, message: "5" }],
    ['"error":"text","result":null', { code: -32002, message: "text", data: "text" }],
    ['"error":0,"result":null', { code: -32002, message: "0", data: 0 }],
    ['"error":{"code":"x"}', { code: -32002, message: '{"code":"x"}', data: { code: "x" } }],
    ['"error":{"code":"x","message":"m"}', {
      code: -32002,
      message: "m",
      data: { code: "x", message: "m" },
    }],
    ['"error":null,"result":5', undefined],
  ];
  for (const [members, error] of cases) {
    assertEquals(errorOf(`{"jsonrpc":"2.0","id":1,${members}}`), error, members);
    assertEquals(errorOf(`{${members},"id":1}`), error, members);
  }
});

Deno.test("parseMessage() never throws, and says what is wrong with what is no message", () => {
  for (
    const [text, details] of [
      ["", "unfinished"],
      ["{", "unfinished"],
      ["{'a':1}", "byte 1: expected a name in double quotes or }, found '"],
      ['  {"é":1,}', "byte 10: expected a name in double quotes, found }"],
      ["{} x", "byte 3: expected the end, found x"],
    ] as const
  ) assertEquals(refusal(text), ["null", -32700, { details }]);
  assertEquals(refusal("5"), ["null", -32600, undefined]);
  assertEquals(refusal("{}"), ["null", -32600, undefined]);
  assertEquals(refusal('{"id":1,"method":5}'), ["1", -32600, undefined]);
  assertEquals(refusal('{"id":1,"method":"m","jsonrpc":"1.0"}'), [
    "1",
    -32600,
    { details: 'jsonrpc must be "2.0"' },
  ]);
  assertEquals(refusal('{"id":[],"method":"m"}'), [
    "null",
    -32600,
    { details: "id must be a string, a number or null" },
  ]);
  assertEquals(refusal('{"id":1,"method":"m","params":5}'), [
    "1",
    -32600,
    { details: "params must be an object or an array" },
  ]);
});

Deno.test("parseMessage() takes params of null for none", () => {
  const texts = [
    '{"jsonrpc":"2.0","id":1,"method":"m","params":null}',
    '{"method":"m","params": null, "id":1}',
    '{"id":1,"params":null,"method":"m"}',
    '{"jsonrpc":"2.0","method":"m","params":null}',
    '{"method":"m","params":null}',
    '{"method":"m","params":null,"id":null}',
  ];
  for (const text of texts) {
    const message = parse(text);
    assert(message.kind === "request" || message.kind === "notification", text);
    assertEquals(message.params, undefined, text);
  }
});

Deno.test("parseMessage() says of what breaks the rules whether it was meant as a call", () => {
  const isCall = (text: string) => (parse(text) as Invalid).isCall;
  const calls = ['{"id":1,"method":5}', '{"id":[],"method":"m"}', '{"method":"m","params":5}'];
  for (const text of calls) assertEquals(isCall(text), true, text);
  for (const text of ["{", "5", "[]", '{"id":1}', '{"id":true,"result":1}']) {
    assertEquals(isCall(text), false, text);
  }
});

Deno.test("parseMessage() takes as many levels as maxDepth says, and not one more", () => {
  for (const maxDepth of [1, 2, 64, 65, 5000]) {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const inParams = (depth: number) =>
      `{"jsonrpc":"2.0","id":1,"method":"m","params":${nested(depth - 1)}}`;
    const details = {
      limit: "maxDepth",
      details: `more than ${maxDepth} levels of nesting`,
    };
    assertEquals(parse(nested(maxDepth), { maxDepth }).kind, maxDepth === 1 ? "invalid" : "batch");
    assertEquals(refusal(nested(maxDepth + 1), { maxDepth }), ["null", -32700, details]);
    if (maxDepth > 1) assertEquals(parse(inParams(maxDepth), { maxDepth }).kind, "request");
    assertEquals(refusal(inParams(maxDepth + 1), { maxDepth }), ["null", -32700, details]);
    const long = (depth: number) => `["${"x".repeat(20_000)}",${nested(depth - 1)}]`;
    if (maxDepth > 1) assertEquals(parse(long(maxDepth), { maxDepth }).kind, "batch");
    assertEquals(refusal(long(maxDepth + 1), { maxDepth }), ["null", -32700, details]);
  }
});

Deno.test("parseMessage() counts the levels of objects, arrays and answers", () => {
  const limits = { maxDepth: 4 },
    details = {
      limit: "maxDepth",
      details: "more than 4 levels of nesting",
    };
  const at = '{"a":[{"b":1}],"c":[[]]}', past = '{"a":[{"b":1}],"c":[[{}]]}';
  for (const start of ['"method":"m","params"', '"result"']) {
    const message = (payload: string) => `{"jsonrpc":"2.0","id":1,${start}:${payload}}`;
    assertEquals(parse(message(at), limits).kind === "invalid", false);
    assertEquals(refusal(message(past), limits), ["null", -32700, details]);
    assertEquals(refusal(`[${message(at)}]`, limits), ["null", -32700, details]);
  }
});

Deno.test("parseMessage() counts brackets that nest, not those in texts or side by side", () => {
  const limits = { maxDepth: 4 };
  for (const params of ['["[[[[[[[["]', '["\\"[[[[[["]', '["\\\\",[]]', "[[],[],[],[],[],[]]"]) {
    assertEquals(parse(`{"id":1,"method":"m","params":${params}}`, limits).kind, "request", params);
  }
  const broken = [
    ["]]]]]]]][[[[[[[[", "byte 0: expected a value, found ]"],
    ['"[[[[[[[[', "unfinished"],
    ['["\\"]]]]]]]]]', "unfinished"],
  ] as const;
  for (const [text, details] of broken) {
    assertEquals(refusal(text, limits), ["null", -32700, { details }], text);
  }
});

Deno.test("parseMessage() takes as many messages in a batch as maxBatch says, and not one more", () => {
  const batch = (size: number) => `[${Array(size).fill("1")}]`;
  for (const maxBatch of [1, 100]) {
    const full = parse(batch(maxBatch), { maxBatch });
    assertEquals(full.kind === "batch" && full.items.length, maxBatch);
    assertEquals(refusal(batch(maxBatch + 1), { maxBatch }), [
      "null",
      -32008,
      { name: "RESOURCE_EXHAUSTED", limit: "maxBatch" },
    ]);
  }
});

Deno.test("parseMessage() takes a method's name up to maxMethodBytes, counted in bytes", () => {
  const call = (name: string) => `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(name)}}`;
  const limits = { maxMethodBytes: 10 };
  for (const name of ["0123456789", "éééé01", "é".repeat(5), "😀é0123"]) {
    assertEquals(parse(call(name), limits).kind, "request", name);
    const longer = refusal(call(name + "x"), limits);
    assertEquals(longer, [
      "1",
      -32601,
      { details: "the method's name is longer than 10 bytes" },
    ]);
  }
});

Deno.test("parseMessage() takes an id up to maxIdBytes, whatever its type", () => {
  const calls = (id: string) => [
    `{"jsonrpc":"2.0","id":${id},"method":"m"}`,
    `{"method":"m","id":${id},"jsonrpc":"2.0"}`,
    `{"jsonrpc":"2.0","method":"m","params":[],"id":${id}}`,
    `{"jsonrpc":"2.0","result":[],"id":${id}}`,
  ];
  const limits = { maxIdBytes: 20 };
  for (
    const id of [
      "1".repeat(20),
      `"${"a".repeat(20)}"`,
      `"${"é".repeat(10)}"`,
      `1.${"0".repeat(18)}`,
    ]
  ) {
    for (const text of calls(id)) {
      const message = parse(text, limits);
      assert(message.kind === "request" || message.kind === "response", text);
      assertEquals(message.id, id);
    }
  }
  for (const id of ["1".repeat(21), `"${"a".repeat(21)}"`, `"${"é".repeat(10)}a"`]) {
    for (const text of calls(id)) {
      const details = { details: "id is longer than 20 bytes" };
      assertEquals(refusal(text, limits), ["null", -32600, details], text);
    }
  }
});

Deno.test("parseMessage() keeps an id digit for digit, wherever else the text has ids", () => {
  const cases: [string, string][] = [
    ['{"id":1.0,"method":"m"}', "1.0"],
    ['{"id":-0,"method":"m"}', "-0"],
    ['{"id":12345678901234567890,"method":"m"}', "12345678901234567890"],
    ['{"id":1,"method":"m","id" : 1e0 }', "1e0"],
    ['{"id":1e0,"method":"m","id":7}', "7"],
    ['{"id":1.0,"method":"m","id":"x"}', '"x"'],
    ['{"method":"m","\\u0069d":1.0}', "1.0"],
    ['{"id":2,"method":"m","\\u0069\\u0064":1.0}', "1.0"],
    ['{"method":"m","params":{"id":3.0},"id":1.0}', "1.0"],
    ['{"id":1.0,"method":"m","params":[{"id":3.0},"\\"id\\":4.0"]}', "1.0"],
    ['{"id":1,"method":"\\u006d","params":[{"id":3.0}]}', "1"],
    ['{"id":1.0,"method":"m","i\\\\u0064":2.0}', "1.0"],
  ];
  for (const [text, id] of cases) {
    const message = parse(text);
    assert(message.kind === "request", text);
    assertEquals(message.id, id, text);
  }
  const batch = parse(` [ ${cases.map(([text]) => text).join(" , ")} , 5 , [1.0], "id" ] `);
  assert(batch.kind === "batch");
  const ids = batch.items.map((item) => item.kind === "request" ? item.id : item.kind);
  assertEquals(ids, [...cases.map(([, id]) => id), "invalid", "invalid", "invalid"]);
});

Deno.test("parseMessage() gives calls the text that they came in, unless they share it", () => {
  const call = '{"jsonrpc":"2.0","id":1,"method":"m"}', tell = '{"jsonrpc":"2.0","method":"m"}';
  for (const text of [call, tell, ` ${call}`, ` ${tell}`]) {
    const message = parse(text);
    assert(message.kind === "request" || message.kind === "notification");
    assertEquals(message.text, text);
  }
  const batch = parse(`[${call},${tell}]`);
  assert(batch.kind === "batch");
  for (const item of batch.items) assert("text" in item && item.text === undefined);
});

Deno.test("parseMessage() keeps nothing of a long text but its parts", async () => {
  const { stdout, stderr } = await run(
    `
    import { getHeapStatistics } from "node:v8";
    import { parseMessage } from ${
      JSON.stringify(new URL("../../../lib/message/parse.ts", import.meta.url).href)
    };
    import { DEFAULT_LIMITS } from ${JSON.stringify(LIB)};
    const id = "an id that is not short", method = "a.name.that.is.not.short";
    const text = JSON.stringify({ jsonrpc: "2.0", id, method, params: ["x".repeat(900_000)] });
    const bytes = new TextEncoder().encode(text), decoder = new TextDecoder(), kept = [];
    const used = () => (gc(), getHeapStatistics().used_heap_size);
    const before = used();
    for (let i = 0; i < 20; i++) {
      const message = parseMessage(decoder.decode(bytes), DEFAULT_LIMITS);
      message.params = message.text = undefined;
      kept.push(message);
    }
    console.log(used() - before < 4 * bytes.length, kept.length, kept[0].id, kept[0].method);
    `,
    ["--v8-flags=--expose-gc"],
  );
  const expected = 'true 20 "an id that is not short" a.name.that.is.not.short\n';
  assertEquals(stdout, expected, stderr);
});

Deno.test("isUnparsable() is true of what may be several messages, and of nothing else", () => {
  const mayBeSeveral = (text: string) => {
    const message = parse(text);
    return message.kind === "invalid" && isUnparsable(message);
  };
  assert(mayBeSeveral("{}{}"));
  assert(mayBeSeveral("{"));
  assert(mayBeSeveral(`${"[".repeat(65)}${"]".repeat(65)}{}`));
  for (const text of ["{}", "5", "[]", '{"id":1,"method":"m"}', '{"id":1,"method":5}']) {
    assertEquals(mayBeSeveral(text), false, text);
  }
});

Deno.test("encode functions write what parseMessage() reads", () => {
  assertEquals(
    encodeRequest(7, 'a"b', '{"c":1}'),
    '{"jsonrpc":"2.0","id":7,"method":"a\\"b","params":{"c":1}}',
  );
  assertEquals(encodeRequest(7, "m", undefined), '{"jsonrpc":"2.0","id":7,"method":"m"}');
  assertEquals(encodeNotification("m", "[1]"), '{"jsonrpc":"2.0","method":"m","params":[1]}');
  assertEquals(encodeNotification("é", undefined), '{"jsonrpc":"2.0","method":"é"}');
  assertEquals(
    encodeResult({ version: "2.0", id: "1.0" }, "null"),
    '{"jsonrpc":"2.0","id":1.0,"result":null}',
  );
  assertEquals(
    encodeResult({ version: "1.0", id: '"x"' }, "[]"),
    '{"id":"x","result":[],"error":null}',
  );
  const error = new RpcError("NOT_FOUND", "m");
  const written = '{"code":-32005,"message":"m","data":{"name":"NOT_FOUND"}}';
  assertEquals(
    encodeError({ version: "2.0", id: "1" }, error),
    `{"jsonrpc":"2.0","id":1,"error":${written}}`,
  );
  assertEquals(
    encodeError({ version: "1.0", id: "1" }, error),
    `{"id":1,"result":null,"error":${written}}`,
  );
});

Deno.test("a request and a notification of 1.0 have a list of params and an id, and no version", () => {
  const params: [string | undefined, string][] = [
    [undefined, "[]"],
    ["[1]", "[1]"],
    ['{"a":1}', '[{"a":1}]'],
  ];
  for (const [given, written] of params) {
    const rest = `"method":"m","params":${written}`;
    assertEquals(encodeRequest(7, "m", given, "1.0"), `{"id":7,${rest}}`);
    assertEquals(encodeNotification("m", given, "1.0"), `{${rest},"id":null}`);
  }
});

Deno.test("encodeError() leaves out data that cannot be written", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const throwing = {
    toJSON() {
      throw new Error("no");
    },
  };
  for (const data of [1n, cycle, throwing]) {
    assertEquals(
      encodeError({ version: "2.0", id: "1" }, new RpcError(5, "m", data)),
      '{"jsonrpc":"2.0","id":1,"error":{"code":5,"message":"m"}}',
    );
  }
});

Deno.test("faultAnswer() says what was wrong with the bytes", () => {
  const malformed = faultAnswer({ kind: "malformed", reason: "why", fatal: true });
  assertEquals(malformed.error.toJSON(), {
    code: -32700,
    message: "Parse error",
    data: { details: "why" },
  });
  const oversized = faultAnswer({ kind: "oversized", reason: "why", maxBytes: 5, fatal: false });
  assertEquals([oversized.error.code, oversized.error.data], [-32008, {
    name: "RESOURCE_EXHAUSTED",
    limit: "maxMessageBytes",
    details: { maxBytes: 5 },
  }]);
});

Deno.test("unreadableId() finds the call by how an answer begins", () => {
  for (
    const start of [
      '{"jsonrpc":"2.0","id":7,"result":[[[',
      '{"jsonrpc":"2.0","id":7,"error":',
      '{"id":7,"result":{',
      ' { "jsonrpc" : "2.0" , "id" : 7 , "result" : ',
    ]
  ) {
    assertEquals(unreadableId(start), "7", start);
  }
  for (
    const start of [
      "",
      '{"jsonrpc":"2.0","id":7,"method":"m"',
      '{"jsonrpc":"2.0","id":"7","result":1',
      '{"jsonrpc":"2.0","result":[],"id":7',
      '[{"jsonrpc":"2.0","id":7,"result":1',
      '{"jsonrpc":"2.0","id":null,"result":1',
    ]
  ) {
    assertEquals(unreadableId(start), undefined, start);
  }
});
