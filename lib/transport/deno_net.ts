/**
 * The sockets of Deno's own: TCP, Unix, vsock.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import type { Listener, Socket } from "./socket.ts";
import type { Net } from "./system.ts";

/** Deno's TCP and Unix sockets. */
export const denoNet: Net = {
  listen(place, { tcpBacklog, reusePort, local }): Listener {
    if ("path" in place) {
      const listener = Deno.listen({ transport: "unix", path: place.path });
      const address = local ?? `unix://${place.path}`;
      const format = endOf(address);
      return {
        address,
        accept: async () => new DenoSocket(await listener.accept(), format),
        close: () => listener.close(),
      };
    }
    // A variable: reusePort is among Deno's unstable types, which a project need not have.
    const given = { ...place, ...(tcpBacklog && { tcpBacklog }), ...(reusePort && { reusePort }) };
    const listener = Deno.listen(given);
    return {
      address: format(listener.addr),
      accept: async () => toSocket(await listener.accept()),
      close: () => listener.close(),
    };
  },
  async connect(place, signal) {
    const given = signal && { signal };
    if ("path" in place) {
      const conn = await Deno.connect({ transport: "unix", ...place, ...given });
      return new DenoSocket(conn, endOf(`unix://${place.path}`));
    }
    // Of a name with several addresses the next is tried after 250 ms without an answer, and the
    // first that answers is taken: Deno does so by itself.
    return toSocket(await Deno.connect({ ...place, ...given }));
  },
};

/** The end that listens has a path, if another than it was bound to; the one that dials has none. */
function endOf(address: string): (end: Deno.UnixAddr) => string {
  return ({ path }) => path ? address : "unix:";
}

function format({ hostname, port }: Deno.NetAddr): string {
  return formatAddress("tcp", hostname, port);
}

function toSocket(conn: Deno.TcpConn): Socket {
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return new DenoSocket(conn, format);
  } catch (error) {
    conn.close(); // the caller does not get it
    throw error;
  }
}

/** A socket of the runtime's own, with its addresses as text. */
export class DenoSocket<A extends Deno.Addr = Deno.Addr> implements Socket {
  readonly #conn: Deno.Conn<A>;
  readonly #format: (address: A) => string;

  /** @param format makes the text when an address is read: of most connections none is */
  constructor(conn: Deno.Conn<A>, format: (address: A) => string) {
    this.#conn = conn;
    this.#format = format;
  }

  get remote(): string {
    return this.#format(this.#conn.remoteAddr);
  }

  get local(): string {
    return this.#format(this.#conn.localAddr);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer as Uint8Array<ArrayBuffer>);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes as Uint8Array<ArrayBuffer>);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  close(): void {
    this.#conn.close();
  }
}
