/**
 * A client in the chaos: it makes calls, and counts what came of each.
 *
 * @module
 */

import { connect, ConnectionLostError, type Line, RpcError } from "../../lib/mod.ts";
import type { api } from "./chaos_api.ts";

/** Milliseconds that a call may take. */
const DEADLINE = 5000;

/** What came of all calls. */
export class Tally {
  made = 0;
  answered = 0;
  /** It may have run, and nobody will know. */
  unknown = 0;
  /** Refused or failed, and known not to have run. */
  notRun = 0;
  deadline = 0;
  wrong = 0;
  /** Errors that should not have come. */
  failed = 0;
  connects = 0;
  kills = 0;
  example = "";
  /** Keys that were answered: they must have run. */
  readonly acknowledged: string[] = [];
  /** Keys that are known not to have run. */
  readonly refused: string[] = [];
  /** Calls that have no outcome yet. */
  readonly pending = new Map<string, number>();
}

/** One client: a line that connects again whenever it is lost. */
export class Client {
  readonly #tally: Tally;
  readonly #name: string;
  readonly #line: Promise<Line<typeof api>>;
  #calls = 0;
  isOver = false;

  constructor(address: string, name: string, tally: Tally) {
    this.#name = name;
    this.#tally = tally;
    this.#line = connect<typeof api>(address, {
      reconnect: "always",
      idempotent: ["later"],
      // A black hole is noticed while the chaos lasts.
      limits: { pingInterval: 2000, pingTimeout: 2000 },
      onState: ({ state }) => {
        if (state === "ready") tally.connects++;
      },
    });
  }

  /** Makes a call, and counts what came of it. Never rejects. */
  async call(): Promise<void> {
    const number = this.#calls++, key = `${this.#name}-${number}`, tally = this.#tally;
    tally.made++;
    tally.pending.set(key, performance.now());
    try {
      if (number % 10 === 9) await this.#repeat(key);
      else await this.#once(key);
    } finally {
      tally.pending.delete(key);
    }
  }

  /** A call that may be repeated. */
  async #repeat(key: string): Promise<void> {
    const ms = Math.floor(Math.random() * 100), tally = this.#tally;
    for (;;) {
      try {
        const line = await this.#line;
        const answer = await line.call.later({ key, ms }, { timeout: DEADLINE });
        if (answer === key + "x".repeat(ms * 10)) tally.answered++;
        else this.#wrong(key, answer);
        return;
      } catch (error) {
        if (this.isOver) return void tally.unknown++;
        if (!isExpected(error)) return this.#failed(error);
      }
    }
  }

  /** A call that must not run twice. */
  async #once(key: string): Promise<void> {
    const tally = this.#tally;
    for (;;) {
      try {
        const line = await this.#line;
        const answer = await line.call.once(key, { timeout: DEADLINE });
        if (answer !== key) return this.#wrong(key, answer);
        tally.answered++;
        tally.acknowledged.push(key);
        return;
      } catch (error) {
        if (!isExpected(error)) return this.#failed(error);
        const hasNotRun = error instanceof ConnectionLostError && !error.sent ||
          error instanceof RpcError && error.reason === "UNAVAILABLE";
        if (hasNotRun && !this.isOver) continue; // the same key: if it had run, it would run twice
        if (hasNotRun) {
          tally.notRun++;
          tally.refused.push(key);
        } else if (error instanceof RpcError) tally.deadline++;
        else tally.unknown++;
        return;
      }
    }
  }

  #wrong(key: string, answer: string): void {
    this.#tally.wrong++;
    this.#tally.example ||= `${key} was answered ${Deno.inspect(answer).slice(0, 200)}`;
  }

  #failed(error: unknown): void {
    if (this.isOver) return void this.#tally.notRun++; // it could not connect any more
    this.#tally.failed++;
    this.#tally.example ||= Deno.inspect(error).slice(0, 1000);
  }

  async close(): Promise<void> {
    this.isOver = true;
    await (await this.#line).close();
  }
}

/** What a call may reject with in a chaos. */
function isExpected(error: unknown): boolean {
  return error instanceof ConnectionLostError ||
    error instanceof RpcError &&
      ["DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED"].includes(error.reason ?? "");
}
