// Messages of all kinds through a real socket, and what must come back: for each request one answer,
// for all else none. What the answers are, the reference says.

import { type FramingName, method, RpcError, serve } from "../../lib/mod.ts";
import { Dice } from "../support/dice.ts";
import { bytesOf, frame, join, RawPeer, unframe } from "../support/raw.ts";
import { type Meaning, meaningOf } from "../support/reference.ts";
import { ANYTHING } from "../support/schemas.ts";
import { message, mutated } from "./_inputs.ts";
import { eventsIn, type FrameLimits } from "./_reference.ts";

/** The methods that {@linkcode message} calls, with the code of their answers; undefined is a result. */
const CODES: ReadonlyMap<string, number | undefined> = new Map([
  ["echo", undefined],
  ["sum", undefined],
  ["fail", -32005],
  ["crash", -32603],
]);

const API = {
  echo: method(ANYTHING, (params) => params),
  sum: method(
    ANYTHING,
    async () => await new Promise((resolve) => setTimeout(() => resolve(3), 1)),
  ),
  fail: method(ANYTHING, () => {
    throw new RpcError("NOT_FOUND", "No such thing");
  }),
  crash: method(ANYTHING, async () => await Promise.reject(new Error("not for the caller"))),
};

/** An answer, as far as the reference knows it. */
type Outcome = string;

const outcome = (id: string, code: number | undefined): Outcome => `${id} ${code ?? "result"}`;

/** The answers that a message asks for. */
function* answersTo(meaning: Meaning): Generator<Outcome> {
  switch (meaning.kind) {
    case "batch":
      for (const item of meaning.items) yield* answersTo(item);
      break;
    case "request": {
      const { id, method, params } = meaning;
      if (method === "echo" && !travels(params)) yield outcome(id, -32603);
      else yield outcome(id, CODES.has(method) ? CODES.get(method) : -32601);
      break;
    }
    case "invalid":
      yield outcome(meaning.id, meaning.code);
  }
}

/** Whether a result can be written: a number past all numbers cannot. */
function travels(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(travels);
}

/** What answers say, one by one. */
function outcomesIn(meaning: Meaning): Outcome[] {
  if (meaning.kind === "batch") return meaning.items.flatMap(outcomesIn);
  if (meaning.kind !== "response") return [`no answer: ${JSON.stringify(meaning)}`];
  return [outcome(meaning.id, meaning.code)];
}

/** What came of one connection. */
export interface Exchange {
  readonly sent: number;
  readonly expected: readonly Outcome[];
  readonly found: readonly Outcome[];
}

/** Sends so many messages over one connection, says that this was all, and reads what comes. */
export async function exchange(
  seed: number,
  framing: FramingName,
  count: number,
): Promise<Exchange> {
  const dice = new Dice(seed);
  const limits: FrameLimits & { maxProtocolErrors: number } = {
    maxMessageBytes: 1000,
    maxDepth: 64,
    maxHeaderBytes: 4096,
    maxHeaderLines: 16,
    maxProtocolErrors: 1e6,
  };
  const parts = Array.from({ length: count }, (_, id) => {
    const known = `{"jsonrpc":"2.0","id":"${seed}:${id}","method":"echo","params":[${id}]}`;
    // The first one says which framing it is.
    const text = id === 0 || dice.chance(20)
      ? bytesOf(known)
      : mutated(dice, bytesOf(message(dice)));
    // What is a message must stay one: nothing fatal, which would end the others.
    if (framing !== "json" && text.length > limits.maxMessageBytes) return frame(framing, known);
    return frame(framing, text);
  });
  const bytes = join(parts);
  await using server = serve(API, { listen: "tcp://127.0.0.1:0", limits, onError() {} });
  using peer = await RawPeer.dial(server.addresses[0]!, framing);
  // It reads while it writes, or both would wait for each other.
  const answers = peer.rest();
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + dice.pick([1, 100, 1000, 20_000]));
    await peer.write(piece);
    at += piece.length;
  }
  await peer.closeWrite();
  const found = unframe(framing, await answers).flatMap((text) => outcomesIn(meaningOf(text)));
  const expected = eventsIn("detect", bytes, limits).flatMap((event) =>
    typeof event === "string"
      ? [...answersTo(meaningOf(event))]
      : [outcome("null", event.fault === "oversized" ? -32008 : -32700)]
  );
  return { sent: count, expected: expected.sort(), found: found.sort() };
}
