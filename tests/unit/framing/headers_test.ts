import { assert, assertEquals } from "@std/assert";
import { headers } from "../../../lib/framing/headers.ts";
import { bytesOf, frame, join } from "../../support/raw.ts";
import { decodeAll, fault, frames, limits, reserve, singly } from "./_frames.ts";

const fatal = (reason: string) => fault("malformed", true, reason);

Deno.test("headers.decoder() finds the messages, however they are cut", () => {
  const texts = ["{}", '{"a":"aé€😀"}', "x".repeat(300), "[1]"];
  const input = join(texts.map((text) => frame("headers", text)));
  assertEquals(frames(headers, [input]), texts);
  assertEquals(frames(headers, singly(input)), texts);
  for (let cut = 0; cut <= input.length; cut++) {
    assertEquals(frames(headers, [input.slice(0, cut), input.slice(cut)]), texts);
  }
});

Deno.test("headers.decoder() takes headers in any case and order, with spaces around values", () => {
  const blocks = [
    "Content-Length: 2\r\n\r\n",
    "content-length:2\r\n\r\n",
    "CONTENT-LENGTH: \t 2 \t\r\n\r\n",
    "Content-Length: 0000000002\r\n\r\n",
    "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n",
    "Content-Length: 2\r\nContent-Type: application/json; charset=utf8\r\n\r\n",
    'Content-Type: application/json; charset="UTF-8"\r\nContent-Length: 2\r\n\r\n',
    "Content-Type: application/json\r\nContent-Length: 2\r\nX-Other: a:b\r\n\r\n",
  ];
  for (const block of blocks) {
    assertEquals(frames(headers, [block + "{}" + block + "[]"]), ["{}", "[]"], block);
    assertEquals(frames(headers, singly(block + "{}" + block + "[]")), ["{}", "[]"], block);
  }
});

Deno.test("headers.decoder() ends with a fault when a length is no plain number", () => {
  const bad = [
    ...[
      "5abc",
      "+5",
      "-5",
      "0x10",
      "1e3",
      "1.0",
      "",
      "99999999999999999999",
      "00000000002",
      "5, 7",
    ],
    ...["5 7", "\u0665", "5;", "Infinity", "NaN", "٢"],
  ];
  for (const value of bad) {
    const input = `Content-Length: ${value}\r\n\r\n{}{}{}{}Content-Length: 2\r\n\r\n{}`;
    const [first, ...others] = frames(headers, [input]);
    assertEquals(first, frames(headers, singly(input))[0]);
    assert(typeof first === "object" && first.fatal && first.kind === "malformed", value);
    assert(first.reason.startsWith("Content-Length must be a number, it is "), first.reason);
    assertEquals(others, [], "nothing behind it is executed");
  }
});

Deno.test("headers.decoder() ends with a fault when headers cannot be understood", () => {
  const bad: [string, string][] = [
    ["Content-Length: 2\r\nContent-Length: 2\r\n\r\n", "there are two Content-Length headers"],
    ["Content-Length: 2\r\ncontent-length: 3\r\n\r\n", "there are two Content-Length headers"],
    ["Content-Type: text/plain\r\n\r\n", "the header block has no Content-Length"],
    ["\r\n", '"{}Content-Length: 2" is not a header line'],
    ["X: y\r\n\r\n", "the header block has no Content-Length"],
    ["Content-Length: 2\n\n", "a header line must end with CR LF"],
    ["\n", "a header line must end with CR LF"],
    ["Content-Length: 2\r\n\n", "a header line must end with CR LF"],
    ["Content-Length 2\r\n\r\n", '"Content-Length 2" is not a header line'],
    [": 2\r\n\r\n", '": 2" is not a header line'],
    [
      "Content-Length: 2\r\n folded\r\n\r\n",
      '" folded" is not a header line',
    ],
    ["Content-Length : 2\r\n\r\n", '"Content-Length : 2" is not a header line'],
    [
      "Content-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n\r\n",
      "Content-Type must have charset=utf-8",
    ],
    [
      "Content-Type: application/json; charset=utf8\ufeff\r\nContent-Length: 2\r\n\r\n",
      "Content-Type must have charset=utf-8",
    ],
    ['{"jsonrpc":"2.0"}\r\n\r\n', '"{\\"jsonrpc\\":\\"2.0\\"}" is not a header line'],
  ];
  for (const [block, reason] of bad) {
    assertEquals(frames(headers, [block + "{}Content-Length: 2\r\n\r\n{}"]), [fatal(reason)]);
    assertEquals(frames(headers, singly(block + "{}Content-Length: 2\r\n\r\n{}")), [fatal(reason)]);
  }
});

