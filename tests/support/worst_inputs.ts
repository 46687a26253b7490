// The worst inputs of the expressions, loops and conversions in lib/ that work on a text or a value which
// somebody else has made. tests/behaviour/linear_test.ts takes the time of each, and
// tests/rules/expressions_test.ts finds expressions that are missing here.

import { bearerTokens } from "../../lib/api/auth.ts";
import { detect, DetectingDecoder, FRAMINGS } from "../../lib/framing/mod.ts";
import { isLongerThan, utf8Length } from "../../lib/framing/utf8.ts";
import { websocket } from "../../lib/framing/websocket.ts";
import { originOf } from "../../lib/http/forwarded.ts";
import { streamType } from "../../lib/http/call.ts";
import { guard } from "../../lib/http/guard.ts";
import { hasMember, type RequestHead } from "../../lib/http/head.ts";
import { RequestDecoder } from "../../lib/http/request.ts";
import {
  besidesValue,
  isNothing,
  type ParamsSchema,
  refuseMany,
  valuesOf,
} from "../../lib/incoming/params.ts";
import { decodeAt, decodeExactly, encodeExactly } from "../../lib/message/base64.ts";
import { readControl } from "../../lib/message/control.ts";
import type { Params } from "../../lib/message/message.ts";
import { parseMessage } from "../../lib/message/parse.ts";
import { unreadableId } from "../../lib/message/unreadable.ts";
import { DEFAULT_LIMITS, type FramingName, type PeerInfo } from "../../lib/mod.ts";
import { toIssues } from "../../lib/schema/standard_schema.ts";
import { StreamReceiver } from "../../lib/stream/receiver.ts";
import { parseAddress } from "../../lib/transport/address.ts";
import { networkOf } from "../../lib/transport/exposure.ts";
import { Networks } from "../../lib/transport/networks.ts";
import { isHello, withoutTls } from "../../lib/transport/tls/hello.ts";
import { AnswererSocket } from "../../lib/transport/udp/datagram_socket.ts";
import { bytesOf, join } from "./raw.ts";
import { ANYTHING } from "./schemas.ts";
import { closePayload, OP, wsFrame } from "./websocket_frames.ts";

/** A text of any length: what stands before, what is repeated, what stands behind. */
type Pump = readonly [before: string, again: string, behind: string];

/** The text of about so many characters. */
export function pumped([before, again, behind]: Pump, size: number): string {
  return before + again.repeat(Math.ceil(size / again.length)) + behind;
}

// ---- Expressions ---------------------------------------------------------------------------------

