// An API that tells which worker serves it, and can make it fail in every way.

import { getHeapStatistics } from "node:v8";
import { threadId } from "node:worker_threads";
import { method, type Peer, type PeerInfo, withContext } from "../../../lib/mod.ts";
import { ANYTHING } from "../../support/schemas.ts";

/** The option `state` of a module that is served by workers. */
export const connectionState = (peer: PeerInfo) => ({ from: peer.address });

const { method: told } = withContext<{ state: { from: string } }>();

/** What a caller serves, as a type. */
const caller = { answer: method((): string => "") };

const { method: called } = withContext<{ peer: Peer<typeof caller> }>();

/** Milliseconds: less than the main thread waits for what a worker has counted. */
const BLOCKED = 700;

/** Ways to end a worker. The call that asks for one is never answered. */
const FAILURES: Readonly<Record<string, () => void>> = {
  reject: () => void Promise.reject(new TypeError("nobody handles this")),
  timer: () =>
    void setTimeout(() => {
      throw new TypeError("nobody catches this");
    }),
  exit: () => Deno.exit(7),
  close: () => globalThis.close(),
  memory: () => {
    for (const all: unknown[] = [];;) all.push(new Array(1e6).fill({}));
  },
};

export const api = {
  who: method(() => threadId),
  memory: method(() => getHeapStatistics().heap_size_limit),
  from: told((_, { state }) => state.from),
  identity: method((_, { peer }) => peer.identity),
  wait: method((_, { signal }) =>
    new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve("aborted")))
  ),
  /** Answers with what the caller answers. */
  back: called((_, { peer }) => peer.call.answer()),
  /** Keeps its worker from its event loop for a while. */
  block: method(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED)),
  oops: method(() => {
    throw new RangeError("by accident", { cause: new Error("because") });
  }),
  fail: method(ANYTHING, (value) => {
    const [how] = value as [string];
    FAILURES[how]!();
    return new Promise<never>(() => {});
  }),
};
