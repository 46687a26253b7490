/**
 * What the command line says besides a call: `--meta NAME=VALUE`, which travels beside its params, and
 * `--answer METHOD=JSON`, which answers what the server calls meanwhile.
 *
 * @module
 */

import type { Api, StandardSchema } from "../../lib/client.ts";
import { method } from "../../lib/api/method.ts";
import { printable, quoted } from "../text/printable.ts";
import type { Given } from "./args.ts";
import { pairOf, parseParams, tryJson } from "./params.ts";

/**
 * The metadata of calls; undefined if there is none.
 *
 * @throws {TypeError} for what is no pair; the message is one line
 */
export function callMeta({ lists }: Given): Readonly<Record<string, unknown>> | undefined {
  const words = lists.get("meta");
  if (words === undefined) return undefined;
  const bad = words.find((word) => pairOf(word) === undefined);
  if (bad === undefined) return parseParams(words) as Readonly<Record<string, unknown>>;
  throw new TypeError(`Cannot read --meta: it needs NAME=VALUE, it is ${quoted(bad)}`);
}

/** Takes whatever comes. */
const ANYTHING: StandardSchema<unknown, unknown> = {
  "~standard": { version: 1, vendor: "landline", validate: (value) => ({ value }) },
};

/**
 * What the server may call; each call is told on standard error.
 *
 * @throws {TypeError} for what is no answer; the message is one line
 */
export function answers({ lists }: Given): Api | undefined {
  const words = lists.get("answer");
  if (words === undefined) return undefined;
  const api: Record<string, unknown> = {};
  for (const word of words) {
    const pair = pairOf(word), json = pair && tryJson(pair.value);
    if (pair === undefined || json === undefined) {
      throw new TypeError(`Cannot read --answer: it needs METHOD=JSON, it is ${quoted(word)}`);
    }
    const names = pair.name.split("."), last = names.pop()!;
    const within = names.reduce<Record<string, unknown>>(
      (at, name) => (at[name] ??= {}) as Record<string, unknown>,
      api,
    );
    within[last] = method(ANYTHING, (params) => {
      const said = params === undefined ? "" : " " + printable(JSON.stringify(params));
      console.error(`the server calls ${printable(pair.name)}${said}`);
      return json.value;
    });
  }
  return api as Api;
}
