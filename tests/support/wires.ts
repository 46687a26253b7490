// The wires that the end-to-end cases run over. A new transport is one more entry in `WIRES`.

import {
  type Api,
  connect,
  type ConnectOptions,
  type Line,
  serve,
  type ServeOptions,
  type Server,
  type TlsClientOptions,
  type TlsServerOptions,
} from "../../lib/mod.ts";
import { dial } from "../../lib/transport/mod.ts";
import { certificates } from "./certificates.ts";
import { FRAMING_NAMES, RawPeer, type Spoken } from "./raw.ts";
import { shakeHands } from "./http.ts";
import { isInstalled } from "./tools.ts";

/** A way for two ends to meet, and the framing that they speak there. */
export interface Wire {
  readonly name: string;
  readonly framing: Spoken | "http";
  /** Serves an API, and resolves once it can be reached. */
  open<A extends Api>(api: A, options?: ServeOptions): Promise<Site<A>>;
}

/** A server on a wire, and the ways to reach it. */
export interface Site<A> extends AsyncDisposable {
  readonly server: Server;
  readonly address: string;
  /** What the server's `onError` was told, and what about. */
  readonly errors: (readonly [unknown, string])[];
  /** Our own client. */
  connect(options?: ConnectOptions): Promise<Line<A>>;
  /** A peer without the library, which speaks the wire's framing. */
  peer(): Promise<RawPeer>;
}

/** What makes a wire. */
interface WireOptions {
  /** The transport, as the table and the tests show it. */
  readonly name: string;
  readonly framing: Spoken | "http";
  /** An address to listen at. */
  listen(): string;
  /** What TLS needs, at both ends. */
  tls?(): { readonly server: TlsServerOptions; readonly client: TlsClientOptions };
}

/** A wire over a transport of the library's. */
export function wire({ name, framing, listen, tls }: WireOptions): Wire {
  return {
    name,
    framing,
    async open<A extends Api>(api: A, options: ServeOptions = {}): Promise<Site<A>> {
      const errors: [unknown, string][] = [], papers = tls?.();
      const server = serve(api, {
        listen: listen(),
        ...papers && { tls: papers.server },
        onError: (error, about) => void errors.push([error, about]),
        ...options,
      });
      await server.ready;
      const [bound] = server.addresses as [string];
      const client = papers && { tls: papers.client };
      if (framing === "websocket") return upgraded(server, bound, errors, client);
      if (framing === "http") return posted(server, bound, errors, client);
      const address = bound;
      return {
        server,
        address,
        errors,
        connect: (options) => connect<A>(address, { framing, ...client, ...options }),
        peer: async () => new RawPeer(await dial(address, client), framing),
        [Symbol.asyncDispose]: () => server.shutdown(0),
      };
    },
  };
}

/** The same server, reached by WebSocket. */
function upgraded<A extends Api>(
  server: Server,
  bound: string,
  errors: Site<A>["errors"],
  client: { readonly tls: TlsClientOptions } | undefined,
): Site<A> {
  const address = bound.replace(/^tcp:/, "ws:").replace(/^tls:/, "wss:");
  return {
    server,
    address,
    errors,
    connect: (options) => connect<A>(address, { ...client, ...options }),
    async peer() {
      const socket = await dial(bound, client);
      await shakeHands(socket);
      return new RawPeer(socket, "websocket");
    },
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** The same server, called by HTTP. */
function posted<A extends Api>(
  server: Server,
  bound: string,
  errors: Site<A>["errors"],
  client: { readonly tls: TlsClientOptions } | undefined,
): Site<A> {
  const address = bound.replace(/^tcp:/, "http:").replace(/^tls:/, "https:");
  return {
    server,
    address,
    errors,
    connect: (options) => connect<A>(address, { ...client, ...options }),
    // Its frames do not travel: each is a request, and each answer a frame.
    peer: async () => new RawPeer(await dial(address, client), "length"),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** Whether this machine has IPv6 on loopback. Where it has not, what needs it is left out, aloud. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch (error) {
    if (Deno.env.get("LANDLINE_NO_SKIP") === "1") throw error;
    console.log(`skipped: tests over tcp://[::1] (${error})`);
    return false;
  }
}

/** Transports by the name that tests show, each with an address to listen at. */
const TRANSPORTS: readonly Omit<WireOptions, "framing">[] = [
  { name: "tcp://127.0.0.1", listen: () => "tcp://127.0.0.1:0" },
  ...hasIpv6() ? [{ name: "tcp://[::1]", listen: () => "tcp://[::1]:0" }] : [],
  { name: "unix:", listen: () => `unix://${socketPath()}` },
  { name: "memory:", listen: () => "memory:" },
  ...hasOpenssl()
    ? [{
      name: "tls:",
      listen: () => "tls://127.0.0.1:0",
      tls: () => {
        const { ca, clientCa, server, client } = certificates();
        return { server: { ...server, clientCa }, client: { ...client, ca } };
      },
    }]
    : [],
];

function hasOpenssl(): boolean {
  if (isInstalled("openssl")) return true;
  if (Deno.env.get("LANDLINE_NO_SKIP") === "1") throw new Error("tests over tls: need openssl");
  console.log("skipped: tests over tls: need openssl");
  return false;
}

/** A path for a socket, which the listener removes with itself. */
export function socketPath(): string {
  return `/tmp/landline-${crypto.randomUUID()}.sock`;
}

/** What else the servers of a transport answer, by the name that tests show. */
const WEB: ReadonlyMap<string, readonly (readonly [string, "websocket" | "http"])[]> = new Map([
  ["tcp://127.0.0.1", [["ws:", "websocket"], ["http:", "http"]]],
  ["tls:", [["wss:", "websocket"], ["https:", "http"]]],
]);

/** Each transport with each framing, WebSocket, and HTTP. */
export const WIRES: readonly Wire[] = TRANSPORTS.flatMap((transport) => [
  ...FRAMING_NAMES.map((framing) => wire({ ...transport, framing })),
  ...(WEB.get(transport.name) ?? []).map(([name, framing]) =>
    wire({ ...transport, name, framing })
  ),
]);
