// udp: one datagram, one message; what is too large, what is lost, and what is not said.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Api,
  connect,
  method,
  RpcError,
  serve,
  type Server,
  stream,
} from "../../../lib/mod.ts";
import { UdpListener } from "../../../lib/transport/udp/listener.ts";
import { type Placed, Places } from "../../../lib/transport/udp/peers.ts";
import * as z from "npm:zod@4";
import { LIB, run } from "../../support/child.ts";
import { turn, until, within } from "../../support/deadline.ts";
import { testWith } from "../../support/tools.ts";

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  upper: method(z.string(), (text) => text.toUpperCase()),
  repeat: method(z.int(), (count) => "x".repeat(count)),
};

function start<A extends Api>(api: A): Server & { readonly address: string } {
  const server = serve(api, { listen: "udp://127.0.0.1:0" });
  return Object.assign(server, { address: server.addresses[0]! });
}

/** Someone without the library, who sends and hears datagrams. */
class Peer implements Disposable {
  readonly #conn = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #server: Deno.NetAddr;

  constructor(address: string) {
    const { hostname, port } = new URL(address);
    this.#server = { transport: "udp", hostname, port: Number(port) };
  }

  get address(): Deno.NetAddr {
    return this.#conn.addr as Deno.NetAddr;
  }

  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    await this.#conn.send(bytes, this.#server);
  }

  /** The next datagram, and who sent it. */
  async hear(): Promise<[text: string, from: Deno.Addr]> {
    const [bytes, from] = await within(this.#conn.receive(), "a datagram");
    return [new TextDecoder().decode(bytes), from];
  }

  /** Sends one datagram and gives the next that comes. */
  async ask(text: string | Uint8Array): Promise<string> {
    await this.send(text);
    return (await this.hear())[0];
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** A question that gets an answer, to show that nothing came before it. */
const LAST = '{"jsonrpc":"2.0","id":"last","method":"upper","params":["a"]}';
const LAST_ANSWER = '{"jsonrpc":"2.0","id":"last","result":"A"}';

Deno.test("connect() to udp: calls, notifies, and hears errors", async () => {
  const heard = Promise.withResolvers<string>();
  const told = { ...api, tell: method(z.string(), (text) => heard.resolve(text)) };
  await using server = start(told);
  await using line = await connect<typeof told>(server.address);
  assertEquals(line.peer.address, server.address);
  assertEquals(line.peer.transport, "udp");
  assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  assertEquals(await line.call.upper("grün \u{1F600}"), "GRÜN \u{1F600}");
  const error = await assertRejects(() => line.request("add", ["x"]), RpcError);
  assertEquals(error.reason, "INVALID_PARAMS");
  line.notify.tell("hello");
  assertEquals(await within(heard.promise, "the notification"), "hello");
  const sums = await Promise.all(
    Array.from({ length: 40 }, (_, i) => line.call.add({ a: i, b: 1 })),
  );
  assertEquals(sums, Array.from({ length: 40 }, (_, i) => i + 1));
});

Deno.test("serve() at udp: takes one message or batch from each datagram", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  const question = '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}';
  const answer = '{"jsonrpc":"2.0","id":1,"result":3}';
  assertEquals(await peer.ask(question), answer);
  assertEquals(await peer.ask(question + "\n"), answer);
  assertEquals(await peer.ask("  " + question + "\r\n\r\n"), answer);
  assertEquals(await peer.ask(JSON.stringify(JSON.parse(question), null, 2)), answer);
  assertEquals(await peer.ask(`[${question}]`), `[${answer}]`);
  // Ids go back digit for digit.
  const ids = ["12345678901234567890", "1.0", "-0", '"\\u0041"', '"é"', "null"];
  for (const id of ids) {
    const asked = question.replace('"id":1', `"id":${id}`);
    const expected = answer.replace('"id":1', `"id":${id === '"\\u0041"' ? '"A"' : id}`);
    assertEquals(await peer.ask(asked), expected, id);
  }
  assertEquals(
    await peer.ask('{"method":"add","params":[1,2],"id":7}'),
    '{"id":7,"result":3,"error":null}',
  );
});

Deno.test("serve() at udp: does not join what comes in several datagrams", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  const question = '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}';
  await peer.send(question.slice(0, 20));
  await peer.send(question.slice(20) + " ".repeat(100));
  const [text] = await peer.hear();
  assertEquals(JSON.parse(text).error.code, -32700);
  assertEquals(await peer.ask(LAST), LAST_ANSWER);
});

