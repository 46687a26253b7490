// main.ts, as a process: what it prints, how it ends.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, ConnectionLostError, RpcError } from "../../lib/mod.ts";
import { VERSION } from "../../cli/version.ts";
import type { Api as Demo } from "../../examples/demo.ts";
import { HttpPeer, post, request } from "../support/http.ts";
import { headerOf } from "../support/proxy_protocol.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { MAIN, makeFolder, Program, runServer, startServer } from "./_programs.ts";

const LIBRARY = new URL("../../lib/mod.ts", import.meta.url).href;

/** The text of an API module whose one method is `say`. */
const apiModule = (text: string, name = "const api =") =>
  `import { method } from ${JSON.stringify(LIBRARY)};
   export ${name} { say: method(() => ${JSON.stringify(text)}) };`;

Deno.test("main.ts serves the demo where no API is given", async () => {
  await using server = await startServer();
  await using line = await connect<Demo>(server.address);
  assertEquals(await line.call.upper("hello"), "HELLO");
});

Deno.test("main.ts prints the real port, and a line for each caller that comes and goes", async () => {
  await using server = await startServer();
  assertMatch(server.address, /^tcp:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
  const line = await connect<Demo>(server.address);
  const { address } = await line.call.whoami();
  assertEquals(await server.line(), `opened ${address}`);
  await line.close();
  assertEquals(await server.line(), `closed ${address}: the peer closed the connection`);
});

Deno.test("main.ts --quiet prints nothing but where it listens", async () => {
  await using server = await startServer(["--quiet"]);
  await using line = await connect<Demo>(server.address);
  await line.call.now();
  await line.close();
  server.kill("SIGTERM");
  assertEquals(await server.outcome(), { code: 0, stdout: "", stderr: "" });
});

Deno.test("main.ts --listen may be repeated, and takes Unix sockets", async () => {
  await using folder = await makeFolder();
  const unix = `unix://${folder.path}/demo.sock`;
  await using server = await startServer(["--listen", "tcp://127.0.0.1:0", "--listen", unix]);
  await server.lineWith(new RegExp(`^listening on ${unix}$`));
  for (const address of [server.address, unix]) {
    await using line = await connect<Demo>(address);
    assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  }
  assertEquals((await server.lineWith(/^opened unix:/)).input, `opened ${unix}`);
});

for (
  const [title, file, text] of [
    ["exports as api", "api.ts", apiModule("as api")],
    ["exports as its default", "default.ts", apiModule("as default", "default")],
    ["has a name that is not one in a URL", "50% #1?.ts", apiModule("odd")],
  ] as const
) {
  Deno.test(`main.ts serves what a module ${title}`, async () => {
    await using folder = await makeFolder({ [file]: text });
    // As a path from the current directory on, and as a URL.
    const url = new URL(`file://${folder.path}/`).href + encodeURIComponent(file);
    for (const module of [file, `./${file}`, url]) {
      await using server = await startServer([module], { cwd: folder.path, flags: ["-A"] });
      await using line = await connect(server.address);
      assertEquals(
        await line.request("say"),
        /const api = .*"(.*)"|default .*"(.*)"/.exec(text)
          ?.slice(1).find(Boolean),
      );
    }
  });
}

Deno.test("main.ts --limit and --grace change the limits", async () => {
  await using server = await startServer(["--limit", "maxDepth=8", "--limit=maxBatch=2"]);
  await using line = await connect(server.address);
  const { limits } = await line.request("rpc.serverInfo") as { limits: Record<string, number> };
  assertEquals([limits.maxDepth, limits.maxBatch], [8, 2]);
});

Deno.test("main.ts --http-host, --http-origin and --no-http say who may call over HTTP", async () => {
  const statuses = async (...args: string[]) => {
    await using server = await startServer(args);
    const { port } = new URL(server.address.replace("tcp:", "http:"));
    const status = async (...lines: string[]) => {
      using peer = await HttpPeer.dial(`http://127.0.0.1:${port}`);
      return (await peer.ask(request("GET /", lines))).status;
    };
    const origin = "Origin: https://app.example";
    return [await status(), await status("Host: api.example"), await status(origin)];
  };
  assertEquals(await statuses(), [200, 403, 403]);
  assertEquals(await statuses("--no-http"), [400, 400, 400]);
  assertEquals(
    await statuses("--http-host", "api.example", "--http-origin=https://app.example"),
    [200, 200, 200],
  );
  const both = await runServer(["--no-http", "--http-host=a"]);
  assertEquals([both.code, both.stderr], [
    2,
    "error: Cannot use --http-origin, --http-host or --http-trust-proxy with --no-http\n",
  ]);
});

for (const args of [[], ["--workers", "2"], ["--raw"]]) {
  Deno.test(`main.ts ${args.join(" ")} --proxy-protocol logs the callers that proxies name`, async () => {
    await using server = await startServer([...args, "--proxy-protocol", "127.0.0.0/8"]);
    const { port } = new URL(server.address.replace("tcp:", "http:"));
    const conn = await Deno.connect({ port: Number(port) });
    using peer = new RawPeer(conn, "json");
    await peer.write(headerOf(1, "203.0.113.7", 4711));
    const answer = await peer.ask('{"jsonrpc":"2.0","id":1,"method":"upper","params":["x"]}');
    assert(args[0] === "--raw" || answer.result === "X");
    assertEquals(await server.line(), "opened tcp://203.0.113.7:4711");
  });
}

Deno.test("main.ts --http-trust-proxy and --proxy-protocol refuse what is no network", async () => {
  for (
    const [flag, option] of [
      ["--http-trust-proxy", "http.trustProxy"],
      ["--proxy-protocol", "proxyProtocol"],
    ] as const
  ) {
    const { code, stderr } = await runServer([flag, "10.0.0.0/8", flag, "nginx"]);
    assertEquals([code, stderr], [
      2,
      `error: Cannot use ${option}: a network is 10.0.0.0/8, fd00::/8, an address or unix; ` +
      'this has no IP address, it is "nginx"\n',
    ]);
  }
});

Deno.test("main.ts --http-trust-proxy bounds the rate of who is behind the proxy", async () => {
  await using server = await startServer(["--http-trust-proxy", "127.0.0.1", "--rate", "1"]);
  using peer = await HttpPeer.dial(server.address);
  const status = async (ip: string) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["x"]}';
    return (await peer.ask(post(body, `X-Forwarded-For: ${ip}`))).status;
  };
  const statuses: number[] = [];
  while (!statuses.includes(429)) statuses.push(await status("203.0.113.7"));
  assertEquals(await status("203.0.113.8"), 200);
});

