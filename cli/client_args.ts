/**
 * What client.ts takes on its command line.
 *
 * Read with what the runtime ships instead of `@std/cli`, which could not be found when client.ts is
 * run from its URL: there is no import map then, and perhaps no registry in reach.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";
import type { FramingName, TlsClientOptions } from "../lib/mod.ts";
import { type Params, parseParams } from "./params.ts";
import { quoted } from "./printable.ts";

/** What to call, and how. */
export interface ClientArguments {
  readonly address: string;
  /** `-` where calls are read from standard input. */
  readonly method: string;
  readonly params: Params;
  /** Milliseconds; undefined where there is no deadline. */
  readonly timeout: number | undefined;
  readonly framing: FramingName;
  /** What was said about TLS. */
  readonly tls: TlsClientOptions | undefined;
  /** Wants no answer. */
  readonly notify: boolean;
}

/** Whom to talk to without framing. */
export interface RawArguments {
  readonly raw: true;
  readonly address: string;
  /** What was said about TLS. */
  readonly tls: TlsClientOptions | undefined;
  /** Milliseconds that connecting may take, and each answer; undefined for the default. */
  readonly timeout: number | undefined;
}

/** What `--help` prints. */
export const CLIENT_HELP = `\
Calls methods of a JSON-RPC 2.0 server over a socket.

Usage: deno run -N client.ts [OPTIONS] ADDRESS METHOD [PARAMS]
       deno run -N client.ts [OPTIONS] ADDRESS -
       deno run -N client.ts --raw [--timeout MS] ADDRESS

ADDRESS  tcp://127.0.0.1:8080, tcp://[::1]:8080, unix:///run/app.sock,
         tls://example.org:8443, udp://…, vsock://…, stdio:, or a program to
         start and talk to: 'command:pylsp --verbose'
METHOD   the method's whole name; - reads calls from standard input
PARAMS   one JSON text: an object or an array as it is, anything else as the
         only item of an array. Or name=value pairs: a value that is valid JSON
         (1, true, null, "text", [1,2]) is JSON, any other is a string;
         name:=value must be JSON

Options:
  --timeout MS      gives up after so many milliseconds, connecting included
                    [default: none, but connecting takes at most 5000]
  --framing NAME    lines, headers (LSP's Content-Length) or length (4 bytes)
                    [default: lines]
  --ca FILE         for tls: the CA that the server must be signed by, PEM
  --cert FILE       for tls: our own certificate, PEM
  --key FILE        for tls: its private key, PEM
  --notify          sends a notification: waits for no answer, prints nothing
  --raw             a telephone instead of calls: bytes without framing
  -h, --help        prints this
  --version         prints the version

Prints the result as JSON: indented on a terminal, on one line otherwise. An
error goes to standard error: its code, its name and its message, and below it
what else the server said.

Calls from standard input stand one on a line, as METHOD PARAMS or as a JSON-RPC
request object. They are sent without waiting for each other, up to 1000 at
once, and answered in the order in which they stand, one JSON text a line: for
METHOD PARAMS the result alone, or {"error":...}; for a request object the whole
response with its own id, and nothing if it has none. --timeout then is for each
call.

With --raw it prompts with ">>: ", sends each line as it is typed, without the
white space around it and without a newline, and prints what comes back. Empty
lines are not sent. It prompts again when an answer has come and 100 ms passed
in silence, or none has come within the --timeout [default: 2000]; what arrives
later is printed too. When the input ends (Ctrl-D) it says so to the server,
prints what still comes, and ends with the server, or after as long a silence.
On a terminal control characters are printed as \\u001b, elsewhere as they came.

Permissions: -N is enough for tcp, udp and tls; for unix Deno wants -N -R -W,
for FILEs -R, for command: --allow-run.

Exit codes:
  0    the call succeeded; with - all of them
  1    an error was answered, or the connection was lost; with - once or more;
       with --raw the server hung up first, or a line could not be sent
  2    the command line makes no sense
  3    cannot connect
  4    the deadline of --timeout passed
  130  interrupted (Ctrl-C): it hung up, which cancels what runs
  141  nobody reads what it prints

Examples:
  deno run -N client.ts tcp://127.0.0.1:8080 upper '"hello"'
  deno run -N client.ts tcp://127.0.0.1:8080 add a=1 b=2
  deno run -N client.ts tcp://127.0.0.1:8080 subtract '[42, 23]'
  deno run -N client.ts tcp://127.0.0.1:8080 rpc.discover
  deno run -N client.ts --raw tcp://127.0.0.1:8080
  printf '%s\\n' 'add a=1 b=2' 'sleep 100' now |
    deno run -N client.ts tcp://127.0.0.1:8080 -
`;

