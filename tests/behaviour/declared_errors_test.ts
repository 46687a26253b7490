// Errors that a method declares: by name, with data that is checked, told apart from all others.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import { ConnectionLostError, method, RpcError, serve, settle, stream } from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { rejection } from "../support/events.ts";
import { RawPeer } from "../support/raw.ts";

const errors = {
  OUT_OF_STOCK: z.object({ left: z.int() }),
  CLOSED: z.object({ until: z.date() }),
  EMPTY: z.undefined(),
};

const api = {
  buy: method(z.object({ count: z.int() }), ({ count }, { error }) => {
    if (count === 0) throw error("EMPTY", undefined);
    if (count > 10) throw error("CLOSED", { until: new Date(0) }, "Come back later");
    if (count > 3) throw error("OUT_OF_STOCK", { left: 3 });
    return { bought: count };
  }, { errors }),
};

Deno.test("a declared error travels by its name, with its data, under a number of its own", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const buy = (count: number) =>
    peer.ask({ jsonrpc: "2.0", id: 1, method: "buy", params: { count } });
  assertEquals((await buy(5)).error, {
    code: -32000,
    message: "OUT_OF_STOCK",
    data: { name: "OUT_OF_STOCK", details: { left: 3 } },
  });
  assertEquals((await buy(11)).error, {
    code: -32000,
    message: "Come back later",
    data: { name: "CLOSED", details: { until: "1970-01-01T00:00:00.000Z" } },
  });
  assertEquals((await buy(0)).error, {
    code: -32000,
    message: "EMPTY",
    data: { name: "EMPTY" },
  });
});

Deno.test("settle() gives the result, or the declared error by its name with its data", async () => {
  await using ends = await pair(api);
  const good = await settle(ends.line.call.buy({ count: 1 }));
  assertEquals(good, { ok: true, value: { bought: 1 } });
  const sold = await settle(ends.line.call.buy({ count: 5 }));
  assert(!sold.ok && sold.reason === "OUT_OF_STOCK");
  const { left }: { left: number } = sold.data;
  assertEquals(left, 3);
  assertInstanceOf(sold.error, RpcError);
  const closed = await settle(ends.line.call.buy({ count: 11 }));
  assert(!closed.ok && closed.reason === "CLOSED");
  const { until }: { until: string } = closed.data;
  assertEquals([until, closed.error.message], ["1970-01-01T00:00:00.000Z", "Come back later"]);
  const empty = await settle(ends.line.call.buy({ count: 0 }));
  assert(!empty.ok && empty.reason === "EMPTY");
  assertEquals(empty.data, undefined);
});

Deno.test("settle() gives every other failure without a name, as it was", async () => {
  const undeclared = {
    known: method(() => {
      throw new RpcError("NOT_FOUND", "no");
    }),
    number: method(() => {
      throw new RpcError(-32000, "just a number");
    }),
    text: method(() => {
      throw new RpcError(-32000, "text for data", "text");
    }),
    bug: method(() => {
      throw new Error("secret");
    }),
  };
  const ends = await pair(undeclared);
  const { call } = ends.line;
  const reasons = [];
  for (const name of ["known", "number", "text", "bug"] as const) {
    const settled = await settle(call[name]());
    assert(!settled.ok && settled.reason === undefined);
    assertInstanceOf(settled.error, RpcError);
    reasons.push(settled.error.code);
  }
  assertEquals(reasons, [-32005, -32000, -32000, -32603]);
  const cancelled = await settle(call.known(undefined, { signal: AbortSignal.abort("why") }));
  assert(!cancelled.ok && cancelled.error === "why");
  await ends[Symbol.asyncDispose]();
  const lost = await settle(call.known());
  assert(!lost.ok && lost.error instanceof ConnectionLostError);
});

Deno.test("a declared error is a rejection like any other for those who do not settle it", async () => {
  await using ends = await pair(api);
  const error = await rejection(ends.line.call.buy({ count: 5 }));
  assertInstanceOf(error, RpcError);
  assertEquals([error.code, error.reason], [-32000, "OUT_OF_STOCK"]);
});

Deno.test("a declared error with wrong data is INTERNAL_ERROR, and is reported", async () => {
  const reported: unknown[] = [];
  const broken = {
    later: method((_, { error }): void => {
      throw error("OUT_OF_STOCK", { left: "many" as unknown as number });
    }, { errors }),
    async: method(async (_, { error }): Promise<void> => {
      await null;
      throw error("OUT_OF_STOCK", undefined as unknown as { left: number });
    }, { errors }),
    items: stream(function* (_, { error }): Generator<number> {
      yield 1;
      throw error("OUT_OF_STOCK", { left: 0.5 });
    }, { errors }),
  };
  await using ends = await pair(broken, {
    serve: { onError: (error, about) => reported.push([about, (error as Error).message]) },
  });
  for (const name of ["later", "async", "items"] as const) {
    const error = await rejection(ends.line.call[name]());
    assertInstanceOf(error, RpcError);
    assertEquals(error.toJSON(), { code: -32603, message: "Internal error" });
    const [about, message] = reported.pop() as [string, string];
    assertEquals(about, name);
    assert(message.startsWith("The data of OUT_OF_STOCK does not fit its schema: "), message);
  }
});

Deno.test("a declared error's data is what its schema makes of it", async () => {
  const transforming = {
    fail: method((_, { error }): void => {
      throw error("LATE", new Date(5));
    }, {
      errors: { LATE: z.date().transform((date) => date.getTime()) },
    }),
  };
  await using ends = await pair(transforming);
  const settled = await settle(ends.line.call.fail());
  assert(!settled.ok && settled.reason === "LATE");
  const data: number = settled.data;
  assertEquals(data, 5);
});

Deno.test("a name that was not declared is an RpcError like any other", async () => {
  const sloppy = {
    fail: method((_, { error }): void => {
      throw (error as (name: string, data: unknown) => RpcError)("TYPO", { a: 1 });
    }, { errors }),
    prototype: method((_, { error }): void => {
      throw (error as (name: string, data: unknown) => RpcError)("toString", { a: 1 });
    }, { errors }),
  };
  await using ends = await pair(sloppy);
  for (const [name, thrown] of [["fail", "TYPO"], ["prototype", "toString"]] as const) {
    const error = await rejection(ends.line.call[name]());
    assertInstanceOf(error, RpcError);
    assertEquals([error.code, error.data], [-32000, { name: thrown, details: { a: 1 } }]);
  }
});

Deno.test("a declared error is settled from a batch and from a stream", async () => {
  const both = {
    ...api,
    items: stream(function* (_, { error }): Generator<number> {
      yield 1;
      throw error("OUT_OF_STOCK", { left: 1 });
    }, { errors }),
  };
  await using ends = await pair(both);
  const [bought, items] = ends.line.batch((call) => [call.buy({ count: 5 }), call.items()]);
  const first = await settle(bought);
  assert(!first.ok && first.reason === "OUT_OF_STOCK" && first.data.left === 3);
  const second = await settle(items);
  assert(!second.ok && second.reason === "OUT_OF_STOCK" && second.data.left === 1);
});
