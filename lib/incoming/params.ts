/**
 * From params to the value that a handler sees: what they may stand for, and which of that the schema
 * takes. Knows nothing of methods and handlers.
 *
 * @module
 */

import { decodeAt } from "../message/base64.ts";
import { invalidParams, type ParamsIssue } from "../error.ts";
import { isPlainObject, type Params } from "../message/message.ts";
import {
  type ParamsShape,
  type StandardSchema,
  type StandardSchemaResult,
  toIssues,
} from "../schema/standard_schema.ts";

type Checked = StandardSchemaResult<unknown>;

/** What a schema says about params: see `paramsShape` and `parameterNames`. */
export interface Taker {
  readonly shape: () => ParamsShape;
  readonly names: () => readonly string[] | undefined;
}

const NO_OTHER: readonly unknown[] = [];

/**
 * The one value that the params stand for, and in a second list what else they may stand for: it is
 * tried where the schema refuses the first.
 *
 * A plain object travels by name, an array by position, anything else as the only item of an array.
 * An object's members may come by position too, in the order of their declaration.
 */
export function valuesOf(target: Taker, params: Params): [unknown, readonly unknown[]] {
  if (params === undefined) {
    const shape = target.shape();
    return [undefined, shape === "object" ? [{}] : shape === "array" ? [[]] : NO_OTHER];
  }
  if (!Array.isArray(params)) {
    const named = params as Readonly<Record<string, unknown>>;
    const hasMeta = Object.hasOwn(named, "_meta");
    const members = hasMeta ? withoutMeta(named) : named;
    // What is no object travels as {"value": …} where it has metadata beside it, an array too: it
    // means there what it means without metadata.
    if (!Object.hasOwn(members, "value") || Object.keys(members).length !== 1) {
      return [members, NO_OTHER];
    }
    const shape = target.shape();
    if (shape === "unknown") return hasMeta ? [members.value, [members]] : [members, NO_OTHER];
    const isPositional = hasMeta && Array.isArray(members.value);
    if (shape === "object") {
      return isPositional && target.names()?.includes("value") === false
        ? valuesOf(target, members.value as unknown[])
        : [members, NO_OTHER];
    }
    return isPositional ? valuesOf(target, members.value as unknown[]) : [members.value, NO_OTHER];
  }
  const shape = target.shape();
  if (shape === "scalar") return params.length > 1 ? [params, NO_OTHER] : [params[0], NO_OTHER];
  const alone = params.length === 1 ? [params[0]] : NO_OTHER;
  if (shape === "array" && !Array.isArray(params[0])) return [params, NO_OTHER];
  if (shape !== "object") return [params, alone];
  const names = target.names();
  if (names === undefined || params.length > names.length) return [params, alone];
  const members: Record<string, unknown> = {};
  params.forEach((param, index) => setOwn(members, names[index]!, param));
  // Some clients wrap the object into an array (Go's net/rpc always does).
  return isPlainObject(params[0]) && params.length === 1
    ? [params[0], [members]]
    : [members, NO_OTHER];
}

/**
 * The rarer ways from a value to what `use` makes of it: a schema that is asynchronous, and a value that
 * it refuses.
 *
 * @param checked what the schema said of the value
 * @param other what else the params may stand for
 * @throws {RpcError} where the schema refuses all that they may stand for
 */
export function otherwise<T>(
  schema: StandardSchema,
  checked: Checked | PromiseLike<Checked>,
  value: unknown,
  other: readonly unknown[],
  use: (value: unknown) => T,
): T | PromiseLike<T> {
  let readings: ReturnType<typeof readingsAfter> | undefined;
  const settle = (checked: Checked): T | PromiseLike<T> => {
    if (checked.issues === undefined) return use(checked.value);
    const issues = toIssues(checked.issues);
    const next = readings?.next(issues) ?? (readings = readingsAfter(value, issues, other)).next();
    if (next.done) throw invalidParams(next.value);
    const again = schema["~standard"].validate(next.value);
    return "then" in again ? again.then(settle) : settle(again);
  };
  return "then" in checked ? checked.then(settle) : settle(checked);
}

/**
 * What is to be tried after the value was refused: the value with bytes for markers where it was
 * refused, then what else it may be, in the same two ways. Each time it is told what the schema says; at
 * the end it returns what the caller is told: what was wrong with the bytes, where there were any, else
 * with the first.
 */
function* readingsAfter(
  value: unknown,
  refused: ParamsIssue[],
  other: readonly unknown[],
): Generator<unknown, ParamsIssue[], ParamsIssue[]> {
  let told = refused;
  for (const [index, reading] of [value, ...other].entries()) {
    const issues = index === 0 ? refused : yield reading;
    const decoded = decodeAt(reading, issues);
    if (decoded.value !== reading) told = [...decoded.wrong, ...yield decoded.value];
    else if (decoded.wrong.length > 0) told = [...decoded.wrong, ...issues];
  }
  return told;
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

/** Members of params that are about the call: our metadata, and LSP's tokens. */
const BESIDE: ReadonlySet<string> = new Set(["_meta", "workDoneToken", "partialResultToken"]);

/** Of params only what is about the call. */
export function besidesValue(params: Params): Params {
  if (params === undefined || Array.isArray(params)) return undefined;
  let beside: Record<string, unknown> | undefined;
  for (const key of BESIDE) {
    if (!Object.hasOwn(params, key)) continue;
    (beside ??= {})[key] = (params as Readonly<Record<string, unknown>>)[key];
  }
  return beside;
}

/** Whether params hold nothing for a handler. */
export function isNothing(params: Params): boolean {
  if (params === undefined) return true;
  if (!Array.isArray(params)) {
    const { value, ...others } = params as Readonly<Record<string, unknown>>;
    const isNone = value === undefined ||
      Object.hasOwn(others, "_meta") && Array.isArray(value) && isNothing(value);
    return isNone && Object.keys(others).every((key) => BESIDE.has(key));
  }
  const [only] = params;
  return params.length === 0 ||
    params.length === 1 && (only === null || isPlainObject(only) && Object.keys(only).length === 0);
}
