/**
 * Addresses that nobody can serve, and what to use instead of them.
 *
 * @module
 */

/** What to say of a scheme; undefined for one that nothing is known of. */
export function insteadOf(scheme: string): string | undefined {
  return INSTEAD.get(scheme);
}

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
  ["fd", "Deno cannot take over a descriptor; use stdio: for those of standard input and output"],
  ["stdin", "use stdio:"],
  ["stdout", "use stdio:"],
  ["exec", "use command:"],
  ["cmd", "use command:"],
  ["inproc", "use memory:"],
]);
