/**
 * What can go wrong, by name. This file holds the one table of codes and names, and the classes
 * that a caller may catch. It knows nothing of sockets.
 *
 * @module
 */

/**
 * The names of errors: JSON-RPC's five, and gRPC's sixteen, each with its number on the wire.
 *
 * The five are those of the JSON-RPC 2.0 specification, section 5.1. The numbers between -32000 and
 * -32099 mean something different in every system, so there the name is the contract (it travels as
 * `error.data.name`) and the number is -32000 minus gRPC's status code. A cancelled call has LSP's
 * number, -32800.
 */
export interface ErrorCodes {
  /** What arrived is not JSON. */
  readonly PARSE_ERROR: -32700;
  /** It is JSON, but not a request. */
  readonly INVALID_REQUEST: -32600;
  /** No such method. */
  readonly METHOD_NOT_FOUND: -32601;
  /** The params do not fit the method; `data.issues` says which and why. */
  readonly INVALID_PARAMS: -32602;
  /** The handler failed; its text stays in the server's log. */
  readonly INTERNAL_ERROR: -32603;
  /** The call was cancelled. */
  readonly CANCELLED: -32800;
  /** An error of another system, or one that says no more. */
  readonly UNKNOWN: -32002;
  /** An argument is wrong whatever the state of the system. */
  readonly INVALID_ARGUMENT: -32003;
  /** The deadline passed before the call ended. */
  readonly DEADLINE_EXCEEDED: -32004;
  /** What was asked for does not exist. */
  readonly NOT_FOUND: -32005;
  /** What was to be made exists. */
  readonly ALREADY_EXISTS: -32006;
  /** The caller is known, and may not do this. */
  readonly PERMISSION_DENIED: -32007;
  /** A limit: size, batch, rate, streams; `data.limit` names it. */
  readonly RESOURCE_EXHAUSTED: -32008;
  /** The system is not in the state that the call needs. */
  readonly FAILED_PRECONDITION: -32009;
  /** The call lost against another, such as a conflicting write. */
  readonly ABORTED: -32010;
  /** Past the end of a valid range. */
  readonly OUT_OF_RANGE: -32011;
  /** The method exists and is not implemented here. */
  readonly UNIMPLEMENTED: -32012;
  /** An invariant is broken. */
  readonly INTERNAL: -32013;
  /** Busy, draining, or no worker: safe to retry elsewhere. */
  readonly UNAVAILABLE: -32014;
  /** Data is lost: a stream cannot be resumed where it was asked to. */
  readonly DATA_LOSS: -32015;
  /** No or bad credentials. */
  readonly UNAUTHENTICATED: -32016;
}

/** The name of an error in {@linkcode ErrorCodes}. */
export type ErrorName = keyof ErrorCodes;

/** The number of each {@linkcode ErrorName}. */
export const ERROR_CODES: ErrorCodes = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
  CANCELLED: -32800,
  UNKNOWN: -32002,
  INVALID_ARGUMENT: -32003,
  DEADLINE_EXCEEDED: -32004,
  NOT_FOUND: -32005,
  ALREADY_EXISTS: -32006,
  PERMISSION_DENIED: -32007,
  RESOURCE_EXHAUSTED: -32008,
  FAILED_PRECONDITION: -32009,
  ABORTED: -32010,
  OUT_OF_RANGE: -32011,
  UNIMPLEMENTED: -32012,
  INTERNAL: -32013,
  UNAVAILABLE: -32014,
  DATA_LOSS: -32015,
  UNAUTHENTICATED: -32016,
};

/** The five whose number alone is the contract: the specification shows them without `data`. */
const STANDARD: ReadonlySet<string> = new Set<ErrorName>([
  "PARSE_ERROR",
  "INVALID_REQUEST",
  "METHOD_NOT_FOUND",
  "INVALID_PARAMS",
  "INTERNAL_ERROR",
]);

/** Whether a number does not belong to the server that has sent it: JSON-RPC 2.0, section 5.1. */
function isOfNoSystem(code: number): boolean {
  return code < -32099 || code > -32000;
}

const NAMES: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ERROR_CODES).map(([name, code]) => [code as number, name as ErrorName]),
);

/** One param that failed validation. */
export interface ParamsIssue {
  /** Where: property names and indices from the value down; empty for the value itself. */
  readonly path: readonly (string | number)[];
  /** What is wrong there. */
  readonly message: string;
}

