/**
 * Params as people type them, for a method that the server describes: where the method takes a text,
 * `hello`, `7` and `a=b` are texts; where it takes none, what was typed has to be JSON.
 *
 * Without a description, and for what begins like JSON, `command/params.ts` decides.
 *
 * @module
 */

import { RpcError } from "../../lib/client.ts";
import { fileText, type ReadText } from "../command/file_text.ts";
import {
  pairOf,
  type Params,
  parseParams,
  textOf,
  tryJson,
  UnclearParams,
} from "../command/params.ts";
import { isExactNumber } from "../text/exact_json.ts";
import { quoted } from "../text/printable.ts";
import { exampleOf, nearest } from "./hints.ts";
import { type Description, isRecord, type MethodDescription, resolved } from "./discover.ts";

/** What was typed behind a method: the words, and the text that they are together. */
export interface TypedParams {
  readonly words: readonly string[];
  readonly text: string;
}

/**
 * The params of a call.
 *
 * @param refusal why there is no description, if there is none
 * @throws {TypeError} for words that make no sense for this method; the message is one line
 * @throws {RpcError} the refusal, if those words may make sense and the server would refuse the call, too
 */
export function fitParams(
  typed: TypedParams,
  name: string,
  description: Description | undefined,
  refusal?: unknown,
): Params {
  const method = description?.methods.find((method) => method.name === name);
  const { words, text, read } = withFile(typed);
  if (description === undefined) return ofUndescribed(words, read, refusal);
  if (method === undefined) return ofUnknown(words, read, name, description);
  const { params, structure } = method, [only] = params;
  const asOnly = (value: string) => structure === "by-name" ? { [only!.name]: value } : [value];
  const kinds = params.length === 1 ? new Kinds(only!.schema, description) : undefined;
  try {
    const given = parseParams(words, read);
    if (kinds === undefined || words.length === 0 || isMeantAsParams(words, only!.name)) {
      return isRecord(given) ? withTexts(given, words, method, description) : given;
    }
    // One value, or pairs that may be a text with an equals sign.
    const value = Array.isArray(given) ? given[0] : given;
    return kinds.take(value) || !kinds.take("") ? given : asOnly(text);
  } catch (error) {
    if (!(error instanceof UnclearParams)) throw error;
    if (kinds?.take("")) return asOnly(text);
    const tooMany = words.length > 1 && kinds !== undefined
      ? `${name} takes one param, there is also ${quoted(words[1]!)}`
      : undefined;
    const why = tooMany ?? error.message.replace(/^Cannot read the params: /, "");
    throw new TypeError(`Cannot read the params: ${why}; ${exampleOf(method, description)}`);
  }
}

/**
 * Looks at words before anyone is called: what is left may make sense for some method. Reads no file.
 *
 * @throws {TypeError} for words that no method takes; the message is one line
 */
export function mustMakeSense(words: readonly string[]): void {
  try {
    parseParams(words, () => "{}");
  } catch (error) {
    if (!(error instanceof UnclearParams)) throw error;
  }
}

/** The same, with the text of a file in place of `@FILE` alone: as if it had been typed. */
function withFile({ words, text }: TypedParams): TypedParams & { readonly read: ReadText } {
  const content = words.length === 1 ? textOf(words[0]!) : words[0];
  if (content === words[0]) return { words, text, read: fileText };
  return { words: [content!], text: content!, read: (path) => "@" + path };
}

/**
 * Whether metadata can travel beside these params and the handler still gets the same value: a method
 * that takes anything cannot tell the named form of a value from an object.
 */
export function leavesRoomForMeta(
  params: Params,
  { params: taken, structure }: MethodDescription,
): boolean {
  if (params === undefined) return taken.length === 0;
  if (!Array.isArray(params)) return true;
  const [only] = taken, { type } = isRecord(only?.schema) ? only.schema : {};
  return structure === "by-position" && taken.length === 1 && typeof type === "string" &&
    type !== "object";
}

