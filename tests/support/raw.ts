// A peer without the library: bytes on a socket, and the framings written down once more, as simply as
// can be, so that a fault in lib/framing/ cannot hide behind its own mirror image.

import type { FramingName } from "../../lib/mod.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import { within } from "./deadline.ts";

export const FRAMING_NAMES: readonly FramingName[] = ["json", "headers", "length"];

/** What a {@linkcode RawPeer} can speak: WebSocket as a client, behind its handshake. */
export type Spoken = FramingName | "websocket";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a string; bytes stay what they are. */
export function bytesOf(text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof text === "string" ? encoder.encode(text) : new Uint8Array(text);
}

/** Runs of bytes, one after another. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One message as it travels in a framing. */
export function frame(framing: Spoken, text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const body = bytesOf(text);
  switch (framing) {
    case "json":
      return join([body, encoder.encode("\n")]);
    case "headers":
      return join([encoder.encode(`Content-Length: ${body.length}\r\n\r\n`), body]);
    case "length": {
      const prefix = new Uint8Array(4);
      new DataView(prefix.buffer).setUint32(0, body.length);
      return join([prefix, body]);
    }
    case "websocket": { // masked, with a key of zeros
      const { length } = body, size = length < 126 ? [length] : length < 1 << 16 ? [126] : [127];
      const digits = size[0] === 126 ? 2 : size[0] === 127 ? 8 : 0;
      const head = new Uint8Array(2 + digits + 4);
      head[0] = 0x81;
      head[1] = 0x80 | size[0]!;
      for (let i = 0; i < digits; i++) head[1 + digits - i] = length / 256 ** i;
      return join([head, body]);
    }
  }
}

/** The first message in these bytes, and how many of them it took; undefined while it is incomplete. */
export function firstFrame(framing: Spoken, bytes: Uint8Array): [string, number] | undefined {
  let start: number, end: number, next: number;
  switch (framing) {
    case "json":
      start = 0;
      end = bytes.indexOf(10);
      if (end < 0) return undefined;
      next = end + 1;
      break;
    case "headers": {
      const head = /^Content-Length: ([0-9]+)\r\n\r\n/.exec(
        String.fromCharCode(...bytes.subarray(0, 40)),
      );
      if (head === null) return undefined;
      start = head[0].length;
      end = next = start + Number(head[1]);
      break;
    }
    case "length":
      if (bytes.length < 4) return undefined;
      start = 4;
      end = next = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      break;
    case "websocket": {
      if (bytes.length < 2) return undefined;
      const digits = bytes[1] === 126 ? 2 : bytes[1] === 127 ? 8 : 0;
      start = 2 + digits;
      let size = digits === 0 ? bytes[1]! : 0;
      for (const byte of bytes.subarray(2, start)) size = size * 256 + byte;
      end = next = start + size;
      if (bytes[0] === 0x81 || bytes.length < end) break;
      // A ping, a pong, or a close: that is not what is looked for.
      const found = firstFrame(framing, bytes.subarray(end));
      return found && [found[0], end + found[1]];
    }
  }
  return bytes.length < end ? undefined : [decoder.decode(bytes.subarray(start, end)), next];
}

/** The messages in these bytes; what is left at the end is an error. */
export function unframe(framing: Spoken, bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const found = firstFrame(framing, rest);
    if (found === undefined) {
      if (framing === "websocket" && rest[0] === 0x88) break; // the close, behind which there is nothing
      throw new Error(
        `Cannot read frames: ${JSON.stringify(new TextDecoder().decode(rest))} is left`,
      );
    }
    texts.push(found[0]);
    rest = rest.subarray(found[1]);
  }
  return texts;
}

/** An answer, as far as the tests look into it. */
export interface Answer {
  readonly jsonrpc?: "2.0";
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly method?: string;
  readonly params?: unknown;
}

/** One end of a socket, in the hands of a test. */
export class RawPeer implements Disposable {
  readonly #socket: Duplex;
  readonly framing: Spoken;
  /** What has come and was not taken lies between the two marks. */
  #store: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 12);
  #from = 0;
  #to = 0;
  #ended = false;
  #closed = false;

  constructor(socket: Duplex, framing: Spoken) {
    this.#socket = socket;
    this.framing = framing;
  }

  /** Over TCP or a Unix socket, as the address says. */
  static async dial(address: string, framing: FramingName = "json"): Promise<RawPeer> {
    return new RawPeer(await dial(address), framing);
  }

  /** Sends messages, one frame each, in one write. */
  send(...messages: (string | object)[]): Promise<void> {
    return this.write(
      join(
        messages.map((message) =>
          frame(
            this.framing,
            typeof message === "string" || message instanceof Uint8Array
              ? message
              : JSON.stringify(message),
          )
        ),
      ),
    );
  }

  /** Sends bytes as they are. */
  write(bytes: string | Uint8Array): Promise<void> {
    return within(this.#write(bytesOf(bytes)), "what is sent to be taken");
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#socket.write(rest));
    }
  }

  /** The next byte, as the character of its number. */
  async byte(): Promise<string> {
    while (this.#from === this.#to) {
      if (!await within(this.#more(), "a byte")) {
        throw new Error("Cannot read a byte: the peer has ended");
      }
    }
    return String.fromCharCode(this.#store[this.#from++]!);
  }

  /** The text of the next message. */
  text(): Promise<string> {
    return within(this.#text(), "a message");
  }

  async #text(): Promise<string> {
    for (;;) {
      const rest = this.#store.subarray(this.#from, this.#to);
      const found = firstFrame(this.framing, rest);
      if (found !== undefined) {
        this.#from += found[1];
        return found[0];
      }
      if (!await this.#more()) {
        throw new Error(`Cannot read a message: the peer has ended, ${rest.length} B are left`);
      }
    }
  }

  /** The next message. */
  async answer(): Promise<Answer> {
    return JSON.parse(await this.text());
  }

  /** The next messages, so many. */
  async answers(count: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    while (answers.length < count) answers.push(await this.answer());
    return answers;
  }

  /** Sends one message and gives the next that comes. */
  async ask(message: string | object): Promise<Answer> {
    await this.send(message);
    return await this.answer();
  }

  /** Everything that still comes, up to the end of what the peer sends. */
  rest(): Promise<Uint8Array> {
    return within(this.#whole(), "the peer to end");
  }

  async #whole(): Promise<Uint8Array> {
    while (await this.#more());
    return this.#store.subarray(this.#from, this.#to);
  }

  /** The messages that still come, up to the end. */
  async messages(): Promise<Answer[]> {
    return unframe(this.framing, await this.rest()).map((text) => JSON.parse(text));
  }

  /** Says that nothing more comes from here. */
  async closeWrite(): Promise<void> {
    await this.#socket.closeWrite?.();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Reads once; false at the end. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    if (this.#from > this.#store.length / 2) {
      this.#store.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    if (this.#to === this.#store.length) {
      const grown = new Uint8Array(this.#store.length * 4);
      grown.set(this.#store);
      this.#store = grown;
    }
    const count = await this.#socket.read(this.#store.subarray(this.#to));
    this.#ended = count === null;
    this.#to += count ?? 0;
    return !this.#ended;
  }
}

/** A socket of the runtime's own. */
async function dial(address: string): Promise<Duplex> {
  const { protocol, hostname, port, pathname } = new URL(address);
  if (protocol === "unix:") return await Deno.connect({ transport: "unix", path: pathname });
  const conn = await Deno.connect({ hostname: hostname.replace(/[[\]]/g, ""), port: Number(port) });
  conn.setNoDelay(); // or the second of two writes waits for an answer to the first
  return conn;
}
