// Servers that answer in odd ways: what each sends, and what its caller gets. tests/behaviour/
// foreign_servers_test.ts runs them; the table in docs/foreign-servers.md is made from them:
//
//     deno run -A tests/support/odd_servers.ts

import { TextLineStream } from "@std/streams";
import { until } from "./deadline.ts";
import { bytesOf } from "./raw.ts";
import { connect, ConnectionLostError, type ConnectOptions, RpcError } from "../../lib/mod.ts";

/** A call as a server reads it. */
export interface Heard {
  readonly id: number;
  readonly method: string;
}

/** What a server sends for the call `ping`; bytes go out as they are, and undefined hangs up. */
export type Odd = (call: Heard) => string | Uint8Array | undefined;

export interface OddServer {
  /** What it does, for the table. */
  readonly does: string;
  readonly sends: Odd;
  /** What it sends before it is asked. */
  readonly greets?: string;
  /** Whether it hangs up behind what it sends. */
  readonly hangsUp?: boolean;
  /** Whether it sends back whatever else it hears. */
  readonly echoes?: boolean;
  /** How many answers it gets: to requests of its own. */
  readonly asks?: number;
  /** What the caller gets: JSON for a result, an error's text, in which ADDRESS stands for the server's. */
  readonly gives: string;
  /** What `onError` is told. */
  readonly reports?: readonly string[];
}

const good = ({ id }: Heard) => `{"jsonrpc":"2.0","id":${id},"result":"pong"}\n`;
const refusal = '"error":{"code":-32000,"message":"no"}';

const ASKED = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