/**
 * The members of `error.data` that Landline gives a meaning. A handler may add others.
 */
export interface ErrorData {
  /** The name of the error, which is the contract. */
  readonly name?: string;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfterMs?: number;
  /** The limit that was hit, by its name in {@linkcode Limits}; or `rate`, or a method's `maxBytes`. */
  readonly limit?: string;
  /** Which params failed, and why: the first hundred. */
  readonly issues?: readonly ParamsIssue[];
  /** How many failed, if more than `issues` tells. */
  readonly issueCount?: number;
  /** What was wrong, in words. */
  readonly details?: unknown;
  /** The id of the trace in which it happened. */
  readonly traceId?: string;
}

/** An error as it travels: JSON-RPC 2.0, section 5.1. */
export interface ErrorObject {
  /** An integer. */
  readonly code: number;
  /** One short sentence. */
  readonly message: string;
  /** What else there is to say. */
  readonly data?: unknown;
}

/**
 * An error that crosses the line. Thrown by a handler it reaches the caller with its code, message
 * and data; a call that fails at the other end rejects with one. Anything else that a handler throws
 * is told to the caller as `INTERNAL_ERROR`, without its text.
 *
 * @example A handler refuses, and the caller learns why
 * ```ts
 * import { RpcError } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const error = new RpcError("NOT_FOUND", "No such user", { details: { id: 7 } });
 *
 * assert(error.code === -32005);
 * assert(error.reason === "NOT_FOUND");
 * ```
 */
export class RpcError extends Error {
  /** Always this: it tells the class across copies of the library. */
  override readonly name = "RpcError";
  /** The number on the wire. */
  readonly code: number;
  /** `error.data` on the wire: undefined where there is none. */
  readonly data: unknown;
  /**
   * Whether a peer answered with it. A handler that lets such an error pass has not refused its own
   * caller: to hand it on, throw a new one.
   */
  readonly remote: boolean;
  /** The method that was called, if a call failed with this error. */
  declare readonly method?: string;
  /** What the peer said, where {@linkcode message} says more. */
  readonly #said: string;
  /** The name that it was made with: data that is no object cannot hold it. */
  readonly #reason: ErrorName | undefined;

  /**
   * An error to be thrown by a handler.
   *
   * @param reason a name of {@linkcode ErrorCodes}, or any integer of your own as the code
   * @param message one short sentence for the caller
   * @param data what else to tell; if `reason` is a name, it is added to an object as `name`
   * @param options `cause`, `remote` and `method` stay on this side. With `method` the message of one of
   * JSON-RPC's five errors, which are the same for every call, says which call failed and why
   */
  constructor(
    reason: ErrorName | number,
    message: string,
    data?: unknown,
    options: ErrorOptions & { remote?: boolean; method?: string } = {},
  ) {
    const { method, remote = false } = options;
    super(method === undefined ? message : sayWhich(method, reason, message, data), options);
    this.#said = message;
    this.remote = remote;
    if (method !== undefined) this.method = method;
    if (typeof reason === "number") {
      if (!Number.isSafeInteger(reason)) {
        throw new RangeError(
          `Cannot make an RpcError: the code must be an integer, it is ${reason}`,
        );
      }
      this.code = reason;
      this.data = data;
      return;
    }
    this.#reason = reason;
    this.code = ERROR_CODES[reason];
    const plain = data === undefined ||
      (data !== null && typeof data === "object" && !Array.isArray(data));
    this.data = STANDARD.has(reason) || !plain ? data : { name: reason, ...data };
  }

  /**
   * The name of the error: the one that it was made with, or `data.name` if it has one. Of the numbers
   * alone only those outside of -32000 to -32099 have a name: inside they mean something else in every
   * system. Undefined for all others.
   */
  get reason(): string | undefined {
    const { data } = this;
    if (data !== null && typeof data === "object" && Object.hasOwn(data, "name")) {
      const { name } = data as ErrorData;
      if (typeof name === "string") return name;
    }
    const made = #reason in this ? this.#reason : undefined; // a proxy has no private members
    return made ?? (isOfNoSystem(this.code) ? NAMES.get(this.code) : undefined);
  }

  /** The error as it travels. */
  toJSON(): ErrorObject {
    const { code, data } = this, message = this.#said;
    return data === undefined ? { code, message } : { code, message, data };
  }
}

