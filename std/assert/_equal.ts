// Deep structural equality. Not node:util's isDeepStrictEqual, which tells 0 from -0 and `{}` from an
// object without a prototype, and takes two different URLs for equal: @std/assert does neither.

type Keyed = Set<unknown> | Map<unknown, unknown>;

const TypedArray: typeof Uint8Array = Object.getPrototypeOf(Uint8Array);

/** Classes whose instances are equal when they read the same. */
const TEXTUAL: ReadonlySet<unknown> = new Set(
  [RegExp, URL, URLSearchParams, Intl.Locale].map((constructor) => constructor.prototype),
);

/** Says whether two values have the same structure; a cycle is equal to a cycle of the same shape. */
export function equal(actual: unknown, expected: unknown): boolean {
  const open = new Map<unknown, unknown>();

  function same(a: unknown, b: unknown): boolean {
    if (a === b || Object.is(a, b)) return true;
    if (
      typeof a !== "object" || typeof b !== "object" || a === null || b === null
    ) return false;
    if (a instanceof Date && b instanceof Date) {
      return Object.is(a.getTime(), b.getTime());
    }
    if (prototypeOf(a) !== prototypeOf(b)) return false;
    if (a instanceof TypedArray) return sameElements(a, b as Uint8Array);
    if (a instanceof ArrayBuffer || a instanceof SharedArrayBuffer) {
      return sameElements(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
    }
    if (a instanceof WeakMap || a instanceof WeakSet) {
      throw new TypeError(`Cannot compare ${a[Symbol.toStringTag]} instances`);
    }
    if (a instanceof WeakRef) {
      return same(a.deref(), (b as WeakRef<WeakKey>).deref());
    }
    if (TEXTUAL.has(Object.getPrototypeOf(a))) return String(a) === String(b);

    if (open.get(a) === b) return true;
    open.set(a, b);
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    if (a instanceof Set || a instanceof Map) return sameEntries(a, b as Keyed);
    return keysOf(a, b).every((key) => key in a === key in b && same(at(a, key), at(b, key)));
  }

  function sameEntries(a: Keyed, b: Keyed): boolean {
    if (a.size !== b.size) return false;
    const others = [...b.entries()];
    return [...a.entries()].every(([key, value]) => {
      // A key that is itself in the other collection needs no search; a key may also be an object
      // that is only deeply equal to one over there.
      if (b.has(key)) {
        return a instanceof Set ||
          same(value, (b as Map<unknown, unknown>).get(key));
      }
      if (typeof key !== "object") return false;
      return others.some((other) => same(key, other[0]) && same(value, other[1]));
    });
  }

  return same(actual, expected);
}

/** An object made without a prototype counts as a plain one. */
function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function sameElements(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length &&
    a.every((element, i) => element === b[i] || Object.is(element, b[i]));
}

/**
 * The keys to compare: of plain objects and arrays their own enumerable ones, of class instances also
 * what is not enumerable or inherited, so that a getter counts.
 */
function keysOf(a: object, b: object): PropertyKey[] {
  const prototype = prototypeOf(a);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys({ ...a, ...b });
  }
  const keys = new Set<PropertyKey>();
  for (const start of [a, b]) {
    for (
      let level: object | null = start;
      level && level !== Object.prototype && level !== Array.prototype;
      level = Object.getPrototypeOf(level)
    ) {
      for (const key of Reflect.ownKeys(level)) keys.add(key);
    }
  }
  return [...keys];
}

function at(value: object, key: PropertyKey): unknown {
  return (value as Record<PropertyKey, unknown>)[key];
}
