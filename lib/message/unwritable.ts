/**
 * What JSON.stringify would write as something else, or leave out where it counts: it writes a `Map` as
 * `{}`, and `NaN` as `null`. Such a value is refused; it must not arrive as another one.
 *
 * A member that is undefined, a function or a symbol is left out, as always: its type at the other end
 * says so too.
 *
 * @module
 */

/** What is sent instead. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["bigint", "String(it)"],
  ["Map", "Object.fromEntries(it) or [...it]"],
  ["Set", "[...it]"],
  ["Promise", "what it resolves to"],
  ["ArrayBuffer", "new Uint8Array(it)"],
]);

/**
 * Looks at a whole value.
 *
 * @throws {TypeError} for the first thing that cannot travel, with the place at which it stands
 */
export function refuseUnwritable(value: unknown): void {
  const why = reasonAgainst(value);
  if (why === undefined) return;
  const { place, what, article = `a ${what}` } = why, instead = INSTEAD.get(what);
  const at = place === "" ? "" : ` at ${place.startsWith(".") ? place.slice(1) : place}`;
  throw new TypeError(
    `${article}${at} cannot travel as JSON` + (instead === undefined ? "" : `: send ${instead}`),
  );
}

function reasonAgainst(value: unknown): Unwritable | undefined {
  try {
    return isPlain(value) ? undefined : unwritable(value, "", true);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // of the author's own code
    const what = "a value that contains itself or nests too deeply";
    return { place: "", what, article: what };
  }
}

/** Whether a value is nothing but JSON, quickly: many are looked at because they hold a null. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isPlainPrimitive(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item === "object" ? item !== null && !isPlain(item) : !isPlainPrimitive(item)) {
        return false;
      }
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (
      typeof member === "object" ? member !== null && !isPlain(member) : !isPlainPrimitive(member)
    ) return false;
  }
  return true;
}

/** A function is not: it may be a toJSON. */
function isPlainPrimitive(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || value === undefined ||
    value === null || typeof value === "number" && Number.isFinite(value);
}

interface Unwritable {
  readonly place: string;
  readonly what: string;
  readonly article?: string;
}

/** @param counts whether it is written as null if it is a function: it stands in an array, or alone */
function unwritable(value: unknown, place: string, counts: boolean): Unwritable | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value)
        ? undefined
        : { place, what: String(value), article: String(value) };
    case "bigint":
      return hasToJson(value) ? undefined : { place, what: "bigint" };
    case "function":
    case "symbol":
      return counts ? { place, what: typeof value } : undefined;
    case "object":
      return value === null ? undefined : unwritableObject(value, place);
    default:
      return undefined;
  }
}

function unwritableObject(
  value: object,
  place: string,
  isConverted = false,
): Unwritable | undefined {
  if (value instanceof Uint8Array) return undefined;
  if (!isConverted && hasToJson(value)) {
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      return { place, what: "Date", article: "an invalid Date" };
    }
    const json = value.toJSON(place.slice(place.lastIndexOf(".") + 1));
    return json !== null && typeof json === "object"
      ? unwritableObject(json, place, true)
      : unwritable(json, place, true);
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const why = unwritable(value[i], `${place}[${i}]`, true);
      if (why !== undefined) return why;
    }
    return undefined;
  }
  const keys = Object.keys(value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    // A class of the author's own is written by its members; one of the language has none.
    const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
    const isHollow = keys.length === 0 && !WRITTEN.has(tag);
    if (isHollow || tag === "Error" || ArrayBuffer.isView(value)) {
      return { place, what: tag, article: `${"AEIO".includes(tag[0]!) ? "an" : "a"} ${tag}` };
    }
  }
  for (const key of keys) {
    const why = unwritable((value as Record<string, unknown>)[key], `${place}.${key}`, false);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Objects without members of their own that JSON.stringify writes as they are. */
const WRITTEN: ReadonlySet<string> = new Set(["Object", "String", "Number", "Boolean"]);

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}
