/**
 * Every limit: its default, its unit, its reason, and the place that enforces it. A peer can make a
 * Landline server do no more than this table says.
 *
 * @module
 */

/** The limits of a server or a line. Sizes are bytes as they travel, times are milliseconds. */
export interface Limits {
  /** Connections at once; one more is told `UNAVAILABLE` and closed. @default {10000} */
  readonly maxConnections: number;
  /** Connections at once from one other machine: an IPv4 address, or an IPv6 /64. @default {256} */
  readonly maxConnectionsPerAddress: number;
  /** TLS handshakes at once; one more waits. Of headers of proxies 16 times as many may be awaited. @default {64} */
  readonly maxHandshakes: number;
  /**
   * Milliseconds from the begin of a TLS connection to the end of its handshake, and from that of a proxy's
   * connection to the end of its PROXY header. @default {5000}
   */
  readonly handshakeTimeout: number;
  /** Bytes of one incoming message. @default {1048576} */
  readonly maxMessageBytes: number;
  /** Bytes of one message of a peer that has not said who it is. @default {16384} */
  readonly maxUnauthenticatedBytes: number;
  /** Bytes of one answer, and of all answers of one batch together. @default {8388608} */
  readonly maxResponseBytes: number;
  /** Bytes of one header block in `Content-Length` framing. @default {4096} */
  readonly maxHeaderBytes: number;
  /** Lines of one header block in `Content-Length` framing. @default {16} */
  readonly maxHeaderLines: number;
  /** Bytes of the head of one HTTP request: its first line and its header. @default {16384} */
  readonly maxHttpHeadBytes: number;
  /** Header lines of one HTTP request. @default {100} */
  readonly maxHttpHeadLines: number;
  /** Bytes of the body of one HTTP request; `maxMessageBytes` bounds it too. @default {16777215} */
  readonly maxHttpBodyBytes: number;
  /** Requests of one HTTP connection, which ends with the answer to the last; 0 sets no bound. @default {0} */
  readonly maxHttpRequests: number;
  /** Milliseconds from the first byte of the head of an HTTP request to its last. @default {10000} */
  readonly httpHeadTimeout: number;
  /** Milliseconds for which an HTTP connection may be silent between two requests. @default {75000} */
  readonly httpIdleTimeout: number;
  /** Arrays and objects within each other in one message. @default {64} */
  readonly maxDepth: number;
  /**
   * Values in the params of one call, or in one item of its caller: members, elements, and what is in
   * them. Schemas that take anything may be asked about more. @default {50000}
   */
  readonly maxValues: number;
  /** Messages in one batch. @default {100} */
  readonly maxBatch: number;
  /** Bytes of a method's name. @default {256} */
  readonly maxMethodBytes: number;
  /** Bytes of an id, as JSON text without a string's quotes. @default {256} */
  readonly maxIdBytes: number;
  /**
   * Requests of one connection that run at once; the next wait. As many calls are sent to a peer that has
   * not said how many it takes. @default {64}
   */
  readonly maxInFlight: number;
  /**
   * Requests of all connections together that run at once; one more is refused, unless its caller has less
   * than its share of them. @default {4096}
   */
  readonly maxRunning: number;
  /**
   * Handlers that go on although their calls have ended, and hold no place for it; beyond that they do.
   * @default {1024}
   */
  readonly maxHung: number;
  /** Streams of one connection at once, in either direction. @default {1024} */
  readonly maxStreams: number;
  /** Milliseconds that a call may take where its caller does not say. @default {30000} */
  readonly callTimeout: number;
  /** Milliseconds that a call may take whatever its caller says. @default {300000} */
  readonly maxCallTimeout: number;
  /** Items that a stream collects for a caller that asked for no stream. @default {1000} */
  readonly maxCollectedItems: number;
  /**
   * Bytes waiting to be sent above which answers and items wait for room, and a connection is not read
   * from. @default {1048576}
   */
  readonly outboundHighWater: number;
  /**
   * Bytes waiting to be sent above which a connection is closed: of what waits for no room, as
   * notifications and progress. @default {16777216}
   */
  readonly maxOutboundBytes: number;
  /**
   * Bytes that are kept for one connection above which no more of its calls are begun: parsed messages at
   * what they take in memory. @default {16777216}
   */
  readonly maxKeptBytes: number;
  /** The same for all connections of one caller together. @default {67108864} */
  readonly maxKeptBytesPerCaller: number;
  /**
   * Bytes that are kept for all connections, and never more than a quarter of V8's heap; the connection
   * that keeps the most is closed. @default {268435456}
   */
  readonly maxBufferedBytes: number;
  /** Percent of V8's old generation in use above which new calls are refused. @default {85} */
  readonly maxHeapPercent: number;
  /** Bytes of the process in memory above which new calls are refused; 0 never does. @default {0} */
  readonly maxResidentBytes: number;
  /** Messages against the rules that a peer may send in a minute. @default {100000} */
  readonly maxProtocolErrors: number;
  /** Pings that a peer may send in ten seconds; after as many more it is closed. @default {1000} */
  readonly maxPings: number;
  /** Milliseconds from the first byte of a message to its last. @default {15000} */
  readonly messageTimeout: number;
  /** Milliseconds for which a connection may be silent with nothing running. @default {600000} */
  readonly idleTimeout: number;
  /** Milliseconds in which a peer must take at least one byte of what it is sent. @default {10000} */
  readonly writeStallTimeout: number;
  /** Milliseconds in which a peer must say who it is, where it is asked. @default {5000} */
  readonly authTimeout: number;
  /** Wrong credentials after which a connection is closed. @default {3} */
  readonly maxAuthFailures: number;
  /**
   * Milliseconds of silence after which our client pings, and a server a WebSocket for which something is open;
   * 0 never does. @default {30000}
   */
  readonly pingInterval: number;
  /** Milliseconds in which a ping must be answered. @default {20000} */
  readonly pingTimeout: number;
  /** Milliseconds after which a server ends a connection in order; 0 never does. @default {0} */
  readonly maxConnectionAge: number;
  /** Milliseconds for which running handlers may go on after `shutdown()`. @default {10000} */
  readonly shutdownGrace: number;
  /** Milliseconds for which a closed connection waits for the peer to read why. @default {1000} */
  readonly lingerTimeout: number;
}

