/**
 * What is served in the chaos: calls that must not run twice, each written down before it is answered, in
 * a file that outlives a process that is killed.
 *
 * @module
 */

import { method } from "../../lib/mod.ts";
import * as z from "npm:zod@4";

/** Where the runs of one chaos are written down; it is the parent of all of its servers. */
export function ledgerOf(pid: number): string {
  return `/tmp/landline-chaos-${pid}.log`;
}

let ledger: Deno.FsFile | undefined;

/** What is served. */
export const api = {
  /** Must run at most once for each key. */
  once: method(z.string(), (key) => {
    ledger ??= Deno.openSync(ledgerOf(Deno.ppid), { append: true, create: true });
    ledger.writeSync(new TextEncoder().encode(key + "\n"));
    return key;
  }),
  /** The same, with an answer that comes later and is larger. */
  later: method(z.object({ key: z.string(), ms: z.int() }), async ({ key, ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return key + "x".repeat(ms * 10);
  }),
};
