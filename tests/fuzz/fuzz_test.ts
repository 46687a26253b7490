// A part of what `deno task fuzz` tries, that it sees what is broken, and messages through real sockets.

import { assert, assertEquals, assertLess } from "@std/assert";
import { type Decoder, type Framing, FRAMINGS } from "../../lib/framing/mod.ts";
import { Dice } from "../support/dice.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { countWork, fuzz, minimised, wrongWith } from "./_check.ts";
import { exchange } from "./_exchange.ts";
import { drawWebSocket, eventsIn, fuzzWebSocket } from "./_websocket.ts";
import { drawHttp, fuzzHttp, requestsIn } from "./_http.ts";
import { drawProxy, fuzzProxy, headerIn } from "./_proxy.ts";
import { drawInput, fromLiteral, type Input, literalOf } from "./_inputs.ts";

Deno.test("bytes of all kinds are read as the reference reads them, however they are cut", () => {
  const { inputs, failed } = fuzz(1, 12_000);
  assertEquals(failed, []);
  assertEquals(inputs, 12_000);
});

Deno.test("frames of WebSocket are read as the reference reads them, however they are cut", () => {
  const { inputs, failed } = fuzzWebSocket(1, 6000);
  assertEquals(failed, []);
  assertEquals(inputs, 6000);
});

Deno.test("requests of HTTP are read as the reference reads them, however they are cut", () => {
  const { inputs, failed } = fuzzHttp(1, 6000);
  assertEquals(failed, []);
  assertEquals(inputs, 6000);
});

Deno.test("headers of proxies are read as the reference reads them, however they are cut", () => {
  const { inputs, failed } = fuzzProxy(1, 2000);
  assertEquals(failed, []);
  assertEquals(inputs, 2000);
});

Deno.test("what is drawn for proxies has good headers of both versions, and bad ones", () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 2000; seed++) {
    const input = drawProxy(new Dice(seed));
    assertEquals(fromLiteral<typeof input>(literalOf(input)), input);
    const told = headerIn(input.bytes), version = input.bytes[0] === 13 ? 2 : 1;
    const kind = told.includes(" ") ? `ends ${version}` : told.replace(/^\d+$/, `none ${version}`);
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  }
  for (const kind of ["ends 1", "ends 2", "none 1", "none 2", "bad"]) {
    assert(seen.get(kind)! > 50, `${kind}: ${seen.get(kind)}`);
  }
});

Deno.test("what is drawn for HTTP has requests, bodies and failures of all kinds", () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const input = drawHttp(new Dice(seed));
    assertEquals(fromLiteral<typeof input>(literalOf(input)), input);
    for (const event of requestsIn(input)) {
      const kind = /^(?:body|bad \d+)/.exec(event)?.[0] ?? "head";
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
  }
  for (const status of [400, 413, 431, 501, 505]) {
    assert(seen.get(`bad ${status}`)! > 20, `${status}`);
  }
  assert(seen.get("body")! > 500);
});

Deno.test("what is drawn for WebSocket has messages, pings, closes and failures of all kinds", () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const input = drawWebSocket(new Dice(seed));
    assertEquals(fromLiteral<typeof input>(literalOf(input)), input);
    for (const event of eventsIn(input)) {
      const kind = typeof event === "string" ? "text" : JSON.stringify(event).slice(0, 14);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
  }
  for (const code of [1002, 1007, 1009]) assert(seen.get(`{"failed":${code}`)! > 30, `${code}`);
  assert(seen.get("text")! > 3000);
  assert(seen.get('{"close":1000}')! > 5);
});

