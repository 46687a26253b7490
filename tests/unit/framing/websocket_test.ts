// WebSocket's frames. The numbers are those of Autobahn's test suite.

import { assert, assertEquals, assertLess } from "@std/assert";
import type { Frame, FramingLimits } from "../../../lib/framing/mod.ts";
import { websocket } from "../../../lib/framing/websocket.ts";
import { bytesOf, join } from "../../support/raw.ts";
import { closePayload, OP, wsFrame } from "../../support/websocket_frames.ts";
import { decodeAll, frames, limits, reserve, singly } from "./_frames.ts";

const { client, server } = websocket;
const { text, binary, continuation, close, ping, pong } = OP;
const more = { fin: false } as const;

/** What came out, in short: a text; `1002` for a failure; what is to be answered. */
type Shown = string | { failed: number | undefined; kind?: string } | { ping: string } | {
  close: Uint8Array;
};

function shown(frame: Frame): Shown {
  if (typeof frame === "string") return frame;
  const kind = frame.kind;
  switch (kind) {
    case "ping":
      assertEquals([...frame.answer.subarray(0, 2)], [0x8a, frame.answer.length - 2]);
      return { ping: new TextDecoder().decode(frame.answer.subarray(2)) };
    case "close":
      assertEquals([...frame.answer.subarray(0, 2)], [0x88, frame.answer.length - 2]);
      assert(frame.fatal);
      return { close: frame.answer.subarray(2) };
    default:
      return { failed: frame.closeCode, ...(kind === "oversized" && { kind }) };
  }
}

const failed = (code: number): Shown => ({ failed: code });
const bad = (opcode: number) => [`an opcode ${opcode}`, [wsFrame(opcode)], [failed(1002)]] as const;
const closed = (payload: Uint8Array, answer = payload.subarray(0, 2)) =>
  [wsFrame(close, payload), { close: answer }] as const;

/** Bytes that are no UTF-8: too long, too short, surrogates, beyond the last character, and what never stands in it. */
const NOT_UTF8: readonly (readonly number[])[] = [
  [0x80],
  [0xbf],
  [0xc3],
  [0xc3, 0x28],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xc0, 0x80],
  [0xc0, 0xaf],
  [0xc1, 0xbf],
  [0xe0, 0x80, 0xaf],
  [0xe0, 0x9f, 0xbf],
  [0xf0, 0x80, 0x80, 0xaf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xed, 0xad, 0xbf],
  [0xed, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf7, 0xbf, 0xbf, 0xbf],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
  [0xfe],
  [0xff],
];

/** A message of which each byte has a frame of its own. */
function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(
    bytes,
    (byte, i) =>
      wsFrame(i === 0 ? text : continuation, new Uint8Array([byte]), {
        fin: i === bytes.length - 1,
      }),
  );
}