Deno.test("serve() at udp: says nothing to notifications, blanks and answers", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  const silent = [
    "",
    "   \n",
    '{"jsonrpc":"2.0","method":"upper","params":["a"]}',
    '[{"jsonrpc":"2.0","method":"upper","params":["a"]}]',
    '{"jsonrpc":"2.0","id":1,"result":1}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}',
  ];
  for (const text of silent) await peer.send(text + " ".repeat(text === "" ? 0 : 500));
  assertEquals(await peer.ask(LAST), LAST_ANSWER);
});

Deno.test("serve() at udp: survives datagrams that are no JSON-RPC", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  const texts = ["GET / HTTP/1.1\r\n\r\n", "{", "[]", "1", "null", "[".repeat(500), "\0\0\0\x02{}"];
  for (const text of texts) {
    const answer = await peer.ask(text + " ".repeat(300));
    assert(JSON.parse(answer).error.code < 0, text);
  }
  // What breaks a limit is answered without its id.
  const call = { jsonrpc: "2.0", id: 1, method: "upper", params: ["a"] };
  const nested = JSON.stringify({ ...call, params: JSON.parse("[".repeat(99) + "]".repeat(99)) });
  const long = JSON.stringify(new Array(101).fill(call));
  for (const [text, code] of [[nested, -32700], [long, -32008]] as const) {
    const answer = JSON.parse(await peer.ask(text));
    assertEquals([answer.id, answer.error.code], [null, code]);
  }
  for (const bytes of [[0xff, 0xfe], [0x16, 3, 1, 0, 0], [0xc3]]) {
    const padded = new Uint8Array(300).fill(32);
    padded.set(bytes);
    assertEquals(JSON.parse(await peer.ask(padded)).error.code, -32700);
  }
  assertEquals(await peer.ask(LAST), LAST_ANSWER);
});

// ---- Sizes -------------------------------------------------------------------------------------

Deno.test("serve() at udp: never answers with more bytes than it was asked with", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  let answered = 0, refused = 0, silent = 0;
  for (let count = 0; count < 400; count += 7) {
    for (const pad of [0, 20, 100, 200, 400]) {
      const id = count * 1000 + pad;
      const question = `{"jsonrpc":"2.0","id":${id},"method":"repeat","params":[${count}]}` +
        " ".repeat(pad);
      await peer.send(question);
      await peer.send(LAST);
      const [first] = await peer.hear();
      if (first === LAST_ANSWER) {
        silent++;
        continue;
      }
      assert(first.length <= question.length, `${first.length} bytes for ${question.length}`);
      const answer = JSON.parse(first);
      assertEquals(answer.id, id);
      if (answer.error === undefined) answered++;
      else {
        refused++;
        assertEquals(answer.error.code, -32008);
      }
      assertEquals((await peer.hear())[0], LAST_ANSWER);
    }
  }
  assert(answered > 0 && refused > 0 && silent > 0, `${answered} ${refused} ${silent}`);
});

Deno.test("serve() at udp: measures a batch by its whole datagram, and its answer too", async () => {
  await using server = start(api);
  using peer = new Peer(server.address);
  const batch = (count: number) =>
    JSON.stringify([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "repeat", params: [count] })));
  const short = JSON.parse(await peer.ask(batch(5)));
  assertEquals(short.map(({ result }: { result: string }) => result), ["xxxxx", "xxxxx"]);
  const refused = JSON.parse(await peer.ask(batch(500) + " ".repeat(600)));
  assertEquals(
    refused.map(({ id, error }: { id: number; error: { code: number } }) => [id, error.code]),
    [[1, -32008], [2, -32008]],
  );
});

