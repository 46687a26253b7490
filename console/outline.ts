/**
 * What the list of methods needs of an OpenRPC document, and a short form of a value that is too large to
 * be shown. Pure: it is done where a long message arrives.
 *
 * @module
 */

import { parsed, recordOf } from "./json.ts";
import { sizeOf } from "./numbers.ts";

/** One method, with its description as text: it is read when the method is chosen. */
export interface MethodOutline {
  readonly name: string;
  readonly summary: string;
  readonly isStream: boolean;
  readonly isUp: boolean;
  readonly isNotification: boolean;
  readonly isDeprecated: boolean;
  /** The method object, as JSON text. */
  readonly text: string;
}

/** An API. */
export interface ApiOutline {
  readonly title: string;
  /** How many methods it has, if some are left out. */
  readonly outOf: number | undefined;
  readonly methods: readonly MethodOutline[];
  /** The components that the schemas refer to, as JSON text. */
  readonly components: string;
}

/** What was read of a long message. */
export interface LongMessage {
  /** The message, cut; undefined if it is no JSON. Of the one that brings the API only its id. */
  readonly message: unknown;
  /** The API, if the message is the answer that brings it. */
  readonly api: ApiOutline | undefined;
  /** Its bytes. */
  readonly size: number;
}

/** Characters of a text that a cut value keeps, entries of one object or array, and values in all. */
const MAX_TEXT = 10_000;
const MAX_ENTRIES = 1000;
const MAX_VALUES = 20_000;
const MAX_DEPTH = 64;

/** Methods of an API; the page makes nothing of more. */
const MAX_METHODS = 20_000;

/** Reads a long message. @param discover the id of the call for the API */
export function readLong(text: string, discover: unknown): LongMessage {
  const size = sizeOf(text);
  const message = parsed(text), { id, result } = recordOf(message);
  return id !== undefined && id === discover && result !== undefined
    ? { size, api: outlineOf(result), message: { id, result: null } }
    : { size, api: undefined, message: cut(message) };
}

/** The outline of an OpenRPC document, whatever stands in it. */
export function outlineOf(document: unknown): ApiOutline {
  const { info, methods, components } = recordOf(document);
  const all: readonly unknown[] = Array.isArray(methods) ? methods : [];
  return {
    title: text(recordOf(info)["title"]),
    outOf: all.length > MAX_METHODS ? all.length : undefined,
    methods: all.slice(0, MAX_METHODS).map(methodOutline),
    components: jsonOf(components ?? {}),
  };
}

function methodOutline(method: unknown): MethodOutline {
  const object = recordOf(method), stream = recordOf(object["x-stream"]);
  return {
    name: text(object["name"]),
    summary: text(object["summary"]).slice(0, 500),
    isStream: stream["down"] !== undefined,
    isUp: stream["up"] !== undefined,
    isNotification: object["x-notification"] === true,
    isDeprecated: object["deprecated"] === true,
    text: jsonOf(object),
  };
}

/** As JSON text; `{}` for what is deeper than this browser can write: not every one has a limit. */
function jsonOf(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "{}";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A value with its first entries alone, and short texts. */
export function cut(value: unknown): unknown {
  let left = MAX_VALUES;
  const walk = (value: unknown, depth: number): unknown => {
    left--;
    if (typeof value === "string") {
      return value.length <= MAX_TEXT
        ? value
        : `${value.slice(0, MAX_TEXT)}… (${value.length} characters)`;
    }
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) return "… (deeper)";
    if (Array.isArray(value)) {
      const kept: unknown[] = [];
      for (const entry of value) {
        if (kept.length >= MAX_ENTRIES || left <= 0) {
          kept.push(`… (${value.length - kept.length} more)`);
          break;
        }
        kept.push(walk(entry, depth + 1));
      }
      return kept;
    }
    const names = Object.keys(value), entries: [string, unknown][] = [];
    for (const name of names) {
      if (entries.length >= MAX_ENTRIES || left <= 0) {
        entries.push(["…", `(${names.length - entries.length} more)`]);
        break;
      }
      entries.push([name, walk((value as Record<string, unknown>)[name], depth + 1)]);
    }
    return Object.fromEntries(entries); // a member named __proto__ stays one
  };
  return walk(value, 0);
}
