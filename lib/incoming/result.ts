/**
 * The handler of a method as it is called, and the check of what it gives against the schema that its method
 * declares for its result: callers count on that shape. What does not fit is a mistake of the author's, and an
 * internal error for the caller.
 *
 * @module
 */

import type { AnyMethod } from "../api/api.ts";
import { checkedItems } from "../api/checked_items.ts";
import type { Context } from "../api/context.ts";
import { compose, type Middleware } from "../api/middleware.ts";
import { decodeExactly, encodeExactly } from "../message/base64.ts";
import {
  type StandardSchema,
  type StandardSchemaResult,
  toIssues,
} from "../schema/standard_schema.ts";
import { beginAfter, idBefore, StreamEvent } from "../stream/event.ts";
import { iteratorOf } from "../stream/receiver.ts";

/** Complaints that are told of one result. */
const MAX_ISSUES = 10;

type Issues = Parameters<typeof toIssues>[0];
type Handler = (value: unknown, context: Context) => unknown;

/**
 * What is called for a method: its handler with the middleware around it, and with its result checked.
 *
 * @param name the whole name
 */
export function handlerOf(name: string, { handler, kind, options }: AnyMethod): Handler {
  const { result, use = [] } = options;
  const composed = compose(use as readonly Middleware[], name, handler as Handler);
  return result === undefined ? composed : withResult(composed, result, name, kind === "stream");
}

/** The handler of a method with its result checked; of a stream with each of its items. */
function withResult(
  handler: Handler,
  schema: StandardSchema,
  name: string,
  isStream: boolean,
): Handler {
  const check = (result: unknown) => checkResult(schema, result, name);
  const use = isStream ? (source: unknown) => itemsOf(source, check) : check;
  return (value, context) => {
    const result = handler(value, context);
    return result instanceof Promise ? result.then(use) : use(result);
  };
}

/**
 * The result, or a promise of it if the schema makes one. The schema may describe the result as the handler
 * gives it, or as it arrives: a `Date` is a text then.
 *
 * @throws {TypeError} for one that fits neither way
 */
function checkResult(schema: StandardSchema, result: unknown, name: string): unknown {
  const { validate } = schema["~standard"];
  const checked = validate.call(schema["~standard"], result);
  if ("then" in checked) return checkLater(schema, result, name, checked);
  if (checked.issues === undefined) return result;
  const travelled = validate.call(schema["~standard"], asItTravels(result, name, checked.issues));
  if ("then" in travelled) return checkLater(schema, result, name, checked);
  if (travelled.issues === undefined) return result;
  throw unfit(name, checked.issues);
}

async function checkLater(
  schema: StandardSchema,
  result: unknown,
  name: string,
  checked: StandardSchemaResult<unknown> | PromiseLike<StandardSchemaResult<unknown>>,
): Promise<unknown> {
  const { issues } = await checked;
  if (issues === undefined) return result;
  const travelled = await schema["~standard"].validate(asItTravels(result, name, issues));
  if (travelled.issues === undefined) return result;
  throw unfit(name, issues);
}

/**
 * What its caller sees of a value that does not fit as it is.
 *
 * @throws {TypeError} which says so, if it cannot travel either
 */
function asItTravels(value: unknown, name: string, issues: Issues): unknown {
  try {
    return decodeExactly(JSON.parse(encodeExactly(value) ?? "null"));
  } catch (cause) {
    throw unfit(name, issues, cause);
  }
}

function unfit(name: string, issues: Issues, cause?: unknown): TypeError {
  const told = JSON.stringify(toIssues(issues.slice(0, MAX_ISSUES)));
  const message = `The result of ${name} does not fit its schema: ${told}`;
  return new TypeError(message, cause === undefined ? {} : { cause });
}

/** The items of a stream, each of which is checked when its turn comes. */
function itemsOf(
  source: unknown,
  check: (item: unknown) => unknown,
): AsyncIterableIterator<unknown> {
  const before = idBefore(source);
  const checked = checkedItems(
    iteratorOf(source),
    (item) => check(item instanceof StreamEvent ? item.value : item),
  );
  return before === undefined ? checked : beginAfter(before, checked);
}
