/**
 * What a server takes that says how it speaks HTTP, and what is made of it for one listener.
 *
 * @module
 */

import { parseAddress, schemeOf } from "../transport/address.ts";
import { Networks } from "../transport/networks.ts";
import type { GuardOptions } from "./guard.ts";
import type { KnownHeads } from "./known_heads.ts";
import type { Answers } from "./response.ts";

/**
 * How a server answers HTTP and takes WebSockets at its addresses.
 *
 * Without any of it programs may call, and pages that this server has served itself. A server that asks who
 * calls needs no list of hosts: a page that has no token learns nothing.
 */
export interface HttpOptions {
  /**
   * Origins of pages that may call, as browsers send them: `https://app.example`. `["*"]` lets pages of
   * every origin call, which only a server may that asks who calls. @default none but its own
   */
  readonly origins?: readonly string[];
  /**
   * Names under which the server is called, beside addresses and `localhost`: `api.example`, or with a
   * port. Not asked for with TLS, nor where `authenticate` asks who calls. @default none but its own
   */
  readonly hosts?: readonly string[];
  /**
   * Networks of proxies that say in `Forwarded` or `X-Forwarded-For` from where a request comes:
   * `10.0.0.0/8`, `fd00::/8`, an address, or `unix` for all that comes over Unix sockets. Such a request counts
   * as that caller's, and its proxy's certificate, or Unix socket, is not the caller's. What others say there
   * means nothing. @default none
   */
  readonly trustProxy?: readonly string[];
  /**
   * Whether a browser that asks for `/` gets the console: a page where one calls the methods and watches
   * what goes over the line. The page itself is the same for every server and open to all; what it shows it
   * asks for as every caller does. @default {false}
   */
  readonly console?: boolean;
}

/** The formats of the page `/metrics`: Prometheus's text format, and OpenMetrics. */
export type PageFormat = "prometheus" | "openmetrics";

/** Gives that page. */
export type MetricsPage = (format: PageFormat) => Promise<string>;

/** How the connections of one listener speak HTTP. */
export interface HttpServing {
  readonly guard: GuardOptions;
  /** What else is not spoken at its address: `http:` takes nothing but HTTP, `ws:` nothing but WebSockets. */
  readonly only?: "http" | "websocket";
  /** Gives the page `/metrics`; without it there is none. */
  readonly metricsPage?: MetricsPage;
  /** Where the proxies are that say from where a request comes. */
  readonly proxies?: Networks;
  /** What its connections share, once there is one: what clients send again and again, and what writes answers. */
  common?: { readonly heads: KnownHeads; readonly answers: Answers };
}

/** The schemes of addresses where a browser can reach a server. */
const REACHABLE: ReadonlySet<string> = new Set(["tcp", "tls", "http", "https", "ws", "wss"]);
const SECURE: ReadonlySet<string> = new Set(["tls", "https", "wss"]);
const ONLY: Readonly<Record<string, HttpServing["only"]>> = {
  http: "http",
  https: "http",
  ws: "websocket",
  wss: "websocket",
};

/**
 * What the connections of a listener get.
 *
 * @param address where it listens
 * @param asks whether callers have to say who they are
 * @param metricsPage gives the page `/metrics`; without it there is none
 */
export function httpServing(
  { origins = [], hosts = [], trustProxy = [], console = false }: HttpOptions,
  address: string,
  asks: boolean,
  metricsPage?: MetricsPage,
): HttpServing {
  const scheme = schemeOf(address);
  const isSecure = SECURE.has(scheme), only = ONLY[scheme];
  // A name can be pointed at this machine by anyone, but neither a certificate nor a token comes with it.
  const isOpen = isSecure || asks || !REACHABLE.has(scheme);
  return {
    guard: {
      scheme: isSecure ? "https" : "http",
      hosts: isOpen
        ? undefined
        : new Set([parseAddress(address).hostname, ...hosts].map(comparable)),
      origins: new Set(origins),
      isOpen: origins.includes("*"),
      hasConsole: console,
      hasMetrics: metricsPage !== undefined,
    },
    ...(metricsPage && { metricsPage }),
    ...(only && { only }),
    ...(trustProxy.length > 0 && { proxies: networksOf(trustProxy) }),
  };
}

/** The networks of the option `trustProxy`. */
export function networksOf(trustProxy: readonly string[]): Networks {
  return new Networks(trustProxy, "http.trustProxy");
}

/** A host as the guard compares it: without the dot that may end a name. */
function comparable(host: string): string {
  return (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
}

/** Whether a request may name this host, with or without a port: URLs have all others in another form. */
function isHost(host: string): boolean {
  return ["http", "https"].some((scheme) => { // each leaves out a port
    const url = `${scheme}://${host}/`;
    return URL.canParse(url) && new URL(url).host === host;
  });
}

/**
 * Refuses options that say something else than they seem to.
 *
 * @throws {TypeError} for what is no origin or host, and for `*` where nobody is asked who calls
 * @throws {RangeError} for what is no network
 */
export function checkHttpOptions(
  { origins = [], hosts = [], trustProxy = [] }: HttpOptions,
  asks: boolean,
): void {
  networksOf(trustProxy);
  for (const origin of origins) {
    if (origin === "*") {
      if (asks) continue;
      throw new TypeError(
        'Cannot use http.origins: "*" lets every page in the world call; set authenticate, or name the origins',
      );
    }
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new TypeError(
        `Cannot use http.origins: an origin is https://app.example, it is ${
          JSON.stringify(origin)
        }`,
      );
    }
  }
  for (const host of hosts) {
    if (isHost(comparable(host))) continue;
    throw new TypeError(
      `Cannot use http.hosts: a host is api.example, it is ${JSON.stringify(host)}`,
    );
  }
}

/** The same as values that can be sent to another thread. */
export function plainOf(http: HttpOptions | false): HttpOptions | false {
  if (http === false) return false;
  const { origins, hosts, trustProxy, console } = http;
  return {
    ...(origins && { origins: [...origins] }),
    ...(hosts && { hosts: [...hosts] }),
    ...(trustProxy && { trustProxy: [...trustProxy] }),
    ...(console !== undefined && { console }),
  };
}