/** Inputs that were read wrongly once, as the fuzzer printed them. */
const FOUND = [
  '{"framing":"json","limits":{"maxMessageBytes":100,"maxDepth":64,"maxHeaderBytes":32,"maxHeaderLines":2},"cuts":[9],"bytes":"{\\"a\\":1}{\\u00fd"}',
  '{"framing":"detect","limits":{"maxMessageBytes":64,"maxDepth":64,"maxHeaderBytes":32,"maxHeaderLines":1},"cuts":[1],"bytes":"{\\"\\u00ea\\"}{\\"b\\":{}}"}',
  '{"framing":"json","limits":{"maxMessageBytes":100,"maxDepth":64,"maxHeaderBytes":32,"maxHeaderLines":2},"cuts":[100],"bytes":"\\"  :  \\"2.0\\"  ,\\"id\\"  :  12  ,\\"params\\"  :  {\\"a\\":1}}\\n{\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"sum\\",\\"params\\":[]}{\\"jsonrpc\\":\\"2.0\\",\\"id\\":36,\\"method\\":\\"nope\\",\\"params\\":{\\"a\\":1}}\\n{\\"jsonrpc\\":\\"2.0\\",\\"id\\":-1,\\"\\u00ed\\u00a0\\u0080method\\":\\"get_data\\"}[\\n , \\"method\\": \\"sum\\", \\"params\\": [1,2,4], \\"id\\": \\"1\\"},\\n        {\\"jsonrppc\\": \\"2.0\\", \\"method\\": \\"foo.get\\", \\"params\\": {\\"name\\": \\"myself\\"}, \\"id\\": \\"5\\"},\\n\\"}\\n    ]\\n"}',
];

for (const literal of FOUND) {
  Deno.test(`an input that was read wrongly once is read well: ${literal.slice(0, 160)}`, () => {
    assertEquals(wrongWith(fromLiteral(literal)), undefined);
  });
}

Deno.test("fromLiteral() gives the input that literalOf() wrote", () => {
  for (let seed = 0; seed < 200; seed++) {
    const input = drawInput(new Dice(seed));
    assertEquals(fromLiteral<typeof input>(literalOf(input)), input);
    assert(/^[\x20-\x7e]*$/.test(literalOf(input)));
  }
});

/** Lines, read by something that is nearly a decoder. */
function withDecoder(change: (decoder: Decoder) => Partial<Decoder>): Disposable {
  const real: Framing = FRAMINGS.json;
  const decoder: Framing["decoder"] = (limits, isParsed) => {
    const it = real.decoder(limits, isParsed);
    const same: Decoder = {
      push: (chunk) => it.push(chunk),
      next: () => it.next(),
      end: () => it.end!(),
      reject: () => it.reject!(),
      get held() {
        return it.held;
      },
      get midway() {
        return it.midway;
      },
    };
    return Object.defineProperties(same, Object.getOwnPropertyDescriptors(change(it)));
  };
  Reflect.set(FRAMINGS, "json", { ...real, decoder });
  return { [Symbol.dispose]: () => void Reflect.set(FRAMINGS, "json", real) };
}

const TWO: Input = {
  framing: "json",
  limits: { maxMessageBytes: 6000, maxDepth: 64, maxHeaderBytes: 100, maxHeaderLines: 2 },
  cuts: [1],
  bytes: new TextEncoder().encode(`{"a":1}\n{"b":"${"x".repeat(5000)}"}\n`),
};

const BROKEN: Readonly<Record<string, (decoder: Decoder) => Partial<Decoder>>> = {
  "loses a frame": (it) => ({
    next: () => {
      const frame = it.next();
      return typeof frame === "string" && frame.includes("b") ? it.next() : frame;
    },
  }),
  "throws": () => ({
    next: () => {
      throw new TypeError("broken");
    },
  }),
  "holds too much": (it) => ({
    get held() {
      return it.held * 2;
    },
  }),
  "joins all that came again and again": (it) => {
    let all = new Uint8Array(0);
    return {
      push: (chunk) => {
        const more = new Uint8Array(all.length + chunk.length);
        more.set(all);
        more.set(chunk, all.length);
        all = more;
        it.push(chunk);
      },
    };
  },
};

for (const [what, change] of Object.entries(BROKEN)) {
  Deno.test(`the fuzzer sees a decoder that ${what}`, () => {
    using _work = countWork();
    assertEquals(wrongWith(TWO), undefined);
    using _broken = withDecoder(change);
    assert(wrongWith(TWO) !== undefined);
  });
}

Deno.test("minimised() finds a smaller input with which the same is wrong", () => {
  using _broken = withDecoder(BROKEN["loses a frame"]!);
  const smallest = minimised(TWO, wrongWith);
  assert(wrongWith(smallest) !== undefined);
  assertLess(smallest.bytes.length, 20);
});

for (const framing of FRAMING_NAMES) {
  Deno.test(`every request through a socket is answered once, whatever comes beside it (${framing})`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { expected, found } = await exchange(seed, framing, 400);
      assertEquals(found, expected, `seed ${seed}`);
      assert(expected.length > 200);
    }
  });
}