/** What a client sends: what a server makes of it. */
const CASES: readonly (readonly [string, readonly Uint8Array[], readonly Shown[]])[] = [
  [
    "1.1 texts of all lengths",
    [0, 1, 125, 126, 127, 128, 300].map((n) => wsFrame(text, "x".repeat(n))),
    [
      { failed: undefined },
      ...[1, 125, 126, 127, 128, 300].map((n) => "x".repeat(n)),
    ],
  ],
  ["1.2 binary messages", [wsFrame(binary, "{}"), wsFrame(binary, '"é"')], ["{}", '"é"']],
  ["2.1 a ping without a payload", [wsFrame(ping)], [{ ping: "" }]],
  ["2.2 a ping with one", [wsFrame(ping, "Hello")], [{ ping: "Hello" }]],
  ["2.3 a ping with any bytes", [wsFrame(ping, "\0\x7f")], [{ ping: "\0\x7f" }]],
  ["2.4 a ping of 125 bytes", [wsFrame(ping, "p".repeat(125))], [{ ping: "p".repeat(125) }]],
  ["2.5 a ping of 126 bytes", [wsFrame(ping, "p".repeat(126))], [failed(1002)]],
  ["2.7 pongs that nobody asked for", [wsFrame(pong), wsFrame(pong, "x"), wsFrame(text, "1")], [
    "1",
  ]],
  ["2.7 pongs within a message, and odd ones", [
    wsFrame(text, "[1", more),
    wsFrame(pong),
    wsFrame(pong, "p".repeat(125)),
    wsFrame(continuation, "]"),
    wsFrame(pong, "x"),
    wsFrame(pong, "p".repeat(126)),
  ], ["[1]", failed(1002)]],
  ["2.8 a pong without a mask", [wsFrame(pong), wsFrame(pong, "", { key: null })], [failed(1002)]],
  ["2.9 a pong with a reserved bit", [wsFrame(pong), wsFrame(pong, "", { rsv: 1 })], [
    failed(1002),
  ]],
  [
    "2.10 ten pings",
    "0123456789".split("").map((it) => wsFrame(ping, it)),
    "0123456789".split("").map(
      (it) => ({ ping: it }),
    ),
  ],
  ["3.1 reserved bits", [wsFrame(text, "x", { rsv: 1 })], [failed(1002)]],
  ["3.2 behind a message", [wsFrame(text, "1"), wsFrame(text, "x", { rsv: 2 })], [
    "1",
    failed(1002),
  ]],
  ["3.3 between messages, and a ping behind it", [
    wsFrame(text, "1"),
    wsFrame(text, "x", { rsv: 3 }),
    wsFrame(ping),
  ], ["1", failed(1002)]],
  ["3.7 in a close", [wsFrame(close, closePayload(1000), { rsv: 7 })], [failed(1002)]],
  ["3.5 of compression", [wsFrame(text, "x", { rsv: 4 })], [failed(1002)]],
  ["3.6 in a ping", [wsFrame(ping, "x", { rsv: 7 })], [failed(1002)]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(bad),
  ["4.1.3 an opcode behind a message", [wsFrame(text, "1"), wsFrame(5), wsFrame(ping)], [
    "1",
    failed(1002),
  ]],
  ["5.1 a ping in two", [wsFrame(ping, "a", more), wsFrame(continuation, "b")], [failed(1002)]],
  ["5.2 a pong in two", [wsFrame(pong, "a", more)], [failed(1002)]],
  ["5.3 a text in two", [wsFrame(text, "[1", more), wsFrame(continuation, "]")], ["[1]"]],
  [
    "5.6 a ping within",
    [wsFrame(text, "[1", more), wsFrame(ping, "p"), wsFrame(continuation, "]")],
    [
      { ping: "p" },
      "[1]",
    ],
  ],
  [
    "5.8 in many",
    [..."[1,2]"].map((it, i) => wsFrame(i === 0 ? text : continuation, it, { fin: i === 4 })),
    [
      "[1,2]",
    ],
  ],
  ["5.9 continued from nothing", [wsFrame(continuation, "x"), wsFrame(text, "1")], [failed(1002)]],
  ["5.10 continued from nothing, on and on", [wsFrame(continuation, "x", more)], [failed(1002)]],
  ["5.12 continued from nothing, at its end", [
    wsFrame(continuation, "x"),
    wsFrame(continuation, "y"),
  ], [failed(1002)]],
  ["5.16 continued from nothing, with a message in between", [
    wsFrame(continuation, "x", more),
    wsFrame(text, "1"),
  ], [failed(1002)]],
  ["5.20 pings within, in many pieces", [
    wsFrame(text, "1", more),
    wsFrame(ping, "a"),
    wsFrame(ping, "b"),
    wsFrame(continuation, "2", more),
    wsFrame(ping, "c"),
    wsFrame(continuation, "3"),
  ], [{ ping: "a" }, { ping: "b" }, { ping: "c" }, "123"]],
  ["5.15 continued once more", [
    wsFrame(text, "1", more),
    wsFrame(continuation, "2"),
    wsFrame(continuation, "3", more),
  ], ["12", failed(1002)]],
  ["5.18 a text in a text", [wsFrame(text, "1", more), wsFrame(text, "2")], [failed(1002)]],
  ["5.19 pings and fragments", [
    wsFrame(text, "1", more),
    wsFrame(continuation, "2", more),
    wsFrame(ping, "a"),
    wsFrame(continuation, "", more),
    wsFrame(ping, "b"),
    wsFrame(continuation, "3"),
    wsFrame(text, "4"),
  ], [{ ping: "a" }, { ping: "b" }, "123", "4"]],
  ["6.1 an empty text in three", [
    wsFrame(text, "", more),
    wsFrame(continuation, "", more),
    wsFrame(continuation),
    wsFrame(text, "1"),
  ], [{ failed: undefined }, "1"]],
  ["6.2 UTF-8 cut within a character", [
    wsFrame(text, bytesOf('"é€').subarray(0, 2), more),
    wsFrame(continuation, join([bytesOf('"é€').subarray(2), bytesOf('"')])),
  ], ['"é€"']],
  ["6.3 what is not UTF-8", [wsFrame(text, new Uint8Array([0xce, 0xba, 0xed, 0xa0, 0x80]))], [
    failed(1007),
  ]],
  ["6.4 not UTF-8, in fragments", [
    wsFrame(text, new Uint8Array([0xf4]), more),
    wsFrame(continuation, new Uint8Array([0x90, 0x80, 0x80])),
  ], [failed(1007)]],
  ["6.5 not UTF-8, among others", [
    wsFrame(text, '"é"'),
    wsFrame(text, new Uint8Array([0xff])),
    wsFrame(text, "1"),
  ], ['"é"', failed(1007)]],
  ["6.6 a character in two messages", [
    wsFrame(text, new Uint8Array([0xc3])),
    wsFrame(text, new Uint8Array([0xa9])),
  ], [failed(1007)]],
  // 6.5 to 6.23: the first and the last of each length, and what only looks like UTF-8; whole, and a byte a frame.
  ...[..."\0\x7f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\ufffe\uffff\u{10000}\u{1fffe}\u{10ffff}"]
    .flatMap(
      (character) => {
        const name = `6 the character U+${character.codePointAt(0)!.toString(16)}`;
        return [
          [name, [wsFrame(text, character), wsFrame(text, "1")], [character, "1"]],
          [`${name}, in pieces`, [...bytewise(bytesOf(character)), wsFrame(text, "1")], [
            character,
            "1",
          ]],
        ] as const;
      },
    ),
  ...NOT_UTF8.flatMap((bytes) => {
    const name = `6 the bytes ${bytes.map((byte) => byte.toString(16)).join(" ")}`;
    return [
      [name, [wsFrame(text, new Uint8Array(bytes)), wsFrame(text, "1")], [failed(1007)]],
      [`${name}, in pieces`, bytewise(new Uint8Array(bytes)), [failed(1007)]],
    ] as const;
  }),
  ["7.1.1 a close", [wsFrame(text, "1"), ...[closed(closePayload(1000))[0]]], ["1", {
    close: closePayload(1000),
  }]],
  ["7.1.3 what stands behind it", [
    closed(closePayload(1000))[0],
    wsFrame(text, "1"),
    wsFrame(ping),
  ], [{
    close: closePayload(1000),
  }]],
  ["7.1.5 a close within a message", [
    wsFrame(text, "1", more),
    wsFrame(close),
    wsFrame(continuation),
  ], [
    { close: closePayload(1000) },
  ]],
  ["7.3.1 a close of nothing", [wsFrame(close)], [{ close: closePayload(1000) }]],
  ["7.3.2 of one byte", [wsFrame(close, "a")], [failed(1002)]],
  ["7.3.4 with a reason", [wsFrame(close, closePayload(1000, "Hello é"))], [{
    close: closePayload(1000),
  }]],
  ["7.3.5 with a long one", [wsFrame(close, closePayload(1000, "x".repeat(123)))], [{
    close: closePayload(1000),
  }]],
  ["7.3.6 with one too long", [wsFrame(close, closePayload(1000, "x".repeat(124)))], [
    failed(1002),
  ]],
  [
    "7.5.1 a reason that is not UTF-8",
    [wsFrame(close, closePayload(1000, new Uint8Array([0xce])))],
    [
      failed(1007),
    ],
  ],
  ...[
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
  ].map(
    (code) =>
      [`7.7 the code ${code}`, [wsFrame(close, closePayload(code))], [{
        close: closePayload(code),
      }]] as const,
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) =>
    [`7.9 the code ${code}`, [wsFrame(close, closePayload(code))], [failed(1002)]] as const
  ),
  ["a frame without a mask", [wsFrame(text, "1"), wsFrame(text, "2", { key: null })], [
    "1",
    failed(1002),
  ]],
  ["a ping without a mask", [wsFrame(ping, "", { key: null })], [failed(1002)]],
  ["a length that is not the shortest", [wsFrame(text, "1", { digits: 2 })], [failed(1002)]],
  ["one in eight bytes", [wsFrame(text, "x".repeat(300), { digits: 8 })], [failed(1002)]],
  ["the length 2^63", [wsFrame(text, "", { digits: 8, length: 1n << 63n })], [failed(1002)]],
  ["the length 2^53", [wsFrame(text, "", { digits: 8, length: 1n << 53n })], [
    { failed: 1009, kind: "oversized" },
  ]],
  [
    "at the limit, and past it",
    [wsFrame(text, "x".repeat(1000)), wsFrame(text, "x".repeat(1001))],
    [
      "x".repeat(1000),
      { failed: 1009, kind: "oversized" },
    ],
  ],
  ["past it in fragments", [
    wsFrame(text, "x".repeat(900), more),
    wsFrame(continuation, "x".repeat(100), more),
    wsFrame(continuation, "", more),
    wsFrame(continuation, "x"),
  ], [{ failed: 1009, kind: "oversized" }]],
  ["a key of zeros", [wsFrame(text, "[0]", { key: [0, 0, 0, 0] })], ["[0]"]],
];

