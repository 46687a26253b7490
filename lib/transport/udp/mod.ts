/**
 * `udp://host:port`: one datagram, one message or batch. What is lost is lost: a call ends with its
 * deadline then. See `datagram.ts` for what may be said in one.
 *
 * Each remote address is a connection of its own, as long as it is heard of.
 *
 * @module
 */

import { type DatagramConn, datagramListener } from "../unstable.ts";
import { type Address, badAddress, formatAddress, hostAndPort } from "../address.ts";
import { AnswererSocket, CallerSocket, MAX_DATAGRAM } from "./datagram_socket.ts";
import { isLocalhost, joinListeners, listenAtBoth } from "../localhost.ts";
import type { Listener, Socket, Transport } from "../socket.ts";

/** Bytes of a question where nothing else is said: what every path carries in one piece. */
const DEFAULT_PAD = 1200;

/** What a {@linkcode UdpListener} keeps to. */
export interface UdpLimits {
  /** Remote addresses at once; the one that was silent longest makes room. @default {1024} */
  readonly peers: number;
  /** Milliseconds of silence after which a remote address is forgotten. @default {30000} */
  readonly silence: number;
}

/** UDP. */
export const udp: Transport = {
  listen(address): Listener {
    const { hostname, port } = hostAndPort(address);
    // A server that may not answer is none: peers on loopback can have any port.
    const listenAt = (hostname: string, port: number) => {
      if (isLoopback(hostname)) askFor(hostname.includes(":") ? `[${hostname}]` : hostname);
      return bind(hostname, port);
    };
    if (!isLocalhost(hostname)) return new UdpListener(listenAt(hostname, port));
    const both = listenAtBoth(port, listenAt, portOf);
    const listeners = both.listeners.map((conn) => new UdpListener(conn));
    return joinListeners(formatAddress("udp", "localhost", both.port), listeners);
  },
  async dial(address, { signal }): Promise<Socket> {
    const { hostname, port } = hostAndPort(address, ["pad"]);
    const pad = padOf(address);
    const remote = { transport: "udp" as const, hostname: await resolve(hostname), port };
    signal?.throwIfAborted();
    return call(remote, pad);
  },
};

/** Binds a datagram socket. */
function bind(hostname: string, port: number): DatagramConn {
  const listen = datagramListener();
  if (listen === undefined) {
    throw new Deno.errors.NotSupported("UDP needs the flag --unstable-net");
  }
  return listen({ transport: "udp", hostname, port });
}

function portOf(conn: DatagramConn): number {
  return (conn.addr as Deno.NetAddr).port;
}

function formatHost({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): string {
  return formatAddress("", hostname, port).slice("://".length);
}

// ---- The end that answers ----------------------------------------------------------------------

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
    const key = formatHost(from), now = performance.now();
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
      remote: formatAddress("udp", from.hostname, from.port),
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

// ---- The end that asks -------------------------------------------------------------------------

function call(remote: Deno.NetAddr & { transport: "udp" }, pad: number): CallerSocket {
  const ourSide = ourSideOf(remote.hostname);
  askFor(formatHost({ hostname: ourSide, port: 0 }), formatHost(remote));
  const conn = bind(ourSide, 0);
  const { hostname, port } = conn.addr as Deno.NetAddr;
  const socket = new CallerSocket({
    local: formatAddress("udp", hostname, port),
    remote: formatAddress("udp", remote.hostname, remote.port),
    send: (datagram) => conn.send(datagram, remote),
    closed: () => conn.close(),
  }, pad);
  hear(conn, remote, socket);
  return socket;
}

/** Takes what the server sends, and nothing that others send. */
async function hear(
  conn: DatagramConn,
  remote: Deno.NetAddr,
  socket: CallerSocket,
): Promise<void> {
  const buffer = new Uint8Array(MAX_DATAGRAM + 1), expected = formatHost(remote);
  try {
    for (;;) {
      const [datagram, from] = await conn.receive(buffer);
      if (formatHost(from as Deno.NetAddr) === expected) socket.deliver(datagram);
    }
  } catch (error) {
    socket.fail(error); // unless we closed it ourselves, when nobody listens any more
  }
}

/** Where answers are awaited: on loopback, where the server is there too. */
function ourSideOf(hostname: string): string {
  if (isLoopback(hostname)) return hostname.includes(":") ? "::1" : "127.0.0.1";
  return hostname.includes(":") ? "::" : "0.0.0.0";
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

function padOf({ query, text }: Address): number {
  const pad = query.get("pad") ?? String(DEFAULT_PAD);
  if (!/^[0-9]{1,5}$/.test(pad) || Number(pad) > MAX_DATAGRAM) {
    throw badAddress(text, `pad must be a number of bytes from 0 to ${MAX_DATAGRAM}`);
  }
  return Number(pad);
}

/**
 * The one numeric address that is called: answers are told by where they come from. Nothing refuses
 * a datagram, so that a second address could not be tried after the first.
 */
async function resolve(hostname: string): Promise<string> {
  if (isLocalhost(hostname)) return "127.0.0.1";
  if (hostname.includes(":") || /^[0-9.]+$/.test(hostname)) return hostname;
  askFor(hostname);
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(hostname)).address;
  } catch (error) {
    throw new Deno.errors.NotFound(`no address is known for ${hostname}`, { cause: error });
  }
}

/** Asks for permissions that would be missed only later, when nobody could be told any more. */
function askFor(...hosts: string[]): void {
  const missing = hosts.filter((host) =>
    Deno.permissions.requestSync({ name: "net", host }).state !== "granted"
  );
  if (missing.length === 0) return;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${missing.join()}", run again with the --allow-net flag`,
  );
}
