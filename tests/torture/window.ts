/**
 * Calls that are made at a rate, counted in windows.
 *
 * @module
 */

import { orders, tell } from "./child.ts";
import { Latencies } from "./latencies.ts";

/** Milliseconds after the end of a window in which its last answers must have come: late is not lost. */
const PATIENCE = 30_000;

/** What happened to the calls of one window; times are milliseconds. */
export interface Health {
  /** Which window it was, counted from 0. */
  readonly window: number;
  readonly sent: number;
  readonly answered: number;
  /** Told UNAVAILABLE or RESOURCE_EXHAUSTED. */
  readonly refused: number;
  /** Any other answer, or one to no call. */
  readonly wrong: number;
  /** Calls without an answer. */
  readonly lost: number;
  /** Connections that the server ended. */
  readonly ended: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How late the clients themselves were with their calls: what the machine did, not the server. */
  readonly late: number;
  /** The same at its worst. */
  readonly latest: number;
  /** The first wrong answer. */
  readonly example: string;
}

/** Calls that were made between two orders. */
export class Window {
  readonly #number: number;
  readonly latencies = new Latencies();
  readonly lateness = new Latencies();
  sent = 0;
  refused = 0;
  wrong = 0;
  lost = 0;
  ended = 0;
  example = "";
  /** Calls that wait for their answers. */
  due = 0;
  #isOver = false;
  #isTold = false;

  constructor(number: number) {
    this.#number = number;
  }

  /** A call of this window has its answer, or will have none. */
  settle(): void {
    this.due--;
    this.#report();
  }

  /** No more calls are made in it. */
  end(): void {
    this.#isOver = true;
    setTimeout(() => {
      this.lost += this.due;
      this.due = 0;
      this.#report();
    }, PATIENCE);
    this.#report();
  }

  #report(): void {
    if (!this.#isOver || this.due > 0 || this.#isTold) return;
    this.#isTold = true;
    const { sent, refused, wrong, lost, ended, latencies, lateness, example } = this;
    const health: Health = {
      window: this.#number,
      sent,
      answered: latencies.count,
      refused,
      wrong,
      lost,
      ended,
      p50: latencies.quantile(0.5),
      p99: latencies.quantile(0.99),
      max: latencies.quantile(1),
      late: lateness.quantile(0.99),
      latest: lateness.quantile(1),
      example,
    };
    tell(health);
  }
}

let windows = 0, current = new Window(windows);

/** The window in which calls are made now. */
export function now(): Window {
  return current;
}

/**
 * Makes calls at times that are fixed beforehand, so many a second, until standard input ends or says
 * anything but `next`, which ends a window and begins another.
 *
 * @param call makes one that was to be made at this time
 */
export async function callAtRate(rate: number, call: (at: number) => void): Promise<never> {
  const interval = 1000 / rate;
  let next = performance.now();
  setInterval(() => {
    for (const now = performance.now(); next <= now; next += interval) call(next);
  }, 1);
  tell("ready");
  for await (const order of orders()) {
    if (order !== "next") break;
    const last = current;
    current = new Window(++windows);
    last.end();
  }
  Deno.exit(0);
}
