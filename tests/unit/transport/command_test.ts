// command: programs that our client starts, and how they end.

import process from "node:process";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  connect,
  ConnectionLostError,
  type ConnectOptions,
  type Line,
  serve,
  type Socket,
} from "../../../lib/mod.ts";
import { argsOf, isRunning, LIB, type Script, script } from "../../support/child.ts";
import { until, within } from "../../support/deadline.ts";
import { testWith } from "../../support/tools.ts";

/** The address that starts a Deno program. */
function addressOf(program: Script, ...args: string[]): string {
  const words = [Deno.execPath(), ...argsOf(program), ...args];
  return `command:${words.map((word) => `'${encodeURIComponent(word)}'`).join(" ")}`;
}

/** A server at stdio: that tells how it was started and ends as it is told. */
const SERVER = `
  import { method, serve } from ${JSON.stringify(LIB)};
  const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
  const server = serve({
    args: method(() => Deno.args),
    pid: method(() => Deno.pid),
    exit: method(any, ([code]) => Deno.exit(code)),
    wait: method((_, { signal }) => new Promise((resolve) => signal.onabort = resolve)),
    stay: method(() => {
      // Neither the end of its input nor SIGTERM ends it.
      Deno.addSignalListener("SIGTERM", () => {});
      setInterval(() => {}, 1000);
      return true;
    }),
  }, { listen: "stdio:" });
  await server.finished;
`;

/** Whether a process is there. */
function isAlive(pid: unknown): boolean {
  try {
    return process.kill(pid as number, 0); // not the program kill, which not every system has
  } catch {
    return false;
  }
}

/** Calls the server in a program of its own. */
async function withServer(
  use: (line: Line, pid: unknown) => Promise<void>,
  ...args: string[]
): Promise<void> {
  await using program = await script(SERVER);
  await using line = await connect(addressOf(program, ...args));
  await use(line, await line.request("pid"));
}

Deno.test("connect() to command: calls a program and ends it with its input", async () => {
  let pid: unknown;
  await withServer(async (line, id) => {
    pid = id;
    assertEquals(line.peer.transport, "command");
    assertEquals(line.peer.address, `command:${encodeURIComponent(Deno.execPath())}`);
    assertEquals(await line.request("args"), []);
    await line.close();
    assertEquals(await line.closed, { reason: "closed" });
    assertEquals(isAlive(pid), false);
  });
});

Deno.test("connect() to command: tells words apart as a shell does", async () => {
  const words: readonly (readonly [written: string, ...words: string[]])[] = [
    ["a b  c ", "a", "b", "c"],
    ["'a b' \"c d\" e\\ f", "a b", "c d", "e f"],
    ["a'b c'd", "ab cd"],
    ["'' \"\"", "", ""],
    [`'\\n "x"' "\\"y\\" \\\\ \\n"`, '\\n "x"', '"y" \\ \\n'],
    ["%20 a%20b %27c%20d%27 e%2520f", "a", "b", "c d", "e%20f"],
    ["$HOME * ~ ;ls | x > y", "$HOME", "*", "~", ";ls", "|", "x", ">", "y"],
    ["a?b=c#d é \u{1F600}", "a?b=c#d", "é", "\u{1F600}"],
  ];
  await using program = await script(`
    import { method, serve } from ${JSON.stringify(LIB)};
    await serve({ args: method(() => Deno.args) }, { listen: "stdio:" }).finished;
  `);
  for (const [written, ...expected] of words) {
    await using line = await connect(`${addressOf(program)} ${written}`);
    assertEquals(await line.request("args"), expected, written);
  }
  // As a URL too, whatever it encodes.
  await using line = await connect(new URL(`${addressOf(program)} a 'b c' é`));
  assertEquals(await line.request("args"), ["a", "b c", "é"]);
});

