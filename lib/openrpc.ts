/**
 * An API described as an OpenRPC document, made from the same schemas that validate.
 *
 * Source: https://spec.open-rpc.org, version 1.4.
 *
 * @module
 */

import type { Procedure } from "./procedure.ts";
import {
  type JsonSchema,
  jsonSchemaOf,
  parameterNames,
  paramsShape,
  type StandardSchema,
} from "./schema.ts";

/** An OpenRPC document, as far as it is made here. */
export interface OpenRpc {
  readonly openrpc: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly methods: readonly MethodObject[];
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** A method, with extensions for what OpenRPC has no words for. */
export interface MethodObject {
  readonly name: string;
  readonly summary?: string;
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly paramStructure: "by-name" | "by-position" | "either";
  readonly params: readonly ContentDescriptor[];
  readonly result: ContentDescriptor;
}

/** One param, or the result. */
export interface ContentDescriptor {
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema | boolean;
}

/**
 * Describes methods by their whole names.
 *
 * @param info the name and version of the server
 */
export function describe(
  methods: ReadonlyMap<string, Procedure>,
  { name, version }: { readonly name: string; readonly version: string },
): OpenRpc {
  const schemas: Record<string, JsonSchema> = {};
  const described = Array.from(methods, ([name, { schema, options }]): MethodObject => {
    const { summary, description, deprecated, result } = options;
    return {
      name,
      ...(summary !== undefined && { summary }),
      ...(description !== undefined && { description }),
      ...(deprecated !== undefined && { deprecated }),
      ...describeParams(name, schema, schemas),
      result: {
        name: "result",
        schema: (result && place(name + ".result", result, "output", schemas)) ?? {},
      },
    };
  });
  return {
    openrpc: "1.4.0",
    info: { title: name, version },
    methods: described,
    components: { schemas },
  };
}

function describeParams(
  name: string,
  schema: StandardSchema | undefined,
  schemas: Record<string, JsonSchema>,
): Pick<MethodObject, "params" | "paramStructure"> {
  if (schema === undefined) return { paramStructure: "either", params: [] };
  const whole = place(name, schema, "input", schemas) ?? {};
  const shape = paramsShape(schema);
  // What stands in the components is referred to part by part.
  const at = whole.$ref;
  const source = at === undefined ? whole : schemas[componentName(name)]!;
  if (shape === "object" && isRecord(source.properties)) {
    const required = new Set(Array.isArray(source.required) ? source.required as string[] : []);
    const declared = parameterNames(schema);
    const names = declared ?? Object.keys(source.properties);
    // Optional params must stand last for positions to have a meaning (OpenRPC 1.4, Method Object).
    const firstOptional = names.findIndex((name) => !required.has(name));
    const inOrder = declared !== undefined &&
      !names.some((name, index) =>
        firstOptional >= 0 && index > firstOptional && required.has(name)
      );
    const sorted = inOrder
      ? names
      : [...names.filter((n) => required.has(n)), ...names.filter((n) => !required.has(n))];
    return {
      paramStructure: inOrder ? "either" : "by-name",
      params: sorted.map((name) => ({
        name,
        required: required.has(name),
        schema: at === undefined
          ? (source.properties as Record<string, JsonSchema>)[name] ?? {}
          : { $ref: `${at}/properties/${escapePointer(name)}` },
      })),
    };
  }
  const items = source.items;
  if (shape === "array" && Array.isArray(items)) {
    return {
      paramStructure: "by-position",
      params: items.map((item: JsonSchema, index) => ({
        name: `item${index}`,
        required: index < Number(source.minItems ?? items.length),
        schema: at === undefined ? item : { $ref: `${at}/items/${index}` },
      })),
    };
  }
  return {
    paramStructure: "by-position",
    params: [{ name: "value", required: shape !== "unknown", schema: whole }],
  };
}

/** The schema itself, or a reference to where it was put because it refers to parts of itself. */
function place(
  name: string,
  schema: StandardSchema,
  direction: "input" | "output",
  schemas: Record<string, JsonSchema>,
): JsonSchema | undefined {
  const component = componentName(name);
  const at = `#/components/schemas/${component}`;
  const described = jsonSchemaOf(schema, direction, at);
  if (described === undefined || !JSON.stringify(described).includes('"$ref"')) return described;
  schemas[component] = described;
  return { $ref: at };
}

function componentName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
}

function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
