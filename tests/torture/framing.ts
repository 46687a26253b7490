/**
 * Attacks on framing: where a message begins and ends.
 *
 * @module
 */

import { type Answer, bytesOf, frame, FRAMING_NAMES, join, type RawPeer } from "../support/raw.ts";
import { type Attack, check, growth, type Outcome, share, type Target } from "./attack.ts";
import {
  allEnd,
  close,
  connectAll,
  during,
  endings,
  peer,
  ran,
  readToEnd,
  sleep,
  write,
} from "./crowd.ts";
import { sample } from "./proc.ts";

const MIB = 1 << 20;

/** A call of `run`, which is counted. */
function run(key: string, id = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method: "run", params: [key] });
}

/** Sends bytes that must not be executed, and gives everything that comes back up to the end. */
async function refused(target: Target, bytes: string | Uint8Array): Promise<string> {
  const [conn] = await connectAll(target, 1);
  await write(conn!, bytes);
  const [end] = await allEnd([conn!], 10_000);
  check(end !== undefined, `not hung up on after ${Deno.inspect(bytes)}`);
  return end.text;
}

/** Answers to requests 0 to `count - 1`, each once, each with its own params. */
function checkEchoes(answers: readonly Answer[], count: number): void {
  const seen = new Set<unknown>();
  for (const { id, result } of answers) {
    check(!seen.has(id), `two answers to ${id}`);
    check((result as { n?: unknown })?.n === id, `the answer to ${id} is ${Deno.inspect(result)}`);
    seen.add(id);
  }
  check(seen.size === count, `${seen.size} answers of ${count}`);
}

const echo = (n: number) => ({ jsonrpc: "2.0", id: n, method: "echo", params: { n } });

const oneByteWrites: Attack = {
  name: "one-byte-writes",
  rows: ["F03"],
  does: "sends calls byte by byte, 5 ms apart, in each framing",
  async run(target) {
    await Promise.all(FRAMING_NAMES.map(async (framing) => {
      using slow = await peer(target, framing);
      for (const byte of frame(framing, JSON.stringify(echo(7)))) {
        await slow.write(new Uint8Array([byte]));
        await sleep(5);
      }
      checkEchoes([await slow.answer()].map((it) => ({ ...it, id: 7 })), 1);
    }));
    return { did: "served all three" };
  },
};

const thousandInOneWrite: Attack = {
  name: "thousand-in-one-write",
  rows: ["F04", "F23"],
  does: "sends 1,000 calls in one write, again and again, in each framing",
  async run(target) {
    let calls = 0;
    await Promise.all(FRAMING_NAMES.map(async (framing) => {
      using many = await peer(target, framing);
      const bytes = join(
        Array.from({ length: 1000 }, (_, n) => frame(framing, JSON.stringify(echo(n)))),
      );
      await during(target.seconds, async () => {
        const [, answers] = await Promise.all([many.write(bytes), many.answers(1000)]);
        checkEchoes(answers, 1000);
        calls += 1000;
      });
    }));
    return { did: `answered ${calls} calls, each once`, figures: { calls } };
  },
};

const cutOff: Attack = {
  name: "cut-off",
  rows: ["F07"],
  does: "sends a call without its last bracket, one without a newline, and half-closes",
  async run(target) {
    const key = crypto.randomUUID(), whole = crypto.randomUUID();
    using cut = await peer(target);
    await cut.write(run(whole) + run(key, 2).slice(0, -1));
    await cut.closeWrite();
    const answers = await cut.messages();
    const [error] = answers.filter(({ error }) => error !== undefined);
    check(answers.length === 2, `${answers.length} answers came back`);
    check(error?.error?.code === -32700, `it was answered ${Deno.inspect(error)}`);
    check(await ran(target, key) === 0, "the call was executed");
    check(await ran(target, whole) === 1, "the whole call was not executed once");
    return { did: "executed the whole call, and told that the other is cut off" };
  },
};

