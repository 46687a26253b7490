/**
 * Attacks by being slow: peers that say little, nothing, or do not read what they are told.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import {
  type Attack,
  check,
  type Figure,
  growth,
  HEALTHY_P99,
  share,
  type Target,
} from "./attack.ts";
import { allEnd, close, closeAll, connectAll, line, ran, sleep, times, write } from "./crowd.ts";
import { hungUp } from "./framing.ts";

const RSS = { what: "RSS MB", value: ({ peak }: { peak: number }) => peak, atMost: 160 };
/** How much later than it must be the last was hung up on. */
export const GONE: Figure = {
  what: "gone s past the limit",
  value: ({ figures }) => figures.last ?? 0,
  atMost: 1,
};

const silentAfterAByte: Attack = {
  name: "silent-after-a-byte",
  rows: ["S01"],
  does: "opens 10,000 connections, sends one byte on each, and waits",
  figures: [RSS, HEALTHY_P99, GONE],
  async run(target) {
    const { messageTimeout } = target.limits, begun = performance.now();
    const conns = await connectAll(target, share(target, 9900));
    const opened = performance.now();
    for (const conn of conns) await write(conn, "{");
    const ends = await allEnd(conns, messageTimeout + 10_000);
    return hungUp(conns.length, ends, begun, opened, messageTimeout);
  },
};

const trickle: Attack = {
  name: "trickle",
  rows: ["S02"],
  does: "opens 10,000 connections and sends a byte of a call on each every third of the timeout",
  figures: [RSS, HEALTHY_P99, GONE],
  async run(target) {
    const { messageTimeout } = target.limits, begun = performance.now();
    const conns = await connectAll(target, share(target, 9900));
    const opened = performance.now();
    const ended = allEnd(conns, messageTimeout + 10_000);
    const bytes = bytesOf(line("echo", ["slow"]));
    for (let i = 0; performance.now() < opened + messageTimeout; i++) {
      for (const conn of conns) write(conn, bytes.subarray(i, i + 1));
      await sleep(messageTimeout / 3);
    }
    return hungUp(conns.length, await ended, begun, opened, messageTimeout);
  },
};

const silent: Attack = {
  name: "silent",
  rows: ["S03"],
  does: "opens 10,000 connections and sends nothing",
  figures: [RSS, HEALTHY_P99],
  async run(target) {
    const conns = await connectAll(target, share(target, 9900));
    await sleep(target.seconds * 1000);
    await closeAll(conns);
    return { did: `held ${conns.length}: they may be silent for idleTimeout, 600 s` };
  },
};

const silentTooLong: Attack = {
  name: "silent-too-long",
  rows: ["S03", "D05", "D10"],
  does: "opens 1,000 connections, makes a call on half of them, and is gone without a word",
  server: { limits: { idleTimeout: 3000 } },
  figures: [GONE],
  async run(target) {
    const { idleTimeout } = target.limits, begun = performance.now();
    const conns = await connectAll(target, share(target, 1000));
    for (const [i, conn] of conns.entries()) {
      if (i % 2 === 0) await write(conn, line("echo", []));
    }
    const opened = performance.now();
    return hungUp(
      conns.length,
      await allEnd(conns, idleTimeout + 10_000),
      begun,
      opened,
      idleTimeout,
    );
  },
};

/** Writes again and again without reading; resolves to the bytes written once the other end is gone. */
export async function writeAndNeverRead(
  conn: Deno.Conn,
  bytes: string | Uint8Array,
  patience: number,
): Promise<number> {
  const block = bytesOf(bytes);
  let written = 0;
  const timer = setTimeout(() => close(conn), patience);
  try {
    for (let rest = block;; rest = rest.length > 0 ? rest : block) {
      const count = await conn.write(rest);
      written += count;
      rest = rest.subarray(count);
    }
  } catch {
    clearTimeout(timer);
    return written;
  }
}

const neverReads: Attack = {
  name: "never-reads",
  rows: ["S04"],
  does: "pipelines echoes as fast as it can on one connection, and reads none of them",
  figures: [
    growth(8),
    { what: "closed after s", value: ({ figures }) => figures.after, atMost: 12 },
  ],
  async run(target) {
    const { writeStallTimeout } = target.limits, begun = performance.now();
    const [conn] = await connectAll(target, 1);
    const block = line("echo", ["x".repeat(1000)]).repeat(100);
    const patience = writeStallTimeout + 15_000;
    const written = await writeAndNeverRead(conn!, block, patience);
    const after = performance.now() - begun;
    close(conn!);
    check(after < patience, "was not hung up on");
    return {
      did: `took ${(written / 2 ** 20).toFixed(1)} MB, hung up after ${
        (after / 1000).toFixed(1)
      } s`,
      figures: { after: after / 1000 },
    };
  },
};