/** One row of the table. */
export interface LimitRow {
  /** What holds where nothing else is said. */
  readonly default: number;
  /** What is counted. */
  readonly unit: "bytes" | "ms" | "count" | "percent";
  /** The smallest value that makes sense. */
  readonly min: number;
  /** The largest value that can be kept. */
  readonly max: number;
}

/** Why a row is there. */
export interface LimitReason {
  /** Why there is a limit, and why this one. */
  readonly reason: string;
  /** The file that holds it. */
  readonly enforcedIn: string;
}

/** Milliseconds that a timer of the runtime takes; above them it fires at once. */
export const MAX_MS = 2 ** 31 - 1;
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** The table itself, in the order in which a connection meets the limits. */
export const LIMITS: Readonly<Record<keyof Limits, LimitRow>> = {
  maxConnections: { default: 10_000, unit: "count", min: 1, max: MAX_COUNT },
  maxConnectionsPerAddress: { default: 256, unit: "count", min: 1, max: MAX_COUNT },
  maxHandshakes: { default: 64, unit: "count", min: 1, max: 10_000 },
  handshakeTimeout: { default: 5_000, unit: "ms", min: 1, max: MAX_MS },
  maxMessageBytes: { default: 1 << 20, unit: "bytes", min: 64, max: (1 << 24) - 1 },
  maxUnauthenticatedBytes: { default: 16 << 10, unit: "bytes", min: 64, max: (1 << 24) - 1 },
  maxResponseBytes: { default: 8 << 20, unit: "bytes", min: 64, max: 1 << 28 },
  maxHeaderBytes: { default: 4096, unit: "bytes", min: 32, max: 1 << 16 },
  maxHeaderLines: { default: 16, unit: "count", min: 1, max: 1000 },
  maxHttpHeadBytes: { default: 16 << 10, unit: "bytes", min: 64, max: 1 << 20 },
  maxHttpHeadLines: { default: 100, unit: "count", min: 1, max: 10_000 },
  maxHttpBodyBytes: { default: (1 << 24) - 1, unit: "bytes", min: 64, max: (1 << 24) - 1 },
  maxHttpRequests: { default: 0, unit: "count", min: 0, max: MAX_COUNT },
  httpHeadTimeout: { default: 10_000, unit: "ms", min: 1, max: MAX_MS },
  httpIdleTimeout: { default: 75_000, unit: "ms", min: 1, max: MAX_MS },
  maxDepth: { default: 64, unit: "count", min: 1, max: 1000 },
  maxValues: { default: 50_000, unit: "count", min: 1, max: MAX_COUNT },
  maxBatch: { default: 100, unit: "count", min: 1, max: MAX_COUNT },
  maxMethodBytes: { default: 256, unit: "bytes", min: 1, max: 1 << 16 },
  maxIdBytes: { default: 256, unit: "bytes", min: 16, max: 1 << 16 },
  maxInFlight: { default: 64, unit: "count", min: 1, max: MAX_COUNT },
  maxRunning: { default: 4096, unit: "count", min: 1, max: MAX_COUNT },
  maxHung: { default: 1024, unit: "count", min: 0, max: MAX_COUNT },
  maxStreams: { default: 1024, unit: "count", min: 0, max: MAX_COUNT },
  callTimeout: { default: 30_000, unit: "ms", min: 1, max: MAX_MS },
  maxCallTimeout: { default: 300_000, unit: "ms", min: 1, max: MAX_MS },
  maxCollectedItems: { default: 1000, unit: "count", min: 0, max: MAX_COUNT },
  outboundHighWater: { default: 1 << 20, unit: "bytes", min: 1, max: 1 << 30 },
  maxOutboundBytes: { default: 16 << 20, unit: "bytes", min: 64, max: 1 << 30 },
  maxKeptBytes: { default: 16 << 20, unit: "bytes", min: 1, max: MAX_COUNT },
  maxKeptBytesPerCaller: { default: 64 << 20, unit: "bytes", min: 1, max: MAX_COUNT },
  maxBufferedBytes: { default: 256 << 20, unit: "bytes", min: 64, max: MAX_COUNT },
  maxHeapPercent: { default: 85, unit: "percent", min: 1, max: 100 },
  maxResidentBytes: { default: 0, unit: "bytes", min: 0, max: MAX_COUNT },
  maxProtocolErrors: { default: 100_000, unit: "count", min: 1, max: MAX_COUNT },
  maxPings: { default: 1000, unit: "count", min: 1, max: MAX_COUNT },
  messageTimeout: { default: 15_000, unit: "ms", min: 1, max: MAX_MS },
  idleTimeout: { default: 600_000, unit: "ms", min: 1, max: MAX_MS },
  writeStallTimeout: { default: 10_000, unit: "ms", min: 1, max: MAX_MS },
  authTimeout: { default: 5_000, unit: "ms", min: 1, max: MAX_MS },
  maxAuthFailures: { default: 3, unit: "count", min: 1, max: MAX_COUNT },
  pingInterval: { default: 30_000, unit: "ms", min: 0, max: MAX_MS },
  pingTimeout: { default: 20_000, unit: "ms", min: 1, max: MAX_MS },
  maxConnectionAge: { default: 0, unit: "ms", min: 0, max: MAX_MS },
  shutdownGrace: { default: 10_000, unit: "ms", min: 0, max: MAX_MS },
  lingerTimeout: { default: 1_000, unit: "ms", min: 0, max: MAX_MS },
};