Deno.test("connect() to udp: pads its questions, as far as its address says", async () => {
  await using server = start(api);
  await using line = await connect<typeof api>(server.address);
  assertEquals((await line.call.repeat(1000)).length, 1000);
  const error = await assertRejects(() => line.call.repeat(2000), RpcError);
  assertEquals(error.reason, "RESOURCE_EXHAUSTED");
  assertEquals(
    error.message,
    "The answer has 2036 bytes, its question 1200: pad it with spaces (udp://host:port?pad=2036) " +
      "or use tcp://",
  );
  await using wide = await connect<typeof api>(server.address + "?pad=65507");
  assertEquals((await wide.call.repeat(65000)).length, 65000);
  const tooWide = await assertRejects(() => wide.call.repeat(70000), RpcError);
  assertStringIncludes(tooWide.message, "use tcp://");
  for (const pad of ["x", "-1", "65508", ""]) {
    await assertRejects(
      () => connect(`${server.address}?pad=${pad}`),
      TypeError,
      "pad must be a number of bytes from 0 to 65507",
    );
  }
});

Deno.test("a message that is too large for a datagram is refused where it is sent", async () => {
  const errors: unknown[] = [];
  await using server = start(api);
  await using line = await connect<typeof api>(server.address, {
    onError: (error) => errors.push(error),
  });
  const error = await assertRejects(() => line.call.upper("x".repeat(65507)), RpcError);
  assertEquals(error.reason, "RESOURCE_EXHAUSTED");
  assertEquals(error.message, "Cannot send: the message has 65562 bytes, a datagram takes 65507");
  line.notify.upper("x".repeat(65507));
  assertEquals(await line.call.upper("still here"), "STILL HERE");
  assertInstanceOf(errors[0], RpcError);
  // Exactly what fits is sent.
  await using wide = await connect<typeof api>(server.address + "?pad=0");
  const room = 65507 - '{"jsonrpc":"2.0","id":1,"method":"upper","params":[""]}'.length;
  assertEquals((await wide.call.upper("x".repeat(room))).length, room);
});

// ---- What is lost, and what others send --------------------------------------------------------

/** A socket in the hands of a test. */
function bind(): Deno.DatagramConn & { readonly addr: Deno.NetAddr } {
  const conn = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  return conn as Deno.DatagramConn & { readonly addr: Deno.NetAddr };
}

Deno.test("a call whose datagram is lost ends with its deadline, which is 5 s", async () => {
  const deaf = bind();
  const line = await connect(`udp://127.0.0.1:${deaf.addr.port}`);
  try {
    const short = await assertRejects(() => line.request("x", [], { timeout: 1 }), RpcError);
    assertEquals(short.reason, "DEADLINE_EXCEEDED");
    const own = await assertRejects(() => line.request("x"), RpcError);
    assertEquals(own.message, "x took longer than 5000 ms");
  } finally {
    await line.close();
    deaf.close();
  }
});

Deno.test("a cancelled call is cancelled at the server", async () => {
  const cancelled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await using server = start({
    wait: method((_, { signal }) => {
      signal.addEventListener("abort", () => cancelled.resolve());
      begun.resolve();
      return cancelled.promise;
    }),
  });
  await using line = await connect(server.address);
  const controller = new AbortController();
  const call = line.request("wait", undefined, { signal: controller.signal });
  await within(begun.promise, "the call to begin");
  controller.abort(new Error("no more"));
  await assertRejects(() => call, Error, "no more");
  await within(cancelled.promise, "the handler to be told");
});

Deno.test("connect() to udp: hears only the server that it called", async () => {
  const server = bind(), stranger = bind();
  const line = await connect(`udp://127.0.0.1:${server.addr.port}`);
  try {
    const call = line.request("x");
    const [, from] = await within(server.receive(), "the question");
    const say = (conn: Deno.DatagramConn, result: string) =>
      conn.send(
        new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", id: 1, result })),
        from,
      );
    await say(stranger, "forged");
    await say(server, "real");
    assertEquals(await call, "real");
  } finally {
    await line.close();
    server.close();
    stranger.close();
  }
});

