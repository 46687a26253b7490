/**
 * The methods that every peer has, under the names that JSON-RPC reserves for extensions.
 *
 * @module
 */

import type { Credentials } from "../api/auth.ts";
import { requestOf } from "../incoming/request_context.ts";
import type { Health } from "./health.ts";
import type { Limits } from "../limits.ts";
import { method, stream } from "../api/method.ts";
import { RPC } from "../message/control.ts";
import type { OpenRpc } from "./openrpc.ts";
import type { AnyMethod } from "../api/api.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";

/** What a peer says of itself. */
export interface About {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** How its services are. */
  readonly health: Health;
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

/** What is understood besides JSON-RPC; `wire` names in PROTOCOL.md. */
const EXTENSIONS = [
  "meta",
  "stream",
  "resume",
  "progress",
  "discover",
  "health",
  "goaway",
  "bytes",
];

/** Of these what needs no notifications: over datagrams nothing is said unasked. */
const WITHOUT_EVENTS = EXTENSIONS.filter((name) =>
  !["stream", "resume", "progress", "goaway"].includes(name)
);

/** The built-in methods of a peer with these methods of its own. */
export function builtins(
  methods: ReadonlyMap<string, AnyMethod>,
  { name, version, health }: About,
  limits: Limits,
): Map<string, AnyMethod> {
  let description: Promise<OpenRpc> | undefined;
  const describe = async () => {
    const { describe } = await import("./openrpc.ts"); // few ask
    return describe(methods, { name, version });
  };
  return new Map<string, AnyMethod>([
    // Whatever came, as it came.
    [RPC.ping, method(schema((params) => params), (params) => params)],
    [
      RPC.serverInfo,
      method((_, { peer }) => ({
        name,
        version,
        framing: peer.framing,
        extensions: peer.transport === "udp" ? WITHOUT_EVENTS : EXTENSIONS,
        limits: Object.fromEntries(TOLD.map((limit) => [limit, limits[limit]])),
      })),
    ],
    [RPC.discover, method(() => description ??= describe())],
    [RPC.health, method(schema(toService), ({ service }) => health.check(service))],
    [
      RPC.healthWatch,
      stream(schema(toService), ({ service }, { signal }) => health.watch(service, signal)),
    ],
    [
      RPC.authenticate,
      method(schema(toCredentials), async (credentials, context) => {
        await requestOf(context).caller.identity.authenticate(credentials);
      }),
    ],
  ]);
}

/** A schema of our own: what throws is refused. */
function schema<T>(read: (value: unknown) => T): StandardSchema<unknown, T> {
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

function toService(value: unknown): { service: string } {
  const { service = "" } = (value ?? {}) as { service?: unknown };
  if (typeof service !== "string") throw new TypeError("service must be a string");
  return { service };
}

function toCredentials(value: unknown): Credentials {
  const { scheme, token } = (value ?? {}) as { scheme?: unknown; token?: unknown };
  if (scheme !== "bearer" || typeof token !== "string") {
    throw new TypeError('expected {"scheme":"bearer","token":"…"}');
  }
  return { scheme, token };
}
