/**
 * Attacks by too much work, and handlers that fail or hold the processor.
 *
 * @module
 */

import { type Attack, check, type Target } from "./attack.ts";
import { ask, close, connectAll, peer, ran, sleep, write } from "./crowd.ts";

/** What became of calls that were made at a rate. */
interface Load {
  readonly answered: number;
  readonly inTime: number;
  readonly refused: number;
  /** Milliseconds to a refusal, at the median. */
  readonly refusal: number;
  readonly silent: number;
}

/** Milliseconds after which nobody waits for an answer any more. */
const DEADLINE = 1000;

/** Makes calls of 1 ms of processor time at a rate, on so many connections, and waits for the rest. */
async function load(
  target: Target,
  rate: number,
  seconds: number,
  connections = 50,
): Promise<Load> {
  const conns = await connectAll(target, connections);
  const made = new Map<number, number>();
  let answered = 0, inTime = 0, refused = 0, id = 0;
  const refusals: number[] = [];
  const reading = conns.map(async (conn) => {
    const buffer = new Uint8Array(1 << 14), decoder = new TextDecoder();
    let text = "";
    try {
      for (let count; (count = await conn.read(buffer)) !== null;) {
        const now = performance.now();
        const lines = (text + decoder.decode(buffer.subarray(0, count), { stream: true }))
          .split("\n");
        text = lines.pop()!;
        for (const line of lines) {
          const answer = JSON.parse(line), at = made.get(answer.id);
          if (at === undefined) continue;
          made.delete(answer.id);
          if (answer.error === undefined) {
            answered++;
            if (now - at < DEADLINE) inTime++;
          } else {
            refused++;
            refusals.push(now - at);
          }
        }
      }
    } catch {
      // closed by us
    }
  });
  const interval = 1000 / rate, begun = performance.now();
  const sending = new Map<Deno.Conn, Promise<boolean>>();
  for (let next = begun; next < begun + seconds * 1000;) {
    for (const now = performance.now(); next <= now; next += interval) {
      const conn = conns[id % conns.length]!;
      made.set(++id, next);
      const params = { value: 1, _meta: { timeoutMs: DEADLINE } };
      const line = JSON.stringify({ jsonrpc: "2.0", id, method: "block", params }) + "\n";
      const before = sending.get(conn) ?? Promise.resolve(true);
      sending.set(conn, before.then(() => write(conn, line)));
    }
    await sleep(1);
  }
  // Those that are answered late count as answered, but not in time.
  const end = performance.now() + 15_000;
  while (made.size > 0 && performance.now() < end) await sleep(50);
  conns.forEach(close);
  await Promise.all(reading);
  refusals.sort((a, b) => a - b);
  return {
    answered,
    inTime,
    refused,
    refusal: refusals[refusals.length >> 1] ?? 0,
    silent: made.size,
  };
}

const fiveTimes: Attack = {
  name: "five-times-the-load",
  rows: ["O01", "O03"],
  does:
    "makes five times the calls of 1 ms that it can serve, open-loop, then again as many as before",
  server: { clients: 10, rate: 50 },
  refuses: true,
  figures: [
    { what: "goodput of the peak", value: ({ figures }) => figures.goodput, atLeast: 0.9 },
    { what: "refused after ms", value: ({ figures }) => figures.refusal, atMost: 5 },
    { what: "goodput afterwards", value: ({ figures }) => figures.recovered, atLeast: 0.9 },
  ],
  async run(target) {
    const { seconds } = target;
    const peak = await load(target, 700, seconds);
    const over = await load(target, 3500, seconds);
    await sleep(500);
    const after = await load(target, 700, Math.min(seconds, 2));
    const perSecond = (count: number, time = seconds) => count / time;
    const goodput = perSecond(over.inTime) / perSecond(peak.inTime);
    const recovered = perSecond(after.inTime, Math.min(seconds, 2)) / perSecond(peak.inTime);
    check(peak.silent === 0, `${peak.silent} calls at the usual load have no answer`);
    check(over.silent === 0, `${over.silent} calls have no answer`);
    check(after.silent === 0, `${after.silent} calls afterwards have no answer`);
    return {
      did: `served ${perSecond(over.inTime).toFixed(0)} in time of ${
        perSecond(peak.inTime).toFixed(0)
      } a second (${over.answered} answered, ${over.refused} refused), then ${
        perSecond(after.inTime, Math.min(seconds, 2)).toFixed(0)
      }`,
      figures: { goodput, recovered, refusal: over.refusal },
    };
  },
};

