/**
 * The methods that are measured, written as a user writes them.
 *
 * @module
 */

import * as z from "npm:zod@4";
import { method, stream } from "../lib/mod.ts";

/** `add {a, b}` gives the sum, `echo {data}` gives the text back, `count` so many numbers. */
export const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  echo: method(z.object({ data: z.string() }), ({ data }) => data),
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
};