/** Texts that are broken, and hold calls that must not run, each with the bytes behind which reading goes on. */
const HIDING: readonly (readonly [what: string, text: (call: string) => string])[] = [
  [
    "within an open bracket",
    (call) => `{"jsonrpc":"2.0","id":1,"method":"echo","params":[\n${call}\n]}\n`,
  ],
  ["behind single quotes", (call) => `{'a':${call}}\n`],
  ["indented behind a break", (call) => `{'a':\n ${call}\n\t${call}\n}\n`],
  ["behind a comma too many", (call) => `{"a":1,} ${call}\n`],
  ["in rubbish", (call) => `x\x1e${call}\0${call}\n`],
  ["behind another text", (call) => `42 ${call}\n`],
  ["in what nests too deeply", (call) => `${"[".repeat(70)}\n${call},\n${call}${"]".repeat(70)}\n`],
  ["in what is too long", (call) => `["${"x".repeat(2 * MIB)}",\n${call},\n${call}]\n`],
];

const hiddenCalls: Attack = {
  name: "hidden-calls",
  rows: ["F13"],
  does:
    "hides calls in texts that are broken, too deep, too long, or not theirs, in one piece and in many",
  async run(target) {
    for (const [what, text] of HIDING) {
      const key = crypto.randomUUID(), bytes = bytesOf(text(run(key)));
      for (const size of [bytes.length, 7919]) {
        using hiding = await peer(target);
        await hiding.ask(echo(1));
        for (let at = 0; at < bytes.length; at += size) {
          await hiding.write(bytes.subarray(at, at + size));
        }
        await hiding.write(JSON.stringify(echo(2)) + "\n");
        const [first, second] = await hiding.answers(2);
        check(
          first?.id !== 2 && second?.id === 2,
          `${what} it was answered ${Deno.inspect(second)}`,
        );
      }
      check(await ran(target, key) === 0, `a call ${what} was executed`);
    }
    return { did: `executed none of ${HIDING.length}, and served the line behind each` };
  },
};

const endlessLine: Attack = {
  name: "endless-line",
  rows: ["F09"],
  does: "sends one text of 200 MiB",
  figures: [growth(4)],
  async run(target) {
    const [conn] = await connectAll(target, 1);
    const block = new Uint8Array(MIB).fill(0x78), size = share(target, 200);
    const ended = readToEnd(conn!);
    await write(conn!, '["');
    for (let i = 0; i < size && await write(conn!, block); i++);
    await write(conn!, '"]\n' + JSON.stringify(echo(1)) + "\n");
    await conn!.closeWrite().catch(() => {});
    const { text } = await ended;
    close(conn!);
    const answers = text.trimEnd().split("\n").map((line): Answer => JSON.parse(line));
    check(answers[0]?.error?.code === -32008, `answered ${text.slice(0, 200)}`);
    const isServed = (answers[1]?.result as { n?: number })?.n === 1;
    check(isServed || answers.length === 1, `then answered ${text.slice(0, 300)}`);
    return {
      did: `said RESOURCE_EXHAUSTED once, ${isServed ? "served the next line" : "and hung up"}`,
    };
  },
};

const tinySegments: Attack = {
  name: "tiny-segments",
  rows: ["F10", "M04"],
  does: "sends a call of 1 MB in 100,000 writes of 10 bytes",
  figures: [
    { what: "server CPU ms", value: ({ figures }) => figures.cpu, atMost: 100 },
    { what: "healthy max ms", value: ({ max }) => max, atMost: 20 },
  ],
  async run(target) {
    const [conn] = await connectAll(target, 1);
    const text = "x".repeat(share(target, 1_000_000) - 100);
    const bytes = bytesOf(
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "echo", params: [text] }) + "\n",
    );
    // The answer is as large as the call; it is read to the end after half-closing.
    const ended = readToEnd(conn!, Infinity);
    const before = cpuOf(target);
    for (let at = 0; at < bytes.length; at += 10) {
      check(await write(conn!, bytes.subarray(at, at + 10)), `hung up after ${at} bytes`);
    }
    const cpu = cpuOf(target) - before;
    await conn!.closeWrite();
    const answer: Answer = JSON.parse((await ended).text);
    close(conn!);
    check((answer.result as string[])?.[0] === text, "the answer is not what was sent");
    return { did: "served it", figures: { cpu } };
  },
};

/** Milliseconds of the server's processor time, what it does for healthy callers included. */
function cpuOf({ pid }: Target): number {
  return sample(pid)?.cpu ?? 0;
}

