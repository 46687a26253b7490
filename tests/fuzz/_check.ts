// One input against the reference: the same events however it is cut, nothing thrown, nothing held
// beyond the limits, and no more work than its bytes are worth.

import {
  type BadFrame,
  type Decoder,
  DetectingDecoder,
  type Frame,
  FRAMINGS,
} from "../../lib/framing/mod.ts";
import { isUnparsable, parseMessage } from "../../lib/message/parse.ts";
import { DEFAULT_LIMITS } from "../../lib/mod.ts";
import { bytesOf, join } from "../support/raw.ts";
import { meaning, meaningOf } from "../support/reference.ts";
import { type Event, eventsIn, trim } from "./_reference.ts";
import { Dice } from "../support/dice.ts";
import { drawInput, type Input, literalOf, message, mutated } from "./_inputs.ts";

/** Bytes that the runtime's own functions were made to look at or to move, while they are counted. */
let work = 0;

/** Counts work while it lives: what is quadratic goes through these. */
export function countWork(): Disposable {
  const restore: (() => void)[] = [];
  const wrap = (
    object: object,
    name: string,
    cost: (self: Uint8Array, first: unknown, result: unknown) => number,
  ) => {
    const original = Reflect.get(object, name);
    Reflect.set(object, name, function (this: Uint8Array, ...args: unknown[]) {
      const result = Reflect.apply(original, this, args);
      work += cost(this, args[0], result);
      return result;
    });
    restore.push(() => Reflect.set(object, name, original));
  };
  const bytes = Object.getPrototypeOf(Uint8Array.prototype);
  wrap(bytes, "set", (_, source) => (source as Uint8Array).length);
  wrap(bytes, "slice", (_, _first, result) => (result as Uint8Array).length);
  wrap(bytes, "copyWithin", (self) => self.length);
  wrap(bytes, "indexOf", (self, _, at) => at as number < 0 ? self.length : 0);
  wrap(bytes, "lastIndexOf", (self, _, at) => self.length - 1 - (at as number));
  wrap(TextDecoder.prototype, "decode", (_, source) => (source as Uint8Array).length);
  wrap(TextEncoder.prototype, "encode", (_, text) => (text as string).length);
  return {
    [Symbol.dispose]() {
      for (const undo of restore) undo();
    },
  };
}

/** What a decoder makes of an input that comes in these pieces. */
function decoded(
  { framing, limits, bytes }: Input,
  cuts: readonly number[],
  isParsed: boolean,
): Frame[] {
  const decoder: Decoder = framing === "detect"
    ? new DetectingDecoder(FRAMINGS, limits, () => {}, isParsed)
    : FRAMINGS[framing].decoder(limits, isParsed);
  const frames: Frame[] = [];
  /** Takes what there is; false after a fatal fault. */
  const take = () => {
    for (let frame; (frame = decoder.next()) !== undefined;) {
      // As a connection does: what is not JSON is looked at once more.
      if (typeof frame === "string") {
        const message = isParsed
          ? parseMessage(frame, { ...DEFAULT_LIMITS, ...limits })
          : undefined;
        if (message?.kind === "invalid" && isUnparsable(message) && decoder.reject?.()) continue;
      }
      frames.push(frame);
      if (typeof frame !== "string" && frame.fatal) return false;
    }
    return true;
  };
  work = 0;
  let pushes = 0;
  for (let at = 0; at < bytes.length; pushes++) {
    const piece = bytes.slice(at, at + cuts[pushes % cuts.length]!);
    at += piece.length;
    decoder.push(piece);
    if (!take()) return frames;
    piece.fill(0x21); // it was only lent
    const { maxMessageBytes, maxHeaderBytes } = limits;
    if (decoder.held > maxMessageBytes + maxHeaderBytes) {
      throw new Error(`it holds ${decoder.held}`);
    }
    if (!decoder.midway && decoder.held > 0) throw new Error(`it holds ${decoder.held} of nothing`);
  }
  decoder.push(new Uint8Array(0));
  decoder.end?.();
  take();
  if (work > MAX_WORK * (bytes.length + 64) + PIECE_WORK * pushes) {
    throw new Error(`${work} bytes were touched for ${bytes.length} in ${pushes} pieces`);
  }
  return frames;
}

/**
 * Throws if what runs touches more bytes than it says that it is worth.
 *
 * @param run gives that number
 */
export function mustBeWorth(run: () => number): void {
  work = 0;
  const worth = run();
  if (work > MAX_WORK * worth) throw new Error(`${work} bytes were touched, ${worth} are worth it`);
}

/** A piece that holds every input. */
const WHOLE = 1 << 30;

/** How often a byte may be touched. */
const MAX_WORK = 8;

/** And what a piece may cost beside that, however small it is: what is held of a value is looked at. */
const PIECE_WORK = 500;

