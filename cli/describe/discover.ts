/**
 * What a server says of its methods: the answer to `rpc.discover`, an OpenRPC document, ours or
 * another's. It came from outside: what is not as the specification has it is left out, long texts are
 * cut, and a document with too much in it is not read at all. A few bytes that refer to a large part
 * count as that part, so that reading and printing take time in proportion to what is allowed here.
 *
 * Source: https://spec.open-rpc.org, versions 1.2 to 1.4. Our extensions are in lib/builtin/openrpc.ts.
 *
 * @module
 */

import { type Line, RpcError } from "../../lib/client.ts";
import { withMarkers } from "../../lib/message/base64.ts";
import type { Open } from "../command/line.ts";

/** Milliseconds that a server is given to describe itself where only a detail depends on it. */
const PATIENCE = 1000;

/** Methods of one document, and the params and errors of all of them. */
const MAX_METHODS = 10_000;
const MAX_PARTS = 100_000;

/** Characters of a name: a method with a longer one cannot be called at most servers. */
const MAX_NAME = 256;

/** Characters of a summary or a description that are kept. */
const MAX_TEXT = 4096;

/** Characters of a reference, and how many lead from one to what is meant. */
const MAX_REF = 1024;
const MAX_STEPS = 16;

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
  | "summary"
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
  const document = await line.request("rpc.discover", undefined, signal && { signal })
    .catch((error: unknown) => {
      if (!(error instanceof RpcError) || error.reason !== "METHOD_NOT_FOUND") throw error;
      // The caller has named no method.
      const message = "The server does not describe itself: it has no method rpc.discover";
      throw new RpcError(error.code, message, error.data, { cause: error });
    });
  return readDescription(withMarkers(document)); // bytes would be objects with a member for each
}

/** Whether a method is the one built-in stream: no document describes it. */
export function isBuiltInStream(method: string): boolean {
  return method === "rpc.health.watch";
}

/**
 * Asks a server to describe itself where something only gets better by that; undefined if it does not,
 * or not in time. One that refused may have hung up, as some servers do after each answer: then there
 * is another connection, which is used for nothing yet.
 *
 * @throws {Exit} if there is no other connection
 */
export async function describeIfAsked(open: Open): Promise<Description | undefined> {
  const left = open.timeLeft() ?? Infinity;
  if (left === 0) return undefined;
  const { line } = open, late = AbortSignal.timeout(Math.min(PATIENCE, left));
  open.isQuiet = true;
  try {
    return await discover(line, AbortSignal.any([open.signal, late]));
  } catch (error) {
    open.refusal = error;
    if (open.canRedial && !late.aborted && !open.signal.aborted) await open.redial();
    return undefined;
  } finally {
    open.isQuiet = false;
  }
}

/**
 * Reads an OpenRPC document.
 *
 * @throws {TypeError} for what is none, or has too much in it; the message is one line
 */
export function readDescription(document: unknown): Description {
  if (!isRecord(document) || !Array.isArray(document.methods)) {
    throw unreadable("it is no OpenRPC document");
  }
  if (document.methods.length > MAX_METHODS) {
    throw unreadable(`it names ${document.methods.length} methods, more than ${MAX_METHODS}`);
  }
  const { title, version } = recordOf(document.info), parts = new Parts(document);
  return {
    title: nameOf(title),
    version: nameOf(version),
    methods: document.methods.map((method) => resolved(method, document)).filter(isRecord)
      .filter(({ name }) => nameOf(name) !== "")
      .map((method) => readMethod(method, parts)),
    document,
  };
}

function unreadable(why: string): TypeError {
  return new TypeError(`Cannot read what the server says of itself: ${why}`);
}

/** The parts of all methods, counted. */
class Parts {
  readonly document: Described;
  #count = 0;

  constructor(document: Described) {
    this.document = document;
  }

  /** The objects of a list; none where it is no list. */
  of(list: unknown): readonly Described[] {
    if (!Array.isArray(list)) return [];
    this.#count += list.length;
    if (this.#count > MAX_PARTS) {
      throw unreadable(`its methods have more than ${MAX_PARTS} params and errors`);
    }
    return list.map((item) => resolved(item, this.document)).filter(isRecord);
  }
}

function readMethod(method: Described, parts: Parts): MethodDescription {
  const { paramStructure: structure } = method;
  const { down, up } = recordOf(method["x-stream"]);
  const isNotification = method["x-notification"] === true;
  return {
    name: nameOf(method.name),
    ...textsOf(method),
    deprecated: method.deprecated === true,
    structure: structure === "by-name" || structure === "by-position" ? structure : "either",
    params: parts.of(method.params).map((param) => ({
      name: nameOf(param.name),
      ...textsOf(param),
      required: param.required === true,
      schema: schemaOf(param.schema),
    })),
    // Without a result a method is a notification (OpenRPC 1.3, Method Object).
    ...(!isNotification && {
      result: schemaOf(recordOf(resolved(method.result, parts.document)).schema),
    }),
    ...(down !== undefined && { down: schemaOf(down) }),
    ...(up !== undefined && { up: schemaOf(up) }),
    errors: [
      ...parts.of(method["x-errors"]).map(({ name, code, schema }) => ({
        name: nameOf(name),
        ...(typeof code === "number" && { code }),
        schema: schemaOf(schema),
      })),
      ...parts.of(method.errors).map(({ code, message }) => ({
        name: shortened(message) ?? "",
        ...(typeof code === "number" && { code }),
      })),
    ],
    source: method,
  };
}

/** What a reference within a document means; undefined where it means nothing. */
export function resolved(value: unknown, document: Description["document"]): unknown {
  for (let steps = 0; isRecord(value) && typeof value.$ref === "string"; steps++) {
    const { $ref } = value;
    if (steps > MAX_STEPS || $ref.length > MAX_REF || !$ref.startsWith("#")) return undefined;
    value = pointed($ref, document);
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

function textsOf(described: Described) {
  const summary = shortened(described.summary), description = shortened(described.description);
  return {
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
  };
}

/** A text of the server's, cut where it is long; undefined for what is none. */
export function shortened(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  return value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) + "…" : value;
}

/** A name; empty for what is none. */
function nameOf(value: unknown): string {
  return typeof value === "string" && value.length <= MAX_NAME ? value : "";
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
