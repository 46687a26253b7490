/**
 * Bytes among JSON: a `Uint8Array` travels as a marker, `{"$base64":"AQID"}`, wherever it stands in a
 * value, and nothing is guessed. What a marker means is decided in two ways:
 *
 * - Params, and the items of a caller: the schema says. {@linkcode decodeAt} makes bytes of those
 *   markers that it refuses as they came, and dates of texts that it refuses.
 * - Results, and the items of a handler: the peer says, in `rpc.serverInfo`. One that marks also escapes
 *   what only looks like a marker, by another `$`, so that {@linkcode decodeExactly} gives the very
 *   value that {@linkcode encodeExactly} was given.
 *
 * It knows nothing of messages and of schemas.
 *
 * @module
 */

import type { ParamsIssue } from "../error.ts";
import { fromBase64, toBase64 } from "../runtime.ts";
import { dateOf } from "./date_text.ts";
import { Argument } from "./encode.ts";
import { refuseUnwritable } from "./unwritable.ts";

const NAME = "$base64";

type Members = Record<string, unknown>;

// ---- Values to text --------------------------------------------------------------------------

/** The JSON text of a value in which bytes are marked; undefined where JSON has none. */
export function encodeValue(value: unknown): string | undefined {
  return encode(value, false);
}

/** As {@linkcode encodeValue}, for a value that is to travel as params. Bytes alone are no plain object. */
export function encodeArgument(value: unknown): Argument | undefined {
  const text = encode(value, false);
  if (text === undefined) return undefined;
  return new Argument(text, text.startsWith("{") && !(value instanceof Uint8Array));
}

/** As {@linkcode encodeValue}, and what only looks like a marker is escaped. */
export function encodeExactly(value: unknown): string | undefined {
  return encode(value, true);
}

/** The value as JSON.stringify shall see it: itself, or a copy with markers in it. */
export function withMarkers(value: unknown): unknown {
  return mark(value, "", false);
}

function encode(value: unknown, exactly: boolean): string | undefined {
  if (value === null || typeof value !== "object") {
    if (typeof value !== "string" && !Number.isFinite(value)) refuseUnwritable(value);
    return JSON.stringify(value);
  }
  const looks = look(value, MAX_LOOKS);
  // JSON.stringify writes bytes number by number, in two hundred times the time that base64 takes.
  if (looks === FOUND) {
    refuseUnwritable(value);
    return JSON.stringify(mark(value, "", exactly));
  }
  const text = written(value);
  if (text === undefined) return undefined;
  const hasNoBytes = looks > 0 || !mayHoldBytes(text);
  // What is no JSON is written as {} or null.
  if (looks <= 0 && (!hasNoBytes || text.includes("null"))) refuseUnwritable(value);
  if (hasNoBytes && !(exactly && mayHoldMarkers(text))) return text;
  const marked = mark(value, "", exactly);
  return marked === value ? text : JSON.stringify(marked);
}

function written(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Says where a bigint stands. What refers to itself, JSON.stringify describes well enough.
    if (String(error).includes("BigInt")) refuseUnwritable(value);
    throw error;
  }
}

/** Whether a text of JSON.stringify may hold bytes: written by their indices, empty, or Node's. */
function mayHoldBytes(text: string): boolean {
  return text.includes('{"0":') || text.includes("{}") || text.includes('{"type":"Buffer"');
}

/** Whether a JSON text may hold markers, or what is escaped: their names are written as they are. */
export function mayHoldMarkers(text: string): boolean {
  return text.includes('$base64"');
}

/** Members that are looked at before a value is written: most values have no more, or bytes among these. */
const MAX_LOOKS = 16;
const FOUND = -1;

/**
 * How many looks are left when all of this value was seen, and is JSON but for members that are left out;
 * or 0, or that bytes were found.
 */
function look(value: object, looks: number): number {
  if (value instanceof Uint8Array) return FOUND;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && looks > 0; i++) looks = lookAt(value[i], looks - 1);
  } else {
    if (Object.getPrototypeOf(value) !== Object.prototype) return 0;
    for (const key in value) {
      if (looks <= 0) break;
      looks = lookAt((value as Members)[key], looks - 1);
    }
  }
  return looks;
}

function lookAt(member: unknown, looks: number): number {
  switch (typeof member) {
    case "object":
      return member === null ? looks : look(member, looks);
    case "number":
      return Number.isFinite(member) ? looks : 0;
    case "string":
    case "boolean":
    case "undefined":
      return looks;
    default:
      return 0; // a function could be a toJSON
  }
}

