/**
 * A connection of a conformance check: sends bytes, keeps all that comes, and finds the frames in it.
 *
 * @module
 */

import type { Socket } from "../../lib/client.ts";
import { DEFAULT_LIMITS, type Frame, type Framing } from "../../lib/wire.ts";
import { joined } from "../text/byte_size.ts";

/** A frame may be this long: `rpc.discover` of a large server. */
const MAX_FRAME = 1 << 26;

/** Bytes that are kept to be shown. */
const MAX_KEPT = 1 << 16;

/** What came next. */
export type Heard =
  | { readonly kind: "frame"; readonly text: string }
  /** Bytes that are no frame. */
  | { readonly kind: "fault"; readonly reason: string }
  | { readonly kind: "end" }
  /** Nothing, in the time that was given. */
  | { readonly kind: "silence" };

/** One connection. */
export class Talk {
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  #sent: Uint8Array[] = [];
  #received: Uint8Array[] = [];
  #kept = 0;
  #ended = false;
  #wake: () => void = () => {};
  readonly #reading: Promise<void>;

  /** Takes the socket over. */
  constructor(socket: Socket, framing: Framing) {
    this.#socket = socket;
    this.#reading = this.#read(framing);
  }

  /** Whether nothing more can come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What was sent and received since the last {@linkcode forget}. */
  get sent(): Uint8Array {
    return joined(this.#sent);
  }

  get received(): Uint8Array {
    return joined(this.#received);
  }

  /** Forgets what was sent and received. */
  forget(): void {
    this.#sent = [];
    this.#received = [];
    this.#kept = 0;
    this.#frames.length = 0;
  }

  /** Sends bytes; a peer that hung up is seen by who listens. */
  async send(bytes: Uint8Array): Promise<void> {
    this.#sent.push(bytes);
    try {
      for (let rest = bytes; rest.length > 0;) {
        rest = rest.subarray(await this.#socket.write(rest));
      }
    } catch {
      // the end is read
    }
  }

  /** Says that no more is sent; false where the transport cannot. */
  async halfClose(): Promise<boolean> {
    if (this.#socket.closeWrite === undefined) return false;
    await this.#socket.closeWrite().catch(() => {});
    return true;
  }

  /** What comes next, within so many milliseconds. */
  async listen(timeout: number): Promise<Heard> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, timeout);
    try {
      for (;;) {
        const frame = this.#frames.shift();
        if (typeof frame === "string") return { kind: "frame", text: frame };
        if (frame !== undefined) return { kind: "fault", reason: frame.reason };
        if (this.#ended) return { kind: "end" };
        if (isLate) return { kind: "silence" };
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#ended = true;
    try {
      await this.#socket.close();
    } catch {
      // it is gone
    }
    await this.#reading;
  }

  async #read(framing: Framing): Promise<void> {
    const decoder = framing.decoder({ ...DEFAULT_LIMITS, maxMessageBytes: MAX_FRAME });
    const buffer = new Uint8Array(1 << 16);
    try {
      for (let count; (count = await this.#socket.read(buffer)) !== null;) {
        const chunk = buffer.slice(0, count);
        if ((this.#kept += count) <= MAX_KEPT) this.#received.push(chunk);
        decoder.push(chunk.slice()); // it may write there
        for (let frame; (frame = decoder.next()) !== undefined;) this.#frames.push(frame);
        this.#wake();
      }
    } catch {
      // as an end
    }
    this.#ended = true;
    this.#wake();
  }
}
