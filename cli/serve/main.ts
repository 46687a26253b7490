/**
 * What main.ts does: loads an API, serves it, writes log lines, and drains on a signal.
 *
 * @module
 */

import {
  type Authenticate,
  DEFAULT_LIMITS,
  type PeerInfo,
  type RpcError,
  serve,
  type ServeOptions,
  type Server,
  serveWorkers,
} from "../../lib/mod.ts";
import { parseAddress } from "../../lib/transport/address.ts";
import { redirectConsole } from "../../lib/transport/process/redirect_console.ts";
import { importApi, urlOf } from "../command/api_module.ts";
import { importRaw } from "./raw_module.ts";
import { openTokens, type TokenFile } from "./tokens.ts";
import { printable } from "../text/printable.ts";
import type { RawService } from "../raw/connection.ts";
import { type RawServerOptions, serveRaw } from "../raw/server.ts";
import { readServeArguments, type ServeArguments } from "./args.ts";
import { activeSpan, callLog } from "./call_log.ts";
import { closed, failed, isParseError, opened, refused, said } from "./log.ts";
import { serveHelp } from "./help.ts";
import { Logger } from "./logger.ts";
import { type Notifier, openNotifier } from "./notify.ts";
import { UpperCaser } from "../raw/upper_caser.ts";
import { VERSION } from "../version.ts";

/** What is served when nothing else is asked for. Loaded only then: it needs a download. */
const DEMO = new URL("../../examples/demo.ts", import.meta.url).href;

/** What is served with --raw when nothing else is asked for. */
const upperCase: RawService = () => {
  const caser = new UpperCaser();
  return { answer: (bytes) => caser.push(bytes), end: () => caser.end() };
};

/** What both kinds of servers have in common, and how one begins. */
type ServedProgram = Pick<Server, "addresses" | "finished" | "connections" | "shutdown">;
type Open = (
  options:
    & RawServerOptions
    & Pick<
      ServeOptions,
      "authenticate" | "operators" | "rateLimit" | "metrics" | "sequential" | "http" | "observe"
    >,
) => Promise<ServedProgram>;

/** Exit codes; 128 and the signal's number are those of a second signal. */
const FAILED = 1;
const COULD_NOT_START = 2;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs the server until it has ended.
 *
 * @param command what starts it, as its help shows that; undefined for main.ts
 * @returns the exit code
 */
export async function runServer(args: string[], command?: string): Promise<number> {
  let server: ServedProgram, given: ServeArguments, tokens: TokenFile | undefined;
  let log: Logger | undefined, restoreConsole = () => {};
  try {
    given = readServeArguments(args);
    if (given.only !== undefined) {
      console.log(given.only === "help" ? serveHelp(command).trimEnd() : `landline ${VERSION}`);
      return 0;
    }
    // Standard output belongs to the protocol where it is spoken there: also while a module is loaded.
    const isStdio = given.listen.some((address) => address.startsWith("stdio:"));
    log = new Logger({ format: given.logFormat, level: given.logLevel, errorsOnly: isStdio });
    if (isStdio) restoreConsole = redirectConsole();
    if (given.tokenFile !== undefined) tokens = openTokens(given.tokenFile);
    if (!given.crashOnError) surviveDetachedFailures(log);
    server = await start(await prepare(given), given, tokens, log);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const line = `error: ${printable(why)}`;
    if (log === undefined) console.error(line);
    else log.write(said("error", "could not start", line, { err: why }));
    return COULD_NOT_START;
  }
  const notifier = openNotifier((why) =>
    log.write(said("warn", "service manager not told", printable(why), { err: why }))
  );
  const status = `listening on ${server.addresses.map(printable).join(", ")}`;
  drainOnSignals(server, given, log, notifier);
  if (tokens !== undefined || notifier.isThere) reloadOnHangup(tokens, log, notifier, status);
  notifier.ready(status);
  for (const address of server.addresses) {
    log.write(said("info", "listening", `listening on ${printable(address)}`, { address }));
  }
  const page = given.http && given.http.console && !given.raw
    ? server.addresses.map(pageAt).find((url) => url !== undefined)
    : undefined;
  if (page !== undefined) {
    log.write(said("info", "console", `console at ${printable(page)}`, { address: page }));
  }
  try {
    await server.finished;
    return 0;
  } catch (error) {
    log.write(failed(error, "the server"));
    return FAILED;
  } finally {
    await notifier.close();
    log.flush();
    restoreConsole();
  }
}

/** Where a browser finds the page of an address; undefined if it cannot. */
function pageAt(address: string): string | undefined {
  const [, scheme = "", place = ""] = /^(tcp|tls|https?):\/\/([^/]+)/.exec(address) ?? [];
  if (place === "") return undefined;
  return `${scheme === "tls" || scheme === "https" ? "https" : "http"}://${place}/`;
}

/** Imports what is to be served. What is wrong with a module shows before anything listens. */
async function prepare({ module, raw, workers, crashOnError }: ServeArguments): Promise<Open> {
  if (raw) {
    const service = module === undefined ? upperCase : await importRaw(module);
    return (options) => serveRaw(service, options);
  }
  const api = workers === undefined ? await importApi(module ?? DEMO) : {};
  return async (given) => {
    const options = { ...given, version: VERSION };
    const server = workers === undefined
      ? serve(api, options)
      : serveWorkers(await urlOf(module ?? DEMO), {
        ...options,
        workers,
        restartOnError: crashOnError,
      });
    await server.ready;
    return server;
  };
}

