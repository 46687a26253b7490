/**
 * What every peer answers, a page too: that it is there, and what it understands.
 *
 * @module
 */

import { method } from "../api/method.ts";
import type { AnyMethod } from "../api/api.ts";
import type { Limits } from "../limits.ts";
import { RPC } from "../message/control.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";

/** Who a peer says it is. */
export interface Introduced {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
}

/** The limits that a caller can run into, and should know. */
const TOLD = [
  "maxMessageBytes",
  "maxResponseBytes",
  "maxDepth",
  "maxValues",
  "maxBatch",
  "maxInFlight",
  "maxCallTimeout",
] as const;

/** Over datagrams nothing is said unasked: what needs that is not understood there. */
const NEED_EVENTS = ["stream", "resume", "progress", "goaway"];

/**
 * The methods that introduce a peer.
 *
 * @param extensions what is understood besides JSON-RPC; `wire` names in PROTOCOL.md
 */
export function introduction(
  { name, version }: Introduced,
  limits: Limits,
  extensions: readonly string[],
): Map<string, AnyMethod> {
  return new Map<string, AnyMethod>([
    // Whatever came, as it came.
    [RPC.ping, method(schema((params) => params), (params) => params)],
    [
      RPC.serverInfo,
      method((_, { peer }) => ({
        name,
        version,
        framing: peer.framing,
        extensions: peer.transport === "udp"
          ? extensions.filter((name) => !NEED_EVENTS.includes(name))
          : extensions,
        limits: Object.fromEntries(TOLD.map((limit) => [limit, limits[limit]])),
      })),
    ],
  ]);
}

/** A schema of our own: what throws is refused. */
export function schema<T>(read: (value: unknown) => T): StandardSchema<unknown, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "landline",
      validate: (value) => {
        try {
          return { value: read(value) };
        } catch (error) {
          return { issues: [{ message: (error as Error).message }] };
        }
      },
    },
  };
}
