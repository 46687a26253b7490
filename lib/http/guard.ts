/**
 * What a request may be, by its head alone: where it was sent, from which page, how, to which path, of
 * which type. Asked in this order, before anything else is looked at. Pure.
 *
 * A browser runs the scripts of strangers on this machine, and whatever they may send arrives here. So a
 * name that an attacker can point to this machine is not served, a page of another origin is not answered,
 * and a call is only what a page cannot send without being asked first.
 *
 * @module
 */

import { hasMember, type RequestHead } from "./head.ts";
import { EVENTS_TYPE } from "./response.ts";

/** What a guard lets in. */
export interface GuardOptions {
  /** The scheme of the addresses as a browser sees them. */
  readonly scheme: "http" | "https";
  /** The hosts that are served beside this machine's own names, in lower case; undefined serves every host. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** The origins of pages that may call, beside the pages that are served here. */
  readonly origins: ReadonlySet<string>;
  /** Whether pages of every origin may call. */
  readonly isOpen: boolean;
  /** Whether the files of the console are served. */
  readonly hasConsole: boolean;
  /** Whether there is a page for Prometheus. */
  readonly hasMetrics: boolean;
}

/** What a request asks for. */
export type Route =
  /** A call, or several. */
  | { readonly kind: "call" }
  /** What can be read, by its path. */
  | { readonly kind: "page"; readonly path: string; readonly query: string }
  /** A WebSocket. */
  | { readonly kind: "upgrade" }
  /** What may be asked. */
  | { readonly kind: "options" };

/** A request that may go on. */
export interface Admitted {
  readonly route: Route;
  /** Lines of the header for the page that asks, if it is one of another origin. */
  readonly headers: string;
}

/** A call as programs make it. */
const PLAIN_CALL: Admitted = { route: { kind: "call" }, headers: "" };

/** A request that may not, with the answer. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** Lines of the header that belong to it. */
  readonly headers?: string;
}

/** The paths at which calls are taken. */
const CALLS: ReadonlySet<string> = new Set(["/", "/rpc"]);

/** The paths of what can be read. */
const PAGES: ReadonlySet<string> = new Set(["/", "/openrpc.json", "/health", "/healthz"]);

/** Where the files of the console are, and those of the library that it runs in the page. */
const CONSOLE_FOLDERS = ["/console/", "/lib/"];

/** The types of a call: a page of another origin must ask before it sends one of them. */
const JSON_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/json-rpc",
  "application/jsonrequest",
]);

const CORS_HEADERS =
  "content-type, authorization, last-event-id, timeout-ms, traceparent, tracestate";

/** Lets a request in, or says why not. */
export function guard(head: RequestHead, options: GuardOptions): Admitted | Refusal {
  const { headers } = head, host = headers.get("host")?.toLowerCase() ?? "";
  const target = targetOf(head.target);
  if (target === undefined) return refusal(400, "the target is neither a path nor an address");
  if (target.host !== undefined && target.host !== host) {
    return refusal(400, "the target names another host than the header host");
  }
  if (host !== "" && !isHost(host)) return refusal(400, "the header host is no host");
  if (options.hosts !== undefined && host !== "" && !isServed(host, options.hosts)) {
    return refusal(
      403,
      `the host ${
        JSON.stringify(nameOf(host))
      } is not served here; the option http.hosts lets it in`,
    );
  }
  const origin = headers.get("origin");
  const isOwn = origin !== undefined && isSame(origin, options.scheme, host);
  const isAllowed = isOwn ||
    origin !== undefined && (options.isOpen || options.origins.has(origin));
  if (origin !== undefined && !isAllowed) {
    return refusal(
      403,
      `pages of the origin ${
        JSON.stringify(origin)
      } may not call here; the option http.origins lets them`,
    );
  }
  if (headers.get("sec-fetch-site") === "cross-site" && !isAllowed && !isVisit(head, target.path)) {
    return refusal(403, "pages of other sites may not call here");
  }
  const cors = origin === undefined || isOwn
    ? ""
    : `Access-Control-Allow-Origin: ${origin}\r\nVary: Origin\r\n`;
  const route = routeOf(head, target, options);
  if ("status" in route) return { ...route, headers: cors + (route.headers ?? "") };
  if (route.kind === "call" && cors === "") return PLAIN_CALL;
  return {
    route,
    headers: route.kind === "options" ? cors + allowed(headers, target.path, cors !== "") : cors,
  };
}

function routeOf(
  { method, headers }: RequestHead,
  { path, query }: Target,
  { hasConsole, hasMetrics }: Pick<GuardOptions, "hasConsole" | "hasMetrics">,
): Route | Refusal {
  const isCall = CALLS.has(path);
  const isPage = PAGES.has(path) || hasMetrics && path === "/metrics" ||
    hasConsole && CONSOLE_FOLDERS.some((folder) => path.startsWith(folder));
  switch (method) {
    case "GET":
    case "HEAD":
      if (isCall && method === "GET" && isUpgrade(headers)) return { kind: "upgrade" };
      if (isPage && !wantsEvents(headers)) return { kind: "page", path, query };
      break;
    case "POST":
      if (!isCall) break;
      return typeRefusal(headers) ?? { kind: "call" };
    case "OPTIONS":
      if (isCall || isPage || path === "*") return { kind: "options" };
      break;
    default:
      return notAllowed(isCall || isPage ? path : "*");
  }
  return isCall || isPage ? notAllowed(path) : refusal(404, "there is nothing at this path");
}

