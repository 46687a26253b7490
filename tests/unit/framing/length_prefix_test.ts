import { assert, assertEquals } from "@std/assert";
import { lengthPrefix } from "../../../lib/framing/length_prefix.ts";
import { frame, join } from "../../support/raw.ts";
import { decodeAll, fault, frames, limits, reserve, singly } from "./_frames.ts";

Deno.test("lengthPrefix.decoder() finds the messages, however they are cut", () => {
  const texts = ["{}", '{"a":"aé€😀"}', "x".repeat(300), "[1]"];
  const input = join(texts.map((text) => frame("length", text)));
  assertEquals(frames(lengthPrefix, [input]), texts);
  assertEquals(frames(lengthPrefix, singly(input)), texts);
  for (let cut = 0; cut <= input.length; cut++) {
    assertEquals(frames(lengthPrefix, [input.slice(0, cut), input.slice(cut)]), texts);
  }
});

Deno.test("lengthPrefix.decoder() takes a message at the limit, and refuses one past it unread", () => {
  const given = { maxMessageBytes: 1000 };
  const at = frame("length", "x".repeat(1000));
  assertEquals(frames(lengthPrefix, [at, at], given), ["x".repeat(1000), "x".repeat(1000)]);
  for (const size of [1001, 0x01000000, 0x7fffffff, 0xffffffff]) {
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, size);
    const decoder = lengthPrefix.decoder(limits(given));
    const found = decodeAll(decoder, [prefix, "x".repeat(2000), at]);
    const reason = `the message has ${size} bytes, the limit is 1000`;
    assertEquals(found, [fault("oversized", true, reason, 1000)]);
    assertEquals(decoder.held, 0);
  }
});

Deno.test("lengthPrefix.decoder() goes on when a message is empty, or is not UTF-8", () => {
  const input = join([
    frame("length", ""),
    frame("length", new Uint8Array([0xc0, 0xaf])),
    frame("length", "{}"),
    frame("length", ""),
  ]);
  const empty = fault("malformed", false, "the message has no bytes");
  const expected = [empty, fault("malformed", false, "the message is not UTF-8"), "{}", empty];
  assertEquals(frames(lengthPrefix, [input]), expected);
  assertEquals(frames(lengthPrefix, singly(input)), expected);
});

Deno.test("lengthPrefix.decoder() tells what it holds: what has come, not what was announced", () => {
  const decoder = lengthPrefix.decoder(limits());
  assertEquals([decoder.held, decoder.midway], [0, false]);
  decodeAll(decoder, [new Uint8Array([0, 1])]);
  assertEquals([decoder.held, decoder.midway], [2, true]);
  decodeAll(decoder, [new Uint8Array([0, 0])]);
  assertEquals([decoder.held, decoder.midway], [0, true], "65536 bytes are to come");
  decodeAll(decoder, ["x".repeat(10)]);
  assertEquals([decoder.held, decoder.midway], [10, true]);
  decodeAll(decoder, ["x".repeat(65_526)]);
  assertEquals([decoder.held, decoder.midway], [0, false]);
});

Deno.test("lengthPrefix.decoder() takes a long message in small pieces", () => {
  const text = "x".repeat(1_000_000), bytes = frame("length", text);
  const crumbs = function* () {
    for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
  };
  assert(frames(lengthPrefix, crumbs())[0] === text);
});

Deno.test("encode() writes the length in bytes before each message", () => {
  const texts = ["{}", '"é€😀"', "x".repeat(300), '"\ud800"', ""];
  assertEquals(
    lengthPrefix.encode(texts, reserve),
    join(texts.map((text) => frame("length", text))),
  );
  for (const text of [...texts, `"${"é".repeat(300_000)}"`]) {
    assertEquals(lengthPrefix.encode([text], reserve), frame("length", text));
  }
  const size = lengthPrefix.encode(["x".repeat(0x010203)], reserve).subarray(0, 4);
  assert(size.every((byte, at) => byte === at));
});
