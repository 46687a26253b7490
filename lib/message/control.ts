/**
 * The names that peers have in common, beside those of an API: methods under `rpc.`, which JSON-RPC
 * reserves, and control messages under `$/`, which LSP ignores when it does not know them. All of them,
 * in both directions, with what they carry; PROTOCOL.md has the same.
 *
 * @module
 */

import { encodeNotification } from "./encode.ts";
import type { Notification } from "./message.ts";

/** The methods that every peer has. */
export const RPC = {
  /** Whatever came, as it came. */
  ping: "rpc.ping",
  /** What the peer is, and what it understands. */
  serverInfo: "rpc.serverInfo",
  /** Its API, as OpenRPC. */
  discover: "rpc.discover",
  /** How a service is. */
  health: "rpc.health",
  /** The same whenever it changes: a stream. */
  healthWatch: "rpc.health.watch",
  /** Shows credentials: the only method that an unauthenticated peer may call. */
  authenticate: "rpc.authenticate",
  /** What the server knows of itself, for its operators. */
  stats: "rpc.stats",
} as const;

/** Whether a method is one of {@linkcode RPC}, or would be. */
export function isBuiltin(method: string): boolean {
  return method.startsWith("rpc.");
}

/** Whether a notification is a control message. */
export function isControl(method: string): boolean {
  return method.startsWith("$/");
}

/** The beginning of names that an API must not use; undefined if it may use this one. */
export function reservedPrefix(name: string): string | undefined {
  if (name === "rpc" || isBuiltin(name)) return "rpc.";
  return isControl(name) ? "$/" : undefined;
}

// ---- Control messages, as they are sent ------------------------------------------------------

/** `{"id":7}`: nobody wants the answer to this call. */
export function cancelRequest(id: number): string {
  return encodeNotification("$/cancelRequest", `{"id":${id}}`);
}

/** `{"token":7,"value":…}`: how far a call is. @param value as JSON text */
export function progress(token: unknown, value: string): string {
  return encodeNotification("$/progress", `{"token":${JSON.stringify(token)},"value":${value}}`);
}

/**
 * `{"id":7,"value":…}` or `"values":[…]`, with `"eventId"` or `"eventIds"`: items of the stream that a
 * call asked for.
 *
 * @param id of the call, as JSON text
 * @param items as JSON text
 * @param eventIds if any item is an event: an id or null for each
 */
export function streamItems(
  id: string,
  items: readonly string[],
  eventIds: readonly (string | null)[] | undefined,
): string {
  const isOne = items.length === 1;
  const values = isOne ? `"value":${items[0]}` : `"values":[${items.join(",")}]`;
  const events = eventIds === undefined
    ? ""
    : isOne
    ? `,"eventId":${JSON.stringify(eventIds[0])}`
    : `,"eventIds":${JSON.stringify(eventIds)}`;
  return encodeNotification("$/stream/item", `{"id":${id},${values}${events}}`);
}

/** `{"id":7,"values":[…],"dir":"up"}`: items of the caller. @param items as JSON text */
export function streamItemsUp(id: number, items: readonly string[]): string {
  return encodeNotification(
    "$/stream/item",
    `{"id":${id},"values":[${items.join(",")}],"dir":"up"}`,
  );
}

/** `{"id":7,"n":16}`: the caller takes so many more items. */
export function streamCredit(id: number, count: number): string {
  return encodeNotification("$/stream/credit", `{"id":${id},"n":${count}}`);
}

/**
 * `{"id":7,"n":16,"dir":"up"}`: the handler takes so many more.
 *
 * @param id as JSON text
 * @param bytes of items that it takes beside those that it has granted for; said once, with the first credit
 */
export function streamCreditUp(id: string | undefined, count: number, bytes?: number): string {
  const window = bytes === undefined ? "" : `,"bytes":${bytes}`;
  return encodeNotification("$/stream/credit", `{"id":${id},"n":${count}${window},"dir":"up"}`);
}

/** `{"id":7,"dir":"up"}`: the caller has no more items. */
export function streamEndUp(id: number): string {
  return encodeNotification("$/stream/end", `{"id":${id},"dir":"up"}`);
}

/** Says nothing: to send it shows whether the peer's machine is still there. */
export function alive(): string {
  return encodeNotification("$/alive", undefined);
}

/** `{"reason":"shutdown","graceMs":10000}`: begin no more calls here; those that run may go on so long. */
export function goaway(reason: string, graceMs: number): string {
  return encodeNotification("$/goaway", JSON.stringify({ reason, graceMs }));
}

// ---- Control messages, as they are read ------------------------------------------------------

/** A control message that was read; `isUp` says that it is about the items of a caller. */
export type Control =
  | { readonly kind: "cancelRequest"; readonly id: unknown }
  | { readonly kind: "progress"; readonly token: unknown; readonly value: unknown }
  | {
    readonly kind: "items";
    readonly id: unknown;
    readonly isUp: boolean;
    readonly values: readonly unknown[];
    /** An id or null for each; undefined if none has one. */
    readonly eventIds: readonly (string | null)[] | undefined;
  }
  | {
    readonly kind: "credit";
    readonly id: unknown;
    readonly isUp: boolean;
    readonly count: number;
    /** Bytes of items that are taken on trust, where the consumer says so. */
    readonly bytes: number | undefined;
  }
  | { readonly kind: "end"; readonly id: unknown; readonly isUp: boolean }
  | { readonly kind: "goaway"; readonly graceMs: number | undefined };

/** The members that are read of any control message. */
type Members = {
  readonly [
    Name in
      | "id"
      | "dir"
      | "token"
      | "value"
      | "values"
      | "eventId"
      | "eventIds"
      | "n"
      | "bytes"
      | "graceMs"
  ]?: unknown;
};

/** What a control message says; undefined if it is not known, or says nothing that makes sense. */
export function readControl({ method, params }: Notification): Control | undefined {
  const members = (params ?? {}) as Members, { id } = members, isUp = members.dir === "up";
  switch (method) {
    case "$/cancelRequest": // {"id":7}
      return { kind: "cancelRequest", id };
    case "$/progress": // {"token":7,"value":…}: our tokens are our ids
      return { kind: "progress", token: members.token, value: members.value };
    case "$/stream/item": { // {"id":7,"value":…} or "values":[…], "eventId":…, "dir":"up"
      const values = Array.isArray(members.values) ? members.values : [members.value];
      return { kind: "items", id, isUp, values, eventIds: eventIdsIn(members) };
    }
    case "$/stream/credit": { // {"id":7,"n":16}, "dir":"up"
      const count = wholeNumber(members.n), bytes = wholeNumber(members.bytes);
      return count === undefined ? undefined : { kind: "credit", id, isUp, count, bytes };
    }
    case "$/stream/end": // {"id":7,"dir":"up"}
      return { kind: "end", id, isUp };
    case "$/goaway": { // {"reason":"shutdown","graceMs":10000}
      const { graceMs } = members;
      return {
        kind: "goaway",
        graceMs: Number.isSafeInteger(graceMs) ? graceMs as number : undefined,
      };
    }
  }
  return undefined;
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : undefined;
}

function eventIdsIn(
  { eventId, eventIds = eventId && [eventId] }: Members,
): (string | null)[] | undefined {
  if (!Array.isArray(eventIds)) return undefined;
  return eventIds.map((id) => typeof id === "string" && id !== "" ? id : null);
}
