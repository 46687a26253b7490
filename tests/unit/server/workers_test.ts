// Several workers behind one address: they are one server, and those that fail are replaced.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { getHeapStatistics } from "node:v8";
import {
  type CloseInfo,
  connect,
  ConnectionLostError,
  type Line,
  method,
  type PeerInfo,
  RpcError,
  type Server,
  serveWorkers,
  type WorkersOptions,
} from "../../../lib/mod.ts";
import { certificates } from "../../support/certificates.ts";
import { LIB, run } from "../../support/child.ts";
import { until, within } from "../../support/deadline.ts";
import { testWith } from "../../support/tools.ts";
import { type Api, Lines, linesAfter, MODULE } from "./_workers.ts";

const HERE = { listen: "tcp://127.0.0.1:0", workers: 2 };

/** A server that serves. */
async function start(
  options: WorkersOptions = {},
  module = MODULE,
): Promise<Omit<Server, "peers">> {
  const server = serveWorkers(module, { ...HERE, ...options });
  await within(server.ready, "the workers to serve");
  return server;
}

/** What was told to a callback, and a way to wait for what is told. */
class Told<T> {
  readonly all: T[] = [];
  readonly add = (...told: T extends readonly unknown[] ? T : never) => void this.all.push(told);

  async next(isIt: (told: T) => boolean, what: string): Promise<T> {
    await until(() => this.all.some(isIt), what);
    return this.all.find(isIt)!;
  }
}

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

// ---- One server ------------------------------------------------------------------------------------

