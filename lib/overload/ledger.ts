/**
 * Who keeps how much, and runs how much: one account for each connection, and a sum for each caller and
 * for the server.
 *
 * A caller is the identity that a peer has shown; without one the network of its address; and on this
 * machine, where an address says nothing, the connection. Places and memory are shared by callers: who has
 * less than its equal share is never refused for one who has more, and where there is too much of all, the
 * caller that keeps the most loses the connection that keeps the most.
 *
 * @module
 */

import type { Limits } from "../limits.ts";

/** The part of what may be kept beside which one more message always has room. */
const LITTLE = 1 / 4;

/** How many times what may be kept a peer may have sent that it was asked not to: items of many streams. */
const MOST = 2;

/** A connection whose account it is. */
export interface Keeper {
  /** It is to let go of all that it keeps, and of its peer. */
  evict(): void;
  /** Something was let go of that it may have waited for. */
  wake(): void;
}

/** What the connections of one caller have in common. */
interface CallerTotal {
  kept: number;
  running: number;
  readonly accounts: Set<Account>;
}

/** The limits of a ledger. */
export type LedgerLimits = Pick<
  Limits,
  "maxKeptBytes" | "maxKeptBytesPerCaller" | "maxBufferedBytes" | "maxRunning"
>;

/** What is charged with the bytes that are kept for a peer. */
export type Keeping = Pick<Account, "hold" | "keep" | "keepsLittle" | "release">;

/** The account of one connection. Bytes are those of V8's heap, as far as they can be told. */
export class Account {
  /** Bytes that are kept for its peer. */
  kept = 0;
  /** Calls of its peer that run and have not answered at once; streams are counted by their bytes. */
  running = 0;
  /** Whose it is; nobody is told anything without it. */
  keeper: Keeper | undefined;
  readonly #ledger: Ledger;
  #key: unknown;
  /** What its caller has in all; undefined until there is anything. */
  #known: CallerTotal | undefined;
  #isClosed = false;

  /** Made by {@linkcode Ledger.open}. */
  constructor(ledger: Ledger, key: unknown) {
    this.#ledger = ledger;
    this.#key = key ?? this;
  }