export const ODD_SERVERS: readonly OddServer[] = [
  // ---- It is the answer all the same.
  {
    does: "an id in quotes",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":"${id}","result":"pong"}\n`,
    gives: '"pong"',
  },
  {
    does: "an id with a fraction, `1.0`",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":${id}.0,"result":"pong"}\n`,
    gives: '"pong"',
  },
  {
    does: "the shape of JSON-RPC 1.0",
    sends: ({ id }) => `{"id":${id},"result":"pong","error":null}\n`,
    gives: '"pong"',
  },
  {
    does: "an answer in an array",
    sends: ({ id }) => `[{"jsonrpc":"2.0","id":${id},"result":"pong"}]\n`,
    gives: '"pong"',
  },
  {
    does: "members of its own, `\\r\\n`",
    sends: ({ id }) => `{"result":"pong","id":${id},"usIn":12,"usOut":34}\r\n`,
    gives: '"pong"',
  },
  {
    does: "the method once more, and a code",
    sends: ({ id, method }) => `{"id":${id},"method":"${method}","code":0,"result":"pong"}\n`,
    gives: '"pong"',
  },
  {
    does: "all members of all messages",
    sends: ({ id }) =>
      `{"jsonrpc":"2.0","method":null,"params":null,"id":${id},"result":"pong","error":null}\n`,
    gives: '"pong"',
  },
  {
    does: "the same, with an empty method",
    sends: ({ id }) =>
      `{"jsonrpc":"2.0","method":"","params":null,"id":${id},"result":null,"error":null}\n`,
    gives: "null",
  },
  {
    does: "`null` for a result, and for an error",
    sends: ({ id }) => `{"id":${id},"result":null,"error":null}\n`,
    gives: "null",
  },
  {
    does: "an answer to another id first",
    sends: (call) => `{"jsonrpc":"2.0","id":99,"result":"other"}\n${good(call)}`,
    gives: '"pong"',
    reports: ['The peer answered a call with the id "99", and none waits for it'],
  },
  {
    does: "the answer twice",
    sends: (call) => good(call) + good(call),
    gives: '"pong"',
    reports: ['The peer answered a call with the id "1", and none waits for it'],
  },
  {
    does: "notifications and a request of its own first",
    sends: (call) =>
      `{"jsonrpc":"2.0","method":"log","params":["x"]}\n{"id":"echo","method":"echo","params":[]}\n${
        good(call)
      }`,
    asks: 1,
    gives: '"pong"',
  },
  {
    does: "a greeting for people",
    greets: "Welcome to Toy 1.0\r\n",
    sends: good,
    gives: '"pong"',
    reports: [
      'Cannot read what the peer sent (Parse error, byte 0: expected a JSON text, found W): "Welcome to Toy 1.0\\r"',
    ],
  },
  {
    does: "a greeting in JSON",
    greets: '{"version":"toy 1.0"}\n',
    sends: good,
    gives: '"pong"',
    reports: [
      'Cannot read what the peer sent (Invalid Request): "{\\"version\\":\\"toy 1.0\\"}"',
    ],
  },
  { does: "a hang-up behind each answer", sends: good, hangsUp: true, gives: '"pong"' },

  // ---- It is an error, with what the server says.
  {
    does: "an error with the id `null`",
    sends: () => `{"jsonrpc":"2.0","id":null,${refusal}}\n`,
    gives: "RpcError -32000: no",
  },
  {
    does: "an error without an id",
    sends: () => `{"jsonrpc":"2.0",${refusal}}\n`,
    gives: "RpcError -32000: no",
  },
  {
    does: 'an error with the id `""`',
    sends: () => `{"jsonrpc":"2.0","id":"",${refusal}}\n`,
    gives: "RpcError -32000: no",
  },
  {
    does: "an error that is a text",
    sends: ({ id }) => `{"id":${id},"result":null,"error":"no"}\n`,
    gives: "RpcError -32002: no",
  },
  {
    does: "an error without a code",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":${id},"error":{"message":"no"}}\n`,
    gives: "RpcError -32002: no",
  },
  {
    does: "a number that means something else here",
    sends: ({ id }) =>
      `{"jsonrpc":"2.0","id":${id},"error":{"code":-32004,"message":"Method not supported"}}\n`,
    gives: "RpcError -32004: Method not supported",
  },
  {
    does: "both a result and an error",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":${id},"result":1,${refusal}}\n`,
    gives: "RpcError -32000: no",
  },

  // ---- It is no answer.
  {
    does: "neither a result nor an error",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":${id}}\n`,
    gives:
      'RpcError -32600 INVALID_REQUEST: Cannot read what the peer sent (it has neither a result nor an error): "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":1}"',
  },
  {
    does: "a result without an id",
    sends: () => `{"jsonrpc":"2.0","result":"pong"}\n`,
    gives: 'RpcError -32013 INTERNAL: The peer sent a result without an id: "\\"pong\\""',
  },
  {
    does: "an id that is an object",
    sends: () => `{"jsonrpc":"2.0","id":{},"result":"pong"}\n`,
    gives:
      'RpcError -32600 INVALID_REQUEST: Cannot read what the peer sent (Invalid Request, id must be a string, a number or null): "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":{},\\"result\\":\\"pong\\"}"',
  },
  {
    does: "a line that is no JSON",
    sends: () => "what?\n",
    gives:
      'RpcError -32700 PARSE_ERROR: Cannot read what the peer sent (Parse error, byte 0: expected a JSON text, found w): "what?"',
  },
  {
    does: "JSON that is no message",
    sends: () => "42\n",
    gives:
      'RpcError -32600 INVALID_REQUEST: Cannot read what the peer sent (Invalid Request): "42"',
  },
  {
    does: "an empty array",
    sends: () => "[]\n",
    gives:
      'RpcError -32600 INVALID_REQUEST: Cannot read what the peer sent (Invalid Request): "[]"',
  },
  {
    does: "a result that nests 100 deep",
    sends: ({ id }) => `{"id":${id},"result":${"[".repeat(100)}${"]".repeat(100)}}\n`,
    gives:
      `RpcError -32700 PARSE_ERROR: Cannot read what the peer sent (Parse error, more than 64 levels of nesting): ${
        JSON.stringify(`{"id":1,"result":${"[".repeat(47)}`)
      }`,
  },
  {
    does: "an answer that is cut off, and the end",
    sends: ({ id }) => `{"jsonrpc":"2.0","id":${id},"res`,
    hangsUp: true,
    gives: "ConnectionLostError: The connection ended: the peer closed the connection",
    reports: [
      String
        .raw`Cannot read what the peer sent (Parse error, unfinished): "{\"jsonrpc\":\"2.0\",\"id\":1,\"res"`,
    ],
  },
  {
    does: "the end",
    sends: () => undefined,
    gives:
      "ConnectionLostError: The connection ended: the peer closed the connection without a word, as a TLS server does; if it is one, use tls://…",
  },
  {
    does: "what it was sent",
    sends: () => `${ASKED}\n`,
    echoes: true,
    asks: 1,
    gives: "RpcError -32601 METHOD_NOT_FOUND: ping: Method not found",
  },

  // ---- It is another server.
  {
    does: "HTTP",
    sends: () => "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    hangsUp: true,
    gives:
      "ConnectionLostError: The connection ended: an HTTP server answers at ADDRESS; use http://…",
  },
  {
    does: "TLS",
    sends: () => new Uint8Array([0x15, 3, 1, 0, 2, 2, 70]),
    hangsUp: true,
    gives:
      "ConnectionLostError: The connection ended: a TLS server answers at ADDRESS; use tls://…",
  },
  {
    does: "SSH",
    greets: "SSH-2.0-OpenSSH_9.2p1\r\n",
    sends: () => "",
    gives:
      "ConnectionLostError: The connection ended: an SSH server answers at ADDRESS, which speaks no JSON-RPC",
  },
  {
    does: "SMTP",
    greets: "220 mail.example ESMTP\r\n",
    sends: () => "",
    gives:
      "ConnectionLostError: The connection ended: a mail or FTP server answers at ADDRESS, which speaks no JSON-RPC",
  },
  {
    does: "Redis",
    sends: () => "-ERR unknown command '{\"jsonrpc\"'\r\n",
    gives:
      "ConnectionLostError: The connection ended: a Redis server answers at ADDRESS, which speaks no JSON-RPC",
  },
  {
    does: "MySQL",
    greets: "\x4a\0\0\0\x0a8.0.36\0",
    sends: () => "",
    gives:
      "ConnectionLostError: The connection ended: a MySQL server answers at ADDRESS, which speaks no JSON-RPC",
  },
  {
    does: "the framing `headers`",
    sends: ({ id }) => `Content-Length: 40\r\n\r\n{"jsonrpc":"2.0","id":${id},"result":"pong"}`,
    gives:
      'ConnectionLostError: The connection ended: a server with the framing headers answers at ADDRESS; use the framing "headers"',
  },
];

// ---- The table ---------------------------------------------------------------------------------------

/** The page that holds the table. */
export const PAGE = new URL("../../docs/foreign-servers.md", import.meta.url);

const BEGIN = "<!-- odd servers: made by tests/support/odd_servers.ts -->\n";
const END = "<!-- end of odd servers -->\n";

/** The page with a table of these times, one for each server. */
export function withTable(page: string, times: readonly string[]): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length, end = page.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error("the page has no place for the servers");
  return `${page.slice(0, begin)}\n${table(times)}\n${page.slice(end)}`;
}

