// One seeded clock and scheduler instead of the runtime's: within `World.run()` no time passes but the
// world's, nothing is random but by its seed, and it decides what comes first among what could.
//
// A turn of the world is a turn of the real event loop, so that promises settle between two of them as
// they always do, and a rejection that nobody has handled by then is seen as the runtime sees it. When
// nothing can go on, the clock jumps to the next timer.

import { createHash } from "node:crypto";
import { Dice } from "../support/dice.ts";

const realTurn = setImmediate;

/** Something that is to be called back: in one of the next turns, or when it is due. */
interface Pending {
  readonly number: number;
  readonly due: number;
  readonly callback: () => void;
}

/** A member of an object of the runtime, and what stands in its place. */
type Replacement = readonly [object: object, name: string, value: unknown];

/** What ends a world that does not end by itself. */
export interface Bounds {
  /** Milliseconds of the world's time. */
  readonly ms: number;
  readonly turns: number;
}

/** A clock, a scheduler, and what they did. */
export class World {
  readonly dice: Dice;
  /** When something happened, and what; a number is a callback's. Mostly nobody wants to read it. */
  readonly #log: (readonly [ms: number, what: string | number])[] = [];
  /** What must not happen, and did. */
  readonly violations: string[] = [];
  /** Milliseconds since the world began. */
  now = 0;
  /** Milliseconds for which the process stood still, as it does when it is suspended. */
  stoodStill = 0;
  turns = 0;
  /** Told after each turn. */
  onTurn: () => void = () => {};
  #lastNumber = 0;
  readonly #turns: Pending[] = [];
  readonly #timers: Pending[] = [];

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** Writes a line into the trace. */
  note(what: string | number): void {
    this.#log.push([this.now, what]);
  }

