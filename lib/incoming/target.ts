/**
 * A method as it is called: its handler with everything that runs around it, and what its schema says
 * about params.
 *
 * @module
 */

import type { Context } from "../api/context.ts";
import { compose, type Middleware } from "../api/middleware.ts";
import { type AnyMethod, isStreaming } from "../api/api.ts";
import { invalidParams } from "../error.ts";
import type { Params } from "../message/message.ts";
import { parameterNames, paramsShape, type StandardSchema } from "../schema/standard_schema.ts";
import { isNothing, otherwise, type ParamsSchema, valuesOf } from "./params.ts";

/** What a request is for. */
export class Target implements ParamsSchema {
  readonly method: AnyMethod;
  /** How many calls a call of it counts for. */
  readonly cost: number;
  /** Whether its calls go on only if messages of the caller's are read: credit, or items. */
  readonly isStreaming: boolean;
  // Asked for only when the params leave a choice: an API of 500 methods starts quickly.
  readonly shape: ParamsSchema["shape"];
  readonly names: ParamsSchema["names"];
  readonly #schema: StandardSchema | undefined;
  readonly #handler: (value: unknown, context: Context) => unknown;

  /** @param name the whole name */
  constructor(name: string, method: AnyMethod) {
    const { schema, handler, options: { use = [], cost = 1 } } = method;
    this.method = method;
    this.cost = cost;
    this.isStreaming = isStreaming(method);
    this.shape = once(() => schema === undefined ? "unknown" : paramsShape(schema));
    this.names = once(() => schema === undefined ? undefined : parameterNames(schema));
    this.#schema = schema;
    this.#handler = compose(
      use as readonly Middleware[],
      name,
      handler as (value: unknown, context: Context) => unknown,
    );
  }

  /**
   * What the handler makes of the params; a promise only if something has to be waited for.
   *
   * @throws {RpcError} `INVALID_PARAMS`, and whatever the handler throws
   */
  call(params: Params, context: Context): unknown {
    const schema = this.#schema, handler = this.#handler;
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
    return otherwise(schema, checked, value, others, (value) => handler(value, context));
  }
}

function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => (value ??= { of: compute() }).of;
}
