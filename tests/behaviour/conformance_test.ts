// The conformance messages over real sockets, and cut in every place that TCP may cut them in.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FRAMINGS } from "../../lib/framing/mod.ts";
import { DEFAULT_LIMITS, type FramingName, serve } from "../../lib/mod.ts";
import { type Conformance, CONFORMANCE_API, EXAMPLES, ROWS } from "../support/conformance.ts";
import { type LocalServer, serveLocally } from "../support/local.ts";
import { Script } from "../support/memory.ts";
import { within } from "../support/deadline.ts";
import { bytesOf, frame, FRAMING_NAMES, join, RawPeer, unframe } from "../support/raw.ts";

const ALL = [...EXAMPLES, ...ROWS];

/** The bytes of a message in a framing. */
function framed(framing: FramingName, { send }: Conformance): Uint8Array<ArrayBuffer> {
  return frame(framing, send);
}

/** Answered only when everything before it was. */
const LAST = '{"jsonrpc":"2.0","id":"last","method":"rpc.ping"}';
const LAST_ANSWER = '{"jsonrpc":"2.0","id":"last","result":null}';

/** An answer; of a parse error without what was wrong, which it must say. */
function withoutDetails(text: string): unknown {
  const answer = JSON.parse(text);
  if (answer.error?.code !== -32700) return answer;
  const { data: { details }, ...error } = answer.error;
  assertMatch(details, /^(unfinished|byte [0-9]+: expected .+, found .+)$/);
  return { ...answer, error };
}

/** What came back for a message must be what its row says. */
function check({ answer, text, error, name }: Conformance, got: readonly string[]): void {
  if (text !== undefined) assertEquals(got, [text], name);
  else if (answer !== undefined) assertEquals(got.map(withoutDetails), [answer], name);
  else if (error !== undefined) {
    const values = got.map((it) => JSON.parse(it));
    assertEquals(values.map(({ id, error }) => [id, error?.code]), [[...error]], name);
  } else assertEquals(got, [], name);
}

for (const framing of FRAMING_NAMES) {
  Deno.test(`a server answers each conformance message as its row says (${framing})`, async () => {
    await using server = serve(CONFORMANCE_API, { listen: "tcp://127.0.0.1:0", onError() {} });
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    await peer.send(LAST);
    assertEquals(await peer.text(), LAST_ANSWER);
    for (const row of ALL) {
      await peer.write(framed(framing, row));
      await peer.send(LAST);
      const got: string[] = [];
      for (let text; (text = await peer.text()) !== LAST_ANSWER;) got.push(text);
      check(row, got);
      assertEquals(Reflect.get({}, "polluted"), undefined, row.name);
    }
  });

  Deno.test(`a server answers all conformance messages in one write (${framing})`, async () => {
    await using server = serve(CONFORMANCE_API, { listen: "tcp://127.0.0.1:0", onError() {} });
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    await peer.write(join(ALL.flatMap((row) => [framed(framing, row), frame(framing, LAST)])));
    for (const row of ALL) {
      const got: string[] = [];
      for (let text; (text = await peer.text()) !== LAST_ANSWER;) got.push(text);
      check(row, got);
    }
  });

  Deno.test(`a server gives the same answers when messages come in pieces (${framing})`, async () => {
    await using server = serve(CONFORMANCE_API, { listen: "tcp://127.0.0.1:0", onError() {} });
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    for (const row of EXAMPLES) {
      const bytes = framed(framing, row);
      const step = Math.ceil(bytes.length / 16);
      for (let cut = 1; cut < bytes.length; cut += step) {
        await peer.write(bytes.subarray(0, cut));
        await peer.write(bytes.subarray(cut));
      }
      await peer.send(LAST);
      const got: string[] = [];
      for (let text; (text = await peer.text()) !== LAST_ANSWER;) got.push(text);
      const count = Math.ceil((bytes.length - 1) / step);
      if (row.answer === undefined) assertEquals(got, []);
      else assertEquals(got.map(withoutDetails), Array(count).fill(row.answer));
    }
  });
}

/** What a server sends back to these chunks, on a connection of its own. */
async function sentBack(local: LocalServer, chunks: Iterable<Uint8Array>): Promise<Uint8Array> {
  const script = new Script(chunks);
  local.accept(script);
  await script.closed;
  return script.written;
}

/** The same, which does not hang where the connection never ends. */
function answersTo(local: LocalServer, chunks: Iterable<Uint8Array>): Promise<Uint8Array> {
  return within(sentBack(local, chunks), "a connection to end");
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return a.length === b.length;
}

/** Bytes up to which a message is short: it is cut in every two places. */
const SHORT = 200;

