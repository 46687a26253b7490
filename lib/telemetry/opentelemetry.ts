/**
 * Spans and times of calls for OpenTelemetry, without a package: every SDK registers its API at one place of the
 * global object, Deno's own (`OTEL_DENO=true`) and Node's alike. If none has, there is nothing to do.
 *
 * Names: OpenTelemetry's semantic conventions 1.45.0, RPC and JSON-RPC.
 *
 * @module
 */

import type { ObservedCall, Observer } from "../api/observe.ts";
import { RpcError } from "../error.ts";
import { isBuiltin } from "../message/control.ts";
import { parseAddress } from "../transport/address.ts";
import { ByCallName, errorName, isNumber, OTHER } from "./call_names.ts";
import { BOUNDS } from "./histogram.ts";

/** What spans are made of calls. */
export interface TelemetryOptions {
  /**
   * Whether a call gets no span if its caller says in `traceparent` that it is not recorded; the calls that its
   * handler makes get none either. With `false` the SDK's sampler decides alone. @default {true}
   */
  readonly followParent?: boolean;
}

// The members of OpenTelemetry's API (https://github.com/open-telemetry/opentelemetry-js/tree/main/api) that are
// used: a type of npm's would be downloaded with this module.

type Attributes = Readonly<Record<string, string | number>>;

interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

interface Span {
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  spanContext(): { readonly traceFlags: number };
  end(): void;
}

interface Tracer {
  startSpan(
    name: string,
    options: { readonly kind: number; readonly attributes: Attributes },
    context: OtelContext,
  ): Span;
}

interface Recorder {
  record(value: number, attributes: Attributes): void;
}

interface Meter {
  createHistogram(name: string, options: {
    readonly unit: string;
    readonly description: string;
    readonly advice: { readonly explicitBucketBoundaries: readonly number[] };
  }): Recorder;
}

type Carrier = Record<string, string>;

/** The API that an SDK has registered. */
interface OpenTelemetry {
  readonly trace: { getTracer(name: string): Tracer };
  readonly context: {
    active(): OtelContext;
    with(context: OtelContext, run: () => void): void;
  };
  readonly propagation: {
    extract(context: OtelContext, carrier: unknown, getter: typeof GETTER): OtelContext;
    inject(context: OtelContext, carrier: Carrier, setter: typeof SETTER): void;
  };
  readonly metrics?: { getMeter(name: string): Meter };
}

const API = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const NAME = "landline", SYSTEM = { "rpc.system.name": "jsonrpc" };
const SERVER = 1, CLIENT = 2, ERROR = 2;

const GETTER = {
  get(carrier: Readonly<Record<string, unknown>>, key: string): string | undefined {
    const value = carrier[key];
    return typeof value === "string" ? value : undefined;
  },
  keys: (carrier: object): string[] => Object.keys(carrier),
};
const SETTER = {
  set(carrier: Carrier, key: string, value: string): void {
    carrier[key] = value;
  },
};

/** The span of a call, and the context in which its handler runs, or which travels with it. */
interface Traced {
  readonly span: Span | undefined;
  readonly context: OtelContext;
}

/**
 * Makes spans and times, if an SDK has registered its API by now.
 *
 * @param options false for none
 * @param dialled the address that a client has dialled, if there is one
 */
export function telemetryOf(
  options: TelemetryOptions | boolean = true,
  dialled?: string,
): Observer | undefined {
  const api = (globalThis as { [API]?: OpenTelemetry })[API];
  if (options === false || api?.trace === undefined) return undefined;
  return new Telemetry(api, options === true ? {} : options, dialled);
}

class Telemetry implements Observer<Traced | undefined> {
  readonly #api: OpenTelemetry;
  readonly #tracer: Tracer;
  readonly #times: Readonly<Record<ObservedCall["direction"], Times>> | undefined;
  readonly #followParent: boolean;
  readonly #server: Attributes;

