// JSON texts as peers really send them, over real sockets: without a newline, over several lines, broken,
// cut off. Both ends read them by the table in PROTOCOL.md.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, method, RpcError, serve } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { type Answer, bytesOf, RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";
import { testWith } from "../support/tools.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

/** A server that notes which calls ran, and what it was told of. */
function recording(limits: Partial<Record<"messageTimeout" | "lingerTimeout", number>> = {}) {
  const ran: unknown[] = [], told: string[] = [];
  const note = method(ANYTHING, (params) => {
    ran.push(params);
    return params;
  });
  const server = serve({ echo: note, upper: note }, {
    ...HERE,
    limits,
    onError: (error) => told.push((error as Error).message),
  });
  return Object.assign(server, { ran, told });
}

const call = (id: number, params: unknown = [id]) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "echo", params });
const result = (id: number, value: unknown = [id]): Answer => ({
  jsonrpc: "2.0",
  id,
  result: value,
});

/** The answers as far as they are known: results as they are, of errors the code and the details. */
async function outcomes(peer: RawPeer, count: number): Promise<unknown[]> {
  return (await peer.answers(count)).map(({ id, result, error }) => {
    if (error === undefined) return { id, result };
    return { id, code: error.code, details: (error.data as { details?: unknown })?.details };
  });
}

// ---- A server ----------------------------------------------------------------------------------

Deno.test("a call without a newline is answered at once, while the connection stays open", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  for (const id of [1, 2, 3]) {
    await peer.write(call(id));
    assertEquals(await peer.answer(), result(id));
  }
  await peer.write(call(4) + call(5) + call(6));
  assertEquals(await peer.answers(3), [result(4), result(5), result(6)]);
  for (const [before, after] of [["\x1e", "\n"], ["", "\0"], ["\ufeff", ""], [" \t\r\n", "\r"]]) {
    await peer.write(before + call(7) + after);
    assertEquals(await peer.answer(), result(7));
  }
});

Deno.test("a call without a newline is answered where the peer half-closes behind it", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.write(call(1));
  await peer.closeWrite();
  assertEquals(await peer.messages(), [result(1)]);
});

testWith(["nc"], "printf | nc -N gets the answer to a call without a newline", async () => {
  await using server = recording();
  const { port } = new URL(server.addresses[0]!);
  const script = `printf '%s' '${call(1)}' | nc -N 127.0.0.1 ${port}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), result(1));
});

Deno.test("the first bytes may be RS, a byte order mark or white space, one by one", async () => {
  await using server = recording();
  for (const before of ["\x1e", "\ufeff", "\r\n\x1e", "  \ufeff\n\t"]) {
    using peer = await RawPeer.dial(server.addresses[0]!);
    for (const byte of bytesOf(before + call(1))) await peer.write(new Uint8Array([byte]));
    assertEquals(await peer.answer(), result(1));
  }
});

Deno.test("a call over several lines is one call", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  const params = [{ a: [1, 2, {}], b: "}\n" }];
  for (const end of ["\n", "\r\n", ""]) {
    const text = JSON.stringify(JSON.parse(call(1, params)), null, 2).replaceAll("\n", end || "\n");
    await peer.write(text + end);
    assertEquals(await peer.answer(), result(1, params));
  }
  assertEquals(server.ran.length, 3);
  assertEquals(server.told, []);
});

Deno.test("what stands within an open bracket is not executed, however the bytes are cut", async () => {
  await using server = recording();
  const inner = '{"jsonrpc":"2.0","id":7,"method":"upper","params":["inner"]}';
  const text = `{"jsonrpc":"2.0","id":1,"method":"echo","params":[\n${inner}\n]}\n`;
  const batch = `[\n${call(2)},\n${call(3)}\n]\n`;
  const bytes = bytesOf(text + batch);
  using peer = await RawPeer.dial(server.addresses[0]!);
  for (const size of [bytes.length, 1, 7, text.indexOf("\n") + 1, text.indexOf("]}\n")]) {
    for (let at = 0; at < bytes.length; at += size) await peer.write(bytes.slice(at, at + size));
    assertEquals(await peer.answer(), result(1, [JSON.parse(inner)]));
    assertEquals(await peer.answer() as unknown, [result(2), result(3)]);
  }
  assertEquals(server.ran.length, 15);
  assertEquals(server.ran.filter((it) => JSON.stringify(it) === '["inner"]'), []);
});

Deno.test("a broken line costs one error that says what and where, and the lines behind it are read", async () => {
  await using server = recording();
  const open = '{"jsonrpc":"2.0","id":9,"method":"echo","params":';
  const broken: [string, RegExp][] = [
    [
      `{'jsonrpc':'2.0','id':9,'method':'echo'}`,
      /^byte 1: expected a name in double quotes or \}, found '$/,
    ],
    [`${open}[1,]}`, /^byte 52: expected a value, found \]$/],
    [`${open}[1]`, /^byte 53: expected a comma or \}, found \{$/],
    [
      `${open}["a\tb"]}`,
      /^byte 52: expected no control character in a string, found the byte 0x09$/,
    ],
    [`${open}["a`, /^byte 52: .+, found a line feed$/],
    [`${open}[1]}}`, /^byte 0: expected a JSON text, found \}$/],
    [`${open}[1]]`, /^byte 52: expected a comma or \}, found \]$/],
    [`${open}[1] /* no */}`, /found \/$/],
    ["hello", /^byte 0: expected a JSON text, found h$/],
    ["1 2", /^byte 2: expected the end of the line, found 2$/],
  ];
  for (const isWhole of [true, false]) {
    // Also as the very first line of a connection.
    for (const [line, details] of broken) {
      using peer = await RawPeer.dial(server.addresses[0]!);
      const isFirst = line.startsWith("{");
      const text = `${isFirst ? "" : call(1) + "\n"}${line}\n${call(2)}\n`;
      if (isWhole) await peer.write(text);
      else for (const byte of bytesOf(text)) await peer.write(new Uint8Array([byte]));
      if (!isFirst) assertEquals(await peer.answer(), result(1));
      const found = await outcomes(peer, line.endsWith("[1]}}") ? 3 : 2);
      if (line.endsWith("[1]}}")) assertEquals(found.shift(), { id: 9, result: [1] });
      const [error, next] = found as [{ id: null; code: number; details: string }, unknown];
      assertEquals([error.id, error.code], [null, -32700], line);
      assertMatch(error.details, details);
      assertEquals(next, { id: 2, result: [2] });
      assertMatch(
        server.told.pop()!,
        /^Cannot read what the peer sent \(Parse error, byte [0-9]+: expected /,
      );
      assertEquals(server.told, []);
    }
  }
});

