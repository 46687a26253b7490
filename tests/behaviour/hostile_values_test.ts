// Any value of JSON in any place of a message: nothing throws, and the line goes on. Such values throw when
// they are made a text or a number, as `${value}`, `value & 1` and `value < 2` do.

import { assert, assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { type Line, method, notification, RpcError, stream } from "../../lib/mod.ts";
import { turn } from "../support/deadline.ts";
import { connectOver, serveLocally } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { type Answer, RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";

/** As JSON text. */
const VALUES = [
  '{"toString":1,"valueOf":1,"toJSON":1,"then":1,"length":-1,"constructor":1}',
  '{"__proto__":{"toString":null},"hasOwnProperty":0}',
  '[{"toString":1,"valueOf":1}]',
  '{"then":{},"message":{"toString":1,"valueOf":1},"name":{"toString":1,"valueOf":1}}',
  '{"$base64":{"toString":1}}',
  '{"$base64":"?"}',
  "[[[[]]]]",
  "{}",
  "null",
  "true",
  "1e400",
  "-1e400",
  "-0",
  "1.5",
  "9007199254740993",
  '""',
  '"\\ud800"',
];

/** What a caller may send, with a place for a value. */
const TO_SERVER = [
  '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m","data":{"details":{"maxBytes":$}}}}',
  '{"jsonrpc":"2.0","id":$,"method":"echo"}',
  '{"jsonrpc":$,"id":1,"method":"echo"}',
  '{"jsonrpc":"2.0","id":1,"method":$}',
  '{"jsonrpc":"2.0","id":1,"method":"echo","params":$}',
  '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"_meta":$}}',
  '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"_meta":{"timeoutMs":$}}}',
  '{"jsonrpc":"2.0","id":1,"method":"step","params":{"_meta":{"progressToken":$}}}',
  '{"jsonrpc":"2.0","id":1,"method":"step","params":{"workDoneToken":$}}',
  '{"jsonrpc":"2.0","id":1,"method":"step","params":{"_meta":{"traceparent":$,"tracestate":$}}}',
  '{"jsonrpc":"2.0","id":1,"method":"add","params":$}',
  '{"jsonrpc":"2.0","id":1,"method":"add","params":[$,$]}',
  '{"jsonrpc":"2.0","id":1,"method":"add","params":{"value":$,"_meta":{}}}',
  '{"jsonrpc":"2.0","id":1,"method":"bytes","params":[$]}',
  '{"jsonrpc":"2.0","id":$,"method":"items","params":{"_meta":{"stream":{"credit":0}}}}',
  '{"jsonrpc":"2.0","id":1,"method":"items","params":{"_meta":{"stream":$}}}',
  '{"jsonrpc":"2.0","id":1,"method":"items","params":{"_meta":{"stream":{"credit":$}}}}',
  '{"jsonrpc":"2.0","id":1,"method":"items","params":{"_meta":{"stream":{"credit":1,"after":$}}}}',
  '{"jsonrpc":"2.0","id":1,"method":"items","params":{"partialResultToken":$}}',
  '{"jsonrpc":"2.0","method":"tell","params":$}',
  '{"jsonrpc":"2.0","id":1,"method":"rpc.ping","params":$}',
  '{"jsonrpc":"2.0","id":1,"method":"rpc.health","params":{"service":$}}',
  '{"jsonrpc":"2.0","id":1,"method":"rpc.authenticate","params":$}',
  '{"jsonrpc":"2.0","id":1,"method":"rpc.authenticate","params":{"scheme":$,"token":$}}',
];

/** What either end may send, with a place for a value. */
const TO_BOTH = [
  "$",
  "[$,$]",
  '{"jsonrpc":"2.0","id":$,"result":1}',
  '{"jsonrpc":"2.0","id":$,"error":{"code":1,"message":"m"}}',
  '{"jsonrpc":"2.0","id":null,"error":$}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":$,"message":$,"data":$}}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":$}}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m","data":{"limit":$,"details":$}}}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest","params":$}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":$}}',
  '{"jsonrpc":"2.0","method":"$/progress","params":{"token":$,"value":$}}',
  '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":$,"value":$,"dir":$}}',
  '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":$,"values":$,"dir":"up"}}',
  '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":$,"values":$,"eventIds":$}}',
  '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":$,"value":$,"eventId":$}}',
  '{"jsonrpc":"2.0","method":"$/stream/credit","params":{"id":$,"n":1,"dir":"up"}}',
  '{"jsonrpc":"2.0","method":"$/stream/credit","params":{"id":$,"n":$}}',
  '{"jsonrpc":"2.0","method":"$/stream/end","params":{"id":$,"dir":"up"}}',
];

/** The message with the value in its places; `$/` begins the name of a method. */
const filled = (message: string, value: string) => message.replaceAll(/\$(?!\/)/g, () => value);

const api = {
  echo: method(ANYTHING, (value) => value),
  step: method(ANYTHING, (_, { progress, trace }) => {
    progress(1);
    return trace;
  }),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  bytes: method(z.instanceof(Uint8Array), ({ length }) => length),
  items: stream(function* (_, { after }) {
    yield after ?? 1;
  }),
  tell: notification(z.object({ a: z.number() }), () => {}),
};

/** While it runs, what names a call is compared with it. */
const OPEN_STREAM =
  '{"jsonrpc":"2.0","id":0,"method":"items","params":{"_meta":{"stream":{"credit":0}}}}';

/** What no message of a peer may cause. */
const isOurs = (error: unknown) => error instanceof Error && !(error instanceof RpcError);

Deno.test("a server goes on after any value in any place", async () => {
  await using local = serveLocally(api);
  for (const value of VALUES) {
    for (const message of [...TO_BOTH, ...TO_SERVER]) {
      const text = filled(message, value);
      using peer = local.peer();
      await peer.send(
        OPEN_STREAM,
        text,
        text,
        '{"jsonrpc":"2.0","id":"last","method":"add","params":[1,2]}',
      );
      let answer: Answer;
      do answer = await peer.answer(); while (answer.id !== "last");
      assertEquals(answer.result, 3, text);
      assertEquals(local.errors.filter(([error]) => isOurs(error)), [], text);
    }
  }
});

Deno.test("a client goes on after any value in any place, while calls of its own wait", async () => {
  for (const value of VALUES) {
    const messages = TO_BOTH.map((message) => filled(message, value));
    const [here, there] = pipe();
    using server = new RawPeer(there, "json");
    const line: Line = await connectOver(here);
    const waiting = line.request("waits").catch((error) => error);
    await server.answer();
    const call = line.request("m", undefined, { onProgress: () => {} });
    // It asks what the server understands before it asks for progress.
    const asked = await server.answer();
    await server.send(...messages, {
      jsonrpc: "2.0",
      id: asked.id,
      result: { extensions: ["meta"] },
    });
    let request: Answer;
    do request = await server.answer(); while (request.method !== "m");
    await server.send(...messages, { jsonrpc: "2.0", id: request.id, result: 7 });
    // What breaks the rules may have been meant as its answer. The next call has its own.
    const outcome = await call.catch((error) => error);
    assert(outcome === 7 || outcome instanceof RpcError, value);
    const next = line.request("m");
    do request = await server.answer(); while (request.method !== "m");
    await server.send({ jsonrpc: "2.0", id: request.id, result: 8 });
    assertEquals(await next, 8, value);
    await turn();
    await line.close();
    assert(await waiting instanceof Error, value);
  }
});

Deno.test("an answer of any shape settles its call, and tells no lie of the runtime's", async () => {
  const answers = [
    '"error":$',
    '"error":{"code":$}',
    '"error":{"code":1,"message":$}',
    '"error":{"code":1,"message":"m","data":$}',
    '"error":{"code":-32014,"message":"m","data":{"name":$,"retryAfterMs":$,"details":$}}',
    '"result":$',
  ];
  for (const value of VALUES) {
    const [here, there] = pipe();
    using server = new RawPeer(there, "json");
    const line: Line = await connectOver(here);
    for (const answer of answers) {
      const call = line.request("m").catch((error) => error);
      const { id } = await server.answer();
      await server.send(`{"jsonrpc":"2.0","id":${id},${filled(answer, value)}}`);
      // What holds a marker is asked about first.
      if (value.includes("$base64") && answer.includes("result")) {
        const { id } = await server.answer();
        await server.send({ jsonrpc: "2.0", id, result: {} });
      }
      const settled = await call;
      if (settled instanceof Error) {
        assert(settled instanceof RpcError, `${answer} ${value}: ${settled}`);
        assertEquals(typeof settled.message, "string");
      }
    }
    await line.close();
  }
});
