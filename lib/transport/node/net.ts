/**
 * TCP and Unix sockets over `node:net`: those of Node and Bun, and of Deno for descriptors that it was given.
 *
 * @module
 */

import type {
  AddressInfo,
  ListenOptions as NetOptions,
  Server,
  Socket as NetSocket,
} from "node:net";
import { errors, nodeModule } from "../../runtime.ts";
import { formatAddress } from "../address.ts";
import type { Listener, Socket } from "../socket.ts";
import type { Net, Place } from "../system.ts";
import { systemError } from "./errors.ts";
import { NodeSocket } from "./socket.ts";

/** The sockets of `node:net`. */
export const nodeNet: Net = {
  listen(place, { tcpBacklog, reusePort, local }) {
    const options = "path" in place ? { path: place.path } : {
      host: place.hostname,
      port: place.port,
      ...(reusePort && { reusePort }),
    };
    return listenAt(
      { ...options, ...(tcpBacklog !== undefined && { backlog: tcpBacklog }) },
      local,
    );
  },
  connect(place, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const options = "path" in place ? place : { host: place.hostname, port: place.port };
      const socket = nodeModule("node:net").connect({
        ...options,
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
      });
      const settle = (work: () => void) => {
        signal?.removeEventListener("abort", onAbort);
        socket.removeListener("error", onError);
        work();
      };
      const onAbort = () => {
        socket.on("error", () => {}); // the caller knows already that there is no connection
        settle(() => reject(signal!.reason));
        socket.destroy();
      };
      const onError = (error: unknown) => settle(() => reject(systemError(error)));
      signal?.addEventListener("abort", onAbort);
      socket.on("error", onError);
      socket.once(
        "connect",
        () => settle(() => resolve(new NodeSocket(socket, callerEnds(socket, place)))),
      );
    });
  },
};

/**
 * Listens where `node:net` can: also at a descriptor that listens already.
 *
 * @param local the address of this end, if it is not a port's
 */
export function listenAt(options: NetOptions & { fd?: number }, local?: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = nodeModule("node:net").createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      pauseOnConnect: true,
    });
    server.once("error", (error) => reject(systemError(error)));
    server.listen(
      options,
      () => resolve(new NodeListener(server, local ?? addressOf(server.address(), options.fd))),
    );
  });
}

/** Accepts what a server of `node:net` gives. */
class NodeListener implements Listener {
  readonly address: string;
  readonly #server: Server;
  /** Those that were not accepted yet, and the calls of accept() that wait for one. */
  readonly #sockets: Socket[] = [];
  readonly #waiting: PromiseWithResolvers<Socket>[] = [];
  #failures: unknown[] = [];
  #isClosed = false;

  constructor(server: Server, address: string) {
    this.address = address;
    this.#server = server;
    server.on("connection", (socket) => this.#receive(socket));
    server.on("error", (error) => {
      this.#failures.push(systemError(error));
      this.#settle();
    });
  }

  #receive(socket: NetSocket): void {
    const isUnix = this.address.startsWith("unix:");
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (!isUnix && (remoteAddress === undefined || localAddress === undefined)) {
      socket.on("error", () => {});
      socket.destroy(); // it has left already
      return;
    }
    const ends = isUnix ? { remote: "unix:", local: this.address } : {
      remote: formatAddress("tcp", remoteAddress!, remotePort!),
      local: formatAddress("tcp", localAddress!, localPort!),
    };
    this.#sockets.push(new NodeSocket(socket, ends));
    this.#settle();
  }

  accept(): Promise<Socket> {
    if (this.#isClosed && this.#sockets.length === 0) {
      return Promise.reject(new errors.BadResource("Listener has been closed"));
    }
    const waiting = Promise.withResolvers<Socket>();
    this.#waiting.push(waiting);
    this.#settle();
    return waiting.promise;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new errors.Interrupted("Listener was closed"));
    }
  }

  #settle(): void {
    while (this.#waiting.length > 0 && this.#sockets.length + this.#failures.length > 0) {
      const { resolve, reject } = this.#waiting.shift()!;
      const socket = this.#sockets.shift();
      if (socket === undefined) reject(this.#failures.shift());
      else resolve(socket);
    }
  }
}

/** Of a Unix socket that came as a descriptor nothing tells the path. */
function addressOf(address: AddressInfo | string | null, fd?: number): string {
  if (address === null) return `unix:fd:${fd}`;
  return typeof address === "string"
    ? `unix://${address}`
    : formatAddress("tcp", address.address, address.port);
}

function callerEnds(socket: NetSocket, place: Place): Pick<Socket, "remote" | "local"> {
  if ("path" in place) return { remote: `unix://${place.path}`, local: "unix:" };
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return {
    remote: formatAddress("tcp", remoteAddress ?? place.hostname, remotePort ?? place.port),
    local: formatAddress("tcp", localAddress ?? "", localPort ?? 0),
  };
}