/** Listens at all addresses, or throws an error that says why that is not possible. */
async function start(
  open: Open,
  given: ServeArguments,
  tokens: TokenFile | undefined,
  log: Logger,
): Promise<ServedProgram> {
  const {
    listen,
    quiet,
    limits,
    tls,
    tcpBacklog,
    insecure,
    sequential,
    http,
    rate,
    proxyProtocol,
    metrics,
    slow,
    logCalls,
    admin,
    raw,
    workers,
  } = given;
  const operators = admin === undefined ? undefined : ownersOf(admin);
  const canSee = !raw && workers === undefined, refusals = canSee && !quiet && log.writes("warn");
  const seesCalls = canSee && (slow !== undefined || logCalls > 0 || refusals);
  try {
    return await open({
      listen: admin === undefined ? listen : [...listen, admin],
      limits,
      insecure,
      sequential,
      proxyProtocol,
      metrics,
      ...(http !== undefined && { http }),
      ...(tls && { tls }),
      ...(tcpBacklog !== undefined && { tcpBacklog }),
      ...(tokens && { authenticate: withOperators(tokens.authenticate, operators) }),
      ...(operators && { operators }),
      ...(rate !== undefined &&
        { rateLimit: { connection: { calls: rate }, address: { calls: rate } } }),
      ...(seesCalls && { observe: callLog(log, { slow, part: logCalls, refusals }) }),
      onOpen: (peer) => quiet || log.write(opened(peer)),
      onClose: (peer, info) => quiet || log.write(closed(peer, info)),
      onError: (error, about) => {
        const from = isParseError(error) ? /^connection of (.*)$/s.exec(about)?.[1] : undefined;
        if (from === undefined) log.write(failed(error, about, activeSpan()));
        else log.write(refused(error as RpcError, { address: from, localAddress: from }));
      },
    });
  } catch (error) {
    // The library's own errors say what is wrong with the API, an address or a limit.
    if (!(error instanceof Error) || /^Cannot (load|use|serve|listen) /.test(error.message)) {
      throw error;
    }
    throw new Error(`Cannot listen at ${listen.join(" and ")}: ${error.message}`, { cause: error });
  }
}

/** Tells the callers of the admin socket from others. Peers have its address without escapes. */
function ownersOf(admin: string): (peer: PeerInfo) => boolean {
  const address = `unix://${parseAddress(admin).path}`;
  return ({ localAddress }) => localAddress === address;
}

/** A caller of the admin socket is its owner, and needs no token. */
function withOperators(
  authenticate: Authenticate,
  isOperator: ((peer: PeerInfo) => boolean) | undefined,
): Authenticate {
  return (credentials, peer) =>
    credentials.scheme === "unix" && isOperator?.(peer)
      ? "the owner of the admin socket"
      : authenticate(credentials, peer);
}

/**
 * What fails in code that nobody waits for, a promise or a timer that a handler has left behind, is told
 * and counted: the other callers are not to blame.
 */
function surviveDetachedFailures(log: Logger): void {
  let count = 0;
  const survive = (event: Event, error: unknown) => {
    event.preventDefault();
    log.write(failed(error, `code that nobody waits for (${++count} so far)`, activeSpan()));
  };
  globalThis.addEventListener("unhandledrejection", (event) => survive(event, event.reason));
  globalThis.addEventListener("error", (event) => survive(event, event.error));
}

/** SIGHUP reads the tokens again. Under a service manager it is no hangup: it never ends the server. */
function reloadOnHangup(
  tokens: TokenFile | undefined,
  log: Logger,
  notifier: Notifier,
  status: string,
): void {
  if (Deno.build.os === "windows") return; // there it means that the window was closed
  Deno.addSignalListener("SIGHUP", () => {
    notifier.reloading();
    try {
      tokens?.reload();
      const text = tokens === undefined
        ? "nothing is to be read again"
        : "the token file was read again";
      log.write(said("info", "reload", text));
    } catch (error) {
      const err = (error as Error).message;
      const text = `error: ${printable(err)}; what was read before holds`;
      log.write(said("error", "reload failed", text, { err }));
    }
    notifier.ready(status);
  });
}

/** The first signal drains, the second exits now. */
function drainOnSignals(
  server: ServedProgram,
  given: ServeArguments,
  log: Logger,
  notifier: Notifier,
): void {
  const { quiet, limits } = given;
  const grace = limits.shutdownGrace ?? DEFAULT_LIMITS.shutdownGrace;
  // A Ctrl-C reaches the whole foreground of a terminal, and `deno task` passes on what reaches it:
  // one key arrives twice, within a millisecond. Where no terminal is near a signal was sent by hand.
  const echo = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal())
    ? 250
    : 0;
  let first: number | undefined;
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue; // there is none
    Deno.addSignalListener(signal as keyof typeof SIGNALS, () => {
      if (first !== undefined) {
        if (performance.now() - first < echo) return;
        Deno.exit(exitCode);
      }
      first = performance.now();
      const draining = drainLine(server.connections, grace);
      notifier.stopping(draining);
      if (!quiet) {
        const fields = { connections: server.connections, grace_ms: grace };
        log.write(said("info", "draining", draining, fields));
      }
      server.shutdown();
    });
  }
}

function drainLine(connections: number, grace: number): string {
  const what = connections === 1 ? "1 connection" : `${connections} connections`;
  return `draining ${what} for at most ${grace} ms; a second signal exits now`;
}
