/**
 * A call as HTTP brings it: what its header says beside the message becomes metadata, and what cannot be
 * over HTTP is refused.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Dispatcher } from "../incoming/dispatch.ts";
import { RPC } from "../message/control.ts";
import { decodeUtf8 } from "../framing/utf8.ts";
import {
  metaOf,
  type Notification,
  type Request,
  type Single,
  withMeta,
} from "../message/message.ts";
import type { RequestHead } from "./head.ts";
import { EVENTS_TYPE, LINES_TYPE } from "./response.ts";

type Headers = RequestHead["headers"];

/** How a stream travels. */
export type StreamType = typeof EVENTS_TYPE | typeof LINES_TYPE;

/** TCP pushes back, so that a stream needs no credit: the most that can be given at once. */
const UNBOUNDED = 2 ** 31 - 1;

/**
 * How the client takes messages before the answer: the one of the two that it prefers, and the first of them if it
 * prefers neither; undefined if it takes none.
 */
export function streamType(accept: string | undefined): StreamType | undefined {
  if (accept === undefined || accept === "*/*") return undefined;
  let best: StreamType | undefined, most = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...params] = range.split(";").map((part) => part.trim());
    if (type !== EVENTS_TYPE && type !== LINES_TYPE) continue;
    const weight = weightOf(params);
    if (!(weight > most)) continue;
    best = type;
    most = weight;
  }
  return best;
}

function weightOf(params: readonly string[]): number {
  return Number(params.find((param) => param.startsWith("q="))?.slice(2) ?? 1);
}

/** What a list such as `text/html, gzip;q=0` accepts, in lower case, without what it says of each. */
export function accepted(list: string): string[] {
  return list.toLowerCase().split(",")
    .map((range) => range.split(";").map((part) => part.trim()))
    .filter(([, ...params]) => weightOf(params) > 0)
    .map(([name = ""]) => name);
}

/**
 * Puts into the metadata what the header says: a deadline, a trace, the event to go on behind, and that the
 * items of a stream are taken as they come.
 *
 * @param stream how it may travel; undefined if its items are collected
 * @returns why the call cannot be over HTTP, if it cannot
 */
export function adapt(
  message: Request | Notification,
  headers: Headers,
  stream: StreamType | undefined,
  { dispatcher }: { readonly dispatcher: Pick<Dispatcher, "find"> },
): RpcError | undefined {
  const { method } = message;
  if (method === RPC.authenticate) {
    return precondition("Over HTTP each request says who calls: Authorization: Bearer TOKEN");
  }
  const target = dispatcher.find(method)?.method;
  if (target?.options.items !== undefined) {
    return precondition(
      `${method} takes items of its caller, which HTTP cannot carry; use a WebSocket`,
    );
  }
  const meta = metaOf(message.params) as { stream?: { after?: unknown } };
  const changed: Record<string, unknown> = {};
  const timeout = headers.get("timeout-ms");
  if (timeout !== undefined && !Object.hasOwn(meta, "timeoutMs")) {
    changed["timeoutMs"] = /^\d{1,10}$/.test(timeout) ? Number(timeout) : timeout;
  }
  for (const name of ["traceparent", "tracestate"] as const) {
    const value = headers.get(name);
    if (value !== undefined && !Object.hasOwn(meta, name)) changed[name] = value;
  }
  if (target?.kind === "stream") {
    const given = meta.stream, after = given?.after ?? utf8Of(headers.get("last-event-id"));
    if (stream !== undefined) {
      changed["stream"] = { credit: UNBOUNDED, ...(after !== undefined && { after }) };
    } else if (after !== undefined) {
      return precondition(
        `A stream is resumed as a stream: accept ${EVENTS_TYPE} or ${LINES_TYPE}`,
      );
    } else {
      // Its items are collected, whatever else was asked for: there is no other way for them.
      if (given !== undefined) changed["stream"] = undefined;
      withoutToken(message, meta, changed);
    }
  }
  if (Object.keys(changed).length > 0) addMeta(message, meta, changed);
  return undefined;
}

/** The same for one of a batch; undefined for a notification that cannot be over HTTP: it is told to nobody. */
export function fits(
  item: Single,
  headers: Headers,
  options: { readonly dispatcher: Pick<Dispatcher, "find"> },
): Single | undefined {
  if (item.kind !== "request" && item.kind !== "notification") return item;
  const error = adapt(item, headers, undefined, options);
  if (error === undefined) return item;
  if (item.kind === "notification") return undefined;
  return { kind: "invalid", version: item.version, id: item.id, isCall: true, error };
}

/** A value of a header, of which each unit is a byte, as the text that it is in UTF-8; as it is if it is none. */
function utf8Of(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  return decodeUtf8(Uint8Array.from(value, (unit) => unit.charCodeAt(0))) ?? value;
}

function precondition(message: string): RpcError {
  return new RpcError("FAILED_PRECONDITION", message);
}

const TOKEN = "partialResultToken";

/** Takes out LSP's way to ask for the items of a stream, which stands among the params. */
function withoutToken(
  message: Request | Notification,
  meta: object,
  changed: Record<string, unknown>,
): void {
  const { params } = message;
  if (Object.hasOwn(meta, TOKEN)) changed[TOKEN] = undefined;
  if (params === undefined || Array.isArray(params) || !Object.hasOwn(params, TOKEN)) return;
  const { [TOKEN]: _, ...rest } = params as Readonly<Record<string, unknown>>;
  message.params = rest;
}

/** Sets members of the metadata, and takes out those that are undefined. */
function addMeta(
  message: Request | Notification,
  before: object,
  changed: Readonly<Record<string, unknown>>,
): void {
  const meta: Record<string, unknown> = { ...before, ...changed };
  for (const name of Object.keys(changed)) if (changed[name] === undefined) delete meta[name];
  const { params } = message;
  const named = Array.isArray(params) ? { value: params } : { ...params };
  // Params with metadata in them mean what they mean with it, all others what they mean without.
  message.params = params !== undefined && Object.hasOwn(params, "_meta")
    ? { ...named, _meta: meta }
    : withMeta(params, named, meta);
}
