// TCP and Unix sockets as servers listen at them. Addresses are in address_test.ts.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { connect, method, serve } from "../../../lib/mod.ts";
import { Program } from "../../support/program.ts";
import { RawPeer } from "../../support/raw.ts";
import { socketPath } from "../../support/wires.ts";

const api = {
  whoami: method((_, { peer: { address, localAddress, transport } }) => ({
    address,
    localAddress,
    transport,
  })),
};

const SERVER = `
  import { method, serve } from LIB;
  const server = serve({ ping: method(() => "pong") }, { listen: Deno.args[0] });
  await server.ready;
  console.log(server.addresses[0]);
  await server.finished;
`;

Deno.test("tcp: both ends know their addresses", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const address = server.addresses[0]!;
  assertMatch(address, /^tcp:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
  await using line = await connect<typeof api>(address);
  const peer = await line.call.whoami();
  assertEquals([peer.localAddress, peer.transport], [address, "tcp"]);
  assertEquals(peer.address, line.peer.localAddress);
  assertEquals([line.peer.address, line.peer.transport], [address, "tcp"]);
});

Deno.test("tcp: tcpBacklog is passed on", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", tcpBacklog: 1 });
  await using line = await connect<typeof api>(server.addresses[0]!);
  assertEquals((await line.call.whoami()).transport, "tcp");
});

Deno.test("tcp: a port that is taken is an error that says so", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  assertThrows(() => serve(api, { listen: server.addresses[0]! }), Deno.errors.AddrInUse);
});

Deno.test("unix: only the owner may connect, and the file goes with the server", async () => {
  const path = socketPath();
  const server = serve(api, { listen: `unix://${path}` });
  await server.ready;
  assertEquals(server.addresses, [`unix://${path}`]);
  const { mode, isSocket } = await Deno.lstat(path);
  assert(isSocket);
  assertEquals(mode! & 0o777, 0o600);
  const line = await connect<typeof api>(`unix://${path}`);
  const peer = await line.call.whoami();
  assertEquals([peer.localAddress, peer.transport], [`unix://${path}`, "unix"]);
  await line.close();
  await server.shutdown();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("unix: a path may hold spaces and other letters, escaped in its address", async () => {
  const path = socketPath().replace(".sock", " é%.sock");
  await using server = serve(api, { listen: `unix://${encodeURI(path)}` });
  await server.ready;
  assert((await Deno.lstat(path)).isSocket);
  await using line = await connect<typeof api>(`unix://${encodeURI(path)}`);
  assertEquals((await line.call.whoami()).transport, "unix");
});

Deno.test("unix: a path as long as the system takes is served, and one more byte refused", async () => {
  const path = socketPath();
  const longest = path + "x".repeat(107 - path.length);
  await using server = serve(api, { listen: `unix://${longest}` });
  await using line = await connect<typeof api>(`unix://${longest}`);
  assertEquals((await line.call.whoami()).transport, "unix");
  assertThrows(() => serve(api, { listen: `unix://${longest}x` }), TypeError, "at most 107 bytes");
  assertEquals(server.addresses, [`unix://${longest}`]);
});

Deno.test("unix: what a killed server left behind is replaced", async () => {
  const path = socketPath(), address = `unix://${path}`;
  {
    await using program = await Program.start(SERVER, address);
    assertEquals(await program.line(), address);
    program.kill("SIGKILL");
    await program.status;
  }
  assert((await Deno.lstat(path)).isSocket, "it is still there");
  await assertRejects(() => RawPeer.dial(address), Deno.errors.ConnectionRefused);
  const server = serve(api, { listen: address });
  await server.ready;
  assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
  const line = await connect<typeof api>(address);
  assertEquals((await line.call.whoami()).transport, "unix");
  await line.close();
  await server.shutdown();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("unix: the socket of a server that lives is not taken away", async () => {
  const address = `unix://${socketPath()}`;
  await using first = serve(api, { listen: address });
  await first.ready;
  const second = serve(api, { listen: address });
  await assertRejects(() => second.ready, Deno.errors.AddrInUse);
  await second.finished.catch(() => {});
  await using line = await connect<typeof api>(address);
  assertEquals((await line.call.whoami()).transport, "unix");
});

Deno.test("unix: a file that is no socket is left alone", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "precious");
    const server = serve(api, { listen: `unix://${path}` });
    await assertRejects(() => server.ready, Deno.errors.AddrInUse);
    await server.finished.catch(() => {});
    assertEquals(await Deno.readTextFile(path), "precious");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("unix: a folder that does not exist is an error", () => {
  assertThrows(
    () => serve(api, { listen: "unix:///tmp/no/such/folder/x.sock" }),
    Deno.errors.NotFound,
  );
});
