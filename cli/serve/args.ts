/**
 * What main.ts takes on its command line.
 *
 * @module
 */

import { parseArgs } from "jsr:@std/cli@^1";
import {
  DEFAULT_LIMITS,
  type HttpOptions,
  type Limits,
  type TlsServerOptions,
} from "../../lib/mod.ts";
import { isLocal } from "../../lib/transport/exposure.ts";
import { handedOver } from "../../lib/transport/fd.ts";
import type { ArgumentOptions } from "../command/args.ts";
import { quoted } from "../text/printable.ts";
import { type Level, LEVELS, LOG_FORMATS, type LogFormat } from "./log_format.ts";

/** What to serve, and how. */
export interface ServeArguments {
  /** The module; undefined for the demo, or for upper case with `raw`. */
  readonly module: string | undefined;
  /** Serves bytes as they come, without framing. */
  readonly raw: boolean;
  /** Where to listen. */
  readonly listen: readonly string[];
  /** Says no more than where it listens. */
  readonly quiet: boolean;
  /** How log lines look, and which are left out. */
  readonly logFormat: LogFormat;
  readonly logLevel: Level;
  /** Milliseconds from which on a call is told to be slow; undefined where none is. */
  readonly slow: number | undefined;
  /** The part of all calls that is told, from 0 to 1. */
  readonly logCalls: number;
  /** The limits that were given. */
  readonly limits: Partial<Limits>;
  /** What `tls://` addresses need; undefined where nothing was said. */
  readonly tls: TlsServerOptions | undefined;
  /** The backlog of TCP listeners; undefined for the default. */
  readonly tcpBacklog: number | undefined;
  /** Where the tokens of callers stand; undefined where nobody is asked who calls. */
  readonly tokenFile: string | undefined;
  /** Listens also where other machines can reach it, and asks nobody who calls. */
  readonly insecure: boolean;
  /** Runs the calls of a connection one after another. */
  readonly sequential: boolean;
  /** Who may call over HTTP, or false where it is not spoken; undefined for the default. */
  readonly http: HttpOptions | false | undefined;
  /** Networks of proxies that begin with a header of the PROXY protocol. */
  readonly proxyProtocol: readonly string[];
  /** Counts calls, and serves the page for Prometheus. */
  readonly metrics: boolean;
  /** A Unix socket whose owner may see and steer the server; undefined for none. */
  readonly admin: string | undefined;
  /** Calls a second of one connection, and of one address; undefined for as many as they like. */
  readonly rate: number | undefined;
  /** Ends the process where code fails that nobody waits for. */
  readonly crashOnError: boolean;
  /** How many threads serve; undefined where this one does. */
  readonly workers: number | undefined;
  /** Whether only the help, or only the version, is asked for. */
  readonly only: "help" | "version" | undefined;
}

/** Where the demo is, and everything that does not say. */
const DEFAULT_ADDRESS = "tcp://127.0.0.1:8080";

