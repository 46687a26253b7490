/**
 * The end that answers: each remote address is a connection of its own, as long as it is remembered. What
 * was called for it ends with that memory: one that is forgotten has its calls cancelled, and what it has
 * sent and was not read is never begun. Else callers that come and are forgotten would leave more and more
 * that runs. Who is forgotten when there are too many is in `peers.ts`.
 *
 * @module
 */

import { errors, unrefTimer } from "../../runtime.ts";
import { formatAddress } from "../address.ts";
import { networkOf } from "../exposure.ts";
import type { Listener, Socket } from "../socket.ts";
import type { DatagramConn } from "../unstable.ts";
import { AnswererSocket, MAX_DATAGRAM } from "./datagram_socket.ts";
import { type Placed, Places } from "./peers.ts";

/** What a {@linkcode UdpListener} keeps to. */
export interface UdpLimits {
  /** Remote addresses at once. @default {1024} */
  readonly peers: number;
  /** Milliseconds of silence after which a remote address is forgotten that waits for nothing. @default {30000} */
  readonly silence: number;
  /** The same for one that waits for an answer: as long as a call may take. @default {300000} */
  readonly patience: number;
}

const LIMITS: UdpLimits = { peers: 1024, silence: 30_000, patience: 300_000 };

/** A remote address that is remembered. */
interface Peer extends Placed {
  readonly address: string;
  readonly socket: AnswererSocket;
  heard: number;
}

/** Where a server hears datagrams, and sorts them by who sent them. */
export class UdpListener implements Listener {
  readonly address: string;
  readonly #conn: DatagramConn;
  readonly #limits: UdpLimits;
  /** Those that are remembered, by address. */
  readonly #peers = new Map<string, Peer>();
  readonly #places: Places<Peer>;
  /** Those that have not been accepted. */
  readonly #arrived = new Set<AnswererSocket>();
  /** Sockets that are not closed: those of forgotten peers are about to be. */
  #open = 0;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #hearing: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes over the socket. */
  constructor(conn: DatagramConn, limits: Partial<UdpLimits> = {}) {
    this.#conn = conn;
    this.#limits = { ...LIMITS, ...limits };
    this.#places = new Places(this.#limits.peers);
    const { hostname, port } = conn.addr as Deno.NetAddr;
    this.address = formatAddress("udp", hostname, port);
  }

  async accept(): Promise<Socket> {
    for (;;) {
      if (this.#closed) throw new errors.BadResource("Listener has been closed");
      for (const socket of this.#arrived) {
        this.#arrived.delete(socket);
        return socket;
      }
      const failure = this.#failure;
      if (failure !== undefined) {
        this.#failure = undefined; // hearing begins again with the next call
        throw failure.error;
      }
      this.#hearing ??= this.#hear();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Accepts nobody new. Those who are there may finish: the socket is closed after the last. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#letGo();
    for (const socket of this.#arrived) socket.close();
    this.#wake?.();
  }

  async #hear(): Promise<void> {
    // One byte more than any datagram has.
    const buffer = new Uint8Array(MAX_DATAGRAM + 1);
    try {
      for (;;) {
        const [datagram, from] = await this.#conn.receive(buffer);
        this.#socketFor(from as Deno.NetAddr)?.deliver(datagram);
      }
    } catch (error) {
      if (!this.#closed) this.#failure = { error };
    } finally {
      this.#hearing = undefined;
      this.#wake?.();
    }
  }

  /** The socket of who sent a datagram; undefined where there is no room for another. */
  #socketFor(from: Deno.NetAddr): AnswererSocket | undefined {
    const address = formatAddress("udp", from.hostname, from.port), heard = performance.now();
    const peer = this.#peers.get(address);
    if (peer !== undefined) {
      peer.heard = heard;
      this.#makeRoom(this.#places.hear(peer, peer.socket.hasAnswered));
      return peer.socket;
    }
    if (this.#closed || this.#open >= this.#limits.peers * 2) return undefined;
    const socket = this.#newSocket(address, from);
    const network = networkOf(address) ?? "this machine";
    const newcomer = { address, network, socket, heard, isKnown: false };
    this.#open++;
    this.#peers.set(address, newcomer);
    this.#makeRoom(this.#places.enter(newcomer));
    this.#arrived.add(socket);
    this.#wake?.();
    this.#forgetLater();
    return socket;
  }

  #newSocket(address: string, from: Deno.NetAddr): AnswererSocket {
    const socket: AnswererSocket = new AnswererSocket({
      local: this.address,
      remote: address,
      send: (datagram) => this.#conn.send(datagram, from),
      closed: () => {
        this.#open--;
        const peer = this.#peers.get(address);
        if (peer?.socket === socket) this.#remove(peer);
        return this.#closed ? this.#letGo() : undefined;
      },
    });
    return socket;
  }

  #makeRoom(peer: Peer | undefined): void {
    if (peer !== undefined) this.#forget(peer, "it had to make room for others");
  }

  /** Its next datagram is that of a new peer. */
  #forget(peer: Peer, why: string): void {
    this.#remove(peer);
    if (this.#arrived.delete(peer.socket)) void peer.socket.close();
    else peer.socket.fail(new Error(`the peer was forgotten: ${why}`));
  }

  #remove(peer: Peer): void {
    this.#peers.delete(peer.address);
    this.#places.leave(peer);
  }

  /** Forgets those that are silent, as long as there are any. */
  #forgetLater(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const { silence, patience } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = performance.now();
      for (const peer of this.#peers.values()) {
        const most = peer.socket.isAsked ? Math.max(silence, patience) : silence;
        if (now - peer.heard >= most) this.#forget(peer, `it was silent for ${most} ms`);
      }
      if (this.#peers.size > 0) this.#forgetLater();
    }, silence / 4);
    unrefTimer(this.#timer);
  }

  /** The port is free once what was to be received has been called off. */
  async #letGo(): Promise<void> {
    if (this.#open > 0) return;
    this.#conn.close();
    await this.#hearing;
  }
}
