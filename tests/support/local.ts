// serve() and connect() on sockets that a test hands them: what the system's network would do becomes
// something to decide, cut and repeat. Nothing inside of the library is touched.

import {
  type Api,
  connect,
  type ConnectOptions,
  type Line,
  serve,
  type ServeOptions,
  type Server,
} from "../../lib/mod.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import { pipe, type PipeOptions } from "./memory.ts";
import { RawPeer } from "./raw.ts";

const addressOf = (port: number, hostname = "127.0.0.1"): Deno.NetAddr => ({
  transport: "tcp",
  hostname,
  port,
});

/** A duplex as `Deno.Conn`, as far as the library looks at one. */
function connOf(duplex: Duplex, local: Deno.NetAddr, remote: Deno.NetAddr) {
  return {
    localAddr: local,
    remoteAddr: remote,
    setNoDelay() {},
    setKeepAlive() {},
    read: (buffer: Uint8Array) => duplex.read(buffer),
    write: (bytes: Uint8Array) => duplex.write(bytes),
    closeWrite: () => duplex.closeWrite!(),
    close: () => duplex.close(),
  };
}

type Conn = ReturnType<typeof connOf>;

/** A `Deno.Listener` that accepts what it is offered. */
class LocalListener {
  readonly addr: Deno.NetAddr;
  readonly #onClose: (() => void) | undefined;
  readonly #backlog: Conn[] = [];
  #accepting: PromiseWithResolvers<Conn> | undefined;
  #closed = false;

  constructor(port: number, onClose?: () => void) {
    this.addr = addressOf(port);
    this.#onClose = onClose;
  }

  /** A caller, from this port. */
  offer(duplex: Duplex, port: number, hostname?: string): void {
    const conn = connOf(duplex, this.addr, addressOf(port, hostname));
    const accepting = this.#accepting;
    this.#accepting = undefined;
    if (accepting === undefined) this.#backlog.push(conn);
    else accepting.resolve(conn);
  }

  accept(): Promise<Conn> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    const conn = this.#backlog.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    return (this.#accepting = Promise.withResolvers<Conn>()).promise;
  }

  close(): void {
    this.#closed = true;
    this.#onClose?.();
    for (const conn of this.#backlog.splice(0)) conn.close();
    this.#accepting?.reject(new Deno.errors.Interrupted("operation canceled"));
    this.#accepting = undefined;
  }
}

/** Has the library take these for the runtime's network; gives it back at the end. */
function instead(network: Partial<Record<"listen" | "connect", unknown>>): Disposable {
  const { listen, connect } = Deno;
  for (const [name, replacement] of Object.entries(network)) Reflect.set(Deno, name, replacement);
  return {
    [Symbol.dispose]() {
      Reflect.set(Deno, "listen", listen);
      Reflect.set(Deno, "connect", connect);
    },
  };
}

/** A server in this process, and ways to reach it. */
export interface LocalServer extends AsyncDisposable {
  readonly server: Server;
  /** What `onError` was told, and what about. */
  readonly errors: (readonly [unknown, string])[];
  /** Hands it one end of a connection, from this IP address. */
  accept(duplex: Duplex, hostname?: string): void;
  /** Connects a peer without the library. */
  peer(framing?: RawPeer["framing"], options?: PipeOptions & { hostname?: string }): RawPeer;
}

/** Serves an API to those whom the test hands over. */
export function serveLocally(api: Api, options: Omit<ServeOptions, "listen"> = {}): LocalServer {
  const errors: [unknown, string][] = [];
  const listener = new LocalListener(1);
  using _network = instead({ listen: () => listener });
  const server = serve(api, {
    listen: "tcp://127.0.0.1:1",
    onError: (error, about) => void errors.push([error, about]),
    ...options,
  });
  let port = 1024;
  const accept = (duplex: Duplex, hostname?: string) => listener.offer(duplex, ++port, hostname);
  return {
    server,
    errors,
    accept,
    peer(framing = "json", { hostname, ...options } = {}) {
      const [here, there] = pipe(options);
      accept(there, hostname);
      return new RawPeer(here, framing);
    },
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** Connects over one end of a connection. */
export async function connectOver<A = Api>(
  duplex: Duplex,
  options?: ConnectOptions,
): Promise<Line<A>> {
  using _network = instead({
    connect: () => Promise.resolve(connOf(duplex, addressOf(1025), addressOf(1))),
  });
  return await connect<A>("tcp://127.0.0.1:1", { reconnect: false, ...options }); // there is only one
}

/** Takes the place of the runtime's network: one read gives one byte, one write takes one. */
export function oneByteNetwork(): Disposable {
  const listeners = new Map<number, LocalListener>();
  let lastPort = 1024;
  return instead({
    listen() {
      const port = ++lastPort;
      const listener = new LocalListener(port, () => listeners.delete(port));
      listeners.set(port, listener);
      return listener;
    },
    connect({ port }: { port: number }) {
      const listener = listeners.get(port);
      if (listener === undefined) {
        return Promise.reject(new Deno.errors.ConnectionRefused("Connection refused"));
      }
      const [here, there] = pipe({ read: 1, write: 1, room: 1 << 12 });
      listener.offer(there, ++lastPort);
      return Promise.resolve(connOf(here, addressOf(lastPort), listener.addr));
    },
  });
}

/** A port of this machine that nothing listens at, for a program that cannot choose one. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
