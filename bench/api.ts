/**
 * The two methods that are measured, written as a user writes them.
 *
 * @module
 */

import * as z from "zod";
import { method } from "../lib/mod.ts";

/** `add {a, b}` gives the sum, `echo {data}` gives the text back. */
export const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  echo: method(z.object({ data: z.string() }), ({ data }) => data),
};
