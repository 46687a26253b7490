/**
 * Attacks by callers that make a server keep what they have sent, and let it send nothing.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import {
  ALONE,
  ANY_CONNECTION,
  type Attack,
  check,
  growth,
  others,
  type Outcome,
  type ServerSpec,
  share,
  SMALL,
  type Target,
} from "./attack.ts";
import { ask, line, times } from "./crowd.ts";
import { crowdOf, empties, type NthMessage, numbered, press, told } from "./press.ts";

/** As many empty objects as a message may hold: 0.3 MB that take 8 MiB once they are parsed. */
const MANY = empties(110_000);

/** A text that fills a message. */
const TEXT = "x".repeat(1_000_000);

const NO_CREDIT = '"stream":{"credit":0}';

/** Five minutes, the longest that a call may take. */
const PATIENT = '"timeoutMs":300000';

/** Messages that open streams which may send nothing. */
const watchers: Readonly<Record<string, () => NthMessage>> = {
  meta: () => numbered("rpc.health.watch", `{"_meta":{${NO_CREDIT},"j":${MANY}}}`),
  names: () => numbered("rpc.health.watch", `{"service":"${TEXT}","_meta":{${NO_CREDIT}}}`),
};

/** Sends so many of them on one connection, and holds it. */
async function keep(
  target: Target,
  message: NthMessage,
  count = 200,
): Promise<Outcome> {
  const pressed = await press(target, (i) => i < count ? message(i) : undefined);
  return { did: told(pressed), figures: { sent: pressed.sent } };
}

/** An attack that sends the same again and again on one connection. */
function keeping(
  name: string,
  rows: readonly string[],
  does: string,
  message: () => NthMessage,
  { count = 200, ...server }: ServerSpec & { count?: number } = {},
): Attack {
  return {
    name,
    rows,
    does,
    server: { ...SMALL, ...server },
    figures: ANY_CONNECTION,
    run: (target) => keep(target, message(), count),
  };
}

/** A batch of a stream without credit, and calls whose answers wait for its end. */
function waitingBatch(calls: readonly string[]): NthMessage {
  const stream =
    `{"jsonrpc":"2.0","id":1,"method":"countdown","params":{"value":9,"_meta":{${NO_CREDIT}}}}`;
  const bytes = bytesOf(`[${[stream, ...calls].join()}]\n`);
  return () => bytes;
}

/** Calls of `take`, and as many items for each as it gives credit for: 64, of 1 MiB. */
function itemsUp(calls: number): NthMessage {
  const head = '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":';
  const item = bytesOf(`${head}1,"dir":"up","value":${MANY}}}\n`);
  return (i) => {
    if (i < calls) return bytesOf(line("take", [], i + 1));
    item[head.length] = 0x31 + i % calls; // an id of one digit
    return item;
  };
}

const SLEEP = `{"value":300000,"_meta":{${PATIENT},"j":${MANY}}}`;

const keepItems: Attack = {
  name: "keep-items",
  rows: ["K05"],
  does: "streams items of 110,000 {} to 8 calls that take one and leave the others: 64 to each",
  server: SMALL,
  figures: ANY_CONNECTION,
  run: (target) => keep(target, itemsUp(8), 8 + 8 * 64),
};

const keepCrowd: Attack = {
  name: "keep-crowd",
  rows: ["K07"],
  does: "opens streams that may send nothing on 256 connections, with 110,000 {} beside each",
  server: { ...ALONE, heap: 512 },
  figures: [growth(200), ...others(30, 250)],
  async run(target) {
    const count = share(target, 256), message = watchers.meta!();
    let sent = 0, cuts = 0;
    const from = crowdOf(target);
    await times(count, async () => {
      const pressed = await press(from, (i) => i < 8 ? message(i) : undefined);
      sent += pressed.sent;
      cuts += pressed.cuts;
    }, count);
    return { did: `took ${sent} messages of ${count} callers, hung up ${cuts} times` };
  },
};

const keepWorkers: Attack = {
  name: "keep-workers",
  rows: ["K08"],
  does:
    "opens streams that may send nothing at a server of two workers, with 110,000 {} beside each",
  server: { ...SMALL, workers: 2 },
  figures: others(15, 100),
  async run(target) {
    const message = watchers.meta!();
    const outcomes = await Promise.all([0, 1, 2, 3].map(() => keep(target, message, 100)));
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    return outcomes[0]!;
  },
};

/** All of them. */
export const KEEP: readonly Attack[] = [
  keeping(
    "keep-meta",
    ["K01"],
    "opens 200 streams that may send nothing, with 110,000 {} in _meta of each",
    watchers.meta!,
  ),
  keeping(
    "keep-names",
    ["K02"],
    "watches the health of 200 services with names of 1 MB, and lets nothing be sent",
    watchers.names!,
  ),
  keeping(
    "keep-batches",
    ["K03"],
    "sends batches of 1 MB whose answers wait for a stream that may send nothing",
    () => waitingBatch([`{"jsonrpc":"2.0","id":2,"method":"echo","params":["${TEXT}"]}`]),
  ),
  keeping(
    "keep-answers",
    ["K03"],
    "sends small batches whose answers of 8 MB wait for a stream that may send nothing",
    () => waitingBatch(['{"jsonrpc":"2.0","id":2,"method":"big","params":[8000000]}']),
  ),
  keeping(
    "keep-sleeps",
    ["K04"],
    "makes 200 calls that last for minutes, with 110,000 {} in _meta of each",
    () => numbered("sleep", SLEEP),
  ),
  keepItems,
  keeping(
    "keep-notifications",
    ["K06"],
    "sends 200 notifications of 110,000 {} whose handlers take a minute",
    () => numbered("linger", `{"ms":60000,"filler":${MANY}}`, "notification"),
  ),
  keeping(
    "keep-callbacks",
    ["K06"],
    "makes 200 calls of 1 MB that call back, and answers none of these",
    () => numbered("callBack", `["${TEXT}"]`),
  ),
  keepWorkers,
  keepCrowd,
];
