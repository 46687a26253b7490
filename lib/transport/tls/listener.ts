/**
 * Accepts TCP connections and shakes hands with many at once: nobody waits for the slowest of them.
 *
 * ```text
 * accept TCP ─> first bytes ─┬─ nothing ──> evicted after a while
 *                            ├─ no TLS ───> told so, in its own words
 *                            └─ TLS ──────> a place ─> handshake ─┬─> certificate refused
 *                                                                 └─> accept() gives it
 * ```
 *
 * @module
 */

import { RpcError } from "../../error.ts";
import type { Limits } from "../../limits.ts";
import { encodeError, UNKNOWN } from "../../message/encode.ts";
import { errors } from "../../runtime.ts";
import { type Timer, TimerWheel } from "../../timers.ts";
import { AcceptQueue, closedError, closeQuietly } from "../accept_queue.ts";
import { secured } from "../address.ts";
import type { Credentials, ServerCertificate } from "./certificate.ts";
import { NodeStream } from "./node_stream.ts";
import type { Listener, Socket } from "../socket.ts";
import { cannotAccept, isHello, MAX_HELLO, withoutTls } from "./hello.ts";
import { refusalOf, serverHandshake } from "./handshake.ts";
import { TlsSocket } from "./socket.ts";

/** Peers that may have connected, for each that may shake hands; more wait to be accepted at all. */
const ARRIVALS_PER_PLACE = 16;

/** Milliseconds for which a peer may be silent, or shake hands, while others wait for its place. */
const PATIENCE = 1000;

/** Milliseconds after which to look again who takes its time, and how late we may be in that. */
const LOOK = 50;
const MAX_LAG = 20;

/** Milliseconds for which handshakes take the processor in one turn of the event loop, about. */
const SLICE = 2;

/** Somebody who has connected and is not accepted yet. */
class Arrival {
  readonly socket: Socket;
  deadline: Timer | undefined;
  /** When it came, or when its handshake began. */
  since: number;
  /** Bytes of its hello. */
  received = 0;
  /** Why it was closed by us, where it was. */
  evicted: Error | undefined;

  constructor(socket: Socket, since: number) {
    this.socket = socket;
    this.since = since;
  }

  /** Closes the socket, and with it whatever waits for the peer. */
  evict(why: Error): void {
    if (this.evicted !== undefined) return;
    this.evicted = why;
    closeQuietly(this.socket);
  }
}

/** A listener for TLS over one for TCP. */
export class TlsListener implements Listener {
  readonly address: string;
  readonly #accepts: AcceptQueue;
  readonly #certificate: ServerCertificate;
  readonly #wantsCertificate: boolean;
  readonly #limits: Limits;
  readonly #onError: (error: unknown, about: string) => void;
  readonly #timers = new TimerWheel();
  /** All who have not been accepted yet, or are told why they will not be. */
  readonly #arrivals = new Set<Arrival>();
  /** Those of whom no whole hello has come, oldest first. */
  readonly #silent = new Set<Arrival>();
  /** Those who shake hands, oldest first. */
  readonly #shaking = new Set<Arrival>();
  /** Those who wait for a place among them. */
  readonly #queue: (() => void)[] = [];
  /** Lets in the next who is accepted, where it has to wait. */
  #door: (() => void) | undefined;
  #roomTimer: Timer | undefined;
  /** When we were last seen to be late. */
  #lateAt = -Infinity;
  /** Handshakes share time slices: after each the event loop looks at its sockets. */
  #slice = Promise.resolve();
  #sliceBegan = -Infinity;
  #beginSlice: (() => void) | undefined;
  #closed = false;

