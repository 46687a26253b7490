/**
 * The text of a frame to a message. One that breaks the rules is a value too, and holds the answer to
 * send: nothing here throws.
 *
 * Source: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), sections 4 to 6. A request without
 * `jsonrpc` is JSON-RPC 1.0, and is answered in that shape.
 *
 * Ids are kept as JSON text, so that they go back digit for digit: `12345678901234567890` and `1.0`
 * do not survive JSON.parse. Of a member that is repeated the last one counts, as in JSON.parse.
 *
 * @module
 */

import { mayHoldMarkers } from "./base64.ts";
import { isDeeperThan } from "./depth.ts";
import type { ParseJson } from "./exact_numbers.ts";
import { RpcError } from "../error.ts";
import type { BadFrame } from "../framing/frame.ts";
import { faultIn } from "../framing/text_scanner.ts";
import type { Invalid, Message, MessageLimits, Params, Single, Version } from "./message.ts";
import { numberIdsIn } from "./number_ids.ts";
import { copyString, invalid, messageOf, MESSAGES } from "./parsed.ts";

const MARK = "\uFEFF";

/**
 * The message in the text of a frame.
 *
 * @param parseJson another way to make values of JSON
 * @param depth how many arrays and objects lie within each other, if it was measured
 */
export function parseMessage(
  text: string,
  limits: MessageLimits,
  parseJson: ParseJson = JSON.parse,
  depth?: number,
): Message {
  const isDeep = depth === undefined
    ? isDeeperThan(text, limits.maxDepth)
    : depth > limits.maxDepth;
  if (isDeep) {
    return tooDeep(limits.maxDepth);
  }
  const plain = parsePlain(text, limits, parseJson);
  if (plain !== undefined) return plain;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    // A byte order mark before it means nothing, as between the texts of a line: RFC 8259, section 8.1.
    if (text[0] === MARK && text[1] !== MARK) return parseMessage(text.slice(1), limits, parseJson);
    return invalid("null", "PARSE_ERROR", faultIn(text));
  }
  return messageOf(value, text, limits, mayHoldOddIds(text) ? numberIdsIn(text) : undefined);
}

/** Whether a number that stands as an id may look different once it was parsed and written. */
function mayHoldOddIds(text: string): boolean {
  return /"id"\s*:\s*(?:-0|-?\d+[.eE]|-?\d{16})/.test(text) || text.includes("\\u00");
}

/** Whether a frame that gave this message may be several messages in a row. */
export function isUnparsable({ error }: Invalid): boolean {
  return error.code === -32700;
}

function tooDeep(maxDepth: number): Invalid {
  const details = `more than ${maxDepth} levels of nesting`;
  const error = new RpcError("PARSE_ERROR", MESSAGES.PARSE_ERROR, { limit: "maxDepth", details });
  return { kind: "invalid", version: "2.0", id: "null", isCall: false, error };
}

/** Bytes that are no frame, as a message that breaks the rules. */
export function faultAnswer({ reason, maxBytes, maxDepth }: BadFrame): Invalid {
  if (maxDepth !== undefined) return tooDeep(maxDepth);
  const error = maxBytes === undefined
    ? new RpcError("PARSE_ERROR", MESSAGES.PARSE_ERROR, { details: reason })
    : tooLarge(reason, maxBytes);
  return { kind: "invalid", version: "2.0", id: "null", isCall: false, error };
}

/** The error for a message of more bytes than these, which are those of the limit. */
export function tooLarge(
  reason: string,
  maxBytes: number,
  limit: "maxMessageBytes" | "maxHttpBodyBytes" = "maxMessageBytes",
): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", `Message too large: ${reason}`, {
    limit,
    details: { maxBytes },
  });
}

/**
 * What is not parsed, because it would take too much memory then.
 *
 * @param max bytes of V8's heap that it may take
 */