Deno.test("another JSON text in a line is no request, and lines behind it are read", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.write(`[]\n42\n"x"\nnull\n{}\n${call(1)}\n`);
  const codes = (await peer.answers(6)).map(({ id, error }) => error?.code ?? id);
  assertEquals(codes, [-32600, -32600, -32600, -32600, -32600, 1]);
});

Deno.test("nothing in a broken text is executed, up to where reading goes on", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.write(`{'a': ${call(2)} ${call(3)}\n ${call(4)}\n\t${call(5)}\n}\n${call(6)}\n`);
  assertEquals((await outcomes(peer, 2)).slice(1), [{ id: 6, result: [6] }]);
  await peer.write(`{'a': ${call(2)}\0${call(7)}\x1e{'b'}\x1e${call(8)}`);
  const found = await outcomes(peer, 4);
  assertEquals([found[1], found[3]], [{ id: 7, result: [7] }, { id: 8, result: [8] }]);
  assertEquals(server.ran, [[6], [7], [8]]);
});

Deno.test("a text that is too long or too deep is answered once, and what is behind it is read", async () => {
  await using server = recording();
  using peer = await RawPeer.dial(server.addresses[0]!);
  const long = call(1, ["x".repeat(3 << 20)]), deep = call(1, JSON.parse(nested(70)));
  await peer.write(`${call(2)}\n${long}\n${call(3)}${long}${call(4)}\n`);
  const codes = (await peer.answers(5)).map(({ id, error }) => error?.code ?? id);
  assertEquals(codes, [2, -32008, 3, -32008, 4]);
  await peer.write(`${deep}\n${deep}${JSON.stringify(JSON.parse(deep), null, 1)}${call(5)}`);
  const found = await outcomes(peer, 4);
  const error = { id: null, code: -32700, details: "more than 64 levels of nesting" };
  assertEquals(found, [error, error, error, { id: 5, result: [5] }]);
});

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

Deno.test("a text that is cut off is not executed, and its sender is told", async () => {
  await using server = recording();
  const cut = call(2).slice(0, -1);
  for (const text of [cut, `${call(1)}\n${cut}`, `${call(1)}${cut}`, "{", "[\n"]) {
    using peer = await RawPeer.dial(server.addresses[0]!);
    await peer.write(text);
    await peer.closeWrite();
    const answers = await peer.messages();
    const { id, error } = answers.at(-1)!;
    assertEquals([id, error?.code, error?.data], [null, -32700, { details: "unfinished" }]);
    assertEquals(answers.length, text.startsWith(call(1)) ? 2 : 1);
  }
  assertEquals(server.ran, [[1], [1]]);
});

Deno.test("messageTimeout ends a connection whose text does not, and says that it is unfinished", async () => {
  await using server = recording({ messageTimeout: 50 });
  for (const text of [`${call(1)}{"a":`, `${call(1)}\n[\n`]) {
    using peer = await RawPeer.dial(server.addresses[0]!);
    await peer.write(text);
    const [answer, last, ...others] = await peer.messages();
    assertEquals(answer, result(1));
    assertEquals([last?.error?.code, last?.error?.data], [-32700, { details: "unfinished" }]);
    assertEquals(others, []);
  }
});