  constructor(
    below: Listener,
    certificate: ServerCertificate,
    limits: Limits,
    onError: (error: unknown, about: string) => void,
  ) {
    this.address = secured(below.address);
    this.#accepts = new AcceptQueue(below, (socket) => this.#receive(socket), () => this.#room());
    this.#certificate = certificate;
    this.#wantsCertificate = certificate.asksClients;
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
    for (const arrival of this.#arrivals) arrival.evict(closedError());
    for (const begin of this.#queue.splice(0)) begin();
    this.#door?.();
    this.#beginSlice?.();
    this.#timers.stop();
  }

  /** From a TCP connection to a socket that is accepted, or to a line in the log. Never rejects. */
  async #receive(socket: Socket): Promise<void> {
    const arrival = new Arrival(socket, this.#timers.now());
    this.#arrivals.add(arrival);
    const { handshakeTimeout } = this.#limits;
    arrival.deadline = this.#timers.after(
      handshakeTimeout,
      () => arrival.evict(timedOut(arrival, `within ${handshakeTimeout} ms`)),
    );
    try {
      const hello = await this.#hello(arrival);
      if (hello === undefined) return closeQuietly(socket);
      const wrong = withoutTls(hello);
      if (wrong !== undefined) {
        this.#report(arrival, wrong.error);
        return await this.#dismiss(arrival, socket, wrong.answer);
      }
      const { above, refusal } = await this.#shake(arrival, hello);
      if (refusal === undefined) {
        return this.#accepts.give(above);
      }
      this.#report(arrival, refusal);
      const error = new RpcError("UNAUTHENTICATED", "A client certificate is needed here");
      await this.#dismiss(arrival, above, encodeError(UNKNOWN, error) + "\n");
    } catch (error) {
      closeQuietly(socket);
      if (!this.#closed) this.#report(arrival, arrival.evicted ?? error);
    } finally {
      arrival.deadline?.cancel();
      this.#arrivals.delete(arrival);
      this.#door?.();
    }
  }

  /** Reads until the peer has said enough to begin; undefined where it left without a word. */
  async #hello(arrival: Arrival): Promise<Uint8Array | undefined> {
    this.#silent.add(arrival);
    try {
      let bytes = new Uint8Array(1 << 10);
      while (!isHello(bytes.subarray(0, arrival.received))) {
        if (arrival.received === bytes.length) {
          const grown = new Uint8Array(Math.min(bytes.length * 4, MAX_HELLO));
          grown.set(bytes);
          bytes = grown;
        }
        const count = await arrival.socket.read(bytes.subarray(arrival.received));
        if (count === null) {
          if (arrival.received === 0) return undefined;
          throw new errors.UnexpectedEof(
            `Cannot accept: the peer left after ${arrival.received} bytes of its hello`,
          );
        }
        arrival.received += count;
      }
      return bytes.subarray(0, arrival.received);
    } catch (error) {
      const left = arrival.evicted === undefined && arrival.received === 0;
      if (left && error instanceof errors.ConnectionReset) return undefined;
      throw error;
    } finally {
      this.#silent.delete(arrival);
    }
  }

  /** Shakes hands, and looks at the certificate that the peer may have shown. */
  async #shake(
    arrival: Arrival,
    hello: Uint8Array,
  ): Promise<{ above: Socket; refusal: Error | undefined }> {
    await this.#place();
    this.#shaking.add(arrival);
    try {
      await this.#nextSlice();
      if (arrival.evicted !== undefined || this.#closed) throw arrival.evicted ?? closedError();
      arrival.since = this.#timers.now();
      const { socket } = arrival;
      const below = new NodeStream(socket, hello, () => this.#nextSlice());
      try {
        const secure = await serverHandshake(
          below,
          this.#credentials(),
          this.#limits.handshakeTimeout,
        );
        if (arrival.evicted !== undefined) throw arrival.evicted;
        return {
          above: new TlsSocket(secure, below, socket),
          refusal: this.#wantsCertificate ? refusalOf(secure) : undefined,
        };
      } catch (error) {
        below.close();
        throw cannotAccept(error instanceof Error ? error.message : String(error), error);
      }
    } finally {
      this.#shaking.delete(arrival);
      this.#queue.shift()?.();
    }
  }

  /** Waits until not too many have connected. */
  async #room(): Promise<void> {
    const most = this.#limits.maxHandshakes * ARRIVALS_PER_PLACE;
    while (this.#arrivals.size >= most && !this.#closed) {
      const room = new Promise<void>((resolve) => this.#door = resolve);
      this.#makeRoom();
      await room;
      this.#door = undefined;
    }
  }

  /** Waits for a place among those who shake hands. */
  async #place(): Promise<void> {
    while (this.#shaking.size >= this.#limits.maxHandshakes && !this.#closed) {
      const place = new Promise<void>((resolve) => this.#queue.push(resolve));
      this.#makeRoom();
      await place;
    }
  }

  /**
   * While others wait, those who take their time lose their places, the oldest first. Where we are late
   * ourselves it is not they who take the time.
   */
  #makeRoom(): void {
    if (this.#roomTimer !== undefined || this.#closed) return;
    const now = this.#timers.now();
    let wait = Infinity;
    const hurry = ([oldest]: Set<Arrival>): void => {
      if (oldest === undefined) return;
      const left = Math.max(oldest.since, this.#lateAt) + PATIENCE - now;
      if (left <= 0) oldest.evict(timedOut(oldest, "while others waited"));
      wait = Math.min(wait, LOOK, Math.max(0, left));
    };
    if (this.#door !== undefined) hurry(this.#silent);
    if (this.#queue.length > 0) hurry(this.#shaking);
    if (wait === Infinity) return;
    this.#roomTimer = this.#timers.after(wait, () => {
      this.#roomTimer = undefined;
      if (this.#timers.now() - now > wait + MAX_LAG) this.#lateAt = this.#timers.now();
      this.#makeRoom();
    });
  }

  /**
   * Waits until handshakes may go on. A timer is what lets others have their turn: neither
   * `setImmediate` nor a message does, Deno looks at no socket before the last of them has run.
   */
  #nextSlice(): Promise<void> {
    return this.#slice = this.#slice.then(() => {
      if (this.#closed || this.#timers.now() - this.#sliceBegan < SLICE) return;
      return new Promise((resolve) => {
        const begin = () => {
          clearTimeout(timer);
          this.#sliceBegan = this.#timers.now();
          resolve();
        };
        const timer = setTimeout(begin, 0);
        this.#beginSlice = begin;
      });
    });
  }

  /** The certificate that is there now; the last good one, where what is there now is not good. */
  #credentials(): Credentials & { requestCert: boolean } {
    try {
      this.#certificate.refresh();
    } catch (error) {
      this.#onError(error, `the certificate of ${this.address}, which stays what it was`);
    }
    return { ...this.#certificate.credentials, requestCert: this.#wantsCertificate };
  }

  /** Says why, and closes when the peer has read it. */
  async #dismiss(arrival: Arrival, socket: Socket, answer: string | Uint8Array): Promise<void> {
    arrival.deadline?.cancel();
    arrival.deadline = this.#timers.after(this.#limits.lingerTimeout, () => closeQuietly(socket));
    try {
      await socket.write(typeof answer === "string" ? new TextEncoder().encode(answer) : answer);
      await socket.closeWrite?.();
      const buffer = new Uint8Array(1 << 10);
      while (await socket.read(buffer) !== null);
    } catch {
      // gone, or too slow: it was told
    } finally {
      closeQuietly(socket);
    }
  }

  #report(arrival: Arrival, error: unknown): void {
    this.#onError(error, `handshake with ${secured(arrival.socket.remote)}`);
  }
}

function timedOut({ received }: Arrival, when: string): Error {
  return new errors.TimedOut(
    received === 0
      ? `Cannot accept: the peer said nothing ${when}`
      : `Cannot accept: the peer did not end its handshake ${when}, it sent ${received} bytes first`,
  );
}
