/**
 * A method of a page's as the server calls it. It asks nothing of the schema: it tries each value that the
 * params may stand for until the schema takes one.
 *
 * @module
 */

import { type AnyMethod, isStreaming } from "../../api/api.ts";
import type { Context } from "../../api/context.ts";
import { otherwise } from "../../incoming/params.ts";
import { handlerOf } from "../../incoming/result.ts";
import type { Target } from "../../incoming/target.ts";
import type { Notification, Params, Request } from "../../message/message.ts";

/** A method of a page's. */
export class BrowserTarget implements Target {
  readonly method: AnyMethod;
  isPrompt: boolean | undefined;
  readonly isOwn = false;
  readonly cost = 1;
  readonly isStreaming: boolean;
  readonly #handler: (value: unknown, context: Context) => unknown;

  /** @param name the whole name */
  constructor(name: string, method: AnyMethod) {
    this.method = method;
    this.isStreaming = isStreaming(method);
    this.#handler = handlerOf(name, method);
  }

  call({ params }: Request | Notification, context: Context): unknown {
    const { schema } = this.method, handler = this.#handler;
    if (schema === undefined) return handler(undefined, context);
    const [value, ...others] = readingsOf(params);
    const checked = schema["~standard"].validate(value);
    return otherwise(schema, checked, value, others, (value) => handler(value, context));
  }

  refuseItem(): void {}
}

/**
 * What params may stand for, the likeliest first: a plain object travels by name, an array by position, anything
 * else as the only item of one; and what is no object as `{"value": …}` if there is metadata beside it.
 */
function readingsOf(params: Params): readonly unknown[] {
  if (params === undefined) return [undefined, {}, []];
  if (Array.isArray(params)) return params.length === 1 ? [params, params[0]] : [params];
  const { _meta, ...members } = params as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  if (names.length === 0) return [members, undefined];
  const isWrapped = _meta !== undefined && names.length === 1 && "value" in members;
  return isWrapped ? [members.value, members] : [members];
}
