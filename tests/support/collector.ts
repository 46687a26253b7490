// A collector of OpenTelemetry's: takes what Deno sends with OTEL_DENO=true, over HTTP.

import { within } from "./deadline.ts";

/** A span, as OTLP's JSON has it, with its attributes by name. */
export interface Span {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Values = readonly { key: string; value: Record<string, unknown> }[];

function byName(attributes: Values): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A collector: what comes to `/v1/…` is kept, and what comes elsewhere is answered with its `traceparent`. */
export class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly metrics: { name: string; unit: string; [kind: string]: unknown }[] = [];
  readonly bodies: { path: string; type: string; bytes: Uint8Array }[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #changed = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) =>
        new URL(request.url).pathname.startsWith("/v1/")
          ? this.#take(request)
          : new Response(request.headers.get("traceparent")),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** What a process is told so that it sends here. */
  env(service: string, protocol = "http/json"): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: this.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_SERVICE_NAME: service,
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      OTEL_DENO_CONSOLE: "ignore",
    };
  }

  async #take(request: Request): Promise<Response> {
    const type = request.headers.get("content-type") ?? "", path = new URL(request.url).pathname;
    const bytes = await request.bytes();
    this.bodies.push({ path, type, bytes });
    if (type === "application/json") this.#read(JSON.parse(new TextDecoder().decode(bytes)));
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return new Response("{}", { headers: { "content-type": type } });
  }

  // deno-lint-ignore no-explicit-any
  #read(body: any): void {
    for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
      const service = byName(resource.attributes)["service.name"] as string;
      for (const span of scopeSpans.flatMap((scope: { spans: unknown[] }) => scope.spans)) {
        this.spans.push({ ...span, service, attributes: byName(span.attributes) });
      }
    }
    for (const { scopeMetrics } of body.resourceMetrics ?? []) {
      for (const { metrics } of scopeMetrics) this.metrics.push(...metrics);
    }
  }

  /** What this finds, once it does. */
  find<T>(find: () => T | undefined, what: string): Promise<T> {
    return within(this.#find(find), what);
  }

  async #find<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await this.#changed.promise;
    }
  }

  /** The span of a service with this name and kind, below another if one is given. */
  span(service: string, name: string, kind: number, above?: Span): Promise<Span> {
    return this.find(
      () =>
        this.spans.find((it) =>
          it.service === service && it.name === name && it.kind === kind &&
          (above === undefined || it.parentSpanId === above.spanId && it.traceId === above.traceId)
        ),
      `the span ${name} of the ${service}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