Deno.test("a peer that has sent no newline is hung up on behind a broken text, when it could read why", async () => {
  await using server = recording({ lingerTimeout: 100 });
  for (
    const [text, expected] of [[`{'a':1}${call(2)}`, 1], [
      `${call(1)}{'a':1}${call(2)}`,
      2,
    ]] as const
  ) {
    using peer = await RawPeer.dial(server.addresses[0]!);
    await peer.write(text);
    const answers = await peer.messages();
    assertEquals(answers.length, expected);
    assertEquals(answers.at(-1)?.error?.code, -32700);
  }
  assertEquals(server.ran, [[1]]);
});

Deno.test("what a peer has typed wrong does not end its connection, however long it thinks", async () => {
  await using server = recording({ messageTimeout: 40, lingerTimeout: 20 });
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.write("{'a':1}\n");
  assertEquals((await outcomes(peer, 1) as { code: number }[])[0]!.code, -32700);
  for (let n = 0; n < 4; n++) {
    // Longer than both, as another connection tells that is ended meanwhile.
    using other = await RawPeer.dial(server.addresses[0]!);
    await other.write("{");
    await other.messages();
  }
  await peer.write(call(1));
  assertEquals(await peer.answer(), result(1));
});

// ---- Our client --------------------------------------------------------------------------------

/** A server that is not ours: it answers each request as the function says, and ends if that is null. */
function foreign(answer: (id: number) => string | null) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      (async () => {
        let text = "";
        const decoder = new TextDecoder();
        try {
          for (const buffer = new Uint8Array(4096);;) {
            const count = await conn.read(buffer);
            if (count === null) break;
            text += decoder.decode(buffer.subarray(0, count), { stream: true });
            const lines = text.split("\n");
            text = lines.pop()!;
            for (const line of lines) {
              heard.push(line);
              const { id } = JSON.parse(line);
              if (id === undefined) continue;
              const said = answer(id);
              if (said !== null) await conn.write(bytesOf(said));
              else conn.closeWrite();
            }
          }
        } catch {
          // it has left
        }
        conn.close();
      })();
    }
  })();
  const { port } = listener.addr;
  return {
    address: `tcp://127.0.0.1:${port}`,
    heard,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving.catch(() => {});
    },
  };
}

const pong = (id: number) => `{"jsonrpc":"2.0","id":${id},"result":"pong"}`;

for (
  const [what, answer] of [
    ["no newline", pong],
    ["several lines", (id: number) => JSON.stringify(JSON.parse(pong(id)), null, 2)],
    ["a NUL", (id: number) => pong(id) + "\0"],
    ["RS", (id: number) => `\x1e${pong(id)}\n`],
    ["a byte order mark", (id: number) => `\ufeff${pong(id)}\r\n`],
  ] as const
) {
  Deno.test(`a client reads answers with ${what}`, async () => {
    await using server = foreign(answer);
    await using line = await connect(server.address, { extensions: false });
    for (let n = 0; n < 3; n++) {
      assertEquals(await within(line.request("ping"), "the answer"), "pong");
    }
  });
}

Deno.test("a client takes an answer without a newline behind which its server ends", async () => {
  let count = 0;
  await using server = foreign((id) => count++ === 0 ? pong(id) : null);
  await using line = await connect(server.address, { extensions: false, reconnect: false });
  assertEquals(await line.request("ping"), "pong");
  await assertRejects(() => line.request("ping"), Error, "closed");
});

Deno.test("a client answers nothing that it cannot read, and its call fails with what came", async () => {
  const errors: unknown[] = [];
  await using server = foreign((id) => `{"jsonrpc":"2.0","id":${id},"result":{'a':1}}\n`);
  await using line = await connect(server.address, {
    extensions: false,
    onError: (error) => errors.push(error),
  });
  const error = await assertRejects(() => line.request("ping"), RpcError);
  assertEquals(error.code, -32700);
  assertMatch(error.message, /expected a name in double quotes/);
  assert(server.heard.every((text) => JSON.parse(text).method === "ping"), server.heard.join("\n"));
});

Deno.test("a call that nests too deeply for its server fails with the reason, without a timeout", async () => {
  await using server = recording();
  await using line = await connect(server.addresses[0]!);
  const error = await assertRejects(
    () => within(line.request("echo", JSON.parse(nested(70))), "the call to fail"),
    RpcError,
  );
  assertEquals(error.code, -32700);
  assertEquals((error.data as { details: string }).details, "more than 64 levels of nesting");
  assertEquals(await line.request("echo", [1]), [1], "and the line goes on");
});
