/**
 * A line to a server, as every command of client.ts opens and closes it.
 *
 * @module
 */

import {
  connect,
  type ConnectOptions,
  type Line,
  RpcError,
  type Socket,
} from "../../lib/client.ts";
import { dial, type Framing, FRAMINGS } from "../../lib/wire.ts";
import { authenticate } from "./authenticate.ts";
import type { Given } from "./args.ts";
import { answers } from "./call_meta.ts";
import { describeError, errorText, noConnection } from "./errors.ts";
import { EXIT, Exit } from "./exit.ts";
import { Attempts, hasNotRun } from "./retry.ts";
import { type Interruption, listenForSignals } from "./signals.ts";
import { tapped } from "./verbose.ts";

/** Milliseconds that connecting may take, and that closing may take. */
const CONNECT_TIMEOUT = 5000;
const CLOSE_TIMEOUT = 500;

/** The same for a program that we have started: it may have something to finish. */
const PROGRAM_TIMEOUT = 5000;

/**
 * How many calls the client sends before it asks the server how many it takes. No command has more under way,
 * so a server of another project gets the user's calls and nothing else.
 */
const MAX_CALLS = 1000;

/** An open line, and what there is to know for who works with it. */
export interface Open {
  /** The line. */
  readonly line: Line;
  /** Whether another connection can be made: not to a program that was started. */
  readonly canRedial: boolean;
  /**
   * Opens another one, and closes this one.
   *
   * @throws {Exit} where there is no connection
   */
  redial(): Promise<void>;
  /** If true, messages that answer no call are not printed: the user has not made a call yet. */
  isQuiet: boolean;
  /** Why the server did not describe itself, once it was asked to. */
  refusal?: unknown;
  /** Aborted by a signal: what runs is cancelled, and nothing more is to be said. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left of `--timeout`; undefined where there is no deadline. */
  timeLeft(): number | undefined;
}

/**
 * Connects, does the work, and closes; a signal ends all three.
 *
 * @returns the exit code: the work's, or the signal's
 * @throws {Exit} where there is no connection
 */
export async function withLine(
  address: string,
  given: Given,
  work: (open: Open) => Promise<number>,
): Promise<number> {
  const end = performance.now() + (given.timeout ?? Infinity);
  const interruption = listenForSignals();
  const options = await connectOptions(given);
  let open: Open | undefined;
  const dialLine = () =>
    reach(
      address,
      given,
      interruption,
      (connectTimeout) =>
        connect(address, {
          ...options,
          connectTimeout,
          reconnect: false, // it is dialled again by hand, where that was asked for
          signal: interruption.signal,
          onError: (error) => open?.isQuiet || note(error, given),
        }),
    );
  const first = await dialLine();
  if (first === undefined) return await interruption.exitCode;
  let last = first;
  try {
    open = {
      isQuiet: false,
      get line() {
        return last;
      },
      canRedial: !/^(?:stdio|command):/i.test(address),
      redial: async () => {
        // A server that takes one caller at a time takes the next once this one has left.
        await Promise.race([last.close(), delay(CLOSE_TIMEOUT)]);
        last = await dialLine() ?? last;
      },
      signal: interruption.signal,
      timeLeft: () =>
        given.timeout === undefined ? undefined : Math.max(0, end - performance.now()),
    };
    return await Promise.race([work(open), interruption.exitCode]);
  } finally {
    // A peer that takes nothing must not keep us here.
    const isProgram = /^command:/i.test(address) && !interruption.signal.aborted;
    await Promise.race([last.close(), delay(isProgram ? PROGRAM_TIMEOUT : CLOSE_TIMEOUT)]);
  }
}

/**
 * Connects without framing and does the work; a signal ends both.
 *
 * @throws {Exit} where there is no connection
 */
export async function withSocket(
  address: string,
  given: Given,
  work: (socket: Socket) => Promise<number>,
): Promise<number> {
  const interruption = listenForSignals();
  const socket = await openSocket(address, given, interruption);
  if (socket === undefined) return await interruption.exitCode;
  return await Promise.race([work(socket), interruption.exitCode]);
}

/**
 * Connects without framing; undefined after a signal.
 *
 * @throws {Exit} where there is no connection
 */
export function openSocket(
  address: string,
  given: Given,
  interruption: Interruption,
): Promise<Socket | undefined> {
  const { tls, headers } = given;
  return reach(address, given, interruption, (connectTimeout) => {
    const limit = AbortSignal.timeout(connectTimeout);
    const signal = AbortSignal.any([interruption.signal, limit]);
    return dial(address, { signal, ...(tls && { tls }), ...(headers && { headers }) });
  });
}

/**
 * Prints a message of the server that answers no call, such as an answer with an unknown id. The user then
 * sees why a call gets no answer.
 */
function note(error: unknown, { json }: Given): void {
  if (json) return console.error(errorText(error, json));
  // Our own words need no number.
  const told = error instanceof RpcError && !error.remote ? new Error(error.message) : error;
  console.error(describeError(told).replace(/^error:?/, "note:"));
}

