/**
 * Checks the calls of a client by a contract: what it sends before it is sent, and what arrives before
 * it is handed on. Values are checked and not changed, so that the types are the same without a check.
 *
 * Knows nothing of connections: a line that has a contract finds this in it, and puts it around its calls
 * as their innermost middleware.
 *
 * @module
 */

import { DECLARED, type ParamsIssue } from "../error.ts";
import { decodeAt } from "../message/base64.ts";
import { reservedPrefix } from "../message/control.ts";
import {
  type StandardSchema,
  type StandardSchemaIssue,
  toIssues,
} from "../schema/standard_schema.ts";
import type { ContractCheck } from "./carried_check.ts";
import { checkedItems } from "./checked_items.ts";
import type { ContractEntry } from "./contract_entry.ts";
import type { CallOptions, ItemOptions } from "./stub.ts";

/** A part of a call that a contract speaks of. */
export type ContractPart = "params" | "item" | "result" | "error";

/**
 * One side has not kept the contract that a client checks by: see the option `contract` of
 * {@linkcode ContractConnectOptions}. What the caller did wrong was not sent.
 *
 * @example The server has another version of the contract
 * ```ts
 * import { method, serve } from "@landline/rpc";
 * import { connect } from "@landline/rpc/client";
 * import { contract, ContractError } from "@landline/rpc/contract";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const clock = contract({ now: contract.method({ result: z.int() }) });
 * await using server = serve({ now: method(() => "noon") }, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect(server.addresses[0]!, { contract: clock });
 *
 * const error = await line.call.now().catch((error) => error);
 * assert(error instanceof ContractError && error.brokenBy === "server");
 * assert(error.message.startsWith("The server breaks the contract of now: the result: "));
 * ```
 */
export class ContractError extends Error {
  /** Always this: it tells the class across copies of the library. */
  override readonly name = "ContractError";
  /** Which side has not kept it. */
  readonly brokenBy: "caller" | "server";
  /** The method, by its whole name. */
  readonly method: string;
  /** What of the call does not fit. */
  readonly part: ContractPart;
  /** Where in it, and why: the first hundred. */
  readonly issues: readonly ParamsIssue[];

  /**
   * An error about one call.
   *
   * @param options `cause`: the declared error whose data does not fit
   */
  constructor(
    brokenBy: "caller" | "server",
    method: string,
    part: ContractPart,
    issues: readonly ParamsIssue[],
    options?: ErrorOptions,
  ) {
    const [first] = issues;
    const at = first === undefined || first.path.length === 0 ? "" : ` at ${first.path.join(".")}`;
    const others = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
    super(
      `The ${brokenBy} breaks the contract of ${method}: ${NAMES[part]}${at}: ${
        first?.message ?? "it does not fit"
      }${others}`,
      options,
    );
    this.brokenBy = brokenBy;
    this.method = method;
    this.part = part;
    this.issues = issues;
  }
}

const NAMES: Readonly<Record<ContractPart, string>> = {
  params: "the params",
  item: "an item",
  result: "the result",
  error: "the data of its error",
};

/** A check of these entries, by their whole names. */
export function contractCheck(entries: ReadonlyMap<string, ContractEntry>): ContractCheck {
  const entryOf = (name: string): ContractEntry | undefined => {
    const entry = entries.get(name);
    if (entry !== undefined || reservedPrefix(name) !== undefined) return entry;
    throw new TypeError(`Cannot call ${name}: the contract has no such method`);
  };
  return {
    call({ method, value, options, isStream }, next) {
      const entry = entryOf(method);
      if (entry === undefined) return next();
      // If the schema answers at once, the call goes out in the turn in which it was made.
      const params = checkParams(method, entry, value);
      const outcome = params === undefined
        ? next(checkedUp(method, entry, options))
        : params.then(() => next(checkedUp(method, entry, options)));
      return outcome.then(async ({ result }) => {
        const { kind, options: { result: schema } } = entry;
        if (isStream && kind === "stream") {
          return { result: checkedDown(method, entry, result as AsyncIterable<unknown>) };
        }
        if (schema === undefined || isStream) return { result };
        if (kind === "stream") {
          if (!Array.isArray(result)) {
            const issues = [{ path: [], message: "expected all items of the stream, in an array" }];
            throw new ContractError("server", method, "result", issues);
          }
          for (const item of result) await checkArrived(method, "item", schema, item);
        } else await checkArrived(method, "result", schema, result);
        return { result };
      }, (error) => checkFailure(method, entry, error));
    },
    notify(method, value, send, report) {
      const entry = entryOf(method);
      const params = entry && checkParams(method, entry, value);
      if (params === undefined) send();
      else params.then(send).catch(report);
    },
  };
}

