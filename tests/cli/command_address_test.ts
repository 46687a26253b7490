// client.ts 'command:PROGRAM': what becomes of the program, and of what it has started.
import { assert, assertEquals } from "@std/assert";
import { isRunning } from "../support/child.ts";
import { until } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";
import { CLIENT, makeFolder, Program, runClient } from "./_programs.ts";

const FLAGS = ["-N", "--allow-run"];

/** A file in which a shell writes the ids of itself and of its child. */
async function pidsOf(file: string): Promise<number[]> {
  let pids: number[] = [];
  await until(() => {
    try {
      pids = Deno.readTextFileSync(file).trim().split(/\s+/).filter(Boolean).map(Number);
    } catch {
      // not there yet
    }
    return pids.length === 2;
  }, "the shell to tell who it is");
  return pids;
}

testWith(["sh", "sleep", "ps"], "client.ts --timeout leaves no process behind", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/pids`;
  const address = `command:sh -c 'sleep 47 & echo $$ $! > ${file}; wait'`;
  const { code } = await runClient(["--timeout", "1500", address, "x"], { flags: FLAGS });
  assertEquals(code, 4);
  const pids = await pidsOf(file);
  await until(() => !pids.some(isRunning), "both to end");
});

testWith(
  ["sh", "sleep", "ps", "python3"],
  "client.ts leaves no process behind after success",
  async () => {
    await using folder = await makeFolder({
      "server.py": [
        "import json, os, signal, subprocess, sys",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "child = subprocess.Popen(['sleep', '47'])",
        "print(os.getpid(), child.pid, file=open(sys.argv[1], 'w'))",
        "while True:",
        "    line = sys.stdin.readline()",
        "    if line == '':",
        "        signal.pause()",
        "    id = json.loads(line)['id']",
        "    print(json.dumps({'jsonrpc': '2.0', 'id': id, 'result': 'pong'}), flush=True)",
      ].join("\n"),
    });
    const file = `${folder.path}/pids`;
    const address = `command:python3 ${folder.path}/server.py ${file}`;
    const { code, stdout } = await runClient([address, "ping"], { flags: FLAGS });
    assertEquals([code, stdout], [0, '"pong"\n']);
    const pids = await pidsOf(file);
    await until(() => !pids.some(isRunning), "both to end");
  },
);

testWith(["sh", "sleep", "ps"], "client.ts leaves no process behind at Ctrl-C", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/pids`;
  const address = `command:sh -c 'sleep 47 & echo $$ $! > ${file}; wait'`;
  await using client = new Program(CLIENT, [address, "x"], { flags: FLAGS });
  const pids = await pidsOf(file);
  assert(pids.every(isRunning));
  client.kill("SIGINT");
  assertEquals((await client.outcome()).code, 130);
  await until(() => !pids.some(isRunning), "both to end");
});

testWith(["sh"], "client.ts says once what a program said that has ended", async () => {
  const { code, stderr } = await runClient([
    "--plain",
    "command:sh -c 'echo ouch >&2; exit 7'",
    "x",
  ], {
    flags: FLAGS,
  });
  assertEquals(code, 1);
  assertEquals(
    stderr.split("sh ended with exit code 7; its standard error ends with: ouch").length,
    2,
  );
});
