/**
 * What main.ts takes on its command line.
 *
 * @module
 */

import { parseArgs } from "jsr:@std/cli@^1";
import type { HttpOptions, Limits, TlsServerOptions } from "../../lib/mod.ts";
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
  /** Milliseconds from which on a call is slow, and gets a line; undefined if none is. */
  readonly slow: number | undefined;
  /** The part of all calls that get a line, from 0 to 1. */
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
  /** A Unix socket whose owner may see what the server does; undefined if there is none. */
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
export const DEFAULT_ADDRESS = "tcp://127.0.0.1:8080";

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