export function tooHeavy(text: string, max: number): Invalid {
  const maxBytes = Math.floor(max);
  const error = tooLarge(`parsed it would take more than ${maxBytes} bytes of memory`, maxBytes);
  const start = text.slice(0, MAX_EDGE), end = text.slice(-MAX_EDGE);
  const [, id = "null"] = ID_FIRST.exec(start) ?? ID_LAST.exec(end) ?? [];
  const isCall = start.includes('"method"') || end.includes('"method"');
  return { kind: "invalid", version: "2.0", id: copyString(id)!, isCall, error };
}

/** Units at either end of a text among which its id is looked for, if it is not parsed. */
const MAX_EDGE = 256;

const ID_FIRST =
  /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(-?\d[-+.\dEe]*|"[^"\\]*")\s*,/;
const ID_LAST = /,\s*"id"\s*:\s*(-?\d[-+.\dEe]*|"[^"\\]*")\s*\}\s*$/;

// ---- The common case -------------------------------------------------------------------------

/** Ids and names as nearly everyone writes them: whole numbers, and ASCII without escapes. */
const ID = String.raw`0|[1-9][0-9]*|"[ !#-\[\]-~]*"`;
const NAME = String.raw`[ !#-\[\]-~]*`;

/** What stands before the payload, or before the end where there is none. Python writes the spaces. */
const HEAD = new RegExp(
  `^\\{(?:"jsonrpc": ?"(2\\.0)", ?)?(?:"id": ?(${ID}), ?)?(?:"jsonrpc": ?"(2\\.0)", ?)?` +
    `(?:"method": ?"(${NAME})"(?:, ?"(params)": ?)?|"(result)": ?)`,
);

/** What may follow it: the id and the version. */
const TAIL = new RegExp(`(?:, ?"id": ?(${ID}))?(?:, ?"jsonrpc": ?"(2\\.0)")?\\}\\r?$`);
const MAX_TAIL = 64;

/** Characters of a text that may live as long as a call does, for the sake of its name or its id. */
const MAX_SHARED = 1024;

const itself = (part: string | undefined) => part;

/**
 * A message as nearly every peer writes it, read without building an object for its envelope: the
 * version, the id and the method, then `params` or `result`, or all of that with the id and the
 * version last. Anything else gives undefined and goes the long way.
 *
 * It cannot be fooled: what it takes for the payload is parsed as one JSON value, so that the text
 * around it is the whole envelope.
 */
function parsePlain(
  text: string,
  limits: MessageLimits,
  parseJson: ParseJson,
): Single | undefined {
  const head = HEAD.exec(text);
  if (head === null) return undefined;
  const start = head[0].length, own = text.length > MAX_SHARED ? copyString : itself;
  const method = own(head[4]);
  let id = own(head[2]), version = head[1] ?? head[3];
  let end: number;
  if (id !== undefined && version !== undefined) {
    end = text.length - (text.endsWith("\r") ? 2 : 1);
    if (text.charCodeAt(end) !== 0x7d) return undefined;
  } else {
    const from = Math.max(start, text.length - MAX_TAIL), tail = TAIL.exec(text.slice(from));
    if (tail === null || tail[1] !== undefined && id !== undefined) return undefined;
    end = from + tail.index;
    id ??= own(tail[1]);
    version ??= tail[2];
  }
  if (id !== undefined && id.length > limits.maxIdBytes) return undefined;
  let payload: unknown;
  if (method === undefined || head[5] !== undefined) {
    try {
      payload = parseJson(text.slice(start, end));
    } catch {
      return undefined;
    }
  } else if (start !== end) return undefined;
  if (method === undefined) {
    if (id === undefined || version === undefined) return undefined;
    const isMarked = mayHoldMarkers(text);
    return { kind: "response", id, error: undefined, result: payload, isMarked };
  }
  if (method.length > limits.maxMethodBytes) return undefined;
  if (payload !== undefined && typeof payload !== "object") return undefined;
  const params = (payload ?? undefined) as Params;
  const shape: Version = version === undefined ? "1.0" : "2.0";
  if (id === undefined) {
    const isMarked = mayHoldMarkers(text);
    return { kind: "notification", version: shape, method, params, text, isMarked };
  }
  return { kind: "request", version: shape, id, method, params, text };
}
