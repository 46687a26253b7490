// The framing json, by its table in PROTOCOL.md: each row cut in every place.

import { assert, assertEquals } from "@std/assert";
import { json } from "../../../lib/framing/json.ts";
import type { Decoder, Frame } from "../../../lib/framing/mod.ts";
import { bytesOf, join } from "../../support/raw.ts";
import { decodeAll, fault, frames, limits, reserve, singly } from "./_frames.ts";

const TOO_LONG = (max: number) =>
  fault("oversized", false, `the text is longer than ${max} bytes`, max);
const NOT_UTF8 = fault("malformed", false, "the text is not UTF-8");
const TOO_DEEP: Frame = {
  ...fault("malformed", false, "more than 64 levels of nesting"),
  maxDepth: 64,
};
const UNFINISHED = fault("malformed", false, "unfinished");

/** What does not belong where it stands. */
function found(expected: string, byte: number, what: string): Frame {
  return fault("malformed", false, `byte ${byte}: expected ${expected}, found ${what}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A decoder for a reader that parses, with the reader: it gives what a connection handles. */
function parsing(max = 1 << 20): Decoder {
  const decoder = json.decoder(limits({ maxMessageBytes: max }), true);
  return {
    push: (chunk) => decoder.push(chunk),
    next() {
      for (;;) {
        const frame = decoder.next();
        if (typeof frame !== "string") return frame;
        if (isJson(frame)) return frame.trim();
        assert(decoder.reject!(), `${frame} was looked at`);
      }
    },
    end: () => decoder.end!(),
    get held() {
      return decoder.held;
    },
    get midway() {
      return decoder.midway;
    },
    get isLost() {
      return decoder.isLost!;
    },
  };
}

/** All frames of these chunks up to the end of what comes. */
function ended(decoder: Decoder, chunks: Iterable<string | Uint8Array>): Frame[] {
  const all = decodeAll(decoder, chunks);
  decoder.end!();
  return [...all, ...decodeAll(decoder, [""])];
}

/** The same in one piece, byte by byte, and cut in every two places, by both decoders: all must agree. */
function everyCut(input: string | Uint8Array, max?: number): Frame[] {
  const bytes = bytesOf(input);
  const exact = () => json.decoder(limits(max === undefined ? {} : { maxMessageBytes: max }));
  const whole = ended(exact(), [bytes]);
  for (const make of [exact, () => parsing(max)]) {
    assertEquals(ended(make(), [bytes]), whole);
    assertEquals(ended(make(), singly(bytes)), whole);
    for (let from = 0; from <= bytes.length; from++) {
      const rest = bytes.subarray(from);
      const step = Math.max(1, Math.ceil(rest.length / 40));
      for (let to = 0; to <= rest.length; to += step) {
        const cut = [bytes.subarray(0, from), rest.subarray(0, to), rest.subarray(to)];
        assertEquals(ended(make(), cut), whole, `${Deno.inspect(input)} at ${from} and ${to}`);
      }
    }
  }
  return whole;
}

const A = '{"a":1}', B = '{"b":2}', INNER = '{"jsonrpc":"2.0","id":7,"method":"x"}';

/** What is sent, and the frames that it holds. */
const TABLE: readonly [label: string, input: string | Uint8Array, frames: Frame[]][] = [
  // ---- Between texts
  ["nothing", "", []],
  ["one line", `${A}\n`, [A]],
  ["no newline", A, [A]],
  ["two texts without anything between them", A + B, [A, B]],
  ["white space", ` \t\r\n${A} \r\n\n ${B}\t`, [A, B]],
  ["NUL behind each", `${A}\0${B}\0`, [A, B]],
  ["RS before each, as in RFC 7464", `\x1e${A}\n\x1e${B}\n`, [A, B]],
  ["a byte order mark", `\ufeff${A}\n\ufeff${B}`, [A, B]],
  ["half a byte order mark", Uint8Array.of(0xef, 0xbb), [UNFINISHED]],
  ["what only begins as a byte order mark", Uint8Array.of(0xef, 0xbb, 0x7b, 10, 0x7b, 0x7d), [
    found("a JSON text", 0, "the byte 0xef"),
    "{}",
  ]],
  ["several lines", '{\n  "a": [\n    1\n  ]\n}\n', ['{\n  "a": [\n    1\n  ]\n}']],
  ["CRLF within a text", '{\r\n"a":1\r\n}\r\n', ['{\r\n"a":1\r\n}']],

  // ---- Other texts
  ["a line that is another JSON text", '42\n"x"\nnull\ntrue\n-1.5e3\n', [
    "42",
    '"x"',
    "null",
    "true",
    "-1.5e3",
  ]],
  ["space around it", ` 42 \t\r\n\x1e"x"\n${A}`, ["42", '"x"', A]],
  ["NUL behind another text", `42\0\n${A}`, [found("the end of the line", 2, "the byte 0x00"), A]],
  ["another text behind a frame", `${A} 42\n${B}`, [A, found("{ or [", 0, "4"), B]],
  ["another text behind RS and a broken text", `{'a'}\x1e 42\n`, [
    found("a name in double quotes or }", 1, "'"),
    "42",
  ]],
  ["another text that something follows", `42 {}\n${A}`, [
    found("the end of the line", 3, "{"),
    A,
  ]],
  ["another text without the end of its line", "42", [UNFINISHED]],
  ["rubbish", `hello {"a":1}\n${A}\n`, [found("a JSON text", 0, "h"), A]],
  ["rubbish behind a frame", `${A} x ${B}\n${B}`, [A, found("a JSON text", 0, "x"), B]],
  ["rubbish without the end of its line", `hello`, [found("a JSON text", 0, "h")]],
  ["much rubbish", `${"x".repeat(200)}\n${A}`, [found("a JSON text", 0, "x"), A]],
  ["rubbish that begins as a word", `nul\n${A}`, [found("null", 3, "a line feed"), A]],
  ["rubbish that begins as a number", `12a\n${A}`, [found("the end of the line", 2, "a"), A]],
  ["a line of rubbish with RS and NUL in it", `x\x1e${A}\0${A}\n${B}`, [
    found("a JSON text", 0, "x"),
    B,
  ]],
  ["a closing bracket", `}\n${A}`, [found("a JSON text", 0, "}"), A]],

  // ---- Inside a text
  ["a call within an open bracket", `{"a":[\n${INNER}\n]}\n`, [`{"a":[\n${INNER}\n]}`]],
  ["a batch over several lines", `[\n${INNER},\n${INNER}\n]\n`, [`[\n${INNER},\n${INNER}\n]`]],
  ["brackets in strings", '{"a":"}{","b":"\\"]"}', ['{"a":"}{","b":"\\"]"}']],
  ["single quotes", `{'a':1}\n${A}\n`, [found("a name in double quotes or }", 1, "'"), A]],
  ["a trailing comma", `{"a":1,}\n${A}\n`, [found("a name in double quotes", 7, "}"), A]],
  ["a missing brace", `{"a":[1]\n${A}\n`, [found("a comma or }", 9, "{"), A]],
  ["a raw tab in a string", `{"a":"\t"}\n${A}\n`, [
    found(
      "no control character in a string",
      6,
      "the byte 0x09",
    ),
    A,
  ]],
  ["a string that its line ends", `{"a":"b\n${A}\n`, [
    found(
      "no control character in a string",
      7,
      "a line feed",
    ),
    A,
  ]],
  ["a byte order mark within", `[\ufeff]\n${A}\n`, [found("a value or ]", 1, "the byte 0xef"), A]],
  ["an unfinished text", `${A}{"b":`, [A, UNFINISHED]],

  // ---- After a break
  ["calls in the same line", `{'a'} ${INNER} ${INNER}\n${A}`, [
    found("a name in double quotes or }", 1, "'"),
    A,
  ]],
  ["calls that are indented", `{'a':\n  ${INNER}\n\t${INNER}\n}\n${A}\n`, [
    found("a name in double quotes or }", 1, "'"),
    A,
  ]],
  ["RS ends it", `{'a'}\x1e${A}`, [found("a name in double quotes or }", 1, "'"), A]],
  ["NUL ends it", `{'a'}\0${A}`, [found("a name in double quotes or }", 1, "'"), A]],
  ["RS breaks it", `{"a":\x1e${A}`, [found("a value", 5, "the byte 0x1e"), A]],
  ["a second break", `{'a'}\n{'b'}\n${A}`, [
    found("a name in double quotes or }", 1, "'"),
    found("a name in double quotes or }", 1, "'"),
    A,
  ]],
  ["nothing behind which reading could go on", `{'a'}${A}${B}`, [
    found("a name in double quotes or }", 1, "'"),
  ]],
  ["a broken text that ends in a comma takes what follows", `{"a":[1,\n${A}\n${B}\n`, [
    found("a comma or ]", 17, "{"),
    B,
  ]],

  // ---- UTF-8
  [
    "what is not UTF-8 in a string",
    join([bytesOf('{"a":"'), Uint8Array.of(0xff), bytesOf(`"}${A}\n`)]),
    [NOT_UTF8, A],
  ],
  [
    "what is not UTF-8 elsewhere",
    join([bytesOf(`${A}{"a":`), Uint8Array.of(0xff), bytesOf(`}\n${B}\n`)]),
    [A, found("a value", 5, "the byte 0xff"), B],
  ],
  ["letters of several bytes", '{"é":"€😀"}\n{"b":"é"}{"c":"\ufffd"}', [
    '{"é":"€😀"}',
    '{"b":"é"}',
    '{"c":"\ufffd"}',
  ]],

  // ---- Depth
  ["64 levels", "[".repeat(64) + "]".repeat(64), ["[".repeat(64) + "]".repeat(64)]],
  ["65 levels", `${"[".repeat(65)}${"]".repeat(65)}${A}`, [TOO_DEEP, A]],
  ["65 levels, broken behind that", `${"[".repeat(65)}"\n"${INNER}\n${A}\n`, [TOO_DEEP, A]],
  ["65 levels that do not close", "[".repeat(100), [TOO_DEEP]],
];

