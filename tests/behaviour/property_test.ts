// Properties that hold for all inputs, tried on random ones. A failure prints the seed and the smallest
// input that shows it.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import { detect, type Frame, FRAMINGS } from "../../lib/framing/mod.ts";
import { parseMessage } from "../../lib/message/parse.ts";
import { DEFAULT_LIMITS, type FramingName, method } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { type LocalServer, serveLocally } from "../support/local.ts";
import { Script } from "../support/memory.ts";
import { bytesOf, frame, FRAMING_NAMES, join, unframe } from "../support/raw.ts";
import { meaning, meaningOf } from "../support/reference.ts";
import { ANYTHING } from "../support/schemas.ts";

// ---- What there is ---------------------------------------------------------------------------------

/** White space between the tokens of JSON. */
const space = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.stringMatching(/^[ \t\r\n]{0,3}$/) },
);

const string = fc.string({ unit: "grapheme", maxLength: 12 });

/** An object or an array, as text. */
const value = fc.oneof(
  fc.array(fc.jsonValue({ maxDepth: 2, stringUnit: "grapheme" }), { maxLength: 4 }),
  fc.dictionary(string, fc.jsonValue({ maxDepth: 2, stringUnit: "grapheme" }), { maxKeys: 4 }),
).map((value) => JSON.stringify(value));

/** How bytes are cut: sizes of pieces, used again and again. */
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

function* pieces(bytes: Uint8Array, sizes: readonly number[]): Iterable<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; at += sizes[n++ % sizes.length]!) {
    yield bytes.slice(at, at + sizes[n % sizes.length]!);
  }
}

/** Bytes that are nearly something: pieces of frames, of JSON, of headers, and noise. */
const nearly = fc.array(
  fc.oneof(
    value.map(bytesOf),
    fc.constantFrom("{", "}", "[", "]", '"', "\\", "\n", "\r\n", "\r\n\r\n", ":", "\0").map(
      bytesOf,
    ),
    fc.constantFrom("Content-Length: 5\r\n\r\n", "Content-Type: x\r\n", "Content-Length: 70000")
      .map(bytesOf),
    fc.constantFrom("\0\0\0\u0005", "\0\0\u0001\0", '{"jsonrpc":"2.0","id":1,"method":"echo"}\n')
      .map(bytesOf),
    fc.uint8Array({ maxLength: 30 }),
    fc.integer({ min: 1, max: 300 }).map((size) => bytesOf("x".repeat(size))),
  ),
  { maxLength: 12 },
).map(join);

/** What a server sends back to these chunks, on a connection of its own. */
async function answersTo(local: LocalServer, chunks: Iterable<Uint8Array>): Promise<Uint8Array> {
  const script = new Script(chunks);
  local.accept(script);
  await within(script.closed, "the connection to end");
  return script.written;
}

// ---- Framing ---------------------------------------------------------------------------------------

for (const framing of FRAMING_NAMES) {
  Deno.test(`any sequence of messages survives any cutting (${framing})`, () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 8 }), cuts, (texts, sizes) => {
        const decoder = FRAMINGS[framing].decoder(DEFAULT_LIMITS);
        const bytes = join(texts.map((text) => frame(framing, text)));
        const found: unknown[] = [];
        for (const piece of pieces(bytes, sizes)) {
          decoder.push(piece);
          for (let frame; (frame = decoder.next()) !== undefined;) found.push(frame);
          piece.fill(0);
        }
        assertEquals(found, texts);
        assert(!decoder.midway && decoder.held === 0);
      }),
      { numRuns: 1000 },
    );
  });

  Deno.test(`what encode() writes is what decoder() reads (${framing})`, () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (texts) => {
        const decoder = FRAMINGS[framing].decoder(DEFAULT_LIMITS);
        const bytes = FRAMINGS[framing].encode(texts, (size) => new Uint8Array(size));
        assertEquals(unframe(framing, bytes), texts);
        decoder.push(bytes);
        for (const text of texts) assertEquals(decoder.next(), text);
        assertEquals(decoder.next(), undefined);
      }),
    );
  });

  Deno.test(`any sequence of requests is answered, however it is cut (${framing})`, async () => {
    await using local = serveLocally({ echo: method(ANYTHING, (params) => params) });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 8 }), cuts, async (texts, sizes) => {
        const requests = texts.map((params, id) =>
          frame(framing, `{"jsonrpc":"2.0","id":${id},"method":"echo","params":${params}}`)
        );
        const written = await answersTo(local, pieces(join(requests), sizes));
        assertEquals(
          unframe(framing, written).map((text) => JSON.parse(text)),
          texts.map((text, id) => ({ jsonrpc: "2.0", id, result: JSON.parse(text) })),
        );
      }),
      { numRuns: 300 },
    );
  });

  Deno.test(`no bytes make a decoder throw, or hold more than its limits (${framing})`, () => {
    const limits = { maxMessageBytes: 64, maxDepth: 3, maxHeaderBytes: 48, maxHeaderLines: 2 };
    fc.assert(
      fc.property(nearly, cuts, (bytes, sizes) => {
        const decoder = FRAMINGS[framing].decoder(limits);
        for (const piece of pieces(bytes, sizes)) {
          decoder.push(piece);
          for (let frame; (frame = decoder.next()) !== undefined;) {
            if (typeof frame !== "string" && frame.fatal) return;
            if (typeof frame === "string") {
              assert(bytesOf(frame).length <= limits.maxMessageBytes);
              if (framing === "json") JSON.parse(frame);
            }
          }
          assert(decoder.held <= limits.maxMessageBytes + limits.maxHeaderBytes);
          assert(decoder.midway || decoder.held === 0);
        }
      }),
      { numRuns: 3000 },
    );
  });
}

