// Headers of the PROXY protocol against a slow reference, whatever the pieces in which they come: each
// beginning of one says the same as all of it, or that more is needed.

import { isIPv4, isIPv6 } from "node:net";
import { readProxyHeader } from "../../lib/transport/proxy/header.ts";
import type { Dice } from "../support/dice.ts";
import { block, value } from "../support/proxy_protocol.ts";
import { bytesOf, join } from "../support/raw.ts";
import { type Summary, tryAll } from "./_check.ts";
import { type Input, mutated } from "./_inputs.ts";

/** Bytes at the begin of a connection. */
export interface ProxyInput extends Pick<Input, "cuts" | "bytes"> {
  readonly proxy: true;
}

/** What the bytes are: `more`, `bad`, or the length of the header with the ends that it names. */
export function headerIn(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, 5000));
  const signature = "\r\n\r\n\0\r\nQUIT\n";
  if (text.slice(0, 12) === signature.slice(0, text.length)) return blockIn(text);
  const head = text.slice(0, 107);
  if (head.slice(0, 6) !== "PROXY ".slice(0, head.length)) return "bad";
  if (!head.includes("\n")) return head.length === 107 ? "bad" : "more";
  const line = head.slice(0, head.indexOf("\n") + 1);
  if (/^PROXY UNKNOWN(?: .*)?\r\n$/s.test(line)) return `${line.length}`;
  const parts = /^PROXY TCP([46]) ([^ ]*) ([^ ]*) (0|[1-9]\d*) (0|[1-9]\d*)\r\n$/.exec(line);
  if (parts === null) return "bad";
  const [, family, source, target, ...ports] = parts as unknown as string[];
  const isIp = family === "4" ? isIPv4 : isIPv6;
  if (![source!, target!].every((it) => isIp(it) && !it.includes("%"))) return "bad";
  if (ports.some((port) => Number(port) > 65535)) return "bad";
  return `${line.length} ${numbersOf(source!)}:${ports[0]} ${numbersOf(target!)}:${ports[1]}`;
}

function blockIn(text: string): string {
  const at = (i: number) => text.charCodeAt(i);
  if (text.length > 12 && ![0x20, 0x21].includes(at(12))) return "bad";
  const isLocal = at(12) === 0x20;
  if (text.length > 13 && !isLocal && (at(13) >> 4 > 3 || at(13) % 16 > 2)) return "bad";
  if (text.length < 16) return "more";
  const length = 16 + at(14) * 256 + at(15);
  if (length > 4096) return "bad";
  if (text.length < length) return "more";
  const family = at(13) >> 4;
  if (isLocal) return `${length}`;
  const end = 16 + [0, 12, 36, 216][family]!;
  if (end > length) return "bad";
  for (let i = end; family > 0 && i < length;) {
    const size = at(i + 1) * 256 + at(i + 2);
    if (i + 3 > length || i + 3 + size > length) return "bad";
    if (at(i) === 3) {
      if (size !== 4) return "bad";
      const cleared = text.slice(0, i + 3) + "\0\0\0\0" + text.slice(i + 7, length);
      if (sumOf(cleared) !== text.slice(i + 3, i + 7)) return "bad";
    }
    i += 3 + size;
  }
  if (family === 0 || family === 3 || at(13) % 16 === 0) return `${length}`;
  const size = family === 1 ? 4 : 16;
  const ip = (from: number) => Array.from(text.slice(from, from + size), (it) => it.charCodeAt(0));
  const port = (from: number) => at(from) * 256 + at(from + 1);
  return `${length} ${ipv4In(ip(16))}:${port(16 + 2 * size)} ` +
    `${ipv4In(ip(16 + size))}:${port(18 + 2 * size)}`;
}

/** CRC32c as the remainder of a division, bit by bit. */
function sumOf(text: string): string {
  let bits = "";
  for (const char of text) {
    bits += char.charCodeAt(0).toString(2).padStart(8, "0").split("").reverse().join("");
  }
  const work = Array.from(bits + "0".repeat(32), Number);
  for (let i = 0; i < 32; i++) work[i]! ^= 1;
  const divisor = Array.from((0x11edc6f41).toString(2), Number);
  for (let i = 0; i < bits.length; i++) {
    if (work[i] === 1) divisor.forEach((bit, k) => work[i + k]! ^= bit);
  }
  const rest = work.slice(-32).map((bit) => 1 - bit).reverse().join("");
  return [0, 8, 16, 24].map((i) => String.fromCharCode(parseInt(rest.slice(i, i + 8), 2))).join("");
}