/** The reasons, in the same order. Apart from the table, because a page that calls loads that and not these. */
export const LIMIT_REASONS: Readonly<Record<keyof Limits, LimitReason>> = {
  maxConnections: {
    reason: "each holds a descriptor and some kilobytes",
    enforcedIn: "lib/server/listening_server.ts",
  },
  maxConnectionsPerAddress: {
    reason: "one caller must not take the places of all others; this machine's own have no bound",
    enforcedIn: "lib/server/listening_server.ts",
  },
  maxHandshakes: {
    reason: "each takes memory and a millisecond of the processor before we know who it is",
    enforcedIn: "lib/transport/tls/listener.ts",
  },
  handshakeTimeout: {
    reason: "who connects and says nothing must not hold a descriptor",
    enforcedIn: "lib/transport/tls/listener.ts",
  },
  maxMessageBytes: {
    reason: "a message is held in memory whole; 16 MiB - 1 keeps the first length byte zero",
    enforcedIn: "lib/framing/",
  },
  maxUnauthenticatedBytes: {
    reason: "a stranger needs room for credentials, and for nothing else",
    enforcedIn: "lib/link/identity.ts",
  },
  maxResponseBytes: {
    reason: "an answer is held in memory whole; one call must not cost more than this",
    enforcedIn: "lib/incoming/dispatch.ts",
  },
  maxHeaderBytes: {
    reason: "headers are held until the blank line that ends them",
    enforcedIn: "lib/framing/headers.ts",
  },
  maxHeaderLines: {
    reason: "two headers have a meaning; the rest is tolerance",
    enforcedIn: "lib/framing/headers.ts",
  },
  maxHttpHeadBytes: {
    reason: "a head is held in memory whole; browsers send cookies and what proxies have added",
    enforcedIn: "lib/http/request.ts",
  },
  maxHttpHeadLines: {
    reason: "each line takes a place in a table; a browser sends twenty",
    enforcedIn: "lib/http/head.ts",
  },
  maxHttpBodyBytes: {
    reason: "a page may be given less room than a program",
    enforcedIn: "lib/http/router.ts",
  },
  maxHttpRequests: {
    reason: "behind a balancer, connections that never end never move to new servers",
    enforcedIn: "lib/http/exchange.ts",
  },
  httpHeadTimeout: {
    reason: "a head comes in one piece or two; one byte now and then must not hold a connection",
    enforcedIn: "lib/http/session.ts",
  },
  httpIdleTimeout: {
    reason: "longer than a proxy keeps a connection to use again, so that the proxy ends it",
    enforcedIn: "lib/connection/http_guest.ts",
  },
  maxDepth: {
    reason: "JSON.parse takes any depth, recursive validators and JSON.stringify do not",
    enforcedIn: "lib/message/parse.ts",
  },
  maxValues: {
    reason: "what a schema makes of a value that it refuses may take 1 KB and 6 µs for each part",
    enforcedIn: "lib/incoming/params.ts",
  },
  maxBatch: {
    reason: "a batch is answered in one piece, which is kept until its last call has ended",
    enforcedIn: "lib/message/parsed.ts",
  },
  maxMethodBytes: {
    reason: "names appear in logs and metrics",
    enforcedIn: "lib/message/parse.ts",
  },
  maxIdBytes: {
    reason: "ids are kept while their calls run, and are echoed",
    enforcedIn: "lib/message/parse.ts",
  },
  maxInFlight: {
    reason: "a peer that sends faster than its handlers end is slowed down",
    enforcedIn: "lib/incoming/admission.ts",
  },
  maxRunning: {
    reason: "a server that has taken on too much finishes nothing in time",
    enforcedIn: "lib/overload/ledger.ts",
  },
  maxHung: {
    reason:
      "a handler that never ends must not hold a place for ever, and must not be endless in number",
    enforcedIn: "lib/incoming/requests.ts",
  },
  maxStreams: {
    reason: "streams may be open for long, so that they do not take the places of calls",
    enforcedIn: "lib/incoming/admission.ts",
  },
  callTimeout: {
    reason: "a handler that hangs must not hold its place for ever",
    enforcedIn: "lib/incoming/request_context.ts",
  },
  maxCallTimeout: {
    reason: "a caller may be patient, but not without end",
    enforcedIn: "lib/incoming/request_context.ts",
  },
  maxCollectedItems: {
    reason: "who asks for no stream gets an array, and a stream may have no end",
    enforcedIn: "lib/incoming/stream_answer.ts",
  },
  outboundHighWater: {
    reason: "a peer that does not read its answers must not make us keep more of them",
    enforcedIn: "lib/link/backpressure.ts",
  },
  maxOutboundBytes: {
    reason: "a handler may tell its caller more than that takes, and does not wait for it",
    enforcedIn: "lib/link/backpressure.ts",
  },
  maxKeptBytes: {
    reason:
      "what is waited for lies in memory meanwhile: calls, their params, items that nobody takes",
    enforcedIn: "lib/overload/ledger.ts",
  },
  maxKeptBytesPerCaller: {
    reason: "who opens many connections must not keep many times as much",
    enforcedIn: "lib/overload/ledger.ts",
  },
  maxBufferedBytes: {
    reason: "what each connection may keep, times their number, is more than any memory",
    enforcedIn: "lib/overload/ledger.ts",
  },
  maxHeapPercent: {
    reason: "V8 ends the process where its heap is full, and every call with it",
    enforcedIn: "lib/overload/load_shedding.ts",
  },
  maxResidentBytes: {
    reason:
      "a container is ended at a limit that V8 does not know of, and buffers are not in its heap",
    enforcedIn: "lib/overload/load_shedding.ts",
  },
  maxProtocolErrors: {
    reason: "a client under test makes thousands; garbage alone comes to this within a second",
    enforcedIn: "lib/incoming/admission.ts",
  },
  maxPings: {
    reason: "a ping is to find out whether the line is alive, which takes two a minute",
    enforcedIn: "lib/incoming/admission.ts",
  },
  messageTimeout: {
    reason: "one byte now and then must not hold a connection for ever",
    enforcedIn: "lib/link/keepalive.ts",
  },
  idleTimeout: {
    reason: "a peer that is gone without a word is noticed in the end",
    enforcedIn: "lib/link/keepalive.ts",
  },
  writeStallTimeout: {
    reason: "a peer that takes nothing for so long is gone, or means harm",
    enforcedIn: "lib/link/keepalive.ts",
  },
  authTimeout: {
    reason: "a stranger must not hold a connection",
    enforcedIn: "lib/link/keepalive.ts",
  },
  maxAuthFailures: {
    reason: "guessing is made slow",
    enforcedIn: "lib/link/identity.ts",
  },
  pingInterval: {
    reason: "TCP itself notices a dead peer after two hours",
    enforcedIn: "lib/link/keepalive.ts",
  },
  pingTimeout: {
    reason: "gRPC's figure: a link that is slower than this is of no use",
    enforcedIn: "lib/link/keepalive.ts",
  },
  maxConnectionAge: {
    reason: "behind a balancer, connections that never end never move to new servers",
    enforcedIn: "lib/link/keepalive.ts",
  },
  shutdownGrace: {
    reason: "what was promised is finished; a handler that never ends must not keep the process",
    enforcedIn: "lib/link/lifecycle.ts",
  },
  lingerTimeout: {
    reason: "closing over unread bytes resets the connection, and the last answer would be lost",
    enforcedIn: "lib/link/lifecycle.ts",
  },
};

/** The limits that hold where nothing else is said. */
export const DEFAULT_LIMITS: Limits = /* @__PURE__ */ (() => {
  const limits: Record<string, number> = {};
  for (const [name, row] of Object.entries(LIMITS)) limits[name] = row.default;
  return limits as unknown as Limits;
})();

/**
 * The limits with the defaults filled in.
 *
 * @throws {RangeError} for a name that is no limit, and for a value that is not an integer in range
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits: Record<string, number> = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(LIMITS, name)) {
      throw new RangeError(`Cannot use limits: no limit has the name ${JSON.stringify(name)}`);
    }
    const { min, max, unit } = LIMITS[name as keyof Limits];
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new RangeError(
        `Cannot use limits: ${name} must be an integer from ${min} to ${max} (${unit}), it is ${
          typeof value === "string" ? JSON.stringify(value) : String(value)
        }`,
      );
    }
    limits[name] = value;
  }
  return limits as unknown as Limits;
}
