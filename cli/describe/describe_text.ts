/**
 * What a server says of its methods, for people to read. All of it comes from the server, and is made
 * fit for a terminal.
 *
 * @module
 */

import {
  type Description,
  type MethodDescription,
  resolved,
  type Schema,
  shortened,
} from "./discover.ts";
import { printable } from "../text/printable.ts";
import { memberName, Room, typeOf, type TypeStyle } from "./schema_type.ts";

/** Types within types are written out, so far. */
const MAX_DEPTH = 4;

/** About how many characters the types of a signature may take, and those of the tables below it. */
const MAX_TYPES = 1 << 14;

/** A column of a table, and of the list of methods, is no wider than this. */
const MAX_WIDTH = 32;

/** All methods, a line each: their names, and what they do. */
export function listText({ methods }: Description): string {
  const names = methods.map(({ name }) => printable(name));
  const width = widthOf(names);
  return methods.map((method, index) => {
    const { summary = "", deprecated } = method;
    const text = [summary && printable(summary), deprecated ? "(deprecated)" : ""];
    return `${names[index]!.padEnd(width)}  ${text.filter(Boolean).join(" ")}`.trimEnd() + "\n";
  }).join("");
}

/** One method: how it is called, what it does, its params, its answer and its errors. */
export function methodText(method: MethodDescription, { document }: Description): string {
  const style = writtenOut(document), signatureStyle = writtenOut(document);
  const type = (schema: Schema) => typeOf(schema, style);
  const { summary, description, deprecated, params, structure, result, down, up, errors } = method;
  const parts = [
    signature(method, (schema) => typeOf(schema, signatureStyle)) + "\n",
    [summary, description, deprecated ? "Deprecated." : undefined]
      .filter((text) => text !== undefined)
      .map((text) => text.split(/\r?\n/).map((line) => `  ${printable(line)}\n`).join(""))
      .join(""),
    table(
      `Params, ${structure === "either" ? "by name or by position" : structure.replace("-", " ")}`,
      params.map(({ name, required, schema, summary }) => [
        printable(name) + (required ? "" : "?"),
        type(schema),
        printable(summary ?? descriptionOf(schema)),
      ]),
    ),
    down !== undefined
      ? table("Items", [[type(down), printable(descriptionOf(down))]])
      : result !== undefined
      ? table("Result", [[type(result), printable(descriptionOf(result))]])
      : "It never answers.\n",
    up === undefined ? "" : table("Items that the caller sends", [[type(up)]]),
    table(
      "Errors",
      errors.map(({ name, code, schema }) => [
        printable(name),
        code === undefined ? "" : String(code),
        schema === undefined ? "" : type(schema),
      ]),
    ),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** `add(a: number, b?: number): number` */
export function signatureOf(
  method: MethodDescription,
  document: Description["document"],
): string {
  const style = writtenOut(document);
  return signature(method, (schema) => typeOf(schema, style));
}

function signature(
  { name, params, result, down }: MethodDescription,
  type: (schema: Schema) => string,
): string {
  const given = params.map(({ name, required, schema }) =>
    `${memberName(name)}${required ? "" : "?"}: ${type(schema)}`
  );
  const answer = down !== undefined
    ? `: stream of ${type(down)}`
    : result === undefined
    ? ""
    : `: ${type(result)}`;
  return `${printable(name)}(${given.join(", ")})${answer}`;
}

function table(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const widths = rows[0]!.map((_, column) => widthOf(rows.map((row) => row[column]!)));
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}\n`
  );
  return `${title}:\n${lines.join("")}`;
}

/** How wide a column is that has these texts: longer ones stand out. */
function widthOf(texts: readonly string[]): number {
  return texts.reduce((width, { length }) => Math.max(width, Math.min(length, MAX_WIDTH)), 0);
}

/** What a reference means stands in its place; its name does where it means itself. */
function writtenOut(document: Description["document"]): TypeStyle {
  const open = new Set<string>();
  const style: TypeStyle = {
    multiline: false,
    room: new Room(MAX_TYPES),
    nameOf(ref) {
      const schema = resolved({ $ref: ref }, document);
      if (schema === undefined || open.has(ref) || open.size === MAX_DEPTH) {
        return printable(shortened(decoded(ref.split("/").at(-1)!))!);
      }
      open.add(ref);
      const text = typeOf(schema as Schema, style);
      open.delete(ref);
      return / [|&] /.test(text) && !text.startsWith("{") ? `(${text})` : text;
    },
  };
  return style;
}

function descriptionOf(schema: Schema): string {
  const description = typeof schema === "object" ? schema.description : undefined;
  return shortened(description) ?? "";
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
