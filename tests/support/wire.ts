// What a wire is, and how one is made of a transport. Nothing here is Deno's alone: the package's tests run it on
// Node and Bun too.

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
} from "@landline/rpc";
import { dial } from "@landline/rpc/wire";
import { shakeHands } from "./http.ts";
import { RawPeer, type Spoken } from "./raw.ts";

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
export interface WireOptions {
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
      const address = addressOf(bound, framing);
      const own = framing === "websocket" || framing === "http" ? {} : { framing };
      return {
        server,
        address,
        errors,
        connect: (options) => connect<A>(address, { ...own, ...client, ...options }),
        async peer() {
          const socket = await dial(framing === "websocket" ? bound : address, client);
          if (framing === "websocket") await shakeHands(socket);
          // Frames do not travel over HTTP: each is a request, and each answer a frame.
          return new RawPeer(socket, framing === "http" ? "length" : framing);
        },
        [Symbol.asyncDispose]: () => server.shutdown(0),
      };
    },
  };
}

/** The address of a server as its clients write it: WebSocket and HTTP have schemes of their own. */
function addressOf(bound: string, framing: WireOptions["framing"]): string {
  switch (framing) {
    case "websocket":
      return bound.replace(/^tcp:/, "ws:").replace(/^tls:/, "wss:");
    case "http":
      return bound.replace(/^tcp:/, "http:").replace(/^tls:/, "https:");
    default:
      return bound;
  }
}
