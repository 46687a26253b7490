/**
 * A connection of Deno to itself: what arrives on it has come by way of the sockets.
 *
 * @module
 */

const HOST = "127.0.0.1";

/** Both ends of it. */
export interface OwnConnection {
  /** Resolves when a byte has gone around. */
  goAround(): Promise<void>;
  /** Lets go of both ends. */
  close(): void;
}

/** Connects to itself; undefined if that is not allowed: it does not ask for the permission. */
export async function connectToSelf(): Promise<OwnConnection | undefined> {
  const { state } = Deno.permissions.querySync({ name: "net", host: HOST });
  if (state !== "granted") return undefined;
  try {
    const [near, far] = await bothEnds();
    const byte = new Uint8Array(1);
    const own: OwnConnection = {
      async goAround() {
        const back = far.read(byte);
        await near.write(byte);
        await back;
      },
      close() {
        near.close();
        far.close();
      },
    };
    // Another program may have been faster: then it is not us at the other end.
    if (far.remoteAddr.port === near.localAddr.port) return own;
    own.close();
    return undefined;
  } catch {
    return undefined; // no descriptors, say: a timer does as well
  }
}

async function bothEnds(): Promise<[near: Deno.TcpConn, far: Deno.TcpConn]> {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  try {
    const near = await Deno.connect({ hostname: HOST, port: listener.addr.port });
    try {
      return [near, await listener.accept()];
    } catch (error) {
      near.close();
      throw error;
    }
  } finally {
    listener.close();
  }
}