const HELP = `\
Serves an API over raw sockets. Callers speak JSON-RPC 2.0 in the framing they
like: a line of JSON, LSP's Content-Length headers, or a 4-byte length; or over
HTTP and WebSocket.

Usage: deno task serve [API] [OPTIONS]
       deno run -P=serve main.ts [API] [OPTIONS]

API is a module, as a path from the current directory or as a URL, that exports
an API as "api" or as its default. Without it the demo is served: echo, upper,
add, sleep and others, see examples/demo.ts.

Options:
  --listen ADDRESS    where to listen: tcp://127.0.0.1:8080, tcp://[::1]:8080,
                      unix:///run/app.sock, tls://127.0.0.1:8443, http://…,
                      ws://…, udp://…, vsock://…, stdio:, or sockets that
                      systemd has opened, fd:3 or fd:NAME; may be repeated;
                      with port 0 the system chooses one [default: all that
                      systemd has handed over, or ${DEFAULT_ADDRESS}]
  --cert FILE         for tls:, https: and wss: the certificate, PEM; read again
                      when it changes
  --key FILE          for tls: its private key, PEM
  --client-ca FILE    for tls: clients must have a certificate of this CA
  --http-origin ORIGIN
                      a page that may call, such as https://app.example; may
                      be repeated
  --http-host HOST    a name under which HTTP is served, beside addresses and
                      localhost; may be repeated
  --http-trust-proxy NETWORK
                      a proxy that says from where HTTP requests come, in
                      Forwarded or X-Forwarded-For: 10.0.0.0/8, an address, or
                      unix for all that comes over Unix sockets; may be repeated
  --no-http           answers HTTP and WebSocket with 400
  --proxy-protocol NETWORK
                      proxies there begin each connection with HAProxy's PROXY
                      protocol, before TLS; NETWORK as above; may be repeated
  --console           serves the console, a page where one calls the methods,
                      also where other machines can reach it; by default only
                      if all addresses are of this machine
  --no-console        serves no console
  --token-file FILE   callers must say who they are, by a token of this file:
                      one on a line, and behind it the caller's name
  --insecure          listens also where other machines can reach it though
                      nobody is asked who calls
  --sequential        runs the calls of a connection one after another, each
                      when the handler before it has ended: for editors
  --metrics           counts calls and serves GET /metrics, for Prometheus, to
                      all that may call
  --admin ADDRESS     a Unix socket, unix:///run/app.admin, for its owner: where
                      "client.ts top" shows what the server does
  --rate N            calls a second that one connection, and one address, may
                      make in the long run; ten times as many at once
  --backlog N         TCP connections that may wait to be accepted
                      [default: 1024]
  --workers N         serves tcp: and tls: addresses with N threads, each of
                      which loads the API for itself; one that fails is
                      replaced
  --grace MS          how long running calls may go on after a signal
                      [default: ${DEFAULT_LIMITS.shutdownGrace}]
  --limit NAME=VALUE  another limit than the default, such as maxDepth=32; may
                      be repeated; lib/limits.ts has the table
  --crash-on-error    exits with 1 where code fails that no caller waits for: a
                      promise that nobody handles, a timer; by default this is
                      logged and counted; with --workers the thread is replaced
  --raw               serves bytes instead of calls, without framing; see below
  -q, --quiet         no lines about connections, refusals and signals; where it
                      listens and errors are still printed
  --log-format FORMAT text, logfmt or json [default: text]
  --log-level LEVEL   leaves out what matters less: debug, info, warn or error
                      [default: info]
  --slow TIME         tells of calls that take so long: 100ms, 2s
  --log-calls PART    tells of a part of all calls: 1 for each, 0.01 for one in
                      a hundred [default: 0]
  -h, --help          prints this
  --version           prints the version

Prints "listening on ADDRESS" for each address, with the real port, once it
listens at all of them, and "console at URL" if a browser finds the console
there; then "opened ADDRESS" and "closed ADDRESS: WHY" for each caller.
Refusals, messages that break the rules and slow calls go to standard error, and
so does what a handler throws by accident, with its stack; the caller is only
told "Internal error". At most 100 lines a second are written; how many were
left out is said. Under systemd each line has its priority.

With --raw whatever bytes arrive are answered in upper case (as UTF-8, wherever
they are cut; what is not UTF-8 passes unchanged). API then is a module that
exports a function raw(chunk, context). It is given each piece as it arrives, a
Uint8Array, and gives back a Uint8Array, a string, nothing, or a promise of one;
the next piece is read when that was sent. context is one object for each
connection: peer (address, localAddress, transport, certificate), signal (aborts
when the connection has ended) and close() (hangs up after the answer). When raw
throws, the caller is hung up on. udp:// cannot be served so.

SIGINT (Ctrl-C) and SIGTERM drain: no new calls, running ones are finished, then
it exits with 0. A second one exits at once. SIGHUP reads the token file again;
certificates are read again whenever they have changed. Callers stay connected.

An address that other machines can reach is refused, unless callers are asked
who they are (--token-file, or --client-ca over tls) or --insecure is given.

Exit codes:
  0    ended by a signal, and drained
  1    failed while it ran
  2    could not start: a bad option or address, a module that cannot be loaded
       or exports no API, an address that is in use or needs a permission
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  deno task serve
  deno task serve api.ts --listen tcp://127.0.0.1:0 --listen unix:///tmp/a.sock
  deno task serve --raw
  echo '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}' |
    nc -N 127.0.0.1 8080
`;

/**
 * What `--help` prints.
 *
 * @param command what starts the server; undefined for main.ts
 */
