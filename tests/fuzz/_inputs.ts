// Inputs for the fuzzers: messages by the grammar, the rows of the conformance table, and both with
// bytes changed, dropped, repeated and moved.

import type { FramingName } from "../../lib/mod.ts";
import { EXAMPLES, ROWS } from "../support/conformance.ts";
import type { Dice } from "../support/dice.ts";
import { bytesOf, frame, FRAMING_NAMES, join } from "../support/raw.ts";
import type { FrameLimits } from "./_reference.ts";

/** Bytes for a decoder, the pieces in which they come, and its limits. */
export interface Input {
  readonly framing: FramingName | "detect";
  readonly limits: FrameLimits;
  /** Sizes of the pieces, used again and again. */
  readonly cuts: readonly number[];
  readonly bytes: Uint8Array;
}

const CORPUS: readonly Uint8Array[] = [...EXAMPLES, ...ROWS].map(({ send }) => bytesOf(send))
  .filter(({ length }) => length < 2000);

/** Pieces that mean something to somebody. */
const TOKENS: readonly Uint8Array[] = [
  ...'{}[]",:\\\n\r \t\0\x1e',
  ...[
    "\r\n",
    "\r\n\r\n",
    "}{",
    "][",
    "]{",
    "null",
    "tru",
    "1e400",
    "42\n",
    "-",
    "\\u00",
    "'",
    "\n{",
    "\x1e{",
    "}\0",
    "[[[[",
    "]]",
    "\n\n",
    "-0",
    "1.0",
    '"\\u0000"',
    '"id":',
    "\ufeff",
  ],
  ...[
    "Content-Length: 5\r\n",
    "content-length:2",
    "Content-Type: x; charset=latin1\r\n",
    "\0\0\0\x05",
  ],
  ...[
    "GET / HTTP/1.1\r\n",
    "\x16\x03",
    "\0\0\x01\0",
    '{"jsonrpc":"2.0"',
    ',"method":"echo"',
    "é€😀",
  ],
].map(bytesOf).concat(
  [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf0, 0x9f]].map((it) =>
    new Uint8Array(it)
  ),
);

/** JSON of any kind, as text. */
function json(dice: Dice, depth: number): string {
  switch (dice.int(0, depth > 0 ? 7 : 5)) {
    case 0:
      return dice.pick(["null", "true", "false", "0", "-0", "1.0", "1e2", "12345678901234567890"]);
    case 1:
      return String(dice.int(-100, 100_000));
    case 2:
    case 3:
    case 4:
      return string(dice);
    case 5:
      return dice.pick(["[]", "{}"]);
    case 6:
      return `[${many(dice, 3, () => json(dice, depth - 1))}]`;
    default:
      return `{${many(dice, 3, () => `${name(dice)}:${json(dice, depth - 1)}`)}}`;
  }
}

function many(dice: Dice, max: number, make: () => string): string {
  return Array.from({ length: dice.int(0, max) }, make).join(",");
}

/**
 * Of names that are written with escapes there is one, not several: of `{"\"":1,"\"":2,"\\":3}` V8 15.0
 * keeps the 2 when it parses that for the first time, and then the 1.
 */
function name(dice: Dice): string {
  return dice.pick(['"id"', '"a"', '""', '"\\u0041"', '"}{"', '"é€😀"', '"__proto__"', '"_meta"']);
}

function string(dice: Dice): string {
  return dice.pick([
    '"id"',
    '"a"',
    '""',
    '"\\u0041"',
    '"\\ud800"',
    '"}{"',
    '"\\\\"',
    '"\\""',
    '"é€😀"',
    '"__proto__"',
    '"_meta"',
  ]);
}

