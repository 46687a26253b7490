/**
 * Items that a stream can be resumed after.
 *
 * @module
 */

/** Tells an event across copies of the library. */
const EVENT: unique symbol = Symbol.for("@landline/event") as never;

/** An item with an id, made by {@linkcode event}. Its consumer gets the value. */
export class StreamEvent<T = unknown> {
  /** What a consumer that has seen it asks to go on after. */
  readonly id: string;
  /** The item. */
  readonly value: T;
  /** Not there when it travels. */
  readonly [EVENT] = true;

  /** See {@linkcode event}. */
  constructor(id: string, value: T) {
    if (typeof id !== "string" || id === "") {
      throw new TypeError(
        `Cannot make an event: the id must be a string that is not empty, it is ${
          JSON.stringify(id)
        }`,
      );
    }
    this.id = id;
    this.value = value;
  }

  /** The value: where a stream is collected in an array, ids are dropped. */
  toJSON(key?: string): T {
    const { value } = this as { value: { toJSON?: unknown } | null | undefined };
    if (value instanceof Uint8Array) return this.value; // Node's have a toJSON, and travel as bytes
    // JSON.stringify asks only once.
    return typeof value?.toJSON === "function" ? value.toJSON(key) : this.value;
  }
}

/**
 * An item of a stream with an id: a caller whose connection was lost asks for what comes after the
 * last id that it has seen, which the handler finds as {@linkcode Context.after}.
 *
 * @param id any text that is not empty; the caller only ever hands it back
 * @param value the item
 *
 * @example A stream that goes on where its caller was
 * ```ts
 * import { event, stream } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const api = {
 *   count: stream(function* (_, { after = "0" }) {
 *     for (let n = Number(after) + 1; n <= 5; n++) yield event(String(n), n);
 *   }),
 * };
 * await using ends = await pair(api);
 *
 * const items = ends.line.call.count(undefined, { after: "3" })[Symbol.asyncIterator]();
 * assert((await items.next()).value === 4);
 * assert(items.lastEventId === "4");
 * ```
 */
export function event<T>(id: string, value: T): StreamEvent<T> {
  return new StreamEvent(id, value);
}

/** Under this name items that can be iterated tell the id that stands before the first of them. */
const BEFORE: unique symbol = Symbol.for("@landline/before") as never;

/** Lets items that can be iterated tell after which id they begin, for a consumer that gets none of them. */
export function beginAfter<T extends object>(id: string, items: T): T {
  return Object.defineProperty(items, BEFORE, { value: id });
}

/** The id that stands before the first of these items, if they tell it. */
export function idBefore(items: unknown): string | undefined {
  return items !== null && typeof items === "object" && BEFORE in items
    ? (items as { [BEFORE]: string })[BEFORE]
    : undefined;
}

/** The id of an item that has one. */
export function eventIdOf(item: unknown): string | undefined {
  return item !== null && typeof item === "object" && EVENT in item
    ? (item as StreamEvent).id
    : undefined;
}
