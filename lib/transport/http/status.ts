/**
 * What a status of HTTP means for who calls, where the answer is not one to a call.
 *
 * @module
 */

import { type ErrorName, type ErrorObject, RpcError } from "../../error.ts";

/** Statuses that say more than their class does. */
const NAMES: ReadonlyMap<number, ErrorName> = new Map([
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [408, "UNAVAILABLE"],
  [413, "RESOURCE_EXHAUSTED"],
  [429, "RESOURCE_EXHAUSTED"],
  // Of a gateway's 502 and 504 it is not known whether the call has run: they are not UNAVAILABLE.
  [502, "UNKNOWN"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
]);

/** Characters of a body that are shown. */
const SHOWN = 200;

/** An answer of HTTP, as far as it is known. */
export interface HttpAnswer {
  readonly status: number;
  /** The words behind the status; HTTP/2 has none. */
  readonly statusText: string;
  readonly headers: Headers;
  /** The body, or its beginning. */
  readonly body: string;
}

/**
 * The error for an answer that is none. A body that is an error of JSON-RPC says more than the status does.
 *
 * @param what what failed: `Cannot connect to ws://…`
 */
export function statusError(what: string, answer: HttpAnswer): RpcError {
  const { status, statusText, headers } = answer;
  const name = NAMES.get(status) ?? (status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION");
  const location = status >= 300 && status < 400 ? headers.get("location") : null;
  const own = errorIn(answer.body), wait = retryAfter(headers);
  const said = location !== null
    ? `, it sends on to ${location}`
    : own === undefined
    ? toWords(answer)
    : `: ${own.message.slice(0, SHOWN)}`;
  return new RpcError(
    own?.code ?? name,
    `${what}: the server answered ${`${status} ${statusText}`.trim()}${said}`,
    {
      name, // of a number alone nobody knows whether to try again
      details: { status },
      ...(wait !== undefined && { retryAfterMs: wait }),
      ...(typeof own?.data === "object" ? own.data : undefined),
    },
  );
}

/** The error of JSON-RPC that a body is; undefined for any other. */
function errorIn(body: string): ErrorObject | undefined {
  try {
    const error: Partial<ErrorObject> | undefined = JSON.parse(body)?.error;
    const isError = Number.isSafeInteger(error?.code) && typeof error?.message === "string";
    return isError ? error as ErrorObject : undefined;
  } catch {
    return undefined;
  }
}

/** What the body says to people: its first line, unless it is a page. */
function toWords({ body, headers }: HttpAnswer): string {
  if (headers.get("content-type")?.startsWith("text/html")) return "";
  const [line] = body.trim().split("\n", 1);
  return line ? `: ${line.trim().slice(0, SHOWN)}` : "";
}

/** Milliseconds to wait, where the answer says them in seconds; as a date it would need our clocks to agree. */
function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") || NaN);
  return seconds >= 0 && seconds < 1e6 ? seconds * 1000 : undefined;
}