  /** What happened, line by line: the same for the same seed. */
  get trace(): string[] {
    return this.#log.map(([ms, what]) =>
      `${ms.toFixed(2)} ${typeof what === "number" ? `#${what}` : what}`
    );
  }

  /** Something is wrong. */
  violate(what: string): void {
    this.note(`VIOLATION ${what}`);
    this.violations.push(what);
  }

  /** How many callbacks are still to come. */
  get pending(): number {
    return this.#turns.length + this.#timers.length;
  }

  /** So much of the world's time passes. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#after(resolve, ms));
  }

  /**
   * Runs until what was begun has ended, and then until nothing is left to happen. Resolves to what did not
   * come within the bounds; undefined where all did.
   */
  async run(
    begin: () => Promise<void>,
    bounds: Bounds,
    others: readonly Replacement[] = [],
  ): Promise<"stuck" | "left over" | undefined> {
    using _runtime = this.#takeOver(others);
    let isDone = false;
    begin().catch((error) => this.violate(`the world failed: ${error?.stack ?? error}`))
      .then(() => isDone = true);
    for (;;) {
      await new Promise((resolve) => void realTurn(resolve));
      if (this.pending === 0) return isDone ? undefined : "stuck";
      if (this.now > bounds.ms || this.turns > bounds.turns) return isDone ? "left over" : "stuck";
      this.#turn();
    }
  }

  #turn(): void {
    this.turns++;
    const next = this.#take();
    this.note(next.number);
    try {
      next.callback();
    } catch (error) {
      this.violate(`a callback threw ${error}`);
    }
    this.onTurn();
  }

  /** The next that is called back: of those that could be it is chance that decides. */
  #take(): Pending {
    const { dice } = this;
    // Now and then work takes time, and seldom the whole process stands still for long.
    if (dice.chance(10)) this.now += dice.int(1, 100) / 100;
    else if (dice.bits() % 2000 === 0) {
      const ms = dice.int(10, 2000);
      this.stoodStill += ms;
      this.now += ms;
    }
    const first = this.#firstDue();
    if (this.#turns.length === 0) this.now = Math.max(this.now, first);
    // Timers come in the order in which they are due; those due together come as they like.
    const due = first <= this.now ? this.#timers.filter((timer) => timer.due === first) : [];
    const at = dice.int(0, this.#turns.length + due.length - 1);
    if (at < this.#turns.length) return this.#turns.splice(at, 1)[0]!;
    const chosen = due[at - this.#turns.length]!;
    this.#timers.splice(this.#timers.indexOf(chosen), 1);
    return chosen;
  }

  #firstDue(): number {
    let first = Infinity;
    for (const { due } of this.#timers) if (due < first) first = due;
    return first;
  }

  #after(callback: () => void, ms = 0, number = ++this.#lastNumber): number {
    // As the runtime does: whole milliseconds, one at least, and at once beyond what it can count to.
    const wait = ms >= 1 && ms < 2 ** 31 ? Math.floor(ms) : 1;
    this.#timers.push({ number, due: this.now + wait, callback });
    return number;
  }

  #forget(list: Pending[], number: unknown): void {
    const at = list.findIndex((it) => it.number === number);
    if (at >= 0) list.splice(at, 1);
  }

  /** Puts the world in the place of the runtime; gives it back at the end. */
  #takeOver(others: readonly Replacement[]): Disposable {
    const { dice } = this;
    const bytes = (array: Uint8Array) => {
      for (let i = 0; i < array.length; i++) array[i] = dice.bits();
      return array;
    };
    const uuid = () => "00000000-0000-4000-8000-" + dice.bits().toString(16).padStart(12, "0");
    const rejected = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      this.violate(`nobody handled the rejection ${event.reason}`);
    };
    const thrown = (event: ErrorEvent) => {
      event.preventDefault();
      this.violate(`nobody caught ${event.error}`);
    };
    const replacements: Replacement[] = [
      [
        globalThis,
        "setTimeout",
        (callback: (...rest: unknown[]) => void, ms?: number, ...rest: unknown[]) =>
          this.#after(() => callback(...rest), ms),
      ],
      [globalThis, "clearTimeout", (number?: number) => this.#forget(this.#timers, number)],
      [globalThis, "setImmediate", (callback: () => void) => {
        const number = ++this.#lastNumber;
        this.#turns.push({ number, due: 0, callback });
        return { number };
      }],
      [
        globalThis,
        "clearImmediate",
        (it?: { number: number }) => this.#forget(this.#turns, it?.number),
      ],
      [globalThis, "setInterval", (callback: () => void, ms?: number) => {
        const number = ++this.#lastNumber;
        const again = () => {
          this.#after(again, ms, number); // first: the callback may clear it
          callback();
        };
        return this.#after(again, ms, number);
      }],
      [globalThis, "clearInterval", (number?: number) => this.#forget(this.#timers, number)],
      [performance, "now", () => this.now],
      [Date, "now", () => EPOCH + Math.floor(this.now)],
      [Math, "random", () => dice.bits() / 2 ** 32],
      [crypto, "getRandomValues", bytes],
      [crypto, "randomUUID", uuid],
      // The runtime has threads for it, and a world has none.
      [crypto.subtle, "digest", (_: string, data: Uint8Array) => Promise.resolve(sha1(data))],
      [Deno, "unrefTimer", () => {}],
      [Deno, "refTimer", () => {}],
      // What a program may do must not change what a seed does.
      [Deno.permissions, "querySync", () => ({ state: "granted" })],
      [AbortSignal, "timeout", (ms: number) => {
        const controller = new AbortController();
        this.#after(
          () => controller.abort(new DOMException("Signal timed out", "TimeoutError")),
          ms,
        );
        return controller.signal;
      }],
      ...others,
    ];
    const saved = replacements.map(([object, name, value]) => {
      const before = Object.getOwnPropertyDescriptor(object, name);
      Object.defineProperty(object, name, { value, configurable: true, writable: true });
      return () => {
        if (before === undefined) Reflect.deleteProperty(object, name);
        else Object.defineProperty(object, name, before);
      };
    });
    globalThis.addEventListener("unhandledrejection", rejected);
    globalThis.addEventListener("error", thrown);
    return {
      [Symbol.dispose]() {
        for (const restore of saved) restore();
        globalThis.removeEventListener("unhandledrejection", rejected);
        globalThis.removeEventListener("error", thrown);
      },
    };
  }
}

/** The only digest that is made here, of the key of a WebSocket. */
function sha1(data: Uint8Array): ArrayBuffer {
  return new Uint8Array(createHash("sha1").update(data).digest()).buffer;
}

/** The wall clock at the beginning of every world: 2025-01-01T00:00:00Z. */
const EPOCH = 1_735_689_600_000;
