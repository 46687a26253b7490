/**
 * The page that Prometheus and others read, in its text format 0.0.4, and in OpenMetrics 1.0.
 *
 * Sources: https://prometheus.io/docs/instrumenting/exposition_formats/,
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md, and for the names of
 * calls OpenTelemetry's semantic conventions 1.45.0, as their translation to Prometheus writes them.
 *
 * @module
 */

import type { PageFormat } from "../http/options.ts";
import { isNumber } from "./call_names.ts";
import { BOUNDS } from "./histogram.ts";
import type { CallSeries, Labelled, Snapshot } from "./snapshot.ts";

/** What the name of a counter ends with. */
const TOTAL = "_total";

/** What the process is, whichever of its threads are asked. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Seconds since 1970. */
  readonly startTime: number;
}

type Type = "counter" | "gauge" | "histogram" | "unknown";
type Sample = readonly [suffix: string, labels: string, value: number];

/** The page. */
export function pageOf(snapshot: Snapshot, process: ProcessFigures, format: PageFormat): string {
  const isOpen = format === "openmetrics", lines: string[] = [];
  /** @param name of a counter with its `_total` */
  const family = (name: string, type: Type, help: string, samples: Iterable<Sample>) => {
    // OpenMetrics names a counter without its suffix.
    const shown = isOpen && type === "counter" ? name.slice(0, -TOTAL.length) : name;
    lines.push(`# HELP ${shown} ${escaped(help)}`);
    lines.push(`# TYPE ${shown} ${type === "unknown" && !isOpen ? "counter" : type}`);
    for (const [suffix, labels, value] of samples) lines.push(`${name}${suffix}${labels} ${value}`);
  };
  const one = (name: string, type: Type, help: string, value: number) =>
    family(name, type, help, [["", "", value]]);
  family(
    "rpc_server_call_duration_seconds",
    "histogram",
    "How long calls and notifications took that came in, from their bytes to their answer.",
    durations(snapshot.incoming, isOpen),
  );
  family(
    "rpc_client_call_duration_seconds",
    "histogram",
    "How long calls took that handlers made to peers.",
    durations(snapshot.outgoing, isOpen),
  );
  const byTransport = (counts: Labelled) => labelled("transport", counts);
  family(
    "landline_connections",
    "gauge",
    "Connections that are open.",
    byTransport(snapshot.connections),
  );
  family(
    "landline_connections_total",
    // In OpenMetrics a counter landline_connections and the gauge of that name cannot be on one page.
    "unknown",
    "Connections that were accepted.",
    byTransport(snapshot.accepted),
  );
  one(
    "landline_calls_running",
    "gauge",
    "Calls whose handlers have not ended, without streams.",
    snapshot.running,
  );
  one("landline_streams_open", "gauge", "Streams that have not ended.", snapshot.streams);
  one(
    "landline_stream_items_sent_total",
    "counter",
    "Items of streams that were sent.",
    snapshot.itemsSent,
  );
  one(
    "landline_stream_items_received_total",
    "counter",
    "Items of streams that have come.",
    snapshot.itemsReceived,
  );
  family(
    "landline_refused_total",
    "counter",
    "Calls, messages and connections that were refused, by the limit.",
    labelled("limit", snapshot.refused),
  );
  one(
    "landline_protocol_errors_total",
    "counter",
    "Messages and requests of HTTP that broke the rules.",
    snapshot.protocolErrors,
  );
  one(
    "landline_received_bytes_total",
    "counter",
    "Bytes that were read from peers.",
    snapshot.receivedBytes,
  );
  one(
    "landline_sent_bytes_total",
    "counter",
    "Bytes that were written to peers.",
    snapshot.sentBytes,
  );
  one(
    "landline_event_loop_delay_seconds",
    "gauge",
    "The longest time of the last 10 to 20 seconds by which the event loop was late.",
    snapshot.loopDelay / 1000,
  );
  one(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory size in bytes.",
    process.residentBytes,
  );
  one(
    "process_cpu_seconds_total",
    "counter",
    "Total user and system CPU time spent in seconds.",
    process.cpuSeconds,
  );
  one(
    "process_start_time_seconds",
    "gauge",
    "Start time of the process since unix epoch in seconds.",
    process.startTime,
  );
  if (isOpen) lines.push("# EOF");
  return lines.join("\n") + "\n";
}

function* durations(all: readonly CallSeries[], isOpen: boolean): Iterable<Sample> {
  for (const { method, error, counts, sum } of all) {
    if (counts.every((count) => count === 0)) continue;
    // A number is what travels; the name of a class says why a call of ours got no answer.
    const status = isNumber(error) ? [["rpc_status_code", error]] : [];
    const labels = [
      ["rpc_system_name", "jsonrpc"],
      ["rpc_method", method],
      ...status,
      ...(error === "" ? [] : [["error_type", error]]),
    ].map(([name, value]) => `${name}="${escaped(value!)}"`).join();
    let count = 0;
    for (const [i, added] of counts.entries()) {
      const bound = i < BOUNDS.length ? boundText(BOUNDS[i]!, isOpen) : "+Inf";
      yield ["_bucket", `{${labels},le="${bound}"}`, count += added];
    }
    yield ["_sum", `{${labels}}`, sum];
    yield ["_count", `{${labels}}`, count];
  }
}

function* labelled(name: string, counts: Labelled): Iterable<Sample> {
  for (const [value, count] of Object.entries(counts)) {
    yield ["", `{${name}="${escaped(value)}"}`, count];
  }
}

/** OpenMetrics writes a bound always as a fraction. */
function boundText(bound: number, isOpen: boolean): string {
  return isOpen && Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
