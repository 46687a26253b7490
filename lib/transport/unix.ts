/**
 * `unix:///path`: a socket file, for processes on one machine. Only its owner may connect.
 *
 * @module
 */

import { type Address, badAddress } from "./address.ts";
import type { Listener, Transport } from "./socket.ts";
import { DenoSocket } from "./deno_socket.ts";

/** Unix domain sockets. */
export const unix: Transport = {
  listen(address) {
    const path = pathOf(address);
    try {
      return listenAt(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      return replaceStale(path, error);
    }
  },
  async dial(address, { signal }) {
    const path = pathOf(address);
    const conn = await Deno.connect({ transport: "unix", path, ...(signal && { signal }) });
    return new DenoSocket(conn, format);
  },
};

/** The end that listens has a path, the one that dials none. */
function format({ path }: Deno.UnixAddr): string {
  return `unix:${path ? `//${path}` : ""}`;
}

function listenAt(path: string): Listener {
  const listener = Deno.listen({ transport: "unix", path });
  try {
    Deno.chmodSync(path, 0o600);
  } catch (error) {
    listener.close();
    throw error;
  }
  return {
    address: `unix://${path}`,
    accept: async () => new DenoSocket(await listener.accept(), format),
    close: () => listener.close(), // removes the file
  };
}

/** A server that was killed leaves its file behind; one that lives answers. */
async function replaceStale(path: string, inUse: Error): Promise<Listener> {
  if (!(await Deno.lstat(path)).isSocket) throw inUse;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    await Deno.remove(path);
    return listenAt(path);
  }
  throw inUse;
}

function pathOf({ path, hostname, text }: Address): string {
  if (hostname !== "" || !path.startsWith("/") || path.length < 2) {
    throw badAddress(text, "a unix address needs an absolute path: unix:///run/app.sock");
  }
  // sun_path holds 108 bytes on Linux, the last of them zero.
  if (new TextEncoder().encode(path).length > 107) {
    throw badAddress(text, "the path of a Unix socket has at most 107 bytes");
  }
  return path;
}
