/**
 * Refuses methods whose schemas ask for what JSON cannot carry.
 *
 * @module
 */

import type { StandardSchema } from "../schema/standard_schema.ts";
import { untravelled } from "../schema/untravelled.ts";
import type { AnyMethod } from "./api.ts";

/**
 * Refuses a method that would refuse every call, or whose every result would be refused.
 *
 * @throws {TypeError} which says what cannot travel, and where
 */
export function refuseUntravelled(name: string, { schema, options }: AnyMethod): void {
  const { items, result, errors = {} } = options;
  const parts: [string, StandardSchema | undefined, "input" | "output"][] = [
    ["takes", schema, "input"],
    ["takes as items", items, "input"],
    ["returns", result, "output"],
    ...Object.entries(errors).map(([name, schema]): [string, StandardSchema, "output"] => [
      `throws with ${name}`,
      schema,
      "output",
    ]),
  ];
  for (const [does, schema, direction] of parts) {
    if (schema === undefined) continue;
    const found = untravelled(schema, direction);
    if (found === undefined) continue;
    const { what, at, instead = "what JSON has, and make it of that" } = found;
    const place = at === "" ? "" : ` at ${at.startsWith(".") ? at.slice(1) : at}`;
    throw new TypeError(
      `Cannot use the API: ${name} ${does} ${what}${place}, which JSON cannot carry` +
        (direction === "input" ? `: use ${instead}` : ""),
    );
  }
}
