// Foreign clients against our server, as their users would write them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect as dialNode } from "node:net";
import * as rpc from "npm:vscode-jsonrpc@10/node";
import * as z from "npm:zod@4";
import { method, serve } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { runFed } from "../support/program.ts";
import { testWith } from "../support/tools.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  subtract: method(
    z.object({ minuend: z.number(), subtrahend: z.number() }),
    ({ minuend, subtrahend }) => minuend - subtrahend,
  ),
};

/** Runs a program with this on its standard input, which then ends; gives what it printed. */
async function output(command: string, args: string[], input: string): Promise<string> {
  const { code, stdout, stderr } = await runFed([command, ...args], input);
  assertEquals(code, 0, stderr);
  return stdout;
}

const portOf = (address: string) => new URL(address).port;

testWith(["nc"], "nc gets a line for a line, and the rest after it has said its last", async () => {
  await using server = serve(api, HERE);
  const calls = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}\n' +
    '{"jsonrpc":"2.0","method":"upper","params":["nobody asks"]}\r\n' +
    "\n" +
    '{"id":2,"method":"subtract","params":[42,23]}\n';
  // -N: half-closes at the end of its input, and stays for the answers.
  const args = ["-N", "127.0.0.1", portOf(server.addresses[0]!)];
  assertEquals(
    await output("nc", args, calls),
    '{"jsonrpc":"2.0","id":1,"result":"HELLO"}\n{"id":2,"result":19,"error":null}\n',
  );
});

testWith(["nc"], "nc calls over a Unix socket", async () => {
  const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
  await using server = serve(api, { listen: `unix://${path}` });
  await server.ready;
  const call = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}\n';
  assertEquals(
    await output("nc", ["-N", "-U", path], call),
    '{"jsonrpc":"2.0","id":1,"result":"HELLO"}\n',
  );
});

/** A client of twenty lines. */
const PYTHON = `
import json, socket, sys

line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
file = line.makefile("rw", encoding="utf-8", newline="\\n")

def call(id, method, params):
    request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    file.write(json.dumps(request) + "\\n")
    file.flush()
    answer = json.loads(file.readline())
    assert answer["id"] == id, answer
    if "error" in answer:
        return answer["error"]["code"]
    return answer["result"]

print(call(1, "upper", ["h\\u00e9llo \\U0001f600"]))
print(call("two", "subtract", {"minuend": 42, "subtrahend": 23}))
print(call(12345678901234567890, "subtract", [42, 23]))
print(call(4, "nope", []))
`;

testWith(
  ["python3"],
  "Python's socket calls, and gets its integers back as they were",
  async () => {
    await using server = serve(api, HERE);
    const port = portOf(server.addresses[0]!);
    assertEquals(await output("python3", ["-c", PYTHON, port], ""), "HÉLLO 😀\n19\n19\n-32601\n");
  },
);

/** The same with a length before each message. */
const PYTHON_LENGTH = `
import json, socket, struct, sys

line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
file = line.makefile("rwb")
for id in range(3):
    body = json.dumps({"jsonrpc": "2.0", "id": id, "method": "upper", "params": ["x" * id]}).encode()
    file.write(struct.pack(">I", len(body)) + body)
file.flush()
for id in range(3):
    (size,) = struct.unpack(">I", file.read(4))
    answer = json.loads(file.read(size))
    print(answer["id"], answer["result"])
`;

testWith(["python3"], "Python's struct calls with a length before each message", async () => {
  await using server = serve(api, HERE);
  const port = portOf(server.addresses[0]!);
  assertEquals(await output("python3", ["-c", PYTHON_LENGTH, port], ""), "0 \n1 X\n2 XX\n");
});

Deno.test("vscode-jsonrpc requests, notifies and cancels over TCP", async () => {
  const noted = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>(), aborted = Promise.withResolvers<unknown>();
  await using server = serve({
    ...api,
    note: method(z.object({ text: z.string() }), ({ text }) => noted.resolve(text)),
    wait: method(async (_, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.resolve(signal.reason);
    }),
  }, HERE);
  const socket = dialNode(Number(portOf(server.addresses[0]!)), "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(socket),
    new rpc.StreamMessageWriter(socket),
  );
  connection.listen();
  try {
    await within(calls(), "vscode-jsonrpc");
  } finally {
    connection.dispose();
    socket.destroy();
    await closed;
  }

  async function calls() {
    // Its way of passing one value by position, and one by name.
    assertEquals(await connection.sendRequest("upper", "hé😀"), "HÉ😀");
    assertEquals(await connection.sendRequest("subtract", 42, 23), 19);
    assertEquals(await connection.sendRequest("subtract", { minuend: 42, subtrahend: 23 }), 19);
    assertEquals(await connection.sendRequest("rpc.ping"), null);

    await connection.sendNotification("note", { text: "noted" });
    assertEquals(await noted.promise, "noted");

    const unknown = await assertRejects(() => connection.sendRequest("nope"), rpc.ResponseError);
    assertEquals(unknown.code, rpc.ErrorCodes.MethodNotFound);
    const refused = await assertRejects(
      () => connection.sendRequest("upper", 5),
      rpc.ResponseError,
    );
    assertEquals(refused.code, rpc.ErrorCodes.InvalidParams);

    const source = new rpc.CancellationTokenSource();
    const waiting = connection.sendRequest("wait", source.token);
    await begun.promise;
    source.cancel();
    // LSP's number for a request that its sender cancelled.
    assertEquals((await assertRejects(() => waiting, rpc.ResponseError)).code, -32800);
    assert(await aborted.promise);
    source.dispose();
    assertEquals(await connection.sendRequest("upper", "again"), "AGAIN");
  }
});

Deno.test("vscode-jsonrpc gets a hundred answers to a hundred calls at once", async () => {
  await using server = serve(api, HERE);
  const socket = dialNode(Number(portOf(server.addresses[0]!)), "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(socket),
    new rpc.StreamMessageWriter(socket),
  );
  connection.listen();
  const texts = Array.from({ length: 100 }, (_, n) => `n${n}`);
  const calls = texts.map((text) => connection.sendRequest("upper", text));
  try {
    assertEquals(
      await within(Promise.all(calls), "the answers"),
      texts.map((text) => text.toUpperCase()),
    );
  } finally {
    connection.dispose();
    socket.destroy();
    await closed;
  }
});
