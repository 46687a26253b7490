/**
 * What client.ts does when it is run: one call, or many from standard input, or talk without framing.
 *
 * @module
 */

import { connect, type Line, RpcError, type Socket } from "../lib/mod.ts";
import { dial } from "../lib/transport/mod.ts";
import { makeCalls, sendNotification } from "./calls.ts";
import {
  CLIENT_HELP,
  type ClientArguments,
  type RawArguments,
  readClientArguments,
} from "./client_args.ts";
import { describeError, describeNoConnection } from "./client_errors.ts";
import { printableJson } from "./printable.ts";
import { mustBeStream, mustLeaveTerminal } from "./raw_address.ts";
import { talk } from "./raw_client.ts";
import { print } from "./stdio.ts";
import { VERSION } from "./version.ts";

/** Exit codes; 128 and the signal's number are those of a signal. */
const OK = 0;
const FAILED = 1;
const USAGE = 2;
const NO_CONNECTION = 3;
const DEADLINE = 4;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** What a shell shows for a program whose reader has gone, as in `client.ts … - | head`. */
const NO_READER = 141;

/** Milliseconds that connecting may take, and that closing may take after a signal. */
const CONNECT_TIMEOUT = 5000;
const CLOSE_TIMEOUT = 500;

/**
 * Does what the command line says.
 *
 * @returns the exit code
 */
export async function runClient(args: string[]): Promise<number> {
  let given: ReturnType<typeof readClientArguments>;
  try {
    given = readClientArguments(args);
  } catch (error) {
    console.error(describeError(error));
    return USAGE;
  }
  try {
    if (typeof given === "string") {
      await print(given === "help" ? CLIENT_HELP : `landline ${VERSION}\n`);
      return OK;
    }
    return "raw" in given ? await runRaw(given) : await run(given);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return NO_READER;
    throw error;
  }
}

/** Connects, does the work, and closes; a signal ends all three. */
async function run(given: ClientArguments): Promise<number> {
  const { address, framing, timeout, tls } = given;
  const start = performance.now();
  const interruption = listenForSignals();
  const refusal = Promise.withResolvers<never>();
  refusal.promise.catch(() => {}); // with no call under way it is nobody's
  const connectTimeout = Math.min(timeout ?? Infinity, CONNECT_TIMEOUT);
  let line: Line;
  try {
    line = await connect(address, {
      framing,
      ...(tls && { tls }),
      connectTimeout,
      signal: interruption.signal,
      onError: refusal.reject,
    });
  } catch (error) {
    if (interruption.signal.aborted) return await interruption.exitCode;
    return sayNoConnection(address, error, connectTimeout, timeout);
  }
  const work: Work = {
    given,
    line,
    refusal: refusal.promise,
    left: timeout === undefined ? undefined : Math.max(0, timeout - (performance.now() - start)),
    signal: interruption.signal,
  };
  const exitCode = await Promise.race([
    given.method === "-" ? callMany(work) : given.notify ? notify(work) : callOnce(work),
    interruption.exitCode,
  ]);
  // A peer that takes nothing must not keep us here.
  await Promise.race([line.close(), delay(CLOSE_TIMEOUT)]);
  return exitCode;
}

/** Connects and talks, without framing; a signal ends both. */
async function runRaw({ address, timeout, tls }: RawArguments): Promise<number> {
  const interruption = listenForSignals();
  const connectTimeout = Math.min(timeout ?? Infinity, CONNECT_TIMEOUT);
  let socket: Socket;
  try {
    mustBeStream(address);
    mustLeaveTerminal(address);
    const limit = AbortSignal.timeout(connectTimeout);
    const signal = AbortSignal.any([interruption.signal, limit]);
    socket = await dial(address, { signal, ...(tls && { tls }) });
  } catch (error) {
    if (interruption.signal.aborted) return await interruption.exitCode;
    return sayNoConnection(address, error, connectTimeout, timeout);
  }
  let exitCode = OK;
  const talking = talk({
    socket,
    input: Deno.stdin.readable,
    print,
    isTerminal: Deno.stdout.isTerminal(),
    ...(timeout !== undefined && { answerTimeout: timeout }),
    onFault(fault) {
      exitCode = FAILED;
      console.error(describeError(new Error(`Cannot send: ${fault}`)));
    },
  });
  const end = await Promise.race([talking, interruption.exitCode]);
  if (typeof end === "number") return end;
  if (end.kind === "ended") return exitCode;
  const why = end.error instanceof Error ? ` (${end.error.message})` : "";
  console.error(describeError(new Error(`The server hung up${why}`)));
  return FAILED;
}