function eventOf(frame: Frame): Event {
  if (typeof frame === "string") return trim(frame);
  const { kind, fatal } = frame as BadFrame; // these framings have no frames of their own
  return { fault: kind, fatal };
}

/** A frame, but for the bytes of another protocol that had come: they depend on how it was cut. */
function told(frame: Frame): unknown {
  if (typeof frame === "string") return trim(frame);
  return { ...frame, first: undefined };
}

/** What is wrong with how an input is read; undefined where nothing is. */
export function wrongWith(input: Input): string | undefined {
  try {
    const expected = JSON.stringify(eventsIn(input.framing, input.bytes, input.limits));
    const whole = decoded(input, [WHOLE], true);
    for (const isParsed of [true, false]) {
      const cut = decoded(input, input.cuts, isParsed);
      const found = JSON.stringify(cut.map(eventOf));
      const how = isParsed ? "cut" : "cut and not parsed";
      if (found !== expected) return `${how} it is ${found}, expected ${expected}`;
      const same = (frames: Frame[]) => JSON.stringify(frames.map(told));
      if (same(cut) !== same(whole)) return `${how} it is ${same(cut)}, whole it is ${same(whole)}`;
    }
    for (const frame of whole) {
      const why = typeof frame === "string" ? wrongWithText(frame) : undefined;
      if (why !== undefined) return why;
    }
  } catch (error) {
    return `it throws ${error}`;
  }
}

/** What is wrong with how a text is understood; undefined where nothing is. */
export function wrongWithText(text: string): string | undefined {
  const found = JSON.stringify(meaning(parseMessage(text, DEFAULT_LIMITS)));
  const expected = JSON.stringify(meaningOf(text));
  return found === expected ? undefined : `it means ${found}, expected ${expected}`;
}

/** A smaller input with which something is wrong, too. */
export function minimised<T extends Pick<Input, "bytes" | "cuts">>(
  input: T,
  wrong: (input: T) => string | undefined,
): T {
  let best = input;
  const better = (bytes: Uint8Array, cuts = best.cuts) => {
    const candidate = { ...best, bytes, cuts };
    if (wrong(candidate) === undefined) return false;
    best = candidate;
    return true;
  };
  for (let size = best.bytes.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= best.bytes.length;) {
      const rest = new Uint8Array(best.bytes.length - size);
      rest.set(best.bytes.subarray(0, at));
      rest.set(best.bytes.subarray(at + size), at);
      if (!better(rest)) at += size;
    }
  }
  for (const cuts of [[WHOLE], [1], [2]]) if (better(best.bytes, cuts)) break;
  return best;
}

/** What came of a part of the inputs. */
export interface Summary {
  inputs: number;
  bytes: number;
  failed: Failure[];
}

/** An input that is read wrongly, as small as it was found. */
export interface Failure {
  readonly literal: string;
  readonly why: string;
}

/** Failures after which it is clear that something is wrong. */
const MAX_FAILED = 10;

/** Most inputs are wrong, and where in our code that was found says nothing: it costs half of the time. */
function withoutStacks(): Disposable {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  return { [Symbol.dispose]: () => void (Error.stackTraceLimit = stackTraceLimit) };
}

/** Tries the inputs that are drawn for these seeds. */
export function tryAll<T extends Pick<Input, "bytes" | "cuts">>(
  first: number,
  count: number,
  draw: (dice: Dice) => T,
  wrong: (input: T) => string | undefined,
): Summary {
  using _work = countWork();
  using _quick = withoutStacks();
  const summary: Summary = { inputs: 0, bytes: 0, failed: [] };
  for (let seed = first; seed < first + count && summary.failed.length < MAX_FAILED; seed++) {
    const input = draw(new Dice(seed));
    summary.inputs++;
    summary.bytes += input.bytes.length;
    const told = wrong(input);
    if (told === undefined) continue;
    const smallest = minimised(input, wrong);
    const why = wrong(smallest) ?? `${told}, but not when it is tried again`;
    summary.failed.push({ literal: literalOf(smallest), why });
  }
  return summary;
}

/** Tries bytes in a framing, and now and then the text of a message alone. */
export function fuzz(first: number, count: number): Summary {
  const draw = (dice: Dice) => dice.chance(30) ? drawText(dice) : drawInput(dice);
  return tryAll(first, count, draw, wrongWith);
}

/** The text of one message, which nothing but its length ends. */
function drawText(dice: Dice): Input {
  const body = mutated(dice, bytesOf(message(dice)));
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, body.length);
  return {
    framing: "length",
    limits: { maxMessageBytes: 1 << 20, maxDepth: 64, maxHeaderBytes: 4096, maxHeaderLines: 16 },
    cuts: [WHOLE],
    bytes: join([prefix, body]),
  };
}
