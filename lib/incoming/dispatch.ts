/**
 * From a message to its answer: find the method, make the one value of the params, check it, call the
 * handler, catch. Knows nothing of sockets; the answer is text, and there is always one.
 *
 * Where nothing has to be waited for nothing is: a synchronous schema and handler give the answer in
 * the same turn, without a promise.
 *
 * @module
 */

import type { Credentials } from "../api/auth.ts";
import { encodeExactly } from "../message/base64.ts";
import { asRpcError, DECLARED, invalidParams, RpcError } from "../error.ts";
import type { Context } from "../api/context.ts";
import { isLongerThan } from "../framing/utf8.ts";
import type { Limits } from "../limits.ts";
import { encodeError, encodeResult } from "../message/encode.ts";
import type { Params, Request } from "../message/message.ts";
import { type AnyMethod, isStreaming } from "../api/procedure.ts";
import { compose, type Middleware } from "../api/middleware.ts";
import { isNothing, otherwise, type Taker, valuesOf } from "./params.ts";
import {
  parameterNames,
  paramsShape,
  type StandardSchema,
  toIssues,
} from "../schema/standard_schema.ts";

/** A method by its whole name, with what its schema says about params. */
interface Target extends Taker {
  readonly procedure: AnyMethod;
  readonly schema: StandardSchema | undefined;
  /** The handler with everything that runs around it. */
  readonly handler: (value: unknown, context: Context) => unknown;
}

/** A call as the dispatcher sees it: the handler's context, and what becomes of a stream. */
export interface CallContext extends Context {
  /** Set as soon as the method was found. */
  procedure: AnyMethod | undefined;
  /** Looks at credentials of the caller's; rejects where they are refused. */
  authenticate(credentials: Credentials): Promise<void>;
  /** Sends what a stream's handler returned; resolves to the result of the request. */
  stream(source: unknown): Promise<unknown>;
}

/** Told of every failure that the caller does not get to see. */
export type ReportError = (error: unknown, method: string) => void;

/** Answers requests with the methods of an API. */
export class Dispatcher {
  readonly #targets = new Map<string, Target>();
  /** The name that was called last, and its target. */
  #lastName = "";
  #last: Target | undefined;
  readonly #maxResponseBytes: number;
  readonly #report: ReportError;

