// The telephone as its users have it: `main.ts --raw`, `client.ts --raw`, the two Python programs of the
// old teaching page, and nc, all against each other.
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  CLIENT,
  MAIN,
  makeFolder,
  type Outcome,
  Program,
  runClient,
  runServer,
  serveRaw,
  startServer,
} from "../cli/_programs.ts";
import { certificates } from "../support/certificates.ts";
import { within } from "../support/deadline.ts";
import { Phone } from "../support/phone.ts";
import { runFed } from "../support/program.ts";
import { bytesOf, join } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { socketPath } from "../support/wires.ts";

const folder = `${import.meta.dirname}/telephone/`;

/** A server that runs, whatever it is written in. */
interface Running extends AsyncDisposable {
  readonly port: number;
}

/** The servers, each with what it makes of a text: Python's `bytes.upper()` knows ASCII alone. */
const SERVERS: readonly {
  readonly name: string;
  readonly tools: readonly string[];
  readonly start: () => Promise<Running>;
  readonly upper: (text: string) => string;
}[] = [
  {
    name: "main.ts --raw",
    tools: [],
    start: async () => {
      const server = await startServer(["--raw"]);
      return Object.assign(server, { port: Number(new URL(server.address).port) });
    },
    upper: (text) => text.toUpperCase(),
  },
  {
    name: "the page's server",
    tools: ["python3"],
    start: startPython,
    upper: (text) => text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase()),
  },
];

/** The clients. Each is given lines on its standard input, and prints what comes back. */
const CLIENTS: readonly {
  readonly name: string;
  readonly tools: readonly string[];
  readonly call: (port: number, input: string) => Promise<Outcome>;
  /** What it prints for such answers to a line, an empty line and another line. */
  readonly output: (first: string, second: string) => string;
  readonly code: number;
}[] = [
  {
    name: "client.ts --raw",
    tools: [],
    call: (port, stdin) => runClient(["--raw", `tcp://127.0.0.1:${port}`], { stdin }),
    output: (first, second) => `>>: ${first}\n>>: >>: ${second}\n>>: \n`,
    code: 0,
  },
  {
    name: "the page's client",
    tools: ["python3"],
    call: (port, input) => runForeign(["python3", `${folder}client.py`, String(port)], input),
    output: (first, second) => `>>: ${first}\n>>: >>: ${second}\n>>: `,
    code: 1, // an EOFError, as on the page
  },
];

/** Runs a program that is not ours to its end. */
const runForeign = (command: readonly string[], input: string): Promise<Outcome> =>
  runFed(command, input, { PYTHONIOENCODING: "utf-8" });

