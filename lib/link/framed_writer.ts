/**
 * The one writer of a connection: whole frames, in order, as few writes as possible.
 *
 * Everything that is queued before the current turn ends goes out in one write, and what is queued
 * while a write is under way goes out in the next.
 *
 * @module
 */

import type { PeerCertificate } from "../api/context.ts";
import type { Framing } from "../framing/mod.ts";

/** Bytes both ways: what reading and writing need of a socket. */
export interface Duplex {
  /** Reads into a buffer; resolves to the bytes read, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of these bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that no more bytes will come, where the transport can. */
  closeWrite?(): Promise<void>;
  /** Lets a read that waits keep the process alive, as it does at first. */
  ref?(): void;
  /** Lets the process end although a read waits. */
  unref?(): void;
  /** Lets go of it; a pending read or write rejects. The promise is for what takes a while. */
  close(): void | Promise<void>;
}

/** One end of a connection. */
export interface Socket extends Duplex {
  /** The address of the other end. */
  readonly remote: string;
  /** The address of this end. */
  readonly local: string;
  /** Whether it carries datagrams: each is one line, and any of them may be lost. */
  readonly datagrams?: boolean;
  /** Whether it may be silent for as long as it likes: the other end is our parent or our child. */
  readonly lasting?: boolean;
  /** The certificate of the other end, where it has shown one that is trusted. */
  readonly certificate?: PeerCertificate;
}

/** A write takes at most about this much, so that a huge queue is not encoded at once. */
const MAX_WRITE = 1 << 18;

/** How many of those who read much may keep their large buffer while they wait: 8 MiB in all. */
const MAX_KEPT = 32;

/** Buffers that are lent for as long as one write takes, or the reading of a large message. */
export class BufferPool {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #kept = 0;

  /** A buffer of at least so many bytes. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findLastIndex(({ length }) => length >= bytes);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    return new Uint8Array(Math.max(bytes, 1 << 14));
  }

  /** Gives it back: it is kept for the next, or its memory is returned at once. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length <= MAX_WRITE && this.#free.length < 64) this.#free.push(buffer);
    else buffer.buffer.transfer(0);
  }

  /** Asks to keep one for longer than that; false where too many do. */
  keep(): boolean {
    if (this.#kept === MAX_KEPT) return false;
    this.#kept++;
    return true;
  }

  /** It is kept no longer. */
  unkeep(): void {
    this.#kept--;
  }
}

/** What a {@linkcode Writer} needs of its connection. */
export interface WriterHost {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** A write failed: the peer is gone. */
  onGone(error: unknown): void;
  /** The queue fell to its low mark, or is empty. */
  onRoom(): void;
}

/** Queues the texts of messages and writes them. */
export class Writer {
  readonly #duplex: Duplex;
  readonly #pool: BufferPool;
  readonly #host: WriterHost;
  #framing: Framing;
  #queue: string[] = [];
  #queued = 0;
  #writing = 0;
  /** The buffer of the write that is under way. */
  #lent: Uint8Array<ArrayBuffer> | undefined;
  #pump: Promise<void> | undefined;
  #dead = false;
  /** When the write that is under way last made progress; undefined while there is none. */
  waitingSince: number | undefined;
  /** Messages that were queued, and messages whose bytes were handed to the socket. */
  queuedCount = 0;
  sentCount = 0;

  constructor(duplex: Duplex, framing: Framing, pool: BufferPool, host: WriterHost) {
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
  get waiting(): number {
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
          this.waitingSince = this.#host.now();
          written += await this.#duplex.write(written === 0 ? bytes : bytes.subarray(written));
        }
        this.#writing = 0;
        this.waitingSince = undefined;
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
    this.waitingSince = undefined;
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