/** These bytes in three pieces, in all ways. */
function* twice(bytes: Uint8Array): Iterable<Uint8Array[]> {
  for (let from = 1; from < bytes.length; from++) {
    for (let to = from + 1; to < bytes.length; to++) {
      yield [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
    }
  }
}

/** Texts for a message that says where answers differ. */
const shown = (bytes: Uint8Array) => JSON.stringify(new TextDecoder().decode(bytes));

for (const framing of FRAMING_NAMES) {
  Deno.test(`every conformance message, cut at every byte, gets the same answer (${framing})`, async () => {
    await using local = serveLocally(CONFORMANCE_API);
    for (const row of ALL) {
      const bytes = framed(framing, row);
      const whole = await answersTo(local, [bytes]);
      const answers = Array.from(
        { length: bytes.length - 1 },
        (_, cut) => sentBack(local, [bytes.subarray(0, cut + 1), bytes.subarray(cut + 1)]),
      );
      for (const [cut, got] of (await within(Promise.all(answers), row.name)).entries()) {
        if (same(got, whole)) continue;
        throw new Error(`${row.name}, cut at ${cut + 1}: ${shown(got)}, whole: ${shown(whole)}`);
      }
    }
  });

  Deno.test(`short examples, cut at every two bytes, get the same answer (${framing})`, async () => {
    await using local = serveLocally(CONFORMANCE_API);
    for (const row of EXAMPLES) {
      const bytes = framed(framing, row);
      if (bytes.length > SHORT) continue;
      const whole = await answersTo(local, [bytes]);
      // One connection takes them all: each has to leave it as the next one finds it.
      const chunks = function* () {
        for (const cut of twice(bytes)) yield* cut;
      };
      const all = await answersTo(local, chunks());
      let at = 0;
      for (const cut of twice(bytes)) {
        const got = all.subarray(at, at += whole.length);
        if (same(got, whole)) continue;
        throw new Error(
          `${row.name}, cut as ${cut.map(shown)}: ${shown(got)}, not ${shown(whole)}`,
        );
      }
      assertEquals(at, all.length, row.name);
    }
  });

  // What a connection answers depends on nothing but its frames, so frames will do for the rest: a
  // hundred thousand cuts take a second, where answers would take ten.
  Deno.test(`short messages, cut at every two bytes, give the same frames (${framing})`, () => {
    for (const row of ROWS) {
      const bytes = framed(framing, row);
      if (bytes.length > SHORT) continue;
      const frames = (chunks: readonly Uint8Array[]) => {
        const decoder = FRAMINGS[framing].decoder(DEFAULT_LIMITS);
        let text = "";
        for (const chunk of chunks) {
          decoder.push(chunk);
          for (let frame; (frame = decoder.next()) !== undefined;) {
            text += typeof frame === "string" ? frame : frame.reason;
            text += "\n";
          }
        }
        return decoder.midway ? text + "midway" : text;
      };
      const whole = frames([bytes]);
      for (const cut of twice(bytes)) {
        const got = frames(cut);
        if (got !== whole) {
          throw new Error(`${row.name}, cut as ${cut.map(shown)}: ${got}, not ${whole}`);
        }
      }
    }
  });

  Deno.test(`every conformance message, byte by byte, gets the same answer (${framing})`, async () => {
    await using local = serveLocally(CONFORMANCE_API);
    for (const row of ALL) {
      const bytes = framed(framing, row);
      const single = Array.from(bytes, (byte) => new Uint8Array([byte]));
      const got = await answersTo(local, single), whole = await answersTo(local, [bytes]);
      assert(same(got, whole), `${row.name}: ${shown(got)}, whole: ${shown(whole)}`);
    }
  });
}

Deno.test("several values in one line get the same answers, however the line is cut", async () => {
  await using local = serveLocally(CONFORMANCE_API);
  const good = '{"jsonrpc":"2.0","id":1,"method":"get_data"}';
  const deep = "[".repeat(65) + "]".repeat(65);
  const lines: [string, number][] = [
    [`${good}${good}`, 2],
    [`${good} ${good}\r`, 2],
    [`[1]${good}{}[]`, 4],
    [`${good}{bad}${good}`, 2],
    [`${good}bad${good}`, 2],
    [`${good}${good} bad`, 3],
    [`${deep}${good}`, 2],
    [`${good}${deep}${good}`, 3],
  ];
  for (const [line, count] of lines) {
    const bytes = frame("json", line);
    const whole = await answersTo(local, [bytes]);
    assertEquals(unframe("json", whole).length, count, line);
    for (let cut = 1; cut < bytes.length; cut++) {
      const got = await answersTo(local, [bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert(same(got, whole), `${line}, cut at ${cut}: ${shown(got)}, whole: ${shown(whole)}`);
    }
  }
});

Deno.test("a large message is served up to the depth and size that limits allow", async () => {
  await using server = serve(CONFORMANCE_API, {
    onError() {},
    listen: "tcp://127.0.0.1:0",
    limits: { maxMessageBytes: (1 << 24) - 1 },
  });
  using peer = await RawPeer.dial(server.addresses[0]!, "length");
  const head = '{"jsonrpc":"2.0","id":1,"method":"echo","params":';
  // P07: brackets that never close, and brackets that do.
  for (const text of ["[".repeat(524_288) + "]".repeat(524_288), "[".repeat(8_000_000)]) {
    const { id, error } = await peer.ask(head + text + "}");
    assertEquals([id, error?.code], [null, -32700]);
  }
  // P11: many keys, many small objects.
  const keys = `{${Array.from({ length: 200_000 }, (_, n) => `"k${n}":${n}`)}}`;
  const objects = `[${Array(1_000_000).fill("{}").join()}]`;
  for (const params of [keys, objects]) {
    await peer.send(`${head}${params}}`);
    assert(await peer.text() === `{"jsonrpc":"2.0","id":1,"result":${params}}`);
  }
  // P12: a number of a million digits.
  const { error } = await peer.ask(`${head}[${"9".repeat(1_000_000)}]}`);
  assertEquals(error?.code, -32603); // the handler gets Infinity, and that cannot travel
});

Deno.test("no conformance message is answered with more than one frame", async () => {
  await using local = serveLocally(CONFORMANCE_API);
  for (const framing of FRAMING_NAMES) {
    for (const row of ALL) {
      const written = await answersTo(local, [frame(framing, LAST), framed(framing, row)]);
      assert(unframe(framing, written).length <= 2, row.name);
      assert(bytesOf(LAST_ANSWER).length < written.length);
    }
  }
});
