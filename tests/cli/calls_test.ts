// client.ts with - for the method: many calls over one line.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { type Line, method, serve, type Server } from "../../lib/mod.ts";
import { makeCalls } from "../../cli/call/pipeline.ts";
import { readLines } from "../../cli/text/stdio.ts";
import { testWith } from "../support/tools.ts";
import { CLIENT, linesOf, Program, runClient, say, serveRaw } from "./_programs.ts";

const api = {
  echo: method(z.unknown(), (params) => params),
  upper: method(z.string(), (text) => text.toUpperCase()),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

function serveApi(): Server {
  return serve(api, { listen: "tcp://127.0.0.1:0" });
}

/** What client.ts answers to these lines. */
async function callAll(lines: readonly string[], ...options: string[]) {
  await using server = serveApi();
  const stdin = lines.map((line) => line + "\n").join("");
  return await runClient([...options, server.addresses[0]!, "-"], { stdin });
}

Deno.test("client.ts - prints one answer a line, and exits with 0", async () => {
  assertEquals(await callAll(['upper "a"', "add a=1 b=2", "", "echo", 'echo {"x": []}']), {
    code: 0,
    stdout: '"A"\n3\nnull\n{"x":[]}\n',
    stderr: "",
  });
});

Deno.test("client.ts - answers a request object with the whole response", async () => {
  const { code, stdout } = await callAll([
    '{"jsonrpc":"2.0","id":1,"method":"upper","params":["a"]}',
    '{"id":"b","method":"add","params":{"a":1,"b":2}}',
    '{"jsonrpc":"2.0","id":null,"method":"echo"}',
    '{"jsonrpc":"2.0","id":12345678901234567890,"method":"upper","params":["c"]}',
    '{"jsonrpc":"2.0","id":1.0,"method":"upper","params":["d"]}',
    '{"jsonrpc":"2.0","method":"upper","params":["a notification"]}',
    'upper "last"',
  ]);
  assertEquals(stdout.split("\n"), [
    '{"jsonrpc":"2.0","result":"A","id":1}',
    '{"jsonrpc":"2.0","result":3,"id":"b"}',
    '{"jsonrpc":"2.0","result":null,"id":null}',
    '{"jsonrpc":"2.0","result":"C","id":12345678901234567890}',
    '{"jsonrpc":"2.0","result":"D","id":1.0}',
    '"LAST"',
    "",
  ]);
  assertEquals(code, 0);
});

Deno.test("client.ts - prints errors in their places, and exits with 1", async () => {
  const { code, stdout, stderr } = await callAll([
    "none",
    '{"jsonrpc":"2.0","id":7,"method":"none"}',
    "upper text",
    '{"jsonrpc":"2.0","id":8,"method":1}',
    '{"jsonrpc":"2.0","id":9,"method":"echo","params":5}',
    '{"jsonrpc":"2.0","id":{},"method":"echo"}',
    '{"jsonrpc":',
    '[{"jsonrpc":"2.0","id":1,"method":"echo"}]',
    'upper "still here"',
  ]);
  assertEquals([code, stderr], [1, ""]);
  const answers = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(answers.map((answer) => [answer.error?.code, answer.id]), [
    [-32601, undefined],
    [-32601, 7],
    [-32602, undefined],
    [-32600, 8],
    [-32600, 9],
    [-32600, null],
    [-32700, null],
    [-32600, null],
    [undefined, undefined],
  ]);
  assertEquals(answers[0], { error: { code: -32601, message: "Method not found" } });
  assertStringIncludes(answers[2].error.data.details, '"text" is neither JSON nor name=value');
  assertEquals(answers.at(-1), "STILL HERE");
});

Deno.test("client.ts - sends all calls before the first is answered, and prints in their order", async () => {
  const COUNT = 500;
  await using server = serveRaw(async (socket) => {
    const ids: number[] = [];
    for await (const line of linesOf(socket)) {
      ids.push(JSON.parse(line).id);
      if (ids.length < COUNT) continue;
      // The last first.
      const answers = ids.reverse().map((id) => `{"jsonrpc":"2.0","id":${id},"result":${id}}\n`);
      await say(socket, answers.join(""));
    }
  });
  const stdin = "m\n".repeat(COUNT);
  const { code, stdout } = await runClient([server.address, "-"], { stdin });
  assertEquals(stdout, Array.from({ length: COUNT }, (_, index) => `${index + 1}\n`).join(""));
  assertEquals(code, 0);
});

Deno.test("client.ts - answers a line before its input ends", async () => {
  await using server = serveApi();
  await using client = new Program(CLIENT, [server.addresses[0]!, "-"], { flags: ["-N"] });
  for (const text of ["a", "b"]) {
    await client.write(`upper "${text}"\n`);
    assertEquals(await client.line(), JSON.stringify(text.toUpperCase()));
  }
  await client.write('upper "no newline"');
  await client.end();
  assertEquals(await client.outcome(), { code: 0, stdout: '"NO NEWLINE"\n', stderr: "" });
});

Deno.test("client.ts - --timeout is for each call", async () => {
  const hang = method((_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  await using server = serve({ ...api, hang }, { listen: "tcp://127.0.0.1:0" });
  const { code, stdout } = await runClient(["--timeout=1500", server.addresses[0]!, "-"], {
    stdin: 'hang\nupper "a"\nhang\n',
  });
  const answers = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(answers.map((answer) => answer.error?.data.name ?? answer), [
    "DEADLINE_EXCEEDED",
    "A",
    "DEADLINE_EXCEEDED",
  ]);
  assertEquals(code, 1);
});

Deno.test("client.ts - --notify sends notifications", async () => {
  const received = Promise.withResolvers<string[]>();
  await using server = serveRaw(async (socket) => {
    received.resolve(await Array.fromAsync(linesOf(socket)));
  });
  const outcome = await runClient(["--notify", server.address, "-"], { stdin: "a\nb x=1\n" });
  assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
  assertEquals(await received.promise, [
    '{"jsonrpc":"2.0","method":"a"}',
    '{"jsonrpc":"2.0","method":"b","params":{"x":1}}',
  ]);
});

Deno.test("client.ts - exits with 1 where the server hangs up, and prints what it had", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id } = JSON.parse(line);
      if (id === 3) return;
      if (id === 1) await say(socket, '{"jsonrpc":"2.0","id":1,"result":"one"}\n');
    }
  });
  await using client = new Program(CLIENT, [server.address, "-"], { flags: ["-N"] });
  await client.write("a\nb\nc\n"); // its input does not end
  const { code, stdout, stderr } = await client.outcome();
  const [first, second, third, ...others] = stdout.split("\n");
  assertEquals([first, others], ['"one"', [""]]);
  for (const answer of [second, third]) {
    assertEquals(JSON.parse(answer!).error.data, { name: "UNAVAILABLE", sent: true });
  }
  assertMatch(stderr, /^error: The connection ended: [^\n]+\n$/);
  assertEquals(code, 1);
});