/** The params for a server that does not describe itself. */
function ofUndescribed(words: readonly string[], read: ReadText, refusal: unknown): Params {
  try {
    return parseParams(words, read);
  } catch (error) {
    if (!(error instanceof UnclearParams) || !isOfAllCalls(refusal)) throw error;
    throw refusal;
  }
}

/** Whether a server that refused this refuses whatever is called: its caller is not known, or it is another server. */
function isOfAllCalls(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  const { details } = (error.data ?? {}) as { readonly details?: { readonly status?: unknown } };
  return error.reason === "UNAUTHENTICATED" || typeof details?.status === "number";
}

/** The params of a method that the server does not name: it may have it all the same. */
function ofUnknown(
  words: readonly string[],
  read: ReadText,
  name: string,
  { methods }: Description,
): Params {
  try {
    return parseParams(words, read);
  } catch (error) {
    const meant = nearest(name, methods.map(({ name }) => name));
    if (!(error instanceof UnclearParams) || meant === undefined) throw error;
    throw new TypeError(
      `Cannot call: the server names no method ${quoted(name)}, did you mean ${quoted(meant)}?`,
    );
  }
}

/** Whether words are all params together, whatever the only one takes: JSON in brackets, or its name. */
function isMeantAsParams([first = "", ...others]: readonly string[], name: string): boolean {
  const isJson = others.length === 0 && tryJson(first) !== undefined;
  return /^\s*[[{]/.test(first) || /^\s*"/.test(first) && !isJson || pairOf(first)?.name === name;
}

/** The same params, with a text where the schema takes one and not what the value is as JSON. */
function withTexts(
  given: Readonly<Record<string, unknown>>,
  words: readonly string[],
  { params }: MethodDescription,
  description: Description,
): Params {
  const pairs = words.map(pairOf);
  if (pairs.includes(undefined)) return given; // one JSON text
  const entries = Object.entries(given).map(([name, value]) => {
    const schema = params.find((param) => param.name === name)?.schema;
    const pair = pairs.find((pair) => pair!.name === name)!;
    if (schema === undefined || pair.isJson || typeof value === "string") return [name, value];
    const kinds = new Kinds(schema, description);
    return [name, !kinds.take(value) && kinds.take("") ? pair.value : value];
  });
  return Object.fromEntries(entries);
}

/** Schemas that are looked at, of all that one is made of. */
const MAX_SCHEMAS = 1000;

/** The kinds of JSON that a schema may take, as far as it says so itself. */
class Kinds {
  readonly #kinds = new Set<string>();
  #left = MAX_SCHEMAS;

  constructor(schema: unknown, { document }: Description) {
    this.#add(schema, document);
  }

  /** Whether a value is of a kind that the schema may take. */
  take(value: unknown): boolean {
    const kinds = this.#kinds;
    return kinds.has("any") || kinds.has(kindOf(value));
  }

  #add(schema: unknown, document: Description["document"]): void {
    const found = resolved(schema, document);
    if (--this.#left < 0 || !isRecord(found)) return void this.#kinds.add("any");
    const { type, anyOf, oneOf, allOf, nullable } = found;
    const values = Object.hasOwn(found, "const") ? [found.const] : found.enum;
    if (nullable === true) this.#kinds.add("null");
    if (Array.isArray(values)) { for (const value of values) this.#kinds.add(kindOf(value)); }
    else if (type !== undefined) {
      for (const name of Array.isArray(type) ? type : [type]) {
        this.#kinds.add(name === "integer" ? "number" : String(name));
      }
    } else {
      const parts = [anyOf, oneOf, allOf].filter(Array.isArray).flat();
      if (parts.length === 0) this.#kinds.add("any");
      for (const part of parts.slice(0, this.#left + 1)) this.#add(part, document);
    }
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return isExactNumber(value) ? "number" : typeof value;
}
