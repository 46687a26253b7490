/**
 * Command-line flags.
 *
 * Written by hand rather than over `node:util`, whose `parseArgs` has no callback for unknown flags,
 * takes no value from the next argument unless the flag is declared, and knows no numbers.
 *
 * @module
 */
import type { Args, ParseOptions, Values } from "./_types.ts";

export type { Args, ParseOptions } from "./_types.ts";

/** `--name`, `--name=value`, `--no-name`, `-name`, `-name=value`. */
const FLAG = /^(?:-(?:(?<long>-)(?<negated>no-)?)?)(?<key>.+?)(?:=(?<value>.+?))?$/s;

type Nested = { [key: string]: unknown };

/**
 * Sorts arguments into flags and others. A flag that no option names takes the next argument as its
 * value, unless that is a flag itself. Values that look like numbers become numbers, except those of
 * flags declared as `string`. Nothing after `--` is a flag.
 *
 * @param args The arguments, such as `Deno.args`.
 * @param options Which flags there are, and of what type.
 * @returns The flags by name, the rest in `_`.
 */
export function parseArgs<
  TArgs extends Values<TBooleans, TStrings, TCollectable, TNegatable, TDefaults, TAliases>,
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends boolean | string | undefined = undefined,
  TStrings extends string | undefined = undefined,
  TCollectable extends string | undefined = undefined,
  TNegatable extends string | undefined = undefined,
  TDefaults extends Record<string, unknown> | undefined = undefined,
  const TAliases extends Partial<Record<string, string | ReadonlyArray<string>>> | undefined =
    undefined,
>(
  args: string[],
  options: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefaults,
    TAliases,
    TDoubleDash
  > = {},
): Args<TArgs, TDoubleDash> {
  const aliases = readAliases(options.alias);
  const booleans = withAliases(options.boolean, aliases);
  const strings = withAliases(options.string, aliases);
  const collected = withAliases(options.collect, aliases);
  const negatable = withAliases(options.negatable, aliases);
  const allBoolean = options.boolean === true;
  const result: Nested = {};
  const rest: Array<string | number> = [];

  /** Stores a flag under all of its names, if the `unknown` callback does not refuse it. */
  function set(key: string, value: string | boolean, arg: string, collect = collected.has(key)) {
    const known = booleans.has(key) || strings.has(key) || aliases.has(key) ||
      (allBoolean && /^--[^=]+$/.test(arg));
    if (!known && options.unknown?.(arg, key, value) === false) return;
    const stored = typeof value === "string" && !strings.has(key) ? toNumber(value) : value;
    for (const name of [key, ...aliases.get(key) ?? []]) {
      const previous = collect ? getNested(result, name) : undefined;
      if (!collect) setNested(result, name, stored);
      else if (Array.isArray(previous)) previous.push(stored);
      else setNested(result, name, previous ? [previous, stored] : [stored]);
    }
  }

  const takesNoValue = (key: string) =>
    booleans.has(key) || (aliases.get(key) ?? []).some((name) => booleans.has(name));
  const alone = (key: string) => strings.has(key) ? "" : true;

  const end = args.indexOf("--");
  const flags = end === -1 ? args : args.slice(0, end);
  const afterwards = end === -1 ? [] : args.slice(end + 1);

  for (let i = 0; i < flags.length; i++) {
    const arg = flags[i]!;
    const next = flags[i + 1];
    const match = FLAG.exec(arg)?.groups;

    if (!match) {
      if (options.unknown?.(arg) !== false) rest.push(strings.has("_") ? arg : toNumber(arg));
      if (!options.stopEarly) continue;
      rest.push(...flags.slice(i + 1));
      break;
    }

    if (!match.long) {
      // Letters one by one: each is a flag, and the last may have a value.
      const last = setLetters(arg);
      if (last === undefined) continue;
      if (next && !/^--?[^-]/.test(next) && !takesNoValue(last)) {
        set(last, next, arg);
        i++;
      } else if (next && isBoolean(next)) {
        set(last, next === "true", arg);
        i++;
      } else {
        set(last, alone(last), arg);
      }
      continue;
    }

    let key = match.key!;
    if (match.value) {
      set(key, booleans.has(key) ? match.value !== "false" : match.value, arg);
      continue;
    }
    if (match.negated) {
      if (negatable.has(key)) {
        set(key, false, arg, false);
        continue;
      }
      key = `no-${key}`;
    }
    if (next && !next.startsWith("-") && !allBoolean && !takesNoValue(key)) {
      set(key, next, arg);
      i++;
    } else if (next && isBoolean(next)) {
      set(key, next === "true", arg);
      i++;
    } else {
      set(key, alone(key), arg);
    }
  }

  /** Sets the letters of `-abc`; gives the last of them, unless what follows a letter was its value. */
  function setLetters(arg: string): string | undefined {
    for (let j = 1; j < arg.length - 1; j++) {
      const letter = arg[j]!;
      const next = arg.slice(j + 1);
      if (next === "-") {
        set(letter, next, arg);
        continue;
      }
      if (/[A-Za-z]/.test(letter)) {
        const value = /=(.+)/.exec(next)?.[1] ?? (/-?\d+(\.\d*)?(e-?\d+)?$/.test(next) ? next : "");
        if (value) {
          set(letter, value, arg);
          return undefined;
        }
      }
      if (j + 1 < arg.length - 1 && /\W/.test(arg[j + 1]!)) {
        set(letter, next, arg);
        return undefined;
      }
      set(letter, alone(letter), arg);
    }
    return arg.endsWith("-") ? undefined : arg.slice(-1);
  }

  for (const [key, value] of Object.entries(options.default ?? {})) {
    if (hasNested(result, key)) continue;
    for (const name of [key, ...aliases.get(key) ?? []]) setNested(result, name, value);
  }
  for (const key of booleans) {
    if (!hasNested(result, key)) setNested(result, key, collected.has(key) ? [] : false);
  }
  for (const key of strings) {
    if (collected.has(key) && !hasNested(result, key)) setNested(result, key, []);
  }

  result._ = options["--"] ? rest : [...rest, ...afterwards];
  if (options["--"]) result["--"] = afterwards;
  return result as Args<TArgs, TDoubleDash>;
}

