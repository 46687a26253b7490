/**
 * One direction of a line within the process: bytes go in at one end and come out at the other, in
 * order, no more of them at a time than a buffer holds, and with the faults that somebody asked for.
 *
 * @module
 */

import { errors } from "../../runtime.ts";
import type { Course } from "./faults.ts";

/** Bytes that are held before the writer has to wait. */
const CAPACITY = 1 << 16;

/** Milliseconds that a timer can wait, more or less at most. */
const LONG = 2 ** 30;

/** Bytes on their way, which arrive together. */
interface Segment {
  bytes: Uint8Array;
  /** When they arrive, by `performance.now()`; later where the segment before them does. */
  readonly due: number;
  next: Segment | undefined;
}

/** One direction: a queue of segments, each of which waits until it is due. */
export class Pipe {
  readonly #course: Course;
  readonly #resetBoth: () => void;
  readonly #reader = new Waiter();
  readonly #writer = new Waiter();
  #first: Segment | undefined;
  #last: Segment | undefined;
  /** Bytes in the queue. */
  #held = 0;
  /** Bytes that went into the queue so far. */
  #sent = 0;
  #state: "open" | "ended" | "unread" | "reset" = "open";

  constructor(course: Course, resetBoth: () => void) {
    this.#course = course;
    this.#resetBoth = resetBoth;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    const { stall, drop, halfClose } = this.#course;
    for (;;) {
      if (this.#state === "reset") throw connectionReset("read");
      const wait = this.#first === undefined ? Infinity : this.#first.due - performance.now();
      if (wait <= 0) return this.#take(buffer);
      if (this.#first === undefined) {
        if (this.#sent === drop) {
          this.#resetBoth();
          continue;
        }
        if (this.#sent === halfClose) return null;
        if (this.#state === "ended" && this.#sent < stall) return null;
      }
      await this.#reader.wait(wait);
    }
  }

  /** Gives one segment, or all that are due where nobody asked for cuts. */
  #take(buffer: Uint8Array): number {
    const wasFull = this.#held === CAPACITY, now = performance.now();
    let count = 0;
    do {
      const first = this.#first!;
      const part = first.bytes.subarray(0, buffer.length - count);
      buffer.set(part, count);
      count += part.length;
      if (part.length === first.bytes.length) this.#first = first.next;
      else first.bytes = first.bytes.subarray(part.length);
    } while (
      !this.#course.cuts && count < buffer.length && this.#first !== undefined &&
      this.#first.due <= now
    );
    this.#held -= count;
    if (wasFull) this.#writer.wake();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { drop, halfClose } = this.#course;
    for (;;) {
      if (this.#state === "reset") throw connectionReset("write");
      if (this.#state !== "open") {
        throw new errors.BrokenPipe(
          this.#state === "ended"
            ? "Cannot write: this end said that no more would come"
            : "Cannot write: the other end is closed",
        );
      }
      if (bytes.length === 0) return 0;
      if (this.#sent >= Math.min(drop, halfClose)) {
        await nextTurn();
        return bytes.length; // sent, and lost
      }
      if (this.#held < CAPACITY) return this.#put(bytes);
      await this.#writer.wait(Infinity);
    }
  }

  /** Takes one segment of the bytes. None goes beyond a place where something happens. */
  #put(bytes: Uint8Array): number {
    const { stall, drop, halfClose } = this.#course, sent = this.#sent;
    const stalled = sent >= stall;
    const size = Math.min(
      bytes.length,
      CAPACITY - this.#held,
      this.#course.segment(),
      Math.min(drop, halfClose, stalled ? Infinity : stall) - sent,
    );
    const segment: Segment = {
      bytes: bytes.slice(0, size), // the buffer is its owner's again
      due: stalled ? Infinity : performance.now() + this.#course.delay(),
      next: undefined,
    };
    if (this.#first === undefined) this.#first = segment;
    else this.#last!.next = segment;
    this.#last = segment;
    this.#held += size;
    this.#sent += size;
    if (this.#first === segment) this.#reader.wake();
    return size;
  }

  /** The writer has said everything. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#reader.wake();
  }

  /** The writer is gone; true where its end can never arrive. */
  stopWriting(): boolean {
    this.#writer.fail(new errors.Interrupted("Cannot write: the socket was closed"));
    this.end();
    return this.#sent >= this.#course.stall;
  }

  /** The reader is gone; true where it left bytes unread. */
  stopReading(): boolean {
    this.#reader.fail(new errors.Interrupted("Cannot read: the socket was closed"));
    const unread = this.#first !== undefined;
    this.#writer.fail(new errors.BrokenPipe("Cannot write: the other end was closed"));
    if (this.#state === "open") this.#state = "unread";
    this.#first = undefined;
    return unread;
  }

  reset(): void {
    this.#state = "reset";
    this.#first = undefined;
    this.#reader.fail(connectionReset("read"));
    this.#writer.fail(connectionReset("write"));
  }
}

function connectionReset(action: string): Error {
  return new errors.ConnectionReset(`Cannot ${action}: the connection was reset`);
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A place for one who waits. */
export class Waiter {
  #waiting: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: ReturnType<typeof setImmediate> | undefined;

  /**
   * Waits to be woken, for so many milliseconds at most. There is a timer even where only waking helps:
   * it keeps the process alive as a socket's read does, and tests learn of a socket that was left open.
   */
  wait(ms: number): Promise<void> {
    if (this.#waiting !== undefined) {
      throw new errors.Busy("Cannot wait: the one before has not ended");
    }
    this.#timer = setTimeout(() => this.#end()?.resolve(), Math.min(ms, LONG));
    return (this.#waiting = Promise.withResolvers()).promise;
  }

  /**
   * Wakes in a later turn of the event loop, as a kernel does: two ends that answered each other within
   * one turn would keep every timer from firing.
   */
  wake(): void {
    if (this.#waiting === undefined) return;
    this.#turn ??= setImmediate(() => this.#end()?.resolve());
  }

  fail(error: Error): void {
    this.#end()?.reject(error);
  }

  #end(): PromiseWithResolvers<void> | undefined {
    const waiting = this.#waiting;
    clearTimeout(this.#timer);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#waiting = this.#timer = this.#turn = undefined;
    return waiting;
  }
}