Deno.test("main.ts prints where the console is, behind where it listens, if only this machine can reach it", async () => {
  const printed = async (...args: string[]) => {
    await using server = new Program(MAIN, ["--quiet", ...args], { flags: ["-P=serve"] });
    await server.lineWith(/^listening on (?!unix:)/);
    server.kill("SIGTERM");
    const { code, stdout } = await server.outcome();
    assertEquals(code, 0);
    return stdout;
  };
  const tcp = "tcp://127.0.0.1:0";
  assertMatch(await printed("--listen", tcp), /^console at http:\/\/127\.0\.0\.1:\d+\/\n$/);
  assertMatch(await printed("--listen=http://[::1]:0"), /^console at http:\/\/\[::1\]:\d+\/\n$/);
  assertEquals(await printed("--listen", tcp, "--no-console"), "");
  assertEquals(await printed("--listen", tcp, "--no-http"), "");
  assertEquals(await printed("--listen", tcp, "--raw"), "");
  assertEquals(await printed("--listen=ws://127.0.0.1:0"), "");
  assertEquals(await printed("--listen=tcp://0.0.0.0:0", "--insecure"), "");
  assertMatch(
    await printed("--listen=tcp://0.0.0.0:0", "--insecure", "--console"),
    /^console at http:\/\/0\.0\.0\.0:\d+\/\n$/,
  );
  for (const other of ["--no-console", "--no-http"]) {
    const { code, stderr } = await runServer(["--console", other]);
    assertEquals([code, stderr], [2, `error: Cannot use --console with ${other}\n`]);
  }
});