  constructor(
    api: OpenTelemetry,
    { followParent = true }: TelemetryOptions,
    dialled: string | undefined,
  ) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(NAME);
    const meter = api.metrics?.getMeter(NAME);
    this.#times = meter && {
      in: new Times(
        meter,
        "server",
        "Measures the duration of an incoming Remote Procedure Call (RPC).",
      ),
      out: new Times(
        meter,
        "client",
        "Measures the duration of an outgoing Remote Procedure Call (RPC).",
      ),
    };
    this.#followParent = followParent;
    this.#server = dialled === undefined ? {} : endOf(dialled, "server.address", "server.port");
  }

  begin(call: ObservedCall): Traced | undefined {
    // What a line and its probes ask for by themselves is no step of a program's work.
    if (isBuiltin(call.method)) return undefined;
    return call.direction === "in" ? this.#beginIncoming(call) : this.#beginOutgoing(call);
  }

  #beginIncoming(call: ObservedCall): Traced {
    const { context, propagation } = this.#api, { isKnown, id, peer, meta } = call;
    // The active span is one in which the server or its connection began: it is no parent of the call.
    const parent = propagation.extract(context.active().deleteValue(SPAN), meta, GETTER);
    if (this.#followParent && isUnsampled(meta["traceparent"])) {
      return { span: undefined, context: parent };
    }
    const span = this.#tracer.startSpan(isKnown ? call.method : "jsonrpc", {
      kind: SERVER,
      attributes: {
        ...SYSTEM,
        "rpc.method": isKnown ? call.method : OTHER,
        ...(!isKnown && { "rpc.method_original": call.method }),
        "jsonrpc.protocol.version": "2.0",
        ...(id !== undefined && id !== null && { "jsonrpc.request.id": String(id) }),
        ...(peer && endOf(peer.address, "network.peer.address", "network.peer.port")),
      },
    }, parent);
    return { span, context: parent.setValue(SPAN, span) };
  }

  #beginOutgoing({ method, peer }: ObservedCall): Traced {
    const active = this.#api.context.active();
    if (this.#followParent && isUnrecorded(active.getValue(SPAN))) {
      return { span: undefined, context: active };
    }
    const server = peer && this.#server["server.address"] === undefined
      ? endOf(peer.address, "server.address", "server.port")
      : this.#server;
    const span = this.#tracer.startSpan(method, {
      kind: CLIENT,
      attributes: { ...SYSTEM, "rpc.method": method, "jsonrpc.protocol.version": "2.0", ...server },
    }, active);
    return { span, context: active.setValue(SPAN, span) };
  }

  run(_call: ObservedCall, handler: () => void, mark: Traced | undefined): void {
    if (mark === undefined) handler();
    else this.#api.context.with(mark.context, handler);
  }

  meta(_call: ObservedCall, mark: Traced | undefined): Carrier | undefined {
    if (mark === undefined) return undefined;
    const carrier: Carrier = {};
    this.#api.propagation.inject(mark.context, carrier, SETTER);
    return carrier;
  }

  end(call: ObservedCall, error: unknown, mark: Traced | undefined): void {
    this.#times?.[call.direction].record(call, error);
    const span = mark?.span;
    if (span === undefined) return;
    if (call.direction === "out") this.#describeAnswer(span, call);
    if (error !== undefined) {
      const name = errorName(error);
      if (error instanceof RpcError) span.setAttribute("rpc.status_code", name);
      span.setAttribute("error.type", name);
      span.setStatus({ code: ERROR, message: (error as { message?: string })?.message ?? "" });
    }
    span.end();
  }

  #describeAnswer(span: Span, { id, peer }: ObservedCall): void {
    if (id) span.setAttribute("jsonrpc.request.id", String(id));
    if (peer === undefined) return;
    const ends = endOf(peer.address, "network.peer.address", "network.peer.port");
    for (const [name, value] of Object.entries(ends)) span.setAttribute(name, value);
  }
}

/** The histogram of one direction. */
class Times {
  readonly #histogram: Recorder;
  readonly #attributes = new ByCallName<Attributes>((method, error) => ({
    ...SYSTEM,
    "rpc.method": method,
    ...(isNumber(error) && { "rpc.status_code": error }),
    ...(error !== "" && { "error.type": error }),
  }));

  constructor(meter: Meter, side: "server" | "client", description: string) {
    this.#histogram = meter.createHistogram(`rpc.${side}.call.duration`, {
      unit: "s",
      description,
      advice: { explicitBucketBoundaries: BOUNDS },
    });
  }

  record(call: ObservedCall, error: unknown): void {
    const seconds = (performance.now() - call.since) / 1000;
    this.#histogram.record(seconds, this.#attributes.of(call, error));
  }
}

/** Whether a caller says that it records nothing: https://www.w3.org/TR/trace-context/#sampled-flag. */
function isUnsampled(traceparent: unknown): boolean {
  if (typeof traceparent !== "string") return false;
  const [, flags] = /^00-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceparent) ?? [];
  return flags !== undefined && (parseInt(flags, 16) & 1) === 0;
}

/** Whether a span is one of a trace that its beginner does not record. */
function isUnrecorded(span: unknown): boolean {
  const { traceFlags = 1 } = (span as Partial<Span> | undefined)?.spanContext?.() ?? {};
  return (traceFlags & 1) === 0;
}

/** One end of a connection in two attributes: its host and its port, or its path. */
function endOf(address: string, host: string, port: string): Attributes {
  if (!URL.canParse(address)) return {}; // a proxy may name one without a port, or nothing that is one
  const { hostname, port: number, path } = parseAddress(address);
  if (hostname === "") return path === "" ? {} : { [host]: path };
  return { [host]: hostname, ...(number !== undefined && { [port]: number }) };
}
