/**
 * What a frame holds: a message is a tagged union. Ids are kept as JSON text, so that they go back digit
 * for digit.
 *
 * Source: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), sections 4 to 6.
 *
 * @module
 */

import type { ErrorObject, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { weigh } from "./weight.ts";

/** Whether this is an object and no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Whether this is an object as JSON.parse makes them. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The versions of JSON-RPC that a request can be written in. */
export type Version = "1.0" | "2.0";

/** What travels as the params of a request: by name, by position, or not at all. */
export type Params = Readonly<Record<string, unknown>> | readonly unknown[] | undefined;

/** A request, which gets exactly one answer. Section 4. */
export interface Request {
  readonly kind: "request";
  readonly version: Version;
  /** The id as JSON text: `7`, `"a"`, `null`. */
  readonly id: string;
  readonly method: string;
  /** What it says as an answer, if it has a result or an error too: some servers repeat the method in theirs. */
  readonly answer?: Response;
  /** All of them until the handler has its value. */
  params: Params;
  /** The text of its frame until the handler has its value; undefined for an item of a batch. */
  text: string | undefined;
  /** Bytes that it takes in memory, if that was told already; see weight.ts. */
  weight?: number;
}

/** A request without an id, which gets no answer. Section 4.1. */
export interface Notification {
  readonly kind: "notification";
  readonly version: Version;
  readonly method: string;
  /** All of them until the handler has its value. */
  params: Params;
  /** The text of its frame until the handler has its value; undefined for an item of a batch. */
  text: string | undefined;
  /** Bytes that it takes in memory, if that was told already; see weight.ts. */
  weight?: number;
  /** Whether the text may hold markers of bytes; see base64.ts. */
  readonly isMarked: boolean;
}

/** An answer. Section 5. */
export interface Response {
  readonly kind: "response";
  /** The id as JSON text. */
  readonly id: string;
  /** The error; undefined where the call succeeded. */
  readonly error: ErrorObject | undefined;
  readonly result: unknown;
  /** Whether the text may hold markers of bytes; see base64.ts. */
  readonly isMarked: boolean;
}

/** What breaks the rules, with the answer to send. */
export interface Invalid {
  readonly kind: "invalid";
  /** The shape of the answer. */
  readonly version: Version;
  /** The id to answer with as JSON text; `null` where it could not be told. */
  readonly id: string;
  /** Whether it names a method: it is meant as a call, and not as an answer. */
  readonly isCall: boolean;
  readonly error: RpcError;
}

/** One message that is no batch. */
export type Single = Request | Notification | Response | Invalid;

/** Several messages in one frame; their answers go back in one frame. Section 6. */
export interface Batch {
  readonly kind: "batch";
  /** The frame. */
  readonly text: string;
  /** Bytes that it takes in memory, if that was told already; see weight.ts. */
  readonly weight?: number;
  readonly items: readonly Single[];
}

/** What a frame holds. */
export type Message = Single | Batch;

/** The limits that messages are held to. */
export type MessageLimits = Pick<
  Limits,
  "maxDepth" | "maxBatch" | "maxMethodBytes" | "maxIdBytes"
>;

/** Members of `_meta` that mean something here. */
const KNOWN_META: ReadonlySet<string> = new Set([
  "timeoutMs",
  "traceparent",
  "tracestate",
  "progressToken",
  "stream",
]);

/** Units of the JSON text of other members that are kept: handlers may read them. */
export const MAX_META = 1 << 12;

/** Lets go of members of `_meta` that mean nothing here, beyond the first few KiB of them, and of the text. */
export function trimMeta(message: Request | Notification): void {
  const { params } = message, meta = metaOf(params);
  if (meta === NO_META) return;
  const kept: Record<string, unknown> = Object.create(null); // a member may be named __proto__
  let room = MAX_META;
  for (const name of Object.keys(meta)) {
    if (!KNOWN_META.has(name)) room = leftOf(room - name.length, meta[name]);
    if (KNOWN_META.has(name) || room >= 0) kept[name] = meta[name];
  }
  if (room >= 0) return;
  message.params = { ...params, _meta: kept };
  if (message.text === undefined) return;
  message.text = undefined;
  message.weight = weigh(JSON.stringify(message.params));
}

/** What is left of so much room beside a value; less than nothing once that is found. */
function leftOf(room: number, value: unknown): number {
  if (typeof value === "string") return room - value.length;
  if (value === null || typeof value !== "object") return room - PART;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && room >= 0; i++) room = leftOf(room, value[i]);
  } else {
    for (const name in value) {
      if (room < 0) break;
      room = leftOf(room - name.length, (value as Record<string, unknown>)[name]);
    }
  }
  return room - PART;
}

/** Units that a value counts as, beside its texts and members. */
const PART = 8;

const NO_META: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** Where params with metadata that did not come in them have those that came. */
const CAME: unique symbol = Symbol("came");

/** Params with metadata that came beside them: for a handler they are those that came. */
export function withMeta(
  params: Params,
  named: Readonly<Record<string, unknown>>,
  meta: Readonly<Record<string, unknown>>,
): Params {
  return Object.assign({ ...named, _meta: meta }, { [CAME]: params });
}

/** The params that came, of params that have metadata. */
export function cameAs(params: Params): Params {
  return params !== undefined && CAME in params ? params[CAME] as Params : params;
}

/** What travels beside the params. */
export function metaOf(params: Params): Readonly<Record<string, unknown>> {
  if (params === undefined || !Object.hasOwn(params, "_meta")) return NO_META;
  const meta = (params as { _meta?: unknown })._meta;
  return meta !== null && typeof meta === "object" ? meta as Record<string, unknown> : NO_META;
}
