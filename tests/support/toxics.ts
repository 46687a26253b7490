// A network that fails on purpose, between any client and any server: a proxy with the eight toxics of
// toxiproxy, under their names and with their units. They can be changed while connections are open.

import { createServer, Socket } from "node:net";
import { Buffer } from "node:buffer";

/** The way that a toxic is in: upstream is what the client sends. Downstream where it does not say. */
type Stream = "upstream" | "downstream";

/** What is wrong with the network. Times are milliseconds, sizes bytes. */
export type Toxic =
  /** Everything arrives so much later, give or take the jitter; never out of order. */
  | {
    readonly type: "latency";
    readonly latency: number;
    readonly jitter?: number;
    stream?: Stream;
  }
  /** Nobody listens any more, and connections are closed. */
  | { readonly type: "down" }
  /** So many kilobytes a second. */
  | { readonly type: "bandwidth"; readonly rate: number; stream?: Stream }
  /** The end of what is sent arrives so much later. */
  | { readonly type: "slow_close"; readonly delay: number; stream?: Stream }
  /** Bytes vanish, and after so long the connection is closed; with 0 it never is. */
  | { readonly type: "timeout"; readonly timeout: number; stream?: Stream }
  /** After so long both ends are reset. */
  | { readonly type: "reset_peer"; readonly timeout: number; stream?: Stream }
  /** Bytes arrive in slices of about this size, with so many microseconds in between. */
  | {
    readonly type: "slicer";
    readonly average_size: number;
    readonly size_variation: number;
    readonly delay: number;
    stream?: Stream;
  }
  /** After so many bytes the connection is closed. */
  | { readonly type: "limit_data"; readonly bytes: number; stream?: Stream };

/** Bytes that wait in one direction above which no more are read. */
const HIGH_WATER = 1 << 20;

