/**
 * `localhost` is two addresses, 127.0.0.1 and ::1: who listens there listens at both, at one port.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import type { Listener, Socket } from "./socket.ts";

/** The addresses of `localhost`, in the order in which they are taken. */
export const LOOPBACKS = ["127.0.0.1", "::1"] as const;

/** How often another port is tried where the system chose one that is taken in the other family. */
const MAX_TRIES = 16;

/** Whether this is the name that stands for {@linkcode LOOPBACKS}. */
export function isLocalhost(hostname: string): boolean {
  return hostname.toLowerCase() === "localhost";
}

/** Listeners at one port, one for each address of `localhost` that this machine has. */
export interface Both<T> {
  readonly listeners: T[];
  readonly port: number;
}

/**
 * Listens at every address of `localhost` that this machine has: at once, if `listen` does so.
 *
 * @param port 0 lets the system choose one, which is then taken at both
 * @param listen listens at one address
 * @param portOf where it then really listens
 */
export function listenAtBoth<T extends { close(): void }>(
  port: number,
  listen: (hostname: string, port: number) => T,
  portOf: (listener: T) => number,
): Both<T>;
export function listenAtBoth<T extends { close(): void }>(
  port: number,
  listen: (hostname: string, port: number) => T | Promise<T>,
  portOf: (listener: T) => number,
): Both<T> | Promise<Both<T>>;
export function listenAtBoth<T extends { close(): void }>(
  port: number,
  listen: (hostname: string, port: number) => T | Promise<T>,
  portOf: (listener: T) => number,
): Both<T> | Promise<Both<T>> {
  return run(listening(port, listen, portOf));
}

/** Yields what `listen` gives, and is given the listener. */
type Steps<T> = Generator<T | Promise<T>, Both<T>, T>;

function* listening<T extends { close(): void }>(
  port: number,
  listen: (hostname: string, port: number) => T | Promise<T>,
  portOf: (listener: T) => number,
): Steps<T> {
  for (let tries = 1;; tries++) {
    const listeners: T[] = [];
    let missing: unknown;
    try {
      for (const hostname of LOOPBACKS) {
        const [first] = listeners;
        try {
          listeners.push(yield listen(hostname, first === undefined ? port : portOf(first)));
        } catch (error) {
          if (!isMissingFamily(error)) throw error;
          missing = error;
        }
      }
    } catch (error) {
      for (const listener of listeners) listener.close();
      const isChosen = port === 0 && listeners.length > 0;
      if (isChosen && error instanceof errors.AddrInUse && tries < MAX_TRIES) continue;
      throw error;
    }
    const [first] = listeners;
    if (first === undefined) throw missing;
    return { listeners, port: portOf(first) };
  }
}

/** Gives each step what it has yielded; waits only for promises. */
function run<T>(steps: Steps<T>, step = steps.next()): Both<T> | Promise<Both<T>> {
  while (!step.done) {
    const { value } = step;
    if (value instanceof Promise) {
      return value.then(
        (value) => run(steps, steps.next(value)),
        (error) => run(steps, steps.throw(error)),
      );
    }
    step = steps.next(value);
  }
  return step.value;
}

/** Whether the machine does without IPv4 or IPv6, or without its loopback. */
function isMissingFamily(error: unknown): boolean {
  return error instanceof errors.AddrNotAvailable ||
    error instanceof Error && "code" in error && error.code === "EAFNOSUPPORT";
}

type Outcome = { readonly socket: Socket } | { readonly error: unknown };

/** Several listeners as one: accepts what any of them accepts. */
export function joinListeners(address: string, listeners: readonly Listener[]): Listener {
  /** What each listener accepts next; kept until it was handed out. */
  const next = new Map<Listener, Promise<[Listener, Outcome]>>();
  let closed = false;
  return {
    address,
    async accept() {
      if (closed) throw new errors.BadResource("Listener has been closed");
      for (const listener of listeners) {
        if (next.has(listener)) continue;
        next.set(
          listener,
          listener.accept().then(
            (socket) => [listener, { socket }],
            (error) => [listener, { error }],
          ),
        );
      }
      const [listener, outcome] = await Promise.race(next.values());
      next.delete(listener);
      if ("error" in outcome) throw outcome.error;
      return outcome.socket;
    },
    close() {
      closed = true;
      for (const listener of listeners) listener.close();
      // Nobody will ask for what was accepted in the meantime.
      for (const accepted of next.values()) {
        accepted.then(([, outcome]) => "socket" in outcome && outcome.socket.close());
      }
    },
  };
}
