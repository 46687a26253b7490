// main.ts tells a service manager how it is, as systemd has it: datagrams to the socket NOTIFY_SOCKET.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { MAIN, makeFolder, Program, startServer } from "./_programs.ts";

const LIB = new URL("../../lib/mod.ts", import.meta.url).href;

/** What a service manager hears. */
class Manager implements AsyncDisposable {
  readonly folder: string;
  /** What NOTIFY_SOCKET names. */
  readonly name: string;
  readonly #socket: Deno.DatagramConn;
  readonly #remove: () => PromiseLike<void>;

  private constructor(folder: string, name: string, remove: () => PromiseLike<void>) {
    this.folder = folder;
    this.name = name;
    this.#socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: name.replace(/^@/, "\0"),
    });
    this.#remove = remove;
  }

  /** @param isAbstract listens at a name that is no file */
  static async start(isAbstract = false): Promise<Manager> {
    const folder = await makeFolder();
    const name = isAbstract ? `@landline-test-${crypto.randomUUID()}` : `${folder.path}/manager`;
    return new Manager(folder.path, name, () => folder[Symbol.asyncDispose]());
  }

  /** The next message. */
  async message(): Promise<string> {
    const [bytes] = await within(this.#socket.receive(), "a message of the server's");
    return new TextDecoder().decode(bytes);
  }

  /** All messages before this one. */
  async until(last: string): Promise<string[]> {
    const messages: string[] = [];
    for (let message; (message = await this.message()) !== last;) messages.push(message);
    return messages;
  }

  /** Says something itself: what was said before stands before it. */
  async say(message: string): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(message), this.#socket.addr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#remove();
  }
}

for (const isAbstract of [false, true]) {
  const kind = isAbstract ? "an abstract socket" : "a socket file";
  Deno.test(`main.ts tells at ${kind} that it is ready, reads again, and stops`, async () => {
    await using manager = await Manager.start(isAbstract);
    const tokens = `${manager.folder}/tokens`;
    await Deno.writeTextFile(tokens, "s3cret alice\n");
    await using server = await startServer([
      ...["--listen", "tcp://127.0.0.1:0", "--listen", `unix://${manager.folder}/s`],
      ...["--token-file", tokens],
    ], { env: { NOTIFY_SOCKET: manager.name } });
    const status = `STATUS=listening on ${server.address}, unix://${manager.folder}/s`;
    assertEquals(await manager.message(), `READY=1\n${status}`);

    server.kill("SIGHUP");
    assertMatch(await manager.message(), /^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$/);
    assertEquals(await manager.message(), `READY=1\n${status}`);

    server.kill("SIGTERM");
    assertMatch(await manager.message(), /^STOPPING=1\nSTATUS=draining 0 connections /);
    assertEquals((await server.outcome()).code, 0);
  });
}

Deno.test("main.ts lives on at SIGHUP under a service manager, though it has nothing to read again", async () => {
  await using manager = await Manager.start();
  await using server = await startServer([], { env: { NOTIFY_SOCKET: manager.name } });
  const ready = await manager.message();
  server.kill("SIGHUP");
  await server.lineWith(/^<6>nothing is to be read again$/);
  assertStringIncludes(await manager.message(), "RELOADING=1");
  assertEquals(await manager.message(), ready);
});

Deno.test("main.ts tells a service manager with permissions for two sockets alone", async () => {
  await using manager = await Manager.start();
  const files = [manager.name, `${manager.folder}/notify`];
  const variables = ["NOTIFY_SOCKET", "RUNTIME_DIRECTORY"];
  const options = {
    flags: [
      `--allow-net=127.0.0.1:0,${files.map((file) => `unix:${file}`)}`,
      `--allow-read=${files},${new URL("../../", import.meta.url).pathname}`,
      `--allow-write=${files}`,
      `--allow-env=${variables}`,
    ],
    env: { NOTIFY_SOCKET: manager.name, RUNTIME_DIRECTORY: manager.folder },
  };
  {
    await using server = await startServer([], options);
    assertStringIncludes(await manager.message(), "READY=1");
    server.kill("SIGKILL"); // leaves its file behind
    await server.outcome();
  }
  await using server = await startServer([], options);
  assertStringIncludes(await manager.message(), "READY=1");
  server.kill("SIGHUP"); // without permission to ask how long the machine has run
  assertEquals(await manager.message(), "RELOADING=1");
  assertStringIncludes(await manager.message(), "READY=1");
  server.kill("SIGTERM");
  assertStringIncludes(await manager.message(), "STOPPING=1");
  assertEquals(await server.outcome().then(({ code, stderr }) => [code, stderr]), [0, ""]);
  assertEquals(Array.from(Deno.readDirSync(manager.folder), ({ name }) => name), ["manager"]);
});

