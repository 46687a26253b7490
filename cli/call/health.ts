/**
 * `client.ts health`: whether a server serves, as an exit code, for containers and balancers.
 *
 * At `http:` and `https:` it reads the page `/health`, for which no caller needs a token.
 * At every other address it calls `rpc.health`.
 *
 * @module
 */

import { ConnectionLostError, RpcError } from "../../lib/client.ts";
import { httpClient } from "../../lib/transport/http/dial.ts";
import type { HttpClient } from "../../lib/transport/system.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { errorText, noConnection } from "../command/errors.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { isTimeout, late, withLine } from "../command/line.ts";
import { Attempts, hasNotRun, RETRY_TIME } from "../command/retry.ts";
import { listenForSignals } from "../command/signals.ts";
import { printable, quoted, shown } from "../text/printable.ts";
import { print } from "../text/stdio.ts";

/** What `health --help` prints. */
export const help = `\
Tells by its exit code whether a server serves: for the health check of a
container, and for balancers that run a program. It prints nothing if it does,
and one line on standard error if it does not.

Usage: client.ts health [OPTIONS] ADDRESS

Options:
  --service NAME    one of the server's services [default: the server itself]
  --timeout MS      how long all of it may take [default: 2000]
  --retry           waits until the server serves, within the --timeout
                    [default: 30000]
  --json            prints the answer, such as {"status":"SERVING"}

At http: and https: it reads the page "health" beside the path of the address,
http://127.0.0.1:8080/health, which needs no token. At every other address it
calls rpc.health, which needs one if the server asks callers who they are.

Exit codes:
  0    the status is SERVING
  1    something else was answered, such as an error, or the connection was
       lost; also if the server has no room for another connection
  2    the command line makes no sense
  3    cannot connect
  4    no answer within the --timeout
  5    it is another: the server ends, has too many handlers that do not end, or
       its program says so
  6    the server has no such service

Example:
  client.ts health tcp://127.0.0.1:8080 || echo "it does not serve"
`;

/** Its own options. */
export const options = { service: { type: "string" } } as const satisfies ArgumentOptions;

/** Milliseconds that all of it may take: a supervisor asks every few seconds, and must not wait longer than that. */
const TIMEOUT = 2000;

/** Bytes of a page that are read. */
const MAX_BYTES = 1 << 16;

/** Characters of a status that are shown. */
const MAX_STATUS = 128;

/** What a server says of itself. */
interface Answer {
  readonly status: string;
  /** Handlers that go on although their calls have ended. */
  readonly hung?: number;
}

/** What is asked, and for how long. */
interface Asked {
  readonly address: string;
  readonly service: string;
  readonly given: Given & { readonly timeout: number };
}

/** Asks once, or with `--retry` until the server serves. */
export function run([address, ...rest]: readonly string[], given: Given): Promise<number> {
  if (address === undefined || rest.length > 0) {
    throw new TypeError("Cannot check: one ADDRESS is needed, health --help shows how");
  }
  const service = given.values.get("service") ?? "";
  const timeout = given.timeout ?? (given.retry ? RETRY_TIME : TIMEOUT);
  const asked = { address, service, given: { ...given, timeout } };
  return /^https?:/i.test(address) ? overHttp(asked) : overLine(asked);
}

function overLine({ address, service, given }: Asked): Promise<number> {
  return withLine(address, given, async (open) => {
    const { signal } = open, attempts = new Attempts(given.retry, open.timeLeft());
    for (;;) {
      try {
        const answer = await open.line.request("rpc.health", { service }, {
          signal,
          timeout: open.timeLeft()!,
        });
        const status = readAnswer(answer);
        if (status.status === "SERVING" || !await attempts.next(undefined, signal)) {
          return await tell(status, given);
        }
      } catch (error) {
        if (signal.aborted) return EXIT.FAILED; // the exit code is the signal's
        const isLost = error instanceof ConnectionLostError;
        if ((isLost || hasNotRun(error)) && await attempts.next(error, signal)) {
          if (isLost) await open.redial();
        } else {
          return failed(error, given);
        }
      }
    }
  });
}

