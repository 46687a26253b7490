/**
 * What an API is made of, as types: methods, streams and notifications, each of which ties a name to
 * what travels.
 *
 * @module
 */

import { reservedPrefix } from "../message/control.ts";
import { isPlainObject } from "../message/message.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";
import type { Json } from "./json.ts";

/** The errors that a method declares: for each name the schema of its data. */
export type ErrorSchemas = Readonly<Record<string, StandardSchema>>;

/** No errors are declared. */
export type NoErrors = Readonly<Record<never, StandardSchema>>;

/**
 * What can be said about a method besides its code; `rpc.discover` tells it to callers. `Layer` is what
 * its middleware is: {@linkcode Middleware} where methods are made.
 */
export interface MethodOptions<
  Errors extends ErrorSchemas = ErrorSchemas,
  Items extends StandardSchema = StandardSchema,
  Layer = (call: never, next: never) => unknown,
  Answer extends StandardSchema = StandardSchema,
> {
  /** One line that says what it does. */
  readonly summary?: string;
  /** More than one line. */
  readonly description?: string;
  /** Callers should use something else. */
  readonly deprecated?: boolean;
  /**
   * Running it twice does no more than running it once. It is told to callers, who decide: see the
   * option `idempotent` of {@linkcode ConnectOptions}.
   */
  readonly idempotent?: boolean;
  /**
   * The shape of the result, or of a stream's items. The compiler checks that the handler returns it, and
   * so does the server: what fits neither as the handler gives it nor as it arrives goes to `onError`, and
   * the caller is told `Internal error`. It is checked and not changed: a schema that makes something else
   * of what it takes is not for results.
   */
  readonly result?: Answer;
  /** Errors that the handler throws with {@linkcode HandlerContext.error}, by name. */
  readonly errors?: Errors;
  /** The items that the caller streams to the handler: they arrive as {@linkcode Context.items}. */
  readonly items?: Items;
  /** How many calls it counts for where calls are limited by a rate. @default {1} */
  readonly cost?: number;
  /**
   * How many bytes its calls may have as they travel; a longer one is refused with `RESOURCE_EXHAUSTED`
   * before the schema sees it. An item of a batch is measured by its params. For a method whose schema
   * takes a list, or is costly. @default as many as the limit `maxMessageBytes`
   *
   * @example
   * ```ts
   * import { method } from "@landline/rpc";
   * import { pair } from "@landline/rpc/testing";
   * import * as z from "npm:zod@4";
   * import { assert } from "@std/assert";
   *
   * const api = {
   *   sum: method(z.array(z.number()), (all) => all.reduce((a, b) => a + b, 0), { maxBytes: 4096 }),
   * };
   * await using ends = await pair(api);
   *
   * const error = await ends.line.call.sum(Array(4096).fill(1)).catch((error) => error);
   * assert(error.reason === "RESOURCE_EXHAUSTED" && error.data.limit === "maxBytes");
   * ```
   */
  readonly maxBytes?: number;
  /** What runs around the handler, outermost first. */
  readonly use?: readonly Layer[];
}

/**
 * What a handler may return if the schema of its option `result` makes this: the same, or what looks like it
 * once it has travelled. Texts are not told apart from other texts, nor numbers from other numbers: the
 * compiler finds out what a handler returns before it looks at the schema. With `IsExact`, where it knows the
 * schema before the handler, they are.
 */
export type Returned<Output, IsExact extends boolean = false> = unknown extends Output ? unknown
  : [Json] extends [Output] ? unknown // a type that refers to itself could not be taken apart
  :
    | Output
    | (Output extends string
      ? (IsExact extends true ? never : string) | { toJSON(...args: never[]): string }
      : Output extends number ? (IsExact extends true ? never : number)
      : Output extends boolean ? boolean
      : Output extends null ? undefined | void
      : Output extends bigint | symbol | Date | Uint8Array | ((...args: never[]) => unknown)
        ? Output
      : { [Key in keyof Output]: Returned<Output[Key], IsExact> });

/** The kinds of members that an API has. */
export type ProcedureKind = "method" | "stream" | "notification";

/**
 * What a method, a stream and a notification have in common. `State` is what its handler finds as
 * {@linkcode Context.state}.
 */
export interface AnyMethod<State = unknown> {
  /** What it is. */
  readonly kind: ProcedureKind;
  /** Checks the value before the handler sees it. */
  readonly schema: StandardSchema | undefined;
  /** The code that answers. */
  readonly handler: (value: never, context: never) => unknown;
  /** What there is to say about it. */
  readonly options: MethodOptions;
  /** Not there when it runs. */
  readonly takesState?: (state: State) => void;
}

/**
 * One method of an API, made by {@linkcode method}: `Value` is what a caller passes, `Result` what
 * the handler returns, `Errors` what it declares, `Item` what the caller streams to it.
 */
