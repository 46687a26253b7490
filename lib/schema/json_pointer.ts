/**
 * JSON Pointers as they stand in the fragment of a reference. Source: RFC 6901, section 6.
 *
 * @module
 */

/** What a pointer leads to from here, undefined if nothing is there. @param pointer such as `/a/b~1c` */
export function valueAt(root: unknown, pointer: string): unknown {
  let found = root;
  for (const step of decodeURIComponent(pointer).split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (found === null || typeof found !== "object" || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

/** A name as one step of a pointer. */
export function stepOf(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}
