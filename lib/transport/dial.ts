/**
 * Connects to an address, with the transport that its scheme names.
 *
 * @module
 */

import { parseAddress } from "./address.ts";
import { explain } from "./explain_error.ts";
import { memory } from "./memory/mod.ts";
import type { DialOptions, Socket, Transport } from "./socket.ts";
import { tcp } from "./tcp.ts";
import { unix } from "./unix.ts";
import { refuseElsewhere, unusable } from "./unsupported.ts";

type Dialler = Pick<Transport, "dial">;

const TRANSPORTS: ReadonlyMap<string, Dialler> = new Map([
  ["tcp", tcp],
  ["unix", unix],
  ["memory", memory],
]);

/** Few programs dial with these: they are loaded when one does, and cost the others nothing at their start. */
const LOADED_LATER: ReadonlyMap<string, () => Promise<Dialler>> = new Map([
  ["tls", () => import("./tls/dial.ts")],
  ["udp", () => import("./udp/dial.ts")],
  ["stdio", async () => (await import("./process/stdio.ts")).stdio],
  ["command", async () => (await import("./process/command.ts")).command],
  ["ws", () => import("./http/dial_websocket.ts")],
  ["wss", () => import("./http/dial_websocket.ts")],
  ["http", () => import("./http/dial.ts")],
  ["https", () => import("./http/dial.ts")],
  ["vsock", async () => (await import("./vsock.ts")).vsock],
]);

/** Connects to an address. */
export async function dial(address: string | URL, options: DialOptions = {}): Promise<Socket> {
  const parsed = parseAddress(address), { scheme } = parsed;
  refuseElsewhere(parsed, "connect to");
  const transport = TRANSPORTS.get(scheme) ?? await LOADED_LATER.get(scheme)?.();
  if (transport === undefined) throw unusable(parsed);
  try {
    return await transport.dial(parsed, options);
  } catch (error) {
    throw error === options.signal?.reason ? error : explain(error, "connect to", parsed);
  }
}
