import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Frame, FrameStream, type FrameStreamOptions } from "../../../lib/wire.ts";
import { bytesOf, frame, FRAMING_NAMES, join } from "../../support/raw.ts";

/** The frames that come out when these chunks go in. */
async function through(
  chunks: readonly (string | Uint8Array)[],
  options?: FrameStreamOptions,
): Promise<Frame[]> {
  const bytes = ReadableStream.from(chunks.map((chunk) => bytesOf(chunk)));
  return await Array.fromAsync(bytes.pipeThrough(new FrameStream(options)));
}

/** The same, cut in two at each place. */
function* cuts(bytes: Uint8Array): Iterable<Uint8Array[]> {
  for (let cut = 0; cut <= bytes.length; cut++) yield [bytes.slice(0, cut), bytes.slice(cut)];
}

const TEXTS = ['{"a":"é"}', "[1,2]", '{"b":{}}'];

for (const framing of FRAMING_NAMES) {
  Deno.test(`FrameStream gives the frames when the framing is told or found (${framing})`, async () => {
    const bytes = join(TEXTS.map((text) => frame(framing, text)));
    for (const chunks of cuts(bytes)) {
      assertEquals(await through(chunks), TEXTS);
      assertEquals(await through(chunks, { framing }), TEXTS);
    }
  });
}

Deno.test("FrameStream gives the same texts with newlines anywhere, however it is cut", async () => {
  const bytes = bytesOf('{"a":1}{"b":2}\n{\n"c":\n3}');
  const whole = await through([bytes]);
  assertEquals(whole, ['{"a":1}', '{"b":2}', '{\n"c":\n3}']);
  for (const chunks of cuts(bytes)) assertEquals(await through(chunks), whole);
});

Deno.test("FrameStream gives a fault in a frame's place, and goes on where it can", async () => {
  assertEquals(
    await through(['{"a":1}\n', `["${"x".repeat(65)}"]\n{}\n{"b"`], { maxMessageBytes: 64 }),
    [
      '{"a":1}',
      {
        kind: "oversized",
        reason: "the text is longer than 64 bytes",
        maxBytes: 64,
        start: `["${"x".repeat(62)}`,
        fatal: false,
      },
      "{}",
      { kind: "malformed", reason: "unfinished", start: '{"b"', fatal: false },
    ],
  );
});

Deno.test("FrameStream ends after a fatal fault", async () => {
  assertEquals(await through(["Content-Length: x\r\n\r\n{}", "Content-Length: 2\r\n\r\n{}"]), [
    {
      kind: "malformed",
      reason: 'Content-Length must be a number, it is "x"',
      fatal: true,
    },
  ]);
});

Deno.test("FrameStream ends with a fault when the first bytes are no framing", async () => {
  const starts: [string | Uint8Array, RegExp][] = [
    ["SSH-2.0", /^no framing begins with the bytes 53$/],
    ["GET / HTTP/1.1\r\n", /HTTP/],
    [new Uint8Array([0x16, 3, 1]), /TLS/],
  ];
  for (const [start, reason] of starts) {
    const single = Array.from(bytesOf(start), (byte) => new Uint8Array([byte]));
    for (const chunks of [[start, "{}\n"], [...single, "{}\n"]]) {
      const [fault, ...others] = await through(chunks);
      assertEquals(others, []);
      assert(typeof fault === "object" && fault.fatal && fault.kind === "malformed");
      assertMatch(fault.reason, reason);
    }
  }
});

Deno.test("FrameStream passes on what makes its source fail", async () => {
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new Error("the source failed")),
  });
  await assertRejects(
    () => Array.fromAsync(broken.pipeThrough(new FrameStream())),
    Error,
    "the source failed",
  );
});
