// Servers that are programs of their own, with our client.

import { assertEquals, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { type Api, connect, type Line, method, notification } from "../../lib/mod.ts";
import { FrameStream } from "../../lib/wire.ts";
import { within } from "../support/deadline.ts";
import { Events } from "../support/events.ts";
import { Program } from "../support/program.ts";
import { GLIB, python } from "./_client_program.ts";
import { compiled } from "./_go.ts";
import { program } from "./_npm.ts";
import { type Pair, pairOf } from "./_pairs.ts";
import { failsWith, hundred, notify } from "./_servers.ts";

/** What a stack holds, and what a test works with. */
function owned<T extends object>(stack: AsyncDisposableStack, ends: T): T & AsyncDisposable {
  const all = stack.move();
  return { ...ends, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** The name of a Unix socket that goes with the stack, and its folder with it. */
async function folderOf(stack: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  return folder;
}

async function goServer() {
  await using stack = new AsyncDisposableStack();
  const path = await compiled("net_rpc");
  const theirs = stack.use(Program.run([path]));
  const line = stack.use(await connect(`tcp://${await theirs.line()}`));
  return owned(stack, { line });
}

async function glibServer() {
  await using stack = new AsyncDisposableStack();
  const heard = new Events<unknown>();
  const theirs = stack.use(Program.run(python("glib.py", "serve")));
  const line = stack.use(
    await connect(`tcp://127.0.0.1:${await theirs.line()}`, {
      framing: "headers",
      extensions: false,
      api: {
        ask: method(z.string(), (question) => `${question} Yes.`),
        note: notification(z.unknown(), heard.add),
      },
    }),
  );
  return owned(stack, { line, heard });
}

const SCHEMA = {
  name: "Landline",
  version: "1.0.0",
  tables: { Line: { columns: { text: { type: "string" } } } },
};

async function ovsdbServer() {
  await using stack = new AsyncDisposableStack();
  const folder = await folderOf(stack), updates = new Events<unknown>();
  await Deno.writeTextFile(`${folder}/schema`, JSON.stringify(SCHEMA));
  const args = ["create", `${folder}/db`, `${folder}/schema`];
  await new Deno.Command("ovsdb-tool", { args }).output();
  stack.use(Program.run([
    "ovsdb-server",
    `${folder}/db`,
    `--remote=punix:${folder}/sock`,
    `--unixctl=${folder}/ctl`,
    "--no-chdir",
  ]));
  const line = stack.use(
    await connect(`unix://${folder}/sock`, {
      version: "1.0",
      reconnect: "always", // it may not listen yet
      api: {
        update: notification(
          z.tuple([z.unknown(), z.unknown()]),
          ([, tables]) => updates.add(tables),
        ),
        echo: method(z.array(z.unknown()), (params) => params),
      },
    }),
  );
  return owned(stack, { line, updates });
}

/** Inserts a row, and waits for nothing else. */
const insert = ({ line }: { line: Line }, text: string) =>
  line.request("transact", ["Landline", { op: "insert", table: "Line", row: { text } }]);

async function acpAgent() {
  await using stack = new AsyncDisposableStack();
  const updates = new Events<unknown>();
  const api: Api = {
    "session/update": notification(
      z.looseObject({ update: z.looseObject({ content: z.object({ text: z.string() }) }) }),
      ({ update }) => updates.add(update.content.text),
    ),
    "session/request_permission": method(
      z.looseObject({ options: z.array(z.looseObject({ optionId: z.string() })) }),
      ({ options }) => ({ outcome: { outcome: "selected", optionId: options[0]!.optionId } }),
    ),
  };
  const command = program("acp.js", "agent").map((word) => `'${word}'`).join(" ");
  const line = stack.use(
    await connect(`command:${encodeURIComponent(command)}`, { extensions: false, api }),
  );
  const initialized = await line.request("initialize", {
    protocolVersion: 1,
    clientCapabilities: {},
  });
  return owned(stack, { line, updates, initialized });
}

/** Starts QEMU; gives the path at which its monitor listens. */
export async function startQemu(stack: AsyncDisposableStack): Promise<string> {
  const path = `${await folderOf(stack)}/qmp`;
  const theirs = stack.use(Program.run([
    "qemu-system-x86_64",
    ...["-machine", "none", "-nodefaults", "-display", "none"],
    ...["-qmp", `unix:${path},server=on,wait=off`],
    ...["-monitor", "stdio"],
  ]));
  await theirs.line(); // the other monitor greets once the first one listens
  return path;
}

/** QEMU's monitor speaks JSON that is no JSON-RPC: our framing reads it. */
async function qemu() {
  await using stack = new AsyncDisposableStack();
  const socket = await Deno.connect({ transport: "unix", path: await startQemu(stack) });
  const frames = stack.adopt(
    socket.readable.pipeThrough(new FrameStream({ framing: "json" })).getReader(),
    (frames) => frames.cancel(),
  );
  const writer = socket.writable.getWriter(), encoder = new TextEncoder();
  /** The next message that has this member. */
  const next = async (member: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const { value } = await within(frames.read(), "QEMU");
      if (typeof value !== "string") throw new Error(`Not a message: ${Deno.inspect(value)}`);
      const message = JSON.parse(value);
      if (member in message) return message;
    }
  };
  const send = (...commands: object[]) =>
    writer.write(encoder.encode(commands.map((command) => JSON.stringify(command)).join("")));
  await next("QMP");
  await send({ execute: "qmp_capabilities" });
  await next("return");
  return owned(stack, { next, send });
}

export const SERVER_PROGRAMS: readonly Pair[] = [
  pairOf(
    {
      theirs: "Go net/rpc/jsonrpc",
      over: "tcp, json (JSON-RPC 1.0)",
      how: "`go jsonrpc.ServeConn(conn)`",
    },
    goServer,
    {
      call: async ({ line }) => assertEquals(await line.request("Text.Upper", ["hé😀"]), "HÉ😀"),
      "by name": async ({ line }) =>
        assertEquals(
          await line.request("Text.Subtract", [{ Minuend: 42, Subtrahend: 23 }]),
          19,
        ),
      error: async ({ line }) => {
        const { message } = await failsWith(-32002, line.request("Text.Nope", [1]));
        assertEquals(message, "rpc: can't find method Text.Nope");
      },
      notification: "it has none: its server answers everything, its client always sends an id",
      batch: "it has no batches",
      "100 at once": ({ line }) =>
        hundred((n) => line.request("Text.Upper", [`n${n}`]), (n) => `N${n}`),
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": "it only answers",
    },
    ["go"],
  ),
  pairOf(
    {
      theirs: "jsonrpc-glib 3",
      over: "tcp, headers",
      how:
        '`Jsonrpc.Server().accept_io_stream(connection)`, from Python; `connect(address, { framing: "headers" })`',
    },
    glibServer,
    {
      call: async ({ line }) => assertEquals(await line.request("upper", ["hé😀"]), "HÉ😀"),
      "by name": async ({ line }) =>
        assertEquals(await line.request("subtract", { minuend: 42, subtrahend: 23 }), 19),
      error: {
        run: async ({ line }) => void await failsWith(-32601, line.request("nope", [])),
        but: "its server leaves a call without params unanswered: pass `[]`",
      },
      notification: async (ends) => {
        notify(ends, "note", { text: "noted" });
        assertEquals(await ends.heard.count(1), [{ text: "noted" }]);
      },
      batch: "it has no batches",
      "100 at once": ({ line }) => hundred((n) => line.request("upper", [`n${n}`]), (n) => `N${n}`),
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": async ({ line }) => assertEquals(await line.request("ask", []), "Really? Yes."),
    },
    GLIB,
  ),
  pairOf(
    {
      theirs: "ovsdb-server 3",
      over: "unix, json (JSON-RPC 1.0)",
      how: '`ovsdb-server DB --remote=punix:PATH`; `connect("unix://PATH", { version: "1.0" })`',
    },
    ovsdbServer,
    {
      call: async ({ line }) =>
        assertEquals(await line.request("list_dbs"), ["Landline", "_Server"]),
      "by name": "its methods take arrays",
      error: async ({ line }) => {
        const error = await failsWith(-32002, line.request("get_schema", ["nope"]));
        assertStringIncludes(error.message, "unknown database");
      },
      notification: async (ends) => {
        notify(ends, "set_db_change_aware", [true]);
        assertEquals(await ends.line.request("echo", ["there"]), ["there"]);
      },
      batch: "it has no batches",
      "100 at once": ({ line }) => hundred((n) => line.request("echo", [n]), (n) => [n]),
      cancel: "it cancels with a notification of its own",
      progress: "it has no progress",
      "calls back": async (ends) => {
        await ends.line.request("monitor", ["Landline", 1, { Line: { columns: ["text"] } }]);
        await insert(ends, "hello");
        const [tables] = await ends.updates.count(1);
        const { Line } = tables as { Line: Record<string, unknown> };
        assertEquals(Object.values(Line), [{ new: { text: "hello" } }]);
      },
    },
    ["ovsdb-server", "ovsdb-tool"],
  ),
  pairOf(
    {
      theirs: "@agentclientprotocol/sdk 2",
      over: "command, json",
      how:
        '`agent({ name }).onRequest(…).connect(ndJsonStream(output, input))`; `connect("command:node agent.js")`',
    },
    acpAgent,
    {
      call: "its methods take objects",
      "by name": async ({ line, initialized }) => {
        assertEquals((initialized as { protocolVersion: number }).protocolVersion, 1);
        const session = await line.request("session/new", { cwd: "/", mcpServers: [] });
        assertEquals(session, { sessionId: "one" });
      },
      error: async ({ line }) => void await failsWith(-32601, line.request("nope", {})),
      notification: async (ends) => {
        notify(ends, "session/cancel", { sessionId: "one" });
        await ends.line.request("session/new", { cwd: "/", mcpServers: [] });
      },
      batch: "it has no batches",
      "100 at once": ({ line }) =>
        hundred(
          () => line.request("session/new", { cwd: "/", mcpServers: [] }),
          () => ({ sessionId: "one" }),
        ),
      cancel: "it cancels with a notification of its own",
      progress: async ({ line, updates }) => {
        const prompt = [{ type: "text", text: "Go" }];
        const answer = await line.request("session/prompt", { sessionId: "one", prompt });
        // It has asked back before, whether it may.
        assertEquals([answer, updates.all], [{ stopReason: "end_turn" }, ["half"]]);
      },
      "calls back": async ({ line }) => {
        const prompt = [{ type: "text", text: "Go" }];
        const answer = await line.request("session/prompt", { sessionId: "one", prompt });
        assertEquals(answer, { stopReason: "end_turn" });
      },
    },
    ["npm:@agentclientprotocol/sdk@2"],
  ),
  pairOf(
    {
      theirs: "QEMU 7 (QMP)",
      over: "unix, json without JSON-RPC",
      how:
        '`qemu-system-x86_64 -qmp unix:PATH,server=on,wait=off`; `readable.pipeThrough(new FrameStream({ framing: "json" }))`, or `client.ts --raw unix://PATH`',
    },
    qemu,
    {
      call: async ({ next, send }) => {
        await send({ execute: "query-status" });
        assertEquals(Object.keys(await next("return")), ["return"]);
      },
      "by name": async ({ next, send }) => {
        await send({ execute: "qom-list", arguments: { path: "/" }, id: 1 });
        assertEquals((await next("return")).id, 1);
      },
      error: async ({ next, send }) => {
        await send({ execute: "nope" });
        const { error } = await next("error");
        assertEquals((error as { class: string }).class, "CommandNotFound");
      },
      notification: "it only answers",
      batch: "it has no batches",
      "100 at once": async ({ next, send }) => {
        const ids = Array.from({ length: 100 }, (_, id) => id);
        await send(...ids.map((id) => ({ execute: "query-status", id })));
        for (const id of ids) assertEquals((await next("return")).id, id);
      },
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": async ({ next, send }) => {
        await send({ execute: "stop" });
        assertEquals((await next("event")).event, "STOP");
      },
    },
    ["qemu-system-x86_64"],
  ),
];
