/**
 * The end that answers: each remote address is a connection of its own, as long as it is heard of.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import type { Listener, Socket } from "../socket.ts";
import type { DatagramConn } from "../unstable.ts";
import { AnswererSocket, MAX_DATAGRAM } from "./datagram_socket.ts";

/** What a {@linkcode UdpListener} keeps to. */
export interface UdpLimits {
  /** Remote addresses at once; the one that was silent longest makes room. @default {1024} */
  readonly peers: number;
  /** Milliseconds of silence after which a remote address is forgotten. @default {30000} */
  readonly silence: number;
}

/** Where a server hears datagrams, and sorts them by who sent them. */
export class UdpListener implements Listener {
  readonly address: string;
  readonly #conn: DatagramConn;
  readonly #limits: UdpLimits;
  /** Those who were heard of, the one who was silent longest first. */
  readonly #peers = new Map<string, { readonly socket: AnswererSocket; heard: number }>();
  /** Those who have not been accepted. */
  readonly #arrived: AnswererSocket[] = [];
  /** Sockets that are not closed; some of them are forgotten, and still have to answer. */
  #open = 0;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #hearing: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes over the socket. */
  constructor(conn: DatagramConn, limits: UdpLimits = { peers: 1024, silence: 30_000 }) {
    this.#conn = conn;
    this.#limits = limits;
    const { hostname, port } = conn.addr as Deno.NetAddr;
    this.address = formatAddress("udp", hostname, port);
  }

  async accept(): Promise<Socket> {
    for (;;) {
      if (this.#closed) throw new Deno.errors.BadResource("Listener has been closed");
      const socket = this.#arrived.shift();
      if (socket !== undefined) return socket;
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
        this.#peer(from as Deno.NetAddr)?.deliver(datagram);
      }
    } catch (error) {
      if (!this.#closed) this.#failure = { error };
    } finally {
      this.#hearing = undefined;
      this.#wake?.();
    }
  }

  /** Who sent a datagram; undefined where there is no room for another peer. */
  #peer(from: Deno.NetAddr): AnswererSocket | undefined {
    const key = formatAddress("udp", from.hostname, from.port), now = performance.now();
    const known = this.#peers.get(key);
    if (known !== undefined) {
      known.heard = now;
      this.#peers.delete(key);
      this.#peers.set(key, known);
      return known.socket;
    }
    if (this.#closed) return undefined;
    if (this.#peers.size >= this.#limits.peers) this.#forgetFirst();
    // Those who are forgotten while their calls run are still there.
    if (this.#open >= this.#limits.peers * 2) return undefined;
    const socket: AnswererSocket = new AnswererSocket({
      local: this.address,
      remote: key,
      send: (datagram) => this.#conn.send(datagram, from),
      closed: () => {
        this.#open--;
        if (this.#peers.get(key)?.socket === socket) this.#peers.delete(key);
        return this.#closed ? this.#letGo() : undefined;
      },
    });
    this.#open++;
    this.#peers.set(key, { socket, heard: now });
    this.#arrived.push(socket);
    this.#wake?.();
    this.#forgetLater();
    return socket;
  }

  #forgetFirst(): void {
    for (const [key, { socket }] of this.#peers) {
      this.#peers.delete(key);
      socket.endInput();
      return;
    }
  }

  /** Forgets those who are silent, as long as there is anyone. */
  #forgetLater(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const { silence } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const since = performance.now() - silence;
      for (const { heard } of this.#peers.values()) {
        if (heard > since) break;
        this.#forgetFirst();
      }
      if (this.#peers.size > 0) this.#forgetLater();
    }, silence / 4);
    Deno.unrefTimer(this.#timer);
  }

  /** The port is free once what was to be received has been called off. */
  async #letGo(): Promise<void> {
    if (this.#open > 0) return;
    this.#conn.close();
    await this.#hearing;
  }
}
