/**
 * Attacks on JSON and on the envelope: messages that are no messages, or odd ones.
 *
 * @module
 */

import { type Answer, bytesOf, join } from "../support/raw.ts";
import { type Attack, check, type Target } from "./attack.ts";
import { during, peer } from "./crowd.ts";

/** One line, and the code of its answer, its result as JSON, or nothing. */
type Exchange = readonly [line: string | Uint8Array, answer: number | string | undefined];

const call = (method: unknown, params?: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, ...(params !== undefined && { params }) });
const raw = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"echo","params":${params}}`;
const bad = (...bytes: number[]) =>
  join([
    bytesOf('{"jsonrpc":"2.0","id":1,"method":"echo","params":["'),
    new Uint8Array(bytes),
    bytesOf('"]}'),
  ]);

const PARSE_ERROR = -32700, INVALID = -32600, NOT_FOUND = -32601, PARAMS = -32602;
const INTERNAL = -32603;

/** Odd JSON. */
const JSON_LINES: readonly Exchange[] = [
  [bad(0xff), PARSE_ERROR],
  [bad(0xc0, 0xaf), PARSE_ERROR],
  [bad(0xed, 0xa0, 0x80), PARSE_ERROR],
  [bad(0xf5, 0x80, 0x80, 0x80), PARSE_ERROR],
  [bad(0xe2, 0x82), PARSE_ERROR],
  ['\ufeff{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}', "[]"],
  ['{"jsonrpc":"2.0",\ufeff"id":1,"method":"echo"}', PARSE_ERROR],
  ["{", PARSE_ERROR],
  ['{"a":1,}', PARSE_ERROR],
  ["NaN", PARSE_ERROR],
  ["1", INVALID],
  ['"x"', INVALID],
  ["null", INVALID],
  ["true", INVALID],
  [raw('{"__proto__":{"polluted":1}}'), '{"__proto__":{"polluted":1}}'],
  [
    raw('{"constructor":{"prototype":{"polluted":1}}}'),
    '{"constructor":{"prototype":{"polluted":1}}}',
  ],
  [raw("[-0,1E5,1e-7]"), "[0,100000,1e-7]"],
  [raw('["\\u0000\\u2028\\ud83d\\ude00"]'), '["\\u0000\u2028\ud83d\ude00"]'],
  [raw('{"\u00e9":1,"e\u0301":2}'), '{"\u00e9":1,"e\u0301":2}'],
  [raw(`[1${"0".repeat(100_000)}]`), INTERNAL], // Infinity, which cannot be written
];

/** Odd requests. */
const REQUESTS: readonly Exchange[] = [
  [call("echo", [], "x"), "[]"],
  [call("echo", [], -1), "[]"],
  [call("echo", [], ""), "[]"],
  [call("echo", [], null), "[]"],
  ['{"jsonrpc":"2.0","method":"echo","params":[]}', undefined],
  ['{"jsonrpc":"2.0","method":"nothing"}', undefined],
  ['{"jsonrpc":"2.0","method":"fail","params":["throw"]}', undefined],
  [call("echo", [], true), INVALID],
  [call("echo", [], []), INVALID],
  [call("echo", [], {}), INVALID],
  ['{"jsonrpc":"1.0","id":1,"method":"echo"}', INVALID],
  ['{"jsonrpc":2.0,"id":1,"method":"echo"}', INVALID],
  ['{"jsonrpc":"2.0 ","id":1,"method":"echo"}', INVALID],
  [call("echo", "text"), INVALID],
  [call("echo", 1), INVALID],
  [call("add", { a: 1 }), PARAMS],
  [call("add", { a: "1", b: 2 }), PARAMS],
  [call("rpc.nothing"), NOT_FOUND],
  [call(""), NOT_FOUND],
  [call("constructor"), NOT_FOUND],
  [call("toString"), NOT_FOUND],
  [call("__proto__"), NOT_FOUND],
  [call("hasOwnProperty"), NOT_FOUND],
  [call(1), INVALID],
  ["[]", INVALID],
  ["[1,2,3]", "[-32600,-32600,-32600]"],
  ["[[],{}]", "[-32600,-32600]"],
  ['[{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"echo"}]', undefined],
  [`[${call("echo", [2], 2)},${call("nothing", [], 3)}]`, "[[2],-32601]"],
  ['{"jsonrpc":"2.0","id":1,"method":"echo","params":[],"extra":1}', "[]"],
];

/** What an answer says, as far as the tables look into it. */
function gist(answer: Answer | Answer[] | undefined): number | string | undefined {
  if (answer === undefined) return undefined;
  if (Array.isArray(answer)) {
    const one = ({ error, result }: Answer) => error ? error.code : JSON.stringify(result);
    return `[${answer.map(one).join(",")}]`;
  }
  return answer.error?.code ?? JSON.stringify(answer.result);
}

/** Sends each line with a call behind it, which must be served. */
async function exchange(target: Target, lines: readonly Exchange[]): Promise<number> {
  let rounds = 0;
  await during(target.seconds, async () => {
    using odd = await peer(target);
    await odd.ask(call("echo", [], 0)); // so that the framing is known
    for (const [line, expected] of lines) {
      await odd.write(join([bytesOf(line), bytesOf(`\n${call("echo", [], "next")}\n`)]));
      const answers: (Answer | Answer[])[] = [];
      for (;;) {
        const answer: Answer | Answer[] = JSON.parse(await odd.text());
        if (!Array.isArray(answer) && answer.id === "next") break;
        answers.push(answer);
      }
      const shown = typeof line === "string" ? line.slice(0, 100) : Deno.inspect(line);
      const text = JSON.stringify(answers);
      check(answers.length <= 1, `${shown} has ${answers.length} answers: ${text}`);
      check(gist(answers[0]) === expected, `${shown} was answered ${text.slice(0, 200)}`);
      check(!/secret|\.ts|at /.test(text), `an answer tells too much: ${text.slice(0, 200)}`);
    }
    rounds++;
  });
  const { result } = await askOnce(target, call("echo", [{}]));
  check(JSON.stringify(result) === "[{}]", "an object has inherited something");
  return rounds;
}

async function askOnce(target: Target, text: string): Promise<Answer> {
  using one = await peer(target);
  return await one.ask(text);
}

const oddJson: Attack = {
  name: "odd-json",
  rows: ["P04", "P06", "P10", "P12", "P14", "P15", "P16", "J05", "J23"],
  does: "sends lines that are not UTF-8, not JSON, or odd JSON, each before a good call",
  async run(target) {
    const rounds = await exchange(target, JSON_LINES);
    return { did: `answered ${JSON_LINES.length} lines as they must be, ${rounds} times` };
  },
};

const oddRequests: Attack = {
  name: "odd-requests",
  rows: [
    ...["J02", "J03", "J04", "J07", "J10", "J11", "J12", "J13", "J14", "J15", "J16", "J17"],
    ...["J18", "J22", "J23", "J25"],
  ],
  does: "sends requests with odd ids, versions, methods, params and batches",
  async run(target) {
    const rounds = await exchange(target, REQUESTS);
    return { did: `answered ${REQUESTS.length} lines as they must be, ${rounds} times` };
  },
};

const deepNesting: Attack = {
  name: "deep-nesting",
  rows: ["P07", "B01"],
  does: "sends 1 MiB of [[[…]]] again and again",
  figures: [{ what: "healthy max ms", value: ({ max }) => max, atMost: 50 }],
  async run(target) {
    const { maxDepth, maxMessageBytes } = target.limits;
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    // The envelope is one level, the params are the next.
    const good = raw(nested(maxDepth - 1)), over = raw(nested(maxDepth));
    const deep = raw(nested((maxMessageBytes - 100) / 2));
    let messages = 0;
    using attacker = await peer(target);
    check((await attacker.ask(good)).error === undefined, `depth ${maxDepth} is refused`);
    const answer = await attacker.ask(over);
    check(answer.error !== undefined, `depth ${maxDepth + 1} is served`);
    await during(target.seconds, async () => {
      const { error } = await attacker.ask(deep);
      check(error?.code === answer.error!.code, `answered ${Deno.inspect(error)}`);
      messages++;
    });
    return { did: `refused ${messages} with ${answer.error.code}`, figures: { messages } };
  },
};

const manyKeys: Attack = {
  name: "many-keys",
  rows: ["P11", "B01"],
  does: "sends 1 MiB of keys, and of empty objects, again and again",
  figures: [{ what: "healthy max ms", value: ({ max }) => max, atMost: 100 }],
  async run(target) {
    const room = target.limits.maxMessageBytes - 100;
    const keys = Array.from({ length: Math.floor(room / 12) }, (_, i) => `"${i}":0`).join(",");
    const bodies = [`{${keys}}`, `[${Array(Math.floor(room / 3)).fill("{}").join(",")}]`];
    let messages = 0;
    using attacker = await peer(target);
    await during(target.seconds, async () => {
      for (const body of bodies) {
        const { error, result } = await attacker.ask(raw(body));
        check(error === undefined, `refused with ${Deno.inspect(error)}`);
        check(JSON.stringify(result) === body, "what came back is not what was sent");
        messages++;
      }
    });
    return { did: `served ${messages}`, figures: { messages } };
  },
};

const badInARow: Attack = {
  name: "bad-in-a-row",
  rows: ["J23", "L09"],
  does: "sends lines that are no JSON up to maxProtocolErrors, a good call, and more bad lines",
  async run(target) {
    const { maxProtocolErrors } = target.limits;
    let refused = 0, rounds = 0;
    await during(target.seconds, async () => {
      using bad = await peer(target);
      await bad.ask(call("echo", []));
      const most = maxProtocolErrors - 1;
      await bad.write("}\n".repeat(most) + call("echo", [], "next") + "\n");
      for (const { error } of await bad.answers(most)) {
        check(error?.code === PARSE_ERROR, `a bad line was answered ${Deno.inspect(error)}`);
      }
      check((await bad.answer()).id === "next", "a good call behind them is not served");
      // More than are allowed again meanwhile.
      await bad.write("}\n".repeat(maxProtocolErrors)).catch(() => {}); // hung up on already
      await bad.rest();
      refused += most;
      rounds++;
    });
    return { did: `refused ${refused} lines, then hung up, ${rounds} times`, figures: { refused } };
  },
};

/** All of them. */
export const PARSING: readonly Attack[] = [
  oddJson,
  oddRequests,
  badInARow,
  deepNesting,
  manyKeys,
];
