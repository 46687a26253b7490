// Networks that a server is told of.

import { assertEquals, assertThrows } from "@std/assert";
import { Networks, parseIp } from "../../../lib/transport/networks.ts";

Deno.test("parseIp() has one text for each address, and takes nothing else", () => {
  const same: Readonly<Record<string, string>> = {
    "203.0.113.7": "203.0.113.7",
    "0.0.0.0": "0.0.0.0",
    "2001:DB8:0:0:0:0:0:1": "2001:db8::1",
    "::": "::",
    "::1": "::1",
    "::ffff:203.0.113.7": "203.0.113.7",
    "::ffff:cb00:7107": "203.0.113.7",
    "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
  };
  for (const [text, expected] of Object.entries(same)) assertEquals(parseIp(text)?.text, expected);
  for (
    const text of [
      "",
      "1",
      "1.2.3",
      "1.2.3.256",
      "1.2.3.04",
      "0x7f.0.0.1",
      "1.2.3.4.",
      " 1.2.3.4",
      "[::1]",
      ":::",
      "::1::",
      "1:2:3:4:5:6:7",
      "fe80::1%eth0",
      "::1]/[",
      "localhost",
      "::" + "0".repeat(50),
    ]
  ) assertEquals(parseIp(text), undefined, text);
});

Deno.test("Networks.has() tells which peers are in them, of either family and of Unix sockets", () => {
  const rows: readonly (readonly [network: string, inside: string[], outside: string[]])[] = [
    ["10.0.0.0/8", ["tcp://10.0.0.0:1", "tls://10.255.255.255:1", "tcp://[::ffff:10.1.2.3]:1"], [
      "tcp://11.0.0.0:1",
      "tcp://9.255.255.255:1",
      "tcp://[a00::]:1",
      "unix:",
    ]],
    ["192.0.2.128/25", ["tcp://192.0.2.128:1", "tcp://192.0.2.255:1"], ["tcp://192.0.2.127:1"]],
    ["192.0.2.1", ["tcp://192.0.2.1:1", "tcp://192.0.2.1"], ["tcp://192.0.2.0:1"]],
    ["0.0.0.0/0", ["tcp://203.0.113.7:1"], ["tcp://[::1]:1", "memory:x", "stdio:"]],
    ["::ffff:192.0.2.0/120", ["tcp://192.0.2.9:1"], ["tcp://192.0.3.9:1"]],
    ["fd00::/9", ["tcp://[fd7f::1]:1"], ["tcp://[fd80::1]:1", "tcp://253.0.0.1:1"]],
    ["::1", ["tcp://[::1]:1"], ["tcp://127.0.0.1:1", "tcp://localhost:1"]],
    ["::/0", ["tcp://[2001:db8::1]:1"], ["tcp://127.0.0.1:1"]],
    ["unix", ["unix:", "unix:///run/app.sock"], ["tcp://127.0.0.1:1"]],
  ];
  for (const [network, inside, outside] of rows) {
    const networks = new Networks([network], "x");
    for (const address of inside) assertEquals([address, networks.has(address)], [address, true]);
    for (const address of outside) assertEquals([address, networks.has(address)], [address, false]);
    assertEquals(networks.isEmpty, false);
  }
  assertEquals(new Networks([], "x").isEmpty, true);
  assertEquals(new Networks(["10.0.0.0/8", "::1"], "x").has("tcp://[::1]:1"), true);
});

Deno.test("Networks() refuses what is none, and repeats it", () => {
  for (
    const text of [
      "",
      "localhost",
      "10.0.0.0/33",
      "10.0.0.0/",
      "10.0.0.0/-1",
      "10.0.0.0/8.5",
      "10.0.0.0/8/8",
      "10.0.0.1/8",
      "fd00::1/8",
      "::/129",
      "::ffff:10.0.0.0/95",
      "unix:",
      "[::1]",
      "10.0.0.0:80",
    ]
  ) {
    assertThrows(
      () => new Networks(["10.0.0.0/8", text], "http.trustProxy"),
      RangeError,
      `it is ${JSON.stringify(text)}`,
    );
  }
});
