/**
 * From params to the value that a handler sees: what they may stand for, and which of that the schema
 * takes. Knows nothing of methods and handlers.
 *
 * @module
 */

import { decodeAt } from "../message/base64.ts";
import { invalidParams, type ParamsIssue, RpcError } from "../error.ts";
import { cameAs, isPlainObject, type Params } from "../message/message.ts";
import { type ParamsShape, takesAnything } from "../schema/questions.ts";
import {
  MAX_ISSUES,
  type StandardSchema,
  type StandardSchemaIssue,
  type StandardSchemaResult,
  toIssues,
} from "../schema/standard_schema.ts";

type Checked = StandardSchemaResult<unknown>;

/** What a schema says about params: see `paramsShape` and `parameterNames`. */
export interface ParamsSchema {
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
export function valuesOf(target: ParamsSchema, params: Params): [unknown, readonly unknown[]] {
  if (params === undefined) {
    const shape = target.shape();
    return [undefined, shape === "scalar" ? NO_OTHER : shape === "array" ? [[]] : [{}]];
  }
  if (!Array.isArray(params)) {
    const named = params as Readonly<Record<string, unknown>>;
    const hasMeta = Object.hasOwn(named, "_meta"), came = hasMeta ? cameAs(named) : named;
    if (came !== named) return valuesOf(target, came);
    const members = hasMeta ? withoutMeta(named) : named;
    if (hasMeta && Object.keys(members).length === 0 && isNoObject(target.shape())) {
      return valuesOf(target, undefined);
    }
    // What is no object travels as {"value": …} where it has metadata beside it, an array too: it
    // means there what it means without metadata.
    if (!Object.hasOwn(members, "value") || Object.keys(members).length !== 1) {
      return [members, NO_OTHER];
    }
    const { value } = members, shape = target.shape();
    if (shape === "unknown") return hasMeta ? [value, [members]] : [members, NO_OTHER];
    const isPositional = hasMeta && Array.isArray(value);
    if (shape === "object") {
      return isPositional && target.names()?.includes("value") === false
        ? valuesOf(target, value as unknown[])
        : [members, NO_OTHER];
    }
    return isPositional ? valuesOf(target, value as unknown[]) : [value, NO_OTHER];
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
 * it refuses. Each reading of the params is tried as it came, then with bytes for markers where it was
 * refused. If all are refused, the caller is told what was wrong with the bytes, if there were any, else
 * what was wrong with the first reading.
 *
 * @param checked what the schema said of the value
 * @param others what else the params may stand for
 * @throws {RpcError} if the schema refuses all that they may stand for
 */
export function otherwise<T>(
  schema: StandardSchema,
  checked: Checked | PromiseLike<Checked>,
  value: unknown,
  others: readonly unknown[],
  use: (value: unknown) => T,
): T | PromiseLike<T> {
  const readings = [value, ...others], standard = schema["~standard"];
  let index = 0, told: Complaints | undefined;
  /** What was wrong with the bytes of this reading, once it is tried with them. */
  let wrongBytes: readonly ParamsIssue[] | undefined;
  const settle = (checked: Checked | PromiseLike<Checked>): T | PromiseLike<T> => {
    for (;;) {
      if ("then" in checked) return checked.then(settle);
      if (checked.issues === undefined) return use(checked.value);
      const { issues } = checked, reading = readings[index];
      told ??= complaints(issues);
      if (wrongBytes === undefined) {
        const decoded = decodeAt(reading, issues);
        if (decoded.value !== reading) {
          wrongBytes = decoded.wrong;
          checked = standard.validate(decoded.value);
          continue;
        }
        if (decoded.wrong.length > 0) told = complaints(issues, decoded.wrong);
      } else told = complaints(issues, wrongBytes);
      wrongBytes = undefined;
      if (++index === readings.length) throw invalidParams(told.first, told.count);
      checked = standard.validate(readings[index]);
    }
  };
  return settle(checked);
}

/** What is wrong with a value: what the caller is told of it, and how much it is. */
interface Complaints {
  readonly first: readonly ParamsIssue[];
  readonly count: number;
}

function complaints(
  issues: readonly StandardSchemaIssue[],
  wrongBytes: readonly ParamsIssue[] = [],
): Complaints {
  const first = [...wrongBytes, ...toIssues(issues)].slice(0, MAX_ISSUES);
  return { first, count: wrongBytes.length + issues.length };
}

/**
 * A library collects a complaint about each part of a value. For 1 MiB of values that are wrong these took
 * 150 to 400 MB, and 0.3 to 2 s.
 *
 * @throws {RpcError} `RESOURCE_EXHAUSTED` for a value of more parts than a schema may be asked about
 */
export function refuseMany(schema: StandardSchema, value: unknown, maxValues: number): void {
  if (!holdsMore(value, maxValues) || takesAnything(schema)) return;
  const message = `Too many values: the limit is ${maxValues}`;
  throw new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxValues" });
}

/** Whether more values than this stand within a value that JSON.parse has made. */
function holdsMore(value: unknown, max: number): boolean {
  const open = [value];
  for (let count = 0; open.length > 0;) {
    const next = open.pop();
    if (next === null || typeof next !== "object") continue;
    const parts = Array.isArray(next) ? next : Object.values(next);
    if ((count += parts.length) > max) return true;
    for (const part of parts) if (typeof part === "object") open.push(part);
  }
  return false;
}

function isNoObject(shape: ParamsShape): boolean {
  return shape === "scalar" || shape === "array";
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
  const came = cameAs(params);
  if (came !== params) return isNothing(came);
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
