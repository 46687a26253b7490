// The runtime's network as a world has it: `Deno.listen` and `Deno.connect` for TCP, over the library's
// own pairs of sockets and their faults. It knows what an operating system knows: who listens, which
// sockets are open, and what went over them.

import { type MemorySocket, type NetworkFaults, socketPair } from "../../lib/testing.ts";
import type { World } from "./_world.ts";

/** Sees all bytes of a connection, in the order in which they were handed to the network. */
export interface Tap {
  /** @param isUp whether they go from the end that dialled to the other */
  bytes(isUp: boolean, bytes: Uint8Array): void;
}

/** What goes wrong with one connection. */
export interface ConnectionPlan {
  readonly faults: NetworkFaults;
  /** Milliseconds until it is connected; Infinity where nobody ever answers. */
  readonly connectDelay: number;
  /** Whether the caller is gone before it is accepted. */
  readonly isGone: boolean;
  /** Makes what looks on, from the port that it is dialled from. */
  tap(port: number): Tap;
}

/** What goes wrong with a network. */
export interface NetworkPlan {
  /** What happens to the next connection to this port. */
  connection(port: number): ConnectionPlan;
  /** Whether no descriptor is left for the next one that could be accepted. */
  noDescriptors(): boolean;
  /** Changes what a socket does: for the checks of the checks. */
  tamper?(socket: MemorySocket, isServer: boolean): MemorySocket;
}

const HOST = "127.0.0.1";

/** A network in which ports are free and nothing is real. */
export class Network {
  readonly #world: World;
  readonly #plan: NetworkPlan;
  readonly #listeners = new Map<number, Listener>();
  #lastPort = 1024;
  /** Sockets that nobody has closed, by what they are. */
  readonly open = new Set<string>();

  constructor(world: World, plan: NetworkPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  /** What takes the place of the runtime's. */
  get replacements(): readonly (readonly [object, string, unknown])[] {
    return [
      [Deno, "listen", (options: { port: number }) => this.listen(options)],
      [Deno, "connect", (options: { port: number; signal?: AbortSignal }) => this.connect(options)],
    ];
  }

  listen({ port }: { port: number }): Listener {
    const chosen = port || ++this.#lastPort;
    if (this.#listeners.has(chosen)) throw new Deno.errors.AddrInUse("Address already in use");
    const listener = new Listener(this.#world, this.#plan, addressOf(chosen), () => {
      this.#listeners.delete(chosen);
      this.open.delete(`listener ${chosen}`);
    });
    this.#listeners.set(chosen, listener);
    this.open.add(`listener ${chosen}`);
    return listener;
  }

  async connect(
    { port, signal }: { port: number; signal?: AbortSignal | undefined },
    plan?: ConnectionPlan,
  ): Promise<Conn> {
    const from = ++this.#lastPort;
    const { faults, connectDelay, isGone, ...seen } = plan ?? this.#plan.connection(port);
    signal?.throwIfAborted();
    await this.#travel(connectDelay, signal);
    const listener = this.#listeners.get(port);
    if (listener === undefined) throw new Deno.errors.ConnectionRefused("Connection refused");
    const tap = seen.tap(from);
    let [near, far] = socketPair(faults);
    const { tamper } = this.#plan;
    if (tamper !== undefined) [near, far] = [tamper(near, false), tamper(far, true)];
    const name = `connection ${from}`;
    this.#world.note(`${name} ${JSON.stringify(faults)}`);
    const open = (end: string) => {
      this.open.add(`${name} ${end}`);
      return () => void this.open.delete(`${name} ${end}`);
    };
    const isLate = () => this.#world.dice.chance(20);
    const caller = new Conn(near, addressOf(from), addressOf(port), {
      isLate,
      onWrite: (bytes) => {
        this.#world.note(`${name} > ${bytes.length}`);
        tap.bytes(true, bytes);
      },
      onClose: open("near"),
    });
    const called = new Conn(far, addressOf(port), addressOf(from), {
      isLate,
      onWrite: (bytes) => {
        this.#world.note(`${name} < ${bytes.length}`);
        tap.bytes(false, bytes);
      },
      onClose: open("far"),
    });
    if (isGone) {
      near.reset();
      called.close();
      listener.offer(undefined);
    } else listener.offer(called);
    return caller;
  }

  /** The way of the first packet; nobody may ever answer it. */
  async #travel(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const given = Promise.withResolvers<never>();
    const onAbort = () => given.reject(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      if (ms === Infinity) await given.promise;
      else if (ms > 0) await Promise.race([this.#world.sleep(ms), given.promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

function addressOf(port: number): Deno.NetAddr {
  return { transport: "tcp", hostname: HOST, port };
}

interface ConnEvents {
  /** Whether the next write has to wait. */
  isLate(): boolean;
  onWrite(bytes: Uint8Array): void;
  onClose(): void;
}

/** A `Deno.TcpConn`, as far as the library looks at one. */
export class Conn {
  readonly #socket: MemorySocket;
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  readonly #events: ConnEvents;

  constructor(
    socket: MemorySocket,
    localAddr: Deno.NetAddr,
    remoteAddr: Deno.NetAddr,
    events: ConnEvents,
  ) {
    this.#socket = socket;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#events = events;
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#socket.read(buffer);
  }

  async write(bytes: Uint8Array): Promise<number> {
    // A system looks at the bytes when it comes to it: until then they are lent.
    if (this.#events.isLate()) await new Promise((resolve) => void setImmediate(resolve));
    const count = await this.#socket.write(bytes);
    this.#events.onWrite(bytes.subarray(0, count));
    return count;
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** Breaks the connection, for those who mean harm. */
  reset(): void {
    this.#socket.reset();
  }

  close(): void {
    this.#socket.close();
    this.#events.onClose();
  }
}

/** A `Deno.TcpListener`, as far as the library looks at one. */
class Listener {
  readonly #world: World;
  readonly #plan: NetworkPlan;
  readonly addr: Deno.NetAddr;
  readonly #onClose: () => void;
  /** Undefined stands for a caller that has left. */
  readonly #backlog: (Conn | undefined)[] = [];
  #accepting: PromiseWithResolvers<Conn> | undefined;
  #closed = false;

  constructor(world: World, plan: NetworkPlan, addr: Deno.NetAddr, onClose: () => void) {
    this.#world = world;
    this.#plan = plan;
    this.addr = addr;
    this.#onClose = onClose;
  }

  offer(conn: Conn | undefined): void {
    this.#backlog.push(conn);
    setImmediate(() => this.#give());
  }

  accept(): Promise<Conn> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    this.#accepting = Promise.withResolvers();
    const { promise } = this.#accepting;
    setImmediate(() => this.#give());
    return promise;
  }

  #give(): void {
    const accepting = this.#accepting;
    if (accepting === undefined || this.#backlog.length === 0) return;
    this.#accepting = undefined;
    if (this.#plan.noDescriptors()) {
      this.#world.note("accept: no descriptors");
      return accepting.reject(new Error("Too many open files (os error 24)"));
    }
    const conn = this.#backlog.shift();
    if (conn !== undefined) accepting.resolve(conn);
    else accepting.reject(new Deno.errors.NotConnected("Transport endpoint is not connected"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.#closed = true;
    this.#onClose();
    for (const conn of this.#backlog.splice(0)) {
      conn?.reset();
      conn?.close();
    }
    this.#accepting?.reject(new Deno.errors.Interrupted("operation canceled"));
    this.#accepting = undefined;
  }
}
