import { assert, assertEquals } from "@std/assert";
import { json } from "../../../lib/framing/json.ts";
import type { Frame } from "../../../lib/framing/mod.ts";
import { bytesOf, join } from "../../support/raw.ts";
import { decodeAll, fault, frames, limits, reserve, singly } from "./_frames.ts";

const TOO_LONG = (max: number) =>
  fault("oversized", false, `the line is longer than ${max} bytes`, max);
const NOT_UTF8 = fault("malformed", false, "the line is not UTF-8");

/** Frames without the white space around them, which means nothing. */
function trimmed(found: readonly Frame[]): Frame[] {
  return found.map((frame) => typeof frame === "string" ? frame.trim() : frame);
}

/** Frames as a connection takes them: a second look at those that are not JSON. */
function values(chunks: Iterable<string | Uint8Array>, max = 1 << 20): Frame[] {
  const decoder = json.decoder(limits({ maxMessageBytes: max }));
  const found: Frame[] = [];
  for (const chunk of chunks) {
    for (const frame of decodeAll(decoder, [chunk])) {
      if (typeof frame === "string" && !isJson(frame)) found.push(...decoder.split!(frame));
      else found.push(frame);
    }
  }
  return trimmed(found);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The table of std's delimiter tests: chunks with their label, and the frames that they hold. */
const TABLE: readonly [label: string, chunks: string[], frames: string[]][] = [
  ["one line", ['{"a":1}\n'], ['{"a":1}']],
  ["two lines in one chunk", ["{}\n[]\n"], ["{}", "[]"]],
  ["a line in two chunks", ['{"a"', ":1}\n"], ['{"a":1}']],
  ["the newline alone", ["{}", "\n"], ["{}"]],
  ["a newline at the start of the next", ["{}", "\n{}\n"], ["{}", "{}"]],
  ["CRLF", ["{}\r\n[]\r\n"], ["{}", "[]"]],
  ["CRLF cut in the middle", ["{}\r", "\n[]\r", "\n"], ["{}", "[]"]],
  ["blank lines", ["\n\n{}\n\r\n \t\n[]\n\n"], ["{}", "[]"]],
  ["blank lines in chunks of their own", ["\n", "\r\n", " \n", "{}\n"], ["{}"]],
  ["spaces and tabs around", ["  {} \t\n"], ["{}"]],
  ["an empty chunk", ["", "{}", "", "\n", ""], ["{}"]],
  ["what is no JSON", ["no\n", "{no}\n"], ["no", "{no}"]],
  ["a last line without a newline", ["{}\n", '{"a":'], ["{}"]],
  ["nothing", [], []],
];

for (const [label, chunks, expected] of TABLE) {
  Deno.test(`lines.decoder() finds the frames when given ${label}`, () => {
    assertEquals(trimmed(frames(json, chunks)), expected);
    assertEquals(trimmed(frames(json, singly(chunks.join("")))), expected, "byte by byte");
    assertEquals(trimmed(frames(json, [chunks.join("")])), expected, "in one piece");
  });
}

Deno.test("lines.decoder() takes values without newlines between them, however they are cut", () => {
  const inputs = [
    '{"a":1}{"b":2}{"c":3}\n',
    '[1][2]{"c":"}{"}\n',
    '{"a":1} {"b":2}\r\n{"c":3}{"d":4}\n',
    '{"a":"\\"}{"}{"b":"\\\\"}{}\n',
    '{"a":1}{"b":2}{"c":3} no\n{}\n',
    '{"a":1}{no}{"c":3}\n',
    '{"é":"😀"}{"é":"😀"}\n',
    "[][]\n[]\n[][\n",
  ];
  for (const input of inputs) {
    const bytes = bytesOf(input);
    const whole = values([bytes]);
    assert(whole.length > 1, input);
    for (let from = 0; from <= bytes.length; from++) {
      for (let to = from; to <= bytes.length; to++) {
        const cut = [bytes.slice(0, from), bytes.slice(from, to), bytes.slice(to)];
        assertEquals(values(cut), whole, `${input} cut at ${from} and ${to}`);
      }
    }
    assertEquals(values(singly(bytes)), whole);
  }
});

Deno.test("lines.decoder() gives a value at once when another one begins behind it", () => {
  const decoder = json.decoder(limits());
  assertEquals(
    decodeAll(decoder, ['{"a":1}']),
    [],
    "a newline may follow, or more that belongs to it",
  );
  assertEquals(decodeAll(decoder, ["{"]), [], "looked at when the next one closes");
  assertEquals(decodeAll(decoder, ['"b":2}']), ['{"a":1}', '{"b":2}']);
  assertEquals(
    decodeAll(decoder, ['{"c":3}']),
    ['{"c":3}'],
    "a peer without newlines is known now",
  );
  assertEquals(decoder.midway, false);
});

Deno.test("lines.decoder() does not cut a line in two when its first value is followed by a word", () => {
  assertEquals(trimmed(frames(json, ['{"a":1} word', '{"b":2}\n'])), ['{"a":1} word{"b":2}']);
  assertEquals(trimmed(frames(json, ["word{}{}", "\n"])), ["word{}{}"]);
  assertEquals(trimmed(frames(json, ["[1]]{}", "\n"])), ["[1]]{}"]);
});

Deno.test("lines.decoder() takes a line at the limit, and skips one past it to its end", () => {
  for (const max of [64, 1023, 1024, 5000]) {
    const at = "x".repeat(max), past = "x".repeat(max + 1);
    const input = `${at}\n${past}\n${at}\n${past}${past}\n\n${at}\n`;
    const expected = [at, TOO_LONG(max), at, TOO_LONG(max), at];
    const given = { maxMessageBytes: max };
    assertEquals(frames(json, [input], given), expected);
    assertEquals(frames(json, singly(input), given), expected);
    for (const cut of [1, max - 1, max, max + 1, max + 2, 2 * max, 2 * max + 3]) {
      assertEquals(frames(json, [input.slice(0, cut), input.slice(cut)], given), expected);
    }
  }
});

Deno.test("lines.decoder() shows how a line begins that is too long", () => {
  const line = `{"jsonrpc":"2.0","id":1,"result":"${"x".repeat(1000)}"}`;
  for (const chunks of [[bytesOf(line)], [...singly(line)]]) {
    const decoder = json.decoder(limits({ maxMessageBytes: 100 }));
    const starts: unknown[] = [];
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let frame; (frame = decoder.next()) !== undefined;) {
        starts.push(typeof frame === "object" && "start" in frame && frame.start);
      }
    }
    assertEquals(starts, [line.slice(0, 64)]);
  }
});

