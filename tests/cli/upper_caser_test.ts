import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import { UpperCaser } from "../../cli/raw/upper_caser.ts";
import { bytesOf, join } from "../support/raw.ts";

/** What comes out of pieces that go in one after another. */
function upperCase(...pieces: readonly Uint8Array[]): Uint8Array {
  const caser = new UpperCaser();
  return join([...pieces.map((piece) => caser.push(piece)), caser.end()]);
}

/** The same without a care for speed: whatever can be decoded as one character is one. */
function reference(bytes: Uint8Array): Uint8Array {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = [1, 2, 3, 4].find((size) => {
      try {
        return [...decoder.decode(bytes.subarray(at, at + size))].length === 1;
      } catch {
        return false;
      }
    });
    const part = bytes.subarray(at, at += size ?? 1);
    parts.push(size === undefined ? part : bytesOf(decoder.decode(part).toUpperCase()));
  }
  return join(parts);
}

const hex = (text: string) => Uint8Array.from(text.split(" "), (byte) => parseInt(byte, 16));

const TEXTS = {
  "nothing": "",
  "ASCII": "hello, world 1\n",
  "umlauts and a sharp s": "fünf große Äpfel, straße",
  "an accent": "café",
  "letters that become several": "ŉ ǰ ΐ ﬃ ᾷ ﬗ",
  "Greek, with a sigma at the end": "οδυσσέας",
  "combining marks": "a\u0301\u0345e\u0300",
  "letters without upper case": "你好 ñandú 日本",
  "four bytes": "𐐨𐑏 🎉 x",
  "a byte order mark": "\ufeffabc",
  "a null": "a\0b",
};

const BYTES = {
  "bytes that never occur": hex("61 ff 62 fe c0 63 f5 f8 64"),
  "stray continuations": hex("80 61 bf 62 c3 a9 80 80 80 80 63"),
  "a lead byte before ASCII": hex("c3 61 e2 61 f0 61"),
  "characters that are cut off by others": hex("e2 82 61 f0 9f 8e 61 e2 c3 a9 f0 9f c3 a9"),
  "longer forms than needed": hex("c0 80 c1 bf e0 80 af e0 9f bf f0 8f bf bf 61"),
  "surrogates": hex("ed a0 80 ed bf bf ed 9f bf ee 80 80 61"),
  "past the last character": hex("f4 90 80 80 f4 8f bf bf 61"),
  "Latin-1": hex("63 61 66 e9 20 6e 6f"),
  "the beginning of a character at the end": hex("61 f0 9f 8e"),
};

const CASES: readonly (readonly [string, Uint8Array])[] = [
  ...Object.entries(TEXTS).map(([name, text]) => [name, bytesOf(text)] as const),
  ...Object.entries(BYTES),
];

Deno.test("UpperCaser gives what toUpperCase() gives when the text is UTF-8", () => {
  for (const text of Object.values(TEXTS)) {
    assertEquals(upperCase(bytesOf(text)), bytesOf(text.toUpperCase()), text);
  }
});

for (const [name, bytes] of CASES) {
  Deno.test(`UpperCaser gives the same for ${name} however often it is cut`, () => {
    const whole = reference(bytes);
    assertEquals(upperCase(bytes), whole);
    assertEquals(upperCase(...Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) {
        const pieces = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
        assertEquals(upperCase(...pieces), whole, `cut at ${i} and ${j}`);
      }
    }
  });
}

Deno.test("UpperCaser gives the same for any bytes with any cuts", () => {
  const piece = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 8 }).map(bytesOf),
    fc.uint8Array({ maxLength: 6 }),
    // Bytes near the borders of what is allowed.
    fc.array(
      fc.constantFrom(0x61, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc3, 0xe0, 0xed, 0xf0, 0xf4),
      {
        maxLength: 6,
      },
    ).map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      assertEquals(upperCase(...pieces), reference(join(pieces)));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("UpperCaser holds back no more than the beginning of one character", () => {
  for (const [name, bytes] of CASES) {
    for (let end = 0; end <= bytes.length; end++) {
      const caser = new UpperCaser();
      caser.push(bytes.subarray(0, end));
      const held = caser.end();
      assert(held.length <= 3, name);
      assertEquals(held, bytes.slice(end - held.length, end), name);
    }
  }
  // What cannot become a character is not waited for.
  for (const text of ["ff", "80", "c0", "e0 80", "ed a0", "f0 8f", "f4 90", "f5", "e2 82 ac"]) {
    const caser = new UpperCaser();
    assertEquals(caser.push(hex(text)), hex(text), text);
    assertEquals(caser.end().length, 0, text);
  }
});

Deno.test("UpperCaser passes a character that is never completed unchanged, at the end", () => {
  for (const text of ["c3", "e2", "e2 82", "f0", "f0 9f", "f0 9f 8e"]) {
    const caser = new UpperCaser();
    assertEquals(caser.push(hex(`61 ${text}`)), bytesOf("A"), text);
    assertEquals(caser.end(), hex(text));
    assertEquals(caser.end().length, 0, "once");
    assertEquals(caser.push(bytesOf("b")), bytesOf("B"), "and can go on");
  }
});

Deno.test("UpperCaser leaves its input alone, and keeps none of it", () => {
  const caser = new UpperCaser();
  const buffer = bytesOf("é").slice();
  assertEquals(caser.push(buffer.subarray(0, 1)).length, 0);
  assertEquals(buffer, bytesOf("é"));
  const second = buffer.slice(1);
  buffer.fill(0);
  assertEquals(caser.push(second), bytesOf("É"));
});

Deno.test("UpperCaser has room for every character, also next to a byte that is not UTF-8", () => {
  const every: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code < 0xd800 || code > 0xdfff) every.push(String.fromCodePoint(code));
  }
  const bad = Uint8Array.of(0xff);
  const changing = every.filter((character) => character.toUpperCase() !== character);
  for (const character of changing) {
    const upper = bytesOf(character.toUpperCase());
    assertEquals(upperCase(bytesOf(character)), upper, character);
    assertEquals(upperCase(join([bytesOf(character), bad])), join([upper, bad]), character);
  }
  const all = every.join("");
  assertEquals(new TextDecoder().decode(upperCase(bytesOf(all))), all.toUpperCase());
});
