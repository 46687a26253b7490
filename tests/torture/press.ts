/**
 * One connection at a time, used as hard as it can be: what is sent is sent as fast as it is taken, and
 * what comes is read as fast as it comes, or not at all. One that is cut is made again.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import type { Target } from "./attack.ts";
import { close, sleep } from "./crowd.ts";

/** What happened meanwhile. */
export interface Pressed {
  /** Messages that were taken whole, and bytes of them. */
  readonly sent: number;
  readonly bytes: number;
  /** Bytes that came back. */
  readonly read: number;
  /** Connections that the server ended. */
  readonly cuts: number;
}

/** How hard. */
export interface PressOptions {
  /** Seconds; those of the target where nothing is said. */
  readonly seconds?: number;
  /** Sent first on each connection. */
  readonly first?: string;
  /** Whether what comes back is read. @default {true} */
  readonly reads?: boolean;
  /** Told what is read; what it gives back is sent. */
  readonly onRead?: (bytes: Uint8Array) => Uint8Array<ArrayBuffer> | undefined;
}

/** What can be pressed: a server, perhaps at another address than loopback. */
export type Pressable = Pick<Target, "port" | "seconds"> & { readonly hostname?: string };

/** The server as a crowd reaches it that is to be one caller, where that is possible. */
export function crowdOf(target: Target): Pressable {
  return { ...target, ...target.crowd };
}

/** The message of this number on a connection; undefined for no more: then it is held. */
export type NthMessage = (index: number) => Uint8Array<ArrayBuffer> | undefined;

/** Presses one connection at a time until the time is over. */
export async function press(
  target: Pressable,
  next: NthMessage,
  options: PressOptions = {},
): Promise<Pressed> {
  const { seconds = target.seconds, first, reads = true, onRead } = options;
  const end = performance.now() + seconds * 1000;
  let sent = 0, bytes = 0, read = 0, cuts = 0;
  while (performance.now() < end) {
    const conn = await dial(target);
    if (conn === undefined) break; // nobody is there any more, which is seen elsewhere
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      close(conn);
    }, Math.max(0, end - performance.now()));
    const writing = (async () => {
      if (first !== undefined) await writeAll(conn, bytesOf(first));
      for (let i = 0, message; !isOver && (message = next(i)) !== undefined; i++) {
        await writeAll(conn, message);
        sent++;
        bytes += message.length;
      }
    })();
    const reading = reads
      ? readAll(conn, (chunk) => {
        read += chunk.length;
        const answer = onRead?.(chunk);
        if (answer !== undefined) writeAll(conn, answer).catch(() => {});
      })
      : undefined;
    // Whichever is cut ends both; all that was sent is held until then.
    await Promise.all([writing, reading ?? forEver(end)]).catch(() => {});
    clearTimeout(timer);
    close(conn);
    await writing.catch(() => {});
    if (!isOver) cuts++;
    if (!isOver && performance.now() < end) await sleep(1);
  }
  return { sent, bytes, read, cuts };
}

/** What happened, in words. */
export function told({ sent, bytes, read, cuts }: Pressed): string {
  const megabytes = (count: number) => `${(count / 2 ** 20).toFixed(1)} MB`;
  return `took ${sent} messages, ${megabytes(bytes)}, sent ${
    megabytes(read)
  }, hung up ${cuts} times`;
}

/** A message whose id is the number that it is asked for; each is good until the next is asked for. */
export function numbered(
  method: string,
  params: string,
  of = "request",
): (index: number) => Uint8Array<ArrayBuffer> {
  const digits = 9;
  const head = '{"jsonrpc":"2.0","id":';
  const id = of === "request" ? `${"1".padEnd(digits, "0")},` : "";
  const start = of === "request" ? head : '{"jsonrpc":"2.0",';
  const bytes = bytesOf(`${start}${id}"method":${JSON.stringify(method)},"params":${params}}\n`);
  return (index) => {
    if (of !== "request") return bytes;
    let rest = index % 10 ** (digits - 1);
    for (let at = head.length + digits - 1; at > head.length; at--) {
      bytes[at] = 48 + rest % 10;
      rest = Math.floor(rest / 10);
    }
    return bytes;
  };
}

/** An array of so many empty objects or arrays, as text. */
export function empties(count: number, of = "{}"): string {
  return `[${Array(count).fill(of).join()}]`;
}

async function dial(
  { port, hostname = "127.0.0.1" }: Pressable,
): Promise<Deno.TcpConn | undefined> {
  try {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay();
    return conn;
  } catch {
    return undefined;
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

/** Reads to the end, and rejects there: whoever waits for more has been hung up on. */
async function readAll(conn: Deno.Conn, take: (chunk: Uint8Array) => void): Promise<never> {
  const buffer = new Uint8Array(1 << 16);
  for (let count; (count = await conn.read(buffer)) !== null;) take(buffer.subarray(0, count));
  throw new Error("The other end has hung up");
}

/** Longer than until then. */
async function forEver(end: number): Promise<never> {
  await sleep(Math.max(0, end - performance.now()));
  throw new Error("The time is over");
}
