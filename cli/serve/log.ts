/**
 * What main.ts tells of connections, calls and errors.
 *
 * A line never shows what a peer sent as it came: it is escaped, and cut to 128 characters. No line has a
 * password that stands in an address, or a token.
 *
 * @module
 */

import { type CloseInfo, type ObservedCall, type PeerInfo, RpcError } from "../../lib/mod.ts";
import { limitOf } from "../../lib/telemetry/limit_of.ts";
import { networkOf } from "../../lib/transport/exposure.ts";
import { printable, quoted, shown } from "../text/printable.ts";
import type { Entry, Fields, Level } from "./log_format.ts";

/** Characters of any text that a peer may have chosen. */
const MAX_TEXT = 128;

/** How many causes of an error are told, and how many frames of its stack. */
const MAX_CAUSES = 4;
const MAX_FRAMES = 10;

const LIBRARY = new URL("../../lib/", import.meta.url).href;

/** Characters among which a password is looked for: more than are shown. */
const MAX_LOOK = 4096;

/** The two ends of a connection, and what tells it from others; bytes without framing have no such thing. */
type Connected = Pick<PeerInfo, "address" | "localAddress"> & { readonly id?: string };

/** A connection was accepted. */
export function opened(peer: Connected): Entry {
  return {
    level: "info",
    msg: "opened",
    fields: () => fieldsOf(peer),
    text: () => `opened ${nameOf(peer)}`,
    source: sourceOf(peer),
  };
}

/** A connection has ended. */
export function closed(peer: Connected, { reason, error }: CloseInfo): Entry {
  const hasError = error instanceof Error && error.message !== "";
  return {
    level: "info",
    msg: "closed",
    fields: () => ({
      ...fieldsOf(peer),
      reason: cut(reason),
      err: hasError ? cut(meant(error.message)) : undefined,
    }),
    text: () =>
      `closed ${nameOf(peer)}: ${shown(reason, MAX_TEXT)}${
        hasError ? `, ${quoted(meant(error.message))}` : ""
      }`,
    source: sourceOf(peer),
  };
}

/** The span in which something happened, or which has asked for it. */
export interface SpanIds {
  readonly trace_id?: string;
  readonly span_id?: string;
}

/** A call was answered, and is told of because it was slow, or because calls are. */
export function answered(
  call: ObservedCall,
  error: unknown,
  msg: "call" | "slow call",
  span: SpanIds,
): Entry {
  const ms = Math.round((performance.now() - call.since) * 1000) / 1000;
  const refusal = error instanceof RpcError ? error : undefined;
  const reason = error === undefined ? undefined : refusal?.reason ?? (error as Error).name;
  return {
    level: msg === "call" ? "info" : "warn",
    msg,
    fields: () => ({
      ...fieldsOf(call.peer),
      method: cut(call.method),
      duration_ms: ms,
      code: refusal?.code,
      reason: reason && cut(reason),
      ...span,
    }),
    text: () =>
      `${msg} of ${shown(call.method, MAX_TEXT)} by ${nameOf(call.peer)}: ${ms} ms, ${
        reason === undefined ? "ok" : shown(reason, MAX_TEXT)
      }`,
    source: sourceOf(call.peer),
  };
}

/**
 * A call, a connection, a request of HTTP or a message was refused.
 *
 * @param method the method, if it is a call
 */
export function refused(
  error: RpcError,
  peer: Connected | undefined,
  method?: string,
  span: SpanIds = {},
): Entry {
  const limit = limitOf(error), { reason = "" } = error;
  const isMistake = isParseError(error) || reason === "INVALID_REQUEST";
  const msg = isMistake ? "bad message" : "refused";
  return {
    level: "warn",
    msg,
    fields: () => ({
      ...fieldsOf(peer),
      method: method && cut(method),
      code: error.code,
      reason: cut(reason),
      limit,
      err: cut(meant(error.message)),
      ...span,
    }),
    text: () => {
      const what = method === undefined ? "of" : `${shown(method, MAX_TEXT)} by`;
      const why = `${shown(reason, MAX_TEXT)} ${quoted(meant(error.message))}`;
      return `${msg} ${what} ${nameOf(peer)}: ${why}${limit === undefined ? "" : ` (${limit})`}`;
    },
    source: sourceOf(peer),
  };
}

/** Whether an error says that a peer sent what is no JSON. */
export function isParseError(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "PARSE_ERROR";
}

