/**
 * Messages that a peer may send, of every kind, with their ids left open.
 *
 * @module
 */

import type { Dice } from "../../support/dice.ts";
import { TOKENS } from "../attack.ts";
import { drawValue, HOSTILE, KINDS, SIZES } from "./values.ts";

/** What is served: the demo, or everything that there is. */
export type Served = "demo" | "everything";

/** Stands for an id that is new in each message: digits of a fixed number. */
export const FRESH_ID = "111111111";

/** Stands for text that must not be sent as UTF-8: one byte that is none. */
export const NOT_UTF8 = "\uffff";

const ALL = Number.MAX_SAFE_INTEGER;

const IDS: readonly string[] = [
  "1",
  "1",
  "2",
  "7",
  "null",
  "1.0",
  "1e2",
  "-0",
  "12345678901234567890",
  '""',
  '"1"',
  '"\\u0031"',
  '"\\ud800"',
  `"${"i".repeat(256)}"`,
  "1e999",
];

const CREDITS: readonly string[] = [
  "0",
  "0",
  "1",
  "64",
  "1000",
  "2147483647",
  String(ALL),
  "-1",
  "1.5",
  "1e999",
  '"64"',
];

const TIMEOUTS: readonly string[] = [
  "0",
  "-1",
  "1",
  "50",
  "5000",
  "300000",
  "1e999",
  '"x"',
  "null",
];

/** A method, and values that fit it; `any` draws one that need not. */
type Drawn = readonly [name: string, value: (dice: Dice, any: () => string) => string];

const text = (dice: Dice) => JSON.stringify("x".repeat(dice.pick([0, 1, 1000, 100_000])));
const whole = (...values: number[]) => (dice: Dice) => String(dice.pick(values));
const nothing = () => "[]";

const COMMON: readonly Drawn[] = [
  ["echo", (_, any) => any()],
  ["add", (dice) => dice.pick(['{"a":1,"b":2}', "[1,2]", '{"a":1e999,"b":-1e999}', "[1]"])],
  ["sum", (_, any) => any()],
  ["sum", (dice) => `[${Array(dice.pick([1, 1000, 100_000])).fill("1").join()}]`],
  ["sleep", whole(0, 1, 50, 300_000)],
  ["countdown", whole(0, 3, 2000, ALL)],
  ["whoami", nothing],
];

const METHODS: Readonly<Record<Served, readonly Drawn[]>> = {
  demo: [
    ...COMMON,
    ["upper", text],
    ["subtract", () => '{"minuend":3,"subtrahend":1}'],
    ["now", nothing],
    ["time.in", (dice) => `{"zone":${text(dice)}}`],
    ["fail", (dice) => `{"message":${text(dice)}}`],
  ],
  everything: [
    ...COMMON,
    ["big", whole(0, 1000, 1_000_000, 8_000_000, 9_000_000)],
    ["fresh", (dice) => `{"seed":1,"size":${dice.pick([0, 10_000, 1_000_000])}}`],
    ["run", text],
    ["note", text],
    ["linger", (dice, any) => `{"ms":${dice.pick([1, 60_000])},"filler":${any()}}`],
    ["wait", (dice) => `{"key":"search","ms":${dice.pick([0, 100, 60_000])}}`],
    ["stuck", nothing],
    ["callBack", text],
    ["texts", (dice) => `{"key":"search","size":${dice.pick([1, 10_000, 500_000])}}`],
    ["freshItems", (dice) => `{"seed":1,"size":${dice.pick([1, 10_000, 500_000])},"count":100}`],
    ["total", nothing],
    ["take", nothing],
    ["mirror", nothing],
    ["work", whole(0, 1, 1000)],
    ["fail", (dice) => JSON.stringify([dice.pick(["throw", "refuse", "cycle", "bigint"])])],
    ["identify", whole(0, 1, 50)],
    ["open", nothing],
    ["memory", nothing],
  ],
};