/** For each name of a flag, its other names. */
function readAliases(alias: ParseOptions["alias"]): Map<string, string[]> {
  const others = new Map<string, string[]>();
  for (const [key, value] of Object.entries(alias ?? {})) {
    if (value === undefined) throw new TypeError("Alias value must be defined");
    const names = [key, value].flat();
    for (const name of names) others.set(name, names.filter((other) => other !== name));
  }
  return others;
}

function withAliases(
  names: boolean | string | ReadonlyArray<string> | undefined,
  aliases: Map<string, string[]>,
): Set<string> {
  const given = [names].flat().filter((name) => typeof name === "string" && name !== "");
  return new Set((given as string[]).flatMap((name) => [name, ...aliases.get(name) ?? []]));
}

function isBoolean(text: string): boolean {
  return text === "true" || text === "false";
}

function toNumber(text: string): string | number {
  return /\S/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The object that holds the last part of a name with dots; only own properties are followed. */
function parentOf(object: Nested, path: string[], make: boolean): Nested | undefined {
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(object, key) ? object[key] : undefined;
    if (typeof inner === "object" && inner !== null) object = inner as Nested;
    else if (make) object = withContext(object, key, {}) as Nested;
    else return undefined;
  }
  return object;
}

function getNested(object: Nested, name: string): unknown {
  const path = name.split(".");
  const parent = parentOf(object, path, false);
  const key = path.at(-1)!;
  return parent && Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function hasNested(object: Nested, name: string): boolean {
  const path = name.split(".");
  const parent = parentOf(object, path, false);
  return parent !== undefined && Object.hasOwn(parent, path.at(-1)!);
}

function setNested(object: Nested, name: string, value: unknown): void {
  const path = name.split(".");
  withContext(parentOf(object, path, true)!, path.at(-1)!, value);
}

/** Sets an own property whatever its name is: an assignment to `__proto__` would not. */
function withContext(object: Nested, key: string, value: unknown): unknown {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  return value;
}