Deno.test("main.ts --help and --version print to standard output and exit with 0", async () => {
  const help = await runServer(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const part of ["Usage:", "--listen ADDRESS", "Exit codes:", "Examples:"]) {
    assertStringIncludes(help.stdout, part);
  }
  assert(help.stdout.split("\n").every((line) => line.length <= 80));
  assertEquals(await runServer(["-h"]), help);
  assertEquals(await runServer(["--version"]), {
    code: 0,
    stdout: `landline ${VERSION}\n`,
    stderr: "",
  });
});

const MODULES = {
  "empty.ts": "",
  "other.ts": "export const routes = 1, port = 2;",
  "number.ts": "export const api = 42;",
  "list.ts": "export default [];",
  "member.ts": "export const api = { a: { b: 1 } };",
  "reserved.ts": apiModule("x").replace("say:", '"rpc.say":'),
  "syntax.ts": "export const api = ;",
  "throws.ts": 'throw new Error("no \\x1b[31mdatabase\\nsecond line");',
  "null.ts": "throw null;",
  "package.ts": 'import "no-such-package";',
};

for (
  const [args, message] of [
    [
      ["empty.ts"],
      "Cannot serve empty.ts: it exports neither api nor a default, it exports nothing",
    ],
    [["other.ts"], "it exports neither api nor a default, it exports port, routes"],
    [["number.ts"], "Cannot serve number.ts: its export api is a number, expected an object of"],
    [["list.ts"], "Cannot serve list.ts: its export default is an array, expected an object of"],
    [["member.ts"], "a.b is a number, expected method(...)"],
    [["reserved.ts"], '"rpc.say" is reserved'],
    [["syntax.ts"], "Cannot load syntax.ts: SyntaxError: Expression expected (file://"],
    [["throws.ts"], "Cannot load throws.ts: no database (file://"],
    [["null.ts"], "Cannot load null.ts: it threw null"],
    [["package.ts"], 'Cannot load package.ts: Import "no-such-package" not a dependency'],
    [["missing.ts"], 'Cannot load missing.ts: Module not found "file://'],
    [["http://127.0.0.1:1/api.ts"], "Cannot load http://127.0.0.1:1/api.ts: "],
    [["a.ts", "b.ts"], 'Cannot serve more than one API: "a.ts", "b.ts"'],
    [["--loud"], 'Cannot read the options: there is no "--loud", --help lists them'],
    [["-x\x1b[2J"], 'there is no "-x\\u001b[2J"'],
    [["--listen"], "Cannot read --listen: it needs an address such as tcp://127.0.0.1:8080"],
    [["--listen", "here"], 'Cannot use the address "here": it is not a URL'],
    [["--listen", "localhost:80"], "it has no scheme; tcp://localhost:80 has one"],
    [["--listen", "raw://127.0.0.1"], 'Cannot use the address "raw://127.0.0.1": '],
    [
      ["--listen", "unix:///no/such/folder/a.sock"],
      "Cannot listen at unix:///no/such/folder/a.sock",
    ],
    [["--grace", "soon"], 'Cannot read --grace: it needs a whole number, "soon"'],
    [["--backlog"], "Cannot read --backlog: it needs a whole number, there is none"],
    [["--backlog", "0"], "tcpBacklog must be an integer from 1, it is 0"],
    [["--limit", "maxDepth"], "Cannot read --limit: it needs NAME=VALUE"],
    [["--limit", "maxDepth=0"], "maxDepth must be an integer from 1 to 1000 (count), it is 0"],
    [["--limit", "__proto__=1"], 'no limit has the name "__proto__"'],
  ] as const
) {
  Deno.test(`main.ts ${JSON.stringify(args)} says why on one line and exits with 2`, async () => {
    await using folder = await makeFolder(MODULES);
    // One that does not fail would begin to serve: not at the default port.
    const listen = args.some((arg) => arg === "--listen") ? [] : ["--listen=tcp://127.0.0.1:0"];
    const outcome = await runServer([...listen, ...args], { cwd: folder.path, flags: ["-A"] });
    assertStringIncludes(outcome.stderr, message);
    assertMatch(outcome.stderr, /^error: [^\p{Cc}]+\n$/u);
    assertEquals([outcome.code, outcome.stdout], [2, ""]);
  });
}

