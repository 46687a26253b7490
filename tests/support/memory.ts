// Sockets without a system: a script that is read, and a pair of pipes.

import type { Duplex } from "../../lib/transport/socket.ts";
import { join } from "./raw.ts";

/** A peer that sends these chunks, each in one read, and then nothing more; what it got is kept. */
export class Script implements Duplex {
  readonly #chunks: Iterator<Uint8Array>;
  readonly #end = Promise.withResolvers<void>();
  readonly #taken: Uint8Array[] = [];
  #rest: Uint8Array | undefined;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** Resolves when the other end has let go. */
  get closed(): Promise<void> {
    return this.#end.promise;
  }

  /** What was written so far, as one. */
  get written(): Uint8Array<ArrayBuffer> {
    return join(this.#taken);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const chunk = this.#rest ?? this.#chunks.next().value;
    if (chunk === undefined) return Promise.resolve(null);
    const count = Math.min(buffer.length, chunk.length);
    buffer.set(chunk.subarray(0, count));
    this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#taken.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#end.resolve();
  }
}

/** What a {@linkcode pipe} hands over. */
export interface PipeOptions {
  /** Bytes that one read gives at most. */
  readonly read?: number;
  /** Bytes that one write takes at most. */
  readonly write?: number;
  /** Bytes that lie between the two ends at most. */
  readonly room?: number;
}

/** Bytes on their way from one end to the other. */
class Way {
  readonly #options: Required<PipeOptions>;
  #bytes: Uint8Array;
  #from = 0;
  #to = 0;
  #ended = false;
  #left = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: Required<PipeOptions>) {
    this.#options = options;
    this.#bytes = new Uint8Array(options.room);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#left) throw new Deno.errors.Interrupted("operation canceled");
      if (this.#from < this.#to) break;
      if (this.#ended) return null;
      await this.#changed.promise;
    }
    const count = Math.min(buffer.length, this.#options.read, this.#to - this.#from);
    buffer.set(this.#bytes.subarray(this.#from, this.#from + count));
    this.#from += count;
    if (this.#from === this.#to) {
      this.#from = this.#to = 0;
      this.#change();
    }
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#left || this.#ended) throw new Deno.errors.BrokenPipe("Broken pipe");
      if (this.#to < this.#bytes.length) break;
      await this.#changed.promise;
    }
    const count = Math.min(bytes.length, this.#options.write, this.#bytes.length - this.#to);
    this.#bytes.set(bytes.subarray(0, count), this.#to);
    this.#to += count;
    this.#change();
    return count;
  }

  /** Nothing more is written; what is on its way still arrives. */
  end(): void {
    this.#ended = true;
    this.#change();
  }

  /** Nothing more is read: what is on its way is lost, and who writes finds nobody. */
  leave(): void {
    this.#left = true;
    this.#change();
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}

/** One end of a pair of pipes, which behaves as a TCP socket does. */
class End implements Duplex {
  readonly #in: Way;
  readonly #out: Way;
  #closed = false;

  constructor(input: Way, output: Way) {
    this.#in = input;
    this.#out = output;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#in.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#out.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#out.end();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.#closed = true;
    this.#out.end();
    this.#in.leave();
  }
}

/** Two ends, connected. */
export function pipe({ read = Infinity, write = Infinity, room = 1 << 16 }: PipeOptions = {}): [
  Duplex,
  Duplex,
] {
  const options = { read, write, room };
  const there = new Way(options), back = new Way(options);
  return [new End(back, there), new End(there, back)];
}