Deno.test("a handler cannot call back over udp:, and is told so", async () => {
  await using server = start({
    back: method(async (_, { peer }) => {
      try {
        return await peer.call["hello"]!();
      } catch (error) {
        return (error as Error).message;
      }
    }),
  });
  await using line = await connect(server.address);
  assertEquals(
    await line.request("back"),
    "Cannot call back over datagrams: nothing proves that the caller is who it says",
  );
});

Deno.test("a stream comes in one piece over udp:", async () => {
  const streams = {
    count: stream(z.int(), async function* (to) {
      for (let n = 1; n <= to; n++) yield n;
    }),
  };
  await using server = start(streams);
  await using line = await connect<typeof streams>(server.address);
  assertEquals(await Array.fromAsync(line.call.count(3)), [1, 2, 3]);
});

// ---- Many peers, and the end -------------------------------------------------------------------

Deno.test("serve() at udp: keeps a bounded number of peers, however many send", async () => {
  await using server = start(api);
  let most = 0;
  for (let i = 0; i < 3000; i++) {
    using peer = new Peer(server.address);
    await peer.send('{"jsonrpc":"2.0","method":"upper","params":["a"]}');
    most = Math.max(most, server.connections);
  }
  // After such a flood a datagram may well be lost: ask until there is an answer.
  using peer = new Peer(server.address);
  let answer: string | undefined;
  const heard = peer.hear().then(([text]) => answer = text);
  while (answer === undefined) {
    await peer.send(LAST);
    await Promise.race([heard, turn()]);
  }
  assertEquals(answer, LAST_ANSWER);
  assert(most <= 1024 && server.connections <= 1024, `${most} peers`);
});

Deno.test("UdpListener forgets those who are silent, and makes room for others", async () => {
  const listener = new UdpListener(bind(), { peers: 2, silence: 1, patience: 1 });
  const peers = Array.from({ length: 3 }, () => new Peer(listener.address));
  const buffer = new Uint8Array(100);
  try {
    const sockets = [];
    for (const peer of peers) {
      await peer.send("{}");
      const socket = await listener.accept();
      assertEquals(socket.remote, `udp://127.0.0.1:${peer.address.port}`);
      assertEquals(await socket.read(buffer), 3);
      sockets.push(socket);
    }
    // Whether for want of room or after a silence: each fails, and can still be closed.
    for (const socket of sockets) {
      await within(
        assertRejects(() => socket.read(buffer), Error, "the peer was forgotten: it "),
        "the peer to be forgotten",
      );
      socket.close();
    }
    // Who comes back is a new peer.
    await peers[0]!.send("{}");
    const socket = await listener.accept();
    assertEquals(await socket.read(buffer), 3);
    socket.close();
  } finally {
    listener.close();
    for (const peer of peers) peer[Symbol.dispose]();
  }
});

Deno.test("UdpListener remembers who waits for an answer longer than who does not", async () => {
  const listener = new UdpListener(bind(), { silence: 1, patience: 300_000 });
  using waits = new Peer(listener.address);
  using does = new Peer(listener.address);
  try {
    await waits.send(LAST);
    const waiting = await listener.accept();
    await does.send('{"jsonrpc":"2.0","method":"m"}');
    const other = await listener.accept(), buffer = new Uint8Array(1000);
    for (const socket of [waiting, other]) await socket.read(buffer);
    await within(assertRejects(() => other.read(buffer), Error, "silent for 1 ms"), "the end");
    await waiting.write(new TextEncoder().encode(LAST_ANSWER + "\n"));
    assertEquals((await waits.hear())[0], LAST_ANSWER);
    await within(assertRejects(() => waiting.read(buffer), Error, "silent for 1 ms"), "the end");
    for (const socket of [waiting, other]) socket.close();
  } finally {
    listener.close();
  }
});

