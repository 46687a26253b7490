/**
 * A notification to a method that is known by its name only.
 *
 * @module
 */

import { type Line, RpcError } from "../../lib/client.ts";

/**
 * Sends a notification by its name.
 *
 * @throws {RpcError} for `then`: a line must not look like a promise, so that it has no such member
 */
export function sendNotification(line: Line, method: string, params: unknown): void {
  const notify = line.notify as unknown as Record<string, (params: unknown) => void>;
  const send = notify[method];
  if (send === undefined) {
    throw new RpcError("UNIMPLEMENTED", `Cannot send a notification named ${method}`);
  }
  send(params);
}
