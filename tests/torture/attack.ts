/**
 * What an attack is: something that a peer does to a server, and what the server must do then.
 *
 * Attacks run in a process of their own. They look at what comes back over the socket; what becomes of
 * the server's memory, descriptors and processor, and of its other callers, is measured from outside.
 *
 * @module
 */

import type { Limits } from "../../lib/mod.ts";

/** The server under attack, and how hard to attack it. */
export interface Target {
  /** The port at 127.0.0.1. */
  readonly port: number;
  /** The port for TLS; undefined where there is no certificate. */
  readonly tlsPort: number | undefined;
  /** The file of the CA that its certificate is of. */
  readonly ca: string | undefined;
  /** The path of the Unix socket. */
  readonly path: string;
  readonly pid: number;
  /** How long an attack goes on that could go on for ever. */
  readonly seconds: number;
  /** The part of its connections that an attack makes: all where it runs alone. */
  readonly scale: number;
  /** Whether the attack is repeated until the time is over. */
  readonly isRepeated?: boolean;
  /** The plan that is followed, where one is. */
  readonly seed?: number;
  /** The limits that the server was started with. */
  readonly limits: Limits;
  /**
   * Where crowds come from that are to be one caller: an address of this machine that is not loopback,
   * with a port of its own. Undefined for loopback, where each connection is a caller by itself.
   */
  readonly crowd?: { readonly hostname: string; readonly port: number };
}

/** What the server did, in words, and figures about it by their names. */
export interface Outcome {
  readonly did: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/** The tokens of a server that asks who calls, and whose they are. */
export const TOKENS = { alice: "token-of-alice", bob: "token-of-bob" } as const;

/** A server of an attack's own. */
export interface ServerSpec {
  /** What it serves; api.ts of this folder where nothing is said. */
  readonly api?: "demo";
  /** Another program of this folder than main.ts. */
  readonly program?: string;
  /** Threads that serve, over TCP and TLS alone; this one where nothing is said. */
  readonly workers?: number;
  /** It asks who calls, and knows {@linkcode TOKENS}. */
  readonly asksWho?: boolean;
  /**
   * It has a processor to itself, and attackers and callers share another, so that nothing but the
   * server makes its callers wait.
   */
  readonly isPinned?: boolean;
  /** Megabytes of V8's old generation, where the tool is not told otherwise. */
  readonly heap?: number;
  readonly limits?: Partial<Limits>;
  /** Other flags of main.ts. */
  readonly flags?: readonly string[];
  /** Flags of V8. */
  readonly v8?: readonly string[];
  /** How many descriptors it may have. */
  readonly descriptors?: number;
  /** How many healthy clients it has, and the calls a second that they make together. */
  readonly clients?: number;
  readonly rate?: number;
}

/** What was seen from outside while an attack ran. Times are milliseconds, sizes megabytes. */
export interface Seen {
  /** Growth of the server's resident memory, and its peak. */
  readonly grown: number;
  readonly peak: number;
  /** Milliseconds of processor time that the server took, and their share of the time that passed. */
  readonly cpu: number;
  readonly load: number;
  /** Latencies of the healthy clients. */
  readonly p99: number;
  readonly quietP99: number;
  readonly max: number;
  /** Calls of healthy clients that were refused. */
  readonly refused: number;
  /** Calls of healthy clients without an answer. */
  readonly lost: number;
  /** Milliseconds until the descriptors were back, counted from the end of the attack. */
  readonly back: number;
  /** What the attack itself counted. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A figure that the server is to reach. Printed always, and asserted with `--strict`. */
export interface Figure {
  readonly what: string;
  readonly value: (seen: Seen) => number | undefined;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One attack. */
export interface Attack {
  readonly name: string;
  /** The cases of the matrix that it is. */
  readonly rows: readonly string[];
  /** What the peer does. */
  readonly does: string;
  readonly server?: ServerSpec;
  /** It needs a certificate. */
  readonly tls?: boolean;
  /** The healthy clients may be refused or hung up on meanwhile, but not left without an answer. */
  readonly refuses?: boolean;
  /** The exit code with which it ends the server. */
  readonly exit?: number;
  readonly figures?: readonly Figure[];
  /** Attacks; rejects where the server did what it must not. */
  run(target: Target): Promise<Outcome>;
}

/** The server did what it must not. */
export class Wrong extends Error {
  override readonly name = "Wrong";
}

/** Rejects an outcome. */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Wrong(what);
}

/** Connections that an attack makes, of so many. */
export function share(target: Target, count: number): number {
  return Math.max(1, Math.round(count * target.scale));
}

/** Figures that several attacks have to reach. */
export const HEALTHY_P99: Figure = {
  what: "healthy p99 ms",
  value: ({ p99 }) => p99,
  atMost: 10,
};

/** What the others may wait at most: one caller of a small method, every 5 ms. */
export function others(p99: number, worst: number): readonly Figure[] {
  return [
    { what: "others' p99 ms", value: ({ p99 }) => p99, atMost: p99 },
    { what: "others' worst ms", value: ({ max }) => max, atMost: worst },
  ];
}

/** One caller of a small method every 5 ms, and a server that nothing else disturbs. */
export const ALONE: ServerSpec = { clients: 1, rate: 200, isPinned: true };

/** The same with a small heap. */
export const SMALL: ServerSpec = { ...ALONE, heap: 192 };

/** What any single connection may do to a server at most. */
export const ANY_CONNECTION: readonly Figure[] = [growth(64), ...others(15, 100)];

/** Growth of the server's memory. */
export function growth(atMost: number): Figure {
  return { what: "RSS growth MB", value: ({ grown }) => grown, atMost };
}
