/**
 * Attacks over HTTP: requests that are slow, half, huge, many, unread, or two things to two readers.
 *
 * @module
 */

import { call, HANDSHAKE, post, request } from "../support/http.ts";
import { bytesOf, frame, join } from "../support/raw.ts";
import { OP, wsFrame } from "../support/websocket_frames.ts";
import {
  ALONE,
  ANY_CONNECTION,
  type Attack,
  check,
  type Figure,
  growth,
  others,
  share,
  SMALL,
} from "./attack.ts";
import {
  allEnd,
  ask,
  becomes,
  close,
  connectAll,
  during,
  ran,
  sleep,
  times,
  write,
} from "./crowd.ts";
import { hungUp } from "./framing.ts";
import { crowdOf, type NthMessage, press, told } from "./press.ts";
import { GONE, stopReading, writeAndNeverRead } from "./slow.ts";

const MIB = 1 << 20;

/** Content-Type and coding of a body in chunks. */
const CHUNKED = request("POST /", [
  "Content-Type: application/json",
  "Transfer-Encoding: chunked",
]);

/** A call of `run`, which is counted. */
const run = (key: string) => call("run", [key]);

/** The same bytes again and again. */
function same(bytes: string | Uint8Array): NthMessage {
  const block = bytesOf(bytes);
  return () => block;
}

// ---- Slow ----------------------------------------------------------------------------------------

/** A call in a frame behind a handshake, but for its end. */
const HALF_FRAME = join([bytesOf(HANDSHAKE), frame("websocket", call("echo", ["half"]))]).slice(
  0,
  -5,
);

/** The beginnings of things that never end, and the limit by which the last of them is over. */
const HALVES: Readonly<
  Record<string, readonly [limit: "httpHeadTimeout" | "messageTimeout", begin: Uint8Array]>
> = {
  heads: ["httpHeadTimeout", bytesOf(post(call("echo", [])).slice(0, 40))],
  handshakes: ["httpHeadTimeout", bytesOf(HANDSHAKE.slice(0, -2))],
  bodies: ["messageTimeout", bytesOf(post(call("echo", ["half"])).slice(0, -5))],
  frames: ["messageTimeout", HALF_FRAME],
};

function halves(what: string): Attack {
  const [limit, begin] = HALVES[what]!;
  return {
    name: `half-${what}`,
    rows: ["W07"],
    does: `opens 10,000 connections, sends half of ${what} of HTTP or WebSocket, and waits`,
    server: ALONE,
    figures: [
      { what: "RSS MB", value: ({ peak }) => peak, atMost: 160 },
      GONE,
      ...others(20, 200),
    ],
    async run(target) {
      const begun = performance.now();
      const conns = await connectAll(target, share(target, 9900), begin);
      const opened = performance.now(), timeout = target.limits[limit];
      const ends = await allEnd(conns, timeout + 15_000);
      return hungUp(conns.length, ends, begun, opened, timeout);
    },
  };
}

const trickle: Attack = {
  name: "http-trickle",
  rows: ["W07"],
  does: "sends heads, bodies and frames on 3,000 connections, a byte every third of the timeout",
  server: ALONE,
  figures: [GONE, ...others(20, 200)],
  async run(target) {
    const { messageTimeout, httpHeadTimeout } = target.limits, begun = performance.now();
    const conns = await connectAll(target, share(target, 3000)), opened = performance.now();
    const ended = allEnd(conns, httpHeadTimeout + messageTimeout + 10_000);
    const head = bytesOf(post(call("echo", ["slow"])));
    const bodyAt = head.indexOf(123), frameAt = bytesOf(HANDSHAKE).length;
    const all = [[head, 1], [head, bodyAt], [HALF_FRAME, frameAt]] as const;
    const at = all.map(([, at]) => at);
    for (const [i, conn] of conns.entries()) {
      const [bytes, first] = all[i % 3]!;
      await write(conn, bytes.subarray(0, first));
    }
    while (performance.now() < opened + messageTimeout) {
      for (const [i, conn] of conns.entries()) {
        const from = at[i % 3]!;
        write(conn, all[i % 3]![0].subarray(from, from + 1));
      }
      for (let kind = 0; kind < 3; kind++) at[kind]!++;
      await sleep(messageTimeout / 3);
    }
    const least = Math.min(messageTimeout, httpHeadTimeout);
    const { did, figures } = hungUp(conns.length, await ended, begun, opened, least);
    return { did, figures: { last: figures!.last! - (messageTimeout - least) / 1000 } };
  },
};

