/**
 * A value that was parsed to a message, checked member by member. One that breaks the rules is a value too, and
 * holds the answer to send.
 *
 * It parses nothing, so that what gets texts whole, as a page does, needs nothing of `parse.ts`.
 *
 * Source: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), sections 4 to 6. A request without
 * `jsonrpc` is JSON-RPC 1.0, and is answered in that shape.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { isLongerThan } from "../framing/utf8.ts";
import { mayHoldMarkers } from "./base64.ts";
import { isExactNumber } from "./exact_numbers.ts";
import {
  type Invalid,
  isObject,
  type Message,
  type MessageLimits,
  type Params,
  type Request,
  type Response,
  type Single,
  type Version,
} from "./message.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * The message or the batch that a frame's text was parsed to.
 *
 * @param ids of its messages as they stand in the text, if some are numbers that may look different by now
 */
export function messageOf(
  value: unknown,
  text: string,
  limits: MessageLimits,
  ids?: readonly (string | undefined)[],
): Message {
  const isMarked = mayHoldMarkers(text);
  if (!Array.isArray(value)) return toMessage(value, ids?.[0], text, isMarked, limits);
  if (value.length === 0) return invalid("null", "INVALID_REQUEST");
  if (value.length > limits.maxBatch) {
    const message = `The batch has ${value.length} messages, the limit is ${limits.maxBatch}`;
    return {
      kind: "invalid",
      version: "2.0",
      id: "null",
      isCall: false,
      error: new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxBatch" }),
    };
  }
  const items = value.map((item, i) => toMessage(item, ids?.[i], undefined, isMarked, limits));
  return { kind: "batch", text, items };
}

/**
 * One parsed value, checked member by member.
 *
 * @param number its id as it stands in the text, if it is a number that may look different by now
 * @param text that of its frame, unless it shares it with others
 */
function toMessage(
  value: unknown,
  number: string | undefined,
  text: string | undefined,
  isMarked: boolean,
  limits: MessageLimits,
): Single {
  if (!isObject(value)) return invalid("null", "INVALID_REQUEST");
  const id = own(value, "id"), version = own(value, "jsonrpc"), method = own(value, "method");
  const answers = Object.hasOwn(value, "result") || Object.hasOwn(value, "error");
  // Some write all members of all messages, with null for those that are not meant.
  const isCall = method !== undefined && !(answers && method === null);
  const isResponse = !isCall && answers;
  let idText: string | undefined;
  if (typeof id === "string" || id === null) idText = JSON.stringify(id);
  else if (isExactNumber(id)) idText = number === undefined ? String(id) : copyString(number);
  else if (id !== undefined) {
    return invalid("null", "INVALID_REQUEST", "id must be a string, a number or null", isCall);
  }
  const quotes = typeof id === "string" ? 2 : 0;
  if (idText !== undefined && isLongerThan(idText, limits.maxIdBytes + quotes)) {
    const reason = `id is longer than ${limits.maxIdBytes} bytes`;
    return invalid("null", "INVALID_REQUEST", reason, isCall);
  }
  const answerTo = idText ?? "null";
  if (isResponse) return toResponse(value, answerTo, isMarked);
  if (version !== undefined && version !== "2.0") {
    return invalid(answerTo, "INVALID_REQUEST", 'jsonrpc must be "2.0"', isCall);
  }
  if (typeof method !== "string") return invalid(answerTo, "INVALID_REQUEST", undefined, isCall);
  const shape: Version = version === undefined ? "1.0" : "2.0";
  if (idText !== undefined && isLongerThan(method, limits.maxMethodBytes)) {
    const reason = `the method's name is longer than ${limits.maxMethodBytes} bytes`;
    return invalid(answerTo, "METHOD_NOT_FOUND", reason, isCall, shape);
  }
  const params = own(value, "params") ?? undefined; // null is no params: eglot and glib send it
  if (params !== undefined && typeof params !== "object") {
    const reason = "params must be an object or an array";
    return invalid(answerTo, "INVALID_REQUEST", reason, isCall, shape);
  }
  // A notification has no id; in JSON-RPC 1.0 its id is null (1.0, section 1.3).
  if (idText === undefined || (version === undefined && id === null)) {
    return {
      kind: "notification",
      version: shape,
      method,
      params: params as Params,
      text,
      isMarked,
    };
  }
  const request: Request = {
    kind: "request",
    version: shape,
    id: idText,
    method,
    params: params as Params,
    text,
  };
  return answers ? { ...request, answer: toResponse(value, idText, isMarked) } : request;
}

function toResponse(value: Members, id: string, isMarked: boolean): Response {
  // JSON-RPC 1.0 sends both members, one of them null.
  const error = own(value, "error") ?? undefined;
  if (error === undefined) {
    return { kind: "response", id, error, result: own(value, "result") ?? null, isMarked };
  }
  const code = isObject(error) ? own(error, "code") : undefined;
  if (!isObject(error) || !Number.isSafeInteger(code)) {
    // A peer of version 1.0 may send anything as its error (Go sends a string).
    const said = isObject(error) ? own(error, "message") : undefined;
    const message = textOf(typeof said === "string" ? said : error);
    const unknown = { code: -32002, message, data: error };
    return { kind: "response", id, error: unknown, result: null, isMarked: false };
  }
  const message = textOf(own(error, "message") ?? "");
  const data = own(error, "data");
  return {
    kind: "response",
    id,
    error: data === undefined
      ? { code: code as number, message }
      : { code: code as number, message, data },
    result: null,
    isMarked: false,
  };
}

export const MESSAGES = {
  PARSE_ERROR: "Parse error",
  INVALID_REQUEST: "Invalid Request",
  METHOD_NOT_FOUND: "Method not found",
} as const;

/** With a reason where the specification does not show the very answer (section 7). */
export function invalid(
  id: string,
  name: keyof typeof MESSAGES,
  details?: string,
  isCall = false,
  version: Version = "2.0",
): Invalid {
  const data = details === undefined ? undefined : { details };
  const error = new RpcError(name, MESSAGES[name], data);
  return { kind: "invalid", version, id, isCall, error };
}

// ---- Small parts -----------------------------------------------------------------------------

/**
 * The same text in memory of its own: V8 makes what is cut out of a text refer to all of it, for as long as
 * the part lives (https://bugs.chromium.org/p/v8/issues/detail?id=2869). To join and cut it copies it.
 */
export function copyString(part: string | undefined): string | undefined {
  return part && (" " + part).slice(1);
}

/** A value of JSON as a text for people: what a peer has sent may have a `toString` that is no function. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A member of the value itself: never one of a prototype. */
function own(value: Members, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