/** Header blocks that must close the connection, with the body that follows them. */
function badHeaders(body: string, maxBytes: number, maxLines: number): string[] {
  const n = body.length;
  const lengths = [
    `${n}abc`,
    `+${n}`,
    `-${n}`,
    `0x${n.toString(16)}`,
    "1e2",
    "",
    "99999999999999999999",
    `${n}, ${n}`,
    `${n}.0`,
    `${n} ${n}`,
    "\u0661\u0662",
  ];
  const length = `Content-Length: ${n}\r\n`;
  const filler = "Content-X: y\r\n";
  return [
    ...lengths.map((value) => `Content-Length: ${value}\r\n\r\n`),
    `${length}${length}\r\n`,
    `${length}Content-Length: ${n + 1}\r\n\r\n`,
    `${length}no colon here\r\n\r\n`,
    `Content-Type: x\r\n\r\n`,
    `${length}${filler.repeat(maxLines)}\r\n`,
    `${length}Content-X: ${"y".repeat(maxBytes)}\r\n\r\n`,
  ].map((head) => head + body);
}

const badHeaderBlocks: Attack = {
  name: "bad-headers",
  rows: ["F11", "F12", "F15"],
  does: "sends header blocks with wrong, two, or no lengths, and too large ones",
  async run(target) {
    const key = crypto.randomUUID();
    const { maxHeaderBytes, maxHeaderLines } = target.limits;
    const blocks = badHeaders(run(key), maxHeaderBytes, maxHeaderLines);
    for (const block of blocks) await refused(target, block);
    check(await ran(target, key) === 0, "a call behind one of them was executed");
    // A block that is just within the limits, one byte at a time.
    using slow = await peer(target, "headers");
    const body = JSON.stringify(echo(1));
    const head = `Content-Length: ${body.length}\r\nContent-X: ${"y".repeat(2000)}\r\n\r\n`;
    for (const byte of bytesOf(head)) await slow.write(new Uint8Array([byte]));
    await slow.write(body);
    checkEchoes([{ ...await slow.answer() }].map((it) => ({ ...it, id: 1 })), 1);
    return { did: `hung up on ${blocks.length} of ${blocks.length}, executed nothing` };
  },
};

const badLengths: Attack = {
  name: "bad-lengths",
  rows: ["F18"],
  does: "announces messages of 0 bytes, and of more than the limit up to 4 GiB",
  figures: [growth(4)],
  async run(target) {
    const prefix = (length: number) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, length);
      return bytes;
    };
    using empty = await peer(target, "length");
    const answer = await empty.ask("");
    check(answer.error?.code === -32700, `an empty message was answered ${Deno.inspect(answer)}`);
    const { maxMessageBytes } = target.limits;
    // Only the first byte of a connection tells the framing, so that these come second.
    for (const length of [maxMessageBytes + 1, 0x00ffffff, 0x7fffffff, 0xffffffff]) {
      using bad = await peer(target, "length");
      await bad.ask(echo(1));
      await bad.write(prefix(length));
      const [last] = await bad.messages();
      check(last?.error?.code === -32008, `length ${length} was answered ${Deno.inspect(last)}`);
    }
    return { did: "answered -32700 to none, RESOURCE_EXHAUSTED to four, and hung up" };
  },
};