/** Something that the program says of itself. @param fields texts as they are */
export function said(level: Level, msg: string, text: string, fields: Fields = {}): Entry {
  return { level, msg, fields: () => fields, text: () => text };
}

/** An error that callers are not told. @param about the method, or where it happened */
export function failed(error: unknown, about: string, span: SpanIds = {}): Entry {
  const text = errorLines(error, about), [, ...stack] = text.split("\n");
  return {
    level: "error",
    msg: "error",
    fields: () => ({
      about: cut(about),
      err: plainTitleOf(error),
      stack: stack.length === 0 ? undefined : stack.join("\n"),
      ...span,
    }),
    text: () => text,
    hasStack: stack.length > 0,
    source: sourceOfError(about),
  };
}

function fieldsOf(peer: Connected | undefined): Fields {
  return peer === undefined ? {} : { peer: meant(addressOf(peer)), conn: peer.id };
}

/** As much of a text as is told. */
function cut(text: string): string {
  return (text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) + "…" : text).toWellFormed();
}

/** The text without the passwords of addresses in it. */
function meant(text: string): string {
  return text.slice(0, MAX_LOOK).replaceAll(
    /([a-z+.-]{1,20}:\/\/[^\s/?#:@]*:)[^\s/?#]*@/gi,
    "$1…@",
  );
}

/** Whom these lines are about, where callers share the lines of a second: a network, or this machine. */
function sourceOf(peer: Connected | undefined): string {
  return (peer && networkOf(peer.address)) ?? "callers on this machine";
}

/** What an error is about, in the same sense: what it happened in. */
function sourceOfError(about: string): string {
  return shown(about, MAX_TEXT);
}

/** The peer's address; ours where it has none of its own, as over a Unix socket. */
function addressOf({ address, localAddress }: Connected): string {
  return address.endsWith(":") ? localAddress : address;
}

function nameOf(peer: Connected | undefined): string {
  return peer === undefined ? "a peer" : printable(meant(addressOf(peer)));
}

/**
 * An error that callers are not told, as lines. One line, where it is an error that the system or the
 * peer made; with the stack where it is a mistake in a handler.
 *
 * @param about the method, or where it happened
 */
export function errorLines(error: unknown, about: string): string {
  const lines = [`error in ${shown(about, MAX_TEXT)}: ${titleOf(error)}`];
  if (error instanceof Error && !isExpected(error)) {
    lines.push(...framesOf(error));
    let cause = error.cause;
    for (let depth = 1; cause !== undefined && depth <= MAX_CAUSES; depth++) {
      lines.push(`  caused by ${titleOf(cause)}`);
      if (!(cause instanceof Error)) break;
      lines.push(...framesOf(cause));
      cause = cause.cause;
    }
  }
  return lines.join("\n");
}

/** The refusal of a peer, and what the system says: their stacks tell nothing. */
function isExpected(error: Error): boolean {
  // A lack of descriptors comes as a plain error with a code.
  return error instanceof RpcError || Object.hasOwn(Deno.errors, error.name) ||
    "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}

function titleOf(error: unknown): string {
  if (error instanceof RpcError) {
    return `${error.code} ${shown(error.reason ?? "", MAX_TEXT)} ${quoted(meant(error.message))}`;
  }
  if (error instanceof Error) {
    return `${shown(error.name, MAX_TEXT)} ${quoted(meant(error.message))}`;
  }
  try {
    return `${typeof error} ${quoted(meant(String(error)))}`;
  } catch {
    return typeof error; // an object that cannot be made a text
  }
}

/** The same for a field, which is escaped as a whole. */
function plainTitleOf(error: unknown): string {
  if (error instanceof Error) {
    const name = error instanceof RpcError ? error.reason ?? String(error.code) : error.name;
    return `${cut(name)}: ${cut(meant(error.message))}`;
  }
  try {
    return cut(meant(String(error)));
  } catch {
    return typeof error;
  }
}

/**
 * The frames alone: the message, which stands above them in the stack, may hold a peer's text. Those of
 * the library are of use only where there are no others.
 */
function framesOf({ name, message, stack = "" }: Error): string[] {
  const title = message === "" ? name : `${name}: ${message}`;
  const below = stack.startsWith(title) ? stack.slice(title.length) : stack;
  const frames = below.split("\n").filter((line) => /^\s+at /.test(line));
  const own = frames.filter((line) => !line.includes(LIBRARY));
  return (own.length > 0 ? own : frames).slice(0, MAX_FRAMES)
    .map((line) => "    " + printable(line.trim()));
}
