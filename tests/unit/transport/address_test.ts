// Addresses: what is wrong with one, what to use instead, and which flag is missing.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connect, serve } from "../../../lib/mod.ts";
import { formatAddress, parseAddress } from "../../../lib/transport/address.ts";
import { LIB, run } from "../../support/child.ts";

/** What is said of an address, by both ends alike. */
async function complaint(address: string): Promise<string> {
  const dialled = await assertRejects(() => connect(address), TypeError);
  const listened = assertThrows(() => serve({}, { listen: address }), TypeError);
  assertEquals(dialled.message, listened.message);
  const start = `Cannot use the address ${JSON.stringify(address)}: `;
  assertStringIncludes(dialled.message, start);
  return dialled.message.slice(start.length);
}

Deno.test("parseAddress() takes an address apart", () => {
  const cases: readonly (readonly [string, string, string, number | undefined, string])[] = [
    ["tcp://127.0.0.1:8080", "tcp", "127.0.0.1", 8080, ""],
    ["TCP://[::1]:0", "tcp", "::1", 0, ""],
    ["unix:///run/a%20b.sock", "unix", "", undefined, "/run/a b.sock"],
    ["udp://localhost:1?pad=5", "udp", "localhost", 1, ""],
    ["vsock://2:4000000000", "vsock", "2", 4000000000, ""],
    ["vsock://-1:5", "vsock", "-1", 5, ""],
    ["memory:name", "memory", "", undefined, "name"],
    ["stdio:", "stdio", "", undefined, ""],
  ];
  for (const [text, scheme, hostname, port, path] of cases) {
    const address = parseAddress(text);
    assertEquals(
      [address.scheme, address.hostname, address.port, address.path, address.text],
      [scheme, hostname, port, path, text],
    );
    assertEquals(parseAddress(text).query.get("pad"), text.includes("pad") ? "5" : null);
  }
  assertEquals(formatAddress("tcp", "::1", 80), "tcp://[::1]:80");
});

Deno.test("parseAddress() keeps a password out of the text that errors show", async () => {
  for (
    const [address, text] of [
      ["http://user:secret@127.0.0.1:1/a@b", "http://user:…@127.0.0.1:1/a@b"],
      ["ws://user:a:b@c@127.0.0.1:1", "ws://user:…@127.0.0.1:1"],
      ["http://:secret@127.0.0.1", "http://:…@127.0.0.1"],
      ["http://user@127.0.0.1:1/a:b@c", "http://user@127.0.0.1:1/a:b@c"],
      ["http://127.0.0.1:1/?a:b@c", "http://127.0.0.1:1/?a:b@c"],
    ] as const
  ) assertEquals(parseAddress(address).text, text);
  assertEquals(parseAddress("http://us%20er:p%40ss@host").password, "p%40ss");
  for (const address of ["http://user:secret%zz@127.0.0.1:1", "ws://user:secret%zz@127.0.0.1:1"]) {
    const { message } = await assertRejects(() => connect(address), TypeError);
    assertStringIncludes(message, "user:…@127.0.0.1:1");
    assertStringIncludes(message, "% that is not followed by two hexadecimal digits");
  }
});

Deno.test("serve() and connect() say what is wrong with an address", async () => {
  const cases = {
    "fe80:1": "it has no scheme; tcp://fe80:1 has one",
    "127.0.0.1:8080": "it has no scheme; tcp://127.0.0.1:8080 has one",
    "localhost:8080": "it has no scheme; tcp://localhost:8080 has one",
    "[::1]:8080": "it has no scheme; tcp://[::1]:8080 has one",
    "": "it is not a URL such as tcp://127.0.0.1:8080 or unix:///run/app.sock",
    "tcp": "it is not a URL such as tcp://127.0.0.1:8080 or unix:///run/app.sock",
    "tcp://127.0.0.1:99999": "it is not a URL such as tcp://127.0.0.1:8080 or unix:///run/app.sock",
    "tcp://127.0.0.1": "it has no port; tcp://127.0.0.1:8080 has one",
    "tcp:8080": "it has no host; tcp://127.0.0.1:8080 has one",
    "tcp://127.0.0.1:1/x": 'a tcp address has no path, it has "/x"',
    "tcp://127.0.0.1:1?noDelay=1": 'a tcp address has no option "noDelay"',
    "unix://run/app.sock": "a unix address needs an absolute path: unix:///run/app.sock",
    "unix:///%": "its path has a % that is not followed by two hexadecimal digits",
  };
  for (const [address, why] of Object.entries(cases)) assertEquals(await complaint(address), why);
});

