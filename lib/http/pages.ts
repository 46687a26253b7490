/**
 * What can be read with GET: what stands here, the description of the API, and how the server is. Loaded
 * when the first of them is asked for.
 *
 * @module
 */

import type { ErrorObject, RpcError } from "../error.ts";
import { RPC } from "../message/control.ts";
import type { Params } from "../message/message.ts";
import type { RequestHead } from "./head.ts";
import { type Answer, JSON_TYPE, TEXT_TYPE } from "./response.ts";
import { statusOf } from "./status.ts";

/** Calls a method of the server's own. */
export type Ask = (method: string, params: Params) => Promise<Asked>;

/** The text of the answer, and why the call was not begun at all, if it was not. */
export interface Asked {
  readonly text: string;
  readonly refusal: RpcError | undefined;
}

/** What answers a request. */
export interface Page extends Answer {
  readonly status: number;
}

/** What a page may do in a browser: nothing that it was not served with. */
const PAGE_HEADERS =
  "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; " +
  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n" +
  "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n";

/** The page at a path that a guard has let in. */
export function page(
  path: string,
  query: string,
  headers: RequestHead["headers"],
  scheme: string,
  ask: Ask,
): Promise<Page> {
  switch (path) {
    case "/openrpc.json":
      return openRpc(headers.get("if-none-match"), ask);
    case "/health":
    case "/healthz":
      return health(new URLSearchParams(query).get("service") ?? "", ask);
    default:
      return Promise.resolve(start(`${scheme}://${headers.get("host") || "localhost"}`));
  }
}

function start(url: string): Page {
  const call = `'{"jsonrpc":"2.0","id":1,"method":"${RPC.serverInfo}"}'`;
  return {
    status: 200,
    headers: PAGE_HEADERS,
    type: TEXT_TYPE,
    body: `JSON-RPC 2.0 is spoken here.

Call a method with POST:
  curl ${url}/ -H 'content-type: application/json' -d ${call}
Take a stream as events, or as lines:
  add -N -H 'accept: text/event-stream', or -H 'accept: application/x-ndjson'
WebSocket: ws${url.slice("http".length)}/
The API, as OpenRPC: ${url}/openrpc.json
How the server is: ${url}/health
`,
  };
}

async function openRpc(known: string | undefined, ask: Ask): Promise<Page> {
  const asked = await ask(RPC.discover, undefined);
  if (asked.refusal !== undefined) return refused(asked.text, asked.refusal);
  const answer = JSON.parse(asked.text) as Answered;
  if (answer.error !== undefined) return { status: 503, type: JSON_TYPE, body: json(answer) };
  const body = json(answer.result);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  const tag = `"${new Uint8Array(digest, 0, 16).toHex()}"`;
  const isKnown = known !== undefined &&
    known.split(",").some((it) => ["*", tag, `W/${tag}`].includes(it.trim()));
  const headers = `${PAGE_HEADERS}Cache-Control: no-cache\r\nETag: ${tag}\r\n`;
  return isKnown ? { status: 304, headers } : { status: 200, headers, type: JSON_TYPE, body };
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
