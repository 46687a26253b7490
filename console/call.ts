/**
 * What goes over a line: calls with what stands beside their values and what becomes of them, questions of
 * the server, messages. It knows nothing of sockets.
 *
 * @module
 */

import type { ItemSender, ItemStream } from "./item_stream.ts";
import { isRecord } from "./json.ts";

/** An error as it stands in an answer. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
  /** Its name, if the page says so and not the server: no answer came, or the call was never sent. */
  readonly ofPage?: "LOST" | "NOT_SENT";
}

/** What became of a call. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: ErrorObject;
  /** The answer as it came; undefined if none did. */
  readonly text: string | undefined;
  /** Its bytes. */
  readonly size: number;
  /** Milliseconds from the call to its answer. */
  readonly ms: number;
  /** Whether `result` is cut: it was too long to be read whole. */
  readonly isCut: boolean;
}

/** What stands beside the value of a call. */
export interface CallOptions {
  /** Milliseconds until the server gives the call up. */
  readonly timeoutMs?: number | undefined;
  readonly traceparent?: string | undefined;
  /** Asks for a stream with this first credit. */
  readonly credit?: number | undefined;
  /** The id of the event after which a stream resumes. */
  readonly after?: string | undefined;
  /** Whether the method takes items. */
  readonly isUp?: boolean | undefined;
  /** Whether it stays out of the figures. */
  readonly isOwn?: boolean | undefined;
}

/** Why nothing is sent without a connection. */
export const NOT_OPEN = "The line is not open";

/** The outcome of a call that the page does not send. */
export function notSent(why: string): Outcome {
  const error = { code: 0, message: why, ofPage: "NOT_SENT" } as const;
  return { error, text: undefined, size: 0, ms: 0, isCut: false };
}

/** A call that waits for its answer. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly outcome: Promise<Outcome>;
  readonly items: ItemStream | undefined;
  readonly sender: ItemSender | undefined;
  onprogress: ((value: unknown) => void) | undefined;
  /** Asks the server to give the call up. The second time the page stops waiting for the answer. */
  cancel(): void;
}

/** One message of the talk. */
export interface Said {
  readonly at: number;
  readonly isOut: boolean;
  readonly text: string;
  /** What it is, in a few words: a method, or an answer. */
  readonly kind: string;
  readonly id: unknown;
  /** Its bytes, if they are counted already. */
  readonly size?: number;
}

/** A question of the server to the page. */
export interface Question {
  /** Its name in this page. */
  readonly id: string;
  /** Its id, as it stands in the message. */
  readonly raw: string;
  readonly method: string;
  readonly params: unknown;
}

/** What the page answers to a question. */
export type Answer = { readonly result: unknown } | { readonly error: ErrorObject };

/** What a message is, in a few words. */
export function kindOf(message: unknown): string {
  if (!isRecord(message)) return "no message";
  if (typeof message["method"] === "string") return message["method"];
  return message["error"] === undefined || message["error"] === null ? "answer" : "error";
}

/** An error of an answer, whatever the server has put there. */
export function errorOf(error: unknown): ErrorObject | undefined {
  if (error === undefined || error === null) return undefined;
  const { code, message, data } = isRecord(error) ? error : { message: JSON.stringify(error) };
  return {
    code: typeof code === "number" ? code : 0,
    message: typeof message === "string" ? message : "",
    ...(data !== undefined && { data }),
  };
}

/** The id of a request as it stands in the text: a number may have more digits than one of JavaScript's. */
export function rawIdOf(message: Readonly<Record<string, unknown>>, text: string): string {
  const id = message["id"];
  if (typeof id !== "number") return JSON.stringify(id);
  let raw = JSON.stringify(id);
  JSON.parse(text, function (this: unknown, name, value, context?: { source?: string }) {
    if (name === "id" && value === id && context?.source !== undefined) raw = context.source;
    return value;
  });
  return raw;
}

/** What stands beside the params of a call; undefined if nothing does. @param id of a call that is answered */
export function metaOf(
  id: number | undefined,
  { timeoutMs, traceparent, credit, after }: CallOptions,
): Readonly<Record<string, unknown>> | undefined {
  const meta = {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(traceparent && { traceparent }),
    ...(id !== undefined && { progressToken: id }),
    ...(credit !== undefined && { stream: { credit, ...(after !== undefined && { after }) } }),
  };
  return Object.keys(meta).length === 0 ? undefined : meta;
}

/** Params with metadata beside them: what has no names travels as `value`. */
export function withMeta(params: unknown, meta: object | undefined): unknown {
  if (meta === undefined) return params;
  if (params === undefined) return { _meta: meta };
  if (isRecord(params)) return { ...params, _meta: { ...params["_meta"] as object, ...meta } };
  // One value in an array is the value itself; an array that is the value stays one in an array.
  return { value: params, _meta: meta };
}
