/**
 * What may help after a call has failed: the method that was meant, and how its params are written.
 *
 * @module
 */

import type { RpcError } from "../../lib/client.ts";
import { printable, quoted } from "../text/printable.ts";
import { signatureOf } from "./describe_text.ts";
import type { Description, MethodDescription } from "./discover.ts";

/** A name may differ from the one that was meant in so many letters, and in fewer if it is short. */
const MAX_SLIPS = 2;

/**
 * The line below an error, without its end; undefined if there is nothing to say.
 *
 * @param hasToken whether the server was sent a token
 */
export function hintFor(
  error: RpcError,
  name: string,
  description: Description | undefined,
  hasToken: boolean,
): string | undefined {
  if (error.reason === "UNAUTHENTICATED" && !hasToken) return "  --token-file FILE says who calls";
  if (description === undefined) return undefined;
  if (error.reason === "METHOD_NOT_FOUND") {
    const meant = nearest(name, description.methods.map(({ name }) => name));
    return meant === undefined ? undefined : `  did you mean ${quoted(meant)}?`;
  }
  const hasIssues = (error.data as { issues?: unknown } | undefined)?.issues !== undefined;
  if (error.reason !== "INVALID_PARAMS" || hasIssues) return undefined;
  const method = description.methods.find((method) => method.name === name);
  return method && `  ${exampleOf(method, description)}`;
}

/** How a method is called, as a part of a sentence. */
export function exampleOf(method: MethodDescription, { document }: Description): string {
  return `the method is ${signatureOf(method, document)}`;
}

/** That a server names no such method, and the one that may have been meant. */
export function noSuchMethod(name: string, { methods }: Description): Error {
  const meant = nearest(name, methods.map(({ name }) => name));
  const hint = meant === undefined ? "" : `, did you mean ${quoted(meant)}?`;
  return new Error(`The server names no method ${quoted(name)}${hint}`);
}

/** The name that was meant by one that there is not; undefined if none is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const most = Math.min(MAX_SLIPS, Math.round(name.length / 3));
  let best: string | undefined, least = most + 1;
  for (const other of names) {
    const slips = slipsBetween(name.toLowerCase(), other.toLowerCase(), least);
    if (slips < least && printable(other) === other) [best, least] = [other, slips];
  }
  return best;
}

/** Letters that are left out, put in, changed or swapped; as soon as it is as many as `most`, that. */
function slipsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  let before: number[] = [], row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let slips = Math.min(row[j - 1]! + (isSame ? 0 : 1), row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        slips = Math.min(slips, before[j - 2]! + 1);
      }
      next.push(slips);
    }
    if (Math.min(...next) >= most) return most;
    [before, row] = [row, next];
  }
  return Math.min(row[b.length]!, most);
}