/**
 * The connection ended before the answer came. `sent` says whether the call may have reached the
 * peer: where it is false the call has certainly not run, and may be repeated.
 */
export class ConnectionLostError extends Error {
  /** Always this: it tells the class across copies of the library. */
  override readonly name = "ConnectionLostError";
  /** Whether bytes of this call were handed to the socket. */
  readonly sent: boolean;
  /** The method that was called. */
  declare readonly method?: string;

  /**
   * An error for a call whose answer cannot come.
   *
   * @param message why the connection ended
   * @param options `sent`, and the `cause`
   */
  constructor(message: string, options: { sent: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.sent = options.sent;
  }
}

/** The number of errors that methods declare: the name is the contract. */
export const DECLARED = -32000;

/**
 * What a handler threw on purpose, made by this copy of the library or by another. What another peer
 * answered to the handler is not meant for this caller: its "Method not found" is not ours.
 */
export function asRpcError(error: unknown): RpcError | undefined {
  try {
    if (error instanceof RpcError) return error.remote ? undefined : error;
    if (!(error instanceof Error) || error.name !== "RpcError") return undefined;
    const { code, message, data, remote } = error as RpcError;
    return Number.isSafeInteger(code) && !remote ? new RpcError(code, message, data) : undefined;
  } catch {
    return undefined; // a proxy, say, that throws at every touch
  }
}

/** The error for params that do not fit. @param count of all that is wrong with them */
export function invalidParams(issues: readonly ParamsIssue[], count = issues.length): RpcError {
  const data = count > issues.length ? { issues, issueCount: count } : { issues };
  return new RpcError("INVALID_PARAMS", "Invalid params", data);
}

// ---- What a call fails with ------------------------------------------------------------------

/** UTF-16 units that a message repeats of what the peer gave as the reason. */
const MAX_REASON = 300;

/** The message of an error that a peer answered to a call of this method. */
function sayWhich(
  method: string,
  reason: ErrorName | number,
  message: string,
  data: unknown,
): string {
  const name = typeof reason === "number" ? NAMES.get(reason) : reason;
  if (name === undefined || !STANDARD.has(name)) return message; // the author's own words
  const { issues, issueCount, details } = (data ?? {}) as Readonly<Record<string, unknown>>;
  const [issue] = Array.isArray(issues) ? issues as unknown[] : [];
  if (issue === undefined || issue === null) {
    return `${method}: ${message}${typeof details === "string" ? ": " + shortened(details) : ""}`;
  }
  const { path, message: why } = issue as Readonly<Record<string, unknown>>;
  const at = Array.isArray(path) && path.length > 0 ? ` at ${shortened(path.join("."))}` : "";
  const count = typeof issueCount === "number" ? issueCount : (issues as unknown[]).length;
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return `${method}: ${message}${at}: ${shortened(String(why))}${others}`;
}

function shortened(text: string): string {
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}

/** Notes which method an error of ours is about; see {@linkcode rejection}. */
export function ofCall(error: unknown, method: string): void {
  if (error instanceof Error && !Object.hasOwn(error, "method")) {
    Object.assign(error, { method });
  }
}

/**
 * What rejects with an error, for whoever waits. If a call failed with it, its stack is that of the code
 * that waits.
 *
 * The stack of an error is taken where it is made: for what a peer has answered that is our reader. V8
 * goes on from an async function to those that wait for it, so the stack is taken here, once the promise
 * that the caller waits for follows this one. Resolve that promise with this one: then only calls that
 * fail pay for it, and those that succeed are one promise as before.
 */
export async function rejection(error: unknown): Promise<never> {
  if (error instanceof Error && Object.hasOwn(error, "method")) {
    // One turn until the promise of the caller asks this one, and one until it has been asked.
    await undefined;
    await undefined;
    Error.captureStackTrace(error, rejection);
  }
  throw error;
}

/**
 * Calls a callback of the author's. What it throws is reported and changes nothing, also if it is an
 * asynchronous function that throws later: a rejection that nobody handles ends the process.
 *
 * @param report told what was thrown, and whether the callback had returned by then
 */
export function callBack(
  callback: () => unknown,
  report: (error: unknown, isLate: boolean) => void,
): void {
  try {
    const returned = callback();
    if (returned instanceof Promise) returned.catch((error) => report(error, true));
  } catch (error) {
    report(error, false);
  }
}
