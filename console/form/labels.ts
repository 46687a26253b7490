/**
 * What alternatives are called, so that a person can tell them apart.
 *
 * @module
 */

import { isRecord } from "../json.ts";
import type { Field, Part, Schemas } from "../schema.ts";

/** A label for each; no two are the same. */
export function labelsOf(options: readonly Part[], schemas: Schemas): string[] {
  const labels = options.map((option) => labelOf(option, schemas.fieldOf(option), schemas));
  return labels.map((label, at) =>
    labels.indexOf(label) === labels.lastIndexOf(label) ? label : `${label} (${at + 1})`
  );
}

function labelOf({ schema }: Part, field: Field, schemas: Schemas): string {
  if (field.title !== undefined && field.title !== "") return field.title;
  const ref = isRecord(schema) && typeof schema.$ref === "string"
    ? schema.$ref.split("/").at(-1)!
    : "";
  switch (field.kind) {
    case "text":
    case "number":
      return field.hint;
    case "enum":
      return field.values.length === 1
        ? JSON.stringify(field.values[0])
        : isBoolean(field.values)
        ? "true or false"
        : `one of ${field.values.length}`;
    case "object": {
      // The member that tells it from the others, if there is one.
      for (const { name, part, isRequired } of field.members.slice(0, 50)) {
        const member = isRequired ? schemas.fieldOf(part) : undefined;
        if (member?.kind === "enum" && member.values.length === 1) {
          return `${name}: ${JSON.stringify(member.values[0])}`;
        }
      }
      if (ref !== "") return ref;
      const names = field.members.slice(0, 3).map(({ name }) => name).join(", ");
      return names === "" ? "object" : `object with ${names}`;
    }
    case "json":
      return ref === "" ? "any JSON" : ref;
    default:
      return ref === "" ? field.kind : ref;
  }
}

function isBoolean(values: readonly unknown[]): boolean {
  return values.length === 2 && values[0] === true && values[1] === false;
}
