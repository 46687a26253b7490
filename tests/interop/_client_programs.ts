// Clients that are programs of their own, with our server.

import { assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { type Api, method, notification, type Peer, withContext } from "../../lib/mod.ts";
import { clientProgram, GLIB, portOf, prints, python } from "./_client_program.ts";
import { compiled } from "./_go.ts";
import { program } from "./_npm.ts";
import type { Pair } from "./_pairs.ts";

// ---- Open vSwitch: JSON-RPC 1.0, without newlines ----------------------------------------------------

const row = "53af9a53-1ea4-4fd8-9c6d-6d1a3d9a7a5";

const monitor = { update: notification(z.unknown(), () => {}) };
const withMonitor = withContext<{ peer: Peer<typeof monitor> }>();

const database: Api = {
  list_dbs: method(() => ["Landline"]),
  get_schema: method(z.tuple([z.literal("Landline")]), () => ({
    name: "Landline",
    version: "1.0.0",
    tables: { Line: { columns: { text: { type: "string" } } } },
  })),
  transact: method(z.array(z.unknown()), () => [{ rows: [{ text: "hello" }] }]),
  monitor: withMonitor.method(z.array(z.unknown()), ([, id], { peer }) => {
    const changed = (n: number, text: string) => ({ Line: { [`${row}${n}`]: { new: { text } } } });
    // Once this call is answered.
    setTimeout(() => peer.notify.update([id, changed(1, "later")]), 0);
    return changed(0, "now");
  }),
  echo: method(z.array(z.unknown()), (params) => params),
};

// ---- The Agent Client Protocol -----------------------------------------------------------------------

const acpClient = {
  "session/update": notification(z.unknown(), () => {}),
  "session/request_permission": method(z.unknown(), () => ({ outcome: { optionId: "" } })),
};
const withAcpClient = withContext<{ peer: Peer<typeof acpClient> }>();

/** An agent: it tells what it does, asks whether it may, and ends. */
const agent: Api = {
  initialize: method(z.looseObject({ protocolVersion: z.number() }), ({ protocolVersion }) => ({
    protocolVersion,
    agentCapabilities: {},
  })),
  "session/new": method(z.looseObject({}), () => ({ sessionId: "one" })),
  "session/prompt": withAcpClient.method(
    z.looseObject({ sessionId: z.string() }),
    async ({ sessionId }, { peer }) => {
      const content = { type: "text", text: "half" };
      peer.notify["session/update"]({
        sessionId,
        update: { sessionUpdate: "agent_message_chunk", content },
      });
      const { outcome } = await peer.call["session/request_permission"]({
        sessionId,
        toolCall: { toolCallId: "1", title: "Really?" },
        options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
      });
      return { stopReason: outcome.optionId === "yes" ? "end_turn" : "refusal" };
    },
  ),
};

export const CLIENT_PROGRAMS: readonly Pair[] = [
  clientProgram({
    theirs: "Go net/rpc/jsonrpc",
    over: "tcp, json (JSON-RPC 1.0)",
    how: '`jsonrpc.Dial("tcp", address)`',
    start: async (address) => [await compiled("net_rpc"), address],
    tools: ["go"],
    cells: {
      error: {
        run: async ({ program }) => {
          const [, error] = JSON.parse(await program.line());
          assertStringIncludes(error, "Method not found");
        },
        but:
          "its client hangs up after it: JSON-RPC 1.0 does not say what an error is, ours is an " +
          "object, and Go takes a text alone for one",
      },
      notification: "it has none: its server answers everything, its client always sends an id",
      batch: "it has no batches",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": "it only asks",
    },
  }),
  clientProgram({
    theirs: "Go sourcegraph/jsonrpc2",
    over: "tcp, headers",
    how:
      "`jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(conn, jsonrpc2.VSCodeObjectCodec{}), handler)`",
    start: async (address) => [await compiled("jsonrpc2"), address],
    tools: ["go", "debian:golang-github-sourcegraph-jsonrpc2-dev"],
    cells: {
      batch: "it has no batches",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
    },
  }),
  clientProgram({
    theirs: "jsonrpc-glib 3",
    over: "tcp, headers",
    how: "`Jsonrpc.Client.new(Gio.SocketClient().connect_to_host(…))`, from Python",
    start: (address) => python("glib.py", "call", portOf(address)),
    tools: GLIB,
    cells: {
      batch: "it has no batches",
      cancel: "it forgets a call without telling the other end",
      progress: "it has no progress",
    },
  }),
  clientProgram({
    theirs: "@agentclientprotocol/sdk 2",
    over: "tcp, json",
    how:
      "`client({ name }).connectWith(ndJsonStream(output, input), …)`, on the streams of a socket",
    start: (address) => program("acp.js", "client", portOf(address)),
    tools: ["npm:@agentclientprotocol/sdk@2"],
    api: agent,
    cells: {
      call: "its methods take objects",
      "by name": prints([1, "one"]),
      batch: "it has no batches",
      cancel: "it cancels with a notification of its own",
      progress: prints(["half", "end_turn"]),
      "calls back": prints("end_turn"),
    },
  }),
  clientProgram({
    theirs: "ovsdb-client 3",
    over: "unix, json (JSON-RPC 1.0)",
    how: "`ovsdb-client monitor unix:PATH DATABASE TABLE`",
    start: (path) => ["bash", `${import.meta.dirname}/programs/ovsdb_client.sh`, `unix:${path}`],
    onPath: true,
    api: database,
    tools: ["ovsdb-client"],
    cells: {
      call: prints([{ rows: [{ text: "hello" }] }]),
      "by name": "its methods take arrays",
      error: prints({ message: "Method not found", code: -32601 }),
      notification: "it only asks",
      batch: "it has no batches",
      "100 at once": "it makes one call after another",
      cancel: "it cancels with a notification of its own",
      progress: "it has no progress",
      "calls back": prints(["now", "later"]),
    },
  }),
  clientProgram({
    theirs: "Open vSwitch's ovs.jsonrpc 3",
    over: "unix, json (JSON-RPC 1.0)",
    how: '`ovs.jsonrpc.Session.open("unix:PATH")`, from Python',
    start: (path) => python("ovs_session.py", `unix:${path}`),
    onPath: true,
    api: database,
    tools: ["debian:python3-openvswitch"],
    cells: {
      "by name": "its methods take arrays",
      batch: "it has no batches",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
    },
  }),
];