const announcedNeverSent: Attack = {
  name: "announced-never-sent",
  rows: ["F19"],
  does: "announces 1 MiB on 200 connections, sends 10 bytes, and waits",
  async run(target) {
    const { messageTimeout } = target.limits, since = performance.now();
    const conns = await connectAll(target, share(target, 200));
    const opened = performance.now();
    for (const [i, conn] of conns.entries()) {
      const length = bytesOf("Content-Length: 1000000\r\n\r\n0123456789");
      const prefix = new Uint8Array([0, 15, 66, 64, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      await write(conn, i % 2 === 0 ? length : prefix);
    }
    const ends = await allEnd(conns, messageTimeout + 10_000);
    return hungUp(conns.length, ends, since, opened, messageTimeout);
  },
};

/** That all of these were hung up on, and not before their time. */
export function hungUp(
  count: number,
  ends: readonly Awaited<ReturnType<typeof readToEnd>>[],
  begun: number,
  opened: number,
  timeout: number,
): Outcome {
  const { first, last } = endings(ends, begun);
  check(ends.length === count, `${count - ends.length} of ${count} are not hung up on`);
  check(first * 1000 >= timeout * 0.9, `hung up after ${first.toFixed(1)} s already`);
  const after = last - (opened - begun) / 1000;
  return {
    did: `hung up on all ${count}, the last ${after.toFixed(1)} s after it was opened`,
    figures: { last: after - timeout / 1000 },
  };
}

/** The first bytes of a connection, and whether they begin a framing. */
const FIRST: readonly (readonly [string, readonly number[], "served" | "refused" | "silent"])[] = [
  ["a byte order mark and a letter", [0xef, 0xbb, 0xbf, 0x61], "refused"],
  ["0xFF", [0xff, 0xff, 0xff, 0xff], "refused"],
  ["TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01], "silent"],
  ["SSH", Array.from(bytesOf("SSH-2.0-OpenSSH\r\n")), "refused"],
  ["HTTP/2", Array.from(bytesOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), "refused"],
  ["PUT", Array.from(bytesOf("PUT /x\r\nHost: x\r\n\r\n")), "refused"],
  ["a letter", [0x61, 0x61, 0x61, 0x61], "refused"],
  ["0x01", [0x01, 0, 0, 0], "refused"],
  ["17 spaces", Array<number>(17).fill(0x20), "refused"],
];

const firstBytes: Attack = {
  name: "first-bytes",
  rows: ["F20", "F21", "P06"],
  does: "begins connections with bytes that are no framing, and with one byte of each framing",
  async run(target) {
    for (const [what, bytes, outcome] of FIRST) {
      const text = await refused(target, new Uint8Array(bytes));
      check(
        outcome === "silent" ? text === "" : text !== "",
        `${what} was answered ${Deno.inspect(text)}`,
      );
    }
    await Promise.all(FRAMING_NAMES.map(async (framing) => {
      using slow = await peer(target, framing);
      const bytes = frame(framing, JSON.stringify(echo(1)));
      await slow.write(bytes.subarray(0, 1));
      await sleep(1000);
      await slow.write(bytes.subarray(1));
      const answer = await slow.answer();
      check(answer.id === 1, `${framing} was answered ${Deno.inspect(answer)}`);
    }));
    return { did: `hung up on ${FIRST.length}, served the three framings` };
  },
};

const browserPost: Attack = {
  name: "browser-post",
  rows: ["W06"],
  does: "posts calls over HTTP, as a browser does for any web page",
  async run(target) {
    const key = crypto.randomUUID(), body = run(key);
    const head = `Host: 127.0.0.1\r\nContent-Type: text/plain\r\nConnection: close\r\n`;
    const posts = ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "GET"].map((method) =>
      `${method} / HTTP/1.1\r\n${head}Content-Length: ${body.length + 2}\r\n\r\n\n${body}\n`
    );
    for (const post of posts) {
      const text = await refused(target, post);
      check(/^HTTP\/1\.1 [24][0-9][0-9] /.test(text), `answered ${Deno.inspect(text)}`);
    }
    check(await ran(target, key) === 0, "a posted call was executed");
    return { did: `answered ${posts.length} of ${posts.length}, executed nothing` };
  },
};

const mixedSizes: Attack = {
  name: "mixed-sizes",
  rows: ["F23", "P05"],
  does: "mixes calls of 1 byte and of 500 kB of emoji, and reads as it likes",
  async run(target) {
    let calls = 0;
    await Promise.all(FRAMING_NAMES.map(async (framing) => {
      using mixed = await peer(target, framing);
      await during(target.seconds, async () => {
        const texts = Array.from({ length: 10 }, (_, i) => "☎".repeat(i % 5 === 0 ? 160_000 : i));
        const requests = texts.map((text, id) => ({
          jsonrpc: "2.0",
          id,
          method: "echo",
          params: [text],
        }));
        const [, answers] = await Promise.all([sendAll(mixed, requests), mixed.answers(10)]);
        for (const { id, result } of answers) {
          check((result as string[])[0] === texts[id as number], `the answer to ${id} is another`);
        }
        calls += 10;
      });
    }));
    return { did: `answered ${calls} calls as they were`, figures: { calls } };
  },
};

async function sendAll(peer: RawPeer, requests: readonly object[]): Promise<void> {
  for (const request of requests) await peer.send(request);
}

/** All of them. */
export const FRAMING: readonly Attack[] = [
  oneByteWrites,
  thousandInOneWrite,
  mixedSizes,
  cutOff,
  hiddenCalls,
  endlessLine,
  tinySegments,
  badHeaderBlocks,
  badLengths,
  announcedNeverSent,
  firstBytes,
  browserPost,
];
