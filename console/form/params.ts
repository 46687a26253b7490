/**
 * Params as they travel, and the one value that they stand for: PROTOCOL.md, "Params".
 *
 * @module
 */

import { isRecord } from "../json.ts";
import { type Field, type Member, memberOf, type Part, type Schemas } from "../schema.ts";

/** What an OpenRPC document says of the params of a method. */
export interface ParamsOfMethod {
  readonly params?: unknown;
  readonly paramStructure?: unknown;
}

/** What a form reads of an OpenRPC document. It comes from a server, and may be anything. */
export interface OpenRpcDocument {
  readonly methods?: unknown;
  readonly components?: unknown;
}

/** How the params of a method and its value become each other. */
export interface ParamsShape {
  /** What the value is. */
  readonly part: Part;
  readonly isRequired: boolean;
  /** The value that params stand for; undefined if there are none, or they stand for none. */
  unwrap(params: unknown): unknown;
  /** The params that a value travels as; undefined if there is nothing in it. */
  wrap(value: unknown): unknown;
}

/** Params of one method that are read. */
const MAX_PARAMS = 10_000;

/** How a method takes its params; undefined if it takes none. */
export function paramsShape(
  { params, paramStructure }: ParamsOfMethod,
  document: OpenRpcDocument,
  schemas: Schemas,
): ParamsShape | undefined {
  const described = (Array.isArray(params) ? params.slice(0, MAX_PARAMS) : []).map((param) =>
    describedParam(param, document)
  ).filter((it) => it !== undefined);
  if (described.length === 0) return undefined;
  if (paramStructure !== "by-position") return named(described, paramStructure !== "by-name");
  const [only] = described;
  return described.length === 1 && only!.name === "value"
    ? single(only!, schemas)
    : positional(described);
}

function describedParam(param: unknown, document: OpenRpcDocument): Member | undefined {
  const ref = memberOf(param, "$ref");
  const place = "#/components/contentDescriptors/";
  const found = typeof ref === "string" && ref.startsWith(place)
    ? memberOf(memberOf(document.components, "contentDescriptors"), ref.slice(place.length))
    : param;
  const name = memberOf(found, "name"), schema = memberOf(found, "schema");
  if (typeof name !== "string") return undefined;
  const about = isRecord(schema) && schema.description === undefined &&
      typeof memberOf(found, "description") === "string"
    ? { ...schema, description: memberOf(found, "description") }
    : schema;
  return {
    name,
    isRequired: memberOf(found, "required") === true,
    part: { schema: about, base: schema },
  };
}

/** By name, and by position if the names have an order. */
function named(params: readonly Member[], hasOrder: boolean): ParamsShape {
  const members = [...new Map(params.map((param) => [param.name, param])).values()];
  const field: Field = { kind: "object", members, others: undefined, isClosed: false };
  return {
    part: { schema: undefined, base: undefined, field },
    isRequired: true,
    unwrap(params) {
      if (!Array.isArray(params)) return params;
      if (!hasOrder || params.length > members.length) return undefined;
      return Object.fromEntries(params.map((value, at) => [members[at]!.name, value]));
    },
    wrap: (value) => isRecord(value) && Object.keys(value).length === 0 ? undefined : value,
  };
}

function positional(params: readonly Member[]): ParamsShape {
  const field: Field = {
    kind: "tuple",
    items: params.map(({ part }) => part),
    names: params.map(({ name }) => name),
    required: params.filter(({ isRequired }) => isRequired).length,
    others: undefined,
  };
  return {
    part: { schema: undefined, base: undefined, field },
    isRequired: true,
    unwrap: (params) => Array.isArray(params) ? params : undefined,
    wrap: (value) => Array.isArray(value) && value.length === 0 ? undefined : value,
  };
}

/** One value: an object travels by name, an array by position, anything else as the only item of an array. */
function single({ part, isRequired }: Member, schemas: Schemas): ParamsShape {
  return {
    part,
    isRequired,
    unwrap(params) {
      if (!Array.isArray(params)) return params;
      const { kind } = schemas.fieldOf(part), isAlone = params.length === 1;
      // The server reads params in this order too: first as the array that they are, then as its only item.
      if (kind === "json" || kind === "list" || kind === "tuple" || kind === "choice") {
        const isItem = isAlone && !schemas.fits(part, params) &&
          (kind === "choice" || Array.isArray(params[0]) && schemas.fits(part, params[0]));
        if (!isItem) return kind === "choice" && params.length === 0 ? undefined : params;
      }
      return isAlone ? params[0] : params.length === 0 ? undefined : params;
    },
    wrap(value) {
      if (value === undefined || Array.isArray(value) && value.length === 0) return undefined;
      const isMarker = schemas.fieldOf(part).kind === "bytes";
      return Array.isArray(value) || isRecord(value) && !isMarker ? value : [value];
    },
  };
}
