/**
 * A server of bytes without framing: it listens, accepts, keeps the set of connections, and ends them in
 * order. What is said on a connection is the matter of its session.
 *
 * @module
 */

import { acceptAll } from "../../lib/server/accept.ts";
import { resolveLimits } from "../../lib/limits.ts";
import type { CloseInfo, Limits, Socket } from "../../lib/client.ts";
import { listen, type Listener, schemeOf, type TlsServerOptions } from "../../lib/wire.ts";
import { TimerWheel } from "../../lib/timers.ts";
import { refuseExposed, refuseExposedListener } from "../../lib/transport/exposure.ts";
import { inherited } from "../../lib/transport/fd.ts";
import { TimeSlice } from "../../lib/overload/time_slice.ts";
import { mustBeStream } from "../command/stream_address.ts";
import { RawConnection, type RawPeer, type RawService } from "./connection.ts";

/** What {@linkcode serveRaw} takes besides the service. */
export interface RawServerOptions {
  /** Where to listen: any transport that carries a stream. */
  readonly listen: readonly string[];
  /** Other limits than the defaults; those of messages have no meaning here. */
  readonly limits?: Partial<Limits>;
  /** TCP connections that the system completes before they are accepted. @default {1024} */
  readonly tcpBacklog?: number;
  /** Networks of proxies whose connections begin with a header of the PROXY protocol. @default none */
  readonly proxyProtocol?: readonly string[];
  /** What `tls://` addresses need. */
  readonly tls?: TlsServerOptions;
  /** Listens also where other machines can reach it: bytes have no way to say who calls. */
  readonly insecure?: boolean;
  /** Called for each connection that was accepted. */
  readonly onOpen?: (peer: RawPeer) => void;
  /** Called for each connection that ended, with why. */
  readonly onClose?: (peer: RawPeer, info: CloseInfo) => void;
  /** Told of what goes wrong: in the service, and while accepting. */
  readonly onError?: (error: unknown, about: string) => void;
}

/** A server that runs. */
export interface RawServer extends AsyncDisposable {
  /** Where it listens, with the real ports. */
  readonly addresses: readonly string[];
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
  /** How many connections are open. */
  readonly connections: number;
  /**
   * Ends in order: accepts no more, answers what still arrives, hangs up.
   *
   * @param grace milliseconds that this may take; 0 ends it now. @default the limit `shutdownGrace`
   */
  shutdown(grace?: number): Promise<void>;
}

/**
 * Listens at all addresses, and serves whoever calls.
 *
 * @param service begins a session with each caller
 * @throws {TypeError} for an address that cannot be served
 * @throws {RangeError} for limits that cannot be kept
 */
export async function serveRaw(
  service: RawService,
  options: RawServerOptions,
): Promise<RawServer> {
  const { tcpBacklog = 1024, tls, onError, proxyProtocol } = options;
  if (!Number.isSafeInteger(tcpBacklog) || tcpBacklog < 1) {
    throw new RangeError(`Cannot serve: tcpBacklog must be an integer from 1, it is ${tcpBacklog}`);
  }
  const limits = resolveLimits(options.limits);
  const exposure = {
    insecure: options.insecure ?? false,
    asksByTls: tls?.clientCa !== undefined,
  };
  const addresses = options.listen.flatMap(inherited);
  for (const address of addresses) refuseExposed(address, exposure);
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) {
      mustBeStream(address);
      const listener = await listen(address, {
        tcpBacklog,
        limits,
        ...(proxyProtocol && { proxyProtocol }),
        ...(tls && { tls }),
        ...(onError && { onError }),
      });
      refuseExposedListener(address, listener, exposure);
      listeners.push(listener);
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return new ListeningRawServer(service, options, limits, listeners);
}

class ListeningRawServer implements RawServer {
  readonly addresses: readonly string[];
  readonly finished: Promise<void>;
  readonly #service: RawService;
  readonly #options: RawServerOptions;
  readonly #limits: Limits;
  readonly #timers = new TimerWheel();
  readonly #timeSlice = new TimeSlice(this.#timers);
  /** With the promise of its end. */
  readonly #connections = new Map<RawConnection, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  readonly #accepting: readonly Promise<void>[];
  #closing: Promise<void> | undefined;
  /** Whether it was told already that there are too many. */
  #full = false;

  constructor(
    service: RawService,
    options: RawServerOptions,
    limits: Limits,
    listeners: readonly Listener[],
  ) {
    this.#service = service;
    this.#options = options;
    this.#limits = limits;
    this.finished = this.#end.promise;
    this.addresses = listeners.map(({ address }) => address);
    this.#accepting = listeners.map((listener) =>
      acceptAll(listener, (socket) => this.#open(socket, listener), {
        signal: this.#stop.signal,
        onError: (error) => options.onError?.(error, `accept at ${listener.address}`),
      })
    );
  }

  get connections(): number {
    return this.#connections.size;
  }

  #open(socket: Socket, { address, single = false }: Listener): void {
    const { onOpen, onClose, onError } = this.#options;
    const peer: RawPeer = {
      address: socket.remote,
      localAddress: socket.local,
      transport: schemeOf(address),
      ...(socket.certificate && { certificate: socket.certificate }),
    };
    // Without framing there are no words for why.
    if (this.#stop.signal.aborted || this.#isFull(peer)) return void socket.close();
    const connection = new RawConnection(socket, {
      service: this.#service,
      peer,
      closesIdle: socket.lasting !== true,
      limits: this.#limits,
      timers: this.#timers,
      ...(peer.transport !== "memory" && { timeSlice: this.#timeSlice }),
      onError: (error) => onError?.(error, `raw() for ${peer.address}`),
    });
    onOpen?.(peer);
    const ended = connection.run().then((info) => {
      this.#connections.delete(connection);
      onClose?.(peer, info);
      if (single) this.shutdown(); // nobody else will ever call
    });
    this.#connections.set(connection, ended);
  }

  #isFull({ localAddress }: RawPeer): boolean {
    const { maxConnections } = this.#limits;
    const isFull = this.#connections.size >= maxConnections;
    if (isFull && !this.#full) {
      this.#options.onError?.(
        new Deno.errors.Busy(`Too many connections: no more than ${maxConnections} are kept`),
        `accept at ${localAddress}`,
      );
    }
    return this.#full = isFull;
  }

  shutdown(grace: number = this.#limits.shutdownGrace): Promise<void> {
    return this.#closing ??= this.#shutdown(grace);
  }

  async #shutdown(grace: number): Promise<void> {
    await null; // so that #closing is set before anyone is told
    this.#stop.abort();
    const ends = [...this.#connections.values()];
    for (const connection of this.#connections.keys()) connection.drain(grace);
    await Promise.all(ends);
    await Promise.all(this.#accepting);
    this.#timers.stop();
    await this.#timeSlice.close();
    this.#end.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
