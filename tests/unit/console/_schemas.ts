// Random schemas together with the values that they allow.

import fc from "npm:fast-check@4";

/** A schema and what it allows. */
export interface Drawn {
  readonly schema: Record<string, unknown>;
  readonly value: fc.Arbitrary<unknown>;
}

const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom("", "a\r\nb", "\u202ex", "0", "null", "-", " "),
);

const name = fc.oneof(
  fc.stringMatching(/^[a-z]{1,4}$/),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "0",
    "$base64",
    "value",
    "",
    "a.b",
    "~1/",
  ),
);

const json = fc.jsonValue({ maxDepth: 2 });

const leaf: fc.Arbitrary<Drawn> = fc.oneof(
  fc.record({ format: fc.option(fc.constantFrom("date-time", "email", "uri")) }).map((
    { format },
  ): Drawn => ({ schema: { type: "string", ...(format && { format }) }, value: text })),
  fc.constant<Drawn>({
    schema: { type: "number" },
    value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((it) => it === 0 ? 0 : it),
  }),
  fc.tuple(fc.integer(), fc.integer()).map(([a, b]): Drawn => {
    const min = Math.min(a, b), max = Math.max(a, b);
    return {
      schema: { type: "integer", minimum: min, maximum: max },
      value: fc.integer({ min, max }),
    };
  }),
  fc.constant<Drawn>({ schema: { type: "boolean" }, value: fc.boolean() }),
  fc.constant<Drawn>({ schema: { type: "null" }, value: fc.constant(null) }),
  fc.array(json, { minLength: 1, maxLength: 4 }).map((values): Drawn => ({
    schema: { enum: values },
    value: fc.constantFrom(...values),
  })),
  json.map((value): Drawn => ({ schema: { const: value }, value: fc.constant(value) })),
  fc.constant<Drawn>({
    schema: {
      type: "object",
      properties: { $base64: { type: "string", contentEncoding: "base64" } },
      required: ["$base64"],
      additionalProperties: false,
    },
    value: fc.uint8Array({ maxLength: 6 }).map((bytes) => ({ $base64: bytes.toBase64() })),
  }),
  fc.constant<Drawn>({ schema: {}, value: json }),
);

/** Objects made of entries: a name may be `__proto__`. */
function objectOf(members: readonly (readonly [string, Drawn, boolean])[], others?: Drawn): Drawn {
  const values = members.map(([name, { value }, isRequired]) =>
    (isRequired ? value : fc.option(value, { nil: undefined })).map((it) => [name, it] as const)
  );
  const more = others === undefined
    ? fc.constant([])
    : fc.array(fc.tuple(fc.stringMatching(/^[A-Z]{1,3}$/), others.value), { maxLength: 3 });
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(members.map(([name, { schema }]) => [name, schema])),
      required: members.filter(([, , isRequired]) => isRequired).map(([name]) => name),
      ...(others && { additionalProperties: others.schema }),
    },
    value: fc.tuple(fc.tuple(...values), more).map(([known, more]) =>
      Object.fromEntries([...known.filter(([, it]) => it !== undefined), ...more])
    ),
  };
}

/** Schemas of all kinds that a form has fields for, and some that it has none for. */
export const schemas: fc.Arbitrary<Drawn> = fc.letrec<{ any: Drawn }>((tie) => {
  const any = tie("any");
  const members = fc.uniqueArray(fc.tuple(name, any, fc.boolean()), {
    maxLength: 4,
    selector: ([name]) => name,
  });
  return {
    any: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.tuple(members, fc.option(any, { nil: undefined })).map(([members, others]) =>
        objectOf(members, others)
      ),
      any.map(({ schema, value }): Drawn => ({
        schema: { type: "array", items: schema },
        value: fc.array(value, { maxLength: 4 }),
      })),
      fc.tuple(fc.array(any, { minLength: 1, maxLength: 3 }), fc.boolean()).map(
        ([items, isOld]): Drawn => ({
          schema: {
            type: "array",
            [isOld ? "items" : "prefixItems"]: items.map(({ schema }) => schema),
            minItems: items.length,
          },
          value: fc.tuple(...items.map(({ value }) => value)),
        }),
      ),
      any.map(({ schema, value }): Drawn => ({
        schema: { anyOf: [schema, { type: "null" }] },
        value: fc.option(value),
      })),
      fc.tuple(fc.array(any, { minLength: 2, maxLength: 3 }), fc.constantFrom("anyOf", "oneOf"))
        .map(([options, word]): Drawn => ({
          schema: { [word]: options.map(({ schema }) => schema) },
          value: fc.oneof(...options.map(({ value }) => value)),
        })),
      fc.tuple(
        fc.array(fc.tuple(fc.stringMatching(/^[a-c]$/), any, fc.boolean()), { maxLength: 2 }),
        fc.array(fc.tuple(fc.stringMatching(/^[d-f]$/), any, fc.boolean()), { maxLength: 2 }),
      ).map(([a, b]): Drawn => {
        const unique = (
          members: typeof a,
        ) => [...new Map(members.map((it) => [it[0], it])).values()];
        const [first, second] = [unique(a), unique(b)];
        return {
          schema: { allOf: [objectOf(first).schema, objectOf(second).schema] },
          value: objectOf([...first, ...second]).value,
        };
      }),
      any.map(({ schema, value }): Drawn => ({
        schema: { $ref: "#/$defs/it", $defs: { it: schema } },
        value,
      })).filter(({ schema }) => !JSON.stringify(schema.$defs).includes("$ref")),
    ),
  };
}).any;

/** A schema, and a value that it allows, as both come from a server. */
export const allowed: fc.Arbitrary<{ schema: Record<string, unknown>; value: unknown }> = schemas
  .chain(({ schema, value }) =>
    value.map((value) => ({
      schema: JSON.parse(JSON.stringify(schema)),
      value: JSON.parse(JSON.stringify(value)),
    }))
  );