Deno.test("serve() at udp: a flood of calls that last takes nothing from others, and is cancelled", async () => {
  let running = 0;
  const finish = Promise.withResolvers<string>();
  await using server = start({
    ...api,
    sleep: method((_, { signal }) => {
      running++;
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(--running)));
    }),
    wait: method(() => finish.promise),
  });
  using known = new Peer(server.address);
  assertEquals(await known.ask(LAST), LAST_ANSWER);
  assertEquals(await known.ask(LAST), LAST_ANSWER);
  await known.send('{"jsonrpc":"2.0","id":1,"method":"wait","params":[]}');
  const flood = Array.from({ length: 2100 }, () => new Peer(server.address));
  const meta = { timeoutMs: 300_000 };
  for (const [id, peer] of flood.entries()) {
    await peer.send(
      JSON.stringify({ jsonrpc: "2.0", id, method: "sleep", params: { _meta: meta } }),
    );
    if (id % 64 === 0) await turn();
  }
  await until(() => running <= 512, "the calls of those that were forgotten to be cancelled");
  // Somebody who comes new, and somebody who was there before; a datagram may be lost in such a flood.
  using newcomer = new Peer(server.address);
  let answer: string | undefined;
  const heard = newcomer.hear().then(([text]) => answer = text);
  while (answer === undefined) {
    await newcomer.send(LAST);
    await Promise.race([heard, turn()]);
  }
  assertEquals(answer, LAST_ANSWER);
  finish.resolve("done");
  assertEquals((await known.hear())[0], '{"jsonrpc":"2.0","id":1,"result":"done"}');
  assert(server.connections <= 1024, `${server.connections} peers`);
  for (const peer of flood) peer[Symbol.dispose]();
  await server.shutdown(0);
});

Deno.test("Places makes room in the network that has most, and never takes a known peer's place for a newcomer", () => {
  const places = new Places<Placed & { readonly name: string }>(8);
  const peer = (name: string, network: string) => ({ name, network, isKnown: false });
  const [a, b, c] = [peer("a", "1"), peer("b", "2"), peer("c", "3")];
  for (const known of [a, b, c]) {
    assertEquals(places.enter(known), undefined);
    assertEquals(places.hear(known, false), undefined);
    assertEquals(known.isKnown, false, "it was not answered");
    assertEquals(places.hear(known, true), undefined);
  }
  // Newcomers make room among each other: first in the network that has most, whoever was silent longest.
  const x = peer("x", "9");
  assertEquals(places.enter(x), undefined);
  const crowd = Array.from({ length: 10 }, (_, n) => peer(`crowd ${n}`, "4"));
  assertEquals(crowd.map((one) => places.enter(one)?.name), [
    ...[undefined, undefined, undefined],
    ...Array.from({ length: 7 }, (_, n) => `crowd ${n}`),
  ]);
  // One network cannot have all the places of known peers either.
  const gone = crowd.slice(7).map((one) => places.hear(one, true)?.name);
  assertEquals(gone, [undefined, "crowd 7", "crowd 8"]);
  assertEquals(x.isKnown, false);
});

Deno.test("shutdown() answers what runs, says nothing unasked, and frees the port", async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<string>();
  const server = start({
    ...api,
    wait: method(() => {
      begun.resolve();
      return finish.promise;
    }),
  });
  using idle = new Peer(server.address);
  using busy = new Peer(server.address);
  assertEquals(await idle.ask(LAST), LAST_ANSWER);
  await busy.send('{"jsonrpc":"2.0","id":1,"method":"wait"}');
  await within(begun.promise, "the call to begin");
  const ended = server.shutdown();
  using late = new Peer(server.address);
  await late.send(LAST); // nobody is there for someone new
  const refused = JSON.parse(await busy.ask(LAST.replace("last", "no") + " ".repeat(200)));
  assertEquals([refused.id, refused.error.code], ["no", -32014]);
  finish.resolve("ok");
  assertEquals((await busy.hear())[0], '{"jsonrpc":"2.0","id":1,"result":"ok"}');
  await within(ended, "the server to end");
  const { hostname, port } = new URL(server.address);
  const again = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });
  // Datagrams on loopback keep their order: anything the server had said would come first.
  for (const peer of [idle, busy, late]) {
    await again.send(new TextEncoder().encode("end"), peer.address);
    assertEquals((await peer.hear())[0], "end");
  }
  again.close();
});