const LIMITS: Partial<FramingLimits> = { maxMessageBytes: 1000 };

for (const [name, sent, expected] of CASES) {
  Deno.test(`websocket.server reads ${name}, however it is cut`, () => {
    const input = join(sent);
    const read = (chunks: Iterable<Uint8Array>) => frames(server, chunks, LIMITS).map(shown);
    assertEquals(read([input]), expected);
    assertEquals(read(singly(input)), expected);
    for (let cut = 0; cut <= input.length; cut++) {
      assertEquals(read([input.slice(0, cut), input.slice(cut)]), expected, `cut at ${cut}`);
    }
    // The place in memory where a payload begins decides how it is unmasked.
    for (let before = 1; before < 4; before++) {
      const moved = join([new Uint8Array(before), input]).subarray(before);
      const decoder = server.decoder(limits(LIMITS));
      decoder.push(moved);
      const found: Shown[] = [];
      for (let frame; (frame = decoder.next()) !== undefined;) found.push(shown(frame));
      assertEquals(found, expected, `moved by ${before}`);
    }
  });
}

Deno.test("websocket.client reads frames without a mask, and no others", () => {
  const texts = ["1", "x".repeat(126), "x".repeat(70_000), '"é€😀"', "[]"];
  const input = join(texts.map((it) => wsFrame(text, it, { key: null })));
  assertEquals(frames(client, [input]), texts);
  assertEquals(frames(client, [input.slice(0, 200), input.slice(200)]), texts);
  assertEquals(frames(client, [wsFrame(text, "1")]).map(shown), [failed(1002)]);
});