/** An address as its numbers; an IPv4 address in IPv6 is that. */
function numbersOf(ip: string): string {
  if (isIPv4(ip)) return ip;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number];
    ip = `${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const [left, right] = ip.split("::").map((it) => it.split(":").filter((group) => group !== ""));
  const middle = right === undefined ? [] : Array(8 - left!.length - right.length).fill("0");
  const groups = [...left!, ...middle, ...right ?? []].map((group) => parseInt(group, 16));
  return ipv4In(groups.flatMap((group) => [group >> 8, group % 256]));
}

function ipv4In(bytes: readonly number[]): string {
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((it) => it === 0) &&
    bytes[10] === 255 && bytes[11] === 255;
  return (isMapped ? bytes.slice(12) : bytes).join(".");
}

/** What the library makes of it, in the same words. */
function found(bytes: Uint8Array): string {
  const header = readProxyHeader(bytes);
  if (header === undefined) return "more";
  if (header.kind === "bad") return "bad";
  const ends = [header.ends?.remote, header.ends?.local].filter((it) => it !== undefined);
  return [
    header.length,
    ...ends.map((it) => {
      const [, ip, port] = /^tcp:\/\/\[?([^\]]*?)\]?:(\d+)$/.exec(it)!;
      return `${numbersOf(ip!)}:${port}`;
    }),
  ].join(" ");
}

/** What is wrong with how an input is read; undefined where nothing is. */
export function wrongWithProxy({ bytes }: ProxyInput): string | undefined {
  try {
    const whole = found(bytes);
    for (let end = 0; end <= bytes.length; end++) {
      const begin = bytes.slice(0, end), expected = headerIn(begin), told = found(begin);
      if (told !== expected) return `${end} bytes are ${told}, expected ${expected}`;
      if (told !== "more" && told !== whole) return `${end} bytes are ${told}, all are ${whole}`;
    }
  } catch (error) {
    return `it throws ${error}`;
  }
}

const IPV4 = ["203.0.113.7", "0.0.0.0", "255.255.255.255"];
const IPV6 = ["::", "::1", "2001:DB8::7", "1:2:3:4:5:6:7:8"];
const ODD = [
  ...IPV4,
  ...IPV6,
  "::ffff:1.2.3.4",
  "1.2.3",
  "01.2.3.4",
  "::1%lo",
  "1::2::3",
  "[::1]",
  "",
  "256.1.1.1",
];

function line(dice: Dice): Uint8Array {
  const family = dice.pick(["TCP4", "TCP4", "TCP6", "TCP6", "UNKNOWN", "UDP4"]);
  const ips = family === "TCP6" ? IPV6 : IPV4;
  const ip = () => dice.pick(dice.chance(90) ? ips : ODD);
  const port = () => dice.chance(95) ? String(dice.int(0, 65535)) : dice.pick(["65536", "01", ""]);
  const parts = ["PROXY", family, ip(), ip(), port(), port()];
  const odd = ["\n", "\r", " \r\n", `${"f".repeat(90)}\r\n`];
  const end = dice.chance(90) ? "\r\n" : dice.pick(odd);
  return bytesOf(parts.join(" ") + end);
}

function binary(dice: Dice): Uint8Array {
  const family = dice.pick([0x11, 0x11, 0x12, 0x21, 0x22, 0, 0x10, 0x31, 0x41, 0x13]);
  const size = [0, 12, 36, 216][family >> 4] ?? 4;
  const rest = Array.from({ length: size }, () => dice.pick([0, 0, 255, dice.int(0, 255)]));
  for (let count = dice.int(0, 2); count > 0; count--) {
    rest.push(...value(dice.pick([1, 4, 0xee]), Array(dice.int(0, 9)).fill(7)));
  }
  const isSummed = dice.chance(40);
  if (isSummed) rest.push(...value(3, [0, 0, 0, 0]));
  const command = dice.chance(75) ? 0x21 : dice.pick([0x20, 0x20, 0x22, 0x11]);
  const bytes = block(command, family, rest);
  if (isSummed) {
    const sum = sumOf(String.fromCharCode(...bytes));
    bytes.set(Uint8Array.from(sum, (it) => it.charCodeAt(0)), bytes.length - 4);
  }
  return bytes;
}

/** Bytes at the begin of a connection. */
export function drawProxy(dice: Dice): ProxyInput {
  const header = dice.chance(50) ? line(dice) : binary(dice);
  const bytes = join([header, bytesOf(dice.pick(["", "{}\n", "PROXY UNKNOWN\r\n", "\r\n\r\n"]))]);
  return { proxy: true, cuts: [1], bytes: dice.chance(50) ? bytes : mutated(dice, bytes) };
}

/** Tries the inputs of these seeds. */
export function fuzzProxy(first: number, count: number): Summary {
  return tryAll(first, count, drawProxy, wrongWithProxy);
}
