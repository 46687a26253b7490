import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { isProcedure } from "../../../lib/api/api.ts";
import {
  type Api,
  type HandlerContext,
  type Line,
  type Method,
  method,
  type NotifyStub,
  type Serialized,
  type Stub,
} from "../../../lib/mod.ts";

// ---- What runs -------------------------------------------------------------------------------------

Deno.test("method() keeps the schema, the handler and what is said about it", () => {
  const schema = z.string(), handler = (text: string) => text.length;
  const made = method(schema, handler, { summary: "Counts" });
  assertEquals(made.kind, "method");
  assertStrictEquals(made.schema, schema);
  assertStrictEquals(made.handler, handler);
  assertEquals(made.options, { summary: "Counts" });
});

Deno.test("method() takes a handler alone, with options or without", () => {
  const handler = () => 1;
  for (const made of [method(handler), method(handler, { deprecated: true })]) {
    assertStrictEquals(made.schema, undefined);
    assertStrictEquals(made.handler, handler);
  }
  assertEquals(method(handler, { deprecated: true }).options, { deprecated: true });
  assertEquals(method(handler).options, {});
});

Deno.test("method() tells a schema that is a function from a handler", () => {
  const schema = type("string");
  assertEquals(typeof schema, "function");
  const made = method(schema, (text) => text.length);
  assertStrictEquals(made.schema, schema as unknown as Method["schema"]);
});

Deno.test("method() refuses what is neither a schema nor a handler", () => {
  const make = method as unknown as (...args: unknown[]) => unknown;
  assertThrows(() => make({}), TypeError, "expected a Standard Schema or a handler, got object");
  assertThrows(() => make(undefined), TypeError, "got undefined");
  assertThrows(
    () => make(z.string()),
    TypeError,
    "the handler must be a function, it is undefined",
  );
  assertThrows(
    () => make(z.string(), {}),
    TypeError,
    "the handler must be a function, it is object",
  );
});

Deno.test("isProcedure() is true of a method, of this copy of the library or of another", () => {
  assert(isProcedure(method(() => 1)));
  assert(isProcedure({ kind: "method", schema: undefined, handler: () => 1, options: {} }));
  for (const other of [null, undefined, () => 1, {}, { kind: "method" }, { method: () => 1 }]) {
    assertEquals(isProcedure(other), false);
  }
});

// ---- What only compiles ----------------------------------------------------------------------------
//
// The rest of this file is read by the type checker. An expected error that is none fails the check.

/** Compiles only where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

function same<A, B>(_same: Same<A, B>): void {}

class Money {
  #cents = 0;
  toJSON(): { cents: number } {
    return { cents: this.#cents };
  }
}

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  math: {
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
    sum: method(z.array(z.number()), (numbers) => numbers.length),
  },
  pair: method(z.tuple([z.string(), z.number()]), async ([text]) => await Promise.resolve(text)),
  optional: method(z.string().optional(), (text) => text?.length),
  withDefault: method(z.number().default(1), (n) => n),
  parsed: method(z.string().transform((text) => text.length), (length) => length),
  now: method(() => new Date()),
  nothing: method(() => {}),
  money: method(() => [new Money()]),
  valibot: method(v.object({ name: v.string() }), ({ name }) => ({ name, at: new Date() })),
  arktype: method(type({ name: "string" }), ({ name }) => name),
  context: method((_, context) => context.peer.address),
} satisfies Api;

type Calls = Stub<typeof api>;
type Notifies = NotifyStub<typeof api>;

/** Never called. */
function types(line: Line<typeof api>, call: Calls, notify: Notifies): void {
  same<Line<typeof api>["call"], Calls>(true);

  // A value goes in as the schema takes it, and the result comes out as JSON delivers it.
  same<ReturnType<Calls["upper"]>, Promise<string>>(true);
  same<ReturnType<Calls["pair"]>, Promise<string>>(true);
  same<ReturnType<Calls["now"]>, Promise<string>>(true);
  same<ReturnType<Calls["nothing"]>, Promise<null>>(true);
  same<ReturnType<Calls["optional"]>, Promise<number | null>>(true);
  same<ReturnType<Calls["money"]>, Promise<{ cents: number }[]>>(true);
  same<ReturnType<Calls["valibot"]>, Promise<{ name: string; at: string }>>(true);
  same<ReturnType<Calls["arktype"]>, Promise<string>>(true);
  same<Parameters<Calls["parsed"]>[0], string>(true);

  call.upper("text");
  call.upper("text", { timeout: 5, signal: AbortSignal.timeout(5) });
  call.math.add({ a: 1, b: 2 });
  call.pair(["text", 1]);
  call.now();
  call.now(undefined, { timeout: 5 });
  call.optional();
  call.optional("text");
  call.withDefault();
  call.valibot({ name: "n" });
  call.arktype({ name: "n" });
  notify.upper("text");
  notify.math.sum([1]);
  line.request("anything", { at: "all" });

  // @ts-expect-error a number is no text
  call.upper(5);
  // @ts-expect-error the value is missing
  call.upper();
  // @ts-expect-error a member is missing
  call.math.add({ a: 1 });
  // @ts-expect-error a member too many
  call.math.add({ a: 1, b: 2, c: 3 });
  // @ts-expect-error a member of another type
  call.math.add({ a: 1, b: "2" });
  // @ts-expect-error no such method
  call.nope();
  // @ts-expect-error no such method in there
  call.math.nope(1);
  // @ts-expect-error a namespace is not called
  call.math({ a: 1, b: 2 });
  // @ts-expect-error a method that takes nothing is given something
  call.now(5);
  // @ts-expect-error too long for the tuple
  call.pair(["text", 1, 2]);
  // @ts-expect-error no such option
  call.upper("text", { deadline: 5 });
  // @ts-expect-error a notification has no options
  notify.upper("text", { timeout: 5 });
  // @ts-expect-error a notification takes the same value
  notify.upper(5);
  // @ts-expect-error the result is a text once it has been JSON
  const date: Promise<Date> = call.now();
  // @ts-expect-error nobody may change the API at the client
  call.upper = call.arktype;
  void date;
}

