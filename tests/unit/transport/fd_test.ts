// fd: addresses: sockets that the program which started the process has opened.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../../../lib/client.ts";
import { serve, serveWorkers } from "../../../lib/mod.ts";
import { argsOf, LIB, type Script, script } from "../../support/child.ts";
import { within } from "../../support/deadline.ts";
import { type SocketSpec, Supervisor } from "../../support/supervisor.ts";
import { testWith } from "../../support/tools.ts";

/** Serves at the addresses in its arguments. */
const SERVER = `
import { method, serve } from ${JSON.stringify(LIB)};
const seen = (_, { peer: { address, localAddress, transport, framing } }) =>
  ({ address, localAddress, transport, framing });
let server;
try {
  server = serve({ seen: method(seen), slow: method(async () => {
  console.log("slow");
  await new Promise((resolve) => setTimeout(resolve, 50));
  return "done";
}) }, { listen: JSON.parse(Deno.args[0]), ...JSON.parse(Deno.args[1] ?? "{}") });
  await server.ready;
  console.log("ready " + JSON.stringify(server.addresses));
} catch (error) {
  console.log("failed " + error.name + ": " + error.message);
}
Deno.addSignalListener("SIGTERM", () => server.shutdown());
await server?.finished.catch(() => {});
`;

/** Opens sockets for a server that may do nothing. */
async function supervise(
  sockets: readonly SocketSpec[],
  listen: string | readonly string[],
  { options = {}, flags = [] }: { options?: object; flags?: readonly string[] } = {},
): Promise<Supervisor & { readonly file: Script }> {
  const file = await script(SERVER);
  const args = [...argsOf(file, flags), JSON.stringify(listen), JSON.stringify(options)];
  const supervisor = await Supervisor.open(sockets, [Deno.execPath(), ...args]);
  const { [Symbol.asyncDispose]: dispose } = Supervisor.prototype;
  return Object.assign(supervisor, {
    file,
    [Symbol.asyncDispose]: async () => {
      await dispose.call(supervisor);
      await file[Symbol.asyncDispose]();
    },
  });
}

const ENV = ["--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES"];
const TCP: SocketSpec = ["tcp", "127.0.0.1", 0, "web"];
const unix = () => `/tmp/landline-${crypto.randomUUID()}.sock`;

/** What a server of one socket says if it cannot listen. */
async function complaint(
  socket: SocketSpec,
  listen: string,
  changes: Record<string, string | null> = {},
  given: { options?: object; flags?: readonly string[] } = {},
): Promise<string> {
  await using supervisor = await supervise([socket], listen, given);
  await supervisor.start(changes);
  const [, failed] = await supervisor.lineWith(/^(?:failed (.*)|ready .*)$/);
  return failed ?? "";
}

testWith(
  ["python3"],
  "serve() takes over sockets of TCP and Unix, without any permission",
  async () => {
    const path = unix();
    await using supervisor = await supervise([TCP, ["unix", path, 0, "file"]], ["fd:3", "fd:4"]);
    await supervisor.start();
    const [tcp, file] = supervisor.addresses as [string, string];
    const [, addresses] = await supervisor.lineWith(/^ready (.*)$/);
    assertEquals(JSON.parse(addresses!), [tcp, "unix:fd:4"]);
    try {
      for (const address of [tcp, file, tcp.replace("tcp", "ws")]) {
        await using line = await connect(address);
        const { address: from, ...seen } = await line.request("seen") as Record<string, string>;
        const isUnix = address === file;
        assertEquals(seen, {
          localAddress: isUnix ? "unix:fd:4" : tcp,
          transport: isUnix ? "unix" : "tcp",
          framing: address.startsWith("ws:") ? "websocket" : "json",
        });
        assertEquals(/^(tcp:..127\.0\.0\.1:[0-9]+|unix:)$/.test(from!), true, from);
      }
      const health = await fetch(tcp.replace("tcp", "http") + "/health");
      assertEquals(await health.json(), { status: "SERVING" });
    } finally {
      Deno.removeSync(path);
    }
  },
);

testWith(
  ["python3"],
  "serve() finds descriptors by their names, of which several may be one",
  async () => {
    const sockets: SocketSpec[] = [TCP, ["tcp", "127.0.0.1", 0, "admin"], TCP];
    await using supervisor = await supervise(sockets, ["fd:web", "fd:admin"], { flags: ENV });
    await supervisor.start();
    const [, addresses] = await supervisor.lineWith(/^ready (.*)$/);
    const [first, admin, second] = supervisor.addresses;
    assertEquals(JSON.parse(addresses!), [first, second, admin]);
  },
);