/** Starts the page's server. */
async function startPython(): Promise<Running> {
  const child = new Deno.Command("python3", {
    args: [`${folder}server.py`, "0"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  let line = "";
  while (!line.endsWith("\n")) {
    const { value, done } = await within(reader.read(), "the port of the page's server");
    if (done) break;
    line += new TextDecoder().decode(value);
  }
  return {
    port: Number(line),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

/** What stands on the terminal of a program when it has ended. Keys are typed as texts appear. */
async function onTerminal(
  steps: readonly (readonly [appears: string, keys: string])[],
  command: readonly string[],
): Promise<{ code: number; screen: string }> {
  const { code, stdout } = await within(
    new Deno.Command("python3", {
      args: [
        `${import.meta.dirname}/../cli/_terminal.py`,
        JSON.stringify(steps),
        "/usr/bin/env",
        ...command,
      ],
      env: { NO_COLOR: "1", PYTHONIOENCODING: "utf-8" },
    }).output(),
    "the program on the terminal to end",
  );
  return { code, screen: new TextDecoder().decode(stdout).replaceAll("\r\n", "\n") };
}

const ourClient = (address: string, ...args: string[]) => [
  ...[Deno.execPath(), "run", "-q", "-N", CLIENT, "--raw", ...args, address],
];

// ---- Everybody with everybody ------------------------------------------------------------------

for (const server of SERVERS) {
  for (const client of CLIENTS) {
    const tools = [...new Set([...server.tools, ...client.tools])];
    testWith(tools, `${client.name} talks to ${server.name}`, async () => {
      await using running = await server.start();
      const first = "hello, world", second = "schön";
      const { code, stdout, stderr } = await client.call(
        running.port,
        `${first}\n  \n \t${second}  \n`,
      );
      assertEquals(stdout, client.output(server.upper(first), server.upper(second)), stderr);
      assertEquals(code, client.code);
      // One caller after another.
      const again = await client.call(running.port, "a\n\nb\n");
      assertEquals(again.stdout, client.output("A", "B"));
    });
  }

  testWith([...server.tools, "nc"], `nc talks to ${server.name}`, async () => {
    await using running = await server.start();
    const { code, stdout } = await runForeign(
      ["nc", "-N", "127.0.0.1", String(running.port)],
      "hello\nworld\n",
    );
    assertEquals([code, stdout], [0, "HELLO\nWORLD\n"]);
  });
}

testWith(["python3"], "the page's client on a terminal talks to main.ts --raw", async () => {
  await using server = await startServer(["--raw"]);
  const { port } = new URL(server.address);
  const { screen } = await onTerminal(
    [[">>: ", "hello\r"], ["HELLO\n>>: ".replace("\n", "\r\n"), "straße\r"], ["STRASSE", "\x04"]],
    ["python3", `${folder}client.py`, port],
  );
  assert(screen.startsWith(">>: hello\nHELLO\n>>: straße\nSTRASSE\n>>: "), screen);
});

testWith(["python3"], "client.ts --raw on a terminal talks to the page's server", async () => {
  await using server = await startPython();
  const { code, screen } = await onTerminal(
    [[">>: ", "hello\r"], ["HELLO\r\n>>: ", "\r"], [">>: \r\n>>: ", " you \r"], [
      "YOU\r\n>>: ",
      "\x04",
    ]],
    ourClient(`tcp://127.0.0.1:${server.port}`),
  );
  assertEquals(screen, ">>: hello\nHELLO\n>>: \n>>:  you \nYOU\n>>: \n");
  assertEquals(code, 0);
});

testWith(
  ["python3"],
  "the page's client waits its turn at the page's server, and not at ours",
  async () => {
    await using server = await startServer(["--raw"]);
    const { port } = new URL(server.address);
    // All are connected before the first has said a word.
    const waiting = await Promise.all(
      Array.from({ length: 3 }, async () => new Phone(await Deno.connect({ port: Number(port) }))),
    );
    const { stdout } = await runForeign(["python3", `${folder}client.py`, port], "me too\n");
    assertEquals(stdout, ">>: ME TOO\n>>: ");
    for (const [i, phone] of waiting.entries()) {
      await phone.say(`caller ${i}`);
      assertEquals(await phone.hear(8), `CALLER ${i}`);
      await phone.close();
    }
  },
);

// ---- The server --------------------------------------------------------------------------------

Deno.test("main.ts --raw logs callers as ever, and serves several addresses", async () => {
  const path = socketPath();
  await using server = await startServer(
    ["--raw", "--listen", "tcp://127.0.0.1:0", "--listen", `unix://${path}`],
  );
  await server.lineWith(/^listening on unix:/);
  for (
    const connect of [{ port: Number(new URL(server.address).port) }, { transport: "unix", path }]
  ) {
    await using phone = new Phone(await Deno.connect(connect as Deno.ConnectOptions));
    await phone.say("hi");
    assertEquals(await phone.hear(2), "HI");
    await phone.close();
    const where = "port" in connect ? String.raw`tcp://127\.0\.0\.1:\d+` : `unix://${path}`;
    await server.lineWith(new RegExp(`^opened ${where}$`));
    await server.lineWith(new RegExp(`^closed ${where}: the peer closed the connection$`));
  }
});

Deno.test("main.ts --raw at stdio: answers on standard output, and writes nothing else there", async () => {
  await using server = new Program(MAIN, ["--raw", "--listen", "stdio:"], { flags: ["-P=serve"] });
  await server.write("straße\n");
  assertEquals(await server.line(), "STRASSE");
  await server.end();
  const { code, stdout } = await server.outcome();
  assertEquals([code, stdout], [0, ""], "it ends with its only caller");
});

Deno.test("client.ts --raw talks to main.ts --raw over a Unix socket", async () => {
  await using server = await startServer(["--raw", "--listen", `unix://${socketPath()}`]);
  const { code, stdout } = await runClient(["--raw", server.address], {
    stdin: "hello\n",
    flags: ["-N", "-R", "-W"],
  });
  assertEquals([code, stdout], [0, ">>: HELLO\n>>: \n"]);
});

testWith(["openssl"], "client.ts --raw talks to main.ts --raw over TLS", async () => {
  const { ca, server: { cert, key } } = certificates();
  const listen = ["--listen", "tls://127.0.0.1:0", "--cert", cert, "--key", key];
  await using server = await startServer(["--raw", ...listen]);
  const { code, stdout } = await runClient(["--raw", "--ca", ca, server.address], {
    stdin: "hello\n",
    flags: ["-N", "-R"],
  });
  assertEquals([code, stdout], [0, ">>: HELLO\n>>: \n"]);
});

for (const [signal, second] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`main.ts --raw drains at ${signal} and exits with 0`, async () => {
    await using server = await startServer(["--raw"]);
    await using phone = new Phone(
      await Deno.connect({ port: Number(new URL(server.address).port) }),
    );
    await phone.say("a");
    assertEquals(await phone.hear(1), "A");
    server.kill(signal);
    assertEquals((await phone.rest()).length, 0, "it hangs up");
    await phone.close();
    const { code, stdout } = await server.outcome();
    assertEquals(code, 0);
    assertMatch(stdout, /^draining 1 connection for/m);
    assertMatch(stdout, /^closed .*: shutdown$/m);
  });

  Deno.test(`main.ts --raw finishes an answer at ${signal}, and exits with ${second} at a second`, async () => {
    await using files = await makeFolder({
      "raw.ts": `
        export async function raw(chunk: Uint8Array) {
          console.log("asked");
          if (new TextDecoder().decode(chunk) === "for ever") await new Promise(() => {});
          await new Promise((resolve) => setTimeout(resolve, 500));
          return "answered";
        }`,
    });
    for (const question of ["soon", "for ever"]) {
      await using server = await startServer(["--raw", `${files.path}/raw.ts`]);
      await using phone = new Phone(
        await Deno.connect({ port: Number(new URL(server.address).port) }),
      );
      await phone.say(question);
      await server.lineWith(/^asked$/);
      server.kill(signal);
      await server.lineWith(/^draining 1 connection/);
      if (question === "soon") assertEquals(await phone.hear(8), "answered");
      else server.kill(signal);
      await phone.close();
      assertEquals((await server.outcome()).code, question === "soon" ? 0 : second);
    }
  });
}

Deno.test("main.ts --raw serves the function raw of a module", async () => {
  await using files = await makeFolder({
    "raw.ts": `
      const counts = new WeakMap<object, number>();
      export function raw(chunk: Uint8Array, context) {
        const count = (counts.get(context) ?? 0) + 1;
        counts.set(context, count);
        const text = new TextDecoder().decode(chunk);
        switch (text) {
          case "bytes": return chunk.reverse();
          case "nothing": return;
          case "who": return context.peer.transport + " " + context.peer.address;
          case "bye":
            context.signal.addEventListener("abort", () => console.log("signal: " + count));
            context.close();
            return "see you";
          case "later": return new Promise((resolve) => setTimeout(resolve, 1, "later!"));
          case "mistake": throw new Error("a mistake");
        }
        return count + ":" + text;
      }`,
  });
  await using server = await startServer(["--raw", `${files.path}/raw.ts`]);
  const port = Number(new URL(server.address).port);
  {
    await using phone = new Phone(await Deno.connect({ port }));
    for (
      const [question, answer] of [
        ["bytes", "setyb"],
        ["later", "later!"],
        ["x", "3:x"],
        ["who", "tcp tcp://127.0.0.1:"],
      ] as const
    ) {
      await phone.say(question);
      assertEquals(await phone.hear(answer.length), answer);
    }
    await phone.hear(4); // of the port
    await phone.finish();
    await phone.rest();
  }
  {
    await using phone = new Phone(await Deno.connect({ port }));
    await phone.say("bye");
    assertEquals(await phone.hear(7), "see you");
    assertEquals((await phone.rest()).length, 0);
    await phone.close();
    await server.lineWith(/^signal: 1$/); // a count of its own
    await server.lineWith(/^closed .*: raw\(\) hung up$/);
  }
  {
    await using phone = new Phone(await Deno.connect({ port }));
    await phone.say("mistake");
    assertEquals((await phone.rest()).length, 0);
    await phone.close();
    await server.lineWith(/^closed .*: raw\(\) failed$/);
  }
  server.kill("SIGINT");
  const { code, stderr } = await server.outcome();
  assertEquals(code, 0);
  assertMatch(stderr, /^error in raw\(\) for tcp:\/\/127\.0\.0\.1:\d+: Error "a mistake"\n +at /);
});

for (
  const [args, message] of [
    [
      ["empty.ts"],
      "Cannot serve empty.ts with --raw: it exports no function raw, it exports nothing",
    ],
    [["api.ts"], "Cannot serve api.ts with --raw: it exports no function raw, it exports api, raw"],
    [["missing.ts"], "Cannot load missing.ts: Module not found"],
    [["--listen", "udp://127.0.0.1:0"], "bytes without framing need a stream; use tcp://"],
    [["--listen", "raw://127.0.0.1"], "Deno has no raw sockets (SOCK_RAW)"],
    [["--limit", "idleTimeout=0"], "idleTimeout must be an integer"],
  ] as const
) {
  Deno.test(`main.ts --raw ${args.join(" ")} says why on one line and exits with 2`, async () => {
    await using files = await makeFolder({
      "empty.ts": "",
      "api.ts": "export const api = {}, raw = 1;",
    });
    const { code, stdout, stderr } = await runServer(["--raw", ...args], {
      cwd: files.path,
      flags: ["-A"],
    });
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.startsWith("error: Cannot ") && stderr.includes(message), stderr);
    assertEquals(stderr.split("\n").length, 2);
  });
}

testWith(
  ["prlimit"],
  "main.ts --raw waits where there are no descriptors, and then goes on",
  async () => {
    await using server = await startServer(["--raw"]);
    const port = Number(new URL(server.address).port);
    const limit = async (soft: number) => {
      const { success } = await new Deno.Command("prlimit", {
        args: ["--pid", String(server.pid), `--nofile=${soft}:`],
      }).output();
      assert(success, "prlimit failed");
    };
    await limit(3);
    // The system completes the connection; nobody is there to accept it, and no other is open.
    await using phone = new Phone(await Deno.connect({ port }));
    await phone.say("patient");
    await server.errorWith(/^error in accept at tcp:.*Too many open files/);
    await limit(1024);
    assertEquals(await phone.hear(7), "PATIENT");
    await phone.close();
    server.kill("SIGINT");
    assertEquals((await server.outcome()).code, 0);
  },
);

// ---- The client --------------------------------------------------------------------------------

Deno.test("client.ts --raw prints bytes as they come when nobody watches", async () => {
  const said = join([bytesOf("\x1b[31m"), Uint8Array.of(0xff, 0x0d, 0x0a)]);
  await using server = serveRaw(async (socket) => {
    const phone = new Phone(socket);
    await phone.hear(1);
    await phone.say(said);
    await phone.rest();
  });
  const [command = "", ...args] = ourClient(server.address);
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped" }).spawn();
  const typed = child.stdin.getWriter();
  await typed.write(bytesOf("x\n"));
  await typed.close();
  const { stdout } = await within(child.output(), "the client to end");
  assertEquals(stdout, join([bytesOf(">>: "), said, bytesOf(">>: \n")]));
});

testWith(["python3"], "client.ts --raw lets nothing act on a terminal", async () => {
  await using server = serveRaw(async (socket) => {
    const phone = new Phone(socket);
    await phone.hear(1);
    await phone.say("a\x1b[31m\r\nb\tc\u202e");
    await phone.hear(1);
    // A character in two pieces is one character.
    await phone.say(Uint8Array.of(0xc3));
    await phone.say(Uint8Array.of(0xa9, 0xff));
    await phone.rest();
  });
  const { code, screen } = await onTerminal(
    [[">>: ", "x\r"], ["u202e\r\n>>: ", "y\r"], ["é", "\x04"]],
    ourClient(server.address),
  );
  assert(screen.startsWith(">>: x\na\\u001b[31m\nb\tc\\u202e\n>>: y\n"), screen);
  // Where the second piece takes its time there is a prompt before it.
  assertMatch(screen, /y\n(>>: \n)?é\ufffd/);
  assertEquals(code, 0);
});

Deno.test("client.ts --raw prints what arrives when nothing was asked, and prompts again", async () => {
  const told = Promise.withResolvers<void>();
  await using server = serveRaw(async (socket) => {
    const phone = new Phone(socket);
    await phone.say("news\n");
    await told.promise;
    await phone.say("more");
    await phone.rest();
  });
  await using client = new Program(CLIENT, ["--raw", server.address], { flags: ["-N"] });
  // The prompt may come before the news or after.
  await client.lineWith(/news$/);
  told.resolve();
  await client.lineWith(/more$/);
  await client.end();
  const { code, stdout } = await client.outcome();
  assertEquals([code, stdout], [0, ">>: \n"]);
});

Deno.test("client.ts --raw goes on when the server does not answer", async () => {
  let heard = "";
  await using server = serveRaw(async (socket) => {
    heard = new TextDecoder().decode(await new Phone(socket).rest());
  });
  const { code, stdout } = await runClient(["--raw", "--timeout", "50", server.address], {
    stdin: "one\ntwo\n",
  });
  assertEquals([code, stdout, heard], [0, ">>: >>: >>: \n", "onetwo"]);
});

Deno.test("client.ts --raw ends when the input does, whether the server does or not", async () => {
  for (const keeps of [true, false]) {
    const gone = Promise.withResolvers<void>();
    await using server = serveRaw(async (socket) => {
      const phone = new Phone(socket);
      await phone.rest(); // the caller says that it has finished
      await phone.say("last words");
      if (keeps) await gone.promise;
    });
    const { code, stdout } = await runClient(["--raw", "--timeout", "500", server.address], {
      stdin: keeps ? "" : "\n",
    });
    gone.resolve();
    assertEquals([code, stdout], [0, `${keeps ? "" : ">>: "}>>: \nlast words\n`]);
  }
});

Deno.test("client.ts --raw says so and exits with 1 when the server hangs up", async () => {
  await using server = serveRaw(async (socket) => {
    const phone = new Phone(socket);
    await phone.hear(4);
    await phone.say("bye");
  });
  // While it waits at the prompt, without anybody typing.
  await using client = new Program(CLIENT, ["--raw", server.address], { flags: ["-N"] });
  await client.write("quit\n");
  const { code, stdout, stderr } = await client.outcome();
  assertEquals([code, stderr], [1, "error: The server hung up\n"]);
  assertMatch(stdout, /^>>: bye\n(>>: \n)?$/);
});

Deno.test("client.ts --raw exits with 1 for a line that is not text, after it sent the others", async () => {
  await using server = await startServer(["--raw"]);
  await using client = new Program(CLIENT, ["--raw", server.address], { flags: ["-N"] });
  await client.write("a\n");
  await client.write(Uint8Array.of(0xff, 0x0a));
  await client.write("b\n");
  await client.end();
  const { code, stdout, stderr } = await client.outcome();
  assertEquals([code, stdout], [1, ">>: A\n>>: >>: B\n>>: \n"]);
  assertEquals(stderr, "error: Cannot send: the line is not UTF-8\n");
});

for (
  const [args, code, message] of [
    [["tcp://127.0.0.1:1"], 3, /^error: Cannot connect to tcp:\/\/127\.0\.0\.1:1/],
    [["unix:///no/such.sock"], 3, /^error: Cannot connect to unix:/],
    [[], 2, /^error: Cannot talk: ADDRESS is missing, --help shows how$/],
    [["tcp://127.0.0.1:1", "upper"], 2, /^error: Cannot talk: after ADDRESS .* there is "upper"$/],
    [["--notify", "tcp://127.0.0.1:1"], 2, /^error: Cannot use --notify with --raw/],
    [["--framing", "json", "tcp://127.0.0.1:1"], 2, /^error: Cannot talk: --framing is for/],
    [["--timeout", "x", "tcp://127.0.0.1:1"], 2, /^error: Cannot read --timeout/],
    [["127.0.0.1:1"], 2, /^error: Cannot use the address .* it has no scheme/],
    [["udp://127.0.0.1:1"], 2, /^error: Cannot use the address .* need a stream; use tcp:/],
    [["stdio:"], 2, /^error: Cannot use the address "stdio:": standard input is what is read/],
    [["seqpacket:///tmp/a"], 2, /^error: Cannot use the address .* Deno has no SOCK_SEQPACKET/],
  ] as const
) {
  Deno.test(`client.ts --raw ${args.join(" ")} says why on one line and exits with ${code}`, async () => {
    const outcome = await runClient(["--raw", ...args], { flags: ["-A"] });
    assertEquals([outcome.code, outcome.stdout], [code, ""]);
    assertMatch(outcome.stderr.trimEnd(), message);
    assertEquals(outcome.stderr.split("\n").length, 2);
  });
}

testWith(["python3"], "client.ts --raw exits with 130 at Ctrl-C", async () => {
  await using server = await startServer(["--raw"]);
  const { code } = await onTerminal([[">>: ", "\x03"]], ourClient(server.address));
  assertEquals(code, 130);
});

Deno.test("client.ts --raw talks to a program", async () => {
  const echo = "const input = Deno.stdin.readable; await input.pipeTo(Deno.stdout.writable);";
  const { code, stdout } = await runClient(
    ["--raw", `command:'${Deno.execPath()}' eval --ext=js '${echo}'`],
    { stdin: "hello\n", flags: ["-A"] },
  );
  assertEquals([code, stdout], [0, ">>: hello\n>>: \n"]);
});
