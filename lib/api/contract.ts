/**
 * An API without its handlers: the names and the schemas, which a server implements and a client calls
 * and may check itself and the server by. What a contract imports serves nothing and opens nothing.
 *
 * @module
 */

import { isPlainObject } from "../message/message.ts";
import { isStandardSchema, type StandardSchema } from "../schema/standard_schema.ts";
import type { ErrorSchemas, NoErrors, ProcedureKind } from "./api.ts";
import { CHECK } from "./carried_check.ts";
import { contractCheck } from "./contract_check.ts";
import {
  type Contract,
  type ContractEntry,
  type ContractOptions,
  isContractEntry,
} from "./contract_entry.ts";
import { refuseOptions } from "./method_options.ts";

/**
 * What {@linkcode contract} is: a function, and what makes the entries. `NoInfer`: what an entry is depends on
 * what it is made of, and not on what a contract may hold.
 */
export interface ContractBuilder {
  /** See {@linkcode contract}. */
  <const C extends Contract>(entries: C): C;
  /** A method: the result has the option `result`, and is unknown without. */
  method<
    Schema extends StandardSchema,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    schema: Schema,
    options?: ContractOptions<Errors, Items, Answer>,
  ): ContractEntry<"method", Schema, NoInfer<Answer>, NoInfer<Errors>, NoInfer<Items>>;
  /** A method that takes no value. */
  method<
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    options?: ContractOptions<Errors, Items, Answer>,
  ): ContractEntry<"method", undefined, NoInfer<Answer>, NoInfer<Errors>, NoInfer<Items>>;
  /** A stream: each of its items has the option `result`. */
  stream<
    Schema extends StandardSchema,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    schema: Schema,
    options?: ContractOptions<Errors, Items, Answer>,
  ): ContractEntry<"stream", Schema, NoInfer<Answer>, NoInfer<Errors>, NoInfer<Items>>;
  /** A stream that takes no value. */
  stream<
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    options?: ContractOptions<Errors, Items, Answer>,
  ): ContractEntry<"stream", undefined, NoInfer<Answer>, NoInfer<Errors>, NoInfer<Items>>;
  /** A notification: it has no answer. */
  notification<Schema extends StandardSchema>(
    schema: Schema,
    options?: ContractOptions<NoErrors, never, never>,
  ): ContractEntry<"notification", Schema, never, NoErrors, never>;
  /** A notification that takes no value. */
  notification(
    options?: ContractOptions<NoErrors, never, never>,
  ): ContractEntry<"notification", undefined, never, NoErrors, never>;
}

/**
 * An API without its handlers. {@linkcode implement} makes an API of it; `connect<typeof contract>` has
 * its types, and `connect(address, { contract })` checks what is sent and what arrives as well.
 *
 * `contract.method`, `contract.stream` and `contract.notification` make the entries. They take what
 * `method`, `stream` and `notification` take, without the handler and without `use`.
 *
 * @throws {TypeError} for a member that is neither an entry nor a plain object of them
 *
 * @example A contract, the server's side of it, and the client's
 * ```ts
 * import { connect, serve } from "@landline/rpc";
 * import { contract, implement } from "@landline/rpc/contract";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const { method, stream } = contract;
 * const shop = contract({
 *   price: method(z.object({ item: z.string() }), { result: z.number() }),
 *   stock: { list: stream({ result: z.string() }) },
 * });
 *
 * const api = implement(shop, {
 *   price: ({ item }) => item.length,
 *   stock: { list: () => ["tea", "cake"] },
 * });
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect(server.addresses[0]!, { contract: shop });
 * assert(await line.call.price({ item: "tea" }) === 3);
 * assert((await line.call.stock.list()).join() === "tea,cake");
 * ```
 */
export const contract: ContractBuilder = Object.assign(
  <const C extends Contract>(entries: C): C => {
    const known = entriesOf(entries);
    // Carried along, so that a client without a contract does not have the code.
    return Object.defineProperty({ ...entries }, CHECK, { value: contractCheck(known) });
  },
  {
    method: (...parts: unknown[]) => entry("method", parts) as never,
    stream: (...parts: unknown[]) => entry("stream", parts) as never,
    notification: (...parts: unknown[]) => entry("notification", parts) as never,
  },
);

function entry(kind: ProcedureKind, parts: readonly unknown[]): ContractEntry {
  const schema = isStandardSchema(parts[0]) ? parts[0] : undefined;
  const [options = {}, ...others] = schema === undefined ? parts : parts.slice(1);
  if (options === null || typeof options !== "object" || others.length > 0) {
    throw new TypeError(
      `Cannot make a ${kind} of a contract: expected a Standard Schema and options, got ${
        others.length > 0 ? "more" : `a ${typeof options}`
      }${typeof options === "function" ? "; handlers are for implement()" : ""}`,
    );
  }
  refuseOptions(kind, options);
  if ("use" in options) {
    throw new TypeError(`Cannot make a ${kind} of a contract: use is for its implementation`);
  }
  return { kind, schema, options };
}

/** The entries by their whole names. */
function entriesOf(contract: Contract): Map<string, ContractEntry> {
  const entries = new Map<string, ContractEntry>();
  const collect = (group: Contract, prefix: string): void => {
    for (const [key, member] of Object.entries(group)) {
      const name = prefix + key;
      if (isContractEntry(member)) entries.set(name, member);
      else if (isPlainObject(member)) collect(member as Contract, `${name}.`);
      else {
        throw new TypeError(
          `Cannot make a contract: ${name} is ${
            member === null ? "null" : `a ${typeof member}`
          }, expected contract.method(...) or a plain object of entries`,
        );
      }
    }
  };
  collect(contract, "");
  return entries;
}
