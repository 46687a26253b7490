/**
 * How the calls of a client ended.
 *
 * @module
 */

import { ConnectionLostError, RpcError } from "../../../lib/mod.ts";

/** What a client tells at its end. */
export interface Summary {
  readonly calls: number;
  readonly results: number;
  /** How many ended with each error that says why. */
  readonly errors: Readonly<Record<string, number>>;
  /** Those that have not ended, by their kind. */
  readonly pending: readonly string[];
  /** Errors that do not say why, or that nobody waited for; the first few. */
  readonly unclear: readonly string[];
}

/** What an error says of why, in a word; undefined where it does not. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof RpcError) {
    // A server may send an error without a name, or without a text, and then it is for the other to say.
    if (isText(error.reason)) return error.reason;
    if (isText(error.message)) return `code ${Number(error.code)}`;
  }
  if (error instanceof ConnectionLostError && error.message !== "") return error.name;
  if (error instanceof DOMException && ["TimeoutError", "AbortError"].includes(error.name)) {
    return error.name;
  }
  // What is ours says what could not be done; what slipped through does not.
  if (error instanceof TypeError && /^Cannot .+: ./.test(error.message)) return error.name;
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Calls, and how they end. */
export class Outcomes {
  readonly #pending = new Map<number, string>();
  readonly #errors = new Map<string, number>();
  readonly #unclear: string[] = [];
  #calls = 0;
  #results = 0;

  get pending(): number {
    return this.#pending.size;
  }

  /** Makes a call, and follows it to its end. */
  async track(kind: string, call: () => Promise<unknown>): Promise<void> {
    const number = this.#calls++;
    this.#pending.set(number, kind);
    try {
      await call();
      this.#results++;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) this.#blame(`${kind}: ${Deno.inspect(error)}`);
      else this.#errors.set(reason, (this.#errors.get(reason) ?? 0) + 1);
    }
    this.#pending.delete(number);
  }

  /** An error that nobody waited for. */
  stray(error: unknown): void {
    this.#blame(`nobody's: ${Deno.inspect(error)}`);
  }

  #blame(text: string): void {
    if (this.#unclear.length < 5) this.#unclear.push(text.slice(0, 500));
  }

  summary(): Summary {
    return {
      calls: this.#calls,
      results: this.#results,
      errors: Object.fromEntries(this.#errors),
      pending: [...this.#pending.values()],
      unclear: this.#unclear,
    };
  }
}

/** What is wrong with how they ended. */
export function faultsOf({ calls, pending, unclear }: Summary): string[] {
  const faults: string[] = [];
  if (calls === 0) faults.push("it made no call");
  if (pending.length > 0) {
    const kinds = [...new Set(pending)].join(", ");
    faults.push(`${pending.length} of ${calls} calls have not ended: ${kinds}`);
  }
  if (unclear.length > 0) faults.push(`an error does not say why: ${unclear[0]}`);
  return faults;
}
