/**
 * Addresses that nobody can serve, and what to use instead of them.
 *
 * @module
 */

import { errors, isDeno } from "../runtime.ts";
import { type Address, badAddress, isHostAndPort } from "./address.ts";

const TLS = "here use tcp:// or unix:// behind a proxy that ends TLS, such as nginx or Caddy";
const NO_DATAGRAMS = "here use tcp://, or unix:// on one machine";
const NO_VSOCK = "here use tcp://";

const KNOWN = ["tcp", "unix", "tls", "udp", "stdio", "command", "vsock", "memory", "fd"];

/** The error for an address of a scheme that has no transport here, or none for listening. */
export function unusable({ scheme, text }: Address): TypeError {
  const known = KNOWN.map((scheme) => scheme + ":").join(", ");
  return badAddress(
    text,
    INSTEAD.get(scheme) ??
      (isHostAndPort(text)
        ? `it has no scheme; tcp://${text} has one`
        : `nothing is known of ${scheme}:, there are ${known}`),
  );
}

// ---- What Deno alone has ----------------------------------------------------------------------

/** Schemes that only Deno can listen at, or connect to, each with what to use in another runtime. */
const DENO_ALONE: Readonly<Record<"listen at" | "connect to", ReadonlyMap<string, string>>> = {
  "listen at": new Map([
    ["tls", TLS],
    ["https", TLS],
    ["wss", TLS],
    ["udp", NO_DATAGRAMS],
    ["vsock", NO_VSOCK],
  ]),
  "connect to": new Map([["udp", NO_DATAGRAMS], ["vsock", NO_VSOCK]]),
};

/** @throws `NotSupported` for an address that needs Deno, if this is another runtime */
export function refuseElsewhere(
  { scheme, text }: Address,
  action: "listen at" | "connect to",
): void {
  const instead = isDeno ? undefined : DENO_ALONE[action].get(scheme);
  if (instead === undefined) return;
  throw new errors.NotSupported(`Cannot ${action} ${text}: only on Deno; ${instead}`);
}

// ---- What no runtime has ----------------------------------------------------------------------

const RAW = "Deno has no raw sockets (SOCK_RAW); use udp:// for datagrams, tcp:// for a stream";
const DATAGRAM = "use udp:// for datagrams";
const BOTH_FAMILIES = "takes both families: 127.0.0.1 is an IPv4 address, [::1] an IPv6 one";
const NO_HTTP = "HTTP is not spoken here";

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["raw", RAW],
  ["packet", RAW],
  ["icmp", RAW],
  ["ip", RAW],
  ["rdm", "Deno has no SOCK_RDM; use tcp://, which is reliable, or udp://, which has boundaries"],
  [
    "seqpacket",
    "Deno has no SOCK_SEQPACKET; use unix:// or tcp://, where the framing marks the boundaries",
  ],
  [
    "unix+seqpacket",
    "Deno has no SOCK_SEQPACKET; use unix://, where the framing marks the boundaries",
  ],
  ["unix+dgram", "Deno cannot send on a Unix datagram socket while it receives there; use unix://"],
  ["unixpacket", "Deno cannot send on a Unix datagram socket while it receives there; use unix://"],
  ["dgram", DATAGRAM],
  ["datagram", DATAGRAM],
  ["stream", "use tcp:// or unix:// for a stream"],
  ["tcp4", `use tcp://, which ${BOTH_FAMILIES}`],
  ["tcp6", `use tcp://, which ${BOTH_FAMILIES}`],
  ["udp4", `use udp://, which ${BOTH_FAMILIES}`],
  ["udp6", `use udp://, which ${BOTH_FAMILIES}`],
  ["ssl", "use tls://"],
  ["tcps", "use tls://"],
  ["http", `${NO_HTTP}; use tcp://`],
  ["https", `${NO_HTTP}; use tls://`],
  ["ws", `${NO_HTTP}, nor are WebSockets; use tcp://`],
  ["wss", `${NO_HTTP}, nor are WebSockets; use tls://`],
  ["nats", "NATS is not spoken here; use tcp://"],
  ["file", "use unix:// for a socket file"],
  ["pipe", "use unix:// for a socket file, stdio: or command: for the pipes of a process"],
  [
    "fd",
    "a descriptor is an address to listen at; use stdio: for those of standard input and output",
  ],
  ["stdin", "use stdio:"],
  ["stdout", "use stdio:"],
  // Who dials never asks about it.
  ["command", "a program is started by who calls it; the program listens at stdio:"],
  ["exec", "use command:"],
  ["cmd", "use command:"],
  ["inproc", "use memory:"],
]);