/** What is to be done over a line. */
interface Work {
  readonly given: ClientArguments;
  readonly line: Line;
  /** Rejects with what the server says without an id: it could not read a call, or takes nobody in. */
  readonly refusal: Promise<never>;
  /** Milliseconds that are left; undefined where there is no deadline. */
  readonly left: number | undefined;
  /** Aborted by a signal: nothing more is to be said. */
  readonly signal: AbortSignal;
}

async function callOnce({ given, line, refusal, left, signal }: Work): Promise<number> {
  const { method, params, timeout } = given;
  let result: unknown;
  try {
    const answer = line.request(method, params, left === undefined ? {} : { timeout: left });
    result = await Promise.race([answer, refusal]);
  } catch (error) {
    if (signal.aborted) return FAILED;
    if (timeout !== undefined && isDeadline(error)) {
      console.error(describeError(deadlineExceeded(`no answer within ${timeout} ms`)));
      return DEADLINE;
    }
    console.error(describeError(error));
    return FAILED;
  }
  await print(
    Deno.stdout.isTerminal()
      ? printableJson(JSON.stringify(result, undefined, 2)) + "\n"
      : JSON.stringify(result) + "\n",
  );
  return OK;
}

async function callMany({ given, line, refusal, signal }: Work): Promise<number> {
  let refused: unknown;
  refusal.catch((error) => refused = error);
  const { failed, lost } = await makeCalls({
    line,
    input: Deno.stdin.readable,
    print: async (text) => {
      if (!signal.aborted) await print(text);
    },
    timeout: given.timeout,
    notify: given.notify,
  });
  if (lost && !signal.aborted) {
    const { reason, error } = await line.closed;
    const why = error instanceof Error ? ` (${error.message})` : "";
    const last = new Error(`The connection ended: ${reason}${why}`);
    console.error(describeError(refused ?? last));
  }
  return failed > 0 || lost ? FAILED : OK;
}

function notify({ given, line }: Work): number {
  try {
    sendNotification(line, given.method, given.params);
    return OK; // closing the line sends what is queued
  } catch (error) {
    console.error(describeError(error));
    return FAILED;
  }
}

function sayNoConnection(
  address: string,
  error: unknown,
  waited: number,
  timeout: number | undefined,
): number {
  if (error instanceof TypeError) {
    console.error(describeError(error)); // it says what is wrong with the address
    return USAGE;
  }
  if (isTimeout(error) && waited === timeout) {
    console.error(describeError(deadlineExceeded(`no connection within ${timeout} ms`)));
    return DEADLINE;
  }
  const why = isTimeout(error) ? new Error(`no answer within ${waited} ms`) : error;
  console.error(describeNoConnection(address, why));
  return NO_CONNECTION;
}

function deadlineExceeded(message: string): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", message);
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function isDeadline(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED";
}

/** The first signal is told to those who ask, the second exits now. */
function listenForSignals(): { signal: AbortSignal; exitCode: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const controller = new AbortController();
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue; // there is none
    Deno.addSignalListener(signal as keyof typeof SIGNALS, () => {
      if (controller.signal.aborted) Deno.exit(exitCode);
      resolve(exitCode);
      controller.abort();
    });
  }
  return { signal: controller.signal, exitCode: promise };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
