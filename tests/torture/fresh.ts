/**
 * Values that are made anew for each call, and that their caller can tell from any other.
 *
 * @module
 */

/** Bytes of one part of a value. */
const PART = 1000;

/** A value of about so many bytes, in parts that say whose they are and which. */
export interface Fresh {
  readonly seed: number;
  readonly parts: readonly string[];
}

/** Makes the value of a seed. */
export function freshValue(seed: number, size: number): Fresh {
  const parts: string[] = [];
  for (let i = 0; i < Math.ceil(size / PART); i++) parts.push(part(seed, i));
  return { seed, parts };
}

/** What is wrong with a value that was to be the one of this seed and size; undefined for nothing. */
export function faultOf(value: unknown, seed: number, size: number): string | undefined {
  const { seed: is, parts } = (value ?? {}) as Partial<Fresh>;
  if (is !== seed) return `it is the value of ${is}, not of ${seed}`;
  const count = Math.ceil(size / PART);
  if (parts?.length !== count) return `${parts?.length} parts of ${count} came`;
  const at = parts.findIndex((it, i) => it !== part(seed, i));
  return at < 0 ? undefined : `part ${at} of ${seed} is ${String(parts[at]).slice(0, 40)}`;
}

function part(seed: number, index: number): string {
  return `${seed}.${index}.`.padEnd(PART, "x");
}
