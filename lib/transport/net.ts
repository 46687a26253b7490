/**
 * The sockets of the system, as the runtime has them: TCP and Unix sockets over Deno's own, or over those of
 * `node:net`. What an address means is the business of `tcp.ts` and `unix.ts`.
 *
 * @module
 */

import { isDeno } from "../runtime.ts";
import { denoNet } from "./deno_net.ts";
import { nodeNet } from "./node/net.ts";
import type { Net } from "./system.ts";

/** That of this runtime. */
export const net: Net = isDeno ? denoNet : nodeNet;

/** What a function makes of a value, now or when the value is there. */
export function whenThere<T, R>(
  value: T | Promise<T>,
  make: (value: T) => R,
): R | Promise<Awaited<R>> {
  return value instanceof Promise ? value.then(make) as Promise<Awaited<R>> : make(value);
}