export function serveHelp(command?: string): string {
  if (command === undefined) return HELP;
  return HELP.replace(/^ +deno run -P=serve main\.ts.*\n/m, "")
    .replaceAll(/^(Usage: | +)deno task serve/gm, `$1${command}`);
}

const SWITCHES = [
  "raw",
  "quiet",
  "insecure",
  "sequential",
  "metrics",
  "no-http",
  "console",
  "no-console",
  "crash-on-error",
  "help",
  "version",
] as const;
const VALUES = [
  "listen",
  "cert",
  "key",
  "client-ca",
  "token-file",
  "rate",
  "backlog",
  "admin",
  "log-format",
  "log-level",
  "slow",
  "log-calls",
  "workers",
  "grace",
  "limit",
  "http-origin",
  "http-host",
  "http-trust-proxy",
  "proxy-protocol",
] as const;

/** The options by name, for completions. */
export const SERVE_OPTIONS: ArgumentOptions = {
  ...Object.fromEntries(VALUES.map((name) => [name, { type: "string" }])),
  ...Object.fromEntries(SWITCHES.map((name) => [name, { type: "boolean" }])),
};

/**
 * Reads the command line.
 *
 * @throws {TypeError} for one that makes no sense; the message is one line
 */
export function readServeArguments(args: string[]): ServeArguments {
  const flags = parseArgs(args, {
    boolean: SWITCHES,
    string: [...VALUES, "_"],
    collect: ["listen", "limit", "http-origin", "http-host", "http-trust-proxy", "proxy-protocol"],
    alias: { quiet: "q", help: "h" },
    unknown(arg, key) {
      if (key === undefined) return true;
      throw new TypeError(`Cannot read the options: there is no ${quoted(arg)}, --help lists them`);
    },
  });
  if (flags.help) return { ...NOTHING, only: "help" };
  if (flags.version) return { ...NOTHING, only: "version" };
  if (flags._.length > 1) {
    throw new TypeError(
      `Cannot serve more than one API: ${flags._.map((name) => quoted(String(name))).join(", ")}`,
    );
  }
  if (flags.listen.includes("")) {
    throw new TypeError(`Cannot read --listen: it needs an address such as ${DEFAULT_ADDRESS}`);
  }
  const limits = new Map<string, number>();
  for (const limit of flags.limit) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(limit) ?? [];
    if (name === undefined || value === undefined) {
      throw new TypeError("Cannot read --limit: it needs NAME=VALUE, such as maxDepth=32");
    }
    limits.set(name, wholeNumber(`--limit ${name}`, value));
  }
  if (flags.grace !== undefined) limits.set("shutdownGrace", wholeNumber("--grace", flags.grace));
  const tls = tlsOptions(flags.cert, flags.key, flags["client-ca"]);
  if (tls === undefined && flags.listen.some((it) => /^(?:tls|https|wss):/.test(it))) {
    throw new TypeError("Cannot use TLS: it needs both --cert FILE and --key FILE");
  }
  if (flags["token-file"] === "") throw new TypeError("Cannot read --token-file: it needs a FILE");
  if (
    flags.raw && (
      (flags["token-file"] ?? flags.rate) !== undefined || flags.sequential || flags.metrics
    )
  ) {
    throw new TypeError(
      "Cannot use --token-file, --rate, --sequential or --metrics with --raw: bytes are no calls",
    );
  }
  const workers = flags.workers === undefined ? undefined : wholeNumber("--workers", flags.workers);
  if (flags.admin !== undefined) {
    if (!/^unix:\/\/\//.test(flags.admin)) {
      throw new TypeError("Cannot read --admin: it needs an address such as unix:///run/app.admin");
    }
    if (workers !== undefined || flags.raw) {
      throw new TypeError("Cannot use --admin with --workers or --raw");
    }
  }
  const looksAtCalls = (flags.slow ?? flags["log-calls"]) !== undefined;
  if (looksAtCalls && (workers !== undefined || flags.raw)) {
    throw new TypeError(
      "Cannot use --slow or --log-calls with --workers or --raw: calls are not seen there",
    );
  }
  if (workers !== undefined && flags.raw) {
    throw new TypeError("Cannot use --workers with --raw: bytes are served by one thread");
  }
  const listen = flags.listen.length === 0 ? defaultAddresses() : flags.listen;
  return {
    module: flags._.length === 0 ? undefined : String(flags._[0]),
    raw: flags.raw,
    listen,
    quiet: flags.quiet,
    logFormat: oneOf("--log-format", flags["log-format"] ?? "text", LOG_FORMATS),
    logLevel: oneOf("--log-level", flags["log-level"] ?? "info", LEVELS),
    slow: flags.slow === undefined ? undefined : milliseconds("--slow", flags.slow),
    logCalls: part("--log-calls", flags["log-calls"] ?? "0"),
    limits: Object.fromEntries(limits),
    tls,
    tcpBacklog: flags.backlog === undefined ? undefined : wholeNumber("--backlog", flags.backlog),
    tokenFile: flags["token-file"],
    insecure: flags.insecure,
    sequential: flags.sequential,
    http: httpOptions(flags, listen),
    proxyProtocol: flags["proxy-protocol"],
    metrics: flags.metrics,
    admin: flags.admin,
    rate: flags.rate === undefined ? undefined : wholeNumber("--rate", flags.rate),
    crashOnError: flags["crash-on-error"],
    workers,
    only: undefined,
  };
}