Deno.test("connect() to command: refuses what names no program", async () => {
  const cases = {
    "command:": "it names no program; command:pylsp does",
    "command:  ": "it names no program; command:pylsp does",
    "command:''": "it names no program; command:pylsp does",
    "command:sh -c 'x": "a ' is not closed",
    'command:sh -c "x\\"': 'a " is not closed',
    "command:sh \\": "it ends with a \\",
    "command:date +%s": "its path has a % that is not followed by two hexadecimal digits",
    "command:date ?%s": "it has a % that is not followed by two hexadecimal digits",
  };
  for (const [address, why] of Object.entries(cases)) {
    const error = await assertRejects(() => connect(address), TypeError);
    assertEquals(error.message, `Cannot use the address ${JSON.stringify(address)}: ${why}`);
  }
  const missing = await assertRejects(
    () => connect("command:landline-none a"),
    Deno.errors.NotFound,
  );
  assertEquals(
    missing.message,
    'Cannot connect to command:landline-none a: there is no program "landline-none"',
  );
});

Deno.test("serve() refuses to listen at command:", () => {
  let message = "";
  try {
    serve({}, { listen: "command:pylsp" });
  } catch (error) {
    message = (error as Error).message;
  }
  assertStringIncludes(message, "a program is started by who calls it");
});

Deno.test("a call rejects with the exit code when its program ends", async () => {
  for (const code of [3, 0]) {
    await withServer(async (line) => {
      const waiting = line.request("wait");
      line.request("exit", [code]).catch(() => {});
      const lost = await assertRejects(() => waiting, ConnectionLostError);
      assertEquals(lost.sent, true);
      assertEquals(
        lost.message,
        `The connection ended: the connection was lost, ${Deno.execPath()} ended with exit code ${code}`,
      );
      await line.closed;
      await assertRejects(
        () => line.request("args"),
        ConnectionLostError,
        `the connection is closed: the connection was lost, ${Deno.execPath()} ended with exit code ${code}`,
      );
    });
  }
});

testWith(
  ["sh", "false"],
  "a call says how a program ended that never answered, and what it wrote last",
  async () => {
    const programs: [string, string][] = [
      ["false", "false ended with exit code 1"],
      [
        "sh -c 'echo starting >&2; echo no such file >&2; exit 7'",
        "sh ended with exit code 7; its standard error ends with: starting | no such file",
      ],
      // What a program has left behind may hold the other end.
      [
        "sh -c 'sleep 47 >/dev/null & echo oh no >&2; exit 7'",
        "sh ended with exit code 7; its standard error ends with: oh no",
      ],
    ];
    for (const [program, how] of programs) {
      const line = await connect(`command:${program}`);
      const first = await assertRejects(() => within(line.request("m"), "an outcome"));
      assertStringIncludes((first as Error).message, how);
      await line.closed;
      const later = await assertRejects(() => line.request("m"), ConnectionLostError);
      assertStringIncludes(later.message, how);
      await line.close();
    }
  },
);

testWith(["sh"], "of a long standard error the last whole lines are told", async () => {
  const line = await connect(
    `command:sh -c 'i=0; while [ $i -lt 300 ]; do echo line $i >&2; i=$((i+1)); done; exit 3'`,
  );
  const error = await assertRejects(() => within(line.request("m"), "an outcome"));
  const [, said] = (error as Error).message.split("ends with: ");
  assertMatch(said!, /^line \d+ \| .* \| line 299$/);
  assert(said!.length < 2048);
  await line.close();
});

Deno.test("a call rejects with the signal when its program is killed", async () => {
  await withServer(async (line, pid) => {
    const waiting = line.request("wait");
    Deno.kill(Number(pid), "SIGKILL");
    await assertRejects(() => waiting, ConnectionLostError, "was ended by SIGKILL");
  });
});

Deno.test("close() kills a program that neither its input's end nor SIGTERM ends", async () => {
  await withServer(async (line, pid) => {
    assertEquals(await line.request("stay"), true);
    assert(isAlive(pid));
    await within(line.close(), "the program to be killed");
    assertEquals(isAlive(pid), false);
  });
});

