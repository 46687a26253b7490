/**
 * The one writer of a connection: whole frames, in order, as few writes as possible.
 *
 * Everything that is queued before the current turn ends goes out in one write, and what is queued
 * while a write is under way goes out in the next.
 *
 * @module
 */

import type { Framing } from "../framing/mod.ts";
import type { Duplex } from "../transport/socket.ts";
import { type BufferPool, MAX_WRITE } from "./buffer_pool.ts";

/** What a {@linkcode FramedWriter} needs of its connection. */
export interface FramedWriterHost {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** A write failed: the peer is gone. */
  onGone(error: unknown): void;
  /** The queue fell to its low mark, or is empty. */
  onRoom(): void;
}

/** Queues the texts of messages and writes them. */
export class FramedWriter {
  readonly #duplex: Duplex;
  readonly #pool: BufferPool;
  readonly #host: FramedWriterHost;
  #framing: Framing;
  #queue: string[] = [];
  #queued = 0;
  #writing = 0;
  /** The buffer of the write that is under way. */
  #lent: Uint8Array<ArrayBuffer> | undefined;
  #pump: Promise<void> | undefined;
  #dead = false;
  /** When the write that is under way last made progress; undefined while there is none. */
  writingSince: number | undefined;
  /** Messages that were queued, and messages whose bytes were handed to the socket. */
  queuedCount = 0;
  sentCount = 0;

  constructor(duplex: Duplex, framing: Framing, pool: BufferPool, host: FramedWriterHost) {
    this.#duplex = duplex;
    this.#framing = framing;
    this.#pool = pool;
    this.#host = host;
  }

  /** What frames are made with; set before the first message. */
  set framing(framing: Framing) {
    this.#framing = framing;
  }

  /** Bytes that wait: text that is not encoded yet counts by its length. */
  get queuedBytes(): number {
    return this.#queued + this.#writing;
  }

  /** Queues the text of one message. */
  push(text: string): void {
    if (this.#dead) return;
    this.#queue.push(text);
    this.#queued += text.length;
    this.queuedCount++;
    this.#pump ??= this.#run();
  }

  /** Resolves when everything that was queued is written, or can never be. */
  async drained(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump;
  }

  /** Writes bytes that are no frame, on a connection that has sent nothing. */
  raw(bytes: Uint8Array): void {
    this.#pump = this.#run(bytes);
  }

  /** Forgets what is queued: the socket is gone. */
  stop(): void {
    this.#dead = true;
    this.#queue = [];
    this.#queued = 0;
  }

  /** Writes until nothing is queued. One function and no smaller ones: each would be a promise a write. */
  async #run(first?: Uint8Array): Promise<void> {
    await undefined; // what is queued in the same turn goes along
    try {
      for (let bytes = first ?? this.#encode(); bytes !== undefined; bytes = this.#encode()) {
        for (let written = 0; written < bytes.length && !this.#dead;) {
          this.#writing = bytes.length - written;
          this.writingSince = this.#host.now();
          written += await this.#duplex.write(written === 0 ? bytes : bytes.subarray(written));
        }
        this.#writing = 0;
        this.writingSince = undefined;
        if (this.#lent !== undefined) this.#pool.give(this.#lent);
        this.#lent = undefined;
        await undefined; // and what comes with the answer to it
        if (this.#queue.length > 0) this.#host.onRoom();
      }
    } catch (error) {
      if (!this.#dead) {
        this.stop();
        this.#host.onGone(error);
      }
    }
    this.#pump = undefined;
    this.#writing = 0;
    this.writingSince = undefined;
    this.#host.onRoom();
  }

  /** The bytes of the next messages; undefined where there are none. */
  #encode(): Uint8Array | undefined {
    if (this.#queue.length === 0) return undefined;
    const messages = this.#next();
    this.sentCount += messages.length;
    return this.#framing.encode(messages, (size) => this.#lent ??= this.#pool.take(size));
  }

  /** The next messages to write: all of them, unless they are very many. */
  #next(): string[] {
    const queue = this.#queue;
    if (this.#queued <= MAX_WRITE) {
      this.#queue = [];
      this.#queued = 0;
      return queue;
    }
    let size = 0, count = 0;
    while (count < queue.length && size < MAX_WRITE) size += queue[count++]!.length;
    this.#queued -= size;
    return queue.splice(0, count);
  }
}