function mark(value: unknown, key: string | number, exactly: boolean): unknown {
  if (typeof value === "function") return undefined; // it could be a toJSON, and called once more
  if (value === null || typeof value !== "object") return value;
  const json = isBytes(value) || !hasToJson(value) ? value : value.toJSON(String(key));
  if (isBytes(json)) return { [NAME]: toBase64(json) };
  if (json === null || typeof json !== "object" || ArrayBuffer.isView(json)) return value;
  const marked = changed(json, (member, key) => mark(member, key, exactly));
  const name = exactly ? markerName(marked) : undefined;
  if (name !== undefined) return { ["$" + name]: (marked as Members)[name] };
  return marked === json ? value : marked;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

// ---- Values that came ------------------------------------------------------------------------

/**
 * The value that {@linkcode encodeExactly} was given, out of what JSON.parse made of its text.
 *
 * @throws {SyntaxError} for a marker that holds no base64
 */
export function decodeExactly(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  const name = markerName(value);
  if (name === undefined) return changed(value, decodeExactly);
  const text = (value as Record<string, string>)[name]!;
  return name === NAME ? fromBase64(text) : { [name.slice(1)]: text };
}

/** What {@linkcode decodeAt} makes of a value. */
export interface Decoded {
  /** A copy with bytes and dates in it; the value itself if nothing at these places stands for any. */
  readonly value: unknown;
  /** The markers that hold no base64: they stay as they came. */
  readonly wrong: readonly ParamsIssue[];
}

/** A place in a value, as a schema tells it. */
interface Place {
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Markers without base64 after which no more are decoded: their value is refused. */
const MAX_WRONG = 100;

/** Makes bytes of the markers, and dates of their texts, at and below these places. Never throws. */
export function decodeAt(value: unknown, refused: readonly Place[]): Decoded {
  const wrong: ParamsIssue[] = [];
  if (!holdsCoded(value)) return { value, wrong };
  // Kept, because as many issues as an object has members may pass by it.
  const known = new Map<object, boolean>();
  const isMarker = (value: object): boolean => {
    const found = known.get(value) ?? markerName(value) === NAME;
    known.set(value, found);
    return found;
  };
  // A text is found by what it stands in: the same text may stand elsewhere.
  const places = new Set<unknown>(), texts = new Map<unknown, Set<PropertyKey>>();
  for (const { path = [] } of refused) {
    let holder: unknown, last: PropertyKey = "", place = value;
    for (const part of path) {
      const key = typeof part === "object" ? part.key : part;
      if (place === null || typeof place !== "object" || isMarker(place)) break;
      holder = place;
      last = key;
      place = Object.hasOwn(place, key) ? (place as Record<PropertyKey, unknown>)[key] : undefined;
    }
    if (typeof place === "object") places.add(place);
    else if (holder === undefined) texts.set(undefined, new Set([""]));
    else {
      const keys = texts.get(holder) ?? new Set();
      texts.set(holder, keys.add(String(last)));
    }
  }
  const path: (string | number)[] = [];
  const decode = (value: unknown, isWithin: boolean): unknown => {
    if (typeof value === "string") return isWithin ? dateOf(value) ?? value : value;
    if (value === null || typeof value !== "object") return value;
    isWithin ||= places.has(value);
    if (isWithin && isMarker(value)) return bytesOf(value);
    const inside = texts.get(value);
    let copy: Members | undefined;
    for (const key of Object.keys(value)) {
      const member = (value as Members)[key];
      path.push(Array.isArray(value) ? Number(key) : key);
      const decoded = decode(member, isWithin || (inside?.has(key) ?? false));
      path.pop();
      if (decoded === member) continue;
      copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Members;
      copy[key] = decoded; // an own member by now, whatever its name
    }
    return copy ?? value;
  };
  const bytesOf = (marker: object): unknown => {
    if (wrong.length === MAX_WRONG) return marker;
    try {
      return fromBase64((marker as Record<string, string>)[NAME]!);
    } catch (error) {
      const message = `${NAME} holds no base64: ${(error as Error).message}`;
      wrong.push({ path: [...path], message });
      return marker;
    }
  };
  return { value: decode(value, texts.has(undefined)), wrong };
}

/** Whether there is a marker, or the text of a date, anywhere in this value. */
function holdsCoded(value: unknown): boolean {
  if (typeof value === "string") return dateOf(value) !== undefined;
  if (value === null || typeof value !== "object") return false;
  return markerName(value) === NAME || Object.values(value).some(holdsCoded);
}

/** The name of the only member, where it is that of a marker or of what is escaped, and holds text. */
function markerName(value: object): string | undefined {
  if (Array.isArray(value)) return undefined;
  const names = Object.keys(value), [name = ""] = names;
  const isMarker = names.length === 1 && name.endsWith(NAME) && /^\$+base64$/.test(name) &&
    typeof (value as Members)[name] === "string";
  return isMarker ? name : undefined;
}

/** A copy with the members that were changed; the object itself where none was. Only objects are. */
function changed(
  object: object,
  change: (member: unknown, key: string | number) => unknown,
): object {
  let copy: Members | undefined;
  const look = (key: string | number) => {
    const member = (object as Members)[key];
    if (member === null || typeof member !== "object" && typeof member !== "function") return;
    const other = change(member, key);
    if (other === member) return;
    copy ??= (Array.isArray(object) ? [...object] : { ...object }) as Members;
    copy[key] = other; // an own member by now, whatever its name
  };
  if (Array.isArray(object)) { for (let i = 0; i < object.length; i++) look(i); }
  else for (const key of Object.keys(object)) look(key);
  return copy ?? object;
}
