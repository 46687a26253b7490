// WebSocket's frames against a reference: all of the bytes at once, one rule of RFC 6455 after another, a byte
// at a time. It shares no code with lib/framing/.

import type { Frame } from "../../lib/framing/mod.ts";
import { websocket } from "../../lib/framing/websocket.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import type { Dice } from "../support/dice.ts";
import { bytesOf, join } from "../support/raw.ts";
import { closePayload, wsFrame } from "../support/websocket_frames.ts";
import { mustBeWorth, type Summary, tryAll } from "./_check.ts";
import { type Input, message, mutated } from "./_inputs.ts";

/** Bytes for one end's decoder. */
export interface WebSocketInput extends Pick<Input, "cuts" | "bytes"> {
  readonly reader: "client" | "server";
  readonly maxMessageBytes: number;
}

/** What comes of bytes: a text, what is answered, or a failure with its code. */
type Event = string | { readonly ping: string } | { readonly close: number } | {
  readonly failed: number | null;
};

// ---- The reference -------------------------------------------------------------------------------

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: readonly number[]): string | undefined {
  try {
    return strict.decode(new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}

/** Everything in these bytes, in order. */
export function eventsIn({ reader, maxMessageBytes, bytes }: WebSocketInput): Event[] {
  const events: Event[] = [], masked = reader === "server";
  let message: number[] | undefined, fragments = 0, at = 0;
  const fail = (code: number) => [...events, { failed: code }];
  for (;;) {
    if (at + 2 > bytes.length) return events;
    const first = bytes[at]!, second = bytes[at + 1]!, opcode = first % 16;
    const isLast = first >= 128, isControl = opcode >= 8;
    if (first % 128 >= 16) return fail(1002);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return fail(1002);
    if (second >= 128 !== masked) return fail(1002);
    if (isControl && (!isLast || second % 128 > 125)) return fail(1002);
    if (!isControl && (opcode === 0) !== (message !== undefined)) return fail(1002);
    let digits = second % 128 === 126 ? 2 : second % 128 === 127 ? 8 : 0;
    let size = digits === 0 ? BigInt(second % 128) : 0n;
    at += 2;
    if (at + digits > bytes.length) return events;
    for (let count = digits; count > 0; count--) size = size * 256n + BigInt(bytes[at++]!);
    if (size >= 1n << 63n) return fail(1002);
    if (digits === 2 && size < 126n || digits === 8 && size < 65536n) return fail(1002);
    if (!isControl) {
      fragments = opcode === 0 ? fragments + 1 : 1;
      const sum = BigInt(message?.length ?? 0) + size;
      if (sum > BigInt(maxMessageBytes)) return fail(1009);
      if (fragments > 1024 && sum < BigInt(64 * (fragments - 1024))) return fail(1008);
    }
    digits = masked ? 4 : 0;
    if (at + digits > bytes.length) return events;
    const key = bytes.slice(at, at + digits);
    at += digits;
    if (at + Number(size) > bytes.length) return events;
    const payload = Array.from(
      bytes.slice(at, at + Number(size)),
      (byte, i) => masked ? byte ^ key[i % 4]! : byte,
    );
    at += Number(size);
    if (opcode === 9) events.push({ ping: String.fromCharCode(...payload) });
    else if (opcode === 8) {
      const code = payload.length === 0 ? 1000 : payload[0]! * 256 + (payload[1] ?? 0);
      const isGood = payload.length !== 1 && (code >= 3000 && code < 5000 ||
        code >= 1000 && code < 1015 && ![1004, 1005, 1006].includes(code));
      if (!isGood) return fail(1002);
      if (textOf(payload.slice(2)) === undefined) return fail(1007);
      return [...events, { close: code }];
    } else if (!isControl) {
      message = [...message ?? [], ...payload];
      if (!isLast) continue;
      const text = textOf(message);
      if (text === undefined) return fail(1007);
      events.push(text === "" ? { failed: null } : text);
      message = undefined;
    }
  }
}

// ---- The codec -----------------------------------------------------------------------------------

function eventOf(frame: Frame): Event {
  if (typeof frame === "string") return frame;
  if (frame.kind === "close") return { close: frame.closeCode! };
  if (frame.kind !== "ping") return { failed: frame.closeCode ?? null };
  const masked = frame.answer[1]! >= 128, from = masked ? 6 : 2;
  const payload = frame.answer.slice(from);
  if (masked) { for (const i of payload.keys()) payload[i]! ^= frame.answer[2 + i % 4]!; }
  return { ping: String.fromCharCode(...payload) };
}

function decoded(input: WebSocketInput, cuts: readonly number[]): Event[] {
  const { reader, maxMessageBytes, bytes } = input;
  const limits = { ...DEFAULT_LIMITS, maxMessageBytes };
  const decoder = websocket[reader].decoder(limits);
  const events: Event[] = [];
  let pushes = 0;
  mustBeWorth(() => {
    for (let at = 0; at < bytes.length; pushes++) {
      const piece = bytes.slice(at, at + cuts[pushes % cuts.length]!);
      at += piece.length;
      decoder.push(piece);
      for (let frame; (frame = decoder.next()) !== undefined;) events.push(eventOf(frame));
      piece.fill(0x21); // it was only lent
      if (decoder.held > maxMessageBytes + 140) throw new Error(`it holds ${decoder.held}`);
      if (!decoder.midway && decoder.held > 0) {
        throw new Error(`it holds ${decoder.held} of nothing`);
      }
    }
    return bytes.length + 64 * pushes + 200 * events.length;
  });
  return events;
}

/** What is wrong with how an input is read; undefined where nothing is. */
export function wrongWithWebSocket(input: WebSocketInput): string | undefined {
  try {
    const expected = JSON.stringify(eventsIn(input));
    for (const cuts of [input.cuts, [1 << 30]]) {
      const found = JSON.stringify(decoded(input, cuts));
      if (found !== expected) return `cut by ${cuts} it is ${found}, expected ${expected}`;
    }
    return wrongWithEcho(input);
  } catch (error) {
    return `it throws ${error}`;
  }
}

/** What is wrong with the same texts once they were encoded; undefined where nothing is. */
function wrongWithEcho({ reader, ...input }: WebSocketInput): string | undefined {
  const texts = eventsIn({ reader, ...input }).filter((it): it is string => typeof it === "string");
  const written = websocket[reader].encode(texts, (size) => new Uint8Array(Math.max(size, 64)));
  const other = reader === "client" ? "server" : "client";
  const found = eventsIn({ ...input, reader: other, bytes: written });
  return JSON.stringify(found) === JSON.stringify(texts)
    ? undefined
    : `written again it is ${JSON.stringify(found)}, expected ${JSON.stringify(texts)}`;
}

// ---- Inputs --------------------------------------------------------------------------------------

function payload(dice: Dice): Uint8Array<ArrayBuffer> {
  const kind = dice.int(0, 9);
  if (kind < 6) return bytesOf(message(dice));
  if (kind === 6) {
    return bytesOf(
      dice.pick(["x", "é", "€", "😀", "\0", "\x01", "é\x01"]).repeat(dice.int(0, 140)),
    );
  }
  if (kind === 7) return Uint8Array.from({ length: dice.int(0, 130) }, () => dice.int(0, 255));
  return new Uint8Array(dice.pick([0, 1, 125, 126, 127, 200])).fill(0x31);
}

function part(dice: Dice, masked: boolean): Uint8Array {
  const key = masked !== dice.chance(1) ? Array.from({ length: 4 }, () => dice.int(0, 255)) : null;
  const usual = { key };
  const body = payload(dice);
  switch (dice.int(0, 12)) {
    case 0:
      return wsFrame(9, body.subarray(0, 125), usual);
    case 1:
      return wsFrame(10, body.subarray(0, 125), usual);
    case 2: // in fragments, with something between
      return join([
        wsFrame(1, body.subarray(0, 7), { ...usual, fin: false }),
        ...dice.chance(50) ? [wsFrame(9, "p", usual)] : [],
        ...dice.chance(30) ? [wsFrame(0, "", { ...usual, fin: false })] : [],
        wsFrame(0, body.subarray(7), usual),
      ]);
    case 3:
      return dice.chance(20)
        ? wsFrame(8, closePayload(dice.pick([1000, 1001, 1005, 3000, 4999, 999]), "bye"), usual)
        : wsFrame(2, body, usual);
    case 4:
      return wsFrame(dice.chance(80) ? 1 : dice.int(0, 15), body, {
        ...usual,
        fin: dice.chance(90),
        rsv: dice.chance(95) ? 0 : dice.int(0, 7),
        digits: body.length < 126 && dice.chance(90) ? 0 : dice.pick([2, 8]),
      });
    default:
      return wsFrame(1, body, usual);
  }
}

/** Bytes for a decoder. */
export function drawWebSocket(dice: Dice): WebSocketInput {
  const reader = dice.pick(["client", "server"] as const);
  const parts = Array.from({ length: dice.int(1, 8) }, () => part(dice, reader === "server"));
  const bytes = dice.chance(60) ? join(parts) : mutated(dice, join(parts));
  return {
    reader,
    maxMessageBytes: dice.pick([64, 200, 1 << 20]),
    cuts: Array.from({ length: dice.int(1, 4) }, () => dice.pick([1, 2, 3, 7, 30, 100, 1000])),
    bytes,
  };
}

/** Tries the inputs of these seeds. */
export function fuzzWebSocket(first: number, count: number): Summary {
  return tryAll(first, count, drawWebSocket, wrongWithWebSocket);
}
