import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ConnectionLostError, ERROR_CODES, type ErrorName, RpcError } from "../../lib/mod.ts";

/** gRPC's status codes, https://grpc.io/docs/guides/status-codes, without OK and CANCELLED. */
const GRPC: Readonly<Record<string, number>> = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

const STANDARD = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
};

Deno.test("ERROR_CODES has JSON-RPC's five, LSP's CANCELLED, and -32000 less gRPC's status", () => {
  const expected: Record<string, number> = { ...STANDARD, CANCELLED: -32800 };
  for (const [name, status] of Object.entries(GRPC)) expected[name] = -32000 - status;
  assertEquals({ ...ERROR_CODES }, expected as unknown as typeof ERROR_CODES);
  assertEquals(new Set(Object.values(ERROR_CODES)).size, Object.keys(ERROR_CODES).length);
});

Deno.test("RpcError carries its name in data when it is no standard error", () => {
  for (const [name, code] of Object.entries(ERROR_CODES) as [ErrorName, number][]) {
    const error = new RpcError(name, "text");
    assertEquals([error.code, error.message, error.reason], [code, "text", name]);
    assertEquals(error.data, Object.hasOwn(STANDARD, name) ? undefined : { name });
    const { data } = new RpcError(name, "text", { details: 1 });
    assertEquals(data, Object.hasOwn(STANDARD, name) ? { details: 1 } : { name, details: 1 });
  }
});

Deno.test("RpcError leaves data alone when it is no object, or the code is a number", () => {
  for (const data of [null, 0, "", "text", false, ["a", "b"], []]) {
    assertEquals(new RpcError("NOT_FOUND", "text", data).data, data);
    assertEquals(new RpcError(7, "text", data).data, data);
  }
  assertEquals(new RpcError(7, "text", { a: 1 }).data, { a: 1 });
  assertEquals(new RpcError(7, "text").data, undefined);
});

Deno.test("RpcError is an Error with its own name, a stack and a cause", () => {
  const cause = new Error("why");
  const error = new RpcError("INTERNAL", "text", undefined, { cause });
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.cause], ["RpcError", cause]);
  assert(error.stack?.startsWith("RpcError: text"), error.stack);
});

Deno.test("RpcError refuses a code that is no integer", () => {
  for (const code of [1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new RpcError(code, "text"), RangeError, `it is ${code}`);
  }
});

Deno.test("reason is the name that the peer sent, else that of a number which means the same everywhere", () => {
  const reasons: [number, unknown, string | undefined][] = [
    [-32005, undefined, undefined],
    [-32000, "text", undefined],
    [-32099, null, undefined],
    [-32005, { name: "OTHER" }, "OTHER"],
    [-32005, { name: 5 }, undefined],
    [-32005, Object.create({ name: "INHERITED" }), undefined],
    [4711, { name: "MINE" }, "MINE"],
    [4711, undefined, undefined],
    [-32601, null, "METHOD_NOT_FOUND"],
    [-32800, "text", "CANCELLED"],
  ];
  for (const [code, data, reason] of reasons) {
    assertEquals(new RpcError(code, "text", data).reason, reason);
  }
  assertEquals(new RpcError("NOT_FOUND", "text", "no object").reason, "NOT_FOUND");
});

Deno.test("toJSON() gives code, message and data, and nothing else", () => {
  const json = (error: RpcError) => JSON.stringify(error);
  assertEquals(json(new RpcError(1, "m")), '{"code":1,"message":"m"}');
  assertEquals(json(new RpcError(1, "m", null)), '{"code":1,"message":"m","data":null}');
  assertEquals(
    json(new RpcError("DATA_LOSS", "m", undefined, { cause: new Error("secret") })),
    '{"code":-32015,"message":"m","data":{"name":"DATA_LOSS"}}',
  );
});

Deno.test("ConnectionLostError says whether the call was sent, and why the connection ended", () => {
  const cause = new Error("reset");
  const error = new ConnectionLostError("text", { sent: true, cause });
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message, error.sent, error.cause], [
    "ConnectionLostError",
    "text",
    true,
    cause,
  ]);
  assert(!("cause" in new ConnectionLostError("text", { sent: false })));
});
