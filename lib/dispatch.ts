/**
 * From a message to its answer: find the method, make the one value of the params, check it, call the
 * handler, catch. Knows nothing of sockets; the answer is text, and there is always one.
 *
 * Where nothing has to be waited for nothing is: a synchronous schema and handler give the answer in
 * the same turn, without a promise.
 *
 * @module
 */

import { type ParamsIssue, RpcError } from "./error.ts";
import { isLongerThan } from "./framing/text.ts";
import type { Limits } from "./limits.ts";
import { encodeError, encodeResult, type Params, type Request } from "./message.ts";
import { type Api, type Context, isMethod, type Method } from "./method.ts";
import {
  parameterNames,
  type ParamsShape,
  paramsShape,
  type StandardSchema,
  type StandardSchemaResult,
} from "./schema.ts";

/** A method by its whole name, with what its schema says about params. */
interface Procedure {
  readonly schema: StandardSchema | undefined;
  readonly handler: Method["handler"];
  readonly shape: () => ParamsShape;
  readonly names: () => readonly string[] | undefined;
}

type Checked = StandardSchemaResult<unknown>;

/** Told of every failure that the caller does not get to see. */
export type ReportError = (error: unknown, method: string) => void;

/**
 * The methods of an API by their whole names, in the order in which they stand in it.
 *
 * @throws {TypeError} for a member that is neither a method nor a plain object of them, and for a
 * name that cannot be called
 */
export function methodsOf(api: Api): Map<string, Method> {
  const methods = new Map<string, Method>();
  collect(api, "", methods, new Set());
  return methods;
}

function collect(api: Api, prefix: string, methods: Map<string, Method>, above: Set<unknown>) {
  if (above.has(api)) throw new TypeError(`Cannot use the API: ${prefix} holds itself`);
  above.add(api);
  for (const [key, member] of Object.entries(api)) {
    const name = prefix + key;
    if (key === "" || methods.has(name)) {
      throw new TypeError(`Cannot use the API: there are two methods ${JSON.stringify(name)}`);
    }
    if (name === "rpc" || name.startsWith("rpc.") || name.startsWith("$/")) {
      throw new TypeError(
        `Cannot use the API: ${JSON.stringify(name)} is reserved, names must not begin with "${
          name.startsWith("$") ? "$/" : "rpc."
        }"`,
      );
    }
    if (isMethod(member)) methods.set(name, member);
    else if (isPlainObject(member)) collect(member as Api, name + ".", methods, above);
    else {
      throw new TypeError(
        `Cannot use the API: ${name} is ${
          member === null ? "null" : `a ${typeof member}`
        }, expected method(...) or a plain object of methods`,
      );
    }
  }
  above.delete(api);
}

/** Answers requests with the methods of an API. */
export class Dispatcher {
  readonly #procedures = new Map<string, Procedure>();
  readonly #maxResponseBytes: number;
  readonly #report: ReportError;

