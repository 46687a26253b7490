/**
 * Says who calls, on a connection that is used without a line.
 *
 * @module
 */

import { type ErrorObject, RpcError, type Socket } from "../../lib/client.ts";
import { DEFAULT_LIMITS, type Framing } from "../../lib/wire.ts";

/**
 * Sends a bearer token, and waits until it is taken. Nothing else may be under way.
 *
 * @throws {RpcError} where it is not
 */
export async function authenticate(
  socket: Socket,
  framing: Framing,
  token: string,
): Promise<void> {
  const params = { scheme: "bearer", token };
  const request = { jsonrpc: "2.0", id: "token", method: "rpc.authenticate", params };
  const bytes = framing.encode([JSON.stringify(request)], (size) => new Uint8Array(size));
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
  const decoder = framing.decoder(DEFAULT_LIMITS);
  const buffer = new Uint8Array(4096);
  for (let count; (count = await socket.read(buffer)) !== null;) {
    decoder.push(buffer.subarray(0, count));
    const frame = decoder.next();
    if (frame === undefined) continue;
    if (typeof frame !== "string") throw new Error(`The token was not answered: ${frame.reason}`);
    const { error } = JSON.parse(frame) as { readonly error?: ErrorObject };
    if (error === undefined) return;
    throw new RpcError(error.code, error.message, error.data);
  }
  throw new Deno.errors.ConnectionReset("The server hung up on the token");
}
