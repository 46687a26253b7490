/**
 * JSON of which nothing is known: a server, a user or an older page has written it.
 *
 * @module
 */

/** The members of an object, by name. */
export type Members = Readonly<Record<string, unknown>>;

/** The value of a JSON text; undefined if it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether it is an object as JSON has it. */
export function isRecord(value: unknown): value is Members {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The members of an object or array; none if it is neither. */
export function recordOf(value: unknown): Members {
  return value !== null && typeof value === "object" ? value as Members : {};
}

/** The index of a value among others, compared as JSON; -1 if it is not there. */
export function indexIn(values: readonly unknown[], value: unknown): number {
  const isSimple = value === null || typeof value !== "object";
  const text = isSimple ? "" : JSON.stringify(value);
  return values.findIndex((it) => isSimple ? it === value : JSON.stringify(it) === text);
}
