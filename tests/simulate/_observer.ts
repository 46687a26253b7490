// Reads what two peers send each other, and knows what PROTOCOL.md lets them say: one answer for each
// request, no item without credit, nothing after the end. It shares no code with the library.

import { firstFrame, type Spoken } from "../support/raw.ts";
import { wholeFrame } from "../support/websocket_frames.ts";
import type { Tap } from "./_network.ts";

/** A request, as somebody sees it who looks at the wire. */
interface Seen {
  readonly method: string;
  answered: boolean;
  /** Items that its answer may still have, and that its caller may still send. */
  credit: number;
  creditUp: number;
  endedUp: boolean;
}

interface Wire {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: {
    readonly id?: unknown;
    readonly n?: number;
    readonly dir?: string;
    readonly token?: unknown;
    readonly values?: readonly unknown[];
    readonly _meta?: { readonly stream?: { readonly credit: number } };
  };
  readonly result?: unknown;
  readonly error?: unknown;
}

/** What one end has sent: the beginning of a message, and its requests by their ids. */
class Side {
  /** What has come and was not looked at lies between the two marks. */
  #store = new Uint8Array(256);
  #from = 0;
  #to = 0;
  readonly requests = new Map<unknown, Seen>();
  goneAway = false;
  /** Whether the head of its handshake has come, where there is one. */
  #hasShaken = false;

  add(bytes: Uint8Array): void {
    if (this.#to + bytes.length > this.#store.length) {
      const grown = new Uint8Array(2 * (this.#to + bytes.length));
      grown.set(this.#store.subarray(0, this.#to));
      this.#store = grown;
    }
    this.#store.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** The next whole message. */
  take(framing: Spoken): string | undefined {
    if (framing === "websocket") return this.#takeFrame();
    let rest = this.#store.subarray(this.#from, this.#to);
    if (framing === "json" && rest[0] === LF) {
      rest = rest.subarray(1);
      this.#from++;
    }
    if (rest.length === 0) return undefined;
    const found = firstFrame(framing, rest) ?? (framing === "json" ? wholeText(rest) : undefined);
    if (found !== undefined) this.#from += found[1];
    return found?.[0];
  }

  /** The same of a WebSocket: behind its handshake, and what is no text is passed over. */
  #takeFrame(): string | undefined {
    if (!this.#hasShaken) {
      const end = latin1(this.#store.subarray(this.#from, this.#to)).indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      this.#hasShaken = true;
      this.#from += end + 4;
    }
    for (
      let found;
      (found = wholeFrame(this.#store.subarray(this.#from, this.#to))) !== undefined;
    ) {
      this.#from += found.size;
      if (found.opcode === TEXT) return new TextDecoder().decode(found.payload);
    }
    return undefined;
  }

  /** Forgets what was taken. */
  shrink(): void {
    this.#store.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
  }
}

const LF = 10;

/** The opcode of a text. */
const TEXT = 1;

/** Each byte as a character. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A message whose line feed has not come: one that has closed is whole. */
function wholeText(bytes: Uint8Array): [string, number] | undefined {
  const last = bytes.at(-1);
  if (last !== 0x7d && last !== 0x5d) return undefined; // } and ]
  const text = new TextDecoder().decode(bytes);
  try {
    JSON.parse(text);
    return [text, bytes.length];
  } catch {
    return undefined;
  }
}

/** Looks at one connection between two ends of ours. */
export class Observer implements Tap {
  readonly #framing: Spoken;
  readonly #violate: (what: string) => void;
  readonly #sides: readonly [down: Side, up: Side] = [new Side(), new Side()];
  #isUp = true;
  /** Bytes that were handed to the network, down and up. */
  readonly sent: [down: number, up: number] = [0, 0];

  constructor(framing: Spoken, violate: (what: string) => void) {
    this.#framing = framing;
    this.#violate = violate;
  }

  bytes(isUp: boolean, bytes: Uint8Array): void {
    this.sent[Number(isUp)]! += bytes.length;
    // What one end has said is looked at when the other begins to speak, as a whole.
    if (this.#isUp !== isUp) this.look();
    this.#isUp = isUp;
    this.#sides[Number(isUp)]!.add(bytes);
  }

  /** Looks at what was said last. */
  look(): void {
    const side = this.#sides[Number(this.#isUp)]!, other = this.#sides[Number(!this.#isUp)]!;
    for (let found; (found = side.take(this.#framing)) !== undefined;) {
      this.#message(found, side, other);
    }
    side.shrink();
  }

  #message(text: string, from: Side, to: Side): void {
    let message: Wire | Wire[];
    try {
      message = JSON.parse(text);
    } catch {
      return this.#violate(`a frame is not JSON: ${text.slice(0, 100)}`);
    }
    const isBatch = Array.isArray(message);
    if (isBatch && (message as Wire[]).length === 0) this.#violate("an empty batch was sent");
    for (const single of isBatch ? message as Wire[] : [message as Wire]) {
      const why = this.#single(single, from, to);
      if (why !== undefined) this.#violate(`${why}: ${JSON.stringify(single).slice(0, 200)}`);
    }
  }

  /** What is wrong with a message; undefined where nothing is. */
  #single(message: Wire, from: Side, to: Side): string | undefined {
    if (message === null || typeof message !== "object") return "a message is no object";
    const { id, method, params } = message;
    if (method === undefined) return this.#answer(message, to);
    if (id !== undefined) {
      if (from.requests.has(id)) return "an id was used twice";
      const credit = params?._meta?.stream?.credit ?? 0;
      from.requests.set(id, { method, answered: false, credit, creditUp: 0, endedUp: false });
      return undefined;
    }
    const own = from.requests.get(params?.id), others = to.requests.get(params?.id);
    const isUp = params?.dir === "up", count = params?.values?.length ?? 1;
    switch (method) {
      case "$/cancelRequest":
        return own === undefined ? "nobody asked what is cancelled" : undefined;
      case "$/stream/item":
        if (isUp) {
          if (own === undefined || own.endedUp) return "an item has no stream";
          return (own.creditUp -= count) < 0 ? "an item has no credit" : undefined;
        }
        if (others === undefined || others.answered) return "an item has no stream";
        return (others.credit -= count) < 0 ? "an item has no credit" : undefined;
      case "$/stream/credit":
        if (isUp) {
          if (others === undefined || others.answered) return "credit has no stream";
          others.creditUp += params!.n!;
        } else if (own === undefined) return "credit has no stream";
        else own.credit += params!.n!;
        return undefined;
      case "$/stream/end":
        if (own === undefined || own.endedUp) return "an end has no stream";
        own.endedUp = true;
        return undefined;
      case "$/progress": {
        const asked = to.requests.get(params?.token);
        return asked === undefined || asked.answered ? "progress of nothing" : undefined;
      }
      case "$/goaway":
        if (from.goneAway) return "it went away twice";
        from.goneAway = true;
        return undefined;
      case "$/alive":
        return undefined;
      default:
        return method.startsWith("$/") ? "a control message that nobody knows" : undefined;
    }
  }

  #answer({ id, result, error }: Wire, to: Side): string | undefined {
    if ((result === undefined) === (error === undefined)) return "neither a result nor an error";
    // What could not be read has no id.
    if (id === null && error !== undefined) return undefined;
    const request = to.requests.get(id);
    if (request === undefined) return "nobody asked what is answered";
    if (request.answered) return "two answers";
    request.answered = true;
    return undefined;
  }
}