type Issues = readonly StandardSchemaIssue[] | undefined;

/** @throws {ContractError} for a value that the caller may not pass; later, if the schema answers later */
function checkParams(
  method: string,
  { schema }: ContractEntry,
  value: unknown,
): Promise<void> | undefined {
  if (schema === undefined) return undefined;
  // The server takes one of these for a value that is left out.
  const issues = issuesOf(schema, value, () => value === undefined ? [{}, []] : []);
  const judge = (issues: Issues): void => {
    if (issues !== undefined) throw new ContractError("caller", method, "params", toIssues(issues));
  };
  return issues instanceof Promise ? issues.then(judge) : judge(issues) as undefined;
}

/** @throws {ContractError} for a value of the server's that does not fit */
async function checkArrived(
  method: string,
  part: ContractPart,
  schema: StandardSchema,
  value: unknown,
  options?: ErrorOptions,
): Promise<void> {
  // The schema may describe what the handler gave: dates are texts by now, and nothing is null.
  const issues = await issuesOf(schema, value, (issues) => {
    const decoded = decodeAt(value, issues).value;
    return value === null ? [undefined] : decoded === value ? [] : [decoded];
  });
  if (issues === undefined) return;
  throw new ContractError("server", method, part, toIssues(issues), options);
}

/**
 * What is wrong with a value, and with everything else that it may stand for.
 *
 * @param others what else it may stand for, given what is wrong with it
 */
function issuesOf(
  schema: StandardSchema,
  value: unknown,
  others: (issues: readonly StandardSchemaIssue[]) => readonly unknown[],
): Issues | Promise<Issues> {
  const standard = schema["~standard"];
  let told: Issues, left: unknown[] = [];
  const judge = ({ issues }: { readonly issues?: Issues }): Issues | Promise<Issues> => {
    if (issues === undefined) return undefined;
    if (told === undefined) {
      told = issues;
      left = [...others(issues)];
    }
    if (left.length === 0) return told;
    const checked = standard.validate(left.shift());
    return "then" in checked ? checked.then(judge) : judge(checked);
  };
  const checked = standard.validate(value);
  return "then" in checked ? checked.then(judge) : judge(checked);
}

/** The items that the caller streams, each of which is checked when its turn comes. */
function checkedUp(
  method: string,
  { options: { items: schema } }: ContractEntry,
  options: CallOptions,
): CallOptions | undefined {
  const { items } = options as Partial<ItemOptions<unknown>>;
  if (schema === undefined || items === undefined) return undefined;
  const check = async (item: unknown) => {
    const issues = await issuesOf(schema, item, () => []);
    if (issues !== undefined) throw new ContractError("caller", method, "item", toIssues(issues));
  };
  const more: ItemOptions<unknown> = {
    // Asked for when the call is sent: a call that is not sent would not close it.
    items: { [Symbol.asyncIterator]: () => checkedItems(iteratorOf(items), check) },
  };
  return more;
}

/** The items that arrive, each of which is checked when it is taken. */
function checkedDown(
  method: string,
  entry: ContractEntry,
  items: AsyncIterable<unknown>,
): AsyncIterable<unknown> {
  const { result: schema } = entry.options;
  return checkedItems(
    iteratorOf(items),
    (item) => schema && checkArrived(method, "item", schema, item),
    (error) => checkFailure(method, entry, error),
  );
}

function iteratorOf(
  items: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  const either = items as Partial<AsyncIterable<unknown>> & Iterable<unknown>;
  return either[Symbol.asyncIterator]?.() ?? either[Symbol.iterator]();
}

/** Throws what a call failed with, unless it is a declared error whose data does not fit. */
async function checkFailure(method: string, entry: ContractEntry, error: unknown): Promise<never> {
  const { code, data } = (error ?? {}) as { code?: unknown; data?: unknown };
  if (code === DECLARED && data !== null && typeof data === "object") {
    const { name, details } = data as { name?: unknown; details?: unknown };
    const { errors = {} } = entry.options;
    if (typeof name === "string" && Object.hasOwn(errors, name)) {
      await checkArrived(method, "error", errors[name]!, details, { cause: error });
    }
  }
  throw error;
}
