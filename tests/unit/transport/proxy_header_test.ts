// The header of the PROXY protocol: what is one, what is none, and what is not one yet.

import { assertEquals } from "@std/assert";
import { crc32c, readProxyHeader } from "../../../lib/transport/proxy/header.ts";
import { bytesOf, join } from "../../support/raw.ts";
import { block, SIGNATURE, value } from "../../support/proxy_protocol.ts";

const V4 = [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
const V6 = [...[0x20, 1, 0xd, 0xb8], ...Array(11).fill(0), 7, ...Array(15).fill(0), 1, 0, 9, 0, 80];
const UNIX = Array(216).fill(47);

const FROM_V4 = ["tcp://203.0.113.7:4660", "tcp://192.0.2.1:80"];
const FROM_V6 = ["tcp://[2001:db8::7]:9", "tcp://[::1]:80"];

/** A header with its checksum. */
function checked(wrong = 0): Uint8Array {
  const bytes = block(0x21, 0x11, [...V4, ...value(4, [1, 2]), ...value(3, [0, 0, 0, 0])]);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes) ^ wrong);
  return bytes;
}

/** Headers, and the ends that they name; none where the connection's own are meant. */
const HEADERS: Readonly<Record<string, readonly [string | Uint8Array, string[]?]>> = {
  "TCP4": ["PROXY TCP4 203.0.113.7 192.0.2.1 4660 80\r\n", FROM_V4],
  "TCP6": ["PROXY TCP6 2001:db8::7 ::1 9 80\r\n", FROM_V6],
  "TCP6 in full and in capitals": [
    "PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 0000:0000:0000:0000:0000:0000:0000:0001 9 80\r\n",
    FROM_V6,
  ],
  "TCP6 that maps IPv4": [
    "PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 4660 80\r\n",
    FROM_V4,
  ],
  "the least and the most": [
    "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
    ["tcp://0.0.0.0:0", "tcp://255.255.255.255:65535"],
  ],
  "UNKNOWN": ["PROXY UNKNOWN\r\n"],
  "UNKNOWN with anything": ["PROXY UNKNOWN \0\xff 1 2 3 4 \r 5\r\n"],
  "the longest line": [`PROXY UNKNOWN ${"f".repeat(91)}\r\n`],
  "TCP over IPv4": [block(0x21, 0x11, V4), FROM_V4],
  "UDP over IPv4, as of QUIC": [block(0x21, 0x12, V4), FROM_V4],
  "TCP over IPv6": [block(0x21, 0x21, V6), FROM_V6],
  "a Unix socket": [block(0x21, 0x31, UNIX)],
  "a Unix socket with values": [block(0x21, 0x32, [...UNIX, ...value(5, [1])])],
  "no family": [block(0x21, 0x00, [])],
  "no family, with anything": [block(0x21, 0x00, [1, 2, 3])],
  "IPv4 of no protocol": [block(0x21, 0x10, V4)],
  "LOCAL": [block(0x20, 0x00, [])],
  "LOCAL with anything": [block(0x20, 0xff, [1, 2, 3])],
  "values of all kinds": [
    block(0x21, 0x11, [...V4, ...value(1, [104, 50]), ...value(4, []), ...value(0xee, Array(300))]),
    FROM_V4,
  ],
  "a checksum": [checked(), FROM_V4],
  "as long as may be": [block(0x21, 0x11, [...V4, ...value(4, Array(4065))]), FROM_V4],
};

for (const [name, [text, ends]] of Object.entries(HEADERS)) {
  Deno.test(`readProxyHeader() reads ${name}, and needs all of it`, () => {
    const bytes = latin1(text);
    const expected = {
      kind: "header",
      length: bytes.length,
      ends: ends && { remote: ends[0], local: ends[1] },
    };
    for (let end = 0; end < bytes.length; end++) {
      assertEquals(readProxyHeader(bytes.subarray(0, end)), undefined, `${end} bytes`);
    }
    for (const rest of ["", "x", "PROXY UNKNOWN\r\n", "\r\n\r\n\0"]) {
      assertEquals(readProxyHeader(join([bytes, bytesOf(rest)])) as unknown, expected);
    }
  });
}