for (const [label, input, expected] of TABLE) {
  Deno.test(`json.decoder() reads ${label}`, () => assertEquals(everyCut(input), expected));
}

Deno.test("json.decoder() takes a text at the limit, and tells once of one past it", () => {
  for (const max of [64, 65, 100]) {
    const at = `["${"x".repeat(max - 4)}"]`, past = `["${"x".repeat(max - 3)}"]`;
    const far = `["${"x".repeat(3 * max)}"]`;
    const input = `${at}\n${past}\n${at}${far}${at}\r\n \n${past}${at}\n`;
    const expected = [at, TOO_LONG(max), at, TOO_LONG(max), at, TOO_LONG(max), at];
    assertEquals(everyCut(input, max), expected);
  }
});

Deno.test("json.decoder() counts bytes of a text, and no white space around it", () => {
  const text = `["${"é".repeat(30)}"]`;
  assertEquals(everyCut(`${" ".repeat(100)}${text}${"\n".repeat(100)}`, 64), [text]);
  assertEquals(everyCut(`["${"é".repeat(31)}"]\n`, 64), [TOO_LONG(64)]);
  assertEquals(everyCut(`"${"x".repeat(70)}"\n${A}`, 64), [TOO_LONG(64), A]);
  const digits = "1".repeat(64);
  assertEquals(everyCut(`${digits}\n${digits} \n${digits}1\n${A}`, 64), [
    digits,
    TOO_LONG(64),
    TOO_LONG(64),
    A,
  ]);
});

