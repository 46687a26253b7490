/**
 * What main.ts does: loads an API, serves it, writes log lines, and drains on a signal.
 *
 * @module
 */

import {
  DEFAULT_LIMITS,
  serve,
  type ServeOptions,
  type Server,
  serveWorkers,
} from "../../lib/mod.ts";
import { redirectConsole } from "../../lib/transport/process/redirect_console.ts";
import { importApi, urlOf } from "../command/api_module.ts";
import { importRaw } from "./raw_module.ts";
import { Log, type LogStream } from "./rate_limited_log.ts";
import { openTokens, type TokenFile } from "./tokens.ts";
import { printable } from "../text/printable.ts";
import type { RawService } from "../raw/connection.ts";
import { type RawServerOptions, serveRaw } from "../raw/server.ts";
import { readServeArguments, type ServeArguments, serveHelp } from "./args.ts";
import { closedLine, errorLines, openedLine, sourceOf, sourceOfError } from "./log.ts";
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
    & Pick<ServeOptions, "authenticate" | "rateLimit" | "metrics" | "sequential" | "http">,
) => Promise<ServedProgram>;

/** Lines about what happens, and about what goes wrong. */
interface Logs {
  readonly out: LogStream;
  readonly err: LogStream;
}

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
  const log = new Log((line) => console.error(line));
  const err = log.stream((line) => console.error(line));
  let out = log.stream((line) => console.log(line)), restoreConsole = () => {};
  try {
    given = readServeArguments(args);
    if (given.only !== undefined) {
      console.log(given.only === "help" ? serveHelp(command).trimEnd() : `landline ${VERSION}`);
      return 0;
    }
    // Standard output belongs to the protocol where it is spoken there: also while a module is loaded.
    if (given.listen.some((address) => address.startsWith("stdio:"))) {
      out = err;
      restoreConsole = redirectConsole();
    }
    if (given.tokenFile !== undefined) tokens = openTokens(given.tokenFile);
    if (!given.crashOnError) surviveDetachedFailures(err);
    server = await start(await prepare(given), given, tokens, { out, err });
  } catch (error) {
    console.error(`error: ${printable(error instanceof Error ? error.message : String(error))}`);
    return COULD_NOT_START;
  }
  const notifier = openNotifier((why) => err.line(why));
  const status = `listening on ${server.addresses.map(printable).join(", ")}`;
  drainOnSignals(server, given, out, notifier);
  if (tokens !== undefined || notifier.isThere) {
    reloadOnHangup(tokens, { out, err }, notifier, status);
  }
  notifier.ready(status);
  for (const address of server.addresses) out.line(`listening on ${printable(address)}`);
  const page = given.http && given.http.console && !given.raw
    ? server.addresses.map(pageAt).find((url) => url !== undefined)
    : undefined;
  if (page !== undefined) out.line(`console at ${printable(page)}`);
  try {
    await server.finished;
    return 0;
  } catch (error) {
    console.error(errorLines(error, "the server"));
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
  { out, err }: Logs,
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
  } = given;
  try {
    return await open({
      listen,
      limits,
      insecure,
      sequential,
      proxyProtocol,
      metrics,
      ...(http !== undefined && { http }),
      ...(tls && { tls }),
      ...(tcpBacklog !== undefined && { tcpBacklog }),
      ...(tokens && { authenticate: tokens.authenticate }),
      ...(rate !== undefined &&
        { rateLimit: { connection: { calls: rate }, address: { calls: rate } } }),
      onOpen: (peer) => quiet || out.line(openedLine(peer), sourceOf(peer)),
      onClose: (peer, info) => quiet || out.line(closedLine(peer, info), sourceOf(peer)),
      onError: (error, about) => err.line(errorLines(error, about), sourceOfError(about)),
    });
  } catch (error) {
    // The library's own errors say what is wrong with the API, an address or a limit.
    if (!(error instanceof Error) || /^Cannot (load|use|serve|listen) /.test(error.message)) {
      throw error;
    }
    throw new Error(`Cannot listen at ${listen.join(" and ")}: ${error.message}`, { cause: error });
  }
}

/**
 * What fails in code that nobody waits for, a promise or a timer that a handler has left behind, is told
 * and counted: the other callers are not to blame.
 */
function surviveDetachedFailures(log: LogStream): void {
  let count = 0;
  const survive = (event: Event, error: unknown) => {
    event.preventDefault();
    log.line(errorLines(error, `code that nobody waits for (${++count} so far)`));
  };
  globalThis.addEventListener("unhandledrejection", (event) => survive(event, event.reason));
  globalThis.addEventListener("error", (event) => survive(event, event.error));
}

/** SIGHUP reads the tokens again. Under a service manager it is no hangup: it never ends the server. */
function reloadOnHangup(
  tokens: TokenFile | undefined,
  { out, err }: Logs,
  notifier: Notifier,
  status: string,
): void {
  if (Deno.build.os === "windows") return; // there it means that the window was closed
  Deno.addSignalListener("SIGHUP", () => {
    notifier.reloading();
    try {
      tokens?.reload();
      out.line(
        tokens === undefined ? "nothing is to be read again" : "the token file was read again",
      );
    } catch (error) {
      err.line(`error: ${printable((error as Error).message)}; what was read before holds`);
    }
    notifier.ready(status);
  });
}

/** The first signal drains, the second exits now. */
function drainOnSignals(
  server: ServedProgram,
  given: ServeArguments,
  log: LogStream,
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
      if (!quiet) log.line(draining);
      server.shutdown();
    });
  }
}

function drainLine(connections: number, grace: number): string {
  const what = connections === 1 ? "1 connection" : `${connections} connections`;
  return `draining ${what} for at most ${grace} ms; a second signal exits now`;
}
