/**
 * What JSON can hold, as a type.
 *
 * @module
 */

/** Any value of JSON: what the schema of zod's `z.json()` makes. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
