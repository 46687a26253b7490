/**
 * The texts as which dates travel.
 *
 * @module
 */

/** UTF-16 units of the texts of dates: `2024-02-29T12:00:00Z` to nanoseconds and an offset. */
const MIN_DATE = 20;
const MAX_DATE = 40;

/**
 * RFC 3339, section 5.6, which is the `date-time` of JSON Schema, and what JSON.stringify writes for years
 * of six digits.
 */
const DATE =
  /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** The date that a text stands for; undefined if it stands for none. */
export function dateOf(text: string): Date | undefined {
  if (text.length < MIN_DATE || text.length > MAX_DATE || !DATE.test(text)) return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) || !hasDay(text) ? undefined : date;
}

/** Whether the month has this day: Date reads February 30 as March 1, or 2. */
function hasDay(text: string): boolean {
  const [date] = text.split(/[Tt]/);
  const time = new Date(`${date}T00:00:00Z`);
  return Number(date!.slice(-2)) === time.getUTCDate();
}
