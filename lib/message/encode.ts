/**
 * Messages to the text of a frame.
 *
 * Source: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), sections 4 to 6; JSON-RPC 1.0
 * (https://www.jsonrpc.org/specification_v1), section 1, for peers that speak it.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import type { Request, Version } from "./message.ts";

/**
 * One value that is to travel as params.
 *
 * A class, because V8 notes of object literals where they stand, and puts those of a place whose first few
 * hundred live long among the old objects: there each would keep its text until the next full collection.
 */
export class Argument {
  /** As JSON. */
  readonly text: string;
  /** Whether it is a plain object, which travels by name. */
  readonly isPlain: boolean;

  constructor(text: string, isPlain: boolean) {
    this.text = text;
    this.isPlain = isPlain;
  }
}

/**
 * One value as params, as JSON text: a plain object by name, an array by position, anything else as an
 * only item. With metadata beside it a value that is no plain object is named `value`.
 */
export function encodeParams(value: Argument | undefined, meta?: string): string | undefined {
  if (value === undefined) return meta === undefined ? undefined : `{"_meta":${meta}}`;
  const { text, isPlain } = value;
  if (isPlain) {
    if (meta === undefined) return text;
    return text === "{}" ? `{"_meta":${meta}}` : `{"_meta":${meta},${text.slice(1)}`;
  }
  if (meta !== undefined) return `{"value":${text},"_meta":${meta}}`;
  return text.startsWith("[") ? text : `[${text}]`;
}

/** The text of a request of ours; `params` is JSON text. */
export function encodeRequest(
  id: number,
  method: string,
  params: string | undefined,
  version: Version = "2.0",
): string {
  if (version === "1.0") {
    return `{"id":${id},"method":${JSON.stringify(method)},"params":${listOf(params)}}`;
  }
  const start = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`;
  return params === undefined ? start + "}" : `${start},"params":${params}}`;
}

/** The text of a notification of ours; `params` is JSON text. */
export function encodeNotification(
  method: string,
  params: string | undefined,
  version: Version = "2.0",
): string {
  if (version === "1.0") {
    return `{"method":${JSON.stringify(method)},"params":${listOf(params)},"id":null}`;
  }
  const start = `{"jsonrpc":"2.0","method":${JSON.stringify(method)}`;
  return params === undefined ? start + "}" : `${start},"params":${params}}`;
}

/** The params of JSON-RPC 1.0: an array, and always there. */
function listOf(params = "[]"): string {
  return params.startsWith("[") ? params : `[${params}]`;
}

/** What an answer says of the request that it is for. */
export type Answered = Pick<Request, "version" | "id">;

/** The request of an answer to no request that could be told. */
export const UNKNOWN: Answered = { version: "2.0", id: "null" };

/** The text of a good answer; `result` is JSON text. */
export function encodeResult({ version, id }: Answered, result: string): string {
  return version === "2.0"
    ? `{"jsonrpc":"2.0","id":${id},"result":${result}}`
    : `{"id":${id},"result":${result},"error":null}`;
}

/** The text of an error as an answer. Never throws: data that cannot be written is left out. */
export function encodeError({ version, id }: Answered, error: RpcError): string {
  let text: string;
  try {
    text = JSON.stringify(error);
  } catch {
    text = JSON.stringify({ code: error.code, message: error.message });
  }
  return version === "2.0"
    ? `{"jsonrpc":"2.0","id":${id},"error":${text}}`
    : `{"id":${id},"result":null,"error":${text}}`;
}