/** Names that are no methods of the API. */
const OTHER_NAMES: readonly string[] = [
  "nothing",
  "toString",
  "__proto__",
  "constructor.prototype",
  "rpc.nothing",
  "rpc.ping",
  "rpc.serverInfo",
  "rpc.discover",
  "rpc.health",
  "rpc.health.watch",
  "",
  "a".repeat(256),
  "a".repeat(257),
  "a.".repeat(100),
  "ech\\u006f",
];

/**
 * Draws messages of one kind of server. Half of what they hold follows a theme, one size, kind of value,
 * credit and deadline: chance alone would seldom put together what is harmless by itself.
 */
export class Verbs {
  readonly #dice: Dice;
  readonly #served: Served;
  readonly #theme: {
    readonly size: number;
    readonly kind: number;
    readonly credit: string;
    readonly timeout: string;
  };

  constructor(dice: Dice, served: Served) {
    this.#dice = dice;
    this.#served = served;
    this.#theme = {
      size: dice.pick(SIZES),
      kind: dice.int(0, KINDS - 1),
      credit: dice.pick(CREDITS),
      timeout: dice.pick(TIMEOUTS),
    };
  }

  #value(): string {
    const dice = this.#dice, { size, kind } = this.#theme;
    const isThemed = dice.chance(50);
    return drawValue(
      dice,
      isThemed ? size : undefined,
      isThemed || dice.chance(30) ? kind : undefined,
    );
  }

  #credit(): string {
    return this.#dice.chance(50) ? this.#theme.credit : this.#dice.pick(CREDITS);
  }

  #timeout(): string {
    return this.#dice.chance(50) ? this.#theme.timeout : this.#dice.pick(TIMEOUTS);
  }

  /** One message, as text. */
  message(): string {
    const dice = this.#dice, draw = dice.int(0, 99);
    if (draw < 45) return this.#request();
    if (draw < 52) return this.#notification();
    if (draw < 60) return this.#response();
    if (draw < 82) return this.#control();
    if (draw < 88) return this.#authenticate();
    if (draw < 95) return this.#batch();
    return this.#garbage();
  }

  #request(): string {
    const [name, params] = this.#call();
    return `{"jsonrpc":"2.0","id":${this.#id()},"method":"${name}","params":${params}}`;
  }

  #notification(): string {
    const [name, params] = this.#call();
    return `{"jsonrpc":"2.0","method":"${name}","params":${params}}`;
  }

  #response(): string {
    const value = this.#value(), code = this.#dice.pick(["-32000", "1e999", '"x"', "{}"]);
    const outcome = this.#dice.pick([
      `"result":${value}`,
      `"error":{"code":${code},"message":${value}}`,
      `"error":{"code":-32000,"message":"x","data":${value}}`,
      `"result":1,"error":${value}`,
    ]);
    return `{"jsonrpc":"2.0","id":${this.#id()},${outcome}}`;
  }

  #control(): string {
    const dice = this.#dice, id = this.#id(), dir = dice.chance(50) ? ',"dir":"up"' : "";
    const params = dice.chance(10) ? this.#asParams(this.#value()) : undefined;
    const [name, usual] = dice.pick<readonly [string, string]>([
      ["cancelRequest", `{"id":${id}}`],
      ["stream/credit", `{"id":${id},"n":${this.#credit()}${dir}}`],
      ["stream/credit", `{"id":${id},"n":64}`],
      ["stream/item", `{"id":${id},"value":${this.#value()},"dir":"up"}`],
      ["stream/item", `{"id":${id},"values":[${this.#several()}],"dir":"up"}`],
      ["stream/item", `{"id":${id},"value":1,"eventId":${dice.pick(HOSTILE)}${dir}}`],
      ["stream/end", `{"id":${id}${dir}}`],
      ["progress", `{"token":${id},"value":${this.#value()}}`],
      ["goaway", `{"reason":${dice.pick(HOSTILE)},"graceMs":${dice.pick(HOSTILE)}}`],
      ["nothing", this.#asParams(this.#value())],
    ]);
    return `{"jsonrpc":"2.0","method":"$/${name}","params":${params ?? usual}}`;
  }

  #authenticate(): string {
    const token = this.#dice.pick([
      JSON.stringify(TOKENS.alice),
      JSON.stringify(TOKENS.bob),
      '"wrong"',
      `"${"t".repeat(10_000)}"`,
      this.#dice.pick(HOSTILE),
    ]);
    const params = `{"scheme":"bearer","token":${token}}`;
    return `{"jsonrpc":"2.0","id":${this.#id()},"method":"rpc.authenticate","params":${params}}`;
  }

  #batch(): string {
    const dice = this.#dice, count = dice.pick([1, 2, 10, 100, 100, 101]);
    // A few kinds, again and again, within what a message may hold.
    const kinds = Array.from({ length: dice.int(1, 4) }, () => {
      const draw = dice.int(0, 9);
      return draw < 6 ? this.#request() : draw < 8 ? this.#notification() : this.#control();
    }).filter((it) => it.length < 900_000);
    const texts: string[] = [];
    let length = 0;
    for (let i = 0; i < count && kinds.length > 0; i++) {
      const one = kinds[i % kinds.length]!;
      if ((length += one.length + 1) > 1_000_000) break;
      texts.push(one);
    }
    return `[${texts.join()}]`;
  }

  #garbage(): string {
    return this.#dice.pick([
      "{",
      "[]",
      "1",
      "null",
      '{"jsonrpc":"2.0"',
      NOT_UTF8,
      `{"jsonrpc":"2.0","id":1,"method":"echo","params":["${NOT_UTF8}"]}`,
      "[".repeat(100_000),
      `"${"x".repeat(1_100_000)}"`,
      "GET / HTTP/1.1",
      this.#value(),
    ]);
  }

  /** A method and its params: most of the time what it takes. */
  #call(): readonly [name: string, params: string] {
    const dice = this.#dice;
    if (dice.chance(15)) return [dice.pick(OTHER_NAMES), this.#params(drawValue(dice, 100))];
    const [name, value] = dice.pick(METHODS[this.#served]);
    return [name, this.#params(dice.chance(10) ? this.#value() : value(dice, () => this.#value()))];
  }

  /** A value as params, with `_meta` or without. */
  #params(value: string): string {
    const dice = this.#dice;
    if (dice.chance(40)) return this.#asParams(value);
    const members: string[] = [];
    if (dice.chance(60)) {
      const after = dice.chance(10) ? `,"after":${dice.pick(HOSTILE)}` : "";
      members.push(`"stream":{"credit":${this.#credit()}${after}}`);
    }
    if (dice.chance(30)) members.push(`"timeoutMs":${this.#timeout()}`);
    if (dice.chance(20)) members.push(`"progressToken":${dice.pick(HOSTILE)}`);
    if (dice.chance(10)) members.push(`"traceparent":${dice.pick(HOSTILE)}`);
    if (dice.chance(25)) members.push(`"j":${this.#value()}`);
    const meta = `"_meta":{${members.join()}}`;
    // It stands beside the members of an object, and beside anything else as `value`.
    if (!value.startsWith("{")) return `{"value":${value},${meta}}`;
    return value === "{}" ? `{${meta}}` : `{${meta},${value.slice(1)}`;
  }

  #asParams(value: string): string {
    return value.startsWith("[") || value.startsWith("{") ? value : `[${value}]`;
  }

  #several(): string {
    const value = drawValue(this.#dice, this.#dice.pick([0, 100, 5_000]));
    return Array(this.#dice.pick([1, 2, 64, 65])).fill(value).join();
  }

  #id(): string {
    return this.#dice.chance(60) ? FRESH_ID : this.#dice.pick(IDS);
  }
}