  get #total(): CallerTotal {
    return this.#known ??= this.#ledger.totalOf(this, this.#key);
  }

  /** So many bytes more are kept. */
  keep(bytes: number): void {
    if (bytes === 0 || this.#isClosed) return;
    const total = this.#total;
    if (total.kept === 0) this.#ledger.keepers++;
    this.kept += bytes;
    total.kept += bytes;
    this.#ledger.keep(bytes);
  }

  /** So many bytes less are kept. */
  release(bytes: number): void {
    if (bytes === 0 || this.kept === 0) return;
    const total = this.#total, wasOver = this.#ledger.isOver(total);
    const { maxKeptBytes } = this.#ledger.limits, wasOwnOver = this.kept > maxKeptBytes;
    this.kept -= bytes;
    total.kept -= bytes;
    this.#ledger.kept -= bytes;
    if (total.kept === 0) this.#ledger.keepers--;
    if (wasOver && !this.#ledger.isOver(total)) {
      for (const account of total.accounts) account.keeper?.wake();
    } else if (wasOwnOver && this.kept <= maxKeptBytes) this.keeper?.wake();
  }

  /**
   * So many bytes more, or less, are kept.
   *
   * @returns whether a peer may send more than it was asked not to: it keeps no more than twice what it may,
   * and its caller no more than a caller may. Where little was kept before, one message has room in any case:
   * its length has a limit of its own
   */
  hold(bytes: number): boolean {
    const { keepsLittle } = this;
    if (bytes > 0) this.keep(bytes);
    else this.release(-bytes);
    if (keepsLittle) return true;
    return this.kept <= MOST * this.#ledger.limits.maxKeptBytes &&
      !this.#ledger.isOver(this.#total);
  }

  /** Whether so little is kept for it that more may be asked for before it is needed. */
  get keepsLittle(): boolean {
    return this.kept <= this.#ledger.limits.maxKeptBytes * LITTLE;
  }

  /** A call runs that has not answered at once. */
  begin(): void {
    const total = this.#total;
    if (total.running++ === 0) this.#ledger.runners++;
    this.running++;
    this.#ledger.running++;
  }

  /** It has ended. */
  end(): void {
    const total = this.#total;
    if (--total.running === 0) this.#ledger.runners--;
    this.running--;
    this.#ledger.running--;
    if (this.#isClosed) this.#leave();
  }

  /** A stream of its peer runs. It takes no place of a call's. */
  beginStream(): void {
    this.#ledger.streams++;
  }

  /** It has ended. */
  endStream(): void {
    this.#ledger.streams--;
  }

  /**
   * Whether so much is kept for it that no more is to be begun. Of what a caller may keep in all its
   * connections have equal shares.
   */
  get isOver(): boolean {
    return this.isOverBeside(0);
  }

  /** The same without so many bytes of what is kept for it. */
  isOverBeside(bytes: number): boolean {
    const kept = this.kept - bytes, { maxKeptBytes, maxKeptBytesPerCaller } = this.#ledger.limits;
    if (kept <= 0 || kept > maxKeptBytes) return kept > 0;
    const total = this.#total, all = total.kept - bytes;
    return all > maxKeptBytesPerCaller && kept * total.accounts.size >= all;
  }

  /** Whether all places are taken, and its caller has its share of them. */
  get isCrowded(): boolean {
    const { limits: { maxRunning }, running, runners } = this.#ledger;
    if (running < maxRunning) return false;
    const own = this.#total.running;
    return own * (own === 0 ? runners + 1 : runners) >= maxRunning;
  }

  /** Whether its caller keeps its share of all that is kept, or more. */
  get isHeavy(): boolean {
    if (this.kept === 0) return false;
    return this.#total.kept * this.#ledger.keepers >= this.#ledger.kept;
  }

  /**
   * Its peer has shown who it is: from now on it counts as one of that caller's.
   *
   * @param key its caller; undefined where that is the connection itself
   */
  moveTo(key: unknown = this): void {
    const { kept, running } = this;
    this.release(kept);
    for (let i = 0; i < running; i++) this.end();
    this.#leave();
    this.#key = key;
    this.keep(kept);
    for (let i = 0; i < running; i++) this.begin();
  }

  /** The connection has ended: nothing is kept for it any more. What runs is counted until it has ended. */
  close(): void {
    this.release(this.kept);
    this.#isClosed = true;
    this.#leave();
  }

  #leave(): void {
    if (this.#known === undefined || this.running > 0) return;
    this.#ledger.forget(this, this.#key, this.#known);
    this.#known = undefined;
  }

  /** Lets go of everything; see {@linkcode Keeper.evict}. */
  evict(): void {
    this.keeper?.evict();
  }
}

/** The accounts of a server, or of a line. */
export class Ledger {
  readonly limits: LedgerLimits;
  /** Bytes that may be kept in all: less than the limit where V8's heap is small. */
  maxBuffered: number;
  /** Bytes that are kept, and calls that run, in all; and how many callers have any. */
  kept = 0;
  running = 0;
  keepers = 0;
  runners = 0;
  /** Streams that run, in all. */
  streams = 0;
  /** Bytes that were kept, for however long, since somebody set this to 0; and who is told of them. */
  taken = 0;
  onTaken: (bytes: number) => void = () => {};
  readonly #totals = new Map<unknown, CallerTotal>();

  constructor(limits: LedgerLimits) {
    this.limits = limits;
    this.maxBuffered = limits.maxBufferedBytes;
  }

  /**
   * An account for one connection.
   *
   * @param key its caller; undefined where that is the connection itself
   */
  open(key?: unknown): Account {
    return new Account(this, key);
  }

  /** The sums of the caller with this key, of which this account is one from now on. */
  totalOf(account: Account, key: unknown): CallerTotal {
    let total = this.#totals.get(key);
    if (total === undefined) {
      this.#totals.set(key, total = { kept: 0, running: 0, accounts: new Set() });
    }
    total.accounts.add(account);
    return total;
  }

  /** This account is none of that caller's any more. */
  forget(account: Account, key: unknown, total: CallerTotal): void {
    total.accounts.delete(account);
    if (total.accounts.size === 0) this.#totals.delete(key);
  }

  /** The callers that have kept or run anything, and are still connected. */
  get callers(): Iterable<Readonly<CallerTotal>> {
    return this.#totals.values();
  }

  /** Whether this caller keeps more than a caller may. */
  isOver({ kept }: Pick<CallerTotal, "kept">): boolean {
    return kept > Math.min(this.limits.maxKeptBytesPerCaller, this.maxBuffered);
  }

  /** So many bytes more are kept; past the limit who keeps the most is evicted. */
  keep(bytes: number): void {
    this.kept += bytes;
    this.taken += bytes;
    this.onTaken(this.taken);
    if (this.kept > this.maxBuffered) this.evict();
  }

  /** Evicts until so much is kept as may be. */
  evict(): void {
    while (this.kept > this.maxBuffered && this.evictHeaviest());
  }

  /** Of the caller that keeps the most the connection that keeps the most; false if none keeps anything. */
  evictHeaviest(): boolean {
    let heaviest: CallerTotal | undefined;
    for (const total of this.#totals.values()) {
      if (total.kept > (heaviest?.kept ?? 0)) heaviest = total;
    }
    let most: Account | undefined;
    for (const account of heaviest?.accounts ?? []) {
      if (account.kept > (most?.kept ?? 0)) most = account;
    }
    const before = most?.kept ?? 0;
    most?.evict();
    return most !== undefined && most.kept < before;
  }
}