Deno.test("main.ts serves and logs one line where it cannot tell the service manager", async () => {
  await using manager = await Manager.start();
  const read = `--allow-read=${new URL("../../", import.meta.url).pathname}`;
  const flags = ["--allow-net", read, "--allow-env"];
  const env = { WATCHDOG_USEC: "1000" };
  // Without the flags that the project's own configuration has.
  const std = new URL("../../std/cli/mod.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${manager.folder}/deno.json`,
    JSON.stringify({ imports: { "jsr:@std/cli@^1": std } }),
  );
  const config = ["-A", "--config", `${manager.folder}/deno.json`];
  const complaint = "<4>the service manager is not told how the server is: ";
  const cases: [string, readonly string[], RegExp][] = [
    [
      manager.name,
      flags,
      /^Requires (read|write) access to ".*", run again with the --allow-\1 flag$/,
    ],
    [`${manager.folder}/nobody`, ["-A"], /^No such file or directory \(os error 2\)$/],
    [manager.name, config, /^that needs the flag --unstable-net$/],
    ["vsock:2:1", ["-A"], /^NOTIFY_SOCKET is no path of a Unix socket: "vsock:2:1"$/],
    [manager.name, ["--allow-net=127.0.0.1", read, "--allow-env"], /^that needs --allow-net, or /],
  ];
  for (const [name, flags, why] of cases) {
    await using server = await startServer([], { flags, env: { ...env, NOTIFY_SOCKET: name } });
    await server.errorWith(/not told/);
    server.kill("SIGTERM");
    const { code, stderr } = await server.outcome();
    assertEquals([code, stderr.slice(0, complaint.length)], [0, complaint]);
    assertMatch(stderr.slice(complaint.length).trimEnd(), why);
  }
  // Nothing was asked for, or the variable may not be read: there is no manager to tell.
  await using server = await startServer([], { flags: ["--allow-net", read], env });
  server.kill("SIGTERM");
  assertEquals((await server.outcome()).stderr, "");
});

Deno.test("main.ts feeds the watchdog that is meant for it, and no other", async () => {
  await using manager = await Manager.start();
  const env = { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "4000" };
  {
    await using server = await startServer([], { env });
    assertStringIncludes(await manager.message(), "READY=1");
    for (let n = 0; n < 5; n++) assertEquals(await manager.message(), "WATCHDOG=1");
    server.kill("SIGTERM");
    await server.outcome();
    await manager.say("ended");
    const rest = await manager.until("ended");
    assert(rest.some((message) => message.startsWith("STOPPING=1")));
  }
  await using server = await startServer([], { env: { ...env, WATCHDOG_PID: "1" } });
  server.kill("SIGHUP");
  server.kill("SIGTERM");
  await server.outcome();
  await manager.say("ended");
  assertEquals((await manager.until("ended")).filter((it) => it === "WATCHDOG=1"), []);
});

Deno.test("main.ts feeds the watchdog no more while a handler never comes back", async () => {
  await using folder = await makeFolder({
    "api.ts": `import { method } from ${JSON.stringify(LIB)};
    export const api = { hang: method(() => { console.log("hanging"); for (;;); }) };`,
  });
  await using manager = await Manager.start();
  await using other = await Manager.start();
  const start = (manager: Manager) =>
    startServer([`${folder.path}/api.ts`], {
      env: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "20000" },
    });
  await using server = await start(manager);
  await using _healthy = await start(other);
  assertStringIncludes(await manager.message(), "READY=1");
  assertEquals(await manager.message(), "WATCHDOG=1");

  using socket = await Deno.connect({ port: Number(new URL(server.address).port) });
  await socket.write(new TextEncoder().encode('{"jsonrpc":"2.0","method":"hang"}\n'));
  await server.lineWith(/^hanging$/);
  await manager.say("hanging");
  await manager.until("hanging");
  // As long as a server that does not hang needs for ten messages.
  await other.say("now");
  await other.until("now");
  for (let n = 0; n < 10; n++) assertEquals(await other.message(), "WATCHDOG=1");
  server.kill("SIGKILL");
  await server.outcome();
  await manager.say("ended");
  assertEquals(await manager.until("ended"), []);
});

Deno.test("main.ts tells nothing before it listens", async () => {
  await using manager = await Manager.start();
  const address = "tcp://192.0.2.1:1"; // of no machine
  await using server = new Program(MAIN, ["--insecure", "--listen", address], {
    flags: ["-A"],
    env: { NOTIFY_SOCKET: manager.name },
  });
  assertEquals((await server.outcome()).code, 2);
  await manager.say("ended");
  assertEquals(await manager.until("ended"), []);
});