/** The files of lib/, their expressions, and the texts on which these take longest. */
export const EXPRESSIONS: readonly (readonly [string, RegExp, ...Pump[]])[] = [
  ["builtin/openrpc.ts", /[^A-Za-z0-9._-]/g, ["", "/", ""]],
  [
    "framing/headers.ts",
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/,
    ["", "a", ""],
    ["a:", "b", "\n"],
    ["", "a:", "\r"],
  ],
  ["framing/headers.ts", /^[0-9]{1,10}$/, ["", "1", ""]],
  [
    "framing/headers.ts",
    /charset=(?!"?utf-?8"?[ \t]*(;|$))/i,
    ["", "charset=utf-8;", ""],
    ["charset=utf-8", " ", "x"],
    ["", "charset", ""],
    ["", "charset=utf-8 ", ""],
  ],
  ["http/call.ts", /^\d{1,10}$/, ["", "1", ""]],
  ["http/callers.ts", /^Bearer +([!-~]+)$/i, ["Bearer", " ", ""], ["Bearer ", "a", " "]],
  [
    "http/forwarded.ts",
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"([^"\\]*(?:\\.[^"\\]*)*)")[ \t]*(?:;[ \t]*|$)/,
    ["", "a", ""],
    ["a=", "b", '"'],
    ['a="', "b", ""],
    ['a="', "\\b", ""],
    ["a=b", " ", "x"],
    ["a=b;", " ", "x"],
  ],
  ["http/forwarded.ts", /\\(.)/g, ["", "\\", ""]],
  [
    "http/forwarded.ts",
    /^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}|_[A-Za-z0-9._-]+))?$/,
    ["", "1", "x"],
    ["[", ":", "x"],
    ["1:_", "a", "!"],
  ],
  ["http/guard.ts", /^https?:\/\//i, ["http:", "/", ""]],
  ["http/guard.ts", /[/?#]/, ["", "a", ""]],
  [
    "http/guard.ts",
    /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/,
    ["", "a", "!"],
    ["[", ":", ""],
    ["a:", "1", ""],
  ],
  ["http/guard.ts", /:\d{1,5}$/, ["", ":12345", "x"], [":", "1", "x"]],
  ["http/guard.ts", /\.$/, ["", ".", "x"]],
  ["http/guard.ts", /^\d{1,3}$/, ["", "1", ""]],
  ["http/head.ts", /[!#$%&'*+\-.^_`|~0-9A-Za-z]/, ["", " ", ""]],
  ["http/head.ts", /^HTTP\/\d\.\d$/, ["HTTP/1.1", "1", ""]],
  ["http/head.ts", /^\d{1,10}$/, ["", "1", ""]],
  ["http/response.ts", /[\r\n\0]/, ["", "a", ""]],
  ["http/upgrade.ts", /^[A-Za-z0-9+/]{22}==$/, ["", "A", ""], ["", "=", ""]],
  [
    "message/date_text.ts",
    /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/,
    ["", "1", ""],
    ["2025-01-31T00:00:00.", "1", "Z"],
  ],
  ["message/base64.ts", /^\$+base64$/, ["", "$", "$base6"], ["", "$base64", ""]],
  ["connection/broken.ts", /^\s*[{[]/, ["", " ", ""], ["", " ", "x"]],
  ["message/exact_numbers.ts", /\d[.eE]|\d{16}|-0/, ["", "123456789012345,", ""], ["", "-", ""]],
  [
    "message/parse.ts",
    /"id"\s*:\s*(?:-0|-?\d+[.eE]|-?\d{16})/,
    ["", '"id"', ""],
    ['"id"', " ", "x"],
    ['"id":', " ", "x"],
    ["", '"id": ', ""],
    ["", '"id":123456789012345,', ""],
  ],
  [
    "message/unreadable.ts",
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*([1-9][0-9]{0,14})\s*,\s*"(?:result|error)"\s*:/,
    ["", " ", ""],
    ["{", " ", ""],
    ['{"jsonrpc"', " ", ""],
    ['{"jsonrpc":"2.0"', " ", ""],
    ['{"jsonrpc":"2.0",', " ", '"id'],
    ['{"id"', " ", ""],
    ['{"id":1', " ", ""],
  ],
  [
    "message/parse.ts",
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(-?\d[-+.\dEe]*|"[^"\\]*")\s*,/,
    ["", " ", ""],
    ["{", " ", ""],
    ['{"jsonrpc":"2.0"', " ", ""],
    ['{"jsonrpc":"2.0",', " ", '"id'],
    ['{"id"', " ", ""],
    ['{"id":', "1", "x"],
    ['{"id":"', "x", ""],
    ['{"id":"x"', " ", ""],
  ],
  [
    "message/parse.ts",
    /,\s*"id"\s*:\s*(-?\d[-+.\dEe]*|"[^"\\]*")\s*\}\s*$/,
    ["", ",", ""],
    ["", ', "id": 1', ""],
    ["", ',"id":"x', ""],
    [',"id":"x"}', " ", "x"],
  ],
  ["schema/json_schema.ts", /^#(\/|$)/, ["", "#", ""]],
  ["schema/vendors.ts", /int/, ["", "in", ""]],
  ["schema/vendors.ts", /^u?$/, ["", "u", ""]],
  ["schema/vendors.ts", /^(exact_optional|optional|nullish)$/, ["", "optional", ""]],
  ["server/api_module.ts", /^\[\w+\] /, ["[", "a", ""]],
  ["server/api_module.ts", /\.$/, ["", ".", " "]],
  ["server/api_module.ts", /^ +\d+: (.*)/, ["", " ", ""], [" ", "1", ""]],
  // Quadratic, and never a peer's: the stack of a module that could not be imported.
  ["server/api_module.ts", /\b(\w+:\/\/[^\s()]+):\d+:\d+/],
  ["server/workers/mod.ts", /^tls:/i, ["", "tls", ""]],
  ["stream/event_ring.ts", /^[0-9]{1,15}$/, ["", "1", ""]],
  [
    "telemetry/opentelemetry.ts",
    /^00-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})$/,
    ["00-", "0", ""],
    [`00-${"0".repeat(32)}-`, "0", ""],
  ],
  [
    "transport/address.ts",
    /^(vsock:\/\/[^/:?#]+):([0-9]+)/i,
    ["vsock://", "a", ""],
    ["vsock://", "a", ":"],
  ],
  [
    "transport/address.ts",
    /^([a-z+.-]+:\/\/[^/?#:@]*:)[^/?#]*@/i,
    ["", "a", ""],
    ["a://", "b", ""],
    ["a://b:", "@", "/"],
    ["a://b:", "c", ""],
  ],
  ["transport/address.ts", /^\[(.*)\]$/, ["[", "]", "x"], ["", "[", ""]],
  [
    "transport/address.ts",
    /^([^/:[\]]+|\[[^/[\]]+\]):[0-9]+$/,
    ["", "a", ""],
    ["a:", "1", "x"],
    ["[", "a", ""],
    ["", "a:", ""],
  ],
  ["transport/address.ts", /^tcp:/, ["", "tcp", ""]],
  ["transport/explain_error.ts", /:$/, ["", ":", "x"]],
  ["transport/explain_error.ts", /^Cannot (listen at|connect to|use) /, ["Cannot ", "use", ""]],
  [
    "transport/explain_error.ts",
    /^Requires (\w+) access to "(.*)", run again/,
    ["Requires ", "a", ""],
    ['Requires a access to "', '"', ""],
    ['Requires a access to "', '", run', ""],
  ],
  ["transport/exposure.ts", /^127\./, ["", "127", ""]],
  ["transport/exposure.ts", /^[0-9.:a-f]+$/i, ["", "a", "x"]],
  [
    "transport/exposure.ts",
    /^::ffff:(?:([0-9.]+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i,
    ["::ffff:", "1", "x"],
  ],
  ["transport/fd.ts", /^[0-9]{1,9}$/, ["", "1", "x"]],
  ["transport/memory/faults.ts", /^([0-9]+)(?:-([0-9]+))?$/, ["", "1", "x"], ["1-", "1", "x"]],
  ["transport/memory/faults.ts", /^(up|down)\./, ["", "up", ""]],
  [
    "transport/process/command.ts",
    /\s+|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|([^])/gy,
    ["", " ", ""],
    ["'", "a", ""],
    ['"', "a", ""],
    ['"', '\\"', ""],
    ["", '\\"', ""],
    ["", "'a", ""],
  ],
  ["transport/process/command.ts", /\\(["\\$`])/g, ["", "\\", ""], ["", "\\a", ""]],
  [
    "transport/tls/certificate.ts",
    /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g,
    ["", "-----BEGIN CERTIFICATE-----", ""],
    ["", "-----BEGIN CERTIFICATE-----\n", ""],
    ["-----BEGIN CERTIFICATE-----", "a", ""],
    ["", "-", ""],
  ],
  ["transport/networks.ts", /^[0-9A-Fa-f:.]+$/, ["", ":", "x"]],
  ["transport/networks.ts", /^(?:0|[1-9]\d{0,2})$/, ["", "1", ""]],
  ["transport/networks.ts", /\/(.*)/s, ["", "/", ""], ["", "a", ""]],
  ["transport/networks.ts", /^\d{1,3}$/, ["", "1", ""]],
  ["transport/proxy/header.ts", /^(?:0|[1-9]\d{0,4})$/, ["", "1", ""]],
  ["transport/tls/handshake.ts", /^.*?altnames: /, ["", "altnames:", ""], ["", "a", "\n"]],
  [
    "transport/udp/datagram_socket.ts",
    /^(\[)?\{("jsonrpc":"2\.0",)?"id":(null|[-+.0-9eE]+|"(?:[^"\\]|\\.)*"),"(result|error|method)":/,
    ['{"id":', "1", ""],
    ['{"id":"', "a", ""],
    ['{"id":"', "\\\\", ""],
    ['{"id":"', '\\"', ""],
  ],
  ["transport/udp/dial.ts", /^[0-9]{1,5}$/, ["", "1", ""]],
  ["transport/udp/dial.ts", /^[0-9.]+$/, ["", "1", "x"]],
];

/** Expressions that are put together when the program runs, by their constants: {@linkcode WORK} times them. */
export const COMPOSED: readonly (readonly [string, string])[] = [
  ["message/parse.ts", "HEAD"],
  ["message/parse.ts", "TAIL"],
];

// ---- Loops and conversions -----------------------------------------------------------------------

/** One thing that is done with an input of any size. */
export interface Work {
  readonly name: string;
  /** Makes an input of about so many characters or values. */
  readonly input: (size: number) => unknown;
  readonly work: (input: never) => void;
}

function work<T>(name: string, input: (size: number) => T, work: (input: T) => void): Work {
  return { name, input, work };
}

/** The same with several texts. */
function texts(name: string, pumps: readonly Pump[], read: (text: string) => void): Work[] {
  return pumps.map((pump) =>
    work(`${name}: ${pump.join(" … ")}`, (size) => pumped(pump, size), read)
  );
}

/** Bytes with room for them, in whatever pieces they come. */
const ROOM = {
  maxMessageBytes: 1 << 24,
  maxDepth: 64,
  maxHeaderBytes: 1 << 24,
  maxHeaderLines: 1 << 24,
};

/**
 * Decodes bytes that come in pieces of this size.
 *
 * @param isParsed as a connection does, which parses each text
 */
function decode(
  framing: FramingName | "detect",
  bytes: Uint8Array,
  piece = 1 << 16,
  isParsed = false,
): void {
  const decoder = framing === "detect"
    ? new DetectingDecoder(FRAMINGS, ROOM)
    : FRAMINGS[framing].decoder(ROOM, isParsed);
  for (let at = 0; at < bytes.length; at += piece) {
    decoder.push(bytes.subarray(at, at + piece));
    for (let frame; (frame = decoder.next()) !== undefined;) {
      if (typeof frame !== "string" && frame.fatal) return;
      if (isParsed && typeof frame === "string" && !isJson(frame)) decoder.reject?.();
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function decoding(
  framing: FramingName | "detect",
  pumps: readonly Pump[],
  isParsed = false,
): Work[] {
  return [1 << 16, 3].flatMap((piece) =>
    pumps.map((pump) =>
      work(
        `${framing} in pieces of ${piece}${isParsed ? ", parsed" : ""}: ${JSON.stringify(pump)}`,
        (size) => bytesOf(pumped(pump, size)),
        (bytes) => decode(framing, bytes, piece, isParsed),
      )
    )
  );
}

/** Texts, lines, and what is neither. */
const STREAMS: readonly Pump[] = [
  ["", "\n", ""],
  ["", " ", "\n"],
  ["", "{}", ""],
  ["", "[]", "\n"],
  ["", "{}\0", ""],
  ["", "\x1e{}\n", ""],
  ["", "{", ""],
  ["", "[", ""],
  ["", "[\n", ""],
  ["[", "[],\n", "[]]"],
  ["[", "1,", "1]\n"],
  ["[", "\n", "]"],
  ['{"', '\\"', '"}'],
  ['{"', "\\", '"}'],
  ["{", '""', "}"],
  ["", "}", ""],
  ["", "{'\n", ""],
  ["{'", "{", ""],
  ["{'", "\n ", ""],
  ["", "rubbish\n", ""],
  ["", "42\n", ""],
  ["", "1", "\n"],
  ["", "\ufeff", ""],
  ["", '{"a":1} x', ""],
  ["", "{}é", ""],
];

const LIMITS = { ...DEFAULT_LIMITS, maxBatch: Infinity };
const parse = (text: string) => void parseMessage(text, LIMITS);

const numbers = (size: number) => Array.from({ length: size }, (_, i) => i);
const members = (size: number) => Object.fromEntries(numbers(size).map((i) => [`a${i}`, i]));

const OBJECT: ParamsSchema = { shape: () => "object", names: () => ["a", "value"] };
const UNKNOWN: ParamsSchema = { shape: () => "unknown", names: () => undefined };
const PEER = {} as PeerInfo;

/** Requests of HTTP in pieces of this size. */
function readRequests(bytes: Uint8Array, piece: number): void {
  const decoder = new RequestDecoder({
    maxHttpHeadBytes: 1 << 24,
    maxHttpHeadLines: 1 << 24,
    maxMessageBytes: 1 << 24,
  });
  for (let at = 0; at < bytes.length; at += piece) {
    decoder.push(bytes.subarray(at, at + piece));
    while (decoder.next() !== undefined);
  }
}

const START = "POST / HTTP/1.1\r\nHost: a\r\n";
const REQUESTS: readonly Pump[] = [
  [START, "a:b\r\n", "\r\n"],
  [`${START}a:`, "b", "\r\n\r\n"],
  [`${START}a:`, " ", "\r\n\r\n"],
  [`${START}connection:`, "close,", "\r\n\r\n"],
  [`${START}transfer-encoding: chunked\r\n\r\n`, "1\r\na\r\n", "0\r\n\r\n"],
  [`${START}transfer-encoding: chunked\r\n\r\n0\r\n`, "a:b\r\n", "\r\n"],
  [`${START}transfer-encoding: chunked\r\n\r\n`, "1;x=y\r\na\r\n", "0\r\n\r\n"],
  [`${START}transfer-encoding: chunked\r\n\r\nffffff\r\n`, "a", "\r\n0\r\n\r\n"],
  [`${START}content-length: 9999999\r\n\r\n`, "a", ""],
  [`POST /`, "a", ` HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["", "A", ` / HTTP/1.1\r\nHost: a\r\n\r\n`],
  [START, "a", ":b\r\n\r\n"],
  ["", `${START}\r\n`, ""],
];

/** A head with one value that is long. */
function headWith(name: "target" | "host" | "origin" | "content-type", value: string): RequestHead {
  const headers = new Map([["host", "localhost"], ["content-type", "application/json"]]);
  if (name !== "target") headers.set(name, value);
  return {
    kind: "head",
    method: "POST",
    target: name === "target" ? value : "/",
    isOld: false,
    headers,
    keepsAlive: true,
    length: 2,
  };
}

const GUARD = {
  scheme: "http",
  hosts: new Set<string>(),
  origins: new Set<string>(),
  isOpen: false,
  hasConsole: false,
  hasMetrics: false,
} as const;

const GUARDED: readonly (readonly [Parameters<typeof headWith>[0], ...Pump[]])[] = [
  ["target", ["/", "a", ""], ["/?", "a=b&", ""], ["http://", "a", "/"], ["/", "/", ""], [
    "/",
    "%2f",
    "",
  ]],
  ["host", ["", "a.", ""], ["[", ":", "]"], ["a:", "1", ""], ["", "localhost.", ""], ["", ".", ""]],
  ["origin", ["http://", "a", ""], ["http://", "a.", ":1"], ["", "http://", ""]],
  ["content-type", ["application/json;", " ", ""], ["application/json", ";charset=utf-8", ""], [
    "",
    "a/",
    "",
  ]],
];

/** Frames of a WebSocket in pieces of this size. */
function readWebSocket(bytes: Uint8Array, piece: number): void {
  const copy = bytes.slice(), decoder = websocket.server.decoder(ROOM, true); // it unmasks where they are
  for (let at = 0; at < copy.length; at += piece) {
    decoder.push(copy.subarray(at, at + piece));
    while (decoder.next() !== undefined);
  }
}

const part = { fin: false } as const;
const WEBSOCKETS: readonly (readonly [string, before: Uint8Array, again: Uint8Array])[] = [
  ["messages", new Uint8Array(0), wsFrame(OP.text, "[0]")],
  ["messages that are not ASCII", new Uint8Array(0), wsFrame(OP.text, '"é"')],
  ["messages that hold marks", new Uint8Array(0), wsFrame(OP.text, '"\x01é"')],
  ["pings", new Uint8Array(0), wsFrame(OP.ping, "p")],
  ["pongs", new Uint8Array(0), wsFrame(OP.pong)],
  [
    "fragments of 64 bytes",
    wsFrame(OP.text, "x", part),
    wsFrame(OP.continuation, "x".repeat(64), part),
  ],
  ["pings within a message", wsFrame(OP.text, "x", part), wsFrame(OP.ping, "p".repeat(125))],
  [
    "one frame",
    wsFrame(OP.text, "", { digits: 8, length: BigInt(ROOM.maxMessageBytes) }),
    bytesOf("x"),
  ],
  ["what follows a close", wsFrame(OP.close, closePayload(1000)), wsFrame(OP.text, "[0]")],
];

/** So many bytes of it. */
function pumpedBytes(before: Uint8Array, again: Uint8Array, size: number): Uint8Array {
  return join([before, ...Array<Uint8Array>(Math.ceil(size / again.length)).fill(again)]);
}

/** Everything in them is a proxy. */
const PROXIES = new Networks(["10.0.0.0/8"], "http.trustProxy");

const FORWARDED: readonly Pump[] = [
  ["", "10.0.0.1,", ""],
  ["", "for=10.0.0.1,", ""],
  ["", ",", ""],
  ["", " ", ""],
  ["", ";", ""],
  ["", '"', ""],
  ['"', "\\", '"'],
  ["", '\\"', ""],
  ["a=b;", "a=b;", ""],
  ['for="', "\\1", '"'],
];

/** The loops and conversions, each with what it takes longest for. */
export const WORK: readonly Work[] = [
  ...[1 << 16, 3].flatMap((piece) =>
    REQUESTS.map((pump) =>
      work(
        `HTTP in pieces of ${piece}: ${JSON.stringify(pump)}`,
        (size) => bytesOf(pumped(pump, size)),
        (bytes) => readRequests(bytes, piece),
      )
    )
  ),
  ...GUARDED.flatMap(([name, ...pumps]) =>
    pumps.map((pump) =>
      work(
        `guard() of ${name}: ${JSON.stringify(pump)}`,
        (size) => headWith(name, pumped(pump, size)),
        (head) => void guard(head, GUARD),
      )
    )
  ),
  ...texts("accept and connection", [["", "text/html,", ""], ["text/event-stream", ";q=0", ""], [
    "",
    " ,",
    "close",
  ]], (text) => {
    streamType(text);
    hasMember(text, "close");
  }),
  ...[1 << 16, 3].flatMap((piece) =>
    WEBSOCKETS.map(([name, before, again]) =>
      work(
        `websocket in pieces of ${piece}: ${name}`,
        (size) => pumpedBytes(before, again, size),
        (bytes) => readWebSocket(bytes, piece),
      )
    )
  ),
  // ---- Bytes to frames
  ...decoding("json", STREAMS),
  ...decoding("json", STREAMS, true),
  work(
    "json, not UTF-8 behind whole values",
    (size) => new Uint8Array([...bytesOf("{}".repeat(size / 2)), 0xff, 10]),
    (bytes) => decode("json", bytes, 1 << 16, true),
  ),
  work(
    "json, lines that are not UTF-8",
    (size) => new Uint8Array(size).map((_, i) => i % 2 === 0 ? 0xff : 10),
    (bytes) => decode("json", bytes),
  ),
  ...decoding("headers", [
    ["Content-Length: ", " ", "2\r\n\r\n{}"],
    ["Content-Length: 2", " ", "\r\n\r\n{}"],
    ["Content-Length: 2", " ", "x\r\n\r\n{}"],
    ["Content-Length: ", "1", "\r\n\r\n"],
    ["Content-Length: 2\r\n", "a:b\r\n", "\r\n{}"],
    ["Content-Length: 2\r\nContent-Type: ", "charset=utf-8; ", "\r\n\r\n{}"],
    ["Content-Length: 2\r\nContent-Type: charset=utf8", " ", "x\r\n\r\n{}"],
    ["", "Content-Length: 2\r\n\r\n{}", ""],
    ["", "\r\n", ""],
    ["", "a", ""],
  ]),
  ...decoding("length", [["", "\0\0\0\x02{}", ""], ["\0\xff\xff\xff", "a", ""]]),
  ...decoding("detect", [["", " ", ""], ["", "{}\n", ""], ["", "\x16\x03", ""]]),
  work("detect()", (size) => bytesOf(" ".repeat(size)), (bytes) => void detect(bytes)),
  work("hello", (size) => new Uint8Array(size).fill(22), (bytes) => {
    isHello(bytes);
    withoutTls(bytes);
  }),
  ...texts("utf8", [["", "é", ""], ["", "\ud800", ""], ["", "😀", ""]], (text) => {
    utf8Length(text);
    isLongerThan(text, text.length);
  }),

  // ---- Texts to messages
  ...texts("parseMessage()", [
    ['{"id":', "1", ',"method":"m"}'],
    ['{"id":"', "a", '","method":"m"}'],
    ['{"id":1,"method":"', "m", '"}'],
    ['{"id":1,"method":"m","params":[', "[],", "[]]}"],
    ['{"id":1.0,"method":"m","params":[', "[],", "[]]}"],
    ['{"id":1.0,"method":"m","params":[', '{"id":1.0},', "{}]}"],
    ['{"id":1,"method":"\\u006d","params":[', "1,", "1]}"],
    ['{"id":1.0,"method":"m","params":["', "\\\\", '"]}'],
    ['{"id":1.0,"method":"m","params":["', '\\"', '"]}'],
    ['{"id":1.0,"method":"m",', '"id":1.0,', '"id":2.0}'],
    ['{"id":1.0,"method":"m",', '"\\u0069d":1.0,', '"id":2.0}'],
    ['{"id":1.0,"method":"m"', " ", "}"],
    ['{"id":1.0,"method":"m","params":[', '"[{",', "1]}"],
    ["[", '{"id":1.0,"method":"m"},', "1]"],
    ["[", "1,", "1]"],
    ["", "[", ""],
    ["", '"', ""],
    ['"', '\\"[{', '"'],
    ["", '"id":1,', "}"],
    ["", ',"id":1', "}"],
    ["{", '"id":1,', '"method":"m"}'],
    ['{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":1,"values":[', "1,", '"$base64"]}}'],
  ], parse),
  work(
    "parseMessage() of many names",
    (size) => `{"id":1.0,"method":"m","params":${JSON.stringify(members(Math.ceil(size / 16)))}}`,
    parse,
  ),
  ...texts("unreadableId()", [['{"id":', " ", "1"], ['{"id":', "1", ""]], (text) => {
    unreadableId(text);
  }),
  work("the error of an answer", (size) => numbers(size), (data) => {
    parse(`{"id":1,"error":${JSON.stringify({ code: "x", data })}}`);
  }),

  // ---- Params to values
  work("valuesOf() of members", (size) => ({ ...members(size), _meta: {} }), (params) => {
    valuesOf(UNKNOWN, params);
  }),
  work("valuesOf() of positions", numbers, (params) => void valuesOf(OBJECT, params)),
  work("valuesOf() of one value", (size) => ({ value: numbers(size), _meta: {} }), (params) => {
    valuesOf(OBJECT, params);
  }),
  work("what is beside the value", members, (params: Params) => {
    besidesValue(params);
    isNothing(params);
  }),
  work("decodeAt() without markers", (size) => [numbers(size).map(() => ({})), size] as const, (
    [value, size],
  ) => {
    decodeAt(value, numbers(size).map((i) => ({ path: [i], message: "no" })));
  }),
  work("decodeAt() with markers", (size) => numbers(size).map(() => ({ $base64: "AA==" })), (
    value,
  ) => {
    decodeAt(value, value.map((_, i) => ({ path: [i], message: "no" })));
  }),
  work("decodeAt() with dates", (size) => numbers(size).map(() => "2025-01-31T00:00:00Z"), (
    value,
  ) => {
    decodeAt(value, value.map((_, i) => ({ path: [i], message: "no" })));
  }),
  work("decodeAt() with wrong markers", (size) => numbers(size).map(() => ({ $base64: "!" })), (
    value,
  ) => {
    decodeAt(value, value.map((_, i) => ({ path: [i], message: "no" })));
  }),
  work("refuseMany()", (size) => numbers(size).map((i) => (i % 2 === 0 ? [] : { i })), (value) => {
    refuseMany(ANYTHING, value, Infinity);
  }),
  work("decodeExactly()", (size) => numbers(size).map(() => ({ $base64: "AA==" })), (value) => {
    decodeExactly(value);
  }),
  work("encodeExactly()", (size) => numbers(size).map(() => ({ $$base64: "x" })), (value) => {
    encodeExactly(value);
  }),
  work(
    "toIssues()",
    (size) => numbers(size).map((i) => ({ path: [i, "a"], message: "no" })),
    (issues) => void toIssues(issues),
  ),

  // ---- Control messages, streams, addresses, credentials
  work("items with ids", numbers, (values) => {
    const eventIds = values.map(String);
    readControl({
      kind: "notification",
      version: "2.0",
      method: "$/stream/item",
      params: { id: 1, values, eventIds },
      text: undefined,
      isMarked: false,
    });
    const receiver = new StreamReceiver(values.length, { grant: () => {}, leave: () => {} });
    receiver.push(values, eventIds);
  }),
  ...texts("address", [["tcp://[", ":", "]:1"], ["tcp://", "a.", ":1"], [
    "tcp://[fe80::1%",
    "a",
    "]:1",
  ]], (
    text,
  ) => {
    try {
      parseAddress(text);
      networkOf(text);
    } catch {
      // it is none
    }
  }),
  ...FORWARDED.map((pump) =>
    work(`forwarded: ${JSON.stringify(pump)}`, (size) => pumped(pump, size), (text) => {
      originOf(new Map([["forwarded", text]]), PROXIES);
      originOf(new Map([["x-forwarded-for", text]]), PROXIES);
    })
  ),
  work("bearerTokens()", (size) => "x".repeat(size), (token) => {
    bearerTokens({ secret: 1 })({ scheme: "bearer", token }, PEER);
  }),
  work(
    "datagrams",
    (size) => bytesOf(`[${'{"id":1,"method":"m"},'.repeat(size / 20)}1]`),
    (bytes) => {
      const end = { local: "", remote: "", send: () => Promise.resolve(), closed: () => {} };
      new AnswererSocket(end).deliver(bytes);
    },
  ),
];