const OPTIONS = {
  timeout: { type: "string" },
  framing: { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  notify: { type: "boolean" },
  raw: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const satisfies ParseArgsConfig["options"];

/**
 * Reads the command line. Options may stand anywhere before `--`; a negative number is no option.
 *
 * @returns `help` or `version` where only that is asked for
 * @throws {TypeError} for one that makes no sense; the message is one line
 */
export function readClientArguments(
  args: string[],
): ClientArguments | RawArguments | "help" | "version" {
  const { tokens } = parseArgs({
    args,
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const values = new Map<string, string | undefined>();
  let last = -1;
  for (const token of tokens) {
    // `-15` comes as two tokens, `-1` and `-5`.
    const isNew = token.index !== last;
    last = token.index;
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const arg = args[token.index]!;
    if (/^-\.?\d/.test(arg)) {
      if (isNew) words.push(arg);
    } else if (!Object.hasOwn(OPTIONS, token.name)) {
      throw new TypeError(`Cannot read the options: there is no ${quoted(arg)}, --help lists them`);
    } else {
      values.set(token.name, token.value);
    }
  }
  if (values.has("help")) return "help";
  if (values.has("version")) return "version";
  if (values.has("raw")) return rawArguments(words, values);
  const [address, method, ...params] = words;
  if (address === undefined) {
    throw new TypeError("Cannot call: ADDRESS and METHOD are missing, --help shows how");
  }
  if (method === undefined) {
    throw new TypeError("Cannot call: METHOD is missing, --help shows how");
  }
  if (method === "-" && params.length > 0) {
    throw new TypeError(
      `Cannot call: with - the calls come from standard input, there is ${quoted(params[0]!)}`,
    );
  }
  return {
    address,
    method,
    params: parseParams(params),
    timeout: timeoutOf(values),
    tls: tlsOptions(values),
    framing: values.has("framing") ? framing(values.get("framing")) : "lines",
    notify: values.has("notify"),
  };
}

function rawArguments(
  [address, ...others]: readonly string[],
  values: ReadonlyMap<string, string | undefined>,
): RawArguments {
  if (address === undefined) {
    throw new TypeError("Cannot talk: ADDRESS is missing, --help shows how");
  }
  const [word] = others;
  if (word !== undefined) {
    throw new TypeError(`Cannot talk: after ADDRESS nothing may stand, there is ${quoted(word)}`);
  }
  const option = ["framing", "notify"].find((name) => values.has(name));
  if (option !== undefined) {
    throw new TypeError(`Cannot talk: --${option} is for calls, with --raw there are none`);
  }
  return { raw: true, address, tls: tlsOptions(values), timeout: timeoutOf(values) };
}

function tlsOptions(
  values: ReadonlyMap<string, string | undefined>,
): TlsClientOptions | undefined {
  const files = ["ca", "cert", "key"].filter((name) => values.has(name));
  for (const name of files) {
    if (!values.get(name)) {
      throw new TypeError(`Cannot read --${name}: it needs the path of a file`);
    }
  }
  if (values.has("cert") !== values.has("key")) {
    throw new TypeError("Cannot use TLS: a certificate needs both --cert FILE and --key FILE");
  }
  return files.length === 0
    ? undefined
    : Object.fromEntries(files.map((name) => [name, values.get(name)!]));
}

function timeoutOf(values: ReadonlyMap<string, string | undefined>): number | undefined {
  return values.has("timeout") ? milliseconds(values.get("timeout")) : undefined;
}

function milliseconds(text = ""): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new TypeError(
    `Cannot read --timeout: it needs milliseconds, ${
      text === "" ? "there are none" : quoted(text)
    }`,
  );
}

function framing(text = ""): FramingName {
  if (text === "lines" || text === "headers" || text === "length") return text;
  throw new TypeError(
    `Cannot read --framing: it must be lines, headers or length, ${
      text === "" ? "there is none" : `it is ${quoted(text)}`
    }`,
  );
}
