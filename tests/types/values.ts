// What a caller may pass, and what a handler gets: the input of the schema at one end, its output at the
// other.

import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { type Line, method, notification, type StandardSchema, type Stub } from "../../lib/mod.ts";
import { type Equal, of, same } from "./_equal.ts";

const port: StandardSchema<string, { port: number }> = of();

const api = {
  text: method(z.string(), (text) => {
    same<Equal<typeof text, string>>();
  }),
  object: method(z.object({ a: z.number(), b: z.string().optional() }), (value) => {
    same<Equal<typeof value, { a: number; b?: string | undefined }>>();
  }),
  defaults: method(z.object({ limit: z.int().default(10) }), (value) => {
    same<Equal<typeof value, { limit: number }>>();
  }),
  transform: method(z.string().transform((text) => new Date(text)), (value) => {
    same<Equal<typeof value, Date>>();
  }),
  optional: method(z.string().optional(), (value) => {
    same<Equal<typeof value, string | undefined>>();
  }),
  members: method(z.object({ a: z.number().optional() }), (value) => {
    same<Equal<typeof value, { a?: number | undefined }>>();
  }),
  noted: notification(z.object({ a: z.number().optional() }), () => {}),
  required: notification(z.object({ a: z.number() }), () => {}),
  nullable: method(z.string().nullable(), (value) => {
    same<Equal<typeof value, string | null>>();
  }),
  tuple: method(z.tuple([z.string(), z.number()]), (value) => {
    same<Equal<typeof value, [string, number]>>();
  }),
  array: method(z.array(z.number()), (value) => {
    same<Equal<typeof value, number[]>>();
  }),
  union: method(
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), a: z.number() }),
      z.object({ kind: z.literal("b"), b: z.string() }),
    ]),
    (value) => {
      if (value.kind === "a") same<Equal<typeof value.a, number>>();
      else same<Equal<typeof value.b, string>>();
    },
  ),
  anything: method(z.unknown(), (value) => {
    same<Equal<typeof value, unknown>>();
  }),
  nothing: method((value) => {
    same<Equal<typeof value, undefined>>();
  }),
  valibot: method(v.object({ n: v.pipe(v.string(), v.transform(Number)) }), (value) => {
    same<Equal<typeof value, { n: number }>>();
  }),
  arktype: method(type({ n: "string.numeric.parse", "m?": "boolean" }), (value) => {
    same<Equal<typeof value.n, number>>();
    same<Equal<typeof value.m, boolean | undefined>>();
  }),
  byHand: method(port, (value) => {
    same<Equal<typeof value, { port: number }>>();
  }),
  deep: { deeper: { deepest: method(z.int(), () => {}) } },
};

const { call, notify } = of<Line<typeof api>>();

call.text("x");
// @ts-expect-error: the value is missing
call.text();
// @ts-expect-error: the value is no string
call.text(7);
// @ts-expect-error: the options are no second value
call.text("x", "y");
call.text("x", { timeout: 5, signal: of<AbortSignal>(), meta: { a: 1 }, onProgress: () => {} });
// @ts-expect-error: no such option
call.text("x", { timeOut: 5 });

call.object({ a: 1 });
call.object({ a: 1, b: "x" });
// @ts-expect-error: a member is missing
call.object({ b: "x" });
// @ts-expect-error: one member too many
call.object({ a: 1, c: 1 });

// The input of the schema, not its output.
call.defaults({});
call.defaults({ limit: 5 });
call.transform("2024-01-01");
// @ts-expect-error: a Date is what comes of it
call.transform(new Date());
call.valibot({ n: "7" });
// @ts-expect-error: a number is what comes of it
call.valibot({ n: 7 });
call.arktype({ n: "7" });
// @ts-expect-error: a number is what comes of it
call.arktype({ n: 7 });
call.byHand("8080");
// @ts-expect-error: an object is what comes of it
call.byHand({ port: 8080 });

call.optional();
call.optional(undefined, { timeout: 5 });
call.optional("x");
// An object all of whose members are optional may be left out.
call.members();
call.members(undefined, { timeout: 5 });
call.members({ a: 1 });
// @ts-expect-error: no such member
call.members({ b: 1 });
notify.noted();
// @ts-expect-error: its member is missing
notify.required();
call.nullable(null);
// @ts-expect-error: null is a value, and is not left out
call.nullable();
call.tuple(["x", 1]);
// @ts-expect-error: in this order
call.tuple([1, "x"]);
call.array([]);
call.union({ kind: "a", a: 1 });
// @ts-expect-error: that belongs to the other kind
call.union({ kind: "a", b: "x" });
call.anything();
call.anything(Symbol());
call.nothing();
call.nothing(undefined, { timeout: 5 });
// @ts-expect-error: it takes no value
call.nothing({});

call.deep.deeper.deepest(1);
// @ts-expect-error: no such method
call.deep.deeper.deep(1);
// @ts-expect-error: an object of methods cannot be called
call.deep(1);
// @ts-expect-error: no such method
call.unknown();

// A handler with params and no schema does not compile.
// @ts-expect-error: types are no validation
method((value: string) => value);
// @ts-expect-error: the handler takes what the schema makes
method(z.string(), (value: number) => value);
// @ts-expect-error: a schema without a handler
method(z.string());
// @ts-expect-error: a handler that is no function
method(z.string(), 7);

// The client of an API is told by its type alone.
same<Equal<Stub<{ m: typeof api.text }>["m"], typeof call.text>>();
