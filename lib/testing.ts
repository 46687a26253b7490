/**
 * Tests of code that serves or calls: both ends in one process, over networks as bad as a test wants
 * them, and a line of functions that stands in for a server.
 *
 * @example
 * ```ts
 * import { method } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const api = { hello: method(() => "hello") };
 * await using ends = await pair(api);
 *
 * assert(await ends.line.call.hello() === "hello");
 * ```
 *
 * @module
 */

export { type Mock, mock, type MockMethod } from "./testing/mock.ts";
export { type Pair, pair, type PairOptions } from "./testing/pair.ts";
export type { FaultRange, NetworkFaults, OneWayFaults } from "./transport/memory/faults.ts";
export { type MemorySocket, socketPair } from "./transport/memory/mod.ts";
