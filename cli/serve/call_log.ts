/**
 * Lines about calls: those that were refused, those that were slow, and a part of all.
 *
 * @module
 */

import { type ObservedCall, type Observer, RpcError } from "../../lib/mod.ts";
import { limitOf } from "../../lib/telemetry/limit_of.ts";
import { answered, isParseError, refused, type SpanIds } from "./log.ts";
import type { Logger } from "./logger.ts";

/** What is told besides refusals. */
export interface CallLogOptions {
  /** Milliseconds from which on a call is slow; undefined if none is. */
  readonly slow: number | undefined;
  /** The part of all calls that is told, from 0 to 1. */
  readonly part: number;
  /** Whether refusals are told. */
  readonly refusals: boolean;
}

/** Tells of calls. */
export function callLog(
  log: Logger,
  { slow = Infinity, part, refusals }: CallLogOptions,
): Observer {
  // A span is active only while the handler begins.
  const isTraced = telemetry() !== undefined;
  return {
    ...(isTraced && {
      begin: (): { ids?: SpanIds } => ({}),
      run(_call: ObservedCall, handler: () => void, mark: unknown) {
        (mark as { ids?: SpanIds }).ids = activeSpan();
        handler();
      },
    }),
    end(call, error, mark) {
      if (call.direction === "out") return;
      const ids = () => (mark as { ids?: SpanIds } | undefined)?.ids ?? callerOf(call);
      if (error instanceof RpcError && isRefusal(error)) {
        return refusals ? log.write(refused(error, call.peer, call.method, ids())) : undefined;
      }
      // A stream takes as long as it is read.
      if (slow !== Infinity && call.kind !== "stream" && performance.now() - call.since >= slow) {
        log.write(answered(call, error, "slow call", ids()));
      } else if (part > 0 && Math.random() < part) {
        log.write(answered(call, error, "call", ids()));
      }
    },
    ...(refusals && {
      refused(error, peer) {
        // Of these `onError` is told more: where it is no JSON, and why.
        if (!isParseError(error)) log.write(refused(error, peer));
      },
    }),
  };
}

/** Whether the server would not, rather than the handler. */
function isRefusal(error: RpcError): boolean {
  return limitOf(error) !== undefined || error.reason === "UNAUTHENTICATED";
}

/** The span that has asked for a call: what the handler does is in the same trace. */
function callerOf({ meta }: ObservedCall): SpanIds {
  const text = meta["traceparent"];
  if (typeof text !== "string") return {};
  const [, trace_id, span_id] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(text) ?? [];
  return trace_id === undefined || span_id === undefined ? {} : { trace_id, span_id };
}

/** What an SDK of OpenTelemetry registers, as far as it is used here. */
interface Telemetry {
  readonly context?: {
    active(): {
      getValue(key: symbol): { spanContext(): { traceId: string; spanId: string } } | undefined;
    };
  };
}

function telemetry(): Telemetry | undefined {
  return (globalThis as unknown as Record<symbol, Telemetry | undefined>)[
    Symbol.for("opentelemetry.js.api.1")
  ];
}

/** The span that is active now; nothing without OpenTelemetry. */
export function activeSpan(): SpanIds {
  const span = telemetry()?.context?.active().getValue(
    Symbol.for("OpenTelemetry Context Key SPAN"),
  );
  if (span === undefined) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}
