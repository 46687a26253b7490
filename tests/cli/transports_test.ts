// The two programs over transports that need more than an address.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { certificates } from "../support/certificates.ts";
import { testWith } from "../support/tools.ts";
import { MAIN, Program, runClient, runServer, startServer } from "./_programs.ts";

testWith(["openssl"], "main.ts serves and client.ts calls over tls://", async () => {
  const { ca, clientCa, server, client, stranger } = certificates();
  await using served = await startServer([
    ...["--listen", "tls://127.0.0.1:0", "--cert", server.cert, "--key", server.key],
    ...["--client-ca", clientCa],
  ]);
  const call = (...options: string[]) =>
    runClient([...options, served.address, "upper", '"hello"'], { flags: ["-N", "-R"] });

  const good = await call("--ca", ca, "--cert", client.cert, "--key", client.key);
  assertEquals([good.code, good.stdout], [0, '"HELLO"\n']);
  const unknownServer = await call();
  assertEquals(unknownServer.code, 3);
  assertStringIncludes(unknownServer.stderr, "signed by no CA that is trusted here");
  const unknownClient = await call(
    ...["--ca", ca, "--cert", stranger.cert, "--key", stranger.key],
  );
  assertEquals([unknownClient.code === 0, unknownClient.stdout], [false, ""]);
});

Deno.test("main.ts asks for the files that tls:// needs", async () => {
  const { code, stderr } = await runServer(["--listen", "tls://127.0.0.1:0"]);
  assertEquals(
    [code, stderr],
    [2, "error: Cannot use TLS: it needs both --cert FILE and --key FILE\n"],
  );
});

Deno.test("client.ts starts main.ts as a command: and calls it over stdio:", async () => {
  const server = `'${Deno.execPath()}' run -q -A '${MAIN}' --listen stdio: --quiet`;
  const { code, stdout } = await runClient([`command:${server}`, "add", "a=1", "b=2"], {
    flags: ["-A"],
  });
  assertEquals([code, stdout], [0, "3\n"]);
});

Deno.test("main.ts keeps standard output to the protocol at stdio:", async () => {
  await using served = new Program(MAIN, ["--listen", "stdio:"], { flags: ["-P=serve"] });
  await served.write('{"jsonrpc":"2.0","id":1,"method":"upper","params":["a"]}\n');
  assertEquals(await served.line(), '{"jsonrpc":"2.0","id":1,"result":"A"}');
  await served.end();
  assertEquals(await served.line(), undefined);
  const { code, stderr } = await served.outcome();
  assertEquals(code, 0);
  assertStringIncludes(stderr, "listening on stdio:");
});

Deno.test("main.ts sends what a module prints to standard error at stdio:, while it loads and later", async () => {
  const module = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    module,
    `
    import { method } from ${JSON.stringify(new URL("../../lib/mod.ts", import.meta.url).href)};
    console.log("loading");
    export const api = { print: method(() => (console.log("called"), "printed")) };
    `,
  );
  try {
    await using served = new Program(MAIN, [module, "--listen", "stdio:"], { flags: ["-A"] });
    await served.write('{"jsonrpc":"2.0","id":1,"method":"print"}\n');
    assertEquals(await served.line(), '{"jsonrpc":"2.0","id":1,"result":"printed"}');
    await served.end();
    assertEquals(await served.line(), undefined);
    const { code, stderr } = await served.outcome();
    assertEquals(code, 0);
    for (const text of ["loading\n", "called\n"]) assertStringIncludes(stderr, text);
  } finally {
    await Deno.remove(module);
  }
});
