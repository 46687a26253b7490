/**
 * From a message to its answer: find the method, make the one value of the params, check it, call the
 * handler, catch. Knows nothing of sockets; the answer is text, and there is always one.
 *
 * Where nothing has to be waited for nothing is: a synchronous schema and handler give the answer in
 * the same turn, without a promise.
 *
 * @module
 */

import type { AnyMethod } from "../api/api.ts";
import { asRpcError, DECLARED, RpcError } from "../error.ts";
import { isLongerThan } from "../framing/utf8.ts";
import type { Limits } from "../limits.ts";
import { encodeExactly } from "../message/base64.ts";
import { encodeResult } from "../message/encode.ts";
import type { Request } from "../message/message.ts";
import { type StandardSchema, toIssues } from "../schema/standard_schema.ts";
import type { RequestContext } from "./request_context.ts";
import { streamAnswer } from "./stream_answer.ts";
import type { Target } from "./target.ts";

/** What bounds the value of a call, and its answer. */
export type DispatchLimits = Pick<Limits, "maxValues" | "maxResponseBytes" | "maxCollectedItems">;

/**
 * Told a failure that the caller does not get to see.
 *
 * @param isStopped whether the call had been cancelled, or was too late: its handler may fail for that
 */
export type Report = (error: unknown, method: string, isStopped?: boolean) => void;

/** Answers requests with the methods of an API. */
export class Dispatcher {
  readonly #targets = new Map<string, Target>();
  /** The name that was called last, and its target. */
  #lastName = "";
  #last: Target | undefined;
  readonly #limits: DispatchLimits;
  /** Told every failure that the caller does not get to see. */
  readonly report: Report;

  /**
   * @param methods by their whole names
   * @param report is told every failure that the caller does not get to see
   * @param toTarget makes of each method what is called
   */
  constructor(
    methods: ReadonlyMap<string, AnyMethod>,
    limits: DispatchLimits,
    report: Report,
    toTarget: (name: string, method: AnyMethod) => Target,
  ) {
    this.#limits = limits;
    this.report = report;
    for (const [name, method] of methods) {
      this.#targets.set(name, toTarget(name, method));
    }
  }

  /** The method with this name; undefined if there is none. */
  find(name: string): Target | undefined {
    // Callers repeat themselves: comparing two names costs a tenth of looking one up.
    if (name !== this.#lastName) this.#last = this.#targets.get(this.#lastName = name);
    return this.#last;
  }

  /**
   * Answers a request: gives the text of the answer if it is there at once, else a promise that it has
   * been given to the request. Never throws, never rejects.
   */
  answer(message: Request, request: RequestContext): string | Promise<void> {
    const { target } = request;
    if (target === undefined) {
      return request.fail(notFound());
    }
    const { method } = target;
    if (method.kind === "notification") {
      const details = `${message.method} is a notification: send it without an id`;
      return request.fail(new RpcError("INVALID_REQUEST", "Invalid Request", { details }));
    }
    try {
      let result = target.call(message, request);
      if (method.kind === "stream") {
        result = isThenable(result)
          ? result.then((source) => streamAnswer(source, request, this.#limits))
          : streamAnswer(result, request, this.#limits);
      }
      if (!isThenable(result)) {
        target.isPrompt ??= true;
        return this.#good(message, request, result);
      }
      target.isPrompt = false;
      return Promise.resolve(result).then(
        // It is written as text when there is room for it: until then it is no larger than it was.
        (value) => request.whenRoom(() => request.answer(this.#good(message, request, value))),
        (error) => answerWith(request, this.#bad(request, error, method)),
      );
    } catch (error) {
      const text = this.#bad(request, error, method);
      return typeof text === "string" ? text : answerWith(request, text);
    }
  }

  /**
   * Runs what a notification asks for, and ends it. Never throws; the promise, if there is one, never rejects.
   */
  notify(request: RequestContext): void | Promise<void> {
    const { target, message } = request, { method } = message;
    // A stream that nobody listens to is not begun.
    if (target === undefined) return request.finish(notFound());
    if (target.method.kind === "stream") return request.finish();
    try {
      const result = target.call(message, request);
      if (isThenable(result)) {
        target.isPrompt = false;
        return Promise.resolve(result).then(
          () => request.finish(),
          (error) => {
            this.report(error, method, request.isStopped);
            request.finish(failure(error));
          },
        );
      }
      request.finish();
    } catch (error) {
      this.report(error, method);
      request.finish(failure(error));
    }
  }

  #good(message: Request, request: RequestContext, result: unknown): string {
    let text: string;
    try {
      text = encodeExactly(result) ?? "null";
    } catch (error) {
      return this.#internal(
        request,
        new TypeError("Cannot write the result as JSON", { cause: error }),
      );
    }
    if (isLongerThan(text, this.#limits.maxResponseBytes)) {
      const limit = "maxResponseBytes";
      return request.fail(
        new RpcError("RESOURCE_EXHAUSTED", "The result is too large", { limit }),
      );
    }
    return encodeResult(message, text);
  }

  #bad(request: RequestContext, error: unknown, method: AnyMethod): string | Promise<string> {
    const meant = asRpcError(error);
    if (meant === undefined) return this.#internal(request, error, request.isStopped);
    const schema = meant.code === DECLARED ? declaredSchema(meant, method) : undefined;
    if (schema !== undefined) return this.#declared(request, meant, schema);
    const text = request.fail(meant);
    return isLongerThan(text, this.#limits.maxResponseBytes)
      ? this.#internal(request, error)
      : text;
  }

  /** What the caller shall not see goes to the log. */
  #internal(request: RequestContext, error: unknown, isStopped = false): string {
    this.report(error, request.method, isStopped);
    return request.fail(internal(error));
  }

  /** The data of a declared error is checked like a value: callers count on its shape. */
  async #declared(
    request: RequestContext,
    error: RpcError,
    schema: StandardSchema,
  ): Promise<string> {
    const { name, details } = error.data as { name: string; details: unknown };
    try {
      const checked = await schema["~standard"].validate(details);
      if (checked.issues !== undefined) {
        const issues = JSON.stringify(toIssues(checked.issues));
        throw new TypeError(`The data of ${name} does not fit its schema: ${issues}`);
      }
      const data = { name, details: checked.value };
      return request.fail(new RpcError(DECLARED, error.message, data));
    } catch (failure) {
      return this.#internal(request, failure);
    }
  }
}

function notFound(): RpcError {
  return new RpcError("METHOD_NOT_FOUND", "Method not found");
}

/** What callers are told of an error that is not for them; an observer finds it as the cause. */
function internal(cause: unknown): RpcError {
  return new RpcError("INTERNAL_ERROR", "Internal error", undefined, { cause });
}

/** What a notification has failed with, as its caller would be told. */
function failure(error: unknown): RpcError {
  return asRpcError(error) ?? internal(error);
}

async function answerWith(request: RequestContext, text: string | Promise<string>): Promise<void> {
  request.answer(await text);
}

function declaredSchema(
  { data }: RpcError,
  { options: { errors } }: AnyMethod,
): StandardSchema | undefined {
  // The number is a common one: who throws it may have declared nothing, and send no data.
  if (errors === undefined || data === null || typeof data !== "object") return undefined;
  const { name } = data as { name?: unknown };
  return typeof name === "string" && Object.hasOwn(errors, name) ? errors[name] : undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && "then" in value &&
    typeof value.then === "function";
}