Deno.test("lines.decoder() counts bytes and not letters when it looks for the limit", () => {
  const given = { maxMessageBytes: 64 };
  assertEquals(frames(json, ["é".repeat(32) + "\n"], given), ["é".repeat(32)]);
  assertEquals(frames(json, ["é".repeat(33) + "\n"], given), [TOO_LONG(64)]);
});

Deno.test("lines.decoder() takes values up to the limit each, when several stand in one line", () => {
  const value = `["${"x".repeat(60)}"]`;
  assertEquals(value.length, 64);
  const short = '{"a":1}';
  const given = { maxMessageBytes: 64 };
  for (const input of [`${short}${value}\n`, `${short}${value}${value}\n`]) {
    const expected = input.includes(value + value) ? [short, value, value] : [short, value];
    for (let cut = 0; cut <= input.length; cut++) {
      const found = trimmed(frames(json, [input.slice(0, cut), input.slice(cut)], given));
      assertEquals(found, expected, `cut at ${cut}`);
    }
  }
});

Deno.test("lines.decoder() says that a line is not UTF-8, and goes on", () => {
  const bad = join([bytesOf('{"a":"'), new Uint8Array([0xff]), bytesOf('"}\n')]);
  const input = join([bytesOf('{"b":1}\n'), bad, bytesOf('{"c":"\ufffd"}\n'), bad]);
  const expected = ['{"b":1}', NOT_UTF8, '{"c":"\ufffd"}', NOT_UTF8];
  assertEquals(frames(json, [input]), expected);
  assertEquals(frames(json, singly(input)), expected);
  const concatenated = join([bytesOf("{}{}"), bad]);
  assertEquals(frames(json, singly(concatenated)), ["{}", "{}", NOT_UTF8]);
});

Deno.test("lines.decoder() takes the values of a line that is not UTF-8, however it is cut", () => {
  for (
    const [text, expected] of [
      ['{"a":1}{"b":"\xff"}', ['{"a":1}', NOT_UTF8]],
      ['{"a":1}{"b":"\xff"} {"c":3}', ['{"a":1}', NOT_UTF8, '{"c":3}']],
      ['{"a":"\xff"} [1]', [NOT_UTF8, "[1]"]],
      ['{"a":1}\xff{"b":2}', [NOT_UTF8]],
      ['{"a":1} [2] \xff', ['{"a":1}', "[2]", NOT_UTF8]],
    ] as const
  ) {
    const bytes = Uint8Array.from(text + '\n{"d":4}\n', (letter) => letter.charCodeAt(0));
    for (let cut = 1; cut < bytes.length; cut++) {
      const found = values([bytes.subarray(0, cut), bytes.subarray(cut)]);
      assertEquals(found, [...expected, '{"d":4}'], `${JSON.stringify(text)} cut at ${cut}`);
    }
    assertEquals(values(singly(bytes)), [...expected, '{"d":4}']);
  }
});