Deno.test("client.ts - hangs up and exits with 130 at SIGINT", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      if (line.includes('"id":1,')) await say(socket, '{"jsonrpc":"2.0","id":1,"result":1}\n');
    }
    hungUp.resolve();
  });
  await using client = new Program(CLIENT, [server.address, "-"], { flags: ["-N"] });
  await client.write("a\nb\n");
  assertEquals(await client.line(), "1");
  client.kill("SIGINT");
  assertEquals(await client.outcome(), { code: 130, stdout: "", stderr: "" });
  await hungUp.promise;
});

Deno.test("client.ts - ends where nobody reads its answers, though its input goes on", async () => {
  await using server = serveApi();
  await using client = new Program(CLIENT, [server.addresses[0]!, "-"], { flags: ["-N"] });
  const feeding = (async () => {
    try {
      for (;;) await client.write("echo x=1\n".repeat(1000));
    } catch {
      // it has ended
    }
  })();
  assertEquals(await client.line(), '{"x":1}');
  await client.stopReading();
  const { code, stderr } = await client.outcome();
  assertEquals([code, stderr], [141, ""]);
  await feeding;
});

/** A line whose calls wait until the test answers them. */
function fakeLine() {
  const calls: { readonly method: string; answer(result: unknown): void }[] = [];
  const line = {
    closed: new Promise(() => {}),
    request: (method: string) => new Promise((resolve) => calls.push({ method, answer: resolve })),
  } as unknown as Line;
  return { line, calls };
}

/** Lets everything that can go on do so: nothing here waits for the system. */
async function settle() {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
}

for (
  const [what, question, first, then, more] of [
    ["1000 calls", "m\n", 1000, 500, 0],
    ["4 MiB of questions", `m "${"x".repeat((1 << 20) - 4)}"\n`, 4, 2, 2],
  ] as const
) {
  Deno.test(`makeCalls() has at most ${what} under way, however long its input is`, async () => {
    const { line, calls } = fakeLine();
    let ended = false;
    const input = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (ended) controller.close();
        else controller.enqueue(new TextEncoder().encode(question));
      },
    }, { highWaterMark: 0 });
    let printed = 0;
    const outcome = makeCalls({
      line,
      input,
      print: (text) => {
        printed += text.split("\n").length - 1;
        return Promise.resolve();
      },
      timeout: undefined,
      notify: false,
    });
    await settle();
    assertEquals(calls.length, first);
    for (const call of calls.slice(1, then + 1)) call.answer(0);
    await settle();
    // The first holds them up: they keep their places, but their questions are forgotten.
    assertEquals([calls.length, printed], [first + more, 0]);
    calls[0]!.answer(0);
    await settle();
    assertEquals(printed, then + 1);
    assert(calls.length > first + more);
    ended = true;
    for (const call of calls) call.answer(0);
    await settle();
    for (const call of calls) call.answer(0);
    assertEquals(await outcome, { failed: 0, lost: false });
    assertEquals(printed, calls.length);
  });
}

