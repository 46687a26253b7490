/**
 * Which limit has refused something.
 *
 * @module
 */

import type { ErrorData } from "../error.ts";
import { DEFAULT_LIMITS } from "../limits.ts";

/** What a refusal may name beside the limits. */
const OTHER_LIMITS: ReadonlySet<unknown> = new Set(["rate", "maxBytes"]);

/** The limit that an error names; undefined if it names none that there is, whatever a handler writes there. */
export function limitOf({ data }: { readonly data?: unknown }): string | undefined {
  const { limit } = (data ?? {}) as ErrorData;
  if (typeof limit !== "string") return undefined;
  return Object.hasOwn(DEFAULT_LIMITS, limit) || OTHER_LIMITS.has(limit) ? limit : undefined;
}
