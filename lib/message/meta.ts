/**
 * `_meta`: what travels beside the params.
 *
 * @module
 */

import type { Params } from "./message.ts";

const NO_META: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** What travels beside the params. */
export function metaOf(params: Params): Readonly<Record<string, unknown>> {
  if (params === undefined || !Object.hasOwn(params, "_meta")) return NO_META;
  const meta = (params as { _meta?: unknown })._meta;
  return meta !== null && typeof meta === "object" ? meta as Record<string, unknown> : NO_META;
}
