// What the project relies on in @std/streams. Passes on our stand-in in std/streams and on the real package.
import { assertEquals, assertRejects } from "@std/assert";
import { mergeReadableStreams, TextLineStream, toText } from "@std/streams";

function lines(chunks: string[], options?: { allowCR: boolean }): Promise<string[]> {
  const stream = new TextLineStream(options);
  return Array.fromAsync(ReadableStream.from(chunks).pipeThrough(stream));
}

const LINES: [name: string, chunks: string[], expected: string[]][] = [
  ["nothing", [], []],
  ["an empty chunk", [""], []],
  ["one line in one chunk", ["a\n"], ["a"]],
  ["a last line without an end", ["a\nb"], ["a", "b"]],
  ["blank lines", ["\n\na\n\n"], ["", "", "a", ""]],
  ["CRLF", ["a\r\nb\r\n"], ["a", "b"]],
  ["CRLF cut in two", ["a\r", "\nb"], ["a", "b"]],
  ["a lone CR", ["a\rb\n"], ["a\rb"]],
  ["a line in many chunks", ["a", "b", "c\nd", "e"], ["abc", "de"]],
  ["many lines in a chunk", ["a\nb\nc\n"], ["a", "b", "c"]],
];

Deno.test("TextLineStream cuts at LF and CRLF", async (t) => {
  for (const [name, chunks, expected] of LINES) {
    await t.step(name, async () => {
      assertEquals(await lines(chunks), expected);
      assertEquals(await lines([...chunks.join("")]), expected, "one character at a time");
    });
  }
});

Deno.test("TextLineStream cuts at CR too with allowCR", async () => {
  assertEquals(await lines(["a\rb\r\nc\n"], { allowCR: true }), ["a", "b", "c"]);
  assertEquals(await lines(["a\r", "\nb\r"], { allowCR: true }), ["a", "b"]);
});

Deno.test("toText() reads strings and bytes to the end", async () => {
  assertEquals(await toText(ReadableStream.from<string>([])), "");
  assertEquals(await toText(ReadableStream.from(["land", "line"])), "landline");
  const bytes = new TextEncoder().encode("é€😀");
  const oneByOne = ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte)));
  assertEquals(await toText(oneByOne), "é€😀");
});

Deno.test("toText() rejects when the stream fails", async () => {
  const stream = new ReadableStream<string>({
    pull(controller) {
      controller.error(new RangeError("torn"));
    },
  });
  await assertRejects(() => toText(stream), RangeError, "torn");
});

Deno.test("mergeReadableStreams() gives all chunks of all streams", async () => {
  const merged = mergeReadableStreams(
    ReadableStream.from([1, 2, 3]),
    ReadableStream.from<number>([]),
    ReadableStream.from([4, 5]),
  );
  assertEquals((await Array.fromAsync(merged)).sort(), [1, 2, 3, 4, 5]);
});

Deno.test("mergeReadableStreams() fails when one of the streams does", async () => {
  const failing = new ReadableStream<number>({
    start(controller) {
      controller.error(new RangeError("torn"));
    },
  });
  const merged = mergeReadableStreams(ReadableStream.from([1]), failing);
  await assertRejects(() => Array.fromAsync(merged), RangeError, "torn");
});
