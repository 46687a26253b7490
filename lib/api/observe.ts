/**
 * What sees every call of a server or of a line, where it is admitted and where it is answered: for counts,
 * times, traces and logs.
 *
 * It is no middleware. A middleware runs around handlers, and sees no call that has none: an unknown method,
 * wrong params, a refusal. And it makes each call wait for a promise.
 *
 * @module
 */

import { callBack, type RpcError } from "../error.ts";
import type { PeerInfo } from "./context.ts";

/** A call, a stream or a notification, in either direction: one object from its beginning to its end. */
export interface ObservedCall {
  /** `in` where the peer calls us, `out` where we call the peer. */
  readonly direction: "in" | "out";
  /** The name that was called. Of a call that came in it is whatever the peer has written. */
  readonly method: string;
  /** Whether the API has a method of this name; of our own calls always true. */
  readonly isKnown: boolean;
  /** What it is; a call of ours becomes a stream when its answer is iterated. */
  readonly kind: "call" | "stream" | "notification";
  /** The id of the request: undefined for a notification, 0 for a call of ours that has not been sent. */
  readonly id: string | number | null | undefined;
  /** The other end; undefined for a call of ours that has not been sent. */
  readonly peer: PeerInfo | undefined;
  /** What travels as `_meta` beside the params. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** When it came, or was made: milliseconds by `performance.now()`. Calls of one read have the same time. */
  readonly since: number;
}

/**
 * Sees every call. All its methods may be left out. They run while the call does, so they must be quick; what
 * they throw goes to `onError` and changes nothing.
 *
 * @typeParam Mark What `begin` returns: it is kept with the call, and given to the other methods.
 *
 * @example
 * ```ts
 * import { connect, method, type Observer, RpcError, serve, settle } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const seen: string[] = [];
 * const observe: Observer = {
 *   end({ method }, error) {
 *     seen.push(`${method}: ${error instanceof RpcError ? error.reason : "good"}`);
 *   },
 * };
 * const api = { now: method(() => new Date()) };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0", observe });
 * await using line = await connect(server.addresses[0]!);
 *
 * await line.request("now");
 * await settle(line.request("then"));
 * assert(seen.join() === "now: good,then: METHOD_NOT_FOUND");
 * ```
 */
export interface Observer<Mark = unknown> {
  /** A call has come, before it is known whether it may begin; or one of ours was made. */
  begin?(call: ObservedCall): Mark;
  /** Its handler is to begin. Calls `handler` once, before it returns: the place to set a context. */
  run?(call: ObservedCall, handler: () => void, mark: Mark): void;
  /** What is to travel beside the params of a call of ours, over what its caller gave as `meta`. */
  meta?(call: ObservedCall, mark: Mark): Readonly<Record<string, string>> | undefined;
  /** Items of a stream were sent, or have come. */
  items?(call: ObservedCall, sent: number, received: number, mark: Mark): void;
  /**
   * It has ended: the peer's call was answered, also if it was refused; the answer to ours came, or we gave it
   * up; or a notification was dealt with. Called once for each `begin`.
   *
   * @param error what its caller is told, or rejects with; undefined if it went well. An `INTERNAL_ERROR` has
   * what the handler threw as its `cause`
   */
  end?(call: ObservedCall, error: unknown, mark: Mark): void;
  /**
   * A peer was refused something that is no call: its connection, a request of HTTP, or a message that breaks
   * the rules.
   */
  refused?(error: RpcError, peer: PeerInfo): void;
}

/** The author's observer, of which nothing that it throws gets out. */
export function guarded(observer: Observer, report: (error: unknown) => void): Observer {
  const safe =
    <Args extends unknown[], R>(method: (...args: Args) => R) => (...args: Args): R | undefined => {
      let returned: R | undefined;
      callBack(() => returned = method.apply(observer, args), report);
      return returned;
    };
  const { begin, run, meta, items, end, refused } = observer;
  return {
    ...(begin && { begin: safe(begin) }),
    ...(run && {
      run(call, handler, mark) {
        let hasRun = false;
        const once = () => {
          if (!hasRun) handler();
          hasRun = true;
        };
        callBack(() => run.call(observer, call, once, mark), report);
        once();
      },
    }),
    ...(meta && { meta: safe(meta) }),
    ...(items && { items: safe(items) }),
    ...(end && { end: safe(end) }),
    ...(refused && { refused: safe(refused) }),
  };
}

/** Several observers as one; undefined if there is none. */
export function together(
  observers: readonly (Observer | undefined)[],
): Observer | undefined {
  const all = observers.filter((it) => it !== undefined);
  if (all.length < 2) return all[0];
  const marks = (mark: unknown) => mark as unknown[];
  const running = all.flatMap(({ run }, i) => run ? [i] : []);
  const telling = all.flatMap(({ meta }, i) => meta ? [i] : []);
  return {
    begin: (call) => all.map((it) => it.begin?.(call)),
    ...(running.length > 0 && {
      run: (call, handler, mark) =>
        running.reduceRight(
          (inner, i) => () => all[i]!.run!(call, inner, marks(mark)[i]),
          handler,
        )(),
    }),
    ...(telling.length > 0 && {
      meta: (call, mark) =>
        Object.assign({}, ...telling.map((i) => all[i]!.meta!(call, marks(mark)[i]))),
    }),
    items: (call, sent, received, mark) =>
      all.forEach((it, i) => it.items?.(call, sent, received, marks(mark)[i])),
    end: (call, error, mark) => all.forEach((it, i) => it.end?.(call, error, marks(mark)[i])),
    refused: (error, peer) => all.forEach((it) => it.refused?.(error, peer)),
  };
}

/** Shows a notification that we send, which is over once it is queued; gives what travels beside it. */
export function observeNotice(
  observer: Observer,
  method: string,
  peer: PeerInfo,
  meta: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  const call: ObservedCall = {
    direction: "out",
    method,
    isKnown: true,
    kind: "notification",
    id: undefined,
    peer,
    meta,
    since: performance.now(),
  };
  const mark = observer.begin?.(call), carried = observer.meta?.(call, mark);
  observer.end?.(call, undefined, mark);
  return carried;
}
