/**
 * An API described as an OpenRPC document, made from the same schemas that validate.
 *
 * Source: https://spec.open-rpc.org, version 1.4.
 *
 * @module
 */

import { DECLARED } from "../error.ts";
import type { AnyMethod } from "../api/api.ts";
import { isObject } from "../message/message.ts";
import { stepOf, valueAt } from "../schema/json_schema.ts";
import { type JsonSchema, jsonSchemaOf, parameterNames, paramsShape } from "../schema/questions.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";

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
  /** What a caller gets that asks for no stream; a notification has none. */
  readonly result?: ContentDescriptor;
  /** The items that come before the result, and those that the caller sends. */
  readonly "x-stream"?: { readonly down?: JsonSchema; readonly up?: JsonSchema };
  /** Running it twice does no more than running it once. */
  readonly "x-idempotent"?: true;
  /** Bytes that a call of it may have. */
  readonly "x-maxBytes"?: number;
  /** It never answers. */
  readonly "x-notification"?: true;
  /** The errors it declares. All have one number, where OpenRPC's `errors` need one each. */
  readonly "x-errors"?: readonly ErrorDescriptor[];
}

/** Schemas that refer to parts of themselves, by their names among the components. */
type Schemas = Map<string, JsonSchema>;

const COMPONENTS = "#/components/schemas/";

/** An error that a method declares. */
interface ErrorDescriptor {
  /** It stands in `error.data.name`. */
  readonly name: string;
  readonly code: number;
  /** What stands in `error.data.details`. */
  readonly schema: JsonSchema;
}

/** One param, or the result. */
interface ContentDescriptor {
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema | boolean;
}

/** Milliseconds for which methods are described before the sockets are looked at. */
const SLICE = 5;

/**
 * Describes methods by their whole names. Converting a schema takes some 0.1 ms, and an API may have
 * thousands: other callers are served in between.
 *
 * @param info the name and version of the server
 */
export async function describe(
  methods: ReadonlyMap<string, AnyMethod>,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<OpenRpc> {
  const schemas: Schemas = new Map(), described: MethodObject[] = [];
  let since = performance.now();
  for (const [name, method] of methods) {
    described.push(describeMethod(name, method, schemas));
    if (performance.now() - since < SLICE) continue;
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  }
  return {
    openrpc: "1.4.0",
    info: { title: name, version },
    methods: described,
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function describeMethod(name: string, method: AnyMethod, schemas: Schemas): MethodObject {
  const { schema, options: { summary, description, deprecated, idempotent, maxBytes } } = method;
  return {
    name,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(deprecated !== undefined && { deprecated }),
    ...describeParams(name, schema, schemas),
    ...describeAnswer(name, method, schemas),
    ...(idempotent && { "x-idempotent": true }),
    ...(maxBytes !== undefined && { "x-maxBytes": maxBytes }),
  };
}

function describeParams(
  name: string,
  schema: StandardSchema | undefined,
  schemas: Schemas,
): Pick<MethodObject, "params" | "paramStructure"> {
  if (schema === undefined) return { paramStructure: "either", params: [] };
  const whole = place(name, schema, "input", schemas) ?? {};
  const shape = paramsShape(schema);
  // What stands in the components is referred to part by part.
  const [source, at] = whole.$ref === undefined ? [whole, undefined] : follow(whole.$ref, schemas);
  if (shape === "object" && isObject(source.properties)) {
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
          : { $ref: `${at}/properties/${stepOf(name)}` },
      })),
    };
  }
  const { items, minItems } = source;
  if (shape === "array" && Array.isArray(items)) {
    return {
      paramStructure: "by-position",
      params: items.map((item: JsonSchema, index) => ({
        name: `item${index}`,
        required: index < Number(minItems ?? items.length),
        schema: at === undefined ? item : { $ref: `${at}/items/${index}` },
      })),
    };
  }
  return {
    paramStructure: "by-position",
    params: [{ name: "value", required: shape !== "unknown", schema: whole }],
  };
}

function describeAnswer(
  name: string,
  { kind, options: { result, items, errors } }: AnyMethod,
  schemas: Schemas,
): Pick<MethodObject, "result" | "x-stream" | "x-notification" | "x-errors"> {
  if (kind === "notification") return { "x-notification": true };
  const describe = (part: string, schema: StandardSchema | undefined): JsonSchema =>
    (schema && place(`${name}.${part}`, schema, "output", schemas)) ?? {};
  const answer = describe("result", result);
  const isStream = kind === "stream";
  return {
    result: {
      name: "result",
      schema: isStream ? { type: "array", items: answer } : answer,
    },
    ...((isStream || items !== undefined) && {
      "x-stream": {
        ...(isStream && { down: answer }),
        ...(items !== undefined && {
          up: place(`${name}.items`, items, "input", schemas) ?? {},
        }),
      },
    }),
    ...(errors !== undefined && {
      "x-errors": Object.entries(errors).map(([error, schema]) => ({
        name: error,
        code: DECLARED,
        schema: describe(`errors.${error}`, schema),
      })),
    }),
  };
}

/** The schema itself, or a reference to where it was put because it refers to parts of itself. */
function place(
  name: string,
  schema: StandardSchema,
  direction: "input" | "output",
  schemas: Schemas,
): JsonSchema | undefined {
  // The only characters that a component's name may have (OpenRPC 1.4, Components Object).
  let component = name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  while (schemas.has(component)) component += "_";
  const at = COMPONENTS + component;
  const described = jsonSchemaOf(schema, direction, at);
  if (described === undefined || !JSON.stringify(described).includes('"$ref"')) return described;
  schemas.set(component, described);
  return { $ref: at };
}

/** What a reference into the components means, and where that stands: not a reference again. */
function follow(ref: string, schemas: Schemas): [JsonSchema, string] {
  for (let at = ref, steps = 0;; steps++) {
    const [component, ...path] = at.slice(COMPONENTS.length).split("/");
    const found = valueAt(schemas.get(component!), ["", ...path].join("/"));
    if (!isObject(found)) return [{}, at];
    const { $ref } = found;
    if (typeof $ref !== "string" || !$ref.startsWith(COMPONENTS) || steps > 8) return [found, at];
    at = $ref;
  }
}
