/**
 * `memory:name`: two ends in one process that behave like a socket's, with faults on the way where a
 * test asks for them.
 *
 * @module
 */

import { attempt, errors } from "../../runtime.ts";
import { type Address, badAddress } from "../address.ts";
import { type Course, coursesOf, entriesOf, fromQuery, type NetworkFaults } from "./faults.ts";
import { nextTurn, Pipe, Waiter } from "./pipe.ts";
import type { Listener, Socket, Transport } from "../socket.ts";

/**
 * Who listens under which name. This is to names what the kernel's table is to ports: by its nature
 * there is one for all, and only listening and closing change it.
 */
const LISTENERS = new Map<string, MemoryListener>();

/** Two ends in one process. */
export const memory: Transport = {
  listen(address): Listener {
    if (address.query.size > 0) {
      throw badAddress(address.text, "faults belong to the address that is dialled");
    }
    // No name is here what port 0 is to TCP.
    return new MemoryListener(nameOf(address) || crypto.randomUUID());
  },
  async dial(address, { signal }) {
    const name = nameOf(address);
    const { up, down } = coursesOf(
      fromQuery(address.query),
      (why) => badAddress(address.text, why),
    );
    signal?.throwIfAborted();
    const listener = LISTENERS.get(name);
    if (listener === undefined) {
      throw new errors.ConnectionRefused(
        `Cannot connect to ${format(name)}: nobody listens there`,
      );
    }
    const [near, far] = join(up, down, listener.address);
    listener.call(far);
    await nextTurn(); // for the same reason as Waiter.wake()
    return near;
  },
};

function nameOf({ hostname, path, text }: Address): string {
  if (hostname === "" && !path.startsWith("/")) return path;
  throw badAddress(text, "a memory address has no slash after the colon: memory:name");
}

function format(name: string): string {
  return `memory:${encodeURIComponent(name)}`;
}

class MemoryListener implements Listener {
  readonly address: string;
  readonly #name: string;
  readonly #callers: MemorySocket[] = [];
  readonly #acceptor = new Waiter();
  #closed = false;

  constructor(name: string) {
    this.#name = name;
    this.address = format(name);
    if (LISTENERS.has(name)) {
      throw new errors.AddrInUse(`Cannot listen at ${this.address}: the name is taken`);
    }
    LISTENERS.set(name, this);
  }

  call(caller: MemorySocket): void {
    this.#callers.push(caller);
    this.#acceptor.wake();
  }

  async accept(): Promise<Socket> {
    for (;;) {
      if (this.#closed) throw new errors.BadResource("Cannot accept: the listener is closed");
      const caller = this.#callers.shift();
      if (caller !== undefined) return caller;
      await this.#acceptor.wait(Infinity);
    }
  }

  close(): void {
    if (this.#closed) throw new errors.BadResource("Cannot close: the listener is closed");
    this.#closed = true;
    LISTENERS.delete(this.#name);
    this.#acceptor.fail(new errors.Interrupted("Cannot accept: the listener was closed"));
    for (const caller of this.#callers) caller.reset();
  }
}

/**
 * One end of a line within the process. It behaves like a `Deno.Conn`, with these differences: one
 * read and one write at a time; a write fails as soon as the other end is closed; and a reset takes
 * with it what is on its way.
 *
 * As with TCP, closing resets the connection where bytes have come that were not read. So does closing
 * where bytes are stalled: nobody could wait for those.
 */
export interface MemorySocket extends Socket {
  /** Says that no more bytes will come; reading goes on. */
  closeWrite(): Promise<void>;
  /** Breaks the connection: both ends see `ConnectionReset`. */
  reset(): void;
}

/**
 * Two connected sockets, as `socketpair(2)` makes them: without a name and without a permission.
 *
 * @param faults what is to go wrong; `up` is from the first socket to the second
 * @throws {RangeError} for faults that do not exist or make no sense
 *
 * @example One byte at a time
 * ```ts
 * import { socketPair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const [near, far] = socketPair({ cut: 1 });
 * const buffer = new Uint8Array(10);
 *
 * assert(await near.write(new TextEncoder().encode("hello")) === 1);
 * near.close();
 *
 * assert(await far.read(buffer) === 1);
 * assert(await far.read(buffer) === null);
 * far.close();
 * ```
 */
export function socketPair(faults: NetworkFaults = {}): [near: MemorySocket, far: MemorySocket] {
  const { up, down } = coursesOf(
    entriesOf(faults),
    (why) => new RangeError(`Cannot use faults: ${why}`),
  );
  return join(up, down, "memory:");
}

function join(up: Course, down: Course, address: string): [near: MemorySocket, far: MemorySocket] {
  const reset = () => {
    there.reset();
    back.reset();
  };
  const there = new Pipe(up, reset), back = new Pipe(down, reset);
  return [
    new End(back, there, "memory:", address, reset),
    new End(there, back, address, "memory:", reset),
  ];
}

class End implements MemorySocket {
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  readonly local: string;
  readonly remote: string;
  readonly reset: () => void;
  #closed = false;

  constructor(incoming: Pipe, outgoing: Pipe, local: string, remote: string, reset: () => void) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.local = local;
    this.remote = remote;
    this.reset = reset;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#mustBeOpen("read");
    return await this.#incoming.read(buffer);
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#mustBeOpen("write");
    return await this.#outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    return attempt(() => {
      this.#mustBeOpen("close for writing");
      this.#outgoing.end();
    });
  }

  close(): void {
    this.#mustBeOpen("close");
    this.#closed = true;
    const unread = this.#incoming.stopReading();
    const stuck = this.#outgoing.stopWriting();
    if (unread || stuck) this.reset();
  }

  #mustBeOpen(action: string): void {
    if (this.#closed) throw new errors.BadResource(`Cannot ${action}: the socket is closed`);
  }
}
