/**
 * Counts calls, and how long they took.
 *
 * The clock is read once for all that ends in one turn of the event loop. What was read together has come at
 * one time, and is answered in one write behind the last of it.
 *
 * @module
 */

import type { ObservedCall, Observer } from "../api/observe.ts";
import type { RpcError } from "../error.ts";
import { ByCallName } from "./call_names.ts";
import { Histogram } from "./histogram.ts";
import { limitOf } from "./limit_of.ts";
import type { CallSeries, Snapshot } from "./snapshot.ts";

/** What stands for a limit where a request of HTTP has no credentials, or wrong ones. */
const AUTHENTICATION = "authentication";

/** What a message says that breaks the rules. */
const MISTAKES: ReadonlySet<string> = new Set(["PARSE_ERROR", "INVALID_REQUEST"]);

/** Calls of one method that ended in one way. */
class Series extends Histogram {
  readonly method: string;
  readonly error: string;
  /** How many have ended in this turn and are not measured, and when these came. */
  due = 0;
  since = 0;

  constructor(method: string, error: string) {
    super();
    this.method = method;
    this.error = error;
  }

  /** Measures those that are due. */
  measure(now: number): void {
    this.add((now - this.since) / 1000, this.due);
    this.due = 0;
  }
}

/** What an observer sees of a {@linkcode Snapshot}. */
export type CallCounts = Pick<
  Snapshot,
  "incoming" | "outgoing" | "itemsSent" | "itemsReceived" | "refused" | "protocolErrors"
>;

/** Counts what it observes. */
export class Metrics implements Observer {
  readonly #incoming: Series[] = [];
  readonly #outgoing: Series[] = [];
  readonly #byIncoming = new ByCallName((method, error) => add(this.#incoming, method, error));
  readonly #byOutgoing = new ByCallName((method, error) => add(this.#outgoing, method, error));
  #itemsSent = 0;
  #itemsReceived = 0;
  #protocolErrors = 0;
  readonly #refused = new Map<string, number>();
  /** Those of which calls have ended in this turn. */
  readonly #due: Series[] = [];
  /** When calls of this turn ended that did not come together; 0 before the first of them. */
  #now = 0;

  end(call: ObservedCall, error: unknown): void {
    const names = call.direction === "in" ? this.#byIncoming : this.#byOutgoing;
    const series = names.of(call, error), { since } = call;
    if (since !== series.since && series.due > 0) {
      if (this.#now < series.since) this.#now = performance.now();
      series.measure(this.#now);
    }
    series.since = since;
    if (++series.due === 1 && this.#due.push(series) === 1) queueMicrotask(this.#measure);
    if (error !== undefined && call.direction === "in") this.#noteLimit(error as RpcError);
  }

  readonly #measure = (): void => {
    const due = this.#due, now = performance.now();
    for (let i = 0; i < due.length; i++) due[i]!.measure(now);
    due.length = 0;
    this.#now = 0;
  };

  items(_call: ObservedCall, sent: number, received: number): void {
    this.#itemsSent += sent;
    this.#itemsReceived += received;
  }

  refused(error: RpcError): void {
    if (this.#noteLimit(error)) return;
    const { reason = "" } = error;
    if (MISTAKES.has(reason)) this.#protocolErrors++;
    else if (reason === "UNAUTHENTICATED") this.#countRefusal(AUTHENTICATION);
  }

  /** Counts a refusal by a limit; false if it is none. */
  #noteLimit(error: RpcError): boolean {
    const limit = limitOf(error);
    if (limit !== undefined) this.#countRefusal(limit);
    return limit !== undefined;
  }

  #countRefusal(limit: string): void {
    this.#refused.set(limit, (this.#refused.get(limit) ?? 0) + 1);
  }

  /** What was counted so far. */
  get counts(): CallCounts {
    this.#measure();
    return {
      incoming: this.#incoming.map(plainOf),
      outgoing: this.#outgoing.map(plainOf),
      itemsSent: this.#itemsSent,
      itemsReceived: this.#itemsReceived,
      refused: Object.fromEntries(this.#refused),
      protocolErrors: this.#protocolErrors,
    };
  }
}

function add(all: Series[], method: string, error: string): Series {
  const series = new Series(method, error);
  all.push(series);
  return series;
}

function plainOf({ method, error, counts, sum }: Series): CallSeries {
  return { method, error, counts: [...counts], sum };
}
