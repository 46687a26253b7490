/**
 * What silent connections cost: the memory of a server with many of them, each after one small call;
 * again when some have sent large messages; and when all have gone.
 *
 *     deno run -A bench/idle.ts [--connections 10000] [--only NAME]
 *
 * Each connection takes a descriptor in either process: `ulimit -n` must allow for them.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { websocket } from "../lib/framing/websocket.ts";
import { textOf } from "./measure.ts";
import { Program } from "./program.ts";

/** How calls are written. Large messages are sent as lines only: a server ends silent connections of HTTP. */
type Protocol = "lines" | "http" | "websocket";

/** How the servers are called and run. */
const SERVERS: readonly {
  readonly name: string;
  readonly program: string;
  readonly args?: readonly string[];
  readonly flags?: readonly string[];
  /** How it is called. @default lines */
  readonly protocol?: Protocol;
}[] = [
  { name: "by hand, buffers of 64 KiB", program: "by_hand.ts" },
  { name: "by hand, buffers of 64 bytes", program: "by_hand.ts", args: ["64"] },
  { name: "Landline", program: "server.ts" },
  { name: "Landline, HTTP", program: "server.ts", protocol: "http" },
  { name: "Landline, WebSocket", program: "server.ts", protocol: "websocket" },
  {
    name: "Landline, small young generation",
    program: "server.ts",
    flags: ["--v8-flags=--max-semi-space-size=8"],
  },
];

/** Connections that send large messages, and how many each; bytes of one. */
const BURSTING = 100;
const BURSTS = 2;
const LARGE = 1_000_000;

/** Seconds in which a server comes to rest, and in which V8 gives back what it does not need. */
const REST = 2;
const LONG_REST = 40;

const ADD = '{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1,"b":2}}';
const ECHO = `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"data":"${textOf(LARGE)}"}}`;
const HEAD = "HTTP/1.1\r\nHost: 127.0.0.1\r\n";
const HANDSHAKE = `GET / ${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A call, as it is written. */
function written(text: string, protocol: Protocol): Uint8Array<ArrayBuffer> {
  if (protocol === "websocket") {
    return websocket.client.encode([text], (size) => new Uint8Array(size));
  }
  const type = "Content-Type: application/json", length = `Content-Length: ${text.length}`;
  return new TextEncoder().encode(
    protocol === "lines" ? text + "\n" : `POST / ${HEAD}${type}\r\n${length}\r\n\r\n${text}`,
  );
}

/** Makes a call, and reads its answer, which ends with a line, an object, or an empty line. */
async function call(conn: Deno.Conn, request: Uint8Array<ArrayBuffer>): Promise<void> {
  const sending = (async () => {
    for (let sent = 0; sent < request.length;) sent += await conn.write(request.subarray(sent));
  })();
  const buffer = new Uint8Array(request.length > 1000 ? 1 << 18 : 256);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("Cannot measure: the server closed a connection");
    if (buffer[count - 1] === 10 || buffer[count - 1] === 0x7d) break;
  }
  await sending;
}

/** MiB of the server's, after so many seconds. */
async function memory(server: Program, rest = REST): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, rest * 1000));
  return (server.memory ?? NaN) / 1024;
}

const { connections, only } = parseArgs(Deno.args, {
  string: ["connections", "only"],
  default: { connections: "10000" },
});
const count = Number(connections);
const rows: (string | number)[][] = [];
for (const { name, program, args = [], flags = [], protocol = "lines" } of SERVERS) {
  if (only !== undefined && only !== name) continue;
  await using server = new Program(program, ["0", ...args], undefined, flags);
  const port = Number((await server.line()).replace(/^.*:/, ""));
  const start = await memory(server);
  const add = written(ADD, protocol), echo = written(ECHO, "lines");
  const conns: Deno.Conn[] = [];
  while (conns.length < count) {
    const some = Array.from({ length: Math.min(100, count - conns.length) }, async () => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      if (protocol === "websocket") await call(conn, new TextEncoder().encode(HANDSHAKE));
      await call(conn, add);
      return conn;
    });
    conns.push(...await Promise.all(some));
  }
  const called = await memory(server), idle = await memory(server, LONG_REST);
  let burst = NaN, after = NaN;
  if (protocol === "lines") {
    // Read by 64 bytes a large message takes minutes.
    for (let i = 0; i < BURSTS && args[0] !== "64"; i++) {
      await Promise.all(conns.slice(0, BURSTING).map((conn) => call(conn, echo)));
    }
    burst = await memory(server);
    after = await memory(server, LONG_REST);
  }
  for (const conn of conns) conn.close();
  const end = await memory(server);
  rows.push([
    name,
    start.toFixed(0),
    called.toFixed(0),
    idle.toFixed(0),
    ((idle - start) * 1024 / count).toFixed(2),
    ...[burst, after].map((mib) => Number.isNaN(mib) ? "" : mib.toFixed(0)),
    end.toFixed(0),
  ]);
  console.error(rows.at(-1)!.join(", "));
}

console.log(
  `MiB of the server's: at its start, with ${count} connections after one call each, and after ` +
    `${LONG_REST} s of quiet; after ${BURSTS} echoes of ${LARGE / 1e6} MB each on ${BURSTING} of ` +
    `them, and after as long; when all are closed.\n`,
);
const head = ["", "start", "called", "idle", "KiB each", "burst", "after", "closed"];
const rule = ["---", ...head.slice(1).map(() => "---:")];
for (const row of [head, rule, ...rows]) console.log(`| ${row.join(" | ")} |`);