testWith(
  ["python3"],
  "serve() says what is missing where a descriptor is no socket of ours",
  async () => {
    const cannot = (address: string, why: string) =>
      `TypeError: Cannot use the address "${address}": ${why}`;
    const flags = ENV;
    const none = { LISTEN_PID: null, LISTEN_FDS: null, LISTEN_FDNAMES: null };
    const udp: SocketSpec = ["udp", "127.0.0.1", 0, "web"];
    const cases: [string, string, SocketSpec, Record<string, string | null>, readonly string[]][] =
      [
        ["fd:3", "descriptor 3 is no socket that listens", udp, {}, flags],
        [
          "fd:3",
          "descriptor 3 is no socket that listens; more is known with --allow-env=LISTEN_PID,LISTEN_FDS",
          udp,
          {},
          [],
        ],
        [
          "fd:99",
          "descriptor 99 is no socket that listens, and LISTEN_FDS is not set: none was handed over",
          TCP,
          none,
          flags,
        ],
        ["fd:4", "there is no such descriptor, LISTEN_FDS is 1 and the first is 3", TCP, {}, flags],
        ["fd:", "a descriptor is a number or a name: fd:3, fd:http", TCP, {}, flags],
        ["fd://host/3", "a descriptor is a number or a name: fd:3, fd:http", TCP, {}, flags],
        ["fd:3?x=1", "a descriptor is a number or a name: fd:3, fd:http", TCP, {}, flags],
      ];
    for (const [address, why, socket, changes, flags] of cases) {
      assertEquals(await complaint(socket, address, changes, { flags }), cannot(address, why));
    }
    const another = await complaint(TCP, "fd:3", { LISTEN_PID: "1" }, { flags });
    assertStringIncludes(
      another,
      'Cannot use the address "fd:3": LISTEN_PID is 1, this process is ',
    );
    // A descriptor may be handed over without a word.
    assertEquals(await complaint(TCP, "fd:3", none, { flags }), "");
  },
);

testWith(
  ["python3"],
  "serve() refuses a descriptor that other machines can reach, as any such address",
  async () => {
    for (const place of [["tcp", "0.0.0.0", 0, "a"], ["tcp6", "::", 0, "a"]] as const) {
      const exposed = await complaint(place, "fd:3");
      assertStringIncludes(exposed, "other machines can reach it, and nobody is asked who calls");
      assertEquals(await complaint(place, "fd:3", {}, { options: { insecure: true } }), "");
    }
  },
);

testWith(
  ["python3"],
  "serve() leaves a descriptor, and its file, to the program that has opened it",
  async () => {
    const path = unix();
    await using supervisor = await supervise([["unix", path, 0, "a"]], "fd:3");
    for (let n = 0; n < 2; n++) {
      const pid = await supervisor.start();
      await supervisor.lineWith(/^ready /);
      await using line = await connect(`unix://${path}`);
      const answer = line.request("slow");
      await supervisor.lineWith(/^slow$/);
      Deno.kill(pid, "SIGTERM");
      assertEquals(await answer, "done");
      assertEquals(await supervisor.ended(), 0);
    }
    Deno.removeSync(path);
  },
);

testWith(
  ["python3"],
  "every call to a socket that was handed over is answered, or told that it has not run, while its server is started again",
  async () => {
    await using supervisor = await supervise([TCP], "fd:3");
    let pid = await supervisor.start();
    await supervisor.lineWith(/^ready /);
    const [address] = supervisor.addresses as [string];
    const stop = new AbortController();
    let calls = 0, enough = Promise.withResolvers<void>();
    const call = async () => {
      while (!stop.signal.aborted) {
        await using line = await connect(address, { reconnect: "always" });
        // A call may be told that it came too late, and has not run: it is made again.
        await line.request("seen").catch((error) => assertEquals(error.reason, "UNAVAILABLE"));
        if (++calls % 50 === 0) enough.resolve();
      }
    };
    const callers = Array.from({ length: 8 }, call);
    for (let n = 0; n < 4; n++) {
      await within(enough.promise, "fifty calls");
      enough = Promise.withResolvers();
      Deno.kill(pid, "SIGTERM");
      assertEquals(await supervisor.ended(), 0);
      pid = await supervisor.start();
      await supervisor.lineWith(/^ready /);
    }
    stop.abort();
    await Promise.all(callers);
  },
);

Deno.test("fd: addresses cannot be called, nor listened at by several threads", async () => {
  const called = await connect("fd:3").catch(({ message }) => message);
  assertStringIncludes(called, "a descriptor is an address to listen at");
  const api = new URL("../../../examples/demo.ts", import.meta.url);
  let refused = "";
  try {
    await serveWorkers(api, { listen: "fd:3" })[Symbol.asyncDispose]();
  } catch (error) {
    refused = (error as Error).message;
  }
  assertStringIncludes(refused, "addresses can have several listeners");
  let unnamed = "";
  try {
    serve({}, { listen: "fd:web" });
  } catch (error) {
    unnamed = (error as Error).message;
  }
  assertStringIncludes(unnamed, 'Cannot use the address "fd:web": the names of descriptors need');
});