function notAllowed(path: string): Refusal {
  return {
    ...refusal(405, "this method is not served here"),
    headers: `Allow: ${methodsAt(path)}\r\n`,
  };
}

function methodsAt(path: string): string {
  if (path === "*" || path === "/") return "GET, HEAD, OPTIONS, POST";
  return CALLS.has(path) ? "OPTIONS, POST" : "GET, HEAD, OPTIONS";
}

/** What a page of another origin is told that asks before it sends something. */
function allowed(headers: RequestHead["headers"], path: string, isForeign: boolean): string {
  if (!isForeign) return `Allow: ${methodsAt(path)}\r\n`;
  const isPrivate = headers.get("access-control-request-private-network") === "true";
  return `Access-Control-Allow-Methods: ${methodsAt(path)}\r\n` +
    `Access-Control-Allow-Headers: ${CORS_HEADERS}\r\nAccess-Control-Max-Age: 600\r\n` +
    (isPrivate ? "Access-Control-Allow-Private-Network: true\r\n" : "");
}

function refusal(status: number, reason: string): Refusal {
  return { status, reason };
}

// ---- Parts of a head -------------------------------------------------------------------------

interface Target {
  /** The host that it names, if it does. */
  readonly host?: string;
  readonly path: string;
  readonly query: string;
}

/** The parts of a target (RFC 9112, section 3.2); undefined for CONNECT's. */
function targetOf(target: string): Target | undefined {
  if (target === "*") return { path: "*", query: "" };
  let path = target, host: string | undefined;
  const scheme = /^https?:\/\//i.exec(target)?.[0].length ?? 0;
  if (scheme > 0) {
    const rest = target.slice(scheme), end = rest.search(/[/?#]/);
    host = (end < 0 ? rest : rest.slice(0, end)).toLowerCase();
    path = end < 0 ? "/" : rest.slice(end);
    if (!path.startsWith("/")) path = "/" + path;
  }
  if (!path.startsWith("/")) return undefined;
  const query = path.indexOf("?");
  return {
    ...(host !== undefined && { host }),
    path: query < 0 ? path : path.slice(0, query),
    query: query < 0 ? "" : path.slice(query + 1),
  };
}

/** Whether this is a host with or without a port. */
function isHost(host: string): boolean {
  return /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(host);
}

/** A host without its port, and without the dot that may end a name. */
function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, "").replace(/\.$/, "");
}

/**
 * Whether a host is this machine's own, or was named. An address is: nobody can point one of them at
 * another machine, as they can a name (DNS rebinding).
 */
function isServed(host: string, hosts: ReadonlySet<string>): boolean {
  const name = nameOf(host);
  return hosts.has(host) || hosts.has(name) || name === "localhost" ||
    name.endsWith(".localhost") || name.startsWith("[") || isIpv4(name);
}

function isIpv4(name: string): boolean {
  const parts = name.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

/** Whether an origin is that of the pages which are served at this host. */
function isSame(origin: string, scheme: string, host: string): boolean {
  const port = scheme === "http" ? ":80" : ":443"; // an origin does not say the usual port
  return origin === `${scheme}://${host.endsWith(port) ? host.slice(0, -port.length) : host}`;
}

/** Whether somebody goes to the first page by a link of another site: it calls nothing. */
function isVisit({ method, headers }: RequestHead, path: string): boolean {
  return method === "GET" && path === "/" && headers.get("sec-fetch-mode") === "navigate";
}

function isUpgrade(headers: RequestHead["headers"]): boolean {
  return hasMember(headers.get("connection")?.toLowerCase() ?? "", "upgrade") &&
    hasMember(headers.get("upgrade")?.toLowerCase() ?? "", "websocket");
}

/**
 * Whether nothing but a stream of events is taken: a browser's `EventSource` can only GET, and a client of MCP
 * asks so whether the server has something to say by itself. Nothing is run by GET, and a page is no stream.
 */
function wantsEvents(headers: RequestHead["headers"]): boolean {
  return headers.get("accept")?.trim().toLowerCase() === EVENTS_TYPE;
}

/** Why a body of this type is no call; undefined if it may be one. */
function typeRefusal(headers: RequestHead["headers"]): Refusal | undefined {
  const [type = "", ...params] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  if (!JSON_TYPES.has(type.trim())) {
    return refusal(415, "the content-type of a call is application/json");
  }
  for (const param of params) {
    const [name = "", value = ""] = param.split("=");
    if (name.trim() !== "charset") continue;
    if (!["utf-8", "utf8"].includes(value.trim().replaceAll('"', ""))) {
      return refusal(415, "the charset of a call is utf-8");
    }
  }
  const coding = headers.get("content-encoding") ?? "identity";
  return coding.toLowerCase() === "identity" ? undefined : refusal(415, "a call is not compressed");
}
