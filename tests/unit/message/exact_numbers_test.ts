// Numbers that stay as they were written.
import { assertEquals, assertThrows } from "@std/assert";
import { isExactNumber, parseExactly } from "../../../lib/message/exact_numbers.ts";
import { parseMessage } from "../../../lib/message/parse.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";

const NUMBERS = [
  "18446744073709551615",
  "1222223333.00000001",
  "1.10",
  "-0",
  "1E5",
  "1e400",
  "9007199254740993",
];

Deno.test("parseExactly() keeps the digits of what a double does not hold", () => {
  for (const text of NUMBERS) {
    const value = parseExactly(`{"n":[${text}]}`) as { n: [{ rawJSON: string }] };
    assertEquals(JSON.stringify(value), `{"n":[${text}]}`);
    assertEquals([value.n[0].rawJSON, isExactNumber(value.n[0])], [text, true]);
  }
  assertEquals(parseExactly('{"a":1.5,"b":[-7,"1.10"]}'), { a: 1.5, b: [-7, "1.10"] });
  assertThrows(() => parseExactly("1.0.0"), SyntaxError);
});

Deno.test("parseMessage() takes another way to make values, whatever the envelope looks like", () => {
  for (
    const text of [
      '{"jsonrpc":"2.0","id":1,"result":1.10}',
      '{"result": 1.10, "id" : 1, "jsonrpc":"2.0"}',
      '{"id":1,"result":1.10,"error":null}',
    ]
  ) {
    const message = parseMessage(text, DEFAULT_LIMITS, parseExactly);
    assertEquals(message.kind === "response" && JSON.stringify(message.result), "1.10", text);
  }
  const odd = parseMessage('{"jsonrpc":"2.0","id":1.0,"method":"m"}', DEFAULT_LIMITS, parseExactly);
  assertEquals(odd.kind === "request" && odd.id, "1.0");
});
