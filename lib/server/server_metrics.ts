/**
 * What a server counts for its metrics: calls by an observer, and what its connections have done.
 *
 * @module
 */

import type { Observer } from "../api/observe.ts";
import type { PageFormat } from "../http/options.ts";
import { Metrics } from "../telemetry/metrics.ts";
import type { Snapshot } from "../telemetry/snapshot.ts";
import type { Ledger } from "../overload/ledger.ts";
import { cpuSeconds, residentBytes } from "../runtime.ts";
import type { LoopDelay } from "../overload/loop_delay.ts";

/** A connection, as far as it is counted. */
interface Counted {
  readonly options: { readonly transport: string };
  readonly reader: { readonly receivedBytes: number };
  readonly writer: { readonly sentBytes: number };
}

/** The server that counts. */
export interface MetricsHost {
  /** Those that are open. */
  readonly connections: Iterable<Counted>;
  readonly ledger: Pick<Ledger, "running" | "streams">;
  readonly loopDelay: LoopDelay;
}

/** Counts for one server. */
export class ServerMetrics {
  readonly #host: MetricsHost;
  readonly #metrics = new Metrics();
  readonly #accepted: Record<string, number> = {};
  /** Those of connections that have ended. */
  #receivedBytes = 0;
  #sentBytes = 0;

  constructor(host: MetricsHost) {
    this.#host = host;
  }

  /** Counts calls. */
  get observer(): Observer {
    return this.#metrics;
  }

  /** A connection was accepted, and is served. */
  onOpen({ options: { transport } }: Counted): void {
    this.#accepted[transport] = (this.#accepted[transport] ?? 0) + 1;
  }

  /** A connection has ended, whether it was served or not. */
  onClose({ reader, writer }: Counted): void {
    this.#receivedBytes += reader.receivedBytes;
    this.#sentBytes += writer.sentBytes;
  }

  /** What was counted so far. */
  get snapshot(): Snapshot {
    const { connections, ledger, loopDelay } = this.#host, open: Record<string, number> = {};
    let receivedBytes = this.#receivedBytes, sentBytes = this.#sentBytes;
    for (const transport of Object.keys(this.#accepted)) open[transport] = 0;
    for (const { options: { transport }, reader, writer } of connections) {
      open[transport] = (open[transport] ?? 0) + 1;
      receivedBytes += reader.receivedBytes;
      sentBytes += writer.sentBytes;
    }
    return {
      ...this.#metrics.counts,
      connections: open,
      accepted: { ...this.#accepted },
      running: ledger.running,
      streams: ledger.streams,
      receivedBytes,
      sentBytes,
      loopDelay: loopDelay.longest,
    };
  }
}

/** The page of a server that has counted this. What writes it is loaded for the first one. */
export async function metricsPage(snapshot: Snapshot, format: PageFormat): Promise<string> {
  const { pageOf } = await import("../telemetry/page.ts");
  return pageOf(snapshot, {
    residentBytes: residentBytes(),
    cpuSeconds: cpuSeconds(),
    startTime: performance.timeOrigin / 1000,
  }, format);
}

/** The error of a server that counts nothing. */
export function noMetrics(): TypeError {
  return new TypeError("Cannot tell the metrics: the option metrics was not given");
}
