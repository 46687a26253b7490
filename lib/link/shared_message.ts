/**
 * One message that many are told.
 *
 * @module
 */

import type { Framing } from "../framing/mod.ts";
import type { Version } from "../message/message.ts";

/** One message to many: it is written once for each version and framing that they speak. */
export class SharedMessage {
  readonly #encode: (version: Version) => string;
  readonly #texts = new Map<Version, string>();
  readonly #frames = new Map<string, Uint8Array<ArrayBuffer>>();

  /** The method of the notification that it is. */
  readonly method: string;

  /** @param encode its text */
  constructor(method: string, encode: (version: Version) => string) {
    this.method = method;
    this.#encode = encode;
  }

  /** Its text. */
  text(version: Version): string {
    let text = this.#texts.get(version);
    if (text === undefined) this.#texts.set(version, text = this.#encode(version));
    return text;
  }

  /** Its frame. */
  frame(version: Version, framing: Framing): Uint8Array<ArrayBuffer> {
    const key = version + framing.name;
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      frame = framing.encode([this.text(version)], (size) => new Uint8Array(size));
      this.#frames.set(key, frame);
    }
    return frame;
  }
}
