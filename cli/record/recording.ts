/**
 * What a recording looks like: one JSON object a line.
 *
 * ```text
 * {"recording":1,"server":"tcp://127.0.0.1:8080","listen":"tcp://127.0.0.1:9000","started":"2026-01-31T12:00:00.000Z"}
 * {"connection":1,"at":0,"event":"open"}
 * {"connection":1,"at":1.2,"from":"client","framing":"json","text":"{\"jsonrpc\":…}"}
 * {"connection":1,"at":2.3,"from":"server","framing":"json","text":"{\"jsonrpc\":…}"}
 * {"connection":1,"at":9.8,"from":"client","event":"end"}
 * {"connection":1,"at":9.9,"from":"server","event":"end"}
 * ```
 *
 * `at` is milliseconds since the recording began. A frame has its text, and its bytes in base64 where
 * they are not what the text alone would be sent as. Bytes that are no frame have `fault`, which says
 * why, in place of `text`. All bytes of one side, one entry after another, are what that side sent.
 *
 * @module
 */

import { isObject } from "../text/json_diff.ts";
import type { FramingName } from "../../lib/client.ts";
import { FRAMINGS } from "../../lib/wire.ts";
import { quoted } from "../text/printable.ts";

/** The first line. */
export interface RecordingTitle {
  /** The version of the format. */
  readonly recording: 1;
  readonly server: string;
  readonly listen: string;
  readonly started: string;
}

/** Who sent something. */
export type Side = "client" | "server";

/** A frame, or bytes that are none. */
export interface Sent {
  readonly connection: number;
  readonly at: number;
  readonly from: Side;
  /** Not there for bytes of no framing. */
  readonly framing?: FramingName | "websocket";
  readonly text?: string;
  readonly fault?: string;
  readonly base64?: string;
}

/** A connection that was opened, or a side that sends no more. */
export interface RecordedEvent {
  readonly connection: number;
  readonly at: number;
  readonly event: "open" | "end";
  readonly from?: Side;
}

/** Every line but the first. */
export type Entry = Sent | RecordedEvent;

/** The bytes that were sent. */
export function bytesOf({ framing, text, base64 }: Sent): Uint8Array {
  return base64 === undefined ? canonical(framing!, text!) : Uint8Array.fromBase64(base64);
}

/** What a text is sent as. */
export function canonical(framing: FramingName | "websocket", text: string): Uint8Array {
  if (framing === "websocket") return new Uint8Array(0); // it has a key, and stands in base64
  return FRAMINGS[framing].encode([text], (size) => new Uint8Array(size)).slice();
}

/**
 * Reads a recording.
 *
 * @throws {TypeError} for a line that is none of one; the message is one line
 */
export function parseRecording(text: string): readonly Entry[] {
  const [title = "", ...lines] = text.trimEnd().split("\n");
  const isTitle = (value: unknown) => isObject(value) && value["recording"] === 1;
  if (!isTitle(tryJson(title))) {
    throw new TypeError(`Cannot read the recording: line 1 is not its title, ${quoted(title)}`);
  }
  return lines.map((line, at) => {
    const value = tryJson(line);
    if (isEntry(value)) return value;
    throw new TypeError(`Cannot read the recording: line ${at + 2} is no entry, ${quoted(line)}`);
  });
}

function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const { connection, event, from, framing, text, base64, fault } = value;
  if (!Number.isInteger(connection)) return false;
  const isSide = from === "client" || from === "server";
  if (event !== undefined) return event === "open" || event === "end" && isSide;
  const isFraming = typeof framing === "string" && Object.hasOwn(FRAMINGS, framing);
  return isSide && (isBase64(base64) || base64 === undefined && isFraming) &&
    (typeof text === "string" || typeof fault === "string" && base64 !== undefined);
}

function isBase64(value: unknown): boolean {
  try {
    return typeof value === "string" && Uint8Array.fromBase64(value).length > 0;
  } catch {
    return false;
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