/** Aborts what is done with a line: by a signal, and when the time is over. */
export function deadlineSignal(
  { signal, timeLeft }: Open,
  { timeout }: Given,
): AbortSignal {
  const deadline = new AbortController();
  if (timeout !== undefined) {
    setTimeout(() => deadline.abort(late(`no answer within ${timeout} ms`)), timeLeft());
  }
  return AbortSignal.any([signal, deadline.signal]);
}

/**
 * The same for a command that makes calls of its own there: says who calls, and shows frames.
 *
 * @throws {Exit} where the server does not take the token
 */
export async function openCaller(
  address: string,
  given: Given,
  interruption: Interruption,
): Promise<Socket | undefined> {
  const { version1, tokenFile, verbose } = given;
  if (version1) throw new TypeError("Cannot use --version-1 here: it is for calls");
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  // Over HTTP each request says who calls.
  const isPosted = /^https?:/i.test(address) && token !== undefined;
  const headers = isPosted ? { ...given.headers, authorization: `Bearer ${token}` } : given.headers;
  const dialled = await openSocket(address, { ...given, headers }, interruption);
  if (dialled === undefined) return undefined;
  const framing = framingOf(dialled, given);
  const socket = verbose ? tapped(dialled, framing, (line) => console.error(line)) : dialled;
  if (token !== undefined && !isPosted) {
    try {
      await authenticate(socket, framing, token);
    } catch (error) {
      await socket.close();
      throw new Exit(EXIT.FAILED, error);
    }
  }
  return socket;
}

/** What is spoken on a socket: what its address decides, or else what was asked for. */
export function framingOf(socket: Socket, { framing }: Given): Framing {
  return socket.framing ?? FRAMINGS[framing];
}

/** What the options say to `connect`; those who connect more than once need it. */
export async function connectOptions(given: Given): Promise<ConnectOptions> {
  const { framing, plain, version1, tls, headers, tokenFile, verbose } = given;
  const show = (line: string) => console.error(line), api = answers(given);
  return {
    framing,
    limits: { maxInFlight: MAX_CALLS },
    inOrder: true, // lines of the input may build on those before them
    ...(plain && { extensions: false }),
    ...(version1 && { version: "1.0" as const }),
    exactNumbers: true, // people want to see the digits that came
    ...(api && { api }),
    ...(verbose && { wrapSocket: (socket) => tapped(socket, framingOf(socket, given), show) }),
    ...(tls && { tls }),
    ...(headers && { headers }),
    ...(tokenFile !== undefined && { token: await readToken(tokenFile) }),
  };
}

/** Gets through, or says why not; undefined after a signal. */
async function reach<T>(
  address: string,
  { timeout, retry, json }: Given,
  { signal }: Interruption,
  open: (connectTimeout: number) => Promise<T>,
): Promise<T | undefined> {
  const end = performance.now() + (timeout ?? Infinity);
  const attempts = new Attempts(retry, timeout);
  for (let isFirst = true;; isFirst = false) {
    const left = Math.max(0, Math.ceil(end - performance.now()));
    const connectTimeout = Math.min(left, CONNECT_TIMEOUT);
    try {
      return await open(connectTimeout);
    } catch (error) {
      if (retry && isFirst && !json && isPassing(error)) {
        console.error(`${describeError(noConnection(address, error))}; trying again`);
      }
      if (isPassing(error) && await attempts.next(error, signal)) continue;
      if (signal.aborted) return undefined;
      if (isTimeout(error) && left <= CONNECT_TIMEOUT) {
        throw late(`no connection within ${timeout} ms`);
      }
      throw whyNot(address, error);
    }
  }
}

/** Whether the next attempt to connect may get through. */
function isPassing(error: unknown): boolean {
  if (error instanceof RpcError) return hasNotRun(error);
  return !(error instanceof TypeError || error instanceof Deno.errors.NotCapable);
}

function whyNot(address: string, error: unknown): Error {
  if (error instanceof TypeError) return error; // it says what is wrong with the address
  if (error instanceof RpcError) return new Exit(EXIT.FAILED, error); // credentials
  const why = isTimeout(error) ? new Error(`no answer within ${CONNECT_TIMEOUT} ms`) : error;
  return new Exit(EXIT.NO_CONNECTION, noConnection(address, why));
}

/** What ends a command whose `--timeout` has passed. */
export function late(message: string): Exit {
  return new Exit(EXIT.DEADLINE, new RpcError("DEADLINE_EXCEEDED", message));
}

async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TypeError(`Cannot read --token-file: ${why}`);
  }
  const token = text.trim();
  if (token === "") throw new TypeError(`Cannot read --token-file: ${file} is empty`);
  return token;
}

/** Whether this is what an `AbortSignal.timeout()` aborts with. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** Resolves after so many milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