/** Never called. */
function definitions(): void {
  // @ts-expect-error types are not validation: a handler with a value needs a schema
  method((text: string) => text);
  // @ts-expect-error the handler takes something else than the schema gives
  method(z.string(), (value: number) => value);
  // @ts-expect-error the handler is missing
  method(z.string());
  // @ts-expect-error not a schema
  method("string", (text: string) => text);
  // @ts-expect-error no such option
  method(() => 1, { sumary: "a typo" });
  method(z.string().transform(Number), (value) => {
    same<typeof value, number>(true);
  });
  method((value, context) => {
    same<typeof value, undefined>(true);
    same<typeof context, HandlerContext>(true);
  });

  // @ts-expect-error a plain function is no method
  const bare: Api = { bare: () => 1 };
  // @ts-expect-error neither is a value, however deep
  const deep: Api = { a: { b: { c: 5 } } };
  const good: Api = { a: { b: { c: method(() => 5) } } };
  void [bare, deep, good];
}

/** Never called. */
function serialized(): void {
  same<Serialized<string>, string>(true);
  same<Serialized<"a" | 1>, "a" | 1>(true);
  same<Serialized<Date>, string>(true);
  same<Serialized<undefined>, null>(true);
  same<Serialized<void>, null>(true);
  same<Serialized<bigint>, never>(false);
  same<Serialized<unknown>, unknown>(true);
  same<Serialized<Date[]>, string[]>(true);
  same<Serialized<[Date, number]>, [string, number]>(true);
  same<Serialized<(string | undefined)[]>, (string | null)[]>(true);
  same<Serialized<Map<string, number>>, Record<string, never>>(false);
  same<Serialized<Set<number>>, Record<string, never>>(false);
  same<Serialized<{ a: Date; f(): void }>, { a: string }>(true);
  same<Serialized<{ a?: Date }>, { a?: string }>(true);
  same<Serialized<{ a: { b: Date | null } }>, { a: { b: string | null } }>(true);
  same<Serialized<{ [name: string]: Date }>, { [name: string]: string }>(true);
}

Deno.test("maxBytes of a method that make no sense are refused", () => {
  for (const maxBytes of [0, -1, 1.5, NaN, Infinity, "1" as unknown as number]) {
    const error = assertThrows(() => method(() => true, { maxBytes }), RangeError);
    assertEquals(
      error.message,
      `Cannot make a method: maxBytes must be an integer from 1, it is ${maxBytes}`,
    );
  }
});

Deno.test("the client's types follow from the server's API", () => {
  // Checked when this file was compiled; here it is seen that nobody calls these by accident.
  assertEquals([types.length, definitions.length, serialized.length], [3, 0, 0]);
});