  /**
   * @param methods by their whole names
   * @param report is told what callers are not
   */
  constructor(
    methods: ReadonlyMap<string, Method>,
    limits: Pick<Limits, "maxResponseBytes">,
    report: ReportError,
  ) {
    this.#maxResponseBytes = limits.maxResponseBytes;
    this.#report = report;
    for (const [name, { schema, handler }] of methods) {
      this.#procedures.set(name, {
        schema,
        handler,
        // Asked for only when the params leave a choice: an API of 500 methods starts quickly.
        shape: once(() => schema === undefined ? "unknown" : paramsShape(schema)),
        names: once(() => schema === undefined ? undefined : parameterNames(schema)),
      });
    }
  }

  /** The answer to a request, as the text of a message. Never throws, never rejects. */
  answer(request: Request, context: Context): string | Promise<string> {
    const { method, params } = request;
    const procedure = this.#procedures.get(method);
    if (procedure === undefined) {
      return encodeError(
        request.version,
        request.id,
        new RpcError("METHOD_NOT_FOUND", "Method not found"),
      );
    }
    try {
      const result = invoke(procedure, params, context);
      return isThenable(result)
        ? Promise.resolve(result).then(
          (value) => this.#good(request, value),
          (error) => this.#bad(request, error),
        )
        : this.#good(request, result);
    } catch (error) {
      return this.#bad(request, error);
    }
  }

  /** Runs what a notification asks for. Never throws; the promise, where there is one, never rejects. */
  notify(method: string, params: Params, context: Context): void | Promise<void> {
    const procedure = this.#procedures.get(method);
    if (procedure === undefined) return;
    try {
      const result = invoke(procedure, params, context);
      if (isThenable(result)) {
        return Promise.resolve(result).then(() => {}, (error) => this.#report(error, method));
      }
    } catch (error) {
      this.#report(error, method);
    }
  }

  #good(request: Request, result: unknown): string {
    let text: string;
    try {
      text = JSON.stringify(result) ?? "null";
    } catch (error) {
      return this.#bad(request, new TypeError("Cannot write the result as JSON", { cause: error }));
    }
    if (isLongerThan(text, this.#maxResponseBytes)) {
      const message = "The result is too large";
      return encodeError(
        request.version,
        request.id,
        new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxResponseBytes" }),
      );
    }
    return encodeResult(request.version, request.id, text);
  }

  #bad(request: Request, error: unknown): string {
    const { version, id, method } = request;
    const meant = asRpcError(error);
    if (meant === undefined) this.#report(error, method);
    const text = encodeError(
      version,
      id,
      meant ?? new RpcError("INTERNAL_ERROR", "Internal error"),
    );
    if (!isLongerThan(text, this.#maxResponseBytes)) return text;
    this.#report(error, method);
    return encodeError(version, id, new RpcError("INTERNAL_ERROR", "Internal error"));
  }
}

/** What the handler makes of the params; a promise only where something has to be waited for. */
function invoke(procedure: Procedure, params: Params, context: Context): unknown {
  const { schema, handler } = procedure;
  if (schema === undefined) {
    if (!isNothing(params)) {
      throw invalidParams([{ path: [], message: "The method takes no params" }]);
    }
    return handler(undefined as never, context);
  }
  const [value, other] = valuesOf(procedure, params);
  const checked = schema["~standard"].validate(value);
  if (!("then" in checked) && checked.issues === undefined) {
    return handler(checked.value as never, context);
  }
  return otherwise(procedure, checked, other, context);
}

/** The rarer ways: a schema that is asynchronous, and a value that it refuses. */
function otherwise(
  { schema, handler }: Procedure,
  checked: Checked | PromiseLike<Checked>,
  other: readonly unknown[],
  context: Context,
): unknown {
  const settle = (first: Checked): unknown => {
    if (first.issues === undefined) return handler(first.value as never, context);
    if (other.length === 0) throw invalidParams(first.issues.map(toIssue));
    const second = schema!["~standard"].validate(other[0]);
    const conclude = (second: Checked): unknown => {
      if (second.issues !== undefined) throw invalidParams(first.issues!.map(toIssue));
      return handler(second.value as never, context);
    };
    return "then" in second ? second.then(conclude) : conclude(second);
  };
  return "then" in checked ? checked.then(settle) : settle(checked);
}

const NO_OTHER: readonly unknown[] = [];

/**
 * The one value that the params stand for, and in a second list what else they may stand for: it is
 * tried where the schema refuses the first.
 *
 * A plain object travels by name, an array by position, anything else as the only item of an array.
 * An object's members may come by position too, in the order of their declaration.
 */
function valuesOf(procedure: Procedure, params: Params): [unknown, readonly unknown[]] {
  if (params === undefined) {
    const shape = procedure.shape();
    return [undefined, shape === "object" ? [{}] : shape === "array" ? [[]] : NO_OTHER];
  }
  if (!Array.isArray(params)) {
    const named = params as Readonly<Record<string, unknown>>;
    const hasMeta = Object.hasOwn(named, "_meta");
    const members = hasMeta ? withoutMeta(named) : named;
    // What is no object travels as {"value": …} where it has metadata beside it.
    if (!Object.hasOwn(members, "value") || Object.keys(members).length !== 1) {
      return [members, NO_OTHER];
    }
    const shape = procedure.shape();
    if (shape === "object") return [members, NO_OTHER];
    if (shape === "unknown") return hasMeta ? [members.value, [members]] : [members, NO_OTHER];
    return [members.value, NO_OTHER];
  }
  const shape = procedure.shape();
  if (shape === "scalar") return params.length > 1 ? [params, NO_OTHER] : [params[0], NO_OTHER];
  const alone = params.length === 1 ? [params[0]] : NO_OTHER;
  if (shape !== "object") return [params, alone];
  const names = procedure.names();
  if (names === undefined || params.length > names.length) return [params, alone];
  const members: Record<string, unknown> = {};
  params.forEach((param, index) => setOwn(members, names[index]!, param));
  // Some clients wrap the object into an array (Go's net/rpc always does).
  return isPlainObject(params[0]) && params.length === 1
    ? [params[0], [members]]
    : [members, NO_OTHER];
}

function withoutMeta(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { _meta, ...members } = params;
  return members;
}

/** Sets a member whatever its name, `__proto__` included. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function isNothing(params: Params): boolean {
  if (params === undefined) return true;
  if (!Array.isArray(params)) return Object.keys(params).every((key) => key === "_meta");
  const [only] = params;
  return params.length === 0 ||
    params.length === 1 && (only === null || isPlainObject(only) && Object.keys(only).length === 0);
}

function invalidParams(issues: readonly ParamsIssue[]): RpcError {
  return new RpcError("INVALID_PARAMS", "Invalid params", { issues });
}

function toIssue(
  issue: NonNullable<StandardSchemaResult<unknown>["issues"]>[number],
): ParamsIssue {
  const path = (issue.path ?? []).map((part) => {
    const key = typeof part === "object" ? part.key : part;
    return typeof key === "symbol" ? String(key) : key;
  });
  return { path, message: issue.message };
}

/** What a handler threw on purpose, made by this copy of the library or by another. */
function asRpcError(error: unknown): RpcError | undefined {
  try {
    if (error instanceof RpcError) return error;
    if (!(error instanceof Error) || error.name !== "RpcError") return undefined;
    const { code, message, data } = error as RpcError;
    return Number.isSafeInteger(code) ? new RpcError(code, message, data) : undefined;
  } catch {
    return undefined; // a proxy, say, that throws at every touch
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && "then" in value &&
    typeof value.then === "function";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => (value ??= { of: compute() }).of;
}