function table(times: readonly string[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = ODD_SERVERS.map(({ does, gives }, index) => [
    cell(does),
    `\`${cell(gives.length > MAX_CELL ? gives.slice(0, MAX_CELL) + "…" : gives)}\``,
    times[index]!,
  ]);
  const all = [["it sends", "the call gives", "ms"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(" | ")} |\n`;
  const [head, ...body] = all.map(line);
  return head + line(widths.map((width) => "-".repeat(width))) + body.join("");
}

const MAX_CELL = 120;

/** The page without its times, which differ each time that they are taken, and the width that they give. */
export function withoutTimes(page: string): string {
  return page.split("\n").map((line) =>
    line.startsWith("| ")
      ? line.split(" | ").slice(0, -1).map((cell) => cell.trim().replace(/-{2,}/, "-")).join(" | ")
      : line
  ).join("\n");
}

// ---- One call ----------------------------------------------------------------------------------------

/** What became of a call. */
export interface Outcome {
  readonly gives: string;
  readonly reports: readonly string[];
  /** The methods that the server heard; what has none is an answer. */
  readonly heard: readonly (string | undefined)[];
  /** Milliseconds. */
  readonly after: number;
}

/** Calls `ping` once of such a server. */
export async function callOdd(
  odd: OddServer,
  options: ConnectOptions,
  timeout?: number,
): Promise<Outcome> {
  await using server = serveOddly(odd);
  const reports: string[] = [];
  const onError = (error: unknown) => void reports.push((error as Error).message);
  await using line = await connect(server.address, { ...options, onError });
  const begun = performance.now();
  const gives = await line.request("ping", undefined, timeout === undefined ? {} : { timeout })
    .then((result) => JSON.stringify(result), describe);
  const after = performance.now() - begun;
  await until(() => reports.length >= (odd.reports?.length ?? 0), "all to be told");
  const here = gives.replace(/use http:\S+/, "use http://…").replace(/use tls:\S+/, "use tls://…");
  return { gives: here.replace(server.address, "ADDRESS"), reports, heard: server.heard, after };
}

function describe(error: unknown): string {
  if (error instanceof RpcError) {
    const name = error.reason === undefined ? "" : ` ${error.reason}`;
    return `RpcError ${error.code}${name}: ${error.message}`;
  }
  return error instanceof ConnectionLostError
    ? `ConnectionLostError: ${error.message}`
    : String(error);
}

/** The server, at a port of the system's. */
function serveOddly(odd: OddServer) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard: (string | undefined)[] = [];
  const answer = (text: string): string | Uint8Array | undefined => {
    const { id, method } = JSON.parse(text);
    heard.push(method);
    if (method === "ping") return odd.sends({ id, method });
    if (odd.echoes) return text + "\n";
    if (id === undefined || method === undefined) return "";
    return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}\n`;
  };
  const talk = async (conn: Deno.Conn) => {
    try {
      const writer = conn.writable.getWriter();
      if (odd.greets !== undefined) await writer.write(bytesOf(odd.greets));
      const lines = conn.readable.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) {
        const said = answer(line);
        if (said !== undefined && said.length > 0) await writer.write(bytesOf(said));
        if (said === undefined || odd.hangsUp) break;
      }
    } catch {
      // the client has gone
    }
    try {
      conn.close();
    } catch {
      // its streams have closed it
    }
  };
  const talks: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) talks.push(talk(conn));
  })();
  return {
    address: `tcp://127.0.0.1:${listener.addr.port}`,
    heard,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(talks); // the client has hung up
    },
  };
}

if (import.meta.main) {
  const times: string[] = [];
  for (const odd of ODD_SERVERS) {
    const taken: number[] = [];
    for (let n = 0; n < 5; n++) taken.push((await callOdd(odd, { extensions: false })).after);
    times.push(taken.sort((a, b) => a - b)[2]!.toFixed(1));
  }
  await Deno.writeTextFile(PAGE, withTable(await Deno.readTextFile(PAGE), times));
}