Deno.test("json.decoder() reads on behind a text that is too long and broken", () => {
  const long = `{"a":"${"x".repeat(100)}`;
  assertEquals(everyCut(`${long}\n${A}\n`, 64), [TOO_LONG(64), A]);
  assertEquals(everyCut(`${long}",\n ${INNER}\n${A}\n`, 64), [TOO_LONG(64), A]);
  assertEquals(everyCut(`{'${"x".repeat(100)}\n${A}\n`, 64), [
    found("a name in double quotes or }", 1, "'"),
    A,
  ]);
});

Deno.test("json.decoder() takes a text when its bracket closes, whatever follows later", () => {
  for (const make of [parsing, () => json.decoder(limits())]) {
    const decoder = make();
    assertEquals(decodeAll(decoder, [A]), [A]);
    assertEquals(decodeAll(decoder, ["\n"]), []);
    assertEquals(decodeAll(decoder, ["{\n", '"a"', ":1\n"]), []);
    assertEquals(decodeAll(decoder, ["}"]), ['{\n"a":1\n}']);
    assertEquals(decodeAll(decoder, [`${A}${B}`]), [A, B]);
    assertEquals([decoder.midway, decoder.held], [false, 0]);
  }
});

Deno.test("json.decoder() looks at what stands behind the last newline once a peer sends none", () => {
  const decoder = parsing();
  assertEquals(decodeAll(decoder, [`${A}{"b"`]), [], "only the bracket shows that it may be whole");
  assertEquals(decodeAll(decoder, [":2}"]), [A, B]);
  assertEquals(decodeAll(decoder, [`${A}{"b"`]), [A]);
});

