/**
 * What the main thread and its workers say to each other, and how errors travel between them.
 *
 * @module
 */

import type { Credentials } from "../../api/auth.ts";
import type { PeerInfo } from "../../api/context.ts";
import { type ErrorObject, RpcError } from "../../error.ts";
import type { HttpOptions, PageFormat } from "../../http/options.ts";
import type { HealthStatus } from "../../builtin/health.ts";
import type { Limits } from "../../limits.ts";
import type { RateLimits } from "../../overload/rate_limit.ts";
import { errors } from "../../runtime.ts";
import type { TelemetryOptions } from "../../telemetry/opentelemetry.ts";
import type { Snapshot } from "../../telemetry/snapshot.ts";
import type { TlsServerOptions } from "../../transport/socket.ts";

/** What a worker is started with. */
export interface Task {
  /** The address of the module whose API is served. */
  readonly module: string;
  /** What of the options can be sent. */
  readonly options: {
    readonly listen: readonly string[];
    readonly limits: Partial<Limits>;
    readonly rateLimit?: RateLimits;
    readonly insecure?: boolean;
    readonly http?: HttpOptions | false;
    readonly sequential?: boolean;
    readonly metrics?: boolean;
    readonly telemetry?: boolean | TelemetryOptions;
    readonly tcpBacklog?: number;
    readonly proxyProtocol?: readonly string[];
    readonly tls?: TlsServerOptions;
    readonly name?: string;
    readonly version?: string;
  };
  /** How many connections each worker has, in memory that all of them see. */
  readonly connections: Int32Array<SharedArrayBuffer>;
  /** Which worker this is, from 0. */
  readonly index: number;
  /** How the services are. */
  readonly health: readonly (readonly [service: string, status: HealthStatus])[];
  /** Whether the main thread wants to hear of connections. */
  readonly hearsConnections: boolean;
  /** Whether the main thread decides who a peer is. */
  readonly authenticates: boolean;
  /** Whether the worker fails where code fails that nobody waits for. */
  readonly restartOnError: boolean;
}

/** What a worker is told. */
export type ToWorker =
  /** End in order, and say so. */
  | { readonly kind: "shutdown"; readonly grace: number }
  /** A service is like this. */
  | { readonly kind: "health"; readonly service: string; readonly status: HealthStatus }
  /** Say what you have counted. */
  | { readonly kind: "count"; readonly id: number }
  /** The answer to `page`. */
  | { readonly kind: "page"; readonly id: number; readonly page: string }
  /** The answer to `authenticate`. */
  | { readonly kind: "identity"; readonly id: number; readonly identity: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly error: Thrown };

/** What a worker tells. */
export type FromWorker =
  /** It serves; the ports are real. */
  | { readonly kind: "listening"; readonly addresses: readonly string[] }
  /** It cannot go on: the module cannot be loaded, an address not be listened at, nobody caught an error. */
  | { readonly kind: "failed"; readonly error: Thrown }
  /** It has ended, because it was told to. */
  | { readonly kind: "ended" }
  | { readonly kind: "open"; readonly peer: PeerInfo }
  | {
    readonly kind: "close";
    readonly peer: PeerInfo;
    readonly reason: string;
    readonly error?: Thrown;
  }
  | { readonly kind: "error"; readonly error: Thrown; readonly about: string }
  /** The answer to `count`. */
  | { readonly kind: "counted"; readonly id: number; readonly snapshot: Snapshot }
  /** What have all counted? */
  | { readonly kind: "page"; readonly id: number; readonly format: PageFormat }
  /** Who is this? */
  | {
    readonly kind: "authenticate";
    readonly id: number;
    readonly credentials: Credentials;
    readonly peer: PeerInfo;
  };

/** Something that was thrown. Sent as it is, an error would lose its class, its code and its data. */
export type Thrown = { readonly value: unknown } | {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: Thrown | undefined;
  /** Of an error of the system. */
  readonly code: unknown;
  /** Of an {@linkcode RpcError}, as JSON. */
  readonly rpc: string | undefined;
};

/** An error about a worker as a whole: where it was made tells nothing. */
export function workerError(message: string): Error {
  const error = new Error(message);
  error.stack = `${error}`;
  return error;
}

/** How many causes of an error travel with it. */
const MAX_CAUSES = 8;

/** Makes something that was thrown fit to be sent. */
export function toThrown(error: unknown, causes: number = MAX_CAUSES): Thrown {
  if (!(error instanceof Error)) {
    const isPlain = error === null || !["object", "function", "symbol"].includes(typeof error);
    return { value: isPlain ? error : textOf(error) };
  }
  const { name, message, stack, cause } = error;
  const code = "code" in error ? error.code : undefined;
  return {
    name: String(name),
    message: String(message),
    stack: stack === undefined ? undefined : String(stack),
    cause: cause === undefined || causes === 0 ? undefined : toThrown(cause, causes - 1),
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    rpc: error instanceof RpcError ? jsonOf(error) : undefined,
  };
}

/** What was thrown, of the class that it had where that is one of ours or the runtime's. */
export function fromThrown(thrown: Thrown): unknown {
  if ("value" in thrown) return thrown.value;
  const { name, message, stack, code, rpc } = thrown;
  const options = thrown.cause === undefined ? {} : { cause: fromThrown(thrown.cause) };
  let error: Error;
  if (rpc !== undefined) {
    const { code, data } = JSON.parse(rpc) as ErrorObject;
    error = new RpcError(code, message, data, options);
  } else {
    const ErrorClass = CLASSES.get(name) ?? Error;
    error = new ErrorClass(message, options);
    if (error.name !== name) error.name = name;
    if (code !== undefined) Object.assign(error, { code });
  }
  if (stack !== undefined) error.stack = stack;
  return error;
}

type ErrorClass = new (message: string, options: ErrorOptions) => Error;

const CLASSES: ReadonlyMap<string, ErrorClass> = new Map([
  ...Object.entries(errors),
  ...[TypeError, RangeError, SyntaxError, ReferenceError].map((it) => [it.name, it] as const),
]);

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a ${typeof value} without a text`;
  }
}

/** A handler may have given data that is no JSON. */
function jsonOf(error: RpcError): string {
  try {
    return JSON.stringify(error);
  } catch {
    return JSON.stringify({ code: error.code, message: error.message });
  }
}
