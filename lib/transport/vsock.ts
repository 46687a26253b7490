/**
 * `vsock://cid:port`: between a virtual machine and its host. The cid is 2 for the host, 1 for the
 * machine itself; `any`, or -1, listens for all. Ports have 32 bits; port 0 lets the system choose.
 *
 * Deno has this behind `--unstable-vsock`. Where that flag is missing Deno itself says so on standard
 * error and ends the process with code 70: no program can see that coming, or catch it.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import { type Address, badAddress } from "./address.ts";
import type { Listener, Socket, Transport } from "./socket.ts";
import { DenoSocket } from "./deno_net.ts";

/** `VMADDR_CID_ANY` and `VMADDR_PORT_ANY`. */
const ANY = 2 ** 32 - 1;

/** Sockets of virtual machines. */
export const vsock: Transport = {
  listen(address): Listener {
    const { cid, port } = cidAndPort(address);
    let listener: Deno.Listener<Deno.VsockConn, Deno.VsockAddr>;
    try {
      listener = Deno.listen({ transport: "vsock", cid, port: port === 0 ? ANY : port });
    } catch (error) {
      throw explained(error);
    }
    return {
      address: format(listener.addr),
      accept: async () => toSocket(await listener.accept()),
      close: () => listener.close(),
    };
  },
  async dial(address, { signal }) {
    const { cid, port } = cidAndPort(address);
    if (cid === ANY) throw badAddress(address.text, "any is an address to listen at, not to call");
    let conn: Deno.VsockConn;
    try {
      conn = await Deno.connect({ transport: "vsock", cid, port });
    } catch (error) {
      throw explained(error);
    }
    // Connecting cannot be given up here; Linux does so by itself after 2 s.
    if (signal?.aborted) {
      conn.close();
      throw signal.reason;
    }
    return toSocket(conn);
  },
};

function cidAndPort({ hostname, port, path, query, text }: Address): { cid: number; port: number } {
  const cid = hostname === "any" || hostname === "-1" ? ANY : Number(hostname);
  if (hostname === "" || !Number.isInteger(cid) || cid < 0 || cid > ANY) {
    throw badAddress(text, "its cid must be a number or any: vsock://2:5000");
  }
  if (port === undefined || port > ANY) {
    throw badAddress(text, "its port must be a number of at most 32 bits: vsock://2:5000");
  }
  if (path !== "" && path !== "/" || query.size > 0) {
    throw badAddress(text, "a vsock address has a cid and a port, and nothing else");
  }
  return { cid, port };
}

/** A kernel without vsock says that it does not know the address family. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  return error.code === "EAFNOSUPPORT" || error.code === "ENODEV"
    ? new errors.NotSupported("this kernel has no vsock", { cause: error })
    : error;
}

function format({ cid, port }: Deno.VsockAddr): string {
  return `vsock://${cid === ANY ? "any" : cid}:${port}`;
}

function toSocket(conn: Deno.VsockConn): Socket {
  return new DenoSocket(conn, format);
}