Deno.test("json.decoder() shows how a text begins that is no frame", () => {
  const line = `{"jsonrpc":"2.0","id":1,"result":"${"x".repeat(1000)}"}`;
  const starts = (input: string, chunks: Iterable<Uint8Array>, max: number) => {
    const decoder = json.decoder(limits({ maxMessageBytes: max })), found: unknown[] = [];
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let frame; (frame = decoder.next()) !== undefined;) {
        found.push(typeof frame === "object" && "start" in frame && frame.start);
      }
    }
    assertEquals(found.length, 1, input);
    return found[0];
  };
  const broken = `{"jsonrpc":"2.0","id":1,"result":x`;
  for (
    const [input, max, start] of [
      [line, 100, line.slice(0, 64)],
      [broken, 100, broken.slice(0, -1)],
      ["[".repeat(65), 100, "[".repeat(64)],
      ["42 x\n", 100, "42 x"],
      ["hello\n", 100, "hello"],
      ["x".repeat(200), 100, "x".repeat(64)],
      ['"'.repeat(63) + "xy\n", 100, '"'.repeat(63) + "x"],
    ] as const
  ) {
    assertEquals(starts(input, [bytesOf(input)], max), start);
    assertEquals(starts(input, singly(input), max), start);
  }
});

Deno.test("json.decoder() tells what it holds, which is never more than the limit", () => {
  const decoder = json.decoder(limits({ maxMessageBytes: 64 }));
  assertEquals([decoder.held, decoder.midway], [0, false]);
  decodeAll(decoder, ['{"a"']);
  assertEquals([decoder.held, decoder.midway], [4, true]);
  decodeAll(decoder, [":1}  "]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
  for (let n = 0; n < 100; n++) {
    decodeAll(decoder, [n === 0 ? '["12345678' : "0123456789"]);
    assert(decoder.held <= 64, String(decoder.held));
    assert(decoder.midway);
  }
  assertEquals(decodeAll(decoder, ['"]\n{}\n']), ["{}"]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
});

Deno.test("json.decoder() is not midway where a line after a broken text begins", () => {
  const decoder = json.decoder(limits());
  decodeAll(decoder, ["{'a'"]);
  assertEquals(decoder.midway, true);
  decodeAll(decoder, ["}\n"]);
  assertEquals(decoder.midway, false);
  decodeAll(decoder, [" "]);
  assertEquals(decoder.midway, true);
});

Deno.test("json.decoder() is lost behind a broken text until something comes that ends it", () => {
  for (const make of [parsing, () => json.decoder(limits())]) {
    for (
      const [before, isLost] of [["", true], ["{}\n", false], ["\x1e", false], ["{}\0", false]]
    ) {
      const decoder = make();
      decodeAll(decoder, [`${before}{'a'}`]);
      assertEquals(decoder.isLost, isLost, Deno.inspect(before));
      decodeAll(decoder, ["{}"]);
      assertEquals(decoder.isLost, isLost);
      decodeAll(decoder, ["\n"]);
      assertEquals(decoder.isLost, false);
      assertEquals(decodeAll(decoder, ["{}"]), ["{}"]);
    }
  }
});

Deno.test("json.decoder() says how many bytes stand behind a frame", () => {
  const decoder = json.decoder(limits());
  const left = (chunk: string) => {
    const found: (number | undefined)[] = [];
    decoder.push(bytesOf(chunk));
    while (decoder.next() !== undefined) found.push(decoder.left);
    return found;
  };
  assertEquals(left(`${A}\n${B}{"c"`), [12, 4]);
  assertEquals(left(`:1} ${A}\n`), [9, 1]);
});

/** A megabyte in pieces of ten bytes: what costs the square of it would not end in a minute. */
function* crumbs(text: string): Iterable<Uint8Array> {
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
}

Deno.test("json.decoder() takes a long text in small pieces, whatever stands in it", () => {
  const size = 1_000_000;
  const texts = [
    `["${"x".repeat(size)}"]`,
    `{"a":"${"}".repeat(size)}"}`,
    `{"a":"${'\\"}'.repeat(size / 3)}"}`,
    `["${"\\\\".repeat(size / 2)}"]`,
    `[${"{},".repeat(size / 3)}{}]`,
    `[${"{},\n".repeat(size / 4)}{}]`,
  ];
  for (const text of texts) {
    assert(decodeAll(parsing(), crumbs(text))[0] === text);
    assert(frames(json, crumbs(text))[0] === text);
  }
});

Deno.test("json.decoder() takes many texts without newlines in small pieces", () => {
  const count = 100_000, text = '{"a":1}'.repeat(count);
  for (const chunks of [crumbs(text), [text]]) {
    assertEquals(decodeAll(parsing(), chunks).length, count);
  }
});

Deno.test("json.decoder() skips a text of many megabytes in small pieces", () => {
  const decoder = json.decoder(limits({ maxMessageBytes: 1000 }));
  const piece = "x".repeat(10_000);
  assertEquals(decodeAll(decoder, ['["', ...Array(2000).fill(piece)]), [TOO_LONG(1000)]);
  assertEquals(decodeAll(decoder, ['"]{}\n']), ["{}"]);
});

Deno.test("reject() looks once more at what was a line, and at nothing twice", () => {
  const decoder = json.decoder(limits(), true);
  decoder.push(bytesOf(`${A}${B}\n[\n`));
  assertEquals(decoder.next(), A + B);
  assert(decoder.reject!());
  assertEquals(decoder.next(), A);
  assertEquals(decoder.reject!(), false);
  assertEquals(decoder.next(), B);
  assertEquals(decoder.next(), undefined);
  decoder.push(bytesOf("]"));
  assertEquals(decoder.next(), "[\n]");
  assertEquals(decoder.reject!(), false);
});

Deno.test("encode() writes a line for each message", () => {
  const encode = (...messages: string[]) =>
    new TextDecoder().decode(json.encode(messages, reserve));
  assertEquals(encode("{}"), "{}\n");
  assertEquals(encode("{}", "[1]", '"é€😀"'), '{}\n[1]\n"é€😀"\n');
  const large = `"${"é".repeat(300_000)}"`;
  assertEquals(encode(large, "{}"), `${large}\n{}\n`);
});
