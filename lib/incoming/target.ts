/**
 * A method as it is called: its handler with everything that runs around it, and what its schema says
 * about params.
 *
 * @module
 */

import type { Context } from "../api/context.ts";
import { type AnyMethod, isStreaming } from "../api/api.ts";
import { RPC } from "../message/control.ts";
import { invalidParams, RpcError } from "../error.ts";
import { isLongerThan } from "../framing/utf8.ts";
import type { Limits } from "../limits.ts";
import type { Notification, Params, Request } from "../message/message.ts";
import { parameterNames, paramsShape } from "../schema/questions.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";
import { handlerOf } from "./result.ts";
import { isNothing, otherwise, type ParamsSchema, refuseMany, valuesOf } from "./params.ts";

/** What every peer has and answers at once. */
const AT_ONCE: ReadonlySet<string> = new Set([RPC.ping, RPC.serverInfo, RPC.health]);

/** What a request is for. */
export interface Target {
  readonly method: AnyMethod;
  /**
   * Whether all its calls so far were answered at once: such a call needs no place, and waits for none.
   * Undefined before the first of them has shown it.
   */
  isPrompt: boolean | undefined;
  /** Whether every peer has it, and answers at once: it waits for nothing but room for the answer. */
  readonly isOwn: boolean;
  /** How many calls a call of it counts for. */
  readonly cost: number;
  /** Whether its calls go on only if messages of the caller's are read: credit, or items. */
  readonly isStreaming: boolean;
  /**
   * What the handler makes of the params; a promise only if something has to be waited for.
   *
   * @throws {RpcError} `INVALID_PARAMS`, `RESOURCE_EXHAUSTED` for too many of them, and whatever the
   * handler throws
   */
  call(message: Request | Notification, context: Context): unknown;
  /** Refuses an item of the caller's that the schema had better not see. @throws {RpcError} */
  refuseItem(schema: StandardSchema, item: unknown): void;
}

/** A method of a server's. */
export class ServedTarget implements Target, ParamsSchema {
  readonly method: AnyMethod;
  isPrompt: boolean | undefined;
  readonly isOwn: boolean;
  readonly cost: number;
  readonly isStreaming: boolean;
  // Asked for only when the params leave a choice: an API of 500 methods starts quickly.
  readonly shape: ParamsSchema["shape"];
  readonly names: ParamsSchema["names"];
  readonly #schema: StandardSchema | undefined;
  readonly #maxBytes: number;
  readonly #maxValues: number;
  /** UTF-16 units of a text that is within both: nothing of it has to be counted. */
  readonly #short: number;
  readonly #handler: (value: unknown, context: Context) => unknown;

  /** @param name the whole name */
  constructor(name: string, method: AnyMethod, { maxValues }: Pick<Limits, "maxValues">) {
    const { schema, options: { cost = 1, maxBytes = Infinity } } = method;
    this.method = method;
    this.cost = cost;
    this.isStreaming = isStreaming(method);
    this.isOwn = AT_ONCE.has(name);
    this.shape = once(() => schema === undefined ? "unknown" : paramsShape(schema));
    this.names = once(() => schema === undefined ? undefined : parameterNames(schema));
    this.#schema = schema;
    this.#maxBytes = maxBytes;
    this.#maxValues = maxValues;
    // A unit takes three bytes at most, a value two units at least.
    this.#short = Math.min(maxBytes / 3, 2 * maxValues);
    this.#handler = handlerOf(name, method);
  }

  call(message: Request | Notification, context: Context): unknown {
    const { params, text } = message, schema = this.#schema, handler = this.#handler;
    if (text === undefined || text.length > this.#short) this.#refuseLong(params, text);
    if (schema === undefined) {
      if (!isNothing(params)) {
        throw invalidParams([{ path: [], message: "The method takes no params" }]);
      }
      return handler(undefined, context);
    }
    const [value, others] = valuesOf(this, params);
    const checked = schema["~standard"].validate(value);
    if (!("then" in checked) && checked.issues === undefined) {
      return handler(checked.value, context);
    }
    const all = params !== undefined && isNothing(params)
      ? [...others, ...this.#leftOut()]
      : others;
    return otherwise(schema, checked, value, all, (value) => handler(value, context));
  }

  refuseItem(schema: StandardSchema, item: unknown): void {
    refuseMany(schema, item, this.#maxValues);
  }

  /** What params stand for that hold nothing: a value that may be left out is left out in several ways. */
  #leftOut(): unknown[] {
    const [value, others] = valuesOf(this, undefined);
    return [value, ...others];
  }

  /**
   * Refuses a call that is longer than the method takes, or has too many values for its schema.
   *
   * @param text undefined for an item of a batch, which is measured by its params
   */
  #refuseLong(params: Params, text: string | undefined): void {
    const maxBytes = this.#maxBytes, schema = this.#schema;
    if (maxBytes < Infinity && isLongerThan(text ?? JSON.stringify(params ?? null), maxBytes)) {
      const message = `The call is too long: the method takes ${maxBytes} bytes`,
        limit = "maxBytes";
      throw new RpcError("RESOURCE_EXHAUSTED", message, { limit, details: { maxBytes } });
    }
    if (schema !== undefined) refuseMany(schema, params, this.#maxValues);
  }
}

function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => (value ??= { of: compute() }).of;
}