export interface Method<
  Value = unknown,
  Result = unknown,
  Errors = NoErrors,
  Item = never,
  State = unknown,
> extends AnyMethod<State> {
  /** What it is. */
  readonly kind: "method";
  /** Not there when it runs. */
  readonly types?: {
    readonly value: Value;
    readonly result: Result;
    readonly errors: Errors;
    readonly item: Item;
  };
}

/**
 * A method that answers with many items, made by {@linkcode stream}: `Yield` is an item, `Return`
 * what the generator returns at its end.
 */
export interface Stream<
  Value = unknown,
  Yield = unknown,
  Return = unknown,
  Errors = NoErrors,
  Item = never,
  State = unknown,
> extends AnyMethod<State> {
  /** What it is. */
  readonly kind: "stream";
  /** Not there when it runs. */
  readonly types?: {
    readonly value: Value;
    readonly yield: Yield;
    readonly return: Return;
    readonly errors: Errors;
    readonly item: Item;
  };
}

/** A method that never answers, made by {@linkcode notification}. */
export interface Notification<Value = unknown, State = unknown> extends AnyMethod<State> {
  /** What it is. */
  readonly kind: "notification";
  /** Not there when it runs. */
  readonly types?: { readonly value: Value };
}

/**
 * A plain object of methods and of more such objects: `{ math: { add } }` has `math.add`. `State` is what
 * `serve`'s option `connectionState` must make for it: see {@linkcode withContext}.
 */
export interface Api<State = unknown> {
  /** A method, or an object of them. */
  readonly [name: string]: AnyMethod<State> | Api<State>;
}

/** The same for an API whose type is an `interface`: TypeScript lets no such type have any other name. */
export type ApiShape<A, State = unknown> = {
  readonly [Name in keyof A]: A[Name] extends AnyMethod<never> ? AnyMethod<State>
    : A[Name] extends string | number | boolean | ((...args: never[]) => unknown)
      ? AnyMethod<State> | Api<State>
    : ApiShape<A[Name], State>;
};

/** The names of an API's methods, as they are called: `"math.add"`. Any text if the API is not known. */
export type MethodName<A> = [A] extends [never] ? never : string extends keyof A ? string : {
  readonly [Name in keyof A & string]: A[Name] extends Pick<AnyMethod, "kind"> ? Name
    : `${Name}.${MethodName<A[Name]>}`;
}[keyof A & string];

/** Whether calls of it go on only if messages of the caller's are read: credit, or items. */
export function isStreaming(procedure: AnyMethod | undefined): boolean {
  return procedure?.kind === "stream" || procedure?.options.items !== undefined;
}

/** Whether this is a member of an API, made by this copy of the library or by another. */
export function isProcedure(value: unknown): value is AnyMethod {
  return value !== null && typeof value === "object" && "kind" in value && "handler" in value &&
    typeof value.handler === "function" &&
    (value.kind === "method" || value.kind === "stream" || value.kind === "notification");
}

/**
 * The members of an API by their whole names, in the order in which they stand in it.
 *
 * @throws {TypeError} for a member that is neither a method nor a plain object of them, for a name that
 * cannot be called; and whatever the check throws
 */
export function proceduresOf(
  api: Api<never>,
  check: (name: string, method: AnyMethod) => void = () => {},
): Map<string, AnyMethod> {
  const procedures = new Map<string, AnyMethod>();
  collect(api, "", procedures, new Set(), check);
  return procedures;
}

function collect(
  api: Api<never>,
  prefix: string,
  procedures: Map<string, AnyMethod>,
  above: Set<unknown>,
  check: (name: string, method: AnyMethod) => void,
): void {
  if (above.has(api)) throw new TypeError(`Cannot use the API: ${prefix} holds itself`);
  above.add(api);
  for (const [key, member] of Object.entries(api)) {
    const name = prefix + key;
    if (key === "" || procedures.has(name)) {
      throw new TypeError(`Cannot use the API: there are two methods ${JSON.stringify(name)}`);
    }
    const reserved = reservedPrefix(name);
    if (reserved !== undefined) {
      throw new TypeError(
        `Cannot use the API: ${
          JSON.stringify(name)
        } is reserved, names must not begin with "${reserved}"`,
      );
    }
    if (isProcedure(member)) {
      check(name, member);
      procedures.set(name, member);
    } else if (typeof (member as { kind?: unknown } | null)?.kind === "string") {
      throw new TypeError(
        `Cannot use the API: ${name} has no handler, implement() makes an API of a contract`,
      );
    } else if (isPlainObject(member)) {
      collect(member as Api<never>, name + ".", procedures, above, check);
    } else {
      throw new TypeError(
        `Cannot use the API: ${name} is ${
          member === null ? "null" : `a ${typeof member}`
        }, expected method(...) or a plain object of methods`,
      );
    }
  }
  above.delete(api);
}
