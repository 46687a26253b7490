/**
 * Accepts what proxies pass on: each of their connections begins with a header of the PROXY protocol, which
 * says whose it is. What comes from elsewhere is passed on as it is: it is decided by the address alone
 * whether there is a header, never by the bytes.
 *
 * @module
 */

import type { Limits } from "../../limits.ts";
import { errors } from "../../runtime.ts";
import { TimerWheel } from "../../timers.ts";
import { AcceptQueue, closedError, closeQuietly } from "../accept_queue.ts";
import type { Networks } from "../networks.ts";
import type { Listener, Socket } from "../socket.ts";
import { MAX_HEADER, readProxyHeader } from "./header.ts";
import { ProxiedSocket } from "./socket.ts";

/** Headers that are read at once, for each TLS handshake that there may be at once. */
const ARRIVALS_PER_PLACE = 16;

/** A listener over one that proxies reach. */
export class ProxyListener implements Listener {
  readonly address: string;
  readonly #accepts: AcceptQueue;
  readonly #proxies: Networks;
  readonly #limits: Limits;
  readonly #onError: (error: unknown, about: string) => void;
  readonly #timers = new TimerWheel();
  /** Those whose header has not come, with what closes them. */
  readonly #arrivals = new Map<Socket, (why: Error) => void>();
  /** Lets in the next one, if it has to wait. */
  #door: (() => void) | undefined;
  #closed = false;

  constructor(
    below: Listener,
    proxies: Networks,
    limits: Limits,
    onError: (error: unknown, about: string) => void,
  ) {
    this.address = below.address;
    this.#accepts = new AcceptQueue(below, (socket) => this.#receive(socket), () => this.#room());
    this.#proxies = proxies;
    this.#limits = limits;
    this.#onError = onError;
  }

  accept(): Promise<Socket> {
    return this.#accepts.accept();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#accepts.close();
    for (const evict of this.#arrivals.values()) evict(closedError());
    this.#door?.();
    this.#timers.stop();
  }

  /** Waits until not too many headers are to come. */
  async #room(): Promise<void> {
    const most = this.#limits.maxHandshakes * ARRIVALS_PER_PLACE;
    while (this.#arrivals.size >= most && !this.#closed) {
      await new Promise<void>((resolve) => this.#door = resolve);
    }
    this.#door = undefined;
  }

  #receive(socket: Socket): void {
    if (this.#proxies.has(socket.remote)) this.#read(socket);
    else this.#accepts.give(socket);
  }

  /** Reads the header. Never rejects. */
  async #read(socket: Socket): Promise<void> {
    const { handshakeTimeout } = this.#limits, { remote } = socket;
    let evicted: Error | undefined;
    const evict = (why: Error) => {
      evicted = why;
      closeQuietly(socket);
    };
    this.#arrivals.set(socket, evict);
    const deadline = this.#timers.after(
      handshakeTimeout,
      () =>
        evict(cannotAccept(`its header has not come within ${handshakeTimeout} ms`, "TimedOut")),
    );
    try {
      const proxied = await proxiedBy(socket);
      if (evicted !== undefined) throw evicted;
      if (proxied === undefined) closeQuietly(socket);
      else this.#accepts.give(proxied);
    } catch (error) {
      closeQuietly(socket);
      if (!this.#closed) this.#onError(evicted ?? error, `the PROXY header of ${remote}`);
    } finally {
      deadline.cancel();
      this.#arrivals.delete(socket);
      this.#door?.();
    }
  }
}

/** Reads a socket's header; undefined where the proxy only looked whether somebody is here. */
async function proxiedBy(socket: Socket): Promise<Socket | undefined> {
  let bytes = new Uint8Array(256), received = 0;
  for (;;) {
    const count = await socket.read(bytes.subarray(received)).catch((error) => {
      if (received === 0 && error instanceof errors.ConnectionReset) return null;
      throw error;
    });
    if (count === null) {
      if (received === 0) return undefined;
      throw cannotAccept(`the proxy left after ${received} bytes of its header`, "UnexpectedEof");
    }
    received += count;
    const header = readProxyHeader(bytes.subarray(0, received));
    if (header?.kind === "bad") {
      throw cannotAccept(`it is no header, ${header.reason}`, "InvalidData");
    }
    if (header !== undefined) {
      return new ProxiedSocket(socket, header.ends, bytes.subarray(header.length, received));
    }
    if (received < bytes.length) continue;
    const grown = new Uint8Array(MAX_HEADER);
    grown.set(bytes);
    bytes = grown;
  }
}

function cannotAccept(why: string, name: "TimedOut" | "UnexpectedEof" | "InvalidData"): Error {
  return new errors[name](`Cannot accept: ${why}`);
}
