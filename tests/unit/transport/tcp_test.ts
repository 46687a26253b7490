// tcp: what `localhost` means, at both ends.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, method, serve } from "../../../lib/mod.ts";
import { argsOf, LIB, run, script } from "../../support/child.ts";
import { until } from "../../support/deadline.ts";

const api = { ping: method((_, { peer }) => peer.localAddress) };

Deno.test("serve() at tcp://localhost: is reached over both families", async () => {
  await using server = serve(api, { listen: "tcp://localhost:0" });
  const [address] = server.addresses;
  assertEquals(server.addresses.length, 1);
  assert(/^tcp:\/\/localhost:[0-9]+$/.test(address!), address);
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"]) {
    await using line = await connect<typeof api>(address!.replace("localhost", host));
    const local = await line.call.ping();
    if (host.startsWith("[") || host.startsWith("1")) {
      assertEquals(local, address!.replace("localhost", host));
    }
  }
});

Deno.test("serve() at tcp://localhost: accepts from both families at once", async () => {
  await using server = serve(api, { listen: "tcp://localhost:0" });
  const addresses = ["127.0.0.1", "[::1]"].map((host) =>
    server.addresses[0]!.replace("localhost", host)
  );
  const answers = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    await using line = await connect<typeof api>(addresses[i % 2]!);
    return await line.call.ping();
  }));
  assertEquals(answers, Array.from({ length: 40 }, (_, i) => addresses[i % 2]!));
});

for (const host of ["127.0.0.1", "[::1]"]) {
  Deno.test(`serve() at tcp://localhost: fails where ${host} has the port already`, async () => {
    const first = serve(api, { listen: `tcp://${host}:0` });
    const { port } = new URL(first.addresses[0]!);
    const address = `tcp://localhost:${port}`;
    const error = assertThrows(() => serve(api, { listen: address }), Deno.errors.AddrInUse);
    assertEquals(
      error.message,
      `Cannot listen at ${address}: Address already in use (os error 98)`,
    );
    assertEquals((error as Error & { code: string }).code, "EADDRINUSE");
    // Nothing is left at the other family, where another test may have the port for a moment.
    await first.shutdown(0);
    await until(async () => {
      try {
        await serve(api, { listen: address }).shutdown(0);
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.AddrInUse) return false;
        throw error;
      }
    }, "both ports to be free");
  });

  Deno.test(`connect() to tcp://localhost: finds a server that is only at ${host}`, async () => {
    await using server = serve(api, { listen: `tcp://${host}:0` });
    const { port } = new URL(server.addresses[0]!);
    await using line = await connect<typeof api>(`tcp://localhost:${port}`);
    assertEquals(await line.call.ping(), server.addresses[0]!);
  });
}

Deno.test("connect() to tcp://localhost: says that nobody is there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(
    () => connect(`tcp://localhost:${port}`),
    Deno.errors.ConnectionRefused,
  );
  assertEquals(
    error.message,
    `Cannot connect to tcp://localhost:${port}: Connection refused (os error 111)`,
  );
});

Deno.test("a missing permission for localhost is named, for both families", async () => {
  const { stdout } = await run(`
    import { serve } from ${JSON.stringify(LIB)};
    try {
      serve({}, { listen: "tcp://localhost:45678" });
    } catch (error) {
      console.log(error.name, error.message);
    }
  `);
  assertEquals(
    stdout,
    "NotCapable Cannot listen at tcp://localhost:45678: " +
      "it needs the permission --allow-net=127.0.0.1:45678,[::1]:45678\n",
  );
});

// ---- Two addresses -----------------------------------------------------------------------------

/** Listens, and has as many callers waiting as the system takes: others hear nothing. */
async function deafListener(hostname: string, port: number): Promise<Disposable> {
  const listener = Deno.listen({ hostname, port, tcpBacklog: 1 });
  const giveUp = new AbortController();
  const callers: Deno.Conn[] = [];
  for (let answered = true; answered;) {
    const call = Deno.connect({ hostname, port, signal: giveUp.signal });
    const caller = await Promise.race([
      call,
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300)),
    ]);
    if (caller !== undefined) callers.push(caller);
    else {
      answered = false;
      call.then((late) => late.close(), () => {});
    }
  }
  return {
    [Symbol.dispose]() {
      giveUp.abort();
      for (const caller of callers) caller.close();
      listener.close();
    },
  };
}

/** Runs a command with another table of hosts, where this user may do so. */
const IN_OWN_NAMESPACE = ["unshare", "--map-root-user", "--mount"];

async function whyNotUnshare(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(IN_OWN_NAMESPACE[0]!, {
      args: [...IN_OWN_NAMESPACE.slice(1), "mount", "--bind", "/etc/hosts", "/etc/hosts"],
      stdout: "null",
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return String(error);
  }
}

const whyNot = await whyNotUnshare();
const TWO = "connect() tries the second address of a name whose first is silent";
if (whyNot !== undefined) console.log(`skipped: ${TWO}: no table of hosts of its own: ${whyNot}`);
Deno.test({
  name: TWO,
  ignore: whyNot !== undefined,
  fn: async () => {
    await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
    const port = Number(new URL(server.addresses[0]!).port);
    using _deaf = await deafListener("::1", port);
    const hosts = await Deno.makeTempFile();
    await using program = await script(`
      import { connect } from ${JSON.stringify(LIB)};
      await using line = await connect("tcp://landline-two:${port}");
      console.log(await line.call.ping());
    `);
    try {
      await Deno.writeTextFile(hosts, "::1 landline-two\n127.0.0.1 landline-two\n");
      const [unshare, ...flags] = IN_OWN_NAMESPACE;
      const { stdout, stderr } = await new Deno.Command(unshare!, {
        args: [
          ...flags,
          "sh",
          "-c",
          'mount --bind "$0" /etc/hosts && exec "$@"',
          hosts,
          Deno.execPath(),
          ...argsOf(program, ["--allow-net"]),
        ],
      }).output();
      const decoder = new TextDecoder();
      assertEquals(decoder.decode(stdout), `tcp://127.0.0.1:${port}\n`, decoder.decode(stderr));
    } finally {
      await Deno.remove(hosts);
    }
  },
});