async function overHttp({ address, service, given }: Asked): Promise<number> {
  const url = pageOf(address, service);
  const client = await httpClient(given.tls ?? {});
  const { timeout } = given, end = performance.now() + timeout;
  const interruption = listenForSignals(), { signal } = interruption;
  const attempts = new Attempts(given.retry, timeout);
  const work = async () => {
    for (;;) {
      let answer: Answer | undefined, failure: unknown;
      try {
        const left = AbortSignal.timeout(Math.max(0, end - performance.now()));
        answer = await read(url, given.headers, client, AbortSignal.any([signal, left]));
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return EXIT.FAILED; // the exit code is the signal's
      if (answer?.status !== "SERVING" && await attempts.next(failure, signal)) continue;
      if (answer !== undefined) return await tell(answer, given);
      if (isTimeout(failure)) throw late(`no answer within ${timeout} ms`);
      throw failure instanceof Exit
        ? failure
        : new Exit(EXIT.NO_CONNECTION, noConnection(address, reasonOf(failure)));
    }
  };
  try {
    return await Promise.race([work(), interruption.exitCode]);
  } finally {
    client.close();
  }
}

/** Where `health` leads to from the address. @throws {TypeError} for an address that is no URL */
function pageOf(address: string, service: string): URL {
  if (!URL.canParse(address)) throw new TypeError(`Cannot use the address ${quoted(address)}`);
  const url = new URL("health", address);
  if (service !== "") url.searchParams.set("service", service);
  return url;
}

async function read(
  url: URL,
  headers: Given["headers"],
  client: HttpClient,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await client.request(url, {
    method: "GET",
    headers: new Headers(headers),
    signal,
  });
  const text = await beginningOf(response);
  try {
    return readAnswer(JSON.parse(text));
  } catch {
    const error = new Error(`Cannot tell the health of ${url}: it answers ${response.status}`);
    throw new Exit(EXIT.FAILED, error);
  }
}

/** As much of an answer as a status can need. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", bytes = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if ((bytes += chunk.length) > MAX_BYTES) break;
  }
  return text;
}

/** @throws {Exit} for what says nothing of a status */
function readAnswer(answer: unknown): Answer {
  const { status, hung } = (answer ?? {}) as Partial<Answer>;
  if (typeof status === "string") return { status, ...(typeof hung === "number" && { hung }) };
  throw new Exit(EXIT.FAILED, new Error("Cannot tell the health: the answer has no status"));
}

/** Says what the status is, and ends with its exit code. */
async function tell({ status, hung }: Answer, { json }: Given): Promise<number> {
  if (json) {
    const answer = { status, ...(hung !== undefined && { hung }) };
    await print(printable(JSON.stringify(answer)) + "\n");
  } else if (status !== "SERVING") {
    const why = hung === undefined ? "" : `, ${hung} handlers go on though their calls have ended`;
    console.error(`not serving: ${shown(status, MAX_STATUS)}${why}`);
  }
  if (status === "SERVING") return EXIT.OK;
  return status === "SERVICE_UNKNOWN" ? EXIT.NO_SERVICE : EXIT.NOT_SERVING;
}

/** What a call of `rpc.health` failed with. */
async function failed(error: unknown, given: Given): Promise<number> {
  if (error instanceof Exit) throw error;
  const reason = error instanceof RpcError ? error.reason : undefined;
  if (reason === "NOT_FOUND") return await tell({ status: "SERVICE_UNKNOWN" }, given);
  // A server that ends refuses even this question.
  if (reason === "UNAVAILABLE") return await tell({ status: "NOT_SERVING" }, given);
  if (reason === "DEADLINE_EXCEEDED") throw late(`no answer within ${given.timeout} ms`);
  console.error(errorText(error, given.json));
  return EXIT.FAILED;
}

/** `fetch` says why only in the cause of its error. */
function reasonOf(error: unknown): unknown {
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
}
