// What a caller gets: the result as it looks after JSON.

import type { Buffer } from "node:buffer";
import * as z from "npm:zod@4";
import {
  event,
  type Line,
  type Method,
  method,
  type Serialized,
  stream,
  type StreamCall,
  type StreamEvent,
  type UntypedCallPromise,
} from "../../lib/mod.ts";
import { mock } from "../../lib/testing.ts";
import { type Equal, of, same } from "./_equal.ts";

class Money {
  cents = 0;
  #secret = 1;
  toJSON(): { amount: string; at: Date } {
    return { amount: `${this.cents + this.#secret}`, at: new Date() };
  }
}

interface Plain {
  a: number;
  method(): number;
}

interface Tree {
  value: number;
  born: Date;
  kids: Tree[];
}

// What JSON has words for stays what it is.
same<Equal<Serialized<string>, string>>();
same<Equal<Serialized<"a" | "b">, "a" | "b">>();
same<Equal<Serialized<number>, number>>();
same<Equal<Serialized<boolean>, boolean>>();
same<Equal<Serialized<null>, null>>();
same<Equal<Serialized<{ a: number; b?: string }>, { a: number; b?: string }>>();
same<Equal<Serialized<readonly [1, "x"]>, readonly [1, "x"]>>();
same<Equal<Serialized<unknown>, unknown>>();

// What it has no words for becomes what JSON.stringify makes of it.
same<Equal<Serialized<Date>, string>>();
same<Equal<Serialized<undefined>, null>>();
same<Equal<Serialized<void>, null>>();
same<Equal<Serialized<Date | undefined>, string | null>>();
same<Equal<Serialized<(Date | null)[]>, (string | null)[]>>();
same<Equal<Serialized<{ a: Date; b: () => void; [Symbol.iterator]: number }>, { a: string }>>();
same<Equal<Serialized<{ a: Date | undefined }>, { a: string | undefined }>>();
same<Equal<Serialized<{ a?: Date }>, { a?: string }>>();
// deno-lint-ignore no-explicit-any
same<Equal<Serialized<{ a: any; b: unknown }>, { a: any; b: unknown }>>();
same<Equal<Serialized<Money>, { amount: string; at: string }>>();
same<Equal<Serialized<Plain>, { a: number }>>();
same<Equal<Serialized<Tree>["born"], string>>();
same<Equal<Serialized<Tree>["kids"][number]["kids"][number]["born"], string>>();

// What cannot travel is refused where it is used, wherever it stands.
interface Untravelled<T> {
  readonly "cannot travel as JSON": T;
}
same<Equal<Serialized<bigint>, { readonly "cannot travel as JSON": bigint }>>();
const _untravelled: [
  Untravelled<symbol>,
  Untravelled<() => void>,
  Untravelled<Map<string, number>>,
  Untravelled<ReadonlySet<string>>,
  Untravelled<WeakMap<object, number>>,
  Untravelled<Promise<number>>,
  Untravelled<Generator<number>>,
  Untravelled<AsyncGenerator<number>>,
  Untravelled<ReadableStream<number>>,
  Untravelled<RegExp>,
  Untravelled<ArrayBuffer>,
  Untravelled<Float64Array>,
  Untravelled<DataView>,
] = of<
  [
    Serialized<symbol>,
    Serialized<() => void>,
    Serialized<Map<string, number>>,
    Serialized<ReadonlySet<string>>,
    Serialized<WeakMap<object, number>>,
    Serialized<Promise<number>>,
    Serialized<Generator<number>>,
    Serialized<AsyncGenerator<number>>,
    Serialized<ReadableStream<number>>,
    Serialized<RegExp>,
    Serialized<ArrayBuffer>,
    Serialized<Float64Array>,
    Serialized<DataView>,
  ]
>();
same<Equal<Serialized<{ a: { n: bigint }[] }>["a"][number]["n"], Serialized<bigint>>>();
same<Equal<Serialized<bigint | string>, string | { readonly "cannot travel as JSON": bigint }>>();
const big = of<Line<{ big: Method<undefined, bigint>; deep: Method<undefined, { n: bigint }> }>>();
// @ts-expect-error: a bigint cannot travel
const _big: bigint = await big.call.big();
// @ts-expect-error: nor does it arrive as something else
const _string: string = await big.call.big();
// @ts-expect-error: nor anywhere in a result
const _deep: bigint = (await big.call.deep()).n;
// @ts-expect-error: a map does not arrive as an object
const _map: Record<string, number> = of<Serialized<Map<string, number>>>();

// Bytes arrive as bytes.
same<Equal<Serialized<Uint8Array>, Uint8Array<ArrayBuffer>>>();
same<Equal<Serialized<Uint8Array<ArrayBuffer>>, Uint8Array<ArrayBuffer>>>();
same<Equal<Serialized<Buffer>, Uint8Array<ArrayBuffer>>>();
same<Equal<Serialized<{ a: Uint8Array; b?: [Uint8Array, Date] }>["a"], Uint8Array<ArrayBuffer>>>();
same<
  Equal<Serialized<{ b?: [Uint8Array, Date] }>, { b?: [Uint8Array<ArrayBuffer>, string] }>
