/**
 * What a server says of its methods: the answer to `rpc.discover`, an OpenRPC document, ours or
 * anybody's. It came from outside: whatever is not as the specification has it is left out.
 *
 * Source: https://spec.open-rpc.org, versions 1.2 to 1.4. Our extensions are in lib/builtin/openrpc.ts.
 *
 * @module
 */

import type { Line } from "../../lib/client.ts";

/** Milliseconds that a server is given to describe itself where only a detail depends on it. */
const PATIENCE = 1000;

/** A JSON Schema: an object, or a boolean for everything and nothing. */
export type Schema = Described | boolean;

/** An object of a description: the members that are read here, and any other. */
export type Described = { readonly [name in Member]?: unknown } & Readonly<Record<string, unknown>>;

type Member =
  | "$ref"
  | "additionalProperties"
  | "const"
  | "deprecated"
  | "description"
  | "enum"
  | "errors"
  | "info"
  | "items"
  | "methods"
  | "name"
  | "params"
  | "prefixItems"
  | "properties"
  | "required"
  | "result"
  | "schema"
  | "type";

/** A server, by what it says of itself. */
export interface Description {
  /** Its name. */
  readonly title: string;
  /** Its version. */
  readonly version: string;
  /** Its methods in their order, without the built-in ones. */
  readonly methods: readonly MethodDescription[];
  /** What references in the schemas mean: `#/…` into the document. */
  readonly document: Described;
}

/** A method, by what the server says of it. */
export interface MethodDescription {
  /** Its whole name. */
  readonly name: string;
  readonly summary?: string;
  readonly description?: string;
  readonly deprecated: boolean;
  /** How the params may be given. */
  readonly structure: "by-name" | "by-position" | "either";
  readonly params: readonly ParamDescription[];
  /** What it answers; undefined for a notification. */
  readonly result?: Schema;
  /** The items that it answers with, one by one. */
  readonly down?: Schema;
  /** The items that the caller streams to it. */
  readonly up?: Schema;
  readonly errors: readonly ErrorDescription[];
  /** All of it, as it stands in the document. */
  readonly source: Described;
}

/** A param. */
export interface ParamDescription {
  readonly name: string;
  readonly summary?: string;
  readonly required: boolean;
  readonly schema: Schema;
}

/** An error that a method declares. */
export interface ErrorDescription {
  /** Its name, or where it has none its message. */
  readonly name: string;
  readonly code?: number;
  /** What stands in its data: with us in `error.data.details`. */
  readonly schema?: Schema;
}

/**
 * Asks a server to describe itself.
 *
 * @throws what the call throws, and {@linkcode TypeError} for an answer that is no OpenRPC document
 */
export async function discover(line: Line, signal?: AbortSignal): Promise<Description> {
  return readDescription(await line.request("rpc.discover", undefined, signal && { signal }));
}

/** Whether a method is the one built-in stream: no document describes it. */
export function isBuiltInStream(method: string): boolean {
  return method === "rpc.health.watch";
}

/**
 * Whether a method is a stream, as far as the server says so in time.
 *
 * @param left milliseconds that are left for everything
 */
export async function isStream(
  line: Line,
  method: string,
  left: number = Infinity,
): Promise<boolean> {
  if (left === 0) return false;
  if (method.startsWith("rpc.")) return isBuiltInStream(method);
  try {
    const { methods } = await discover(line, AbortSignal.timeout(Math.min(PATIENCE, left)));
    return methods.find(({ name }) => name === method)?.down !== undefined;
  } catch {
    return false; // who says nothing has no streams
  }
}

/**
 * Reads an OpenRPC document.
 *
 * @throws {TypeError} for what is none; the message is one line
 */
export function readDescription(document: unknown): Description {
  if (!isRecord(document) || !Array.isArray(document.methods)) {
    throw new TypeError("Cannot read what the server says of itself: it is no OpenRPC document");
  }
  const { title, version } = recordOf(document.info);
  return {
    title: textOf(title) ?? "",
    version: textOf(version) ?? "",
    methods: document.methods.map((method) => resolved(method, document)).filter(isRecord)
      .filter(({ name }) => typeof name === "string")
      .map((method) => readMethod(method, document)),
    document,
  };
}

function readMethod(
  method: Described,
  document: Description["document"],
): MethodDescription {
  const { paramStructure: structure } = method;
  const { down, up } = recordOf(method["x-stream"]);
  const isNotification = method["x-notification"] === true;
  return {
    name: method.name as string,
    ...textsOf(method),
    deprecated: method.deprecated === true,
    structure: structure === "by-name" || structure === "by-position" ? structure : "either",
    params: listOf(method.params, document).map((param) => ({
      name: textOf(param.name) ?? "",
      ...textsOf(param),
      required: param.required === true,
      schema: schemaOf(param.schema),
    })),
    // Without a result a method is a notification (OpenRPC 1.3, Method Object).
    ...(!isNotification && {
      result: schemaOf(recordOf(resolved(method.result, document)).schema),
    }),
    ...(down !== undefined && { down: schemaOf(down) }),
    ...(up !== undefined && { up: schemaOf(up) }),
    errors: [
      ...listOf(method["x-errors"], document).map(({ name, code, schema }) => ({
        name: textOf(name) ?? "",
        ...(typeof code === "number" && { code }),
        schema: schemaOf(schema),
      })),
      ...listOf(method.errors, document).map(({ code, message }) => ({
        name: textOf(message) ?? "",
        ...(typeof code === "number" && { code }),
      })),
    ],
    source: method,
  };
}

/** What a reference within a document means; undefined where it means nothing. */
export function resolved(value: unknown, document: Description["document"]): unknown {
  for (let steps = 0; isRecord(value) && typeof value.$ref === "string"; steps++) {
    if (steps > 16 || !value.$ref.startsWith("#")) return undefined;
    value = pointed(value.$ref, document);
  }
  return value;
}

/** What stands where a JSON Pointer in a fragment points to (RFC 6901, section 6). */
function pointed(ref: string, document: unknown): unknown {
  let found = document;
  for (const step of ref.split("/").slice(1)) {
    const key = unescaped(step);
    found = found !== null && typeof found === "object" && Object.hasOwn(found, key)
      ? (found as Record<string, unknown>)[key]
      : undefined;
  }
  return found;
}

function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return step;
  }
}

function listOf(
  value: unknown,
  document: Description["document"],
): readonly Described[] {
  if (!Array.isArray(value)) return [];
  return value.map((item) => resolved(item, document)).filter(isRecord);
}

function textsOf({ summary, description }: Described) {
  return {
    ...(typeof summary === "string" && { summary }),
    ...(typeof description === "string" && { description }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function schemaOf(value: unknown): Schema {
  return typeof value === "boolean" || isRecord(value) ? value : {};
}

function recordOf(value: unknown): Described {
  return isRecord(value) ? value : {};
}

/** Whether a value is an object, and no array. */
export function isRecord(value: unknown): value is Described {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
