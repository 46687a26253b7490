// Messages in bytes, cut in all ways, and what decoders make of the pieces.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import {
  cutsOf,
  everyCut,
  frameEnds,
  hexRows,
  LESSONS,
  readPieces,
  rowsOf,
} from "../../../console/bytes/cut.ts";
import { type Direction, WIRES } from "../../../console/bytes/wires.ts";

const DIRECTIONS: readonly Direction[] = ["out", "in"];
const HELLO = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello, 你好 😀"]}';
const BYE = '{"jsonrpc":"2.0","id":2,"result":null}';

const message = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((value) => JSON.stringify(value));

/** Each wire in both directions. */
function* ways() {
  for (const wire of WIRES) for (const direction of DIRECTIONS) yield { wire, direction };
}

for (const { wire, direction } of ways()) {
  const name = `${wire.name}, ${direction}`;

  Deno.test(`${name}: every cut gives the same messages`, () => {
    const texts = [HELLO, BYE], { bytes } = wire.encode(texts, direction);
    for (const cuts of [[], ...everyCut(bytes.length).map((at) => [at]), everyCut(bytes.length)]) {
      const pieces = readPieces(wire, direction, bytes, cuts);
      assertEquals(pieces.length, cuts.length + 1);
      const found = pieces.flatMap(({ found }) => found);
      assertEquals(found.filter(({ kind }) => kind === "fault"), []);
      assertEquals(found.filter(({ kind }) => kind === "message").map(({ text }) => text), texts);
      assertEquals(pieces.at(-1)!.held, 0);
    }
  });

  Deno.test(`${name}: any messages, cut anywhere, are found and marked`, () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(500)), (
        texts,
        places,
      ) => {
        const { bytes, marks } = wire.encode(texts, direction);
        const pieces = readPieces(wire, direction, bytes, cutsOf(places, bytes.length));
        const found = pieces.flatMap(({ found }) => found);
        assertEquals(found.filter(({ kind }) => kind === "message").map(({ text }) => text), texts);
        // Marks cover all bytes, once each and in order; those of the messages are the messages.
        let at = 0;
        for (const { from, to, what } of marks) {
          assertEquals(from, at);
          assert(to > from && what !== "");
          at = to;
        }
        assertEquals(at, bytes.length);
        const size = marks.reduce((sum, it) => sum + (it.isMessage ? it.to - it.from : 0), 0);
        const texted = new TextEncoder().encode(texts.join(""));
        assertEquals(size, texted.length);
        if (wire.name === "websocket" && direction === "out") return; // masked
        const shown = marks.filter(({ isMessage }) => isMessage).flatMap(({ from, to }) => [
          ...bytes.subarray(from, to),
        ]);
        assertEquals(Uint8Array.from(shown), texted);
      }),
    );
  });

  Deno.test(`${name}: bytes that are none of it are a fault or nothing, and never a hang`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat(60)), (bytes, places) => {
        const pieces = readPieces(wire, direction, bytes, cutsOf(places, bytes.length));
        assertEquals(pieces.at(-1)!.to, bytes.length);
      }),
    );
  });
}

Deno.test("two messages in one piece are one text without framing, and two with it", () => {
  const wire = WIRES.find(({ name }) => name === "lines")!, texts = ["{}", "[1]"];
  const { bytes } = wire.encode(texts, "out");
  const [piece, ...others] = readPieces(wire, "out", bytes, []);
  assertEquals(others, []);
  assertEquals(piece!.alone, "{}\n[1]\n");
  assertEquals(piece!.found.map(({ text }) => text), texts);
});

Deno.test("a character that is cut is lost without framing, and whole with it", () => {
  const wire = WIRES.find(({ name }) => name === "lines")!;
  const { bytes } = wire.encode(['["你"]'], "out");
  const pieces = readPieces(wire, "out", bytes, LESSONS["Within a character"]!(bytes, [])!);
  assertEquals(pieces.map(({ alone }) => alone), ['["\ufffd', '\ufffd\ufffd"]\n']);
  assertEquals(pieces.map(({ found, held }) => [found.map(({ text }) => text), held]), [
    [[], 3],
    [['["你"]'], 0],
  ]);
  assertEquals(LESSONS["Within a character"]!(new Uint8Array(9), []), undefined);
});

Deno.test("the lessons cut where they say", () => {
  const wire = WIRES.find(({ name }) => name === "length")!, texts = ["{}", "[1]"];
  const { bytes } = wire.encode(texts, "out"), ends = frameEnds(wire, texts, "out");
  assertEquals(ends, [6, 13]);
  assertEquals(Object.entries(LESSONS).map(([name, cut]) => [name, cut(bytes, ends)]), [
    ["One message a piece", [6]],
    ["All in one piece", []],
    ["One and a half, then the rest", [9]],
    ["Within a character", undefined],
    ["One byte a piece", everyCut(13)],
  ]);
  assertEquals(LESSONS["One and a half, then the rest"]!(bytes, [13]), [6]);
});

Deno.test("cutsOf() takes each place once, in order, and within", () => {
  assertEquals(cutsOf([5, 3, 3, 0, 9, 10, -1, 1.5, NaN], 10), [3, 5, 9]);
  assertEquals([everyCut(0), everyCut(1), everyCut(3)], [[], [], [1, 2]]);
});

Deno.test("rowsOf() tells pieces together of which nothing came", () => {
  const wire = WIRES.find(({ name }) => name === "json")!;
  const { bytes } = wire.encode(["[1]", "{}"], "in");
  const rows = rowsOf(readPieces(wire, "in", bytes, everyCut(bytes.length)));
  assertEquals(rows.map(({ first, last, count }) => [first.from, last.to, count]), [
    [0, 2, 2],
    [2, 3, 1],
    [3, 4, 1],
    [4, 5, 1],
  ]);
});

Deno.test("hexRows() has every byte once, with its mark, its piece and the cuts", () => {
  const marks = [
    { from: 0, to: 4, isMessage: false, what: "size" },
    { from: 4, to: 20, isMessage: true, what: "the message" },
  ];
  const bytes = Uint8Array.from({ length: 20 }, (_, at) => at + 0x3c);
  const rows = hexRows(bytes, marks, [2, 16], 16, 0, 9);
  assertEquals(rows.map(({ offset }) => offset), ["0000", "0010"]);
  assertEquals(rows[0]!.hex, [
    { text: " 3c 3d", isMessage: false, piece: 0 },
    { text: "|3e 3f", isMessage: false, piece: 1 },
    { text: " 40 41 42 43 44 45 46 47 48 49 4a 4b", isMessage: true, piece: 1 },
  ]);
  assertEquals(rows[1]!.hex, [{ text: "|4c 4d 4e 4f", isMessage: true, piece: 2 }]);
  assertEquals(rows[1]!.text, [{ text: "LMNO", isMessage: true, piece: 2 }]);
  assertEquals(hexRows(bytes, marks, [2, 16], 16, 1, 1), [rows[1]]);
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.array(fc.nat(200)), (
    bytes,
    places,
  ) => {
    const cuts = cutsOf(places, bytes.length);
    const rows = hexRows(bytes, [], cuts, 16, 0, 99);
    const text = rows.flatMap(({ hex }) => hex.map(({ text }) => text)).join("");
    assertEquals(text.replaceAll(/[| ]/g, ""), bytes.toHex());
    assertEquals(text.split("|").length - 1, cuts.length);
    assertEquals(rows.length, Math.ceil(bytes.length / 16));
  }));
});
