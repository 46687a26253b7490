/**
 * What breaks the rules, as the end sees it that waits for an answer: which answer it was meant to be, and
 * an error that says what came.
 *
 * @module
 */

import { type ErrorData, RpcError } from "../error.ts";
import type { Invalid } from "./message.ts";

/**
 * The id of an answer that cannot be read, as JSON text, told by how it begins. Undefined where the text
 * does not begin as an answer whose id comes first.
 */
export function unreadableId(start: string): string | undefined {
  return ANSWER_START.exec(start)?.[1];
}

const ANSWER_START =
  /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*([1-9][0-9]{0,14})\s*,\s*"(?:result|error)"\s*:/;

/** The error of a call that got this instead of an answer. It is ours: the peer has sent no error. */
export function unreadable({ error, id }: Invalid, text: string): RpcError {
  const { code, message, data } = error;
  const { details } = (data ?? {}) as ErrorData;
  const why = typeof details === "string"
    ? `${message}, ${details}`
    : code === -32600 && id !== "null"
    ? "it has neither a result nor an error"
    : message;
  const what = text === "" ? "" : `: ${shown(text)}`;
  return new RpcError(code, `Cannot read what the peer sent (${why})${what}`, data);
}

/** Units of what a peer has sent that an error quotes. */
const QUOTED = 80;

/** What a peer has sent, for an error's message: its beginning, without control characters. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, QUOTED)) + (text.length > QUOTED ? "…" : "");
}
