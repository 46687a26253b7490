/**
 * Attacks by too much of what is allowed: calls, notifications, pings and bytes as fast as they go.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { type Attack, check, growth, HEALTHY_P99 } from "./attack.ts";
import { close, connectAll, during, line, peer, ran, readToEnd, write } from "./crowd.ts";

const notificationFlood: Attack = {
  name: "notification-flood",
  rows: ["S11"],
  does: "sends notifications as fast as it can on one connection",
  figures: [growth(8), HEALTHY_P99],
  async run(target) {
    const key = crypto.randomUUID(), notes = 1000;
    const block = JSON.stringify({ jsonrpc: "2.0", method: "note", params: [key] }) + "\n";
    using flood = await peer(target);
    const rounds = await during(target.seconds, () => flood.write(block.repeat(notes)));
    await flood.ask({ jsonrpc: "2.0", id: 1, method: "echo" }); // after all of them
    const count = await ran(target, key);
    check(count === rounds * notes, `${count} of ${rounds * notes} notifications ran`);
    return { did: `ran all ${count}`, figures: { count } };
  },
};

const asFastAsItCan: Attack = {
  name: "as-fast-as-it-can",
  rows: ["S12", "O04"],
  does: "sends tiny calls as fast as it can on one connection, and reads the answers",
  figures: [HEALTHY_P99],
  async run(target) {
    const [conn] = await connectAll(target, 1);
    const block = bytesOf(line("add", [1, 2]).repeat(1000));
    let answers = 0, sent = 0, isOver = false;
    const buffer = new Uint8Array(1 << 16);
    const reading = (async () => {
      while (!isOver || answers < sent) {
        const count = await conn!.read(buffer);
        check(count !== null, "was hung up on");
        for (let i = 0; i < count; i++) if (buffer[i] === 10) answers++;
      }
    })();
    await during(target.seconds, async () => {
      sent += 1000;
      check(await write(conn!, block), "was hung up on");
    });
    isOver = true;
    await write(conn!, line("add", [1, 2]));
    sent++;
    await reading;
    close(conn!);
    check(answers === sent, `${answers} answers of ${sent}`);
    return { did: `answered all ${answers}`, figures: { answers } };
  },
};

const pingFlood: Attack = {
  name: "ping-flood",
  rows: ["O08"],
  does: "pings as fast as it can, and goes on when it is refused",
  figures: [HEALTHY_P99],
  async run(target) {
    const { maxPings } = target.limits;
    let served = 0, refused = 0, rounds = 0;
    await during(target.seconds, async () => {
      const [conn] = await connectAll(target, 1);
      const ended = readToEnd(conn!, Infinity);
      await write(conn!, line("rpc.ping", []).repeat(3 * maxPings));
      await conn!.closeWrite().catch(() => {}); // it may have been hung up on
      const { text } = await ended;
      close(conn!);
      served += text.split('"result"').length - 1;
      refused += text.split("RESOURCE_EXHAUSTED").length - 1;
      rounds++;
    });
    // A little is allowed again while it goes on.
    check(served < rounds * maxPings * 2, `${served} pings were answered in ${rounds} rounds`);
    check(refused <= rounds * maxPings * 1.5, `was not hung up on after ${refused} refusals`);
    check(served >= rounds * maxPings, `only ${served} pings were answered in ${rounds} rounds`);
    return { did: `answered ${served}, refused ${refused}, hung up ${rounds} times` };
  },
};

const largeTransfers: Attack = {
  name: "large-transfers",
  rows: ["O04", "B01"],
  does: "echoes 1 MB again and again on two connections, as fast as it can",
  figures: [HEALTHY_P99],
  async run(target) {
    const text = "x".repeat(1_000_000);
    let bytes = 0;
    await Promise.all([1, 2].map(async (id) => {
      using large = await peer(target);
      await during(target.seconds, async () => {
        const { result } = await large.ask({ jsonrpc: "2.0", id, method: "echo", params: [text] });
        check((result as string[])?.[0] === text, "what came back is not what was sent");
        bytes += 2 * text.length;
      });
    }));
    return { did: `moved ${(bytes / 1e6).toFixed(0)} MB`, figures: { bytes } };
  },
};

/** All of them. */
export const FLOOD: readonly Attack[] = [
  notificationFlood,
  asFastAsItCan,
  pingFlood,
  largeTransfers,
];
