/**
 * The answer of a stream: what its handler returned goes to the caller item by item, as far as the caller
 * takes them, or in one array if it did not ask for a stream.
 *
 * @module
 */

import { invalidParams, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { encodeExactly } from "../message/base64.ts";
import { progress, streamItems } from "../message/control.ts";
import { idBefore } from "../stream/event.ts";
import { iteratorOf } from "../stream/receiver.ts";
import { type SendItems, StreamSender } from "../stream/sender.ts";
import type { RequestContext } from "./request_context.ts";

/** Items that are collected between two looks at the clock. */
const LOOK = 8;

type Items = Iterator<unknown> | AsyncIterator<unknown>;

/**
 * Sends what a stream's handler returned: item by item if the caller gave credit, as partial results if it
 * asked for those, else in one array.
 *
 * @returns the result of the request
 * @throws {RpcError} `INVALID_PARAMS` for a `_meta.stream` that makes no sense, `RESOURCE_EXHAUSTED` for too
 * many items
 */
export async function streamAnswer(
  source: unknown,
  request: RequestContext,
  limits: Pick<Limits, "maxCollectedItems" | "maxResponseBytes">,
): Promise<unknown> {
  const items = iteratorOf(source), { message, meta } = request;
  const { stream } = meta as { stream?: { credit?: unknown; bytes?: unknown; after?: unknown } };
  if (stream !== undefined) {
    const { credit, bytes, after } = stream ?? {};
    if (!Number.isSafeInteger(credit) || (credit as number) < 0) {
      throw refusedMember("credit", "must be an integer from 0");
    }
    if (bytes !== undefined && !(Number.isSafeInteger(bytes) && (bytes as number) > 0)) {
      throw refusedMember("bytes", "must be an integer from 1");
    }
    if (after !== undefined && typeof after !== "string") {
      throw refusedMember("after", "must be the id of an event, a string");
    }
    return await pump(
      after === undefined ? items : lookedAt(items, request),
      request,
      limits,
      credit as number,
      (texts, ids) => {
        if (message.kind !== "request") return;
        request.noteItems(texts.length, 0);
        const last = ids?.findLast((id) => id !== null) ?? undefined;
        request.tell(streamItems(message.id, texts, ids), last);
      },
      bytes as number | undefined,
      after ?? idBefore(source),
    );
  }
  const { partialResultToken } = { ...message.params, ...meta } as { partialResultToken?: unknown };
  if (partialResultToken !== undefined) {
    return await pump(items, request, limits, Infinity, (texts) => {
      request.noteItems(texts.length, 0);
      for (const text of texts) request.tell(progress(partialResultToken, text));
    });
  }
  return await collect(items, request, limits);
}

function pump(
  items: Items,
  request: RequestContext,
  { maxResponseBytes }: Pick<Limits, "maxResponseBytes">,
  credit: number,
  send: SendItems,
  bytes?: number,
  after?: string,
): Promise<unknown> {
  const limit = { name: "maxResponseBytes", bytes: maxResponseBytes } as const;
  const sender = new StreamSender(credit, send, request.caller, limit, encodeExactly, after);
  if (bytes !== undefined) sender.grant(0, bytes);
  request.sender = sender;
  return sender.pump(items);
}

async function collect(
  items: Items,
  request: RequestContext,
  { maxCollectedItems }: Pick<Limits, "maxCollectedItems">,
): Promise<unknown[]> {
  const all: unknown[] = [];
  for (;;) {
    const pause = all.length % LOOK === 0 ? request.caller.pause() : undefined;
    if (pause !== undefined) await pause;
    const next = await items.next();
    if (next.done) {
      request.noteItems(all.length, 0);
      return all;
    }
    all.push(next.value);
    if (all.length <= maxCollectedItems && !request.isAnswered) continue;
    await items.return?.();
    throw new RpcError(
      "RESOURCE_EXHAUSTED",
      "The stream has too many items for one answer: ask for a stream with _meta.stream.credit",
      { limit: "maxCollectedItems" },
    );
  }
}

/** The items of a handler that must have looked where its caller asks to go on, by its first. */
function lookedAt(items: Items, request: RequestContext): AsyncIterator<unknown> {
  let isFirst = true;
  return {
    async next() {
      const next = await items.next();
      if (isFirst && !request.hasLooked) {
        if (!next.done) await items.return?.();
        throw new RpcError("DATA_LOSS", "This stream cannot be resumed");
      }
      isFirst = false;
      return next;
    },
    async return(value) {
      await items.return?.();
      return { done: true, value };
    },
  };
}

function refusedMember(member: string, message: string): RpcError {
  return invalidParams([{ path: ["_meta", "stream", member], message }]);
}
