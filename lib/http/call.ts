/**
 * A call as HTTP brings it: what its header says beside the message becomes metadata, and what cannot be
 * over HTTP is refused.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Dispatcher } from "../incoming/dispatch.ts";
import { RPC } from "../message/control.ts";
import { metaOf, type Notification, type Request, type Single } from "../message/message.ts";
import type { RequestHead } from "./head.ts";
import { EVENTS_TYPE, LINES_TYPE } from "./response.ts";

type Headers = RequestHead["headers"];

/** How a stream travels. */
export type StreamType = typeof EVENTS_TYPE | typeof LINES_TYPE;

/** TCP pushes back, so that a stream needs no credit: the most that can be given at once. */
const UNBOUNDED = 2 ** 31 - 1;

/** How the client takes messages before the answer: the first of the two that it accepts; undefined if none. */
export function streamType(accept: string | undefined): StreamType | undefined {
  if (accept === undefined || accept === "*/*") return undefined;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...params] = range.split(";").map((part) => part.trim());
    if (type !== EVENTS_TYPE && type !== LINES_TYPE) continue;
    if (!params.some((param) => /^q=0(?:\.0{0,3})?$/.test(param))) return type;
  }
  return undefined;
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
    const given = meta.stream, after = given?.after ?? headers.get("last-event-id");
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

/** The same for one of a batch. */
export function fits(
  item: Single,
  headers: Headers,
  options: { readonly dispatcher: Pick<Dispatcher, "find"> },
): Single {
  if (item.kind !== "request" && item.kind !== "notification") return item;
  const error = adapt(item, headers, undefined, options);
  if (error === undefined || item.kind === "notification") return item;
  return { kind: "invalid", version: item.version, id: item.id, isCall: true, error };
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
  // What has no names travels as {"value": …} where there is metadata beside it.
  message.params = Array.isArray(params)
    ? { value: params, _meta: meta }
    : { ...params, _meta: meta };
}