Deno.test("main.ts exits with 2 where the port is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${listener.addr.port}`;
  const outcome = await runServer(["--listen", address]);
  assertEquals([outcome.code, outcome.stdout], [2, ""]);
  assertMatch(outcome.stderr, new RegExp(`^error: Cannot listen at ${address}: .* in use .*\n$`));
});

Deno.test("main.ts exits with 2 where a Unix socket is served by another", async () => {
  await using folder = await makeFolder();
  const address = `unix://${folder.path}/demo.sock`;
  await using _other = await startServer(["--listen", address]);
  const outcome = await runServer(["--listen", "tcp://127.0.0.1:0", "--listen", address]);
  assertEquals([outcome.code, outcome.stdout], [2, ""]); // not even the address that it had
  assertMatch(outcome.stderr, /^error: Cannot listen at .*demo\.sock: .* in use .*\n$/);
});

Deno.test("main.ts names the permission that is missing", async () => {
  const outcome = await runServer(["--listen=tcp://127.0.0.1:0"], { flags: ["-R"] });
  assertEquals(outcome.code, 2);
  assertMatch(outcome.stderr, /^error: Cannot listen at tcp:.*--allow-net.*\n$/);
});

const FAULTY = `
  import { method, RpcError } from ${JSON.stringify(LIBRARY)};
  const text = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
  export const api = {
    crash: method(text, (value) => {
      throw new TypeError("cannot use " + value, { cause: new Error("because") });
    }),
    text: method(() => { throw "a text"; }),
    refuse: method(() => { throw new RpcError("NOT_FOUND", "on purpose"); }),
    write: method(() => 1n),
  };`;

Deno.test("main.ts logs what a handler throws by accident, which the caller is not told", async () => {
  await using folder = await makeFolder({ "api.ts": FAULTY });
  await using server = await startServer(["api.ts"], { cwd: folder.path, flags: ["-A"] });
  const line = await connect(server.address);
  for (const method of ["crash", "text", "write"]) {
    const error = await line.request(method, method === "crash" ? ["x"] : undefined)
      .catch((error) => error);
    assert(error instanceof RpcError);
    assertEquals(error.toJSON(), { code: -32603, message: "Internal error" });
  }
  await line.request("refuse").catch(() => {});
  await line.close();
  server.kill("SIGTERM");
  const { stderr } = await server.outcome();
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.filter((line) => !line.startsWith("    at ")), [
    'error in crash: TypeError "cannot use x"',
    '  caused by Error "because"',
    'error in text: string "a text"',
    'error in write: TypeError "Cannot write the result as JSON"',
    '  caused by TypeError "a bigint cannot travel as JSON: send String(it)"',
  ]);
  assertMatch(lines[1]!, /^ {4}at .*api\.ts:6:13\)?$/);
});

Deno.test("main.ts logs a line for what a peer sends that is no JSON, cut short and escaped", async () => {
  await using server = await startServer();
  using peer = await RawPeer.dial(server.address);
  await peer.write(`{"jsonrpc":"2.0","id":1,"method":"\\u001b[31m\u001b[31m${"x".repeat(500)}\n`);
  assertEquals((await peer.answer()).error?.code, -32700);
  server.kill("SIGTERM");
  const { stderr } = await server.outcome();
  assertMatch(
    stderr,
    /^bad message of tcp:\S+: PARSE_ERROR "Cannot read [^\p{Cc}]+\n$/u,
  );
  assertMatch(stderr, /byte 44: expected no control character in a string, found the byte 0x1b/);
  assert(stderr.length < 250, stderr);
});

