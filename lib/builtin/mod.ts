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
import { type Introduced, introduction, schema } from "./introduction.ts";

/** What a peer says of itself. */
export interface About extends Introduced {
  /** How its services are. */
  readonly health: Health;
}

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
    ...introduction({ name, version }, limits, EXTENSIONS),
    [RPC.discover, method(() => description ??= describe())],
    [RPC.health, method(schema(toService), ({ service }) => health.check(service))],
    [
      RPC.healthWatch,
      stream(schema(toService), ({ service }, { signal }) => health.watch(service, signal)),
    ],
    [
      RPC.authenticate,
      method(schema(toCredentials), async (credentials, context) => {
        await requestOf(context).caller.identity.authenticate!(credentials);
      }),
    ],
  ]);
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