const LENGTHS = [
  1,
  2,
  3,
  4,
  5,
  124,
  125,
  126,
  127,
  128,
  129,
  4095,
  4096,
  4097,
  65_535,
  65_536,
  70_000,
];

for (
  const [sender, framing, other] of [["server", server, client], [
    "client",
    client,
    server,
  ]] as const
) {
  const key = (bytes: Uint8Array, at: number) =>
    sender === "client" ? [...bytes.subarray(at, at + 4)] : null;

  /** The frames, with the keys that were drawn. */
  const expected = (texts: readonly string[], found: Uint8Array) => {
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const it of texts) {
      const size = bytesOf(it).length, head = size < 126 ? 2 : size < 65_536 ? 4 : 10;
      parts.push(wsFrame(text, it, { key: key(found, at + head) }));
      at += parts.at(-1)!.length;
    }
    return join(parts);
  };

  Deno.test(`websocket.${sender}.encode() writes messages of all lengths, whole and in order`, () => {
    for (const letter of ["x", "é", "€", "😀"]) {
      const texts = LENGTHS.flatMap((length) => [letter.repeat(length), "{}"]);
      for (const run of [texts, ...texts.map((it) => [it])]) {
        for (const room of [reserve, () => new Uint8Array(16)]) {
          const found = framing.encode(run, room);
          assert(join([found]).join() === expected(run, found).join(), `${letter} ${run.length}`);
        }
      }
    }
  });

  Deno.test(`websocket.${sender}.encode() writes what is odd: lone surrogates, NUL, nothing`, () => {
    const odd = ["\ud800", "", "\0", "é\0\0é", "\0\0\0\0", "é", "a\0\0", "é\0", ""];
    for (const first of odd) {
      for (const second of odd) {
        const texts = [first, "é", second, "{}", second];
        const found = framing.encode(texts, reserve);
        assertEquals(found, expected(texts, found), JSON.stringify(texts));
      }
    }
  });

  Deno.test(`what websocket.${sender} writes the other end reads`, () => {
    const texts = LENGTHS.map((length) => `"${"aé".repeat(length >> 1)}"`);
    assertEquals(frames(other, [framing.encode(texts, reserve)]), texts);
    const [asked] = frames(other, [framing.ping!()]) as [Frame & object];
    assertEquals(asked.kind, "ping");
    const [ended] = frames(other, [framing.close!(1001, "€".repeat(50))]) as [Frame & object];
    assertEquals([ended.kind, "closeCode" in ended && ended.closeCode], ["close", 1001]);
    assertEquals(ended.reason, `the peer closed the connection, 1001 ${"€".repeat(41)}`);
    assertEquals(frames(framing, ["answer" in ended ? ended.answer : ""]).length, 1);
  });
}