Deno.test("serveWorkers() has all workers behind one address, whose port the system chose", async () => {
  const told: string[] = [];
  await using server = await start({ workers: 3, onListen: (address) => void told.push(address) });
  assertEquals(server.addresses, told);
  assertMatch(told.join(), /^tcp:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
  await using lines = await Lines.to(server.addresses[0]!, 3);
  assertEquals(new Set(lines.byThread.keys()).size, 3);
});

Deno.test("serveWorkers() listens at several addresses, localhost in both families", async () => {
  await using server = await start({ listen: ["tcp://localhost:0", "tcp://127.0.0.1:0"] });
  assertEquals(server.addresses.length, 2);
  for (const address of server.addresses) {
    await using line = await connect<Api>(address);
    assert(await line.call.who() > 0);
  }
});

testWith(["openssl"], "serveWorkers() serves tls: with clients' certificates, too", async () => {
  const { server: { cert, key }, ca, client, clientCa } = certificates();
  const opened = new Told<[PeerInfo]>();
  await using server = await start({
    listen: "tls://127.0.0.1:0",
    tls: { cert: new URL(`file://${cert}`), key, clientCa },
    onOpen: opened.add,
  });
  const threads = new Set<number>();
  for (let tries = 0; threads.size < 2 && tries < 200; tries++) {
    await using line = await connect<Api>(server.addresses[0]!, { tls: { ca, ...client } });
    threads.add(await line.call.who());
  }
  assertEquals(threads.size, 2);
  const [peer] = await opened.next(() => true, "a connection to be told");
  assertEquals(peer.certificate?.subject, { CN: "alice", O: "Example" });
  assertInstanceOf(peer.certificate?.raw, Uint8Array);
});

Deno.test("serveWorkers() counts the connections of all workers together", async () => {
  await using server = await start({ limits: { maxConnections: 3 } });
  const lines = [];
  for (let i = 0; i < 3; i++) {
    lines.push(await connect<Api>(server.addresses[0]!));
    await lines[i]!.call.who();
  }
  assertEquals(server.connections, 3);
  for (let i = 0; i < 8; i++) { // whichever worker it comes to
    await using line = await connect<Api>(server.addresses[0]!);
    const error = await line.call.who().catch((error) => error);
    assert(error instanceof RpcError || error instanceof ConnectionLostError);
  }
  assertEquals(server.connections, 3);
  await lines[0]!.close();
  await until(() => server.connections === 2, "the connection to be gone");
  await using line = await connect<Api>(server.addresses[0]!);
  assert(await line.call.who() > 0);
  for (const line of lines) await line.close();
});

Deno.test("serveWorkers() shares out the limits that each worker counts by itself", async () => {
  await using server = await start({ limits: { maxRunning: 2 } });
  await using lines = await Lines.to(server.addresses[0]!);
  for (const line of lines.all) {
    const running = line.call.wait().catch(reasonOf);
    const error = await line.call.wait().catch((error) => error);
    assertInstanceOf(error, RpcError);
    assertEquals(error.data, { name: "UNAVAILABLE", limit: "maxRunning" });
    await line.close();
    await running;
  }
});

Deno.test("serveWorkers() keeps to the rates that it is given", async () => {
  await using server = await start({ rateLimit: { connection: { calls: 0.001, burst: 2000 } } });
  await using line = await connect<Api>(server.addresses[0]!);
  const outcomes = [];
  for (let i = 0; i < 3; i++) outcomes.push(await line.call.who().then(() => "answered", reasonOf));
  assertEquals(outcomes, ["answered", "answered", "RESOURCE_EXHAUSTED"]);
});

Deno.test("serveWorkers() tells of connections and errors of all workers", async () => {
  const opened = new Told<[PeerInfo]>(), closed = new Told<[PeerInfo, CloseInfo]>();
  const errors = new Told<[unknown, string]>();
  await using server = await start({
    onOpen: opened.add,
    onClose: closed.add,
    onError: errors.add,
  });
  await using lines = await Lines.to(server.addresses[0]!);
  for (const line of lines.all) {
    const error = await line.call.oops().catch((error) => error);
    assertEquals(error.toJSON(), { code: -32603, message: "Internal error" });
  }
  const addresses = await Promise.all(lines.all.map((line) => line.call.from()));
  for (const address of addresses) {
    await opened.next(([peer]) => peer.address === address, "the connection to be told");
  }
  await until(() => errors.all.length === 2, "the errors to be told");
  for (const [error, about] of errors.all) {
    assertEquals(about, "oops");
    assertInstanceOf(error, RangeError);
    assertEquals([error.name, error.message], ["RangeError", "by accident"]);
    assertStringIncludes(error.stack!, "unit/server/_workers_api.ts");
    assertInstanceOf(error.cause, Error);
    assertEquals(error.cause.message, "because");
  }
  await lines[Symbol.asyncDispose]();
  for (const address of addresses) {
    const [, info] = await closed.next(([peer]) => peer.address === address, "the end to be told");
    assertEquals(info, { reason: "the peer closed the connection" });
  }
});

Deno.test("serveWorkers() reports what a callback throws, and goes on", async () => {
  const errors = new Told<[unknown, string]>();
  await using server = await start({
    onOpen() {
      throw new TypeError("a mistake");
    },
    onError: errors.add,
  });
  await using line = await connect<Api>(server.addresses[0]!);
  await line.call.who();
  const [error, about] = await errors.next(() => true, "the error to be told");
  assertEquals([String(error), about], [
    "TypeError: a mistake",
    "the callback onOpen of serveWorkers()",
  ]);
});

Deno.test("serveWorkers() asks authenticate in its own thread, for all workers", async () => {
  const asked: string[] = [], errors = new Told<[unknown, string]>();
  await using server = await start({
    authenticate(credentials, { address }) {
      asked.push(address);
      const token = credentials.scheme === "bearer" ? credentials.token : undefined;
      if (token === "bad") throw new RpcError("PERMISSION_DENIED", "Not you");
      if (token === "odd") return { cannot: () => "be copied" };
      return token === "good" ? { name: "alice", since: new Date(0) } : undefined;
    },
    onError: errors.add,
  });
  const address = server.addresses[0]!;
  {
    await using line = await connect<Api>(address, { token: "good" });
    assertEquals(await line.call.identity(), { name: "alice", since: "1970-01-01T00:00:00.000Z" });
  }
  for (
    const [token, reason] of [
      ["none", "UNAUTHENTICATED"],
      ["bad", "PERMISSION_DENIED"],
      ["odd", "INTERNAL_ERROR"],
    ] as const
  ) {
    const error = await connect<Api>(address, { token }).catch((error) => error);
    assertEquals(reasonOf(error), reason);
  }
  const [error] = await errors.next(() => true, "the error to be told");
  assertMatch(String(error), /could not be cloned/);
  assertEquals(asked.length, 4);
});

Deno.test("serveWorkers() sets the health of all workers, those that are still to come too", async () => {
  await using server = await start();
  const check = (line: Line<Api>) => line.request("rpc.health", { service: "disk" });
  server.health.set("disk", "NOT_SERVING");
  await using lines = await Lines.to(server.addresses[0]!);
  for (const line of lines.all) assertEquals(await check(line), { status: "NOT_SERVING" });
  const [thread, line] = [...lines.byThread][0]!;
  await line.call.fail("exit").catch(() => {});
  await using after = await linesAfter(server.addresses[0]!, thread);
  for (const line of after.all) assertEquals(await check(line), { status: "NOT_SERVING" });
});

// ---- What cannot be served -------------------------------------------------------------------------

Deno.test("serveWorkers() throws at once when what it is given is wrong", () => {
  const wrong: [string, WorkersOptions, ErrorConstructor, string][] = [
    [MODULE, { workers: 0 }, RangeError, "workers must be an integer from 1 to 256, it is 0"],
    [MODULE, { workers: 1.5 }, RangeError, "it is 1.5"],
    [MODULE, { workers: 257 }, RangeError, "it is 257"],
    [MODULE, { limits: { maxBatch: 0 } }, RangeError, "maxBatch must be"],
    ["./api.ts", {}, TypeError, 'Cannot load "./api.ts": it is not a URL'],
    [MODULE, { listen: "raw://x" }, TypeError, 'Cannot use the address "raw://x"'],
    ...["unix:///tmp/x.sock", "udp://127.0.0.1:0", "stdio:", "memory:x", "vsock://any:0"].map(
      (listen): [string, WorkersOptions, ErrorConstructor, string] => [
        MODULE,
        { listen },
        TypeError,
        `Cannot use the address "${listen}": only tcp:, tls:, http:, https:, ws: and wss: addresses can have several listeners`,
      ],
    ),
  ];
  for (const [module, options, type, message] of wrong) {
    assertThrows(() => serveWorkers(module, { ...HERE, ...options }), type, message);
  }
});

Deno.test("serveWorkers() does not begin at an address where somebody listens, unless it may", async () => {
  const server = await start({ reusePort: true });
  const listen = server.addresses[0]!;
  const second = serveWorkers(MODULE, { ...HERE, listen });
  await assertRejects(() => second.ready, Deno.errors.AddrInUse, `Cannot listen at ${listen}: `);
  await assertRejects(() => second.finished, Deno.errors.AddrInUse);
  await using third = await start({ listen, reusePort: true });
  await server.shutdown();
  await using line = await connect<Api>(third.addresses[0]!); // a rolling restart
  assert(await line.call.who() > 0);
});

Deno.test("serveWorkers() says what is wrong with a module", async () => {
  const module = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  for (
    const [code, message] of [
      ["export const a = 1;", "it exports neither api nor a default, it exports a"],
      ["export default [];", "its export default is an array, expected an object of methods"],
      [
        "export const api = {}, connectionState = 1;",
        "its export connectionState is a number, expected a function",
      ],
      ["export const api = { a: 1 };", "a is a number, expected method(...)"],
      ['throw new Error("no database");', "no database"],
      ["export const api = ;", "SyntaxError"],
    ] as const
  ) {
    const server = serveWorkers(module(code), HERE);
    const error = await assertRejects(() => server.ready, Error, message);
    assertMatch(error.message, /^Cannot (load|serve|use) /);
    await assertRejects(() => server.finished, Error, message);
    assertEquals(server.connections, 0);
  }
});

Deno.test("serveWorkers() names the flag and the permission that are missing", async () => {
  const code = `
    import { serve, serveWorkers } from ${JSON.stringify(LIB)};
    try {
      await serveWorkers(${JSON.stringify(MODULE)}, { listen: "tcp://127.0.0.1:0" }).ready;
    } catch (error) {
      console.log(error.message);
    }
    Deno.exit();`;
  const withoutFlag = await within(run(code, ["-A"]), "the program to end");
  assertEquals(
    withoutFlag.stdout,
    "Cannot listen at tcp://127.0.0.1:0 more than once: that needs the flag --unstable-net\n",
    withoutFlag.stderr,
  );
  const withoutRead = await within(run(code, ["-N", "--unstable-net"]), "the program to end");
  assertMatch(
    withoutRead.stdout,
    /^Cannot serve with workers: they need the permission --allow-read=.*worker\.ts\n$/,
    withoutRead.stderr,
  );
});

// What `serveWorkers()` says of Deno. Where this fails one day, more can be served.
Deno.test("a connection cannot be handed to a worker, nor one path be listened at twice", async () => {
  const path = await Deno.makeTempFile({ prefix: "landline-" });
  await Deno.remove(path);
  using listener = Deno.listen({ transport: "unix", path });
  const calling = Deno.connect({ transport: "unix", path });
  using accepted = await listener.accept();
  using _caller = await calling;
  const transfer = [accepted as unknown as Transferable];
  assertThrows(() => structuredClone(accepted, { transfer }), DOMException, "not transferable");
  assertThrows(() => Deno.listen({ transport: "unix", path }), Deno.errors.AddrInUse);
});

// ---- The end ---------------------------------------------------------------------------------------

Deno.test("Server.shutdown() lets the handlers of all workers finish, and refuses the rest", async () => {
  await using server = await start();
  const answer = Promise.withResolvers<string>();
  await using lines = await Lines.to(server.addresses[0]!, 2, {
    answer: method(() => answer.promise),
  });
  const running = Promise.all(lines.all.map((line) => line.call.back()));
  running.catch(() => {}); // where the test fails before
  await Promise.all(lines.all.map((line) => line.call.who())); // so that they have begun
  const ended = server.shutdown();
  for (const line of lines.all) {
    // The worker has heard of it once it refuses.
    while (!(await line.call.who().catch((error) => error) instanceof Error));
  }
  await assertRejects(async () => {
    await using late = await connect<Api>(server.addresses[0]!);
    await late.call.who();
  });
  answer.resolve("in time");
  assertEquals(await running, ["in time", "in time"]);
  await within(ended, "the server to end");
  await server.finished;
  assertEquals(server.connections, 0);
});

Deno.test("Server.shutdown(0) ends the handlers of all workers now", async () => {
  const closed = new Told<[PeerInfo, CloseInfo]>();
  await using server = await start({ onClose: closed.add });
  await using lines = await Lines.to(server.addresses[0]!);
  const running = lines.all.map((line) => line.call.wait().catch(reasonOf));
  await Promise.all(lines.all.map((line) => line.call.who()));
  await within(server.shutdown(0), "the server to end");
  assertEquals(await Promise.all(running), ["UNAVAILABLE", "UNAVAILABLE"]);
  assertEquals(closed.all.slice(-2).map(([, { reason }]) => reason), ["shutdown", "shutdown"]);
});

Deno.test("serveWorkers() ends when its signal aborts, and before it has begun", async () => {
  const stop = new AbortController();
  const server = await start({ signal: stop.signal });
  stop.abort();
  await within(server.finished, "the server to end");
  const early = serveWorkers(MODULE, { ...HERE, signal: AbortSignal.abort() });
  await within(early.finished, "the server to end");
  await early.ready;
  assertEquals(early.addresses, []);
  const midway = serveWorkers(MODULE, HERE);
  await within(midway.shutdown(), "the server to end");
  await midway.ready;
});

Deno.test("Server.shutdown() does not wait for ever for a worker that does not end", async () => {
  // Deno cannot stop such a worker: a process of its own, which ends, can.
  const { stdout, stderr } = await within(
    run(
      `
      import { connect, method, serveWorkers } from ${JSON.stringify(LIB)};
      const module = \`
        import { method } from ${JSON.stringify(LIB)};
        export const api = {
          hang: method(async (_, { peer }) => {
            await peer.call.begin();
            for (;;);
          }),
        };\`;
      const server = serveWorkers("data:text/typescript," + encodeURIComponent(module), {
        listen: "tcp://127.0.0.1:0",
        workers: 1,
        limits: { lingerTimeout: 0 },
        onError: (error, about) => console.log(about + ":", error.message),
      });
      await server.ready;
      const begun = Promise.withResolvers();
      const line = await connect(server.addresses[0], { api: { begin: method(begun.resolve) } });
      line.request("hang").catch(() => {});
      await begun.promise;
      await server.shutdown(100);
      console.log("ended");
      Deno.exit();`,
      ["-A", "--unstable-net"],
    ),
    "the program to end",
  );
  assertEquals(stdout, "worker 1: The worker has not ended within 1100 ms\nended\n", stderr);
});

// ---- Workers that fail -----------------------------------------------------------------------------

for (
  const [how, message] of [
    ["reject", "TypeError: nobody handles this"],
    ["timer", "TypeError: nobody catches this"],
    ["exit", "Error: The worker has ended by itself, with code 7"],
    ["close", "Error: The worker has ended by itself, with code 0"],
  ] as const
) {
  Deno.test(`serveWorkers() replaces a worker that fails by ${how}`, async () => {
    const closed = new Told<[PeerInfo, CloseInfo]>(), errors = new Told<[unknown, string]>();
    await using server = await start({ onClose: closed.add, onError: errors.add });
    const answer = Promise.withResolvers<string>();
    await using lines = await Lines.to(server.addresses[0]!, 2, {
      answer: method(() => answer.promise),
    });
    const [failing, other] = lines.all;
    const untouched = other!.call.back();
    untouched.catch(() => {}); // where the test fails before
    const lost = failing!.call.wait().catch((error) => error);
    const address = await failing!.call.from();
    const error = await failing!.call.fail(how).catch((error) => error);
    for (const it of [error, await lost]) {
      assertInstanceOf(it, ConnectionLostError);
      assert(it.sent);
    }
    const [, info] = await closed.next(([peer]) => peer.address === address, "the end to be told");
    assertEquals(info, { reason: "its worker has ended" });
    await using after = await linesAfter(server.addresses[0]!, [...lines.byThread.keys()][0]!);
    assertEquals(after.byThread.size, 2);
    assertEquals(
      errors.all.map(([error, about]) => [String(error), about.replace(/[12],/, "N,")]),
      [
        [message, "worker N, which is replaced"],
      ],
    );
    answer.resolve("as if nothing had happened");
    assertEquals(await untouched, "as if nothing had happened");
    // Two lines and the two that came after; the lost one is not counted any more.
    await until(() => server.connections === 3, "the connections to be counted");
  });
}

Deno.test("serveWorkers() only reports failures that nobody waits for where that is asked for", async () => {
  const errors = new Told<[unknown, string]>();
  await using server = await start({ restartOnError: false, onError: errors.add });
  await using line = await connect<Api>(server.addresses[0]!);
  const thread = await line.call.who();
  for (const how of ["reject", "timer"]) line.call.fail(how).catch(() => {});
  await until(() => errors.all.length === 2, "the errors to be told");
  assertEquals(errors.all.map(([error, about]) => `${about}: ${error}`).sort(), [
    "code that nobody waits for: TypeError: nobody catches this",
    "code that nobody waits for: TypeError: nobody handles this",
  ]);
  assertEquals(await line.call.who(), thread);
});

Deno.test("serveWorkers() gives a worker as much memory as the main thread has", async () => {
  await using server = await start();
  await using line = await connect<Api>(server.addresses[0]!);
  assert(await line.call.memory() >= getHeapStatistics().heap_size_limit);
});

Deno.test("serveWorkers() replaces a worker whose memory runs out, and the process lives", async () => {
  const { code, stdout, stderr } = await within(
    run(
      `
      import { connect, ConnectionLostError, serveWorkers } from ${JSON.stringify(LIB)};
      const server = serveWorkers(${JSON.stringify(MODULE)}, {
        listen: "tcp://127.0.0.1:0",
        workers: 1,
        onError: (error, about) => console.log(about + ":", error.message),
      });
      await server.ready;
      const [address] = server.addresses;
      const line = await connect(address, { reconnect: false });
      const error = await line.request("fail", ["memory"]).catch((error) => error);
      console.log(error instanceof ConnectionLostError);
      for (let thread; thread === undefined;) {
        const again = await connect(address).catch(() => undefined);
        thread = await again?.request("who").catch(() => undefined);
        await again?.close();
      }
      await server.shutdown();`,
      ["-A", "--unstable-net", "--v8-flags=--max-old-space-size=100"],
    ),
    "the program to end",
  );
  assertMatch(
    stdout,
    /^worker 1, which is replaced: Out of memory: the worker needs more than \d+ bytes\ntrue\n$/,
    stderr,
  );
  assertEquals(code, 0);
});

Deno.test("serveWorkers() replaces a worker that fails again and again, with pauses", async () => {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  try {
    const broken = `${folder}/broken`;
    await Deno.writeTextFile(
      `${folder}/api.ts`,
      `export * from ${JSON.stringify(MODULE)};
       import { existsSync } from "node:fs";
       if (existsSync(${JSON.stringify(broken)})) throw new Error("broken now");`,
    );
    const errors = new Told<[unknown, string]>();
    await using server = await start({ onError: errors.add }, `file://${folder}/api.ts`);
    await using lines = await Lines.to(server.addresses[0]!);
    const [thread, line] = [...lines.byThread][0]!;
    await Deno.writeTextFile(broken, "");
    await line.call.fail("exit").catch(() => {});
    const [error] = await errors.next(
      ([, about]) => /failed 3 times in a row and is replaced in 200 ms$/.test(about),
      "the third failure",
    );
    assertMatch(String(error), /^TypeError: Cannot load file:.*: broken now/);
    await using meanwhile = await Lines.to(server.addresses[0]!, 1); // the other goes on
    assertEquals([...meanwhile.byThread.keys()], [[...lines.byThread.keys()][1]]);
    await Deno.remove(broken);
    await using after = await linesAfter(server.addresses[0]!, thread);
    assertEquals(after.byThread.size, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
