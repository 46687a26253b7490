// The server as a whole: who gets in, who is kept out, what it survives, and how it ends.

import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { connect as dialNode } from "node:net";
import * as z from "npm:zod@4";
import {
  type Api,
  type CloseInfo,
  connect,
  method,
  type PeerInfo,
  RpcError,
  serve,
  type ServeOptions,
} from "../../../lib/mod.ts";
import { LIB, run } from "../../support/child.ts";
import { turn, until, within } from "../../support/deadline.ts";
import { Program } from "../../support/program.ts";
import { FRAMING_NAMES, RawPeer } from "../../support/raw.ts";
import { testWith } from "../../support/tools.ts";
import { socketPath } from "../../support/wires.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  wait: method((_, { signal }) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
  ),
};

const upper = (id: unknown, text = "x") => ({
  jsonrpc: "2.0",
  id,
  method: "upper",
  params: [text],
});

const portOf = (address: string) => Number(new URL(address).port);

// ---- Where it listens ------------------------------------------------------------------------------

Deno.test("serve() listens at each address, and tells the real ports in their order", async () => {
  const path = socketPath(), told: string[] = [];
  await using server = serve(api, {
    listen: ["tcp://127.0.0.1:0", new URL(`unix://${path}`), "tcp://127.0.0.1:0"],
    onListen: (address) => void told.push(address),
  });
  assertEquals([...server.addresses], told);
  assertEquals(told.map((address) => address.split(":")[0]), ["tcp", "unix", "tcp"]);
  assert(portOf(told[0]!) > 0 && portOf(told[0]!) !== portOf(told[2]!));
  for (const address of server.addresses) {
    using peer = await RawPeer.dial(address);
    assertEquals((await peer.ask(upper(1))).result, "X");
  }
});

Deno.test("serve() can be reached as soon as it returns", async () => {
  await using server = serve(api, HERE);
  using peer = await RawPeer.dial(server.addresses[0]!);
  assertEquals((await peer.ask(upper(1))).result, "X");
  await server.ready;
});

Deno.test("serve() throws when an address cannot be listened at, and lets go of the others", async () => {
  await using taken = serve(api, HERE);
  const free = await freePort();
  assertThrows(
    () => serve(api, { listen: [`tcp://127.0.0.1:${free}`, taken.addresses[0]!] }),
    Deno.errors.AddrInUse,
  );
  await refused(`tcp://127.0.0.1:${free}`);
  await using again = serve(api, { listen: `tcp://127.0.0.1:${free}` });
  assertEquals(again.addresses.length, 1);
});

Deno.test("serve() throws before it listens when what it is given is wrong", () => {
  const wrong: [ServeOptions, ErrorConstructor, string][] = [
    [{ listen: "raw://x" }, TypeError, 'Cannot use the address "raw://x"'],
    [{ listen: "localhost:8080" }, TypeError, "tcp://localhost:8080"],
    [{ listen: "tcp://127.0.0.1" }, TypeError, "it has no port"],
    [{ ...HERE, limits: { maxDepth: 0 } }, RangeError, "maxDepth must be an integer from 1"],
    [{ ...HERE, limits: { nope: 1 } as never }, RangeError, 'no limit has the name "nope"'],
    [{ ...HERE, tcpBacklog: 0 }, RangeError, "tcpBacklog must be an integer from 1, it is 0"],
    [{ ...HERE, tcpBacklog: 1.5 }, RangeError, "it is 1.5"],
  ];
  for (const [options, type, message] of wrong) {
    assertThrows(() => serve(api, options), type, message);
  }
  assertThrows(() => serve({ f: 5 } as unknown as Api, HERE), TypeError, "f is a number");
});