// ---- Readers -------------------------------------------------------------------------------------

function stops(name: string, does: string, text: (key: string) => string | Uint8Array): Attack {
  return {
    name,
    rows: ["W14"],
    does: `asks for an endless stream ${does}, and stops reading`,
    figures: [growth(24)],
    async run(target) {
      const after = await stopReading(target, text);
      return { did: `ended the stream and hung up after ${after.toFixed(1)} s` };
    },
  };
}

/** A request for an endless stream in this form. */
const endless = (accept: string) => (key: string) =>
  post(call("texts", { key, size: 10_000 }), `Accept: ${accept}`);

const endlessFrames = (key: string) =>
  join([
    bytesOf(HANDSHAKE),
    frame("websocket", call("texts", { key, size: 10_000, _meta: { stream: { credit: 1e6 } } })),
  ]);

/** Pipelines and never reads, until it is hung up on. */
function neverReads(name: string, does: string, first: string, block: string | Uint8Array): Attack {
  return {
    name,
    rows: ["W10"],
    does: `pipelines echoes ${does} as fast as it can on one connection, and reads none of them`,
    figures: [
      growth(16),
      { what: "closed after s", value: ({ figures }) => figures.after, atMost: 12 },
    ],
    async run(target) {
      const { writeStallTimeout } = target.limits, begun = performance.now();
      const [conn] = await connectAll(target, 1);
      await write(conn!, first);
      const patience = writeStallTimeout + 15_000;
      const written = await writeAndNeverRead(conn!, block, patience);
      const after = performance.now() - begun;
      close(conn!);
      check(after < patience, "was not hung up on");
      return {
        did: `took ${(written / MIB).toFixed(1)} MB, hung up after ${(after / 1000).toFixed(1)} s`,
        figures: { after: after / 1000 },
      };
    },
  };
}