/** Milliseconds of bandwidth that pass in one piece. */
const QUANTUM = 20;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** One direction of a connection. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #name: Stream;
  readonly #link: Link;
  readonly #queue: Chunk[] = [];
  #waiting = 0;
  #hasEnded = false;
  #passed = 0;
  #wake: (() => void) | undefined;

  constructor(from: Socket, to: Socket, name: Stream, link: Link) {
    this.#from = from;
    this.#to = to;
    this.#name = name;
    this.#link = link;
    from.on("data", (bytes: Uint8Array) => {
      this.#queue.push({ bytes, at: performance.now() });
      this.#waiting += bytes.length;
      if (this.#waiting > HIGH_WATER) from.pause();
      this.#wake?.();
    });
    from.on("end", () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#link.isClosed) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        await this.#deliver(chunk);
        this.#waiting -= chunk.bytes.length;
        if (this.#waiting <= HIGH_WATER) this.#from.resume();
      } else if (this.#hasEnded) {
        const delay = this.#toxic("slow_close")?.delay ?? 0;
        if (delay > 0) await this.#link.sleep(delay);
        if (!this.#link.isClosed) this.#to.end();
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }

  /** Stops waiting for more. */
  stop(): void {
    this.#wake?.();
  }

  #toxic<Type extends Toxic["type"]>(type: Type): Extract<Toxic, { type: Type }> | undefined {
    return this.#link.toxics.find((toxic): toxic is Extract<Toxic, { type: Type }> =>
      toxic.type === type && streamOf(toxic) === this.#name
    );
  }

  async #deliver({ bytes, at }: Chunk): Promise<void> {
    const latency = this.#toxic("latency");
    if (latency !== undefined) {
      const jitter = (latency.jitter ?? 0) * (2 * this.#link.random() - 1);
      await this.#link.sleep(at + latency.latency + jitter - performance.now());
    }
    if (this.#toxic("timeout") || this.#toxic("reset_peer")) {
      this.#link.vanished += bytes.length;
      return;
    }
    const limit = this.#toxic("limit_data")?.bytes ?? Infinity;
    const left = bytes.subarray(0, Math.max(0, limit - this.#passed));
    for (let rest = left; rest.length > 0 && !this.#link.isClosed;) {
      const slicer = this.#toxic("slicer"), rate = this.#toxic("bandwidth")?.rate;
      let size = rest.length;
      if (slicer !== undefined) {
        const { average_size, size_variation } = slicer;
        const variation = Math.round(size_variation * (2 * this.#link.random() - 1));
        size = Math.min(size, Math.max(1, average_size + variation));
      }
      if (rate !== undefined) size = Math.min(size, Math.max(1, rate * QUANTUM | 0));
      await this.#write(rest.subarray(0, size));
      rest = rest.subarray(size);
      if (rate !== undefined) await this.#link.sleep(size / rate);
      if (slicer !== undefined && rest.length > 0) await this.#link.sleep(slicer.delay / 1000);
    }
    this.#passed += left.length;
    if (left.length < bytes.length || this.#passed >= limit) this.#link.close();
  }

  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#to.destroyed) return resolve();
      this.#to.once("close", resolve);
      this.#to.write(Buffer.from(bytes), () => {
        this.#to.off("close", resolve);
        resolve();
      });
    });
  }
}

function streamOf(toxic: Toxic): Stream {
  return "stream" in toxic && toxic.stream !== undefined ? toxic.stream : "downstream";
}

/** One connection through the proxy. */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly random: () => number;
  readonly #lanes: readonly Lane[];
  readonly #sleeping = new Map<ReturnType<typeof setTimeout>, () => void>();
  #deadlines: ReturnType<typeof setTimeout>[] = [];
  #toxics: readonly Toxic[] = [];
  isClosed = false;
  /** Bytes that vanished. */
  vanished = 0;

  constructor(client: Socket, server: Socket, random: () => number) {
    this.#client = client;
    this.#server = server;
    this.random = random;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.close()); // the other end reset, or is not there
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) this.close();
      });
    }
    this.#lanes = [
      new Lane(client, server, "upstream", this),
      new Lane(server, client, "downstream", this),
    ];
  }

  /** What is wrong with it. */
  get toxics(): readonly Toxic[] {
    return this.#toxics;
  }

  /** Other toxics than before, from now on. */
  set toxics(toxics: readonly Toxic[]) {
    this.#toxics = toxics;
    for (const timer of this.#deadlines.splice(0)) clearTimeout(timer);
    if (this.isClosed) return;
    for (const toxic of toxics) {
      if (toxic.type === "reset_peer") this.#after(toxic.timeout, () => this.reset());
      if (toxic.type === "timeout" && toxic.timeout > 0) {
        this.#after(toxic.timeout, () => this.close());
      }
    }
  }

  #after(ms: number, callback: () => void): void {
    this.#deadlines.push(setTimeout(callback, ms));
  }

  /** Resolves after so many milliseconds, or when it is closed. */
  sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#sleeping.delete(timer);
        resolve();
      }, ms);
      this.#sleeping.set(timer, resolve);
    });
  }

  /** Closes both ends; bytes on their way are lost. */
  close(): void {
    this.#close((socket) => socket.destroy());
  }

  /** Resets both ends. */
  reset(): void {
    this.#close((socket) => socket.resetAndDestroy());
  }

  #close(end: (socket: Socket) => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const timer of this.#deadlines) clearTimeout(timer);
    for (const [timer, resolve] of this.#sleeping) {
      clearTimeout(timer);
      resolve();
    }
    this.#sleeping.clear();
    for (const socket of [this.#client, this.#server]) if (!socket.destroyed) end(socket);
    for (const lane of this.#lanes) lane.stop();
  }
}

/** A proxy at a port of its own, before a server at 127.0.0.1. */
export class FaultProxy implements AsyncDisposable {
  /** Where clients connect to; the same for as long as the proxy lives. */
  readonly port: number;
  /** The server's port; another one holds for connections from then on. */
  upstream: number;
  /** The connections that are open. */
  readonly links = new Set<Link>();
  readonly #random: () => number;
  #toxics: readonly Toxic[] = [];
  #listener: ReturnType<typeof createServer> | undefined;

  private constructor(
    upstream: number,
    listener: ReturnType<typeof createServer>,
    random: () => number,
  ) {
    this.upstream = upstream;
    this.#random = random;
    this.port = (listener.address() as { port: number }).port;
    this.#take(listener);
  }

  /** Listens before this port, with nothing wrong. */
  static async start(upstream: number, random: () => number = Math.random): Promise<FaultProxy> {
    return new FaultProxy(upstream, await listen(0), random);
  }

  /** What is wrong from now on, with connections that are open and with new ones. */
  async set(...toxics: readonly Toxic[]): Promise<void> {
    this.#toxics = toxics;
    const isDown = toxics.some(({ type }) => type === "down");
    for (const link of [...this.links]) {
      link.toxics = toxics;
      if (isDown) link.close();
    }
    if (isDown) await this.#close();
    else if (this.#listener === undefined) this.#take(await listen(this.port));
  }

  #take(listener: ReturnType<typeof createServer>): void {
    this.#listener = listener;
    listener.on("connection", (client) => this.#connect(client));
  }

  #connect(client: Socket): void {
    const server = new Socket({ allowHalfOpen: true });
    const link = new Link(client, server, this.#random);
    this.links.add(link);
    const forget = () => {
      if (client.destroyed && server.destroyed) this.links.delete(link);
    };
    client.on("close", forget);
    server.on("close", forget);
    link.toxics = this.#toxics;
    server.connect(this.upstream, "127.0.0.1");
  }

  async #close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener !== undefined) await new Promise((resolve) => listener.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of [...this.links]) link.close();
    await this.#close();
  }
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  const listener = createServer({ allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, "127.0.0.1", () => resolve(listener));
  });
}
