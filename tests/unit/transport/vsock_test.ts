// vsock: in programs of their own, because Deno ends a process that lacks the flag for it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, serve } from "../../../lib/mod.ts";
import { LIB, run } from "../../support/child.ts";

const FLAGS = ["--unstable-vsock", "--allow-net"];

/** What the kernel of this machine can do. */
const PROBE = `
  const can = (name) => console.log(name);
  let listener;
  try {
    listener = Deno.listen({ transport: "vsock", cid: -1, port: 2 ** 32 - 1 });
  } catch (error) {
    console.log("nothing: " + error.message);
    Deno.exit();
  }
  can("listen");
  const accepted = listener.accept().then((conn) => conn.close(), () => {});
  try {
    (await Deno.connect({ transport: "vsock", cid: 1, port: listener.addr.port })).close();
    await accepted;
    can("connect");
  } catch (error) {
    console.log("no loopback: " + error.message);
  }
  listener.close();
`;

const probed = (await run(PROBE, FLAGS)).stdout.trim().split("\n");

function testWhere(what: "listen" | "connect", name: string, fn: () => Promise<void>): void {
  const ignore = !probed.includes(what);
  if (ignore) console.log(`skipped: ${name}: vsock in this kernel: ${probed.join(", ")}`);
  Deno.test({ name, ignore, fn });
}

testWhere("listen", "serve() at vsock: listens at the port that the system chose", async () => {
  const { code, stdout, stderr } = await run(
    `
    import { serve } from ${JSON.stringify(LIB)};
    const server = serve({}, { listen: "vsock://any:0" });
    const [address] = server.addresses;
    console.log(address);
    try {
      serve({}, { listen: address });
    } catch (error) {
      console.log(error.name);
    }
    await server.shutdown();
    await serve({}, { listen: address.replace("any", "-1") }).shutdown();
  `,
    FLAGS,
  );
  const [address, error] = stdout.split("\n");
  assert(/^vsock:\/\/any:[1-9][0-9]*$/.test(address!), stdout + stderr);
  assertEquals([code, error], [0, "AddrInUse"], stderr);
});

testWhere("connect", "connect() to vsock: calls a server in the same machine", async () => {
  const { stdout, stderr } = await run(
    `
    import { connect, method, serve } from ${JSON.stringify(LIB)};
    const server = serve({ ping: method(() => "pong") }, { listen: "vsock://any:0" });
    const line = await connect(server.addresses[0].replace("any", "1"));
    console.log(await line.request("ping"), line.peer.address === server.addresses[0]
      .replace("any", "1"));
    await line.close();
    await server.shutdown();
  `,
    FLAGS,
  );
  assertEquals(stdout, "pong true\n", stderr);
});

testWhere("listen", "a missing permission for vsock is named", async () => {
  const { stdout, stderr } = await run(
    `
    import { connect, serve } from ${JSON.stringify(LIB)};
    const tell = (error) => console.log(error.name, error.message);
    try { serve({}, { listen: "vsock://any:70000" }); } catch (error) { tell(error); }
    await connect("vsock://1:70000").catch(tell);
  `,
    ["--unstable-vsock"],
  );
  assertEquals(
    stdout,
    "NotCapable Cannot listen at vsock://any:70000: " +
      "it needs the permission --allow-net=vsock:4294967295:70000\n" +
      "NotCapable Cannot connect to vsock://1:70000: " +
      "it needs the permission --allow-net=vsock:1:70000\n",
    stderr,
  );
});

Deno.test("a missing flag for vsock is named, by Deno itself", async () => {
  const { code, stderr } = await run(
    `
    import { serve } from ${JSON.stringify(LIB)};
    try { serve({}, { listen: "vsock://any:0" }); } catch { console.log("never"); }
  `,
    ["--allow-net"],
  );
  assertEquals(code, 70);
  assertEquals(
    stderr,
    "Unstable API 'Deno.listen'. The `--unstable-vsock` flag must be provided.\n",
  );
});

Deno.test("serve() and connect() refuse what is no vsock address", async () => {
  const cases = {
    "vsock://host:1": "its cid must be a number or any: vsock://2:5000",
    "vsock://1.5:1": "its cid must be a number or any: vsock://2:5000",
    "vsock://4294967296:1": "its cid must be a number or any: vsock://2:5000",
    "vsock://2": "its port must be a number of at most 32 bits: vsock://2:5000",
    "vsock://2:4294967296": "its port must be a number of at most 32 bits: vsock://2:5000",
    "vsock://2:5000/x": "a vsock address has a cid and a port, and nothing else",
    "vsock://2:5000?x": "a vsock address has a cid and a port, and nothing else",
  };
  for (const [address, why] of Object.entries(cases)) {
    const message = `Cannot use the address ${JSON.stringify(address)}: ${why}`;
    assertThrows(() => serve({}, { listen: address }), TypeError, message);
    await assertRejects(() => connect(address), TypeError, message);
  }
  await assertRejects(() => connect("vsock://any:1"), TypeError, "not to call");
});
