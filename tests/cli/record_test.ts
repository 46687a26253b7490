// client.ts record and replay: a proxy that changes nothing and loses nothing, and what is said again.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as fc from "npm:fast-check@4";
import * as z from "npm:zod@4";
import { FrameTap } from "../../cli/record/frame_tap.ts";
import { bytesOf as bytesOfEntry, parseRecording, type Sent } from "../../cli/record/recording.ts";
import { compareSaid, parsePlaces } from "../../cli/record/compare.ts";
import { connect, method, serve } from "../../lib/mod.ts";
import { bytesOf, frame, FRAMING_NAMES, join, RawPeer } from "../support/raw.ts";
import { CLIENT, linesOf, makeFolder, Program, runClient, say, serveRaw } from "./_programs.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };
const FLAGS = ["-N", "-R", "-W"];
const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

/** Starts a recording of a server; `stop` ends it and gives what it wrote and printed. */
async function startRecording(server: string, file: string) {
  const program = new Program(CLIENT, ["record", file, server], { flags: FLAGS });
  const [, address] = await program.lineWith(/^listening on (\S+), for /);
  return {
    address: address!,
    async stop() {
      program.kill("SIGINT");
      const { code, stdout, stderr } = await program.outcome();
      const text = await Deno.readTextFile(file);
      return { code, stdout, stderr, text, entries: parseRecording(text) };
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

const sentBy = (entries: ReturnType<typeof parseRecording>, side: string) =>
  entries.filter((entry): entry is Sent => !("event" in entry) && entry.from === side);

for (const framing of FRAMING_NAMES) {
  Deno.test(`client.ts record passes calls on and writes them down (${framing})`, async () => {
    await using folder = await makeFolder();
    await using server = serve(api, HERE);
    await using recording = await startRecording(server.addresses[0]!, `${folder.path}/r`);
    {
      using peer = await RawPeer.dial(recording.address, framing);
      const call = '{"jsonrpc":"2.0","id":7,"method":"upper","params":["a"]}';
      assertEquals(await peer.ask(call), { jsonrpc: "2.0", id: 7, result: "A" });
      await peer.send(call.replace("7", "8"), '{"jsonrpc":"2.0","method":"upper","params":["b"]}');
      assertEquals((await peer.answer()).id, 8);
      await peer.closeWrite();
      assertEquals((await peer.rest()).length, 0);
    }
    const { code, stdout, stderr, entries } = await recording.stop();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      entries.map((entry) =>
        "event" in entry ? [entry.from, entry.event] : [entry.from, entry.framing, entry.text]
      ),
      [
        [undefined, "open"],
        ["client", framing, '{"jsonrpc":"2.0","id":7,"method":"upper","params":["a"]}'],
        ["server", framing, '{"jsonrpc":"2.0","id":7,"result":"A"}'],
        ["client", framing, '{"jsonrpc":"2.0","id":8,"method":"upper","params":["a"]}'],
        ["client", framing, '{"jsonrpc":"2.0","method":"upper","params":["b"]}'],
        ["server", framing, '{"jsonrpc":"2.0","id":8,"result":"A"}'],
        ["client", "end"],
        ["server", "end"],
      ],
    );
    assertEquals(
      entries.map(({ at }) => at),
      entries.map(({ at }) => at).toSorted((a, b) => a - b),
    );
    assertMatch(
      stdout,
      new RegExp(
        `^ +\\d+\\.\\d{3} #1 << ${framing} \\{"jsonrpc":"2\\.0","id":7,"result":"A"\\} {2}\\(\\d+\\.\\d ms\\)$`,
        "m",
      ),
    );
  });
}

Deno.test("client.ts record passes on what is no frame, and writes it down", async () => {
  await using folder = await makeFolder();
  const noise = join([bytesOf("SSH-2.0-\u001b"), new Uint8Array([0xff, 0, 1])]);
  await using server = serveRaw(async (socket) => {
    const buffer = new Uint8Array(100);
    for (let count; (count = await socket.read(buffer)) !== null;) {
      await socket.write(buffer.subarray(0, count).toReversed());
    }
  });
  await using recording = await startRecording(server.address, `${folder.path}/r`);
  {
    using peer = await RawPeer.dial(recording.address);
    await peer.write(noise);
    await peer.closeWrite();
    assertEquals(await peer.rest(), noise.toReversed());
  }
  const { entries, stdout } = await recording.stop();
  assertEquals(join(sentBy(entries, "client").map(bytesOfEntry)), noise);
  assertEquals(join(sentBy(entries, "server").map(bytesOfEntry)), noise.toReversed());
  assertStringIncludes(stdout, "SSH-2.0-\\u001b\\xff");
  assertEquals(sentBy(entries, "client")[0]!.framing, undefined);
});

Deno.test("client.ts record hangs up where there is no server, and goes on", async () => {
  await using folder = await makeFolder();
  await using recording = await startRecording("tcp://127.0.0.1:1", `${folder.path}/r`);
  for (let n = 0; n < 2; n++) {
    using peer = await RawPeer.dial(recording.address);
    assertEquals((await peer.rest()).length, 0);
  }
  const { stderr } = await recording.stop();
  assertMatch(stderr, /^(error: Cannot connect to tcp:\/\/127\.0\.0\.1:1: [^\n]+\n){2}$/);
});

Deno.test("client.ts record --listen stdio: stands between a program and its server", async () => {
  await using folder = await makeFolder();
  await using server = serve(api, HERE);
  const args = ["record", `${folder.path}/r`, "--listen", "stdio:", server.addresses[0]!];
  await using client = new Program(CLIENT, args, { flags: FLAGS });
  await client.write('{"jsonrpc":"2.0","id":1,"method":"upper","params":["a"]}\n');
  assertEquals(await client.line(), '{"jsonrpc":"2.0","id":1,"result":"A"}');
  await client.end();
  const { code, stdout, stderr } = await client.outcome();
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, '#1 >> json {"jsonrpc":"2.0","id":1,');
});

Deno.test("client.ts replay says the same again, and finds the same", async () => {
  await using folder = await makeFolder();
  await using server = serve(api, HERE);
  const file = `${folder.path}/r`;
  {
    await using recording = await startRecording(server.addresses[0]!, file);
    {
      await using line = await connect<typeof api>(recording.address);
      await using other = await connect<typeof api>(recording.address, { framing: "headers" });
      assertEquals(await line.call.upper("a"), "A");
      assertEquals(await other.call.add({ a: 1, b: 2 }), 3);
      await Promise.all(line.batch((call) => [call.upper("b"), call.add({ a: 1, b: 1 })]));
      using peer = await RawPeer.dial(recording.address);
      await peer.send("not JSON");
      await peer.closeWrite();
      await peer.rest();
    }
    await recording.stop();
  }
  assertEquals(
    await runClient(["replay", file, server.addresses[0]!], { flags: FLAGS }),
    { code: 0, stdout: "4 of 4 answers and messages are as they were recorded\n", stderr: "" },
  );
});

/** Records one call of each of these methods. */
async function recordCalls(file: string, address: string, calls: readonly string[]) {
  await using recording = await startRecording(address, file);
  using peer = await RawPeer.dial(recording.address);
  for (const call of calls) await peer.ask(call);
  await peer.closeWrite();
  await peer.rest();
  await recording.stop();
}

const request = (id: number, method: string) => `{"jsonrpc":"2.0","id":${id},"method":"${method}"}`;

Deno.test("client.ts replay tells what differs, and leaves out what may", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/r`;
  const states = (time: number, name: string) => ({
    state: method(() => ({ time, users: [{ id: time, name }] })),
    same: method(() => 1),
  });
  {
    await using server = serve({ ...states(1, "a"), gone: method(() => 1) }, HERE);
    const calls = [request(1, "state"), request(2, "same"), request(3, "gone")];
    await recordCalls(file, server.addresses[0]!, calls);
  }
  await using server = serve({ ...states(2, "\u001b"), gone: method(() => 1) }, HERE);
  const address = server.addresses[0]!;
  assertEquals(await runClient(["replay", file, address], { flags: FLAGS }), {
    code: 1,
    stdout: "connection 1, answer 1:\n" +
      "  ~ result.time: 1 → 2\n" +
      "  ~ result.users[0].id: 1 → 2\n" +
      '  ~ result.users[0].name: "a" → "\\u001b"\n' +
      "2 of 3 answers and messages are as they were recorded\n",
    stderr: "",
  });
  const ignore = "--ignore=result.time,result.users[*]";
  const { code } = await runClient(["replay", ignore, file, address], { flags: FLAGS });
  assertEquals(code, 0);
  const { stdout } = await runClient(
    ["replay", "--json", "--ignore", "result.users", file, address],
    { flags: FLAGS },
  );
  assertEquals(JSON.parse(stdout), {
    same: 2,
    deviations: [{
      connection: 1,
      kind: "differs",
      what: "answer 1",
      changes: [{ path: ["result", "time"], before: 1, after: 2 }],
    }],
  });
});

Deno.test("client.ts replay tells what is missing and what is new", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/r`;
  {
    await using server = serve(api, HERE);
    await recordCalls(file, server.addresses[0]!, [request(1, "nope")]);
  }
  await using server = serveRaw(async (socket) => {
    for await (const _ of linesOf(socket)) {
      await say(socket, '{"jsonrpc":"2.0","method":"log","params":["hello"]}\n');
    }
  });
  const { code, stdout } = await runClient(["replay", "--timeout=100", file, server.address], {
    flags: FLAGS,
  });
  assertEquals(code, 1);
  assertMatch(stdout, /^connection 1, answer 1 is missing, it was ".*-32601/m);
  assertMatch(stdout, /^connection 1, messages of the server's own was not recorded, it is "/m);
});

for (
  const [name, content, message] of [
    ["no title", "{}\n", 'line 1 is not its title, "{}"'],
    [
      "a line that is no entry",
      '{"recording":1}\n{"connection":1,"from":"nobody"}\n',
      'line 2 is no entry, "{\\"connection\\":1,\\"from\\":\\"nobody\\"}"',
    ],
    [
      "bytes that are no base64",
      '{"recording":1}\n{"connection":1,"at":0,"from":"client","fault":"","base64":"%"}\n',
      "line 2 is no entry",
    ],
  ] as const
) {
  Deno.test(`client.ts replay exits with 2 for a file with ${name}`, async () => {
    await using folder = await makeFolder({ r: content });
    const { code, stderr } = await runClient(["replay", `${folder.path}/r`, "tcp://127.0.0.1:1"], {
      flags: FLAGS,
    });
    assertEquals(code, 2);
    assertStringIncludes(stderr, `error: Cannot read the recording: ${message}`);
  });
}

for (
  const [args, message] of [
    [["record", "f"], "Cannot record: FILE and ADDRESS are needed, record --help shows how"],
    [["replay", "f"], "Cannot replay: FILE and ADDRESS are needed, replay --help shows how"],
    [
      ["replay", "--ignore=..", "f", "tcp://127.0.0.1:1"],
      'Cannot read --ignore: ".." is no place such as result.users[*].id',
    ],
    [["record", "/nowhere/f", "tcp://127.0.0.1:1"], "Cannot write the recording: "],
    [["replay", "/nowhere/f", "tcp://127.0.0.1:1"], "Cannot read the recording: "],
  ] as const
) {
  Deno.test(`client.ts ${args.join(" ")} exits with 2`, async () => {
    const { code, stdout, stderr } = await runClient(args, { flags: FLAGS });
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.startsWith(`error: ${message}`), stderr);
  });
}

/** All that a tap gives for these chunks. */
function tapped(chunks: readonly Uint8Array[]) {
  const tap = new FrameTap();
  return [...chunks.flatMap((chunk) => tap.push(chunk)), ...tap.end()];
}

Deno.test("FrameTap loses no byte, whatever passes and however it is cut", () => {
  const json = fc.json({ maxDepth: 2 }).map((text) => `{"v":${text}}`);
  const piece = fc.oneof(
    json.map((text) => bytesOf(`${text}\n`)),
    json.map((text) => bytesOf(text)),
    json.map((text) => bytesOf(` \r\n${text}\r\n`)),
    json.map((text) => frame("headers", text)),
    json.map((text) => frame("length", text)),
    fc.uint8Array({ maxLength: 12 }),
    fc.constant(bytesOf("nonsense\n")),
  );
  const cut = (bytes: Uint8Array, size: number) => {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    return chunks;
  };
  fc.assert(fc.property(fc.array(piece), fc.integer({ min: 1, max: 40 }), (parts, size) => {
    const bytes = join(parts);
    assertEquals(join(tapped(cut(bytes, size)).map((it) => it.bytes)), bytes);
  }));
});

Deno.test("FrameTap finds the frames, as they were sent", () => {
  const texts = ['{"a":1}', '{"b":"é"}', "[1,2]"];
  for (const framing of FRAMING_NAMES) {
    const bytes = join(texts.map((text) => frame(framing, text)));
    for (const chunks of [[bytes], Array.from(bytes, (byte) => new Uint8Array([byte]))]) {
      const pieces = tapped(chunks);
      // What ends a line may come later than the frame that has ended with its bracket.
      const isLate = framing === "json" && chunks.length > 1;
      assertEquals(
        pieces.filter(({ text }) => text !== undefined)
          .map((
            { text, bytes, framing },
          ) => [text, framing, new TextDecoder().decode(bytes).trim()]),
        texts.map((text) => [text, framing, new TextDecoder().decode(frame(framing, text)).trim()]),
      );
      assertEquals(join(pieces.map(({ bytes }) => bytes)), bytes);
      assertEquals(pieces.map(({ fault }) => fault), [
        ...texts.map(() => undefined),
        ...isLate ? ["white space"] : [],
      ]);
    }
  }
  assertEquals(
    tapped([bytesOf('{"a":1}{"b":"é"}\r\n\n[1,2]')]).map(({ text, bytes }) => [
      text,
      new TextDecoder().decode(bytes),
    ]),
    [['{"a":1}', '{"a":1}'], ['{"b":"é"}', '{"b":"é"}'], ["[1,2]", "\r\n\n[1,2]"]],
  );
});

Deno.test("compareSaid() compares answers by id, in any order, and digits of ids too", () => {
  const said = (...texts: string[]) => texts.map((text) => ({ text, isFrame: true }));
  const compare = (a: string[], b: string[]) => compareSaid(said(...a), said(...b), []);
  assertEquals(
    compare(['{"id":1,"result":1}', '{"id":2,"result":2}'], [
      '{"id":2,"result":2}',
      '{"result":1,"id":1}',
    ]),
    { same: 2, deviations: [] },
  );
  assertEquals(
    compare(['[{"id":1,"result":1},{"id":2,"result":2}]'], [
      '[{"id":2,"result":2},{"id":1,"result":1}]',
    ]),
    { same: 1, deviations: [] },
  );
  assertEquals(
    compare(['{"method":"a"}', '{"method":"b"}'], ['{"method":"b"}', '{"method":"a"}']).same,
    0,
  );
  const { deviations } = compare(['{"id":12345678901234567890}'], ['{"id":12345678901234567891}']);
  assertEquals(deviations.map(({ kind }) => kind), ["missing", "new"]);
});

Deno.test("parsePlaces() reads members, items and stars", () => {
  assertEquals(parsePlaces('result.users[*].id, a[0]["b c"].*'), [
    ["result", "users", "*", "id"],
    ["a", 0, "b c", "*"],
  ]);
});
