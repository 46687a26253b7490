// What handlers and callbacks throw is printed if nobody listens, once, with the method; what peers do wrong
// is not.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeFolder } from "../cli/_programs.ts";
import { LIB } from "../support/child.ts";

const TESTING = new URL("testing.ts", LIB).href;

/** What a program prints on standard error, that is to end by itself. */
async function printed(program: string, args: readonly string[] = []): Promise<string> {
  await using folder = await makeFolder({
    "main.ts": `
import { connect, method, notification, serve, stream } from ${JSON.stringify(LIB)};
import { pair } from ${JSON.stringify(TESTING)};
${program}`,
  });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-net=127.0.0.1", ...args, `${folder.path}/main.ts`],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  return text;
}

const API = `
function fail(): never {
  throw new Error("boom", { cause: new TypeError("why") });
}
const api = {
  "100%s": method(fail),
  later: method(async () => await Promise.resolve().then(fail)),
  items: stream(async function* () {
    yield 1;
    fail();
  }),
  wrong: method(() => new Map()),
  noted: notification(fail),
  strict: notification({
    "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "no" }] }) },
  }, () => {}),
  never: method((_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("left"))))
  ),
};
`;

Deno.test("a handler's error is printed once, with the method, its stack and its cause", async () => {
  const text = await printed(`${API}
await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
await using line = await connect<typeof api>(server.addresses[0]!);
for (const call of [line.call["100%s"], line.call.later, line.call.wrong]) await call().catch(() => {});
await Array.fromAsync(line.call.items()).catch(() => {});
line.notify.noted();
line.notify.strict(1 as never); // what is wrong with a notification's params is its sender's matter
await line.call.never(undefined, { timeout: 20 }).catch(() => {}); // and no word of that it was cancelled
await line.request("rpc.ping");
`);
  for (const name of ["100%s", "later", "items", "noted"]) {
    assertEquals(text.split(`error in ${name}: Error: boom\n    at fail (`).length, 2, text);
  }
  assertEquals(text.split("[cause]: TypeError: ").length, 6, text);
  assertStringIncludes(text, "error in wrong: TypeError: Cannot write the result as JSON\n");
  assert(!text.includes("never") && !text.includes("strict"), text);
  assertStringIncludes(text, "TypeError: a Map cannot travel as JSON");
});

Deno.test("with an onError nothing is printed, and it is told the method", async () => {
  const text = await printed(`${API}
const told: unknown[] = [];
await using ends = await pair(api, { serve: { onError: (error, about) => told.push(about) } });
await ends.line.call.later().catch(() => {});
if (told.join() !== "later") throw told;
`);
  assertEquals(text, "");
});

Deno.test("what a callback throws is printed with its name", async () => {
  const text = await printed(`
const fail = (name: string) => () => {
  throw new Error("in " + name);
};
await using server = serve({ work: method((_, { progress }) => progress(1)) }, {
  listen: "tcp://127.0.0.1:0",
  onListen: fail("onListen"),
  onOpen: fail("onOpen"),
  onClose: fail("onClose"),
});
const line = await connect(server.addresses[0]!, { onState: fail("onState") });
await line.request("work", {}, { onProgress: fail("onProgress") });
await line.close();
await using stateless = serve({}, {
  listen: "tcp://127.0.0.1:0",
  connectionState: fail("connectionState"),
});
const reconnect = false;
await connect(stateless.addresses[0]!, { reconnect }).then((line) => line.request("rpc.ping")).catch(() => {});
`);
  for (const name of ["onListen", "onOpen", "onClose", "connectionState"]) {
    assertStringIncludes(text, `error in the callback ${name} of serve(): Error: in ${name}\n`);
  }
  assertStringIncludes(text, "error in the callback onState of connect(): Error: in onState\n");
  assertMatch(
    text,
    /error in the callback onProgress of work of connect\(\): Error: in onProgress\n/,
  );
});

Deno.test("an onError that throws is printed, and keeps no call from its answer", async () => {
  const text = await printed(`
const api = {
  now: method(() => { throw null; }),
  later: method(() => Promise.reject()),
};
const onError = (error: any) => { error.message; };
await using server = serve(api, { listen: "tcp://127.0.0.1:0", onError, onOpen: () => { throw undefined; } });
await using line = await connect<typeof api>(server.addresses[0]!, {
  onError: async (error: any) => { await 1; throw new Error("from onError"); },
  onState: () => { throw new Error("from onState"); },
});
for (const call of [line.call.now, line.call.later]) {
  const error = await call().catch((error) => error);
  if (error.code !== -32603) throw error;
}
`);
  assertEquals(text.split("error in the callback onError of serve(): TypeError: ").length, 4, text);
  assertStringIncludes(text, "error in the callback onError of connect(): Error: from onError\n");
});

Deno.test("what an asynchronous callback throws is printed with its name, and does not end the process", async () => {
  const text = await printed(`
const fail = (name: string) => async () => {
  await Promise.resolve();
  throw new Error("in " + name);
};
await using server = serve({ work: method((_, { progress }) => progress(1)) }, {
  listen: "tcp://127.0.0.1:0",
  onListen: fail("onListen"),
  onOpen: fail("onOpen"),
  onClose: fail("onClose"),
});
const line = await connect(server.addresses[0]!, { onState: fail("onState") });
await line.request("work", {}, { onProgress: fail("onProgress") });
await line.close();
// A peer that hangs up at a question is no fault of the callback's.
await using asking = serve({}, {
  listen: "tcp://127.0.0.1:0",
  onOpen: async (peer) => void await peer.call.name!(),
});
const silent = await connect(asking.addresses[0]!);
await silent.request("rpc.ping");
const [peer] = asking.peers;
await silent.close();
await peer!.closed;
`);
  for (const name of ["onListen", "onOpen", "onClose"]) {
    assertStringIncludes(text, `error in the callback ${name} of serve(): Error: in ${name}\n`);
  }
  assertStringIncludes(text, "error in the callback onState of connect(): Error: in onState\n");
  assertMatch(text, /the callback onProgress of work of connect\(\): Error: in onProgress\n/);
  assert(!text.includes("ConnectionLostError"), text);
});

Deno.test("what the handlers of a client throw is printed, and what peers do wrong is not", async () => {
  const text = await printed(`
await using server = serve({
  back: method(async (_, { peer }) => await peer.call.crash!().catch(() => "failed")),
}, { listen: "tcp://127.0.0.1:0" });
const api = { crash: method(() => { throw new Error("at the client"); }) };
await using line = await connect(server.addresses[0]!, { api });
if (await line.request("back") !== "failed") throw new Error("it did not fail");
const { port } = new URL(server.addresses[0]!.replace("tcp:", "http:"));
for (const bytes of ["GET / HTTP/1.1\\r\\n\\r\\n", "{]\\n", '{"jsonrpc":"2.0","id":null,"error":{}}\\n', "\\x16\\x03\\x01"]) {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await conn.write(new TextEncoder().encode(bytes));
  await conn.closeWrite();
  await new Response(conn.readable).arrayBuffer().catch(() => {});
}
await line.request("rpc.ping");
`);
  assertMatch(text, /^error in crash: Error: at the client\n/);
  assertEquals(text.split("error in").length, 2, text);
  assert(!text.includes("connection of"), text);
});