Deno.test("headers.decoder() passes over empty lines before a block", () => {
  const input = "\r\n\r\nContent-Length: 2\r\n\r\n{}\r\nContent-Length: 2\r\n\r\n[]\r\n";
  assertEquals(frames(headers, [input]), ["{}", "[]"]);
  assertEquals(frames(headers, singly(input)), ["{}", "[]"]);
});

Deno.test("headers.decoder() takes a header block at the limit, and none past it", () => {
  for (const max of [64, 4096]) {
    const block = (size: number) => {
      const start = "Content-Length: 2\r\nX-Fill: ";
      return `${start}${"x".repeat(size - start.length - 4)}\r\n\r\n`;
    };
    assertEquals(block(max).length, max);
    const given = { maxHeaderBytes: max };
    const past = [fatal(`the header block is longer than ${max} bytes`)];
    assertEquals(frames(headers, [block(max) + "{}" + block(max) + "[]"], given), ["{}", "[]"]);
    assertEquals(frames(headers, singly(block(max) + "{}"), given), ["{}"]);
    assertEquals(frames(headers, [block(max + 1) + "{}"], given), past);
    assertEquals(frames(headers, singly(block(max + 1) + "{}"), given), past);
    assertEquals(frames(headers, ["x".repeat(max + 1)], given), past, "no line ends in it at all");
  }
});

Deno.test("headers.decoder() takes so many lines as the limit says, and not one more", () => {
  for (const max of [1, 2, 16]) {
    const block = (count: number) =>
      "Content-Length: 2\r\n" + "X-Fill: 1\r\n".repeat(count - 1) + "\r\n{}";
    const given = { maxHeaderLines: max };
    const past = [fatal(`the header block has more than ${max} lines`)];
    assertEquals(frames(headers, [block(max), block(max)], given), ["{}", "{}"]);
    assertEquals(frames(headers, [block(max + 1)], given), past);
    assertEquals(frames(headers, singly(block(max + 1)), given), past);
  }
});

Deno.test("headers.decoder() refuses a message over the limit before a byte of it is taken", () => {
  const given = { maxMessageBytes: 64 };
  const at = frame("headers", "x".repeat(64));
  assertEquals(frames(headers, [at], given), ["x".repeat(64)]);
  for (const [length, said] of [["65", 65], ["9999999999", 9999999999]] as const) {
    const decoder = headers.decoder(limits(given));
    const found = decodeAll(decoder, [`Content-Length: ${length}\r\n\r\nxxx`, "x".repeat(1000)]);
    const reason = `the message has ${said} bytes, the limit is 64`;
    assertEquals(found, [fault("oversized", true, reason, 64)]);
    assertEquals(decoder.held, 0);
  }
});

Deno.test("headers.decoder() goes on when a message is empty, or is not UTF-8", () => {
  const input = join([
    frame("headers", ""),
    frame("headers", new Uint8Array([0x22, 0xff, 0x22])),
    frame("headers", "{}"),
  ]);
  const expected = [
    fault("malformed", false, "the message has no bytes"),
    fault("malformed", false, "the message is not UTF-8"),
    "{}",
  ];
  assertEquals(frames(headers, [input]), expected);
  assertEquals(frames(headers, singly(input)), expected);
});

Deno.test("headers.decoder() tells what it holds: what has come, not what was announced", () => {
  const decoder = headers.decoder(limits());
  assertEquals([decoder.held, decoder.midway], [0, false]);
  decodeAll(decoder, ["Content-Le"]);
  assertEquals([decoder.held, decoder.midway], [10, true]);
  decodeAll(decoder, ["ngth: 1000000\r\n\r\n"]);
  assertEquals([decoder.held, decoder.midway], [0, true]);
  decodeAll(decoder, ["x".repeat(10)]);
  assertEquals([decoder.held, decoder.midway], [10, true]);
  decodeAll(decoder, ["x".repeat(1_000_000 - 10)]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
});

Deno.test("headers.decoder() takes a long message in small pieces", () => {
  const text = "x".repeat(1_000_000), bytes = frame("headers", text);
  const crumbs = function* () {
    for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
  };
  assert(frames(headers, crumbs())[0] === text);
});

Deno.test("encode() writes the length in bytes before each message", () => {
  const texts = ["{}", '"é€😀"', "x".repeat(100)];
  const whole = headers.encode(texts, reserve);
  assertEquals(whole, join(texts.map((text) => frame("headers", text))));
  for (const text of [...texts, `"${"é".repeat(300_000)}"`]) {
    assertEquals(headers.encode([text], reserve), frame("headers", text));
  }
  const lone = headers.encode(['"\ud800"'], reserve);
  assertEquals(lone, bytesOf('Content-Length: 5\r\n\r\n"\ufffd"'));
});
