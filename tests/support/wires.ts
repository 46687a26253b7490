// The wires that the end-to-end cases run over. A new transport is one more entry in `WIRES`.

import { type BrowserOptions, connect } from "../../lib/browser.ts";
import { certificates } from "./certificates.ts";
import { FRAMING_NAMES } from "./raw.ts";
import { isInstalled } from "./tools.ts";
import { type Wire, wire, type WireOptions } from "./wire.ts";

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

/** WebSocket with a page's client: the one that Deno has is the browser's as far as that client can tell. */
const BROWSER: Wire = {
  name: "ws: of a page",
  framing: "websocket",
  async open(api, options) {
    const { listen } = TRANSPORTS[0]!;
    const site = await wire({ name: "ws:", framing: "websocket", listen }).open(api, options);
    return {
      ...site,
      connect: (options) => connect(site.address, options as BrowserOptions),
      [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
    };
  },
};

/** Each transport with each framing, WebSocket, and HTTP. */
export const WIRES: readonly Wire[] = [
  ...TRANSPORTS.flatMap((transport) => [
    ...FRAMING_NAMES.map((framing) => wire({ ...transport, framing })),
    ...(WEB.get(transport.name) ?? []).map(([name, framing]) =>
      wire({ ...transport, name, framing })
    ),
  ]),
  BROWSER,
];