/** The text of a message, more or less. */
export function message(dice: Dice): string {
  if (dice.chance(8)) return `[${many(dice, 4, () => message(dice))}]`;
  const space = dice.chance(80) ? "" : dice.pick([" ", "\t", "  ", "\n", "\r\n "]);
  const members: string[] = [];
  const add = (percent: number, name: string, value: string) => {
    if (dice.chance(percent)) members.push(`"${name}"${space}:${space}${value}`);
  };
  add(90, "jsonrpc", dice.chance(95) ? '"2.0"' : json(dice, 0));
  add(75, "id", dice.chance(70) ? String(dice.int(0, 50)) : json(dice, 1));
  add(
    80,
    "method",
    dice.chance(90) ? dice.pick(['"echo"', '"sum"', '"fail"', '"crash"', '"nope"']) : json(dice, 0),
  );
  add(60, "params", dice.chance(90) ? dice.pick(["[1,2]", '{"a":1}', "[]"]) : json(dice, 2));
  add(10, "result", json(dice, 1));
  add(10, "error", dice.pick(["null", '{"code":-1,"message":"m"}', json(dice, 1)]));
  add(5, dice.pick(["id", "method", "jsonrpc", "extra", "\\u0069d"]), json(dice, 1));
  // Not by sorting: what that makes of chance changes when the engine has compiled it.
  if (dice.chance(20)) members.splice(0, 0, ...members.splice(dice.int(0, members.length)));
  return `${space}{${members.join(`${space},`)}}`;
}

/** Changes bytes, a few times. */
export function mutated(dice: Dice, bytes: Uint8Array): Uint8Array {
  let found = bytes;
  for (let count = dice.pick([0, 0, 1, 1, 2, 4]); count > 0; count--) {
    const at = dice.int(0, found.length), size = dice.int(1, 8);
    const before = found.subarray(0, at), after = found.subarray(at);
    switch (dice.int(0, 5)) {
      case 0:
        found = join([before, dice.pick(TOKENS), after]);
        break;
      case 1:
        found = join([before, after.subarray(size)]);
        break;
      case 2:
        found = join([before, after.subarray(0, size), after]);
        break;
      case 3:
        found = join([after, before]);
        break;
      case 4:
        found = join([before, dice.pick(CORPUS), after]);
        break;
      default:
        found = found.slice();
        if (found.length > 0) found[at % found.length] = dice.int(0, 255);
    }
  }
  return found;
}

/** One message, framed or nearly so. */
function framed(dice: Dice, framing: FramingName): Uint8Array {
  const body = dice.chance(80) ? bytesOf(message(dice)) : dice.pick(CORPUS);
  if (framing === "json" && dice.chance(40)) {
    // The next one follows at once, or other bytes tell them apart.
    const [before, after] = dice.pick([["", ""], ["", ""], ["\x1e", "\n"], ["", "\0"], [
      "\ufeff",
      "",
    ]]);
    return join([bytesOf(before!), body, bytesOf(after!)]);
  }
  if (framing === "headers" && dice.chance(20)) {
    const name = dice.pick(["content-length", "CONTENT-LENGTH", "Content-Length "]);
    const before = dice.pick(["", "Content-Type: application/json; charset=utf-8\r\n", "X: y\r\n"]);
    const space = dice.pick(["", " ", "\t "]);
    return join([bytesOf(`${before}${name}:${space}${body.length}\r\n\r\n`), body]);
  }
  return frame(framing, body);
}

/** Bytes for a decoder. */
export function drawInput(dice: Dice): Input {
  const spoken = dice.pick(FRAMING_NAMES);
  const isDetecting = dice.chance(25);
  const parts = Array.from({ length: dice.int(1, 5) }, () => framed(dice, spoken));
  // Now and then a long run of the same, beyond what is copied whole.
  const times = dice.chance(2) ? dice.int(10, 60) : 1;
  const run = Array.from({ length: times }, () => join(parts));
  const bytes = mutated(dice, join([...run, ...parts]));
  return {
    framing: isDetecting ? "detect" : spoken,
    limits: {
      maxMessageBytes: dice.pick([64, 100, 200, 1 << 20]),
      maxDepth: dice.pick([1, 2, 4, 64]),
      maxHeaderBytes: dice.pick([32, 64, 4096]),
      maxHeaderLines: dice.pick([1, 2, 16]),
    },
    cuts: Array.from({ length: dice.int(1, 4) }, () => dice.pick([1, 2, 3, 7, 30, 100, 1000])),
    bytes,
  };
}

/** An input as a line that can be given back: bytes are written as the letters of the same numbers. */
export function literalOf<T extends Pick<Input, "bytes">>({ bytes, ...rest }: T): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return JSON.stringify({ ...rest, bytes: text }).replace(
    /[\x7f-\xff]/g,
    (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`,
  );
}

/** The input that a line stands for: its members tell of which kind it is. */
export function fromLiteral<T extends Pick<Input, "bytes"> = Input>(line: string): T {
  const { bytes, ...rest } = JSON.parse(line) as { readonly bytes: string };
  return { ...rest, bytes: Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)) } as T;
}
