/**
 * What can be read with GET: what stands here or the console, the description of the API, and how the
 * server is. Loaded when the first of them is asked for.
 *
 * @module
 */

import type { ErrorObject, RpcError } from "../error.ts";
import { RPC } from "../message/control.ts";
import type { Params } from "../message/message.ts";
import { toBase64 } from "../runtime.ts";
import { accepted } from "./call.ts";
import type { GuardOptions } from "./guard.ts";
import type { RequestHead } from "./head.ts";
import type { MetricsPage } from "./options.ts";
import { type Answer, JSON_TYPE, TEXT_TYPE } from "./response.ts";
import { statusOf } from "./status.ts";

/** Calls a method of the server's own. */
export type Ask = (method: string, params: Params) => Promise<Asked>;

/** The text of the answer, and why the call was not begun at all, if it was not. */
export interface Asked {
  readonly text: string;
  readonly refusal: RpcError | undefined;
}

/** Where the page for Prometheus comes from. */
export interface MetricsSource {
  readonly page: MetricsPage;
  /** Pays for it; why it is not given, if it is not. */
  refusal(): RpcError | undefined;
}

/** What answers a request. */
export interface Page extends Answer {
  readonly status: number;
}

const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** What a page may do in a browser: nothing that it was not served with. @param style what may be its style */
const pageHeaders = (style: string) =>
  `Content-Security-Policy: default-src 'none'; script-src 'self'; style-src ${style}; ` +
  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n" +
  "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n";

const PAGE_HEADERS = pageHeaders("'none'");

/** The page at a path that a guard has let in. */
export function page(
  path: string,
  query: string,
  headers: RequestHead["headers"],
  { scheme, hasConsole }: Pick<GuardOptions, "scheme" | "hasConsole">,
  ask: Ask,
  metrics?: MetricsSource,
): Promise<Page> {
  switch (path) {
    case "/metrics":
      return metricsPage(headers.get("accept") ?? "", metrics!);
    case "/openrpc.json":
      return openRpc(headers.get("if-none-match"), ask);
    case "/health":
    case "/healthz":
      return health(new URLSearchParams(query).get("service") ?? "", ask);
    case "/":
      if (hasConsole && accepted(headers.get("accept") ?? "").includes("text/html")) {
        return consoleFile(path, headers);
      }
      return Promise.resolve(
        start(`${scheme}://${headers.get("host") || "localhost"}`, hasConsole),
      );
    default:
      return consoleFile(path, headers);
  }
}

/** One of the console's files. They are loaded, and made ready to be sent, when one is asked for. */
async function consoleFile(path: string, headers: RequestHead["headers"]): Promise<Page> {
  const { consoleFiles } = await import("./console_files.ts");
  const file = consoleFiles.get(path);
  if (file === undefined) {
    return { status: 404, type: TEXT_TYPE, body: "there is nothing at this path\n" };
  }
  const isPacked = accepted(headers.get("accept-encoding") ?? "").includes("gzip");
  const { bytes, tag } = isPacked ? file.packed : file.plain;
  const policy = path === "/" ? pageHeaders(file.style) : PAGE_HEADERS;
  const lines = `${policy}Cache-Control: no-cache\r\nETag: ${tag}\r\n` +
    "Vary: Accept, Accept-Encoding\r\n";
  if (isKnown(headers.get("if-none-match"), tag)) return { status: 304, headers: lines };
  const coding = isPacked ? "Content-Encoding: gzip\r\n" : "";
  return { status: 200, headers: lines + coding, type: file.type, bytes };
}

function start(url: string, hasConsole: boolean): Page {
  const call = `'{"jsonrpc":"2.0","id":1,"method":"${RPC.serverInfo}"}'`;
  return {
    status: 200,
    headers: hasConsole ? `${PAGE_HEADERS}Vary: Accept\r\n` : PAGE_HEADERS,
    type: TEXT_TYPE,
    body: `JSON-RPC 2.0 is spoken here.

Call a method with POST:
  curl ${url}/ -H 'content-type: application/json' -d ${call}
Take a stream as events, or as lines:
  add -N -H 'accept: text/event-stream', or -H 'accept: application/x-ndjson'
WebSocket: ws${url.slice("http".length)}/
The API, as OpenRPC: ${url}/openrpc.json
How the server is: ${url}/health
${hasConsole ? `For a browser: ${url}/\n` : ""}`,
  };
}

async function openRpc(known: string | undefined, ask: Ask): Promise<Page> {
  const asked = await ask(RPC.discover, undefined);
  if (asked.refusal !== undefined) return refused(asked.text, asked.refusal);
  const answer = JSON.parse(asked.text) as Answered;
  if (answer.error !== undefined) return { status: 503, type: JSON_TYPE, body: json(answer) };
  const body = json(answer.result);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  const tag = `"${toBase64(new Uint8Array(digest, 0, 16))}"`;
  const headers = `${PAGE_HEADERS}Cache-Control: no-cache\r\nETag: ${tag}\r\n`;
  return isKnown(known, tag)
    ? { status: 304, headers }
    : { status: 200, headers, type: JSON_TYPE, body };
}

/** Whether the client has what has this tag. @param known what it says it has, in `If-None-Match` */
function isKnown(known: string | undefined, tag: string): boolean {
  return known !== undefined &&
    known.split(",").some((it) => ["*", tag, `W/${tag}`].includes(it.trim()));
}

/** What Prometheus reads, in the format that it asks for. */
async function metricsPage(accept: string, { page, refusal }: MetricsSource): Promise<Page> {
  const refused = refusal();
  if (refused !== undefined) {
    return { ...statusOf(refused, 503), type: TEXT_TYPE, body: refused.message + "\n" };
  }
  const isOpen = accepted(accept).includes("application/openmetrics-text");
  return {
    status: 200,
    headers: "Cache-Control: no-store\r\nVary: Accept\r\n",
    type: isOpen ? OPEN_METRICS_TYPE : PROMETHEUS_TYPE,
    body: await page(isOpen ? "openmetrics" : "prometheus"),
  };
}

async function health(service: string, ask: Ask): Promise<Page> {
  const { text, refusal } = await ask(RPC.health, { service });
  // How a server is does not follow from how often it is asked.
  if (refusal?.reason === "RESOURCE_EXHAUSTED") return refused(text, refusal);
  const { result, error } = JSON.parse(text) as Answered;
  const headers = "Cache-Control: no-store\r\n", type = JSON_TYPE;
  if (error?.code === -32005) {
    return { status: 404, headers, type, body: brief({ status: "SERVICE_UNKNOWN" }) };
  }
  // A server that ends refuses even this question.
  const { status, ...rest } = (result ?? { status: "NOT_SERVING" }) as { status: string };
  return {
    status: status === "SERVING" ? 200 : 503,
    headers,
    type,
    body: brief({ status, ...rest }),
  };
}

function refused(text: string, refusal: RpcError): Page {
  return { ...statusOf(refusal, 503), type: JSON_TYPE, body: text };
}

interface Answered {
  readonly result?: unknown;
  readonly error?: ErrorObject;
}

function brief(value: unknown): string {
  return JSON.stringify(value) + "\n";
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2) + "\n";
}