function defaultAddresses(): readonly string[] {
  const addresses = handedOver();
  return addresses.length > 0 ? addresses : [DEFAULT_ADDRESS];
}

const NOTHING: ServeArguments = {
  module: undefined,
  raw: false,
  listen: [],
  quiet: false,
  logFormat: "text",
  logLevel: "info",
  slow: undefined,
  logCalls: 0,
  limits: {},
  tls: undefined,
  tcpBacklog: undefined,
  tokenFile: undefined,
  insecure: false,
  sequential: false,
  metrics: false,
  admin: undefined,
  http: undefined,
  proxyProtocol: [],
  rate: undefined,
  crashOnError: false,
  workers: undefined,
  only: undefined,
};

function httpOptions(
  flags: {
    readonly "no-http": boolean;
    readonly "http-origin": readonly string[];
    readonly "http-host": readonly string[];
    readonly "http-trust-proxy": readonly string[];
    readonly "proxy-protocol": readonly string[];
    readonly console: boolean;
    readonly "no-console": boolean;
  },
  listen: readonly string[],
): HttpOptions | false | undefined {
  const options = {
    origins: flags["http-origin"],
    hosts: flags["http-host"],
    trustProxy: flags["http-trust-proxy"],
  };
  const isGiven = Object.values(options).some(({ length }) => length > 0);
  if (flags["no-http"]) {
    if (isGiven) {
      throw new TypeError(
        "Cannot use --http-origin, --http-host or --http-trust-proxy with --no-http",
      );
    }
    if (flags.console) throw new TypeError("Cannot use --console with --no-http");
    return false;
  }
  if (flags.console && flags["no-console"]) {
    throw new TypeError("Cannot use --console with --no-console");
  }
  // Through a proxy other machines reach what only this one can.
  const isProxied = options.trustProxy.length + flags["proxy-protocol"].length > 0;
  const console = flags.console ||
    !flags["no-console"] && !isProxied && listen.every(isLocal);
  return isGiven || console ? { ...(isGiven && options), ...(console && { console }) } : undefined;
}

function tlsOptions(cert?: string, key?: string, clientCa?: string): TlsServerOptions | undefined {
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (!cert || !key) {
    throw new TypeError("Cannot use TLS: it needs both --cert FILE and --key FILE");
  }
  return { cert, key, ...(clientCa && { clientCa }) };
}

function wholeNumber(flag: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new TypeError(
    `Cannot read ${flag}: it needs a whole number, ${text === "" ? "there is none" : quoted(text)}`,
  );
}

function oneOf<Word extends string>(flag: string, text: string, words: readonly Word[]): Word {
  const word = words.find((it) => it === text);
  if (word !== undefined) return word;
  throw new TypeError(`Cannot read ${flag}: it is ${words.join(", ")}; this is ${quoted(text)}`);
}

function milliseconds(flag: string, text: string): number {
  const [, number, unit] = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s)$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (unit === "s" ? 1000 : 1);
  throw new TypeError(
    `Cannot read ${flag}: it needs a time such as 100ms or 2s, it is ${quoted(text)}`,
  );
}

function part(flag: string, text: string): number {
  const number = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (number <= 1) return number;
  throw new TypeError(`Cannot read ${flag}: it needs a number from 0 to 1, it is ${quoted(text)}`);
}
