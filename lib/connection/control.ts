/**
 * Control messages: notifications that are about calls and the connection, under names that begin with
 * `$/`. LSP's rule: who does not know one ignores it.
 *
 * @module
 */

import type { Calls } from "../outgoing/calls.ts";
import { RpcError } from "../error.ts";
import type { Notification } from "../message/message.ts";
import type { Requests } from "../incoming/requests.ts";

type Params = Readonly<Record<string, unknown>>;

/** What control messages are about. */
export interface Controlled {
  /** Our calls. */
  readonly calls: Calls;
  /** The peer's. */
  readonly requests: Requests;
  /** The peer takes no new calls; those that run may go on for so many milliseconds. */
  onGoAway(graceMs: number | undefined): void;
}

/** Does what a control message says. */
export function control(notification: Notification, connection: Controlled): void {
  const { calls, requests } = connection;
  const params = (notification.params ?? {}) as Params;
  switch (notification.method) {
    case "$/cancelRequest": // {"id":7}
      requests.get(params.id)?.stop(new RpcError("CANCELLED", "The call was cancelled"));
      break;
    case "$/progress": // {"token":7,"value":…}: our tokens are our ids
      calls.progress(params.token, params.value);
      break;
    case "$/stream/item": { // {"id":7,"value":…} or "values":[…], "eventId":…, "dir":"up"
      const values = Array.isArray(params.values) ? params.values : [params.value];
      const { isMarked } = notification;
      const taken = params.dir === "up"
        ? requests.get(params.id)?.receive(values)
        : calls.receive(params.id, values, isMarked, eventIdsIn(params));
      if (taken !== false) break;
      const error = new RpcError("RESOURCE_EXHAUSTED", "More items came than there was credit for");
      if (params.dir === "up") requests.get(params.id)?.stop(error);
      else calls.abandon(params.id, error);
      break;
    }
    case "$/stream/credit": { // {"id":7,"n":16}, "dir":"up"
      const { n } = params;
      if (!Number.isSafeInteger(n) || (n as number) < 0) break;
      if (params.dir === "up") calls.credit(params.id, n as number);
      else requests.get(params.id)?.grant(n as number);
      break;
    }
    case "$/stream/end": // {"id":7,"dir":"up"}
      if (params.dir === "up") requests.get(params.id)?.receiveEnd();
      break;
    case "$/goaway": // {"reason":"shutdown","graceMs":10000}
      connection.onGoAway(
        Number.isSafeInteger(params.graceMs) ? params.graceMs as number : undefined,
      );
      break;
  }
}

/** The ids of the items in a message, an id or null for each; undefined where none has one. */
function eventIdsIn(
  { eventId, eventIds = eventId && [eventId] }: Params,
): (string | null)[] | undefined {
  if (!Array.isArray(eventIds)) return undefined;
  return eventIds.map((id) => typeof id === "string" && id !== "" ? id : null);
}