const slowReaders: Attack = {
  name: "http-slow-readers",
  rows: ["W14"],
  does: "asks for 8 MB by POST, as events and over WebSockets on 99 connections, and reads nothing",
  refuses: true,
  figures: [{ what: "RSS MB", value: ({ peak }) => peak, atMost: 400 }],
  async run(target) {
    const { writeStallTimeout } = target.limits, big = call("big", [8_000_000]);
    const conns = await connectAll(target, share(target, 99)), begun = performance.now();
    const texts = [
      bytesOf(post(big)),
      bytesOf(post(big, "Accept: text/event-stream")),
      join([bytesOf(HANDSHAKE), frame("websocket", big)]),
    ];
    for (const [i, conn] of conns.entries()) await write(conn, texts[i % 3]!);
    let open = conns.length, last = 0;
    await times(conns.length, async (i) => {
      // A pong, or an empty line: what was closed answers with a reset.
      while (await write(conns[i]!, i % 3 === 2 ? wsFrame(OP.pong) : "\r\n")) {
        if (performance.now() > begun + writeStallTimeout + 15_000) return;
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

// ---- Two readers ---------------------------------------------------------------------------------

/** Requests that two readers may end in different places, with a request behind one of the two ends. */
function smuggled(hidden: string): string[] {
  const headed = (...lines: readonly string[]) =>
    request("POST /", ["Content-Type: application/json", ...lines]);
  const { length } = hidden, chunk = `${length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
  const lines: readonly (readonly string[])[] = [
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 5"],
    ["Content-Length: 5", "Transfer-Encoding : chunked"],
    ["Content-Length: 5", "Transfer-Encoding: xchunked"],
    ["Content-Length: 5", " Transfer-Encoding: chunked"],
    ["Content-Length: 5", "X: y\r\n Transfer-Encoding: chunked"],
    ["Content-Length: 5", "X: y\nTransfer-Encoding: chunked"],
    ["Content-Length: 5", "Transfer-Encoding:\x0bchunked"],
    ["Content-Length: 5", "Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    ["Transfer-Encoding: identity, chunked"],
    ["Transfer-Encoding: gzip, chunked"],
    ["Content-Length: 5", `Content-Length: ${length}`],
    [`Content-Length: 5, ${length}`],
    ["Content-Length: +5"],
    ["Content-Length: 0x5"],
    ["Content-Length: 5 5"],
    ["Content-Length : 5"],
    ["Content-Length: 5\r"],
    ["Content-Length: 5\0"],
    ["Content_Length: 5", "Content-Length: 5", "Content-Length: 5"],
  ];
  const sizes = ["5 ", "0x5", "+5", "5\n", "5;\n", "00000000005", "5_", "5,5"];
  return [
    ...lines.map((it) => headed(...it) + "0\r\n\r\n" + hidden),
    ...lines.map((it) => headed(...it) + chunk + hidden),
    ...sizes.map((size) => `${CHUNKED}${size}\r\n"abc"\r\n0\r\n\r\n${hidden}`),
    `${CHUNKED}5\r\n"abc"${hidden}`,
    `${CHUNKED}5\r\n"abc"\n0\r\n\r\n${hidden}`,
    `${CHUNKED}0\r\nno header\r\n\r\n${hidden}`,
    `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `POST / HTTP/1.1\nHost: localhost\n\n${hidden}`,
    `POST / HTTP/2.0\r\nHost: localhost\r\n\r\n${hidden}`,
    `POST /\r\n\r\n${hidden}`,
    `\r\n\r\n${hidden}`,
    `POST / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n${hidden}`,
    // One that is refused by its head, and whose body is a request.
    request("POST /", ["Content-Type: text/plain", `Content-Length: ${length}`]) + hidden,
    request("POST /", ["Expect: nothing", `Content-Length: ${length}`]) + hidden,
    request("POST /nowhere", [`Content-Length: ${length}`]) + hidden,
    // A handshake that is refused, and one that is not: what follows is no request.
    request("GET /", ["Connection: Upgrade", "Upgrade: websocket"]) + "\0" + hidden,
    HANDSHAKE + hidden,
  ];
}

const smuggling: Attack = {
  name: "smuggling",
  rows: ["W11"],
  does: "sends requests that two readers may end in different places, with a call behind one end",
  async run(target) {
    const key = crypto.randomUUID(), pairs = smuggled(post(run(key)));
    await times(pairs.length, async (i) => {
      const [conn] = await connectAll(target, 1);
      await write(conn!, pairs[i]!);
      const [end] = await allEnd([conn!], 10_000);
      check(end !== undefined, `not hung up on after ${JSON.stringify(pairs[i]).slice(0, 300)}`);
    }, 8);
    const runs = await ran(target, key);
    check(runs === 0, `${runs} calls were executed that were no requests`);
    return { did: `hung up on ${pairs.length} of ${pairs.length}, executed nothing` };
  },
};

// ---- Much, and many ------------------------------------------------------------------------------

/** Presses one connection at a time with these. */
function pressing(
  name: string,
  row: string,
  does: string,
  message: () => NthMessage,
  { first, reads, figures = ANY_CONNECTION, server = SMALL }: {
    first?: string;
    reads?: boolean;
    figures?: readonly Figure[];
    server?: Attack["server"];
  } = {},
): Attack {
  return {
    name,
    rows: [row],
    does,
    ...server && { server },
    figures,
    async run(target) {
      const options = { ...first !== undefined && { first }, ...reads !== undefined && { reads } };
      const pressed = await press(target, message(), options);
      check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
      return { did: told(pressed) };
    },
  };
}

const oneByteChunks = "1\r\n1\r\n".repeat(10_000);
const extensions = `1;${"x".repeat(200)}\r\n1\r\n`.repeat(300);

const answersFast: Attack = {
  name: "http-as-fast-as-it-can",
  rows: ["W26"],
  does: "sends tiny calls by POST as fast as it can on one connection, and reads the answers",
  server: ALONE,
  figures: ANY_CONNECTION,
  async run(target) {
    const [conn] = await connectAll(target, 1), count = 200;
    const block = bytesOf(post(call("add", [1, 2])).repeat(count)),
      buffer = new Uint8Array(1 << 16);
    let answers = 0, sent = 0, isOver = false, before = 0;
    const reading = (async () => {
      while (!isOver || answers < sent) {
        const bytes = await conn!.read(buffer);
        check(bytes !== null, "was hung up on");
        // Each answer ends with a bracket, and has no other.
        for (let i = 0; i < bytes; i++) if (buffer[i] === 0x7d) answers++;
      }
    })();
    const begun = performance.now();
    await during(target.seconds, async () => {
      sent += count;
      check(await write(conn!, block), "was hung up on");
    });
    isOver = true;
    before = performance.now() - begun;
    sent++;
    await write(conn!, post(call("add", [1, 2])));
    await reading;
    close(conn!);
    check(answers === sent, `${answers} answers of ${sent}`);
    return { did: `answered all ${answers}, ${(answers / before).toFixed(1)} a ms` };
  },
};

const keepBodies: Attack = {
  name: "http-keep-bodies",
  rows: ["W23"],
  does: "sends all but the last byte of a body of 1 MB, in one or in chunks, on 1,000 connections",
  refuses: true,
  figures: [{ what: "RSS MB", value: ({ peak }) => peak, atMost: 400 }],
  async run(target) {
    const conns = await connectAll(target, share(target, 1000));
    const whole = post(call("run", ["x".repeat(1_000_000)]));
    const body = whole.slice(whole.indexOf("{"));
    const texts = [whole, `${CHUNKED}${body.length.toString(16)}\r\n${body}`].map((it) =>
      bytesOf(it).subarray(0, -1)
    );
    let taken = 0;
    await times(conns.length, async (i) => {
      if (await write(conns[i]!, texts[i % 2]!)) taken++;
    }, 32);
    await sleep(1000);
    const { id } = await ask(target, "echo", [1]);
    conns.forEach(close);
    check(id === 1, "serves nobody any more");
    return { did: `took ${taken} of ${conns.length}` };
  },
};

const keepBatches: Attack = {
  name: "http-keep-batches",
  rows: ["W23"],
  does: "posts batches of 1 MB whose answers wait for a call of minutes, on 256 connections",
  server: { ...ALONE, heap: 512 },
  figures: [growth(300), ...others(30, 250)],
  async run(target) {
    const sleeper = call("sleep", { value: 300_000, _meta: { timeoutMs: 300_000 } });
    const text = bytesOf(post(`[${sleeper},${call("echo", ["x".repeat(1_000_000)], 2)}]`));
    const count = share(target, 256), from = crowdOf(target);
    let sent = 0, cuts = 0;
    await times(count, async () => {
      const pressed = await press(from, (i) => i === 0 ? text : undefined);
      sent += pressed.sent;
      cuts += pressed.cuts;
    }, count);
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    return { did: `took ${sent} batches of ${count} callers, hung up ${cuts} times` };
  },
};

const guesses: Attack = {
  name: "http-guesses",
  rows: ["W24"],
  does: "guesses tokens, one with each request, as fast as it can on 32 connections",
  server: { ...ALONE, asksWho: true },
  figures: others(15, 100),
  async run(target) {
    const key = crypto.randomUUID();
    let sent = 0, cuts = 0;
    await times(32, async () => {
      const pressed = await press(
        target,
        (i) => bytesOf(post(run(key), `Authorization: Bearer guess-${i}`)),
      );
      sent += pressed.sent;
      cuts += pressed.cuts;
    });
    check(sent > 0, "nothing was taken");
    return { did: `took ${sent} guesses, hung up ${cuts} times` };
  },
};

const upgrades: Attack = {
  name: "upgrade-storm",
  rows: ["W25"],
  does: "makes WebSockets as fast as it can, 64 at a time, and leaves them at once",
  server: ALONE,
  figures: [growth(48), ...others(20, 150)],
  async run(target) {
    let made = 0, refused = 0;
    const bytes = bytesOf(HANDSHAKE);
    await during(target.seconds, async () => {
      await times(64, async () => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
        const buffer = new Uint8Array(512);
        await write(conn, bytes);
        const count = await conn.read(buffer).catch(() => null) ?? 0;
        if (new TextDecoder().decode(buffer.subarray(0, count)).startsWith("HTTP/1.1 101")) made++;
        else refused++;
        close(conn);
      });
    });
    check(refused === 0, `${refused} of ${made + refused} handshakes failed`);
    return { did: `made ${made}`, figures: { made } };
  },
};

const halfCloses: Attack = {
  name: "http-half-closes",
  rows: ["W27"],
  does: "makes a call of a minute by POST, for one answer or for events, and half-closes",
  async run(target) {
    const key = crypto.randomUUID(), wait = call("wait", { key, ms: 60_000 });
    const texts = [bytesOf(post(wait)), bytesOf(post(wait, "Accept: text/event-stream"))];
    const conns = await connectAll(target, share(target, 200));
    const begun = `${key} begun`, aborted = `${key} aborted`;
    await times(conns.length, async (i) => void await write(conns[i]!, texts[i % 2]!));
    const all = async (what: string) =>
      check(
        await becomes(async () => await ran(target, what) === conns.length),
        `${await ran(target, what)} of ${conns.length} ${what.split(" ")[1]}`,
      );
    await all(begun);
    for (const conn of conns) await conn.closeWrite();
    await all(aborted);
    const ends = await allEnd(conns, 10_000);
    check(ends.length === conns.length, `${conns.length - ends.length} are not hung up on`);
    return { did: `told all ${conns.length} handlers, and hung up` };
  },
};

/** All of them. */
export const HTTP: readonly Attack[] = [
  ...Object.keys(HALVES).map(halves),
  trickle,
  stops("events-stop", "of events", endless("text/event-stream")),
  stops("lines-stop", "of lines", endless("application/x-ndjson")),
  stops("frames-stop", "over a WebSocket", endlessFrames),
  slowReaders,
  neverReads(
    "http-never-reads",
    "by POST",
    "",
    post(call("echo", ["x".repeat(1000)])).repeat(100),
  ),
  neverReads(
    "ws-never-reads",
    "over a WebSocket",
    HANDSHAKE,
    frame("websocket", call("echo", ["x".repeat(1000)])),
  ),
  smuggling,
  pressing(
    "one-byte-chunks",
    "W09",
    "sends bodies in chunks of one byte as fast as it can",
    () => same(oneByteChunks),
    { first: CHUNKED },
  ),
  pressing(
    "chunk-extensions",
    "W09",
    "sends bodies of one-byte chunks with 200 bytes of extension",
    () => same(extensions),
    { first: CHUNKED },
  ),
  pressing(
    "endless-body",
    "W09",
    "sends a body of 600 MiB in chunks of 64 KiB, and goes on when it is refused",
    () => same(`10000\r\n${" ".repeat(1 << 16)}\r\n`),
    { first: CHUNKED },
  ),
  pressing(
    "many-requests",
    "W26",
    "asks for pages that there are, and that there are not, as fast as it can",
    () => same((request("GET /healthz") + request("GET /nowhere") + request("PUT /")).repeat(100)),
  ),
  pressing(
    "http-streams-again",
    "W26",
    "asks for a short stream of events again and again, as fast as it can",
    () => same(post(call("countdown", [3]), "Accept: text/event-stream").repeat(50)),
  ),
  answersFast,
  keepBodies,
  keepBatches,
  guesses,
  upgrades,
  halfCloses,
];