testWith(["sh", "sleep", "ps"], "close() ends what the program has started", async () => {
  // The first shell ends with its input, the second ignores SIGTERM, and neither takes a child along.
  for (const program of ["sleep 47 & echo $!; cat", 'trap "" TERM; sleep 47 & echo $!; wait']) {
    let text = "";
    const line = await connect(`command:sh -c '${program}'`, {
      wrapSocket: (socket) => ({
        ...inherited(socket),
        async read(buffer) {
          const count = await socket.read(buffer);
          if (count !== null) text += new TextDecoder().decode(buffer.subarray(0, count));
          return count;
        },
      }),
    });
    await until(() => text.includes("\n"), "the shell to tell of its child");
    const child = parseInt(text);
    assert(isRunning(child));
    await within(line.close(), "the shell to end");
    await until(() => !isRunning(child), "the shell's child to end");
  }
});

/** The members of a socket, for one that differs in some. */
function inherited(socket: Socket): Socket {
  return {
    remote: socket.remote,
    local: socket.local,
    lasting: true,
    read: (buffer) => socket.read(buffer),
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite!(),
    close: () => socket.close(),
  };
}

// ---- A language server -------------------------------------------------------------------------

const SOURCE = `def greet(name):\n    """Says hello."""\n    return name\n\n\ngreet("x")\n`;

/** The life of a document in an editor. */
async function edit(line: Line): Promise<void> {
  const initialized = await line.request("initialize", {
    processId: null,
    rootUri: null,
    capabilities: {},
  }) as { capabilities: { hoverProvider: boolean } };
  assertEquals(initialized.capabilities.hoverProvider, true);
  const notify = line.notify as unknown as Record<string, (value?: unknown) => void>;
  notify["initialized"]!({});
  const uri = "file:///landline.py";
  notify["textDocument/didOpen"]!({
    textDocument: { uri, languageId: "python", version: 1, text: SOURCE },
  });
  const hover = await line.request("textDocument/hover", {
    textDocument: { uri },
    position: { line: 5, character: 2 },
  });
  const shown = JSON.stringify(hover);
  assertStringIncludes(shown, "greet(name)");
  assertStringIncludes(shown, "Says hello.");
  assertEquals(await line.request("shutdown"), null);
  notify["exit"]!();
  await within(line.closed, "the language server to end");
}

const LSP: ConnectOptions = { framing: "headers", reconnect: false };

testWith(["pylsp"], "pylsp is driven over command:", async () => {
  const line = await connect("command:pylsp", LSP);
  await edit(line);
  const { error } = await line.closed;
  assertEquals((error as Error).message, "pylsp ended with exit code 0");
});

testWith(["pylsp"], "pylsp is driven over TCP", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const server = new Deno.Command("pylsp", {
    args: ["--tcp", "--host", "127.0.0.1", "--port", String(port)],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    let line: Line | undefined;
    let dialling = false;
    await until(() => {
      if (line === undefined && !dialling) {
        dialling = true;
        connect(`tcp://127.0.0.1:${port}`, LSP).then((it) => line = it, () => {})
          .finally(() => dialling = false);
      }
      return line !== undefined;
    }, "pylsp to listen");
    await edit(line!);
  } finally {
    try {
      server.kill("SIGKILL");
    } catch {
      // ended with its only connection
    }
    await server.status;
  }
});

testWith(["python3"], "a program in another language answers over command:", async () => {
  const program = [
    "import json, sys",
    "for line in sys.stdin:",
    "    call = json.loads(line)",
    '    answer = {"jsonrpc": "2.0", "id": call["id"], "result": sum(call["params"])}',
    "    print(json.dumps(answer), flush=True)",
  ].join("\n");
  await using line = await connect(`command:python3 -c ${encodeURIComponent(`'${program}'`)}`);
  assertEquals(await line.request("add", [1, 2]), 3);
});
