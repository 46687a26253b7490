/**
 * The attack that follows a plan, and begins anew when it is cut.
 *
 * @module
 */

import { type Attack, SMALL, type Target } from "../attack.ts";
import { close, sleep, write } from "../crowd.ts";
import { HANDSHAKE } from "../../support/http.ts";
import { drawPlan, encode, type Plan, renumber } from "./plan.ts";

/** Milliseconds after which a peer that stops reading does so. */
const STOPS = 200;

/** Milliseconds between two reads of a slow reader. */
const SLOW = 50;

/** The attack; the seed of the plan is in the target. */
export const followPlan: Attack = {
  name: "plan",
  rows: [],
  does: "follows the plan of a seed",
  server: SMALL,
  async run(target: Target) {
    const plan = drawPlan(target.seed!), end = performance.now() + target.seconds * 1000;
    let rounds = 0, sent = 0, read = 0;
    while (performance.now() < end) {
      const outcome = await follow(target, plan, end);
      if (outcome === undefined) break; // nobody is there any more
      rounds++;
      sent += outcome.sent;
      read += outcome.read;
    }
    const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
    return { did: `took ${megabytes(sent)}, sent ${megabytes(read)}, ${rounds} connections` };
  },
};

/** Follows it once, until it is cut or the time is over. */
async function follow({ port }: Target, plan: Plan, end: number) {
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay();
  } catch {
    return undefined;
  }
  let sent = 0, read = 0, isOver = false;
  const stop = () => {
    isOver = true;
    close(conn);
  };
  const timer = setTimeout(stop, Math.max(0, end - performance.now()));
  const writing = (async () => {
    let id = 1;
    if (plan.carrier === "websocket") await write(conn, HANDSHAKE);
    for (const { messages, repeat, pauseMs } of plan.phases) {
      const encoded = messages.map(encode);
      for (let i = 0; i < repeat && !isOver; i++) {
        for (const message of encoded) {
          id = renumber(message, id);
          for (let rest = message.bytes; rest.length > 0;) {
            const count = await conn.write(rest);
            sent += count;
            rest = rest.subarray(count);
          }
        }
        if (pauseMs > 0) await sleep(pauseMs);
      }
    }
    if (plan.ending === "half-closes") await conn.closeWrite();
    if (plan.ending === "leaves") stop();
  })();
  const reading = (async () => {
    if (plan.reading === "never") return await writing;
    const buffer = new Uint8Array(1 << 16), begun = performance.now();
    for (let count; (count = await conn.read(buffer)) !== null;) {
      read += count;
      if (plan.reading === "slow") await sleep(SLOW);
      if (plan.reading === "stops" && performance.now() > begun + STOPS) return await writing;
    }
    stop(); // it was cut
  })();
  await Promise.allSettled([
    writing.catch(stop),
    reading.catch(stop),
  ]);
  // Who does not read is not told of a cut; all that is left to do is to wait.
  while (!isOver) await sleep(20);
  clearTimeout(timer);
  await sleep(1);
  return { sent, read };
}