>();
same<Equal<Serialized<Uint8Array | null>, Uint8Array<ArrayBuffer> | null>>();

const api = {
  bytes: method(z.instanceof(Uint8Array), (bytes) => {
    same<Equal<typeof bytes, Uint8Array<ArrayBuffer>>>();
    return { bytes };
  }),
  sync: method(() => 1),
  later: method(() => Promise.resolve("x")),
  either: method(() => of<string | Promise<number>>()),
  date: method(() => new Date()),
  nothing: method(() => {}),
  maybe: method(() => of<{ a: Date } | undefined>()),
  literal: method(() => ({ kind: "ok" as const })),
  money: method(() => new Money()),
  never: method((): never => {
    throw new Error("never");
  }),
  generic: method(z.array(z.string()), (texts) => texts.map((text) => ({ text, at: new Date() }))),
  items: stream(async function* () {
    yield new Date();
    return { at: new Date() };
  }),
  readable: stream(() => of<ReadableStream<number>>()),
  array: stream(() => [1, 2]),
};

const { call, request } = of<Line<typeof api>>();

same<Equal<ReturnType<typeof call.sync>, Promise<number>>>();
same<
  Equal<ReturnType<typeof call.bytes>, Promise<{ bytes: Uint8Array<ArrayBuffer> }>>
>();
// What came can be sent again, and given to what takes bytes.
call.bytes((await call.bytes(new Uint8Array())).bytes);
crypto.subtle.digest("SHA-256", (await call.bytes(new Uint8Array())).bytes);
// @ts-expect-error: base64 is for the wire
call.bytes("AA==");
same<Equal<ReturnType<typeof call.later>, Promise<string>>>();
same<Equal<ReturnType<typeof call.either>, Promise<string | number>>>();
same<Equal<ReturnType<typeof call.date>, Promise<string>>>();
same<Equal<ReturnType<typeof call.nothing>, Promise<null>>>();
same<Equal<ReturnType<typeof call.maybe>, Promise<{ a: string } | null>>>();
same<Equal<ReturnType<typeof call.literal>, Promise<{ kind: "ok" }>>>();
same<Equal<ReturnType<typeof call.money>, Promise<{ amount: string; at: string }>>>();
same<Equal<ReturnType<typeof call.never>, Promise<never>>>();
same<Equal<ReturnType<typeof call.generic>, Promise<{ text: string; at: string }[]>>>();
same<Equal<ReturnType<typeof request>, UntypedCallPromise>>();

// A stream is awaited for all items, or iterated for one after another.
const items = call.items();
same<Equal<Awaited<typeof items>, string[]>>();
for await (const item of items) same<Equal<typeof item, string>>();
const iterator = items[Symbol.asyncIterator]();
const next = await iterator.next();
if (next.done) same<Equal<typeof next.value, { at: string }>>();
else same<Equal<typeof next.value, string>>();
await using _closed = iterator;
ReadableStream.from(items);
const readable: StreamCall<number, unknown> = call.readable();
for await (const n of readable) same<Equal<typeof n, number>>();
for await (const n of call.array()) same<Equal<typeof n, number>>();
// @ts-expect-error: a method's answer is not iterated
for await (const _ of call.sync());

// @ts-expect-error: a stream's handler returns something that can be iterated
stream(() => 7);
// @ts-expect-error: and not a promise of one item
stream(async () => await Promise.resolve(7));

// Without a type nothing is known, and everything is allowed.
const untyped = of<Line>();
const unknown = untyped.call.a!.b!.c!({ any: "value" });
same<Equal<Awaited<typeof unknown>, unknown>>();
for await (const item of untyped.call.items!()) same<Equal<typeof item, unknown>>();

// An event is its value, for those who get it.
same<Equal<Serialized<StreamEvent<Date>>, string>>();
const events = {
  news: stream(function* (_, { after }) {
    same<Equal<typeof after, string | undefined>>();
    yield event("1", { at: new Date() });
    yield "plain";
  }),
};
const news = of<Line<typeof events>>().call.news(undefined, { after: "1" });
same<Equal<typeof news, StreamCall<"plain" | { at: string }, null>>>();
same<
  Equal<ReturnType<typeof news[typeof Symbol.asyncIterator]>["lastEventId"], string | undefined>
>();

// A mock has the types that callers see.
const _mocks = [
  mock<typeof events>({ news: () => ["plain", { at: "then" }] }),
  // @ts-expect-error: an item looks as it does after JSON
  mock<typeof events>({ news: () => [{ at: new Date() }] }),
  // @ts-expect-error: there is no such method
  mock<typeof events>({ old: () => [] }),
];
