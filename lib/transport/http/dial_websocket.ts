/**
 * Connects to `ws://host:port/path` and `wss://…`: TCP or TLS, HTTP/1.1 for one request and its answer, and
 * WebSocket from then on (RFC 6455, section 4). What the frames look like is `framing/websocket.ts`.
 *
 * Not the runtime's own WebSocket: it cannot push back on a peer that sends too fast.
 *
 * @module
 */

import { websocket } from "../../framing/websocket.ts";
import { errors, toBase64 } from "../../runtime.ts";
import type { Address } from "../address.ts";
import { PrefixedSocket } from "../prefixed_socket.ts";
import type { DialOptions, PeerCertificate, Socket } from "../socket.ts";
import { dialBelow, renamed, targetOf } from "./below.ts";
import { statusError } from "./status.ts";

/** Bytes that the head of an answer may have. */
const MAX_HEAD = 1 << 14;

/** Bytes of the body of a refusal that are read. */
const MAX_BODY = 1 << 10;

/** What an answer to a key is made with: RFC 6455, section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The header that offers subprotocols: the one of the handshake's own that the caller may set. */
const PROTOCOL = "sec-websocket-protocol";

/** Others that a handshake says itself. */
const OWN = ["host", "upgrade", "connection", "content-length", "transfer-encoding"];

/** Connects, and shakes hands. */
export async function dial(address: Address, options: DialOptions): Promise<Socket> {
  const request = handshake(address, options.headers);
  const socket = await dialBelow(address, options), { signal } = options;
  const hangUp = () => void socket.close();
  signal?.addEventListener("abort", hangUp);
  try {
    signal?.throwIfAborted();
    await writeAll(socket, new TextEncoder().encode(request.text));
    const head = await readHead(socket, address);
    await check(head, socket, request.key, request.headers, address);
    return new WebSocketSocket(socket, head.rest, address.scheme);
  } catch (error) {
    signal?.throwIfAborted(); // then it is closed already
    await socket.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", hangUp);
  }
}

// ---- The request -----------------------------------------------------------------------------

/** What is sent, and what its answer has to fit. */
interface Handshake {
  readonly text: string;
  readonly key: string;
  readonly headers: Headers;
}

/** @throws {TypeError} for headers that cannot be sent */
function handshake(address: Address, given: DialOptions["headers"]): Handshake {
  const { url, headers } = targetOf(
    address,
    given,
    (name) => OWN.includes(name) || name.startsWith("sec-websocket-") && name !== PROTOCOL,
  );
  const key = toBase64(crypto.getRandomValues(new Uint8Array(16)));
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    ...Array.from(headers, ([name, value]) => `${name}: ${value}`),
  ];
  return { text: lines.join("\r\n") + "\r\n\r\n", key, headers };
}

async function writeAll(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await socket.write(rest));
}

// ---- The answer ------------------------------------------------------------------------------

/** The head of an answer, and what was read behind it. */
interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly rest: Uint8Array;
}

const HTTP = "HTTP/1.";

async function readHead(socket: Socket, address: Address): Promise<Head> {
  const buffer = new Uint8Array(MAX_HEAD);
  for (let length = 0;;) {
    const count = await socket.read(buffer.subarray(length));
    const text = latin1(buffer.subarray(0, length += count ?? 0));
    const start = text.slice(0, HTTP.length);
    if (!HTTP.startsWith(start) || count === null && start.length < HTTP.length) {
      const sent = count === null ? "it hung up" : `it sent ${JSON.stringify(text.slice(0, 40))}`;
      throw failed(address, `no HTTP server answers there, ${sent}`);
    }
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return parseHead(text.slice(0, end), buffer.slice(end + 4, length), address);
    if (count === null) throw failed(address, "the server hung up during the handshake");
    if (length === MAX_HEAD) {
      throw failed(address, `the head of the server's answer is longer than ${MAX_HEAD} bytes`);
    }
  }
}

/** Each byte as a character. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function parseHead(text: string, rest: Uint8Array, address: Address): Head {
  const [first, ...lines] = text.split("\r\n") as [string, ...string[]];
  const status = Number(first.slice(9, 12));
  if (!(status >= 100) || first[8] !== " ") {
    throw failed(address, `its answer begins with ${first}`);
  }
  const headers = new Headers();
  try {
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, Math.max(colon, 0)), line.slice(colon + 1));
    }
  } catch {
    throw failed(address, "the head of the server's answer is no HTTP");
  }
  return { status, statusText: first.slice(13), headers, rest };
}

/** @throws {RpcError} where the server refuses, `InvalidData` where its consent is none */
async function check(
  head: Head,
  socket: Socket,
  key: string,
  asked: Headers,
  address: Address,
): Promise<void> {
  const { status, headers } = head;
  if (status !== 101) {
    const body = new TextDecoder().decode(await readBody(socket, head));
    throw statusError(`Cannot connect to ${address.text}`, { ...head, body });
  }
  const upgrade = headers.get("upgrade")?.toLowerCase();
  if (upgrade !== "websocket" || !listOf(headers.get("connection")).includes("upgrade")) {
    throw failed(address, "the server switches to another protocol than WebSocket");
  }
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  if (headers.get("sec-websocket-accept")?.trim() !== toBase64(new Uint8Array(hash))) {
    throw failed(
      address,
      "the server's Sec-WebSocket-Accept does not fit our key; something between may have kept an old answer",
    );
  }
  const extensions = headers.get("sec-websocket-extensions");
  if (extensions) {
    throw failed(address, `the server uses an extension that was not offered, ${extensions}`);
  }
  const protocol = headers.get(PROTOCOL)?.toLowerCase();
  if (protocol && !listOf(asked.get(PROTOCOL)).includes(protocol)) {
    throw failed(address, `the server speaks a subprotocol that was not offered, ${protocol}`);
  }
}

/** What stands between commas, in lower case. */
function listOf(value: string | null): string[] {
  return (value ?? "").split(",").map((it) => it.trim().toLowerCase());
}

/** As much of a body as is shown. */
async function readBody(socket: Socket, { headers, rest }: Head): Promise<Uint8Array> {
  const length = headers.get("content-length");
  // Without a length it is not known whether more comes, and a refusal is told without it, too.
  const size = Math.min(MAX_BODY, length === null ? rest.length : Number(length) || 0);
  const body = new Uint8Array(size);
  let at = Math.min(size, rest.length);
  body.set(rest.subarray(0, at));
  try {
    for (let count; at < size && (count = await socket.read(body.subarray(at))) !== null;) {
      at += count;
    }
  } catch {
    // the status says enough
  }
  return body.subarray(0, at);
}

function failed(address: Address, why: string): Error {
  return new errors.InvalidData(`Cannot connect to ${address.text}: ${why}`);
}

// ---- The socket ------------------------------------------------------------------------------

/** A socket on which both ends have agreed to speak WebSocket. */
class WebSocketSocket extends PrefixedSocket {
  readonly framing = websocket.client;
  readonly certificate?: PeerCertificate;

  /** @param first what came with the answer to the handshake, and was not read yet */
  constructor(socket: Socket, first: Uint8Array, scheme: string) {
    const { remote, local, certificate } = socket;
    super(socket, { remote: renamed(remote, scheme), local: renamed(local, scheme) }, first);
    if (certificate !== undefined) this.certificate = certificate;
  }
}
