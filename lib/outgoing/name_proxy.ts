/**
 * Functions for every name, at any depth: `call.math.add(value, options)` invokes `math.add`.
 *
 * @module
 */

/** What a function of the proxy does. */
export type Invoke = (name: string, value: unknown, options: unknown) => unknown;

/** An object that has a function for every name; each is made once. */
export function nameProxy(invoke: Invoke, prefix = ""): unknown {
  const known = new Map<string, unknown>();
  const name = prefix.slice(0, -1);
  const target = prefix === ""
    ? Object.create(null)
    : (value: unknown, options: unknown) => invoke(name, value, options);
  return new Proxy(target, {
    get(_, key) {
      // A promise looks for `then`, JSON.stringify for `toJSON`: neither means to call the peer.
      if (key === "then" || key === "toJSON") return undefined;
      // Asked for before toString, which would be a method of the peer.
      if (key === Symbol.toPrimitive) return () => name === "" ? "[Stub]" : `[Stub: ${name}]`;
      if (typeof key === "symbol") return undefined;
      let member = known.get(key);
      if (member === undefined) known.set(key, member = nameProxy(invoke, `${prefix}${key}.`));
      return member;
    },
  });
}
