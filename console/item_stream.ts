/**
 * The items of one call, in both directions, under credit: what was given, what is on the way, what is held.
 * It knows nothing of the page and of the socket.
 *
 * @module
 */

/** One item that came. */
export interface Item {
  readonly value: unknown;
  readonly eventId: string | undefined;
}

/** Items that are held at most: a server that keeps to its credit never has so many on the way. */
const MAX_HELD = 100_000;

/** The items that come. */
export class ItemStream {
  readonly #grant: (count: number) => void;
  /** Items that may be on the way at once. */
  window: number;
  /** Credit that was given in all, and items that came. */
  given: number;
  arrived = 0;
  /** Items that came without credit: the server breaks the rules. */
  beyond = 0;
  /** Items that were given up, because too many came without credit. */
  dropped = 0;
  isPaused = false;
  /** The last event, to go on after. */
  lastEventId: string | undefined;
  #held: Item[] = [];
  /** Items that were taken and for which no new credit was given. */
  #owed = 0;

  /** @param grant gives the server more credit @param window the first credit */
  constructor(window: number, grant: (count: number) => void) {
    this.window = this.given = window;
    this.#grant = grant;
  }

  /** Credit that the server has: so many items may be on the way. */
  get onTheWay(): number {
    return Math.max(0, this.given - this.arrived);
  }

  /** Items that came and were not taken. */
  get held(): number {
    return this.#held.length;
  }

  /** Items have come. */
  push(values: readonly unknown[], eventIds: readonly unknown[] | undefined): void {
    for (const [index, value] of values.entries()) {
      const eventId = eventIds?.[index];
      const id = typeof eventId === "string" ? eventId : undefined;
      if (id !== undefined) this.lastEventId = id;
      if (this.#held.length < MAX_HELD) this.#held.push({ value, eventId: id });
      else this.dropped++;
    }
    this.arrived += values.length;
    this.beyond = Math.max(this.beyond, this.arrived - this.given);
  }

  /** Takes what is held, unless it is paused; the server gets new credit for it. */
  take(): readonly Item[] {
    if (this.isPaused || this.#held.length === 0) return [];
    const items = this.#held;
    this.#held = [];
    this.#owed += items.length;
    this.#settle();
    return items;
  }

  /** Takes one item while it is paused; there is credit for one more. */
  takeOne(): readonly Item[] {
    const items = this.#held.splice(0, 1);
    this.#owed += items.length;
    if (items.length > 0 || this.onTheWay === 0) this.#give(1);
    return items;
  }

  /** Takes whatever is there, at the end: no credit is given for it. */
  takeRest(): readonly Item[] {
    return this.#held.splice(0);
  }

  /** Grants in halves of the window, so that a message of credit is good for many items. */
  #settle(): void {
    const missing = Math.min(this.#owed, this.window - this.onTheWay);
    if (missing > 0 && (missing >= this.window / 2 || this.onTheWay === 0)) this.#give(missing);
  }

  #give(count: number): void {
    this.#owed = Math.max(0, this.#owed - count);
    this.given += count;
    this.#grant(count);
  }
}

/** The items that the page sends. */
export class ItemSender {
  readonly #send: (values: readonly unknown[]) => void;
  readonly #end: () => void;
  #waiting: unknown[] = [];
  /** Lengths of what was sent and not granted anew. */
  #sizes: number[] = [];
  #unpaid = 0;
  #bytes = Infinity;
  #isFirst = true;
  credit = 0;
  sent = 0;
  hasEnded = false;
  #endsNext = false;

  constructor(send: (values: readonly unknown[]) => void, end: () => void) {
    this.#send = send;
    this.#end = end;
  }

  /** Items that wait for credit. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The server takes so many more. */
  grant(count: number, bytes: unknown): void {
    if (this.#isFirst && typeof bytes === "number") this.#bytes = bytes;
    if (!this.#isFirst) {
      for (const size of this.#sizes.splice(0, count)) this.#unpaid -= size;
    }
    this.#isFirst = false;
    this.credit += count;
    this.#flush();
  }

  /** Sends these as there is credit for them. */
  push(values: readonly unknown[]): void {
    this.#waiting = this.#waiting.concat(values);
    this.#flush();
  }

  /** There are no more items. */
  end(): void {
    this.#endsNext = true;
    this.#flush();
  }

  #flush(): void {
    const now: unknown[] = [];
    while (this.#waiting.length > 0 && this.credit > 0 && this.#unpaid <= this.#bytes / 2) {
      const value = this.#waiting.shift(), size = JSON.stringify(value)?.length ?? 4;
      now.push(value);
      this.#sizes.push(size);
      this.#unpaid += size;
      this.credit--;
    }
    if (now.length > 0) {
      this.sent += now.length;
      this.#send(now);
    }
    if (this.#endsNext && this.#waiting.length === 0 && !this.hasEnded) {
      this.hasEnded = true;
      this.#end();
    }
  }
}