/** A call for a stream of so many items, or without end. */
function texts(count?: number): (key: string) => string {
  const _meta = { stream: { credit: 1_000_000 } };
  return (key) => line("texts", { key, size: 10_000, count, _meta });
}

/** Asks for a stream and never reads it. @param text what asks for it, with this key */
export async function stopReading(
  target: Target,
  text: (key: string) => string | Uint8Array,
): Promise<number> {
  const { writeStallTimeout } = target.limits, key = crypto.randomUUID();
  const [conn] = await connectAll(target, 1);
  const begun = performance.now();
  await write(conn!, text(key));
  // It must notice by itself: nothing is sent to it that could fail.
  const patience = begun + writeStallTimeout + 15_000;
  while (await ran(target, `${key} ended`) === 0 || await isOpen(conn!)) {
    check(performance.now() < patience, "was not hung up on");
    await sleep(100);
  }
  close(conn!);
  return (performance.now() - begun) / 1000;
}

/** Whether the other end still takes something. A connection that was closed answers with a reset. */
async function isOpen(conn: Deno.Conn): Promise<boolean> {
  return await write(conn, "\n") && (await sleep(20), await write(conn, "\n"));
}

const subscriberStops: Attack = {
  name: "subscriber-stops",
  rows: ["S05"],
  does: "asks for an endless stream with all the credit in the world, and stops reading",
  figures: [growth(24)],
  async run(target) {
    const after = await stopReading(target, texts());
    return { did: `ended the stream and hung up after ${after.toFixed(1)} s` };
  },
};

const subscriberStopsLater: Attack = {
  name: "subscriber-stops-quietly",
  rows: ["S06"],
  does: "asks for a stream of 12 MB that ends, and does not read it",
  figures: [growth(24)],
  async run(target) {
    const after = await stopReading(target, texts(1200));
    return { did: `hung up after ${after.toFixed(1)} s, though nothing more was produced` };
  },
};

const slowReaders: Attack = {
  name: "slow-readers",
  rows: ["S07"],
  does: "asks for 8 MB on 100 connections, and reads none of them",
  refuses: true,
  figures: [{ ...RSS, atMost: 400 }],
  async run(target) {
    const { writeStallTimeout } = target.limits;
    const conns = await connectAll(target, share(target, 100));
    const begun = performance.now();
    for (const conn of conns) await write(conn, line("big", [8_000_000]));
    // Only who writes is told of the end, without reading what was sent before.
    let open = conns.length, last = 0;
    await times(conns.length, async (i) => {
      const patience = begun + writeStallTimeout + 15_000;
      while (await isOpen(conns[i]!)) {
        if (performance.now() > patience) return;
        await sleep(500);
      }
      open--;
      last = performance.now() - begun;
    }, conns.length);
    conns.forEach(close);
    check(open === 0, `${open} of ${conns.length} are not hung up on`);
    return { did: `hung up on all ${conns.length} within ${(last / 1000).toFixed(1)} s` };
  },
};

const slowButSteady: Attack = {
  name: "slow-but-steady",
  rows: ["S08"],
  does: "asks for 8 MB and reads 512 kB a second, for longer than writeStallTimeout",
  async run(target) {
    const { writeStallTimeout } = target.limits, begun = performance.now();
    const [conn] = await connectAll(target, 1);
    await write(conn!, line("big", [8_000_000]));
    const buffer = new Uint8Array(1 << 16);
    let bytes = 0;
    while (performance.now() < begun + writeStallTimeout * 1.5) {
      for (let i = 0; i < 8; i++) {
        const count = await conn!.read(buffer);
        check(count !== null, `was hung up on after ${bytes} bytes`);
        bytes += count;
      }
      await sleep(1000);
    }
    // And now the rest, as fast as it comes.
    for (let count; bytes < 8_000_000 && (count = await conn!.read(buffer)) !== null;) {
      bytes += count;
    }
    close(conn!);
    check(bytes >= 8_000_000, `only ${bytes} bytes came`);
    return { did: `sent all of it over ${((performance.now() - begun) / 1000).toFixed(0)} s` };
  },
};

/** All of them. */
export const SLOW: readonly Attack[] = [
  silent,
  silentAfterAByte,
  trickle,
  silentTooLong,
  neverReads,
  subscriberStops,
  subscriberStopsLater,
  slowReaders,
  slowButSteady,
];
