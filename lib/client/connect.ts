/**
 * The client: dials, and gives the methods of the other end as functions with their types.
 *
 * @module
 */

import { type MethodName, proceduresOf } from "../api/api.ts";
import type { Contract } from "../api/contract_entry.ts";
import { guarded, together } from "../api/observe.ts";
import type { Untyped } from "../api/stub.ts";
import { refuseUntravelled } from "../api/travels.ts";
import { ServerHealth } from "../builtin/health.ts";
import { builtins } from "../builtin/mod.ts";
import type { Connection, Shared } from "../connection/connection.ts";
import { PeerSet } from "../connection/peers.ts";
import { FRAMINGS } from "../framing/mod.ts";
import { Dispatcher } from "../incoming/dispatch.ts";
import { ServedTarget } from "../incoming/target.ts";
import { aboutConnection, callbackOf, tellError } from "../incoming/print_error.ts";
import { resolveLimits } from "../limits.ts";
import { BufferPool } from "../link/buffer_pool.ts";
import { PeerIds } from "../link/identity.ts";
import { RPC } from "../message/control.ts";
import { parseExactly } from "../message/exact_numbers.ts";
import { CallQueue } from "../outgoing/call_queue.ts";
import { Ledger } from "../overload/ledger.ts";
import { LoadShedding } from "../overload/load_shedding.ts";
import { telemetryOf } from "../telemetry/opentelemetry.ts";
import { TimerWheel } from "../timers.ts";
import { schemeOf } from "../transport/address.ts";
import { dial } from "../transport/dial.ts";
import { addressesOf, mustBeOneOf, openLine } from "./line.ts";
import { isHopeless, opener } from "./open.ts";
import { overSockets } from "./open_socket.ts";
import type { ConnectOptions, ContractConnectOptions, Line } from "./options.ts";

const CLIENT = { name: "landline-client", version: "0.0.0" };

/** Connects with the types of a contract, and holds both sides to it. */
export function connect<C extends Contract>(
  address: string | URL | readonly (string | URL)[],
  options: ContractConnectOptions<C>,
): Promise<Line<C>>;
/**
 * Connects to a server, and again when the connection is lost.
 *
 * A call that may have reached the server is never sent again, unless its method is `idempotent`: it
 * rejects with {@linkcode ConnectionLostError}, whose `sent` is true. A call that has not left waits for the
 * next connection, within its timeout; without one for as long as the limit `callTimeout` says. A
 * stream whose items are events goes on after the last of them.
 *
 * @param address a URL: `tcp://127.0.0.1:8080`, `unix:///run/app.sock`; or several of them
 * @throws {TypeError} for an address that nobody can dial
 * @throws what kept the first connection from being made
 *
 * @example
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const api = { now: method(() => new Date(0)) };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect<typeof api>(server.addresses[0]!);
 * const now: string = await line.call.now();
 *
 * assert(now === "1970-01-01T00:00:00.000Z");
 * ```
 */
export function connect<A = Untyped>(
  address: string | URL | readonly (string | URL)[],
  options?: ConnectOptions<MethodName<A>, NoInfer<A>>,
): Promise<Line<A>>;
export async function connect<A>(
  address: string | URL | readonly (string | URL)[],
  options: ConnectOptions<MethodName<A>, NoInfer<A>> & { readonly contract?: Contract } = {},
): Promise<Line<A>> {
  const { framing = "json", reconnect = true, onError } = options;
  const { version = "2.0", extensions = version === "2.0", token } = options;
  const report = (error: unknown, about: string) =>
    tellError(onError && ((error) => onError(error)), error, about, "connect()");
  mustBeOneOf("framing", framing, Object.keys(FRAMINGS));
  mustBeOneOf("version", version, ["1.0", "2.0"]);
  if (version === "1.0" && extensions) {
    throw new TypeError("Cannot connect: JSON-RPC 1.0 has no extensions");
  }
  if (token !== undefined && !extensions) {
    throw new TypeError(
      `Cannot connect: a token is an extension, it travels in ${RPC.authenticate}`,
    );
  }
  const addresses = addressesOf(address);
  if (options.headers !== undefined && !addresses.some((it) => HTTP.includes(schemeOf(it)))) {
    throw new TypeError(`Cannot connect: headers are for the addresses ${HTTP.join(": ")}:`);
  }
  const limits = resolveLimits(options.limits);
  const schemes = new Set(addresses.map(schemeOf)), timers = new TimerWheel();
  // Nobody tells that a datagram was lost.
  const timeout = options.timeout ?? (schemes.has("udp") ? 5000 : undefined);
  const own = proceduresOf(options.api ?? {}, refuseUntravelled);
  const queue = new CallQueue(), ids = new PeerIds(), peers = new PeerSet(ids);
  // One server is all that it hears of: it may keep for that what a server may for all its callers.
  const most = Math.max(limits.maxKeptBytes, limits.maxBufferedBytes);
  const ledger = new Ledger({ ...limits, maxKeptBytes: most, maxKeptBytesPerCaller: most });
  const dialled = addresses.length === 1 ? addresses[0] : undefined;
  const observe = together(
    [telemetryOf(options.telemetry, dialled), options.observe].map((observer) =>
      observer &&
      guarded(observer, (error) => report(error, callbackOf("observe", "connect()")))
    ),
  );
  const shared: Shared = {
    // What comes here are answers.
    limits: {
      ...limits,
      maxMessageBytes: Math.max(limits.maxMessageBytes, limits.maxResponseBytes),
    },
    dispatcher: new Dispatcher(
      new Map([...own, ...builtins(own, { ...CLIENT, health: new ServerHealth() }, limits)]),
      limits,
      (error, method, isStopped) => {
        if (!isStopped || onError !== undefined) report(error, method);
      },
      (name, method) => new ServedTarget(name, method, limits),
    ),
    ...(options.exactNumbers && { parseJson: parseExactly }),
    timers,
    ledger,
    loadShedding: new LoadShedding(limits, ledger),
    pool: new BufferPool(),
    queue,
    observe,
    memory: { hungUp: false },
    ...(options.inOrder !== undefined && { inOrder: options.inOrder }),
    ids,
    peers,
    onError: (error, { address }, callback) =>
      report(error, aboutConnection(address, callback, "connect()")),
  };
  const make = overSockets(dial, options, shared, {
    framing: FRAMINGS[framing],
    ...(timeout !== undefined && { timeout }),
    isDialler: true,
    onlyCalls: own.size === 0,
    version,
    isPlain: !extensions,
  });
  return await openLine<A>(options, {
    addresses,
    limits,
    timers,
    account: ledger.open(),
    observe,
    queue,
    timeout,
    // A program that was started, or has started us, is the only one that there is.
    returns: reconnect !== false && !schemes.has("stdio") && !schemes.has("command"),
    open: opener(options, timers, make),
    isHopeless,
    onOpen(connection) {
      peers.add(connection as Connection);
      connection.closed.then(() => peers.delete(connection as Connection));
    },
    report,
  });
}

/** The schemes of addresses that are reached by HTTP. */
const HTTP = ["http", "https", "ws", "wss"];