Deno.test("values that follow each other are found, whatever stands between and however they are cut", () => {
  const separator = fc.constantFrom(
    "",
    "",
    "",
    " ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\0",
    "\n\x1e",
    "\ufeff",
  );
  const parts = fc.array(fc.tuple(value, separator), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(parts, cuts, (parts, sizes) => {
      const decoder = FRAMINGS.json.decoder(DEFAULT_LIMITS);
      const found: unknown[] = [];
      for (const piece of pieces(bytesOf(parts.flat().join("")), sizes)) {
        decoder.push(piece);
        for (let frame; (frame = decoder.next()) !== undefined;) found.push(frame);
      }
      assertEquals(found, parts.map(([text]) => text));
      assertEquals(decoder.held, 0);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a message is taken when its bracket closes, however it is printed and cut", () => {
  const printed = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(0, 1, 4, "\t"));
  fc.assert(
    fc.property(fc.array(printed, { minLength: 1, maxLength: 5 }), cuts, (values, sizes) => {
      const texts = values.map(([value, space]) => JSON.stringify([value], null, space));
      for (const isParsed of [false, true]) {
        const decoder = FRAMINGS.json.decoder(DEFAULT_LIMITS, isParsed);
        const found: unknown[] = [];
        for (const text of texts) {
          for (const piece of pieces(bytesOf(text), sizes)) {
            assertEquals(decoder.next(), undefined);
            decoder.push(piece);
            for (let frame; (frame = decoder.next()) !== undefined;) {
              if (isJson(frame)) found.push(frame);
              else assert(decoder.reject!());
            }
          }
          assertEquals(found, texts.slice(0, found.length));
        }
        assertEquals(found, texts);
      }
    }),
    { numRuns: 1000 },
  );
});

function isJson(frame: Frame): boolean {
  try {
    JSON.parse(frame as string);
    return true;
  } catch {
    return false;
  }
}

Deno.test("no bytes make a connection throw, and what it sends are whole frames", async () => {
  const limits = { maxMessageBytes: 64, maxHeaderBytes: 48, maxHeaderLines: 2 };
  await using local = serveLocally({ echo: method(ANYTHING, (params) => params) }, { limits });
  await fc.assert(
    fc.asyncProperty(nearly, cuts, async (bytes, sizes) => {
      const written = await answersTo(local, pieces(bytes, sizes));
      const detected = detect(bytes);
      if (detected.kind === "http") return;
      const framing: FramingName = detected.kind === "framing" ? detected.name : "json";
      for (const text of unframe(framing, written)) JSON.parse(text);
      assertEquals(local.server.connections, 0);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("detect() has one opinion, however many bytes it sees", () => {
  fc.assert(
    fc.property(nearly, (bytes) => {
      let last = detect(new Uint8Array(0));
      for (let length = 1; length <= Math.min(bytes.length, 32); length++) {
        const now = detect(bytes.subarray(0, length));
        if (last.kind !== "undecided") assertEquals(now, last);
        last = now;
      }
    }),
    { numRuns: 2000 },
  );
});

// ---- Messages --------------------------------------------------------------------------------------

/** A name as JSON writes it, now and then with an escape. */
function name(text: string): fc.Arbitrary<string> {
  const at = fc.integer({ min: 0, max: text.length - 1 });
  const escaped = at.map((at) => {
    const code = text.charCodeAt(at).toString(16).padStart(4, "0");
    return `"${text.slice(0, at)}\\u${code}${text.slice(at + 1)}"`;
  });
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(`"${text}"`) },
    { weight: 1, arbitrary: escaped },
  );
}

const id = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom("0", "-0", "1.0", "1e2", "1E+2", "-1.5e-3", "0.0", "-7", "10", "1e400"),
  fc.constantFrom(
    "12345678901234567890",
    "9007199254740993",
    "999999999999999",
    "1234567890123456",
  ),
  string.map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '""',
    '"a\\"b"',
    '"\\u0041"',
    '"\\ud800"',
    "null",
    "true",
    "[]",
    "{}",
    "01",
    "+1",
  ),
  fc.constantFrom(254, 255, 256, 257, 258, 259).map((size) => "1".repeat(size)),
  fc.constantFrom(254, 255, 256, 257, 258, 259).map((size) => `"${"a".repeat(size)}"`),
);

const methodName = fc.oneof(
  fc.constantFrom('"a"', '"math.add"', '""', '"a\\u0062"', '"é"', '"a\\"b"', "5", "null"),
  fc.constantFrom(255, 256, 257, 258).map((size) => `"${"m".repeat(size)}"`),
);

const params = fc.oneof(
  { weight: 6, arbitrary: value },
  {
    weight: 1,
    arbitrary: fc.constantFrom("null", "5", '"x"', "true", '{"id":1.0}', '[{"id":2e0}]'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('{"__proto__":{"id":1}}', '["]}"]', '{"a":"\\"}"}', '[","id":1]'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(62, 63, 64, 65).map((n) => "[".repeat(n) + "]".repeat(n)),
  },
);

/** A member of an envelope: its name and its value, each as text. */
const member: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.tuple(name("jsonrpc"), fc.constantFrom('"2.0"', '"2.0"', '"2.0"', '"1.0"', "2.0", "null")),
  fc.tuple(name("id"), id),
  fc.tuple(name("method"), methodName),
  fc.tuple(name("params"), params),
  fc.tuple(name("result"), fc.oneof(params, fc.constant('""'), fc.constant("0"))),
  fc.tuple(
    name("error"),
    fc.constantFrom("null", '{"code":-1,"message":"m"}', '"text"', "{}", '{"code":1.5}', "[]", "0"),
  ),
  fc.tuple(fc.constantFrom('"extra"', '"Id"', '"__proto__"', '"toString"', '""'), params),
);

/** The usual members in any order, with others among them and some missing or twice. */
const members = fc.oneof(
  fc.array(member, { maxLength: 6 }),
  fc.tuple(
    fc.tuple(name("jsonrpc"), fc.constant('"2.0"')),
    fc.tuple(name("id"), id),
    fc.tuple(name("method"), methodName),
    fc.tuple(name("params"), params),
    member,
  ).chain((all) => fc.shuffledSubarray(all, { minLength: 2 })),
);

const envelope = fc.tuple(members, fc.array(space, { minLength: 4, maxLength: 4 })).map(
  ([members, [a, b, c, d]]) =>
    `${a}{${members.map(([name, value]) => `${b}${name}${c}:${b}${value}${d}`).join(",")}}${c}`,
);

function compare(text: string): void {
  assertEquals(meaning(parseMessage(text, DEFAULT_LIMITS)), meaningOf(text), text);
}

Deno.test("parseMessage() means what the reference means, whatever the envelope looks like", () => {
  fc.assert(fc.property(envelope, compare), { numRuns: 5000 });
});

Deno.test("parseMessage() means what the reference means when messages come in batches", () => {
  const batch = fc.array(envelope, { maxLength: 4 }).map((items) => `[${items}]`);
  fc.assert(fc.property(batch, compare), { numRuns: 1000 });
});

Deno.test("parseMessage() means what the reference means when a byte of it is wrong", () => {
  const damaged = fc.tuple(envelope, fc.nat(), fc.constantFrom(...'{}[]",:\\ 0x\u0000\r')).map(
    ([text, at, other]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + other + text.slice(place + at % 2);
    },
  );
  fc.assert(fc.property(damaged, compare), { numRuns: 5000 });
});