const expired: Attack = {
  name: "expired-in-the-queue",
  rows: ["O02"],
  does: "makes calls that wait for a place until nobody waits for their answers any more",
  async run(target) {
    const { maxInFlight } = target.limits, key = crypto.randomUUID(), count = 50;
    using hasty = await peer(target);
    const call = (id: number, method: string, value: unknown, timeoutMs: number) => ({
      jsonrpc: "2.0",
      id,
      method,
      params: { value, _meta: { timeoutMs } },
    });
    const calls = Array.from({ length: maxInFlight }, (_, id) => call(id, "sleep", 500, 20_000));
    for (let id = 1; id <= count; id++) calls.push(call(maxInFlight + id, "run", key, 50));
    await hasty.send(...calls);
    const answers = await hasty.answers(calls.length);
    const late = answers.filter(({ id }) => id as number > maxInFlight);
    const told = late.filter(({ error }) => error?.code === -32004).length;
    const runs = await ran(target, key);
    check(told > 0 && told + runs === count, `${told} of ${count} were told so, ${runs} ran`);
    // How long a call has lain in the system's buffer, unread, nobody can tell.
    return { did: `told ${told} of ${count} DEADLINE_EXCEEDED`, figures: { runs } };
  },
  figures: [{ what: "run after their time", value: ({ figures }) => figures.runs, atMost: 0 }],
};

const blocking: Attack = {
  name: "blocking-handler",
  rows: ["B02"],
  does: "calls a handler that holds the processor for 2 s",
  async run(target) {
    const { result } = await ask(target, "block", [2000]);
    check(result === 2000, `answered ${Deno.inspect(result)}`);
    return { did: "answered everybody once it could" };
  },
};

const failing: Attack = {
  name: "failing-handlers",
  rows: ["C01", "C04", "J25"],
  does: "calls handlers that throw, and that return what is no JSON",
  async run(target) {
    using caller = await peer(target);
    for (const how of ["throw", "cycle", "bigint"]) {
      const { error } = await caller.ask({ jsonrpc: "2.0", id: 1, method: "fail", params: [how] });
      check(error?.code === -32603, `${how} was answered ${Deno.inspect(error)}`);
      check(!JSON.stringify(error).includes("secret"), "the handler's text was told");
    }
    return { did: "said -32603 and nothing else" };
  },
};

const detached: Attack = {
  name: "detached-failures",
  rows: ["C06", "C07"],
  does: "calls handlers that leave a rejected promise behind, or a timer that throws",
  async run(target) {
    for (const how of ["rejection", "timer"]) {
      const { error } = await ask(target, "fail", [how]);
      check(error === undefined, `${how} was answered ${Deno.inspect(error)}`);
      await sleep(200);
      check((await ask(target, "echo", [1])).id === 1, `serves nobody any more after a ${how}`);
    }
    return { did: "served on" };
  },
  server: { clients: 10, rate: 200 },
};

const frozen: Attack = {
  name: "frozen-server",
  rows: ["B06"],
  does: "stops the server's process for 3 s, and lets it go on",
  async run(target) {
    Deno.kill(target.pid, "SIGSTOP");
    await sleep(3000);
    Deno.kill(target.pid, "SIGCONT");
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    return { did: "went on" };
  },
  server: { clients: 50, rate: 1000 },
};

/** All of them. */
export const OVERLOAD: readonly Attack[] = [
  fiveTimes,
  expired,
  blocking,
  failing,
  detached,
  frozen,
];
