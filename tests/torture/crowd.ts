/**
 * Many peers at once, and the things that only bad ones do: they reset, say nothing, and do not read.
 *
 * @module
 */

import { Socket } from "node:net";
import { type Answer, bytesOf, RawPeer } from "../support/raw.ts";
import type { FramingName } from "../../lib/mod.ts";
import { shakeHands } from "../support/http.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import type { Target } from "./attack.ts";

/** Connections that are being made at once. */
const DIALLING = 256;

/** A request as a line. */
export function line(method: string, params: unknown, id = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n";
}

/** Resolves after so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Does something so many times, some of it at once. */
export async function times(
  count: number,
  work: (index: number) => Promise<void>,
  atOnce = DIALLING,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

/** Does something again and again for so many seconds. */
export async function during(seconds: number, work: () => Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let rounds = 0;
  do {
    await work();
    rounds++;
  } while (performance.now() < end);
  return rounds;
}

/** A peer that speaks properly. */
export async function peer(
  { port }: Target,
  framing: FramingName = "json",
): Promise<RawPeer> {
  return await RawPeer.dial(`tcp://127.0.0.1:${port}`, framing);
}

/** A peer that speaks WebSocket properly, over a connection that has just been made. */
export async function webSocket(socket: Duplex): Promise<RawPeer> {
  await shakeHands(socket);
  return new RawPeer(socket, "websocket");
}

/** What a call gives, made by a peer that does nothing else. */
export async function ask(target: Target, method: string, params?: unknown): Promise<Answer> {
  using one = await peer(target);
  return await one.ask({ jsonrpc: "2.0", id: 1, method, ...(params !== undefined && { params }) });
}

/** How often a handler ran for this key. */
export async function ran(target: Target, key: string): Promise<number> {
  return (await ask(target, "ran", [key])).result as number;
}

/**
 * Connections of a crowd that are made, or closed, in a second: what is tried is to hold many, and how
 * fast they come is tried by itself.
 */
const PACE = 2500;

/** Waits where a crowd is ahead of its pace. */
async function keepPace(begun: number, done: number): Promise<void> {
  const ahead = begun + done / PACE * 1000 - performance.now();
  if (ahead > 1) await sleep(ahead);
}

/** Closes all of these, one after another. */
export async function closeAll(conns: readonly Deno.Conn[]): Promise<void> {
  const begun = performance.now();
  for (const [i, conn] of conns.entries()) {
    close(conn);
    if (i % 25 === 0) await keepPace(begun, i);
  }
}

/** Makes so many connections. @param first what is sent at once on each of them */
export async function connectAll(
  target: Target,
  count: number,
  first?: Uint8Array,
): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [], begun = performance.now();
  await times(count, async (index) => {
    await keepPace(begun, index);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
    conn.setNoDelay();
    conns.push(conn);
    if (first !== undefined) await write(conn, first);
  });
  return conns;
}

/** Writes all of these bytes; resolves to false where the other end takes no more. */
export async function write(conn: Deno.Conn, bytes: string | Uint8Array): Promise<boolean> {
  try {
    for (let rest = bytesOf(bytes); rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
    return true;
  } catch {
    return false;
  }
}

/** Closes what may be closed already. */
export function close(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // the other end was first
  }
}

/** How a connection ended, seen by a peer that reads. */
export interface End {
  /** When, as `performance.now()` tells. */
  readonly at: number;
  /** What came before. */
  readonly text: string;
  readonly bytes: number;
}

/** Reads to the end; keeps the beginning of what comes. Resolves where the connection is lost, too. */
export async function readToEnd(conn: Deno.Conn, keep = 4096): Promise<End> {
  const buffer = new Uint8Array(1 << 14), decoder = new TextDecoder();
  let text = "", bytes = 0;
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) {
      bytes += count;
      if (text.length < keep) text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch {
    // reset, which is an end as well
  }
  return { at: performance.now(), text, bytes };
}

/** Waits for the other end of all of these; those that do not end in time are missing. */
export async function allEnd(
  conns: readonly Deno.Conn[],
  withinMs: number,
): Promise<readonly End[]> {
  const ends: End[] = [];
  const all = Promise.all(conns.map(async (conn) => void ends.push(await readToEnd(conn))));
  const timer = Promise.withResolvers<void>();
  const id = setTimeout(timer.resolve, withinMs);
  await Promise.race([all, timer.promise]);
  clearTimeout(id);
  const seen = [...ends];
  conns.forEach(close);
  await all;
  return seen;
}

/** The time that passed until the first and the last of these ended, in seconds. */
export function endings(ends: readonly End[], since: number): { first: number; last: number } {
  let first = Infinity, last = 0;
  for (const { at } of ends) {
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  return { first: (first - since) / 1000, last: (last - since) / 1000 };
}

/** Connects, sends this, and resets: `Deno.Conn` cannot. */
export function connectAndReset(target: Target, bytes?: string | Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = new Socket();
  const reset = () => {
    socket.resetAndDestroy();
    resolve();
  };
  socket.on("error", reset);
  socket.connect(target.port, "127.0.0.1", () => {
    if (bytes === undefined) reset();
    else socket.write(bytes, reset);
  });
  return promise;
}

/** Waits until something is so; false where it does not become so in time. */
export async function becomes(
  isSo: () => Promise<boolean> | boolean,
  withinMs = 10_000,
): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!await isSo()) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}
