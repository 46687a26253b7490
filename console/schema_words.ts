/**
 * The bounds of a schema in words, as a form shows them beside a field.
 *
 * @module
 */

import type { Members } from "./json.ts";

/** What a text should be like. */
export function textHint({ format, minLength, maxLength, pattern }: Members): string {
  const parts = [
    typeof format === "string" ? format : "text",
    bounds(minLength, maxLength, "characters"),
    typeof pattern === "string" && format === undefined ? `like ${pattern}` : "",
  ];
  return parts.filter((it) => it !== "").join(", ");
}

/** What a number should be like. @param type `integer` or `number` */
export function numberHint(schema: Members, type: string): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const above = isBound(exclusiveMinimum) ? `more than ${exclusiveMinimum}` : "";
  const below = isBound(exclusiveMaximum) ? `less than ${exclusiveMaximum}` : "";
  const step = typeof multipleOf === "number" && multipleOf !== 1 ? `steps of ${multipleOf}` : "";
  return [type, bounds(minimum, maximum, ""), above, below, step].filter((it) => it !== "").join(
    ", ",
  );
}

/** Whether it is a bound that says something: every exact integer is within the largest ones. */
function isBound(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}

/**
 * How many of something there may be, or how large a number may be.
 *
 * @param of the plural of what is counted; empty for a number
 */
export function bounds(min: unknown, max: unknown, of: string): string {
  const counted = (count: number) =>
    of === "" ? `${count}` : `${count} ${count === 1 ? of.slice(0, -1) : of}`;
  const hasMin = isBound(min) && (of === "" || min > 0);
  if (hasMin && isBound(max)) {
    return min === max ? `exactly ${counted(min)}` : `${min} to ${counted(max)}`;
  }
  if (hasMin) return `at least ${counted(min)}`;
  return isBound(max) ? `at most ${counted(max)}` : "";
}
