/**
 * Where a request comes from that proxies have passed on: what `Forwarded` (RFC 7239) and `X-Forwarded-For`
 * say, as far as it can be believed. Pure.
 *
 * Each proxy writes behind what was there the address that has called it, so the headers are read from
 * their ends, through the addresses of proxies that are trusted, to the first that is none. What stands before
 * that may have been written by anyone, and is never looked at.
 *
 * @module
 */

import { formatAddress } from "../transport/address.ts";
import { type Ip, type Networks, parseIp } from "../transport/networks.ts";
import type { Refusal } from "./guard.ts";

/** An address that a proxy has named. */
export interface Origin {
  readonly ip: Ip;
  /** Undefined where the proxy has not named it. */
  readonly port: number | undefined;
}

/**
 * The address from which a trusted proxy, or the first of several, got a request: the nearest that is known for
 * sure. Undefined where the proxy names none.
 *
 * A proxy that writes one of the two headers may pass on the other as its caller has sent it. So if both are
 * there and say different things the request is refused: it cannot be told which of them is true.
 */
export function originOf(
  headers: ReadonlyMap<string, string>,
  proxies: Pick<Networks, "hasIp">,
): Origin | Refusal | undefined {
  const forwarded = headers.get("forwarded"), list = headers.get("x-forwarded-for");
  const first = forwarded === undefined ? undefined : firstOf(forwarded, forwardedNode, proxies);
  const second = list === undefined ? undefined : firstOf(list, listedNode, proxies);
  if (forwarded === undefined || list === undefined) return first ?? second;
  if (first?.ip.text === second?.ip.text) return first;
  return {
    status: 400,
    reason: "the headers forwarded and x-forwarded-for name different callers",
  };
}

/**
 * The same as the address of a peer.
 *
 * @param proxy that of the proxy, which says whether it has come over TLS
 */
export function addressOf({ ip, port }: Origin, proxy: string): string {
  const scheme = proxy.startsWith("tls:") ? "tls" : "tcp";
  return port === undefined
    ? `${scheme}://${ip.bytes.length === 4 ? ip.text : `[${ip.text}]`}`
    : formatAddress(scheme, ip.text, port);
}

/** The address behind the last trusted proxy; see {@linkcode originOf}. */
function firstOf(
  list: string,
  read: (member: string) => Origin | undefined,
  proxies: Pick<Networks, "hasIp">,
): Origin | undefined {
  let origin: Origin | undefined;
  for (const member of membersFromEnd(list)) {
    const node = read(member);
    if (node === undefined) break; // hidden, or nonsense: what stands before it is nobody's word
    origin = node;
    if (!proxies.hasIp(node.ip)) break;
  }
  return origin;
}

/**
 * The members of a list, from its end. Quotes are followed from the end as well: one that a caller has left open
 * cannot swallow what a proxy has written behind it.
 */
export function* membersFromEnd(list: string): Generator<string> {
  let end = list.length, isQuoted = false;
  for (let i = end - 1; i >= -1; i--) {
    const char = list[i];
    if (char === '"') isQuoted = isQuoted ? isEscaped(list, i) : true;
    if (i >= 0 && (isQuoted || char !== ",")) continue;
    const member = list.slice(i + 1, end).trim();
    end = i;
    if (member !== "") yield member; // a list may have empty members
  }
}

/** Whether an odd number of backslashes stands before this place. */
function isEscaped(text: string, at: number): boolean {
  let count = 0;
  while (text[at - 1 - count] === "\\") count++;
  return count % 2 === 1;
}

/** A pair of `Forwarded`, with what stands between it and the next. */
const PAIR =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"([^"\\]*(?:\\.[^"\\]*)*)")[ \t]*(?:;[ \t]*|$)/;

/** The `for` of one proxy's pairs. */
function forwardedNode(member: string): Origin | undefined {
  const pairs = new Map<string, string>();
  for (let rest = member; rest !== "";) {
    if (rest[0] === ";") { // a pair may be empty
      rest = rest.slice(1).trimStart();
      continue;
    }
    const [all, name = "", token, quoted = ""] = PAIR.exec(rest) ?? [];
    if (all === undefined || pairs.has(name.toLowerCase())) return undefined;
    pairs.set(name.toLowerCase(), token ?? quoted.replace(/\\(.)/g, "$1"));
    rest = rest.slice(all.length);
  }
  return nodeOf(pairs.get("for") ?? "");
}

/** A member of `X-Forwarded-For`: in it an IPv6 address stands with brackets or without. */
function listedNode(member: string): Origin | undefined {
  const ip = parseIp(member);
  return ip === undefined ? nodeOf(member) : { ip, port: undefined };
}

/** What a node of RFC 7239, section 6, names; undefined for `unknown`, for `_hidden`, and for what is none. */
function nodeOf(node: string): Origin | undefined {
  const [, bare, bracketed, port] =
    /^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}|_[A-Za-z0-9._-]+))?$/.exec(node) ?? [];
  const ip = bracketed === undefined
    ? parseIp(bare ?? "")
    : bracketed.includes(":")
    ? parseIp(bracketed)
    : undefined;
  if (ip === undefined) return undefined;
  if (port === undefined || port.startsWith("_")) return { ip, port: undefined };
  return Number(port) < 1 << 16 ? { ip, port: Number(port) } : undefined;
}
