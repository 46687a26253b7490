/**
 * How a message travels: in a framing, in a frame of a WebSocket, or in a request of HTTP, well-behaved most
 * of the time.
 *
 * @module
 */

import type { Dice } from "../../support/dice.ts";
import { call, post, request } from "../../support/http.ts";
import { bytesOf, frame, FRAMING_NAMES, join, type Spoken } from "../../support/raw.ts";
import { closePayload, OP, wsFrame } from "../../support/websocket_frames.ts";
import { TOKENS } from "../attack.ts";
import { NOT_UTF8 } from "./verbs.ts";

/** What a connection speaks. */
export type Carrier = Spoken | "http";

/** All of them, the usual ones more than once. */
export const CARRIERS: readonly Carrier[] = [
  "json",
  "json",
  ...FRAMING_NAMES,
  "websocket",
  "websocket",
  "http",
  "http",
];

/** What is sent, and in words. */
export interface Carried {
  readonly words: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Draws how a message travels. @param asks whether the server asks who calls */
export function carry(dice: Dice, carrier: Carrier, message: string, asks: boolean): Carried {
  const body = withBadBytes(message);
  switch (carrier) {
    case "websocket":
      return inFrames(dice, message, body);
    case "http":
      return inRequest(dice, message, body, asks);
    default:
      return { words: message, bytes: frame(carrier, body) };
  }
}

/** Nothing is hidden by a mask of zeros: what is to be numbered is found. */
const PLAIN = { key: [0, 0, 0, 0] } as const;
const MORE = { ...PLAIN, fin: false } as const;

function inFrames(dice: Dice, message: string, body: Uint8Array<ArrayBuffer>): Carried {
  const whole = frame("websocket", body), draw = dice.int(0, 99);
  if (draw < 70) return { words: message, bytes: whole };
  if (draw < 85) {
    const count = Math.min(body.length, dice.pick([2, 3, 10, 500])), control = dice.chance(30);
    const size = Math.max(1, Math.ceil(body.length / Math.max(1, count)));
    const parts: Uint8Array[] = [wsFrame(OP.text, "", MORE)];
    for (let at = 0; at < body.length; at += size) {
      if (control) parts.push(wsFrame(OP.ping, "p", PLAIN));
      parts.push(wsFrame(OP.continuation, body.slice(at, at + size), MORE));
    }
    parts.push(wsFrame(OP.continuation, "", PLAIN));
    return { words: `${parts.length} frames: ${message}`, bytes: join(parts) };
  }
  const [words, bytes] = dice.pick<readonly [string, Uint8Array<ArrayBuffer>]>([
    ["a binary frame", frame("websocket", body).map((byte, i) => i === 0 ? 0x82 : byte)],
    ["a ping before it", join([wsFrame(OP.ping, "p".repeat(125)), whole])],
    ["a hundred pongs before it", join([...Array(100).fill(wsFrame(OP.pong)), whole])],
    [
      "a thousand empty frames",
      join([
        wsFrame(OP.text, "", MORE),
        ...Array(1000).fill(wsFrame(OP.continuation, "", MORE)),
        wsFrame(OP.continuation, body, PLAIN),
      ]),
    ],
    ["half of it", whole.slice(0, Math.ceil(whole.length / 2))],
    ["without a mask", wsFrame(OP.text, "[]", { key: null })],
    ["a reserved bit", wsFrame(OP.text, "[]", { rsv: 4 })],
    ["an endless frame", wsFrame(OP.text, "", { digits: 8, length: 1n << 53n })],
    ["a close before it", join([wsFrame(OP.close, closePayload(1000, "bye")), whole])],
    ["a bad close", wsFrame(OP.close, closePayload(1005))],
  ]);
  return { words: `${words}: ${message}`, bytes };
}

const ACCEPTS: readonly string[] = [
  "*/*",
  "*/*",
  "application/json",
  "text/event-stream",
  "text/event-stream",
  "application/x-ndjson",
  "text/event-stream;q=0, application/x-ndjson",
  "text/html",
];

/** Lines of a head that are seldom there, or odd. */
const LINES: readonly string[] = [
  "Timeout-Ms: 50",
  "Timeout-Ms: 99999999999",
  "Last-Event-ID: 2",
  `Last-Event-ID: ${"9".repeat(1000)}`,
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "Connection: close",
  "Connection: keep-alive, Upgrade",
  "Expect: 100-continue",
  "Expect: nothing",
  "Origin: http://evil.example",
  "Origin: null",
  "Host: evil.example",
  `X: ${"y".repeat(15_000)}`,
  `X: ${"y".repeat(17_000)}`,
  "X: a\r\n folded",
  "Content-Length: 0",
  "Transfer-Encoding: chunked",
];

const PAGES: readonly string[] = [
  "/",
  "/openrpc.json",
  "/health",
  "/healthz?service=x",
  "/nothing",
];

function inRequest(
  dice: Dice,
  message: string,
  body: Uint8Array<ArrayBuffer>,
  asks: boolean,
): Carried {
  const lines = [`Accept: ${dice.pick(ACCEPTS)}`];
  if (asks && dice.chance(90)) {
    const token = dice.pick([TOKENS.alice, TOKENS.alice, TOKENS.bob, "wrong", "t".repeat(10_000)]);
    lines.push(`Authorization: Bearer ${token}`);
  }
  if (dice.chance(25)) lines.push(dice.pick(LINES));
  const draw = dice.int(0, 99), said = lines.map((it) => it.slice(0, 60)).join(", ");
  if (draw < 70) {
    // The length is that of the bytes: a text with bytes that are no text has another.
    const head = request("POST /", [
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      ...lines,
    ]);
    return { words: `${said}: ${message}`, bytes: join([bytesOf(head), body]) };
  }
  if (draw < 85) {
    const size = dice.pick([1, 10, 1000, 1 << 16]), parts: Uint8Array[] = [];
    const extension = dice.chance(20) ? ";x=y" : "";
    // Of what is long only the beginning is in small chunks.
    for (let at = 0; at < body.length;) {
      const part = body.slice(at, at < 20_000 ? at + size : body.length);
      parts.push(bytesOf(`${part.length.toString(16)}${extension}\r\n`), part, bytesOf("\r\n"));
      at += part.length;
    }
    const head = request("POST /", [
      "Content-Type: application/json",
      "Transfer-Encoding: chunked",
      ...lines,
    ]);
    const bytes = join([bytesOf(head), ...parts, bytesOf("0\r\n\r\n")]);
    return { words: `${said}, in chunks of ${size}: ${message}`, bytes };
  }
  const text = dice.pick([
    request(`GET ${dice.pick(PAGES)}`, lines),
    request(`HEAD ${dice.pick(PAGES)}`, lines),
    request("OPTIONS /", lines),
    request("PUT /", lines),
    request("GET /", [...lines, "Connection: Upgrade", "Upgrade: websocket"]),
    request("POST /", [...lines, "Content-Type: text/plain", `Content-Length: ${body.length}`]),
    request("POST /", [...lines, "Content-Type: application/json", "Content-Length: 5000000"]),
    post(call("echo", [1]), ...lines).slice(0, -3),
    post(call("echo", [1])).repeat(100),
    "POST / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.1\n\n",
    "GET / HTTP/1.1\r\n" + "a:b\r\n".repeat(200) + "\r\n",
  ]);
  return { words: text, bytes: bytesOf(text) };
}

function withBadBytes(message: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(message);
  if (!message.includes(NOT_UTF8)) return bytes;
  const bad = bytesOf(NOT_UTF8);
  for (let at = -1; (at = bytes.indexOf(bad[0]!, at + 1)) >= 0;) {
    if (bytes[at + 1] === bad[1]) bytes.fill(0xff, at, at + bad.length);
  }
  return bytes;
}