Deno.test("ready and finished reject when a socket that has to be looked at cannot be had", async () => {
  const path = await Deno.makeTempFile();
  try {
    const server = serve(api, { listen: ["tcp://127.0.0.1:0", `unix://${path}`] });
    await assertRejects(() => server.ready, Deno.errors.AddrInUse);
    await assertRejects(() => within(server.finished, "the server to end"), Deno.errors.AddrInUse);
    await refused(server.addresses[0]!);
    assert((await Deno.lstat(path)).isFile, "what is no socket is left alone");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("serve() leaves no rejection unhandled when two addresses fail, one of them later", async () => {
  const path = await Deno.makeTempFile();
  try {
    // The second fails at once; what becomes of the first must not end the process.
    const { code, stdout, stderr } = await run(
      `
      import { serve } from ${JSON.stringify(LIB)};
      try {
        serve({}, { listen: [${JSON.stringify(`unix://${path}`)}, "raw://x"] });
      } catch (error) {
        console.log(error.name);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      console.log("alive");
    `,
      ["-A"],
    );
    assertEquals([code, stdout], [0, "TypeError\nalive\n"], stderr);
  } finally {
    await Deno.remove(path);
  }
});

// ---- What it survives ------------------------------------------------------------------------------

Deno.test("serve() goes on accepting when callers reset before they are accepted", async () => {
  const errors: unknown[] = [];
  await using server = serve(api, { ...HERE, onError: (error) => void errors.push(error) });
  const port = portOf(server.addresses[0]!);
  for (let round = 0; round < 5; round++) {
    await within(
      Promise.all(Array.from({ length: 40 }, () =>
        new Promise<void>((resolve) => {
          const socket = dialNode(port, "127.0.0.1", () => socket.resetAndDestroy());
          socket.on("error", () => {});
          socket.on("close", () => resolve());
        }))),
      "the callers to be gone",
    );
    using peer = await RawPeer.dial(server.addresses[0]!);
    assertEquals((await peer.ask(upper(round))).result, "X");
  }
  await until(() => server.connections === 0, "no connection to be left");
  assertEquals(errors, []);
});

Deno.test("serve() goes on when peers vanish in the middle of a message or of an answer", async () => {
  await using server = serve({ ...api, large: method(() => "x".repeat(1 << 22)) }, HERE);
  const port = portOf(server.addresses[0]!);
  const halves = [
    '{"jsonrpc":"2.0","id":1,',
    "Content-Length: 100\r\n\r\n{",
    "\0\0\0\x50{",
    "",
    "{",
  ];
  const whole = '{"jsonrpc":"2.0","id":1,"method":"large"}\n';
  for (const start of [...halves, whole, whole + whole]) {
    for (const how of ["resetAndDestroy", "destroy", "end"] as const) {
      await within(
        new Promise<void>((resolve) => {
          const socket = dialNode(port, "127.0.0.1", () => {
            socket.write(start, () => socket[how]());
          });
          socket.resume();
          socket.on("error", () => {});
          socket.on("close", () => resolve());
        }),
        "the peer to be gone",
      );
    }
  }
  await until(() => server.connections === 0, "no connection to be left");
  using peer = await RawPeer.dial(server.addresses[0]!);
  assertEquals((await peer.ask(upper(1))).result, "X");
});

/** A server in a process of its own, which prints its address and then what its `onError` is told. */
const SERVER = `
  import { method, serve } from LIB;
  const held = [];
  const [hold] = Deno.args;
  // The runtime (2.9.6) sets up its signals late, on a slow machine after all descriptors are taken, and
  // panics then: ext/signals/lib.rs:58. Whoever listens for a signal has it done at once.
  Deno.addSignalListener("SIGUSR2", () => {});
  const server = serve({
    ping: method(() => "pong"),
  }, {
    listen: "tcp://127.0.0.1:0",
    onError: (error) => console.log("error", error.message),
  });
  console.log(server.addresses[0]);
  if (hold === "hold") {
    // Deno opens files of its own for a while after its start, and panics where it cannot.
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Takes every descriptor there is for a while, and does nothing that keeps the process alive.
    try {
      for (;;) held.push(Deno.openSync("/dev/null"));
    } catch {}
    Deno.unrefTimer(setTimeout(() => held.splice(0).forEach((file) => file.close()), 300));
    console.log("held");
  }
  await server.finished;
`;

testWith(["sh"], "serve() serves again after its process was out of descriptors", async () => {
  await using program = await Program.startWithin(64, SERVER);
  const address = await program.line();
  const peers: RawPeer[] = [];
  try {
    for (let n = 0; n < 100; n++) peers.push(await RawPeer.dial(address));
    await program.lineWith("error Too many open files");
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    assertEquals((await peers[0]!.ask(ping)).result, "pong", "who is in is served");
    for (const peer of peers.splice(0, 90)) peer.close();
    for (const peer of peers) assertEquals((await peer.ask(ping)).result, "pong");
  } finally {
    for (const peer of peers) peer.close();
  }
});

testWith(
  ["sh"],
  "serve() keeps its process alive while it has no descriptors and no peers",
  async () => {
    await using program = await Program.startWithin(64, SERVER, "hold");
    const address = await program.line();
    assertEquals(await program.line(), "held");
    using peer = await RawPeer.dial(address);
    for (let n = 0; n < 3; n++) {
      await program.lineWith("error Too many open files");
    }
    assertEquals((await peer.ask({ jsonrpc: "2.0", id: 1, method: "ping" })).result, "pong");
  },
);

// ---- Who is kept out -------------------------------------------------------------------------------

Deno.test("serve() serves maxConnections, and tells the others so until a place is free", async () => {
  const opened: PeerInfo[] = [];
  await using server = serve(api, {
    ...HERE,
    limits: { maxConnections: 10 },
    onOpen: (peer) => void opened.push(peer),
  });
  const peers = await Promise.all(
    Array.from({ length: 50 }, () => RawPeer.dial(server.addresses[0]!)),
  );
  try {
    // Those who got in say so; the others are told without having said anything.
    const outcomes = await Promise.all(peers.map(async (peer) => {
      const sent = peer.send(upper(1)).catch(() => {});
      const answer = await peer.answer();
      await sent;
      return answer.result ?? (answer.error?.data as { limit: string }).limit;
    }));
    assertEquals(outcomes.filter((outcome) => outcome === "X").length, 10);
    assertEquals(outcomes.filter((outcome) => outcome === "maxConnections").length, 40);
    assertEquals([server.connections, opened.length], [10, 10]);
    peers[outcomes.indexOf("X")]!.close();
    await until(() => server.connections === 9, "the place to be free");
    using late = await RawPeer.dial(server.addresses[0]!);
    assertEquals((await late.ask(upper(1))).result, "X");
  } finally {
    for (const peer of peers) peer.close();
  }
});

Deno.test("shutdown() lets go of connections that were refused and do not hang up", async () => {
  const server = serve(api, { ...HERE, limits: { maxConnections: 1, lingerTimeout: 60_000 } });
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.ask(upper(1));
  using refused = await RawPeer.dial(server.addresses[0]!);
  assertEquals((await refused.messages()).length, 1);
  peer.close();
  await within(server.shutdown(0), "the server to end");
  // Once nobody is there any more, what is sent meets a reset.
  await within(
    assertRejects(async () => {
      for (;;) {
        await refused.write("x");
        await turn();
      }
    }),
    "the refused connection to be closed",
  );
});

// ---- The end ---------------------------------------------------------------------------------------

Deno.test("shutdown() may be called twice, and finished resolves with it", async () => {
  const server = serve(api, HERE);
  const first = server.shutdown(), second = server.shutdown(0);
  await within(Promise.all([first, second, server.finished]), "the server to end");
  await server.shutdown();
  await server[Symbol.asyncDispose]();
});

Deno.test("shutdown() frees the port at once", async () => {
  const server = serve(api, HERE);
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send({ jsonrpc: "2.0", id: 1, method: "wait" });
  await until(() => server.connections === 1, "the connection to be known");
  const ended = server.shutdown(60_000);
  await turn();
  await using next = serve(api, { listen: server.addresses[0]! });
  assertEquals(next.addresses, server.addresses);
  await peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 1 } });
  peer.close();
  await within(ended, "the first server to end");
});

Deno.test("the signal option ends the server, now or later", async () => {
  const controller = new AbortController();
  const server = serve(api, { ...HERE, signal: controller.signal });
  await using line = await connect<typeof api>(server.addresses[0]!, { reconnect: false });
  assertEquals(await line.call.upper("x"), "X");
  controller.abort();
  await within(server.finished, "the server to end");
  await within(line.closed, "the line to close");
  const ended = serve(api, { ...HERE, signal: AbortSignal.abort() });
  await within(ended.finished, "the server to end");
});

Deno.test("shutdown() tells everyone goodbye once, in the framing that they speak", async () => {
  const server = serve(api, HERE);
  const peers = await Promise.all(
    FRAMING_NAMES.map((framing) => RawPeer.dial(server.addresses[0]!, framing)),
  );
  for (const peer of peers) await peer.ask(upper(1));
  const ended = server.shutdown();
  for (const peer of peers) {
    assertEquals((await peer.messages()).map(({ method }) => method), ["$/goaway"]);
    peer.close();
  }
  await within(ended, "the server to end");
});

Deno.test("shutdown() answers every call that it took, and none twice", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const server = serve({
    work: method(z.int(), async (n) => {
      running++;
      await gate.promise;
      return n;
    }),
  }, HERE);
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send(
    ...Array.from(
      { length: 50 },
      (_, id) => ({ jsonrpc: "2.0", id, method: "work", params: [id] }),
    ),
  );
  await until(() => running === 50, "all to run");
  const ended = server.shutdown(60_000);
  await turn();
  gate.resolve();
  const answers = (await peer.messages()).filter(({ id }) => id !== undefined);
  assertEquals(
    answers.map(({ id, result }) => [id, result]).sort(([a], [b]) => Number(a) - Number(b)),
    Array.from({ length: 50 }, (_, id) => [id, id]),
  );
  peer.close();
  await within(ended, "the server to end");
});

Deno.test("shutdown() ends connections that are accepted in the same moment", async () => {
  for (let round = 0; round < 5; round++) {
    const server = serve(api, HERE);
    const dialled = Array.from(
      { length: 20 },
      () => RawPeer.dial(server.addresses[0]!).catch(() => undefined),
    );
    await dialled[0];
    const ended = server.shutdown();
    for (const peer of await Promise.all(dialled)) {
      if (peer === undefined) continue;
      await peer.rest().catch(() => {}); // its end, or a reset
      peer.close();
    }
    await within(ended, "the server to end");
    assertEquals(server.connections, 0);
  }
});

Deno.test("onClose tells why each connection ended", async () => {
  const reasons: string[] = [];
  const closed = (count: number) => until(() => reasons.length === count, `${count} to close`);
  const server = serve(api, {
    ...HERE,
    onClose: (_: PeerInfo, { reason }: CloseInfo) => void reasons.push(reason),
  });
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.ask(upper(1));
  peer.close();
  await closed(1);
  const line = await connect(server.addresses[0]!);
  await line.close();
  await closed(2);
  const bad = await RawPeer.dial(server.addresses[0]!);
  await bad.write("hello");
  await bad.rest();
  bad.close();
  await closed(3);
  const last = await RawPeer.dial(server.addresses[0]!);
  await last.ask(upper(1));
  const ended = server.shutdown();
  await last.rest();
  last.close();
  await ended;
  assertEquals(reasons, [
    "the peer closed the connection",
    "the peer closed the connection",
    "no framing begins with the bytes 68",
    "shutdown",
  ]);
});

Deno.test("a handler that throws in another turn than its own call does not end the server", async () => {
  await using server = serve({
    ...api,
    slow: method(async () => {
      await turn();
      throw new Error("later");
    }),
  }, HERE);
  await using line = await connect<typeof api & { slow: typeof api.wait }>(server.addresses[0]!);
  const error = await assertRejects(() => line.call.slow(), RpcError);
  assertEquals(error.code, -32603);
  assertEquals(await line.call.upper("x"), "X");
});

Deno.test("connections counts those that are open", async () => {
  await using server = serve(api, HERE);
  assertEquals(server.connections, 0);
  const peers = await Promise.all([1, 2, 3].map(() => RawPeer.dial(server.addresses[0]!)));
  await until(() => server.connections === 3, "three connections");
  for (const peer of peers) peer.close();
  await until(() => server.connections === 0, "no connections");
});

/** Resolves once nobody can be reached there: the system lets go of a listener a moment later. */
async function refused(address: string): Promise<void> {
  let isRefused = false;
  while (!isRefused) {
    using peer = await RawPeer.dial(address).catch((error) => {
      isRefused = error instanceof Deno.errors.ConnectionRefused;
      return undefined;
    });
    await peer?.rest().catch(() => {});
  }
}

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = serve({}, HERE);
  const port = portOf(server.addresses[0]!);
  await server.shutdown();
  assertGreater(port, 0);
  return port;
}

// ---- Who can reach it ------------------------------------------------------------------------------

Deno.test("serve() refuses to listen beyond this machine where nobody is asked who calls", () => {
  for (const listen of ["tcp://0.0.0.0:0", "tcp://[::]:0", "udp://0.0.0.0:0", "tls://10.0.0.1:0"]) {
    // Also beside an address that is none of this.
    for (const where of [listen, ["memory:beside-exposed", listen]]) {
      const error = assertThrows(() => serve({}, { listen: where }), TypeError);
      assertEquals(
        error.message,
        `Cannot listen at ${listen}: other machines can reach it, and nobody is asked who calls; ` +
          (listen.startsWith("udp:") ? "" : "ask with authenticate (--token-file FILE), or ") +
          "let everyone in with insecure (--insecure)",
      );
    }
  }
});

Deno.test("serve() listens beyond this machine where it is asked who calls, or said to be meant", () => {
  // The tests may not listen there: what stops them is the runtime, and no longer the library.
  for (const options of [{ insecure: true }, { authenticate: () => undefined }]) {
    assertThrows(
      () => serve({}, { listen: "tcp://0.0.0.0:0", ...options }),
      Deno.errors.NotCapable,
    );
  }
  const tls = { cert: "none.pem", key: "none.pem" };
  const listen = (tls: { cert: string; key: string; clientCa?: string }) =>
    assertThrows(() => serve({}, { listen: "tls://0.0.0.0:0", tls }), TypeError).message;
  assertMatch(listen({ ...tls, clientCa: "none.pem" }), /^Cannot use the TLS certificate/);
  assertMatch(listen(tls), /^Cannot listen at/);
});