Deno.test("lines.decoder() looks once at each of many values of a line that is not UTF-8", () => {
  const line = join([bytesOf("{}".repeat(100_000)), new Uint8Array([0xff, 10])]);
  assertEquals(values([line]).length, 100_001);
});

Deno.test("lines.decoder() keeps letters whole when chunks cut them", () => {
  const text = '{"a":"aé€😀"}';
  assertEquals(frames(json, singly(text + "\n")), [text]);
  assertEquals(frames(json, singly(`{}{}${text}`)), ["{}", "{}", text]);
});

Deno.test("lines.decoder() keeps a byte order mark, which no JSON begins with", () => {
  assertEquals(frames(json, ["\ufeff{}\n"]), ["\ufeff{}"]);
});

Deno.test("lines.decoder() tells what it holds, which is never more than the limit", () => {
  const decoder = json.decoder(limits({ maxMessageBytes: 64 }));
  assertEquals([decoder.held, decoder.midway], [0, false]);
  decodeAll(decoder, ['{"a"']);
  assertEquals([decoder.held, decoder.midway], [4, true]);
  decodeAll(decoder, [":1}\n"]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
  for (let n = 0; n < 100; n++) {
    decodeAll(decoder, ["0123456789"]);
    assert(decoder.held <= 64, String(decoder.held));
    assert(decoder.midway);
  }
  assertEquals(decodeAll(decoder, ["\n{}\n"]), ["{}"]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
});

/** A megabyte in pieces of ten bytes: what costs the square of it would not end in a minute. */
function* crumbs(text: string): Iterable<Uint8Array> {
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
}

Deno.test("lines.decoder() takes a long line in small pieces, whatever stands in it", () => {
  const size = 1_000_000;
  const texts = [
    `"${"x".repeat(size)}"`,
    `{"a":"${"}".repeat(size)}"}`,
    `{"a":"${'\\"}'.repeat(size / 3)}"}`,
    `["${"\\\\".repeat(size / 2)}"]`,
    `[${"{},".repeat(size / 3)}{}]`,
    "}".repeat(size),
  ];
  for (const text of texts) assert(frames(json, crumbs(text + "\n"))[0] === text);
});

Deno.test("lines.decoder() takes many values without newlines in small pieces", () => {
  const count = 100_000;
  assertEquals(values(crumbs(`${'{"a":1}'.repeat(count)}\n`)).length, count);
  assertEquals(values([`${'{"a":1}'.repeat(count)}\n`]).length, count, "and in one");
});

Deno.test("lines.decoder() skips a line of many megabytes in small pieces", () => {
  const decoder = json.decoder(limits({ maxMessageBytes: 1000 }));
  const piece = "x".repeat(10_000);
  const found = decodeAll(decoder, Array(2000).fill(piece));
  assertEquals(found, [TOO_LONG(1000)]);
  assertEquals(decodeAll(decoder, ["\n{}\n"]), ["{}"]);
});

Deno.test("split() gives the values of a line, or the line itself when it is none", () => {
  const split = (text: string) => trimmed(json.decoder(limits()).split!(text));
  assertEquals(split('{"a":1}{"b":2}'), ['{"a":1}', '{"b":2}']);
  assertEquals(split('{"a":1}\t[2] {'), ['{"a":1}', "[2]", "{"]);
  assertEquals(split('{"a":1} word'), ['{"a":1} word']);
  assertEquals(split("word"), ["word"]);
  assertEquals(split("{"), ["{"]);
  assertEquals(split("{]{}"), ["{]{}"]);
});

Deno.test("encode() writes a line for each message", () => {
  const encode = (...messages: string[]) =>
    new TextDecoder().decode(json.encode(messages, reserve));
  assertEquals(encode("{}"), "{}\n");
  assertEquals(encode("{}", "[1]", '"é€😀"'), '{}\n[1]\n"é€😀"\n');
  const large = `"${"é".repeat(300_000)}"`;
  assertEquals(encode(large, "{}"), `${large}\n{}\n`);
});