Deno.test("serve() and connect() say what to use instead of what nobody can serve", async () => {
  const cases = {
    "raw://127.0.0.1:1": "Deno has no raw sockets (SOCK_RAW); use udp://",
    "rdm://127.0.0.1:1": "Deno has no SOCK_RDM; use tcp://",
    "seqpacket:///x": "Deno has no SOCK_SEQPACKET; use unix://",
    "unix+seqpacket:///x": "Deno has no SOCK_SEQPACKET; use unix://",
    "unix+dgram:///x":
      "Deno cannot send on a Unix datagram socket while it receives there; use unix://",
    "tcp6://[::1]:1": "use tcp://, which takes both families",
    "ssl://127.0.0.1:1": "use tls://",
    "exec:pylsp": "use command:",
  };
  for (const [address, why] of Object.entries(cases)) {
    assertStringIncludes(await complaint(address), why);
  }
  const unknown = await complaint("landline://127.0.0.1:1");
  assertStringIncludes(unknown, "nothing is known of landline:, there are tcp:, unix:, ");
});

Deno.test("what the system refuses is told with the address, by an error of its class", async () => {
  const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
  const missing = await assertRejects(() => connect(`unix://${path}`), Deno.errors.NotFound);
  assertEquals(
    missing.message,
    `Cannot connect to unix://${path}: No such file or directory (os error 2)`,
  );
  assertEquals((missing.cause as Error).name, "NotFound");

  await using server = serve({}, { listen: "tcp://127.0.0.1:0" });
  const [address] = server.addresses;
  const taken = assertThrows(() => serve({}, { listen: address! }), Deno.errors.AddrInUse);
  assertEquals(
    taken.message,
    `Cannot listen at ${address}: Address already in use (os error 98)`,
  );

  const nowhere = "unix:///tmp/landline-none/a.sock";
  const folder = assertThrows(() => serve({}, { listen: nowhere }), Deno.errors.NotFound);
  assertStringIncludes(folder.message, `Cannot listen at ${nowhere}: `);
  // So are those that are found only after serve() has returned.
  const file = await Deno.makeTempFile();
  const late = serve({}, { listen: `unix://${file}` });
  const noSocket = await assertRejects(() => late.ready, Deno.errors.AddrInUse);
  assertStringIncludes(noSocket.message, `Cannot listen at unix://${file}: `);
  await assertRejects(() => late.finished, Deno.errors.AddrInUse);
  await Deno.remove(file);
});

Deno.test("connect() rejects with the reason of its signal as it is", async () => {
  const reason = new Deno.errors.Interrupted("enough");
  const signal = AbortSignal.abort(reason);
  const error = await connect("tcp://127.0.0.1:1", { signal }).catch((error) => error);
  assertEquals(error, reason);
});

Deno.test("a missing permission is named as the flag that grants it", async () => {
  const flags = [
    "--allow-net=unix:/tmp/landline.sock",
    "--allow-read=/tmp/landline.sock",
    "--allow-write=/tmp/landline.sock",
  ];
  const folder = ["--allow-net", "--allow-read=/tmp", "--allow-write=/tmp"];
  const program = `
    import { connect, serve } from ${JSON.stringify(LIB)};
    const tell = (error) => console.log(error.name + " " + error.message);
    for (const listen of ["tcp://127.0.0.1:45678", "tcp://[::1]:45678", "unix:///tmp/landline.sock"]) {
      try { serve({}, { listen }); } catch (error) { tell(error); }
    }
    for (const to of ["tcp://127.0.0.1:45678", "unix:///tmp/landline.sock", "command:sh"]) {
      await connect(to).catch(tell);
    }
  `;
  const needs = (what: string, flags: string) =>
    `NotCapable Cannot ${what}: it needs the permission ${flags}\n`;
  const { stdout, stderr } = await run(program);
  assertEquals(
    stdout,
    needs("listen at tcp://127.0.0.1:45678", "--allow-net=127.0.0.1:45678") +
      needs("listen at tcp://[::1]:45678", "--allow-net=[::1]:45678") +
      needs("listen at unix:///tmp/landline.sock", folder.join(" ")) +
      needs("connect to tcp://127.0.0.1:45678", "--allow-net=127.0.0.1:45678") +
      needs("connect to unix:///tmp/landline.sock", flags.join(" ")) +
      needs("connect to command:sh", "--allow-run=sh"),
    stderr,
  );
});