Deno.test("websocket.client draws a key for each frame", () => {
  const found = client.encode(["{}", "{}", "{}"], reserve);
  const keys = [0, 8, 16].map((at) => found.subarray(at + 2, at + 6).join());
  assertEquals(new Set(keys).size, 3);
});

Deno.test("a message without end is refused when it is too long, or has too many tiny fragments", () => {
  const begin = wsFrame(text, "", more), tiny = wsFrame(continuation, "", more);
  const decoder = server.decoder(limits());
  assertEquals(decodeAll(decoder, [begin, ...Array(1023).fill(tiny)]), []);
  assertEquals(decodeAll(decoder, [tiny, tiny]).map(shown), [failed(1008)]);
  // Where each brings something there may be as many as one likes.
  const some = wsFrame(continuation, "x".repeat(64), more);
  const parts = [
    wsFrame(text, "x".repeat(64), more),
    ...Array(4000).fill(some),
    wsFrame(continuation),
  ];
  assertEquals(frames(server, [join(parts)]).map((it) => (it as string).length), [4001 * 64]);
});

Deno.test("websocket tells what it holds: what has come, not what was announced", () => {
  const decoder = server.decoder(limits());
  const state = (chunk: Uint8Array) => {
    decodeAll(decoder, [chunk]);
    return [decoder.held, decoder.midway];
  };
  const begun = wsFrame(text, "x".repeat(1_000_000));
  assertEquals(state(begun.subarray(0, 1)), [1, true]);
  assertEquals(state(begun.subarray(1, 13)), [13, true]);
  assertEquals(state(begun.subarray(13, 14)), [0, true]);
  assertEquals(state(begun.subarray(14, 1014)), [1000, true]);
  assertEquals(state(begun.subarray(1014)), [0, false]);
  assertEquals(state(wsFrame(text, "x", more)), [1, true]);
  assertEquals(state(wsFrame(ping, "1234").subarray(0, 8)), [3, true]);
  assertEquals(state(wsFrame(5)), [0, false]);
});

Deno.test("a message that is too long is refused before its mask has come", () => {
  const head = wsFrame(text, "", { digits: 8, length: 1n << 40n }).subarray(0, 10);
  assertEquals(frames(server, [head], LIMITS).map(shown), [{ failed: 1009, kind: "oversized" }]);
});

Deno.test("a long message in small pieces costs no more than it is worth", () => {
  const payload = "x".repeat(1_000_000), bytes = wsFrame(text, payload);
  const crumbs = function* () {
    for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
  };
  const [found] = frames(server, crumbs());
  assert(found === payload);
  assertLess(bytes.length, 1_000_020);
});

Deno.test("messages that come together are told apart, whatever they hold", () => {
  const odd = ["é", "\x01", "\x01".repeat(6) + "é", "é\x01\x01", "x", " é ", "\0", "\ufeffé"];
  for (const first of odd) {
    for (const second of odd) {
      const texts = [first, second, "é", second];
      const masked = join(texts.map((it) => wsFrame(text, it)));
      assertEquals(frames(server, [masked]), texts, JSON.stringify(texts));
      const plain = join(texts.map((it) => wsFrame(text, it, { key: null })));
      assertEquals(frames(client, [plain]), texts, JSON.stringify(texts));
    }
  }
});
