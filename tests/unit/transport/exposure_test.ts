// What an address says of where a peer is.

import { assertEquals } from "@std/assert";
import { isLocal, networkOf } from "../../../lib/transport/exposure.ts";

const LOCAL = [
  "tcp://127.0.0.1:80",
  "tcp://127.8.9.10:80",
  "tcp://localhost:80",
  "tcp://LOCALHOST:80",
  "tcp://[::1]:80",
  "tls://[::ffff:127.0.0.1]:80",
  "udp://[::ffff:7f00:1]:80",
  "unix:///run/app.sock",
  "stdio:",
  "memory:here",
  "vsock://any:80",
];

const REMOTE: Readonly<Record<string, string>> = {
  "tcp://0.0.0.0:80": "0.0.0.0",
  "tls://203.0.113.5:80": "203.0.113.5",
  "tcp://[::ffff:203.0.113.5]:80": "203.0.113.5",
  "tcp://[::ffff:cb00:7105]:80": "203.0.113.5",
  "tcp://[::]:80": "0:0:0:0::/64",
  "udp://[2001:db8::1]:80": "2001:db8:0:0::/64",
  "tcp://[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
  "tcp://[fe80::1:2]:80": "fe80:0:0:0::/64",
  "tcp://127.0.0.1.example.org:80": "127.0.0.1.example.org",
  "tcp://example.org:80": "example.org",
};

Deno.test("isLocal() tells what only this machine can reach", () => {
  for (const address of LOCAL) assertEquals([address, isLocal(address)], [address, true]);
  for (const address of Object.keys(REMOTE)) {
    assertEquals([address, isLocal(address)], [address, false]);
  }
});

Deno.test("networkOf() is what one caller has to itself, and nothing on this machine", () => {
  for (const address of LOCAL) assertEquals([address, networkOf(address)], [address, undefined]);
  for (const [address, network] of Object.entries(REMOTE)) {
    assertEquals([address, networkOf(address)], [address, network]);
  }
});