  /**
   * @param procedures by their whole names
   * @param report is told what callers are not
   */
  constructor(
    procedures: ReadonlyMap<string, AnyMethod>,
    limits: Pick<Limits, "maxResponseBytes">,
    report: ReportError,
  ) {
    this.#maxResponseBytes = limits.maxResponseBytes;
    this.#report = report;
    for (const [name, procedure] of procedures) {
      const { schema, handler, options } = procedure;
      this.#targets.set(name, {
        procedure,
        schema,
        handler: compose(
          (options.use ?? []) as readonly Middleware[],
          name,
          handler as Target["handler"],
        ),
        // Asked for only when the params leave a choice: an API of 500 methods starts quickly.
        shape: once(() => schema === undefined ? "unknown" : paramsShape(schema)),
        names: once(() => schema === undefined ? undefined : parameterNames(schema)),
      });
    }
  }

  /** Whether a method is a stream, or takes one. */
  isStreaming(method: string): boolean {
    return isStreaming(this.procedureOf(method));
  }

  /** The method with this name. */
  procedureOf(method: string): AnyMethod | undefined {
    return this.#targets.get(method)?.procedure;
  }

  /** How many calls it counts for. */
  costOf(method: string): number {
    return this.#targets.get(method)?.procedure.options.cost ?? 1;
  }

  /** The answer to a request, as the text of a message. Never throws, never rejects. */
  answer(request: Request, context: CallContext): string | Promise<string> {
    // Callers repeat themselves: comparing two names costs a tenth of looking one up.
    if (request.method !== this.#lastName) {
      this.#last = this.#targets.get(this.#lastName = request.method);
    }
    const target = this.#last;
    if (target === undefined) {
      return this.#bad(request, new RpcError("METHOD_NOT_FOUND", "Method not found"), undefined);
    }
    const { procedure } = target;
    context.procedure = procedure;
    if (procedure.kind === "notification") {
      const details = `${request.method} is a notification: send it without an id`;
      return this.#bad(
        request,
        new RpcError("INVALID_REQUEST", "Invalid Request", { details }),
        procedure,
      );
    }
    try {
      let result = invoke(target, request.params, context);
      if (procedure.kind === "stream") {
        result = isThenable(result)
          ? result.then((source) => context.stream(source))
          : context.stream(result);
      }
      return isThenable(result)
        ? Promise.resolve(result).then(
          (value) => this.#good(request, value),
          (error) => this.#bad(request, error, procedure),
        )
        : this.#good(request, result);
    } catch (error) {
      return this.#bad(request, error, procedure);
    }
  }

  /** Runs what a notification asks for. Never throws; the promise, where there is one, never rejects. */
  notify(method: string, params: Params, context: CallContext): void | Promise<void> {
    const target = this.#targets.get(method);
    // A stream that nobody listens to is not begun.
    if (target === undefined || target.procedure.kind === "stream") return;
    context.procedure = target.procedure;
    try {
      const result = invoke(target, params, context);
      if (isThenable(result)) {
        return Promise.resolve(result).then(() => {}, (error) => this.#report(error, method));
      }
    } catch (error) {
      this.#report(error, method);
    }
  }

  #good(request: Request, result: unknown): string | Promise<string> {
    let text: string;
    try {
      text = encodeExactly(result) ?? "null";
    } catch (error) {
      const unwritable = new TypeError("Cannot write the result as JSON", { cause: error });
      return this.#bad(request, unwritable, undefined);
    }
    if (isLongerThan(text, this.#maxResponseBytes)) {
      const tooLarge = new RpcError("RESOURCE_EXHAUSTED", "The result is too large", {
        limit: "maxResponseBytes",
      });
      return this.#bad(request, tooLarge, undefined);
    }
    return encodeResult(request.version, request.id, text);
  }

  #bad(
    request: Request,
    error: unknown,
    procedure: AnyMethod | undefined,
  ): string | Promise<string> {
    const meant = asRpcError(error);
    if (meant === undefined) return this.#internal(request, error);
    const schema = meant.code === DECLARED ? declaredSchema(meant, procedure) : undefined;
    if (schema !== undefined) return this.#declared(request, meant, schema);
    const text = encodeError(request.version, request.id, meant);
    return isLongerThan(text, this.#maxResponseBytes) ? this.#internal(request, error) : text;
  }

  /** What the caller shall not see goes to the log. */
  #internal(request: Request, error: unknown): string {
    this.#report(error, request.method);
    const masked = new RpcError("INTERNAL_ERROR", "Internal error");
    return encodeError(request.version, request.id, masked);
  }

  /** The data of a declared error is checked like a value: callers count on its shape. */
  async #declared(request: Request, error: RpcError, schema: StandardSchema): Promise<string> {
    const { name, details } = error.data as { name: string; details: unknown };
    try {
      const checked = await schema["~standard"].validate(details);
      if (checked.issues !== undefined) {
        const issues = JSON.stringify(toIssues(checked.issues));
        throw new TypeError(`The data of ${name} does not fit its schema: ${issues}`);
      }
      const data = { name, details: checked.value };
      return encodeError(
        request.version,
        request.id,
        new RpcError(DECLARED, error.message, data),
      );
    } catch (failure) {
      return this.#internal(request, failure);
    }
  }
}

function declaredSchema(
  { data }: RpcError,
  procedure: AnyMethod | undefined,
): StandardSchema | undefined {
  const errors = procedure?.options.errors;
  // The number is a common one: who throws it may have declared nothing, and send no data.
  if (errors === undefined || data === null || typeof data !== "object") return undefined;
  const { name } = data as { name?: unknown };
  return typeof name === "string" && Object.hasOwn(errors, name) ? errors[name] : undefined;
}

/** What the handler makes of the params; a promise only where something has to be waited for. */
function invoke(target: Target, params: Params, context: Context): unknown {
  const { schema, handler } = target;
  if (schema === undefined) {
    if (!isNothing(params)) {
      throw invalidParams([{ path: [], message: "The method takes no params" }]);
    }
    return handler(undefined, context);
  }
  const [value, other] = valuesOf(target, params);
  const checked = schema["~standard"].validate(value);
  if (!("then" in checked) && checked.issues === undefined) {
    return handler(checked.value, context);
  }
  return otherwise(schema, checked, value, other, (value) => handler(value, context));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && "then" in value &&
    typeof value.then === "function";
}

function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => (value ??= { of: compute() }).of;
}