Deno.test("main.ts escapes and cuts a peer's text in what it logs", async () => {
  await using folder = await makeFolder({ "api.ts": FAULTY });
  await using server = await startServer(["api.ts"], { cwd: folder.path, flags: ["-A"] });
  const line = await connect(server.address);
  const evil = "\x1b[2J\r\n    at evil (file:///evil.ts:1:1)\u202e\u009b" + "x".repeat(1000);
  await line.request("crash", [evil]).catch(() => {});
  await line.close();
  server.kill("SIGTERM");
  const { stderr } = await server.outcome();
  const [first, ...others] = stderr.split("\n");
  assertStringIncludes(
    first!,
    String.raw`"cannot use \u001b[2J\r\n    at evil (file:///evil.ts:1:1)`,
  );
  assertMatch(first!, /\\u202e\\u009bx+"…$/);
  assert(first!.length < 200);
  assert(others.every((line) => !line.includes("evil.ts")), stderr);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`main.ts exits with 0 at ${signal}`, async () => {
    await using server = await startServer();
    server.kill(signal);
    assertEquals(await server.outcome(), {
      code: 0,
      stdout: "draining 0 connections for at most 10000 ms; a second signal exits now\n",
      stderr: "",
    });
  });

  Deno.test(`main.ts finishes a running call at ${signal}, and begins no other`, async () => {
    await using server = await startServer();
    await using line = await connect<Demo>(server.address);
    const running = line.call.sleep(1000);
    await line.call.now(); // so that sleep has begun
    server.kill(signal);
    await server.lineWith(/^draining 1 connection for at most 10000 ms/);
    const refused = await line.call.now(undefined, { timeout: 500 }).catch((error) => error);
    assert(refused instanceof RpcError || refused instanceof ConnectionLostError);
    assertEquals(await running, 1000);
    assertEquals((await server.outcome()).code, 0);
  });
}

Deno.test("main.ts --grace ends calls that run longer", async () => {
  await using server = await startServer(["--grace", "50"]);
  await using line = await connect<Demo>(server.address);
  const running = line.call.sleep(3_600_000).catch((error) => error);
  await line.call.now();
  server.kill("SIGTERM");
  const error = await running;
  assert(error instanceof RpcError);
  assertEquals(error.reason, "UNAVAILABLE");
  assertEquals((await server.outcome()).code, 0);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`main.ts exits with ${code} at a second ${signal}`, async () => {
    await using server = await startServer();
    await using line = await connect<Demo>(server.address);
    const running = line.call.sleep(3_600_000).catch((error) => error);
    await line.call.now();
    server.kill(signal);
    await server.lineWith(/^draining 1 connection/);
    server.kill(signal);
    assertEquals((await server.outcome()).code, code);
    assert(await running instanceof ConnectionLostError);
  });
}

testWith(["python3"], "deno task serve drains at one Ctrl-C on a terminal", async () => {
  // The key reaches `deno task` and the server, and the first passes it on: the server hears it twice.
  const { code, stdout } = await new Deno.Command("python3", {
    args: [
      `${import.meta.dirname}/_terminal.py`,
      JSON.stringify([["listening on", "\x03"]]),
      ...[Deno.execPath(), "task", "serve", "--listen", "tcp://127.0.0.1:0"],
    ],
    cwd: `${import.meta.dirname}/../..`,
    env: { NO_COLOR: "1" },
  }).output();
  const screen = new TextDecoder().decode(stdout);
  assertMatch(screen, /draining 0 connections/);
  assertEquals(code, 0, screen);
});
