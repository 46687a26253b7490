// A server and its client in one process with OpenTelemetry's own SDK, as programs for Node set it up: prints the
// spans, and which of them was active in the handler; then how many spans servers make of a call whose caller
// records nothing and is called back, with and without `followParent`.

import { context, propagation, trace } from "npm:@opentelemetry/api@1";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@2";
import { W3CTraceContextPropagator } from "npm:@opentelemetry/core@2";
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "npm:@opentelemetry/sdk-trace-base@2";
import { connect, method, serve } from "../../../lib/mod.ts";

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    sampler: new AlwaysOnSampler(), // as Deno's is by default: it does not ask what the caller does
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const api = {
  asked: method(async (_, { call }) => await call.answer()),
  active: method(async () => {
    await null;
    return trace.getActiveSpan()?.spanContext().spanId;
  }),
};
const server = serve(api, { listen: "tcp://127.0.0.1:0" });
const line = await connect(server.addresses[0]);
const active = await line.call.active();
await line.close();
await server.shutdown();
const spans = exporter.getFinishedSpans().map((span) => ({
  name: span.name,
  kind: span.kind,
  id: span.spanContext().spanId,
  trace: span.spanContext().traceId,
  parent: span.parentSpanContext?.spanId,
}));

const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`, counts = [];
for (const followParent of [true, false]) {
  exporter.reset();
  const server = serve(api, { listen: "tcp://127.0.0.1:0", telemetry: { followParent } });
  const own = { answer: method(() => 1) };
  const line = await connect(server.addresses[0], { telemetry: false, api: own });
  await line.call.asked(undefined, { meta: { traceparent } });
  await line.close();
  await server.shutdown();
  counts.push(exporter.getFinishedSpans().length);
}
console.log(JSON.stringify({ active, spans, counts }));