/** What is no header, and how many bytes of it are enough to know. */
const OTHERS: Readonly<Record<string, readonly [string | Uint8Array, string, number]>> = {
  "a call": ['{"jsonrpc":"2.0"}', "it begins with neither version", 1],
  "a request of HTTP": ["POST / HTTP/1.1\r\n", "it begins with neither version", 2],
  "a hello of TLS": [new Uint8Array([0x16, 3, 1]), "it begins with neither version", 1],
  "an empty line": ["\r\n{", "it begins with neither version", 3],
  "small letters": ["proxy TCP4", "it begins with neither version", 1],
  "a tab": ["PROXY\tTCP4 1.1.1.1 1.1.1.1 1 1\r\n", "it begins with neither version", 6],
  "a line feed alone": ["PROXY UNKNOWN\n", "its line does not end with CR LF", 14],
  "a line that is too long": [
    `PROXY UNKNOWN ${"f".repeat(92)}\r\n`,
    "its line is longer than 107 bytes",
    107,
  ],
  ...Object.fromEntries(
    [
      "TCP5 1.1.1.1 1.1.1.1 1 1",
      "tcp4 1.1.1.1 1.1.1.1 1 1",
      "",
      "UDP4 1.1.1.1 1.1.1.1 1 1",
      " TCP4 1.1.1.1 1.1.1.1 1 1",
      "UNKNOWNS",
    ].map((rest) => [
      `the family of ${rest}`,
      [`PROXY ${rest}\r\n`, "its family is none of TCP4, TCP6, UNKNOWN", rest.length + 8],
    ]),
  ),
  ...Object.fromEntries(
    [
      "TCP4 1.1.1.1 1.1.1.1 1",
      "TCP4 1.1.1.1 1.1.1.1 1 1 ",
      "TCP4 1.1.1.1  1.1.1.1 1 1",
      "TCP4 ::1 1.1.1.1 1 1",
      "TCP4 1.1.1.1 ::1 1 1",
      "TCP4 1.1.1.1 1.1.1.256 1 1",
      "TCP4 1.1.1.01 1.1.1.1 1 1",
      "TCP4 1.1.1 1.1.1.1 1 1",
      "TCP4 1.1.1.1 1.1.1.1 01 1",
      "TCP4 1.1.1.1 1.1.1.1 1 65536",
      "TCP4 1.1.1.1 1.1.1.1 -1 1",
      "TCP4 1.1.1.1 1.1.1.1 1 1\r",
      "TCP4",
    ].map((rest) => [
      JSON.stringify(rest),
      [
        `PROXY ${rest}\r\n`,
        "there are not two addresses and two ports of TCP4 in its line",
        rest.length + 8,
      ],
    ]),
  ),
  ...Object.fromEntries(
    ["TCP6 1.1.1.1 ::1 1 1", "TCP6 ::1 ::1%lo 1 1", "TCP6 [::1] ::1 1 1", "TCP6 ::1::1 ::1 1 1"]
      .map((rest) => [
        rest,
        [
          `PROXY ${rest}\r\n`,
          "there are not two addresses and two ports of TCP6 in its line",
          rest.length + 8,
        ],
      ]),
  ),
  "version 1 as a block": [block(0x11, 0x11, V4), "its version is 1", 13],
  "version 3": [block(0x31, 0x11, V4), "its version is 3", 13],
  "another command": [block(0x22, 0x11, V4), "its command is 2", 13],
  "another family": [block(0x21, 0x41, V4), "its family is 0x41", 14],
  "another protocol": [block(0x21, 0x13, V4), "its family is 0x13", 14],
  "a block that is too long": [
    join([SIGNATURE, new Uint8Array([0x21, 0x11, 0xff, 0xff])]),
    "it is longer than 4096 bytes",
    16,
  ],
  "LOCAL that is too long": [
    join([SIGNATURE, new Uint8Array([0x20, 0, 0x0f, 0xf1])]),
    "it is longer than 4096 bytes",
    16,
  ],
  "too few bytes for its addresses": [
    block(0x21, 0x21, V4),
    "it is too short for its addresses",
    28,
  ],
  "a value without an end": [
    block(0x21, 0x11, [...V4, 4, 0, 2, 1]),
    "a value in it has no end",
    32,
  ],
  "half a value": [block(0x21, 0x11, [...V4, 4, 0]), "a value in it has no end", 30],
  "a checksum of another length": [
    block(0x21, 0x11, [...V4, ...value(3, [0])]),
    "its checksum has not 4 bytes",
    32,
  ],
  "a wrong checksum": [checked(1), "its checksum is wrong", 40],
};

for (const [name, [text, reason, enough]] of Object.entries(OTHERS)) {
  Deno.test(`readProxyHeader() refuses ${name} as soon as it can`, () => {
    const bytes = latin1(text);
    for (let end = 0; end <= bytes.length; end++) {
      const expected = end < enough ? undefined : { kind: "bad", reason };
      assertEquals(readProxyHeader(bytes.subarray(0, end)) as unknown, expected, `${end} bytes`);
    }
  });
}

Deno.test("crc32c() gives the number of the specification's example", () => {
  assertEquals(crc32c(bytesOf("123456789")), 0xe3069283); // RFC 3720, appendix B.4, has more of them
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
});

function latin1(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Uint8Array.from(text, (it) => it.charCodeAt(0)) : text;
}
