/**
 * Bytes that were cut into pieces, and what two programs make of them: a decoder, and a program that takes each
 * piece for a message. Knows nothing of the page.
 *
 * @module
 */

import type { Direction, Found, Mark, Wire } from "./wires.ts";

/** A piece, as one read from a socket may give it. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** Its text, decoded without its neighbours: a character that was cut in two is lost. */
  readonly alone: string;
  /** What the decoder found when it got the piece. */
  readonly found: readonly Found[];
  /** Bytes that the decoder keeps after it, of a message that has not ended. */
  readonly held: number;
}

/** One piece, or neighbours in which the decoder found nothing. */
export interface Row {
  readonly first: Piece;
  readonly last: Piece;
  /** How many pieces. */
  readonly count: number;
}

/** Where bytes may be cut: each place once, in order, and not at the ends. */
export function cutsOf(places: Iterable<number>, length: number): number[] {
  const within = [...places].filter((at) => Number.isInteger(at) && at > 0 && at < length);
  return [...new Set(within)].sort((a, b) => a - b);
}

/** A cut behind every byte. */
export function everyCut(length: number): number[] {
  return Array.from({ length: Math.max(0, length - 1) }, (_, at) => at + 1);
}

/** Gives the pieces to a decoder, one after another. */
export function readPieces(
  wire: Wire,
  direction: Direction,
  bytes: Uint8Array,
  cuts: readonly number[],
): Piece[] {
  const reader = wire.reader(direction),
    decoder = new TextDecoder(),
    ends = [...cuts, bytes.length];
  return ends.map((to, at) => {
    const from = at === 0 ? 0 : ends[at - 1]!, piece = bytes.subarray(from, to);
    const found = reader.push(piece), held = reader.held;
    // A piece decodes its text when the panel reads it: of thousands of pieces the panel shows a few.
    return {
      from,
      to,
      found,
      held,
      get alone() {
        return decoder.decode(piece);
      },
    };
  });
}

/** The pieces as rows: neighbours in which the decoder found nothing share one. */
export function rowsOf(pieces: readonly Piece[]): Row[] {
  const rows: Row[] = [];
  for (const piece of pieces) {
    const before = rows.at(-1);
    if (before !== undefined && before.last.found.length === 0 && piece.found.length === 0) {
      rows[rows.length - 1] = { first: before.first, last: piece, count: before.count + 1 };
    } else rows.push({ first: piece, last: piece, count: 1 });
  }
  return rows;
}

/** Bytes above which there is no lesson with one byte a piece. */
const MAX_EVERY = 8 << 10;

/** The ways to cut that the lesson of examples/sticky.ts has, by name; undefined if one is not possible. */
export const LESSONS: Readonly<
  Record<string, (bytes: Uint8Array, frames: readonly number[]) => readonly number[] | undefined>
> = {
  "One message a piece": (_, frames) => frames.slice(0, -1),
  "All in one piece": () => [],
  "One and a half, then the rest": (bytes, [first, second]) =>
    first === undefined || second === undefined
      ? [bytes.length >> 1]
      : [first + ((second - first) >> 1)],
  "Within a character": (bytes) => {
    const at = bytes.findIndex((byte) => byte >= 0xc0);
    return at < 0 ? undefined : [at + 1];
  },
  "One byte a piece": (bytes) => bytes.length > MAX_EVERY ? undefined : everyCut(bytes.length),
};

/** Where each message ends, with its frame. */
export function frameEnds(wire: Wire, texts: readonly string[], direction: Direction): number[] {
  let end = 0;
  return texts.map((text) => end += wire.encode([text], direction).bytes.length);
}

// ---- As hex ----------------------------------------------------------------------------------

/** Text of one kind. */
export interface Run {
  readonly text: string;
  readonly isMessage: boolean;
  /** Which piece it is in, by its number. */
  readonly piece: number;
}

/** Some bytes, side by side. */
export interface HexRow {
  readonly offset: string;
  readonly hex: readonly Run[];
  readonly text: readonly Run[];
}

/**
 * Bytes as hex and as text, row by row. A `|` stands before the first byte behind a cut.
 *
 * @param width how many bytes a row has
 * @param from the first row
 * @param count how many rows
 */
export function hexRows(
  bytes: Uint8Array,
  marks: readonly Mark[],
  cuts: readonly number[],
  width: number,
  from: number,
  count: number,
): HexRow[] {
  const rows: HexRow[] = [];
  for (let row = from; row < from + count && row * width < bytes.length; row++) {
    const start = row * width, end = Math.min(bytes.length, start + width);
    const hex: Run[] = [], text: Run[] = [];
    let piece = countUpTo(cuts, start), mark = marks.findIndex(({ to }) => to > start);
    for (let at = start; at < end; at++) {
      while (mark >= 0 && mark < marks.length && marks[mark]!.to <= at) mark++;
      const isCut = cuts[piece - 1] === at && at > 0 || cuts[piece] === at;
      if (cuts[piece] === at) piece++;
      const isMessage = marks[mark]?.isMessage ?? true, byte = bytes[at]!;
      add(hex, (isCut ? "|" : " ") + byte.toString(16).padStart(2, "0"), isMessage, piece);
      add(text, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·", isMessage, piece);
    }
    rows.push({ offset: start.toString(16).padStart(4, "0"), hex, text });
  }
  return rows;
}

function add(runs: Run[], text: string, isMessage: boolean, piece: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last.isMessage === isMessage && last.piece === piece) {
    runs[runs.length - 1] = { text: last.text + text, isMessage, piece };
  } else runs.push({ text, isMessage, piece });
}

/** How many of them are no larger than this. */
function countUpTo(sorted: readonly number[], max: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= max) low = middle + 1;
    else high = middle;
  }
  return low;
}