Deno.test("serve() at udp://localhost: is reached over both families", async () => {
  await using server = serve(api, { listen: "udp://localhost:0" });
  const [address] = server.addresses;
  assert(/^udp:\/\/localhost:[0-9]+$/.test(address!), address);
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    await using line = await connect<typeof api>(address!.replace("localhost", host));
    assertEquals(await line.call.upper(host), host.toUpperCase());
  }
});

Deno.test("connect() to udp: refuses another framing, and an address with more in it", async () => {
  const address = "udp://127.0.0.1:9";
  await assertRejects(() => connect(address, { framing: "headers" }), TypeError, "has no framing");
  await assertRejects(() => connect(address + "/x"), TypeError, "a udp address has no path");
  await assertRejects(() => connect(address + "?x=1"), TypeError, 'has no option "x"');
  await assertRejects(() => connect("udp://127.0.0.1"), TypeError, "it has no port");
  assertThrows(() => serve(api, { listen: address + "?pad=1" }), TypeError, "has no option");
});

// ---- Flags -------------------------------------------------------------------------------------

Deno.test("a missing flag or permission for udp is named", async () => {
  const program = `
    import { connect, serve } from ${JSON.stringify(LIB)};
    const tell = (error) => console.log(error.name, error.message);
    try { await serve({}, { listen: "udp://127.0.0.1:0" }).shutdown(0); } catch (error) { tell(error); }
    await connect("udp://127.0.0.1:9").then((line) => line.close(), tell);
  `;
  const flagless = await run(program, ["--allow-net"]);
  assertEquals(
    flagless.stdout,
    "NotSupported Cannot listen at udp://127.0.0.1:0: UDP needs the flag --unstable-net\n" +
      "NotSupported Cannot connect to udp://127.0.0.1:9: UDP needs the flag --unstable-net\n",
    flagless.stderr,
  );
  const denied = await run(program, ["--unstable-net"]);
  assertEquals(
    denied.stdout,
    "NotCapable Cannot listen at udp://127.0.0.1:0: " +
      "it needs the permission --allow-net=127.0.0.1\n" +
      "NotCapable Cannot connect to udp://127.0.0.1:9: " +
      "it needs the permission --allow-net=127.0.0.1:0,127.0.0.1:9\n",
    denied.stderr,
  );
  // What the errors name is enough.
  const granted = await run(program, [
    "--unstable-net",
    "--allow-net=127.0.0.1:0,127.0.0.1:9,127.0.0.1",
  ]);
  assertEquals([granted.code, granted.stdout], [0, ""], granted.stderr);
});

// ---- Others ------------------------------------------------------------------------------------

testWith(["socat"], "socat is answered over udp:", async () => {
  await using server = start(api);
  const { hostname, port } = new URL(server.address);
  const socat = new Deno.Command("socat", {
    args: ["-t", "0.1", "-", `UDP:${hostname}:${port}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = socat.stdin.getWriter();
  await input.write(
    new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}\n'),
  );
  const output = socat.stdout.getReader();
  const { value } = await within(output.read(), "socat to print the answer");
  assertEquals(new TextDecoder().decode(value), '{"jsonrpc":"2.0","id":1,"result":3}');
  await input.close();
  await output.cancel();
  await socat.status;
});

testWith(["python3"], "Python is answered over udp:, and pads for a long answer", async () => {
  await using server = start(api);
  const { hostname, port } = new URL(server.address);
  const { success, stdout } = await new Deno.Command("python3", {
    args: [
      "-c",
      `
import json, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect(("${hostname}", ${port}))
question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "repeat", "params": [500]})
s.send(question.ljust(600).encode())
print(len(json.loads(s.recv(65507))["result"]))
`,
    ],
    stderr: "inherit",
  }).output();
  assert(success);
  assertEquals(new TextDecoder().decode(stdout), "500\n");
});
