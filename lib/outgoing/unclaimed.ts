/**
 * What the peer says without an id: an error, because it could not read what we sent, or something that we
 * cannot read. It may be about a call that waits, and would wait for ever; or about a notification.
 *
 * Each message of ours causes at most one of them. Once there are as many of them as there are messages
 * that may have caused one, each call among these has got its answer. Until then it is not known whose it
 * was.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import type { Call } from "./call.ts";
import type { CallTable } from "./call_table.ts";

/** How many errors are kept; of those before only the number is known. */
const MAX_KEPT = 64;

/** What came without an id on one connection, while it is not known which calls it is about. */
export class Unclaimed {
  readonly #pending: CallTable<Call>;
  readonly #fail: (call: Call, error: RpcError) => void;
  readonly #errors: RpcError[] = [];
  #count = 0;
  /** How many it takes, at least: nothing is looked at before. */
  #needed = 0;
  /** The last message that they may be about. */
  #sent = 0;
  /** Notifications that went out after calls which still wait, and the last of those calls. */
  #notifications = 0;
  #notifiedAfter = 0;
  /** Control messages and calls that were given up, and the last call before them. */
  #controls = 0;
  #controlledAfter = 0;
  /** The last call that was answered: the peer has read what we sent before it. */
  #answered = 0;

  /** @param fail ends a call of those that wait with what came */
  constructor(pending: CallTable<Call>, fail: (call: Call, error: RpcError) => void) {
    this.#pending = pending;
    this.#fail = fail;
  }

  /** A notification goes out. By the rules it gets no answer; an error behind it may be about it all the same. */
  onNotification(): void {
    const [oldest] = this.#pending;
    if (oldest === undefined || oldest.id > this.#notifiedAfter) this.#notifications = 0;
    this.#notifications++;
    this.#notifiedAfter = this.#pending.lastId;
  }

  /**
   * A control message goes out, which many a peer does not know.
   *
   * @param count with the call that it gives up: its answer may have no id either
   */
  onControl(count: number): void {
    if (this.#answered > this.#controlledAfter) this.#controls = 0;
    this.#controls += count;
    this.#controlledAfter = this.#pending.lastId;
  }

  /** A call was answered: what came before was not about it. */
  onAnswer(id: number): void {
    if (id > this.#answered) this.#answered = id;
    if (this.#count > 0 && this.#count >= --this.#needed) this.#claim();
  }

  /**
   * Something came.
   *
   * @param sent the last message that has left: it is about none behind that
   * @returns whether it has ended calls; otherwise it may be about something else
   */
  add(error: RpcError, sent: number): boolean {
    this.#count++;
    this.#errors.push(error);
    if (this.#errors.length > MAX_KEPT) this.#errors.shift();
    this.#sent = sent;
    return this.#count >= this.#needed && this.#claim();
  }

  #claim(): boolean {
    const waiting = [...this.#pending].filter(({ order }) => order <= this.#sent);
    const [first] = waiting;
    if (first === undefined) {
      this.#controls = Math.max(0, this.#controls - this.#count);
      this.#clear();
      return false;
    }
    const messages = new Set(waiting.map(({ order }) => order)); // a batch is one message
    const notifications = first.id <= this.#notifiedAfter ? this.#notifications : 0;
    const controls = this.#answered <= this.#controlledAfter ? this.#controls : 0;
    this.#needed = messages.size + notifications + controls;
    if (this.#count < this.#needed) return false;
    // They came in the order of our messages, if the peer reads them so.
    const errors = [...this.#errors], places = new Map<number, number>();
    for (const order of messages) places.set(order, places.size - messages.size);
    this.#notifications = this.#controls = 0;
    this.#clear();
    for (const call of waiting) this.#fail(call, errors.at(places.get(call.order)!) ?? errors[0]!);
    return true;
  }

  #clear(): void {
    this.#errors.length = this.#count = this.#needed = 0;
  }
}
