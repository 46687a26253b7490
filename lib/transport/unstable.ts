/**
 * The part of Deno's unstable API that is used, with its types: a project that names its own libraries
 * for TypeScript need not have `deno.unstable` among them.
 *
 * @module
 */

/** A datagram socket, as `Deno.DatagramConn` is. */
export interface DatagramConn {
  /** Where it is bound. */
  readonly addr: Deno.Addr;
  /** Waits for a datagram. */
  receive(buffer?: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  /** Sends a datagram. */
  send(datagram: Uint8Array, to: Deno.Addr): Promise<number>;
  /** Ends it. */
  close(): void;
}

/** `Deno.listenDatagram`; undefined without the flag `--unstable-net`. */
export function datagramListener():
  | ((options: { transport: "udp"; hostname: string; port: number }) => DatagramConn)
  | undefined {
  return (Deno as { listenDatagram?: ReturnType<typeof datagramListener> }).listenDatagram;
}

/** The same for Unix sockets. */
export function unixDatagramListener():
  | ((options: { transport: "unixpacket"; path: string }) => DatagramConn)
  | undefined {
  return (Deno as { listenDatagram?: ReturnType<typeof unixDatagramListener> }).listenDatagram;
}