Deno.test("makeCalls() waits for who takes the answers", async () => {
  const { line, calls } = fakeLine();
  const printing = Promise.withResolvers<void>();
  const input = new Blob(["m\n".repeat(5000)]).stream();
  const outcome = makeCalls({
    line,
    input,
    print: () => printing.promise,
    timeout: undefined,
    notify: false,
  });
  await settle();
  for (let made = 0; made < calls.length; made++) calls[made]!.answer("x".repeat(1 << 16));
  await settle();
  for (let made = 0; made < calls.length; made++) calls[made]!.answer("x".repeat(1 << 16));
  const before = calls.length;
  await settle();
  assertEquals(calls.length, before);
  assert(before < 2000, `${before} answers wait`);
  printing.resolve();
  // From here on each is answered as it comes.
  for (let made = before; made < 5000; made++) {
    while (calls.length <= made) await new Promise((resolve) => setTimeout(resolve));
    calls[made]!.answer(0);
  }
  assertEquals(await outcome, { failed: 0, lost: false });
});

Deno.test("readLines() finds the same lines however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode('\n  a ☎️\r\n\n{"b":1}\nlonger than twelve\nc\n\r\nlast');
  bytes[bytes.indexOf(0x63)] = 0xff; // the c
  for (let size = 1; size <= bytes.length; size++) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    const lines = readLines(ReadableStream.from(chunks), 12, new AbortController().signal);
    assertEquals(await Array.fromAsync(lines), [
      { text: "a ☎️" },
      { text: '{"b":1}' },
      { fault: "the line is longer than 12 bytes" },
      { fault: "the line is not UTF-8" },
      { text: "last" },
    ]);
  }
});

Deno.test("client.ts - --unordered prints answers as they come, with the numbers of their lines", async () => {
  await using server = serveRaw(async (socket) => {
    const ids: number[] = [];
    for await (const line of linesOf(socket)) {
      ids.push(JSON.parse(line).id);
      if (ids.length < 3) continue;
      for (const id of ids.reverse()) {
        await say(socket, `{"jsonrpc":"2.0","id":${id},"result":${id}}\n`);
      }
    }
  });
  const { code, stdout } = await runClient(["--unordered", server.address, "-"], {
    stdin: 'a\n\nb\n{"jsonrpc":"2.0","id":"x","method":"c"}\n',
  });
  assertEquals(
    stdout,
    '{"jsonrpc":"2.0","result":3,"id":"x"}\n{"line":3,"result":2}\n{"line":1,"result":1}\n',
  );
  assertEquals(code, 0);
});

Deno.test("client.ts - --unordered prints what came before the answer to the first call", async () => {
  const first = Promise.withResolvers<void>();
  await using server = serve({ ...api, wait: method(() => first.promise) }, {
    listen: "tcp://127.0.0.1:0",
  });
  const args = ["--unordered", server.addresses[0]!, "-"];
  await using client = new Program(CLIENT, args, { flags: ["-N"] });
  await client.write('wait\nupper "a"\n');
  assertEquals(await client.line(), '{"line":2,"result":"A"}');
  await client.write("upper 2 3\n");
  assertMatch((await client.line())!, /^\{"line":3,"error":\{"code":-326/);
  first.resolve();
  await client.end();
  assertEquals(await client.outcome(), {
    code: 1,
    stdout: '{"line":1,"result":null}\n',
    stderr: "",
  });
});

const TERMINAL = `${import.meta.dirname}/_terminal.py`;

testWith(["python3"], "client.ts - shows how far it is on a terminal", async () => {
  const answer = Promise.withResolvers<void>();
  await using server = serve({ ...api, wait: method(() => answer.promise) }, {
    listen: "tcp://127.0.0.1:0",
  });
  // What is read stands on the screen too; the end of the input is Ctrl-D.
  const steps = [["wait", 'upper "a"\r'], ['"A"', ""], ["1 of 2 so far", "\x04"], ["50 %", "\x03"]];
  const { stdout } = await new Deno.Command("python3", {
    args: [
      ...[TERMINAL, JSON.stringify([["", "wait\r"], ...steps])],
      ...[Deno.execPath(), "run", "-q", "-N", CLIENT, "--unordered", server.addresses[0]!, "-"],
    ],
  }).output();
  const screen = new TextDecoder().decode(stdout);
  assertStringIncludes(screen, "\r\x1b[K1 of 2 so far  ");
  assertStringIncludes(screen, `\r\x1b[K[${"#".repeat(15)}${"-".repeat(15)}] 50 %  1 of 2  `);
  answer.resolve();
});

testWith(["python3"], "client.ts - has no progress between the answers on a terminal", async () => {
  await using server = serveApi();
  const { code, stdout } = await new Deno.Command("python3", {
    args: [
      ...[TERMINAL, JSON.stringify([["", 'upper "a"\r'], ['"A"', "\x04"]])],
      ...[Deno.execPath(), "run", "-q", "-N", CLIENT, server.addresses[0]!, "-"],
    ],
  }).output();
  assertEquals(code, 0);
  assertMatch(new TextDecoder().decode(stdout), /"A"\r\n/);
});
