/**
 * The client of a page: calls over the browser's own WebSocket, with the types, the streams and the retries of
 * every other client.
 *
 * @module
 */

import { type MethodName, proceduresOf } from "../../api/api.ts";
import type { Contract } from "../../api/contract_entry.ts";
import type { Untyped } from "../../api/stub.ts";
import { introduction } from "../../builtin/introduction.ts";
import { Dispatcher } from "../../incoming/dispatch.ts";
import { aboutConnection, tellError } from "../../incoming/print_error.ts";
import { resolveLimits } from "../../limits.ts";
import { PeerIds } from "../../link/identity.ts";
import { CallQueue } from "../../outgoing/call_queue.ts";
import { TimerWheel } from "../../timers.ts";
import { addressesOf, openLine } from "../line.ts";
import { isHopeless, opener } from "../open.ts";
import type { ConnectOptions, ContractConnectOptions, Line } from "../options.ts";
import { BrowserConnection, type BrowserShared } from "./connection.ts";
import { Kept } from "./kept.ts";
import { followPage } from "./page.ts";
import { dialWebSocket, webSocketAddress } from "./socket.ts";
import { BrowserTarget } from "./target.ts";

/** What {@linkcode connect} takes in a page, besides the address: of all options those that mean something there. */
export type BrowserOptions<Name extends string = never, A = never> = Pick<
  ConnectOptions<Name, A>,
  | "api"
  | "balance"
  | "connectTimeout"
  | "idempotent"
  | "inOrder"
  | "limits"
  | "onError"
  | "onReady"
  | "onState"
  | "reconnect"
  | "retry"
  | "signal"
  | "timeout"
  | "token"
  | "use"
>;

/** What {@linkcode connect} takes in a page with a contract, which gives the line its types. */
export interface ContractBrowserOptions<C extends Contract>
  extends BrowserOptions<MethodName<C>, NoInfer<C>>, Pick<ContractConnectOptions<C>, "contract"> {}

const BROWSER = { name: "landline-browser", version: "0.0.0" };

/** What is understood besides JSON-RPC; `wire` names in PROTOCOL.md. */
const EXTENSIONS = ["meta", "stream", "resume", "progress", "goaway", "bytes"];

/** Connects a page with the types of a contract, and holds both sides to it. */
export function connect<C extends Contract>(
  address: string | URL | readonly (string | URL)[],
  options: ContractBrowserOptions<C>,
): Promise<Line<C>>;
/**
 * Connects a page, or a worker of one, to a server, and again when the connection is lost: at once when the
 * page is shown again, or its machine is online again; and not while it is offline. It lets go of the connection
 * before the browser puts the page away, so that the page comes back as it was.
 *
 * @param address `wss://example.com/`, `https://…` for the same, or a path at the page's own server; or several
 * @throws {TypeError} for an address that a browser cannot connect to
 * @throws what kept the first connection from being made
 *
 * @example
 * ```ts ignore
 * import { connect } from "@landline/rpc/browser";
 * import type { api } from "./api.ts";
 *
 * const line = await connect<typeof api>("wss://example.com/");
 * console.log(await line.call.upper("hello"));
 * ```
 */
export function connect<A = Untyped>(
  address: string | URL | readonly (string | URL)[],
  options?: BrowserOptions<MethodName<A>, NoInfer<A>>,
): Promise<Line<A>>;
export async function connect<A>(
  address: string | URL | readonly (string | URL)[],
  options: BrowserOptions<MethodName<A>, NoInfer<A>> & { readonly contract?: Contract } = {},
): Promise<Line<A>> {
  const { onError, reconnect = true, timeout } = options;
  const report = (error: unknown, about: string) =>
    tellError(onError && ((error) => onError(error)), error, about, "connect()");
  const addresses = addressesOf(address).map(webSocketAddress);
  const limits = resolveLimits(options.limits), timers = new TimerWheel();
  const own = proceduresOf(options.api ?? {});
  const ids = new PeerIds(), queue = new CallQueue();
  const shared: BrowserShared = {
    limits,
    timers,
    queue,
    ids,
    memory: { hungUp: false },
    ...(options.inOrder !== undefined && { inOrder: options.inOrder }),
    dispatcher: new Dispatcher(
      new Map([...own, ...introduction(BROWSER, limits, EXTENSIONS)]),
      limits,
      (error, method, isStopped) => {
        if (!isStopped || onError !== undefined) report(error, method);
      },
      (name, method) => new BrowserTarget(name, method),
    ),
    onError: (error, address, callback) =>
      report(error, aboutConnection(address, callback, "connect()")),
  };
  const connections = new Set<BrowserConnection>(), ended = new AbortController();
  const open = opener(options, timers, async (address, signal, _token, onLeave) => {
    const socket = await dialWebSocket(address, signal);
    const connection = new BrowserConnection(socket, address, shared, onLeave);
    connections.add(connection);
    connection.closed.then(() => connections.delete(connection));
    return { connection, canBeCalled: true };
  });
  return await openLine<A>(options, {
    addresses,
    limits,
    timers,
    account: new Kept(limits.maxBufferedBytes),
    queue,
    timeout,
    returns: reconnect !== false,
    open,
    isHopeless,
    onChannel(channel) {
      channel.closed.then(() => ended.abort());
      followPage(
        {
          onOffline: () => channel.suspend(),
          onAway: () => channel.suspend("the page was put away"),
          onBack() {
            channel.resume();
            for (const connection of connections) connection.check();
          },
        },
        addresses.some(isNear),
        ended.signal,
      );
    },
    report,
  });
}

/** Whether an address is of this machine, which can be reached also when it is offline. */
function isNear(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    hostname.startsWith("127.");
}
