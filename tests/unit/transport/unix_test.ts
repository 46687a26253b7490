// unix: a foreign program at either end, and several servers that want the same file.

import { assert, assertEquals } from "@std/assert";
import { connect, method, serve } from "../../../lib/mod.ts";
import * as z from "npm:zod@4";
import { until, within } from "../../support/deadline.ts";
import { Program } from "../../support/program.ts";
import { testWith } from "../../support/tools.ts";

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

function socketPath(): string {
  return `/tmp/landline-${crypto.randomUUID()}.sock`;
}

testWith(["socat"], "socat is answered over unix:", async () => {
  const path = socketPath();
  const server = serve(api, { listen: `unix://${path}` });
  await server.ready;
  const socat = new Deno.Command("socat", {
    args: ["-t", "20", "-", `UNIX-CONNECT:${path}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = socat.stdin.getWriter();
  await input.write(
    new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}\n'),
  );
  await input.close();
  // It half-closes and waits for the answer, and for the end.
  const { stdout } = await within(socat.output(), "socat to end");
  assertEquals(new TextDecoder().decode(stdout), '{"jsonrpc":"2.0","id":1,"result":3}\n');
  await server.shutdown();
});

testWith(["socat"], "connect() to unix: calls through a relay of socat's", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const { host } = new URL(server.addresses[0]!);
  const path = socketPath();
  const socat = new Deno.Command("socat", {
    args: [`UNIX-LISTEN:${path},fork`, `TCP:${host}`],
    stdin: "null",
    stdout: "null",
  }).spawn();
  try {
    await until(() => isThere(path), "socat to listen");
    await using line = await connect<typeof api>(`unix://${path}`);
    assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  } finally {
    socat.kill("SIGTERM");
    await socat.status;
    if (isThere(path)) await Deno.remove(path);
  }
});

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

// ---- One server a file -------------------------------------------------------------------------

/** Serves at a path in each round, once all may begin; tells whether it has the path. */
const COMPETITOR = `
  import { method, serve } from LIB;
  const [folder, rounds] = Deno.args;
  console.log("ready");
  for (let round = 0; round < Number(rounds); round++) {
    for (;;) {
      try { Deno.lstatSync(folder + "/go" + round); break; } catch { await new Promise((r) => setTimeout(r)); }
    }
    const server = serve({ pid: method(() => Deno.pid) }, { listen: "unix://" + folder + "/" + round });
    server.finished.catch(() => {});
    console.log(await server.ready.then(() => "mine", (error) => error.name));
  }
  await new Promise((r) => setTimeout(r, 600_000));
`;

/** A server that says where it listens, and ends in order at a signal. */
const SERVER = `
  import { method, serve } from LIB;
  const server = serve({ pid: method(() => Deno.pid) }, { listen: Deno.args[0] });
  Deno.addSignalListener("SIGTERM", () => server.shutdown());
  await server.ready;
  console.log(Deno.pid);
  await server.finished;
  Deno.exit();
`;

/** A folder for sockets, which is removed with what is in it. */
async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ dir: "/tmp", prefix: "landline-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Leaves a socket behind that nobody listens at, as a server that was killed does. */
function leaveStale(path: string): void {
  using _listener = Deno.listen({ transport: "unix", path: path + ".bound" });
  Deno.linkSync(path + ".bound", path);
}

async function pidAt(path: string): Promise<unknown> {
  await using line = await connect(`unix://${path}`);
  return await line.request("pid");
}

Deno.test("unix: a server listens at a file whose name has a percent sign", async () => {
  await using place = await folder();
  const address = `unix://${place.path}/50%25.sock`;
  await using server = serve({ name: method(() => "here") }, { listen: address });
  assertEquals(server.addresses, [`unix://${place.path}/50%.sock`]);
  await using line = await connect(address);
  assertEquals(await line.request("name"), "here");
});

Deno.test("unix: of several servers that begin together one has the path, also where a dead one had it", async () => {
  await using place = await folder();
  const rounds = 20, competitors: Program[] = [];
  try {
    for (let n = 0; n < 4; n++) {
      competitors.push(await Program.start(COMPETITOR, place.path, String(rounds)));
    }
    for (const competitor of competitors) assertEquals(await competitor.line(), "ready");
    for (let round = 0; round < rounds; round++) {
      const path = `${place.path}/${round}`;
      if (round % 4 !== 0) leaveStale(path);
      Deno.writeTextFileSync(`${place.path}/go${round}`, "");
      const told = await Promise.all(competitors.map((competitor) => competitor.line()));
      assertEquals(told.toSorted(), ["AddrInUse", "AddrInUse", "AddrInUse", "mine"], `${round}`);
      assertEquals(typeof await pidAt(path), "number");
      assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600);
    }
    const names = Array.from(Deno.readDirSync(place.path), ({ name }) => name);
    assertEquals(names.length, 2 * rounds, `nothing is left but the sockets: ${names}`);
  } finally {
    for (const competitor of competitors) await competitor[Symbol.asyncDispose]();
  }
});

Deno.test("unix: of several servers that take over from a killed one each time one has the path", async () => {
  await using place = await folder();
  const path = `${place.path}/s`;
  for (let round = 0; round < 3; round++) {
    const servers = await Promise.all(
      Array.from({ length: 3 }, () => Program.start(SERVER, `unix://${path}`)),
    );
    try {
      // Those that are refused end, and say nothing.
      const pids = await Promise.all(servers.map((server) => server.line().catch(() => undefined)));
      const told = pids.filter((pid) => pid !== undefined);
      assertEquals(told, [String(await pidAt(path))]);
      for (const [index, server] of servers.entries()) {
        if (pids[index] !== undefined) server.kill("SIGKILL");
        await server.status;
      }
    } finally {
      for (const server of servers) await server[Symbol.asyncDispose]();
    }
    assert(isThere(path), "what the killed one has left");
  }
});

Deno.test("unix: a server that ends does not remove the file of a newer one", async () => {
  await using place = await folder();
  const path = `${place.path}/s`;
  await using old = await Program.start(SERVER, `unix://${path}`);
  await old.line();
  await Deno.remove(path); // by hand: nobody can reach the old one any more
  await using newer = await Program.start(SERVER, `unix://${path}`);
  const pid = Number(await newer.line());
  old.kill("SIGTERM");
  assertEquals((await old.status).code, 0);
  assertEquals(await pidAt(path), pid);
  newer.kill("SIGTERM");
  assertEquals((await newer.status).code, 0);
  assertEquals(Array.from(Deno.readDirSync(place.path)), [], "the newer one removes its own");
});

Deno.test("unix: at no moment has the file other permissions than its owner's", async () => {
  await using place = await folder();
  const path = `${place.path}/s`, modes = new Set<string>();
  // What is named is the socket, or a folder in which one is made.
  const look = () => {
    for (const { name } of Deno.readDirSync(place.path)) {
      if (name.endsWith(".bound")) continue;
      try {
        const { isDirectory, mode } = Deno.lstatSync(`${place.path}/${name}`);
        modes.add(`${isDirectory ? "folder" : "socket"} ${(mode! & 0o777).toString(8)}`);
      } catch {
        // gone meanwhile
      }
    }
  };
  const slow = `
    const chmod = Deno.chmodSync;
    Deno.chmodSync = (...args) => {
      for (const end = performance.now() + 100; performance.now() < end;);
      chmod(...args);
    };`;
  for (let round = 0; round < 5; round++) {
    if (round % 2 === 1) leaveStale(path);
    if (round % 2 === 1) Deno.chmodSync(path, 0o600);
    await using server = await Program.start(slow + SERVER, `unix://${path}`);
    let isListening = false;
    server.line().then(() => isListening = true);
    while (!isListening) {
      for (let n = 0; n < 100; n++) look();
      await new Promise((resolve) => setTimeout(resolve));
    }
    server.kill("SIGTERM");
    await server.status;
  }
  assertEquals([...modes].toSorted(), ["folder 700", "socket 600"]);
});
