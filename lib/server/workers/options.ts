/**
 * What a server of several workers takes, and what of it each worker is started with: values that can be sent to
 * a thread, and its share of the limits.
 *
 * @module
 */

import type { CloseInfo, PeerInfo } from "../../api/context.ts";
import { plainOf } from "../../http/options.ts";
import { LIMITS, type Limits } from "../../limits.ts";
import type { RateLimit, RateLimits } from "../../overload/rate_limit.ts";
import type { TlsServerOptions } from "../../transport/socket.ts";
import type { ServeOptions } from "../options.ts";
import type { Task } from "./messages.ts";

/** What {@linkcode serveWorkers} takes besides the module. */
export interface WorkersOptions
  extends
    Omit<ServeOptions, "use" | "observe" | "operators" | "connectionState" | "onOpen" | "onClose"> {
  /** Called for each connection that a worker has accepted. Its handlers alone can call the peer. */
  readonly onOpen?: (peer: PeerInfo) => void;
  /** Called for each connection that ended, with a peer of the same `id`, and why. */
  readonly onClose?: (peer: PeerInfo, info: CloseInfo) => void;
  /** How many workers. @default as many as there are processors */
  readonly workers?: number;
  /**
   * Whether a worker is replaced where code fails that nobody waits for: a rejection that nobody
   * handles, a throw in a timer. Else that is told to `onError`, and the worker goes on.
   * @default {true}
   */
  readonly restartOnError?: boolean;
}

/** What all workers are started with alike. */
export type WorkersTask = Omit<Task, "index" | "health">;

/**
 * What each of the workers is started with.
 *
 * @param addresses where they listen
 * @param limits those of all workers together
 */
export function taskOf(
  module: string | URL,
  options: WorkersOptions,
  { addresses, limits, workers }: {
    readonly addresses: readonly string[];
    readonly limits: Limits;
    readonly workers: number;
  },
): WorkersTask {
  const { rateLimit, insecure, sequential, metrics, telemetry, http } = options;
  const { proxyProtocol, tls, tcpBacklog, name, version } = options;
  return {
    module: String(module),
    options: {
      listen: addresses,
      limits: { ...options.limits, ...sharesOf(limits, workers) },
      ...(rateLimit && { rateLimit: sharedOut(rateLimit, workers) }),
      ...(insecure !== undefined && { insecure }),
      ...(sequential !== undefined && { sequential }),
      ...(metrics !== undefined && { metrics }),
      ...(telemetry !== undefined && { telemetry }),
      ...(http !== undefined && { http: plainOf(http) }),
      ...(proxyProtocol && { proxyProtocol: [...proxyProtocol] }),
      ...(tls && { tls: withPaths(tls) }),
      ...(tcpBacklog !== undefined && { tcpBacklog }),
      ...(name !== undefined && { name }),
      ...(version !== undefined && { version }),
    },
    connections: new Int32Array(new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT)),
    hearsConnections: options.onOpen !== undefined || options.onClose !== undefined,
    authenticates: options.authenticate !== undefined,
    restartOnError: options.restartOnError ?? true,
  };
}

/** What is counted in each worker by itself: all of them together must not let through more. */
const SHARED_OUT = [
  "maxConnectionsPerAddress",
  "maxHandshakes",
  "maxRunning",
  "maxBufferedBytes",
] as const;

function sharesOf(limits: Limits, workers: number): Partial<Limits> {
  return Object.fromEntries(
    SHARED_OUT.map((name) => [name, Math.max(LIMITS[name].min, Math.ceil(limits[name] / workers))]),
  );
}

function sharedOut(limits: RateLimits, workers: number): RateLimits {
  const { address } = limits;
  return address === undefined ? limits : { ...limits, address: slower(address, workers) };
}

function slower({ calls, bytes, ...others }: RateLimit, times: number): RateLimit {
  return {
    ...others,
    ...(calls !== undefined && { calls: calls / times }),
    ...(bytes !== undefined && { bytes: bytes / times }),
  };
}

/** A URL cannot be sent to a worker. */
function withPaths(tls: TlsServerOptions): TlsServerOptions {
  const path = (file: string | URL) =>
    file instanceof URL ? decodeURIComponent(file.pathname) : file;
  const { cert, key, clientCa } = tls;
  return {
    cert: path(cert),
    key: path(key),
    ...(clientCa !== undefined && { clientCa: path(clientCa) }),
  };
}
