/**
 * The value of a form. Each field shows one place in it. If no field shows a place, it stays unchanged.
 *
 * Knows nothing of the page.
 *
 * @module
 */

import { jsonOf } from "../visible.ts";
import { indexIn, isRecord } from "../json.ts";
import { type Field, memberOf, type Part, Schemas } from "../schema.ts";
import {
  type OpenRpcDocument,
  type ParamsOfMethod,
  type ParamsShape,
  paramsShape,
} from "./params.ts";

/** Steps from the value to a place in it. */
export type Path = readonly (string | number)[];

/** Choices within choices for which a first value is made. */
const MAX_NESTED = 8;

/** A place in the value, and what stands there. */
export interface Slot {
  readonly part: Part;
  readonly path: Path;
  readonly isRequired: boolean;
  /** Whether it may be absent for a while: an item of a list is there or is not. */
  readonly mayBeAbsent: boolean;
  /** Undefined if nothing stands there. */
  get(): unknown;
  /** Puts a value there, and what it needs around it; undefined takes it away. */
  set(value: unknown): void;
}

/** The form of one method. */
export class FormModel {
  readonly schemas: Schemas;
  /** The value as a whole; undefined if the method takes none. */
  readonly root: Slot | undefined;
  /** Told of each change that a field made. */
  onchange: (() => void) | null = null;
  readonly #shape: ParamsShape | undefined;
  #params: unknown;
  /** The value that the params stand for. It is kept because some params can be read in two ways. */
  #value: unknown;
  /** Which alternative a person chose at a place; alternatives have alternatives. */
  readonly #chosen = new Map<string, Map<readonly Part[], number>>();
  /** What is wrong with a text that was typed, by place: it is no value. */
  readonly #problems = new Map<string, string>();

  constructor(method: ParamsOfMethod, document: OpenRpcDocument) {
    this.schemas = new Schemas(document);
    const shape = this.#shape = paramsShape(method, document, this.schemas);
    this.root = shape && {
      part: shape.part,
      path: [],
      isRequired: shape.isRequired,
      mayBeAbsent: true,
      get: () => this.#value,
      set: (value) => {
        this.#value = value;
        this.#params = shape.wrap(value);
        this.onchange?.();
      },
    };
  }

  /** The params as they travel; undefined if there are none. */
  get params(): unknown {
    return this.#params;
  }

  /** Replaces the params. `onchange` is not called. */
  set params(params: unknown) {
    this.#params = params;
    this.#value = params === undefined ? undefined : this.#shape?.unwrap(params);
    this.#chosen.clear();
    this.#problems.clear();
  }

  /** Whether the fields can show what there is. */
  get isShown(): boolean {
    const value = this.root?.get();
    if (this.root === undefined) return this.#params === undefined;
    return value === undefined
      ? this.#params === undefined
      : this.schemas.shows(this.root.part, value);
  }

  // ---- Places --------------------------------------------------------------------------------

  /** The place of a member. */
  member(slot: Slot, name: string, part: Part, isRequired: boolean): Slot {
    return {
      part,
      path: [...slot.path, name],
      isRequired,
      mayBeAbsent: true,
      get: () => memberOf(slot.get(), name),
      set: (value) => {
        const given = slot.get(), field = this.schemas.fieldOf(slot.part);
        slot.set(withMember(isRecord(given) ? given : this.#frame(field), field, name, value));
      },
    };
  }

  /** The place of an item of a list, which is there. */
  item(slot: Slot, index: number, part: Part): Slot {
    return {
      part,
      path: [...slot.path, index],
      isRequired: true,
      mayBeAbsent: false,
      get: () => memberOf(slot.get(), index),
      set: (value) => slot.set(listOf(slot).with(index, value)),
    };
  }

  /** The place of an item of a tuple: it may be absent, and `null` stands for it before one that is not. */
  place(slot: Slot, index: number, part: Part, isRequired: boolean): Slot {
    const isAbsent = (value: unknown) =>
      value === undefined || value === null && !this.schemas.fits(part, null);
    return {
      part,
      path: [...slot.path, index],
      isRequired,
      mayBeAbsent: true,
      get: () => {
        const value = memberOf(slot.get(), index);
        return isAbsent(value) ? undefined : value;
      },
      set: (value) => {
        const given = listOf(slot), items: unknown[] = [...given];
        while (items.length <= index) items.push(null);
        items[index] = value ?? null;
        if (value === undefined && index >= given.length - 1) {
          items.length = index;
          while (items.length > 0 && this.#isFiller(slot, items.length - 1, items.at(-1))) {
            items.pop();
          }
        }
        slot.set(items);
      },
    };
  }

  #isFiller(slot: Slot, index: number, value: unknown): boolean {
    const field = this.schemas.fieldOf(slot.part);
    const part = field.kind === "tuple" ? field.items[index] : undefined;
    return value === null && part !== undefined && !this.schemas.fits(part, null);
  }

  /** The same place as one of its alternatives. */
  option(slot: Slot, part: Part): Slot {
    return { ...slot, part };
  }

  // ---- What a person does --------------------------------------------------------------------

  /** Adds an item to a list. */
  addItem(slot: Slot, part: Part): void {
    const items = listOf(slot);
    this.#chooseFirst([...slot.path, items.length], part);
    slot.set([...items, this.initial(part)]);
  }

  /** Puts a first value where nothing stands. */
  begin(slot: Slot): void {
    this.#chooseFirst(slot.path, slot.part);
    slot.set(this.initial(slot.part));
  }

  /** Shows the alternative that {@linkcode initial} takes: another one may take its value, too. */
  #chooseFirst(path: Path, part: Part): void {
    for (let steps = 0, at = part; steps < MAX_NESTED; steps++) {
      const field = this.schemas.fieldOf(at);
      if (field.kind !== "choice") return;
      const key = keyOf(path), chosen = this.#chosen.get(key) ?? new Map();
      this.#chosen.set(key, chosen.set(field.options, 0));
      at = field.options[0]!;
    }
  }

  /** Takes an item out of a list. */
  removeItem(slot: Slot, index: number): void {
    slot.set(listOf(slot).toSpliced(index, 1));
  }

  /** Which alternative is shown; -1 if none, because nothing is there or none can show it. */
  chosen(slot: Slot, options: readonly Part[]): number {
    const remembered = this.#chosen.get(keyOf(slot.path))?.get(options), value = slot.get();
    if (remembered !== undefined && options[remembered] !== undefined) {
      if (value === undefined || this.schemas.fits(options[remembered], value)) return remembered;
      if (this.schemas.shows(options[remembered], value)) return remembered;
    }
    return value === undefined ? -1 : this.schemas.optionOf(options, value);
  }

  /** Shows another alternative: the value stays if it fits; -1 takes it away. */
  choose(slot: Slot, options: readonly Part[], index: number): void {
    const key = keyOf(slot.path), option = options[index], value = slot.get();
    const before = options[this.chosen(slot, options)], chosen = this.#chosen.get(key) ?? new Map();
    this.#chosen.set(key, chosen);
    if (option === undefined) {
      chosen.delete(options);
      return slot.set(undefined);
    }
    chosen.set(options, index);
    // The value stays if it fits and the user has changed what the last choice put there.
    const isUntouched = before !== undefined &&
      JSON.stringify(value) === JSON.stringify(this.initial(before));
    if (value !== undefined && !isUntouched && this.schemas.fits(option, value)) return;
    const first = this.initial(option);
    this.#chooseFirst(slot.path, option);
    slot.set(slot.mayBeAbsent && isBlank(first) ? undefined : first);
  }

  /** Takes a typed text; returns what is wrong with it. The value stays what it was if it is none. */
  type(slot: Slot, text: string): string | undefined {
    const field = this.schemas.fieldOf(slot.part), key = keyOf(slot.path);
    const typed = textValue(field, text, slot);
    if ("problem" in typed) {
      this.#problems.set(key, typed.problem);
      this.onchange?.();
      return typed.problem;
    }
    this.#problems.delete(key);
    slot.set(typed.value);
    return undefined;
  }

  /** What is wrong with the texts that were typed: the first place of them, and why. */
  get problem(): { readonly path: Path; readonly message: string } | undefined {
    for (const [key, message] of this.#problems) return { path: JSON.parse(key), message };
    return undefined;
  }

  /** Forgets what was typed and chosen below a place, and typed in it: its fields are gone. */
  forget(path: Path): void {
    const start = path.length === 0 ? "[" : keyOf(path).slice(0, -1) + ",", own = keyOf(path);
    const isBelow = (key: string) => key !== own && key.startsWith(start);
    this.#problems.delete(own);
    for (const key of [...this.#problems.keys()]) if (isBelow(key)) this.#problems.delete(key);
    for (const key of [...this.#chosen.keys()]) if (isBelow(key)) this.#chosen.delete(key);
  }

  /** The value that stands there once it is added. */
  initial(part: Part, depth = 0): unknown {
    const field = this.schemas.fieldOf(part);
    if (field.fallback !== undefined && this.schemas.fits(part, field.fallback)) {
      return structuredClone(field.fallback);
    }
    switch (field.kind) {
      case "text":
        return "";
      case "number":
        return 0;
      case "enum":
        return field.values[0];
      case "bytes":
        return { $base64: "" };
      case "list":
      case "tuple":
        return [];
      case "object":
        return this.#frame(field);
      case "choice":
        return depth > MAX_NESTED ? null : this.initial(field.options[0]!, depth + 1);
      case "json":
        return null;
    }
  }

  /** An object with nothing but the members that can have one value only. */
  #frame(field: Field): Readonly<Record<string, unknown>> {
    if (field.kind !== "object") return {};
    const fixed: [string, unknown][] = [];
    for (const { name, isRequired, part } of field.members) {
      if (!isRequired) continue;
      const member = this.schemas.fieldOf(part);
      if (member.kind === "enum" && member.values.length === 1) {
        fixed.push([name, member.values[0]]);
      }
    }
    return Object.fromEntries(fixed);
  }
}

/** A path as a key. */
export function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** The text that stands in the field of a value. */
export function fieldText(field: Field, value: unknown): string {
  if (value === undefined) return "";
  if (field.kind === "text" && typeof value === "string") return value;
  return field.kind === "json" ? jsonOf(value) : JSON.stringify(value);
}

type Typed = { readonly value: unknown } | { readonly problem: string };

function textValue(field: Field, text: string, slot: Slot): Typed {
  if (field.kind === "text") {
    return { value: text === "" && slot.mayBeAbsent && !slot.isRequired ? undefined : text };
  }
  if (text.trim() === "") {
    return slot.mayBeAbsent ? { value: undefined } : { problem: "A value is missing" };
  }
  return field.kind === "number" ? numberValue(text.trim()) : jsonValue(text);
}

function numberValue(text: string): Typed {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return { problem: "This is no number" };
  const value = Number(text);
  if (!Number.isFinite(value)) return { problem: "This number is too large" };
  // What is sent is the shortest text that means this number.
  const exact = exactly(text), sent = JSON.stringify(value);
  if (exact !== undefined && (exactly(sent) ?? BigInt(value)) !== exact) {
    return { problem: "This number cannot be sent digit for digit from here" };
  }
  return { value };
}

/** The integer that stands there; undefined if it is written otherwise. */
function exactly(text: string): bigint | undefined {
  return /^[+-]?\d{1,400}$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
}

function jsonValue(text: string): Typed {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `This is no JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/** The object with this member, in the order of the schema; without it for undefined. */
function withMember(
  object: Readonly<Record<string, unknown>>,
  field: Field,
  name: string,
  value: unknown,
): Readonly<Record<string, unknown>> {
  const members = new Map(Object.entries(object));
  const isNew = !members.has(name);
  if (value === undefined) members.delete(name);
  else members.set(name, value);
  if (!isNew || value === undefined || field.kind !== "object") return Object.fromEntries(members);
  const ordered = new Map<string, unknown>();
  for (const { name } of field.members) {
    if (members.has(name)) ordered.set(name, members.get(name));
  }
  return Object.fromEntries([...ordered, ...[...members].filter(([name]) => !ordered.has(name))]);
}

function listOf(slot: Slot): readonly unknown[] {
  const value = slot.get();
  return Array.isArray(value) ? value : [];
}

/** Whether it is what stands in a field in which nothing was typed. */
function isBlank(value: unknown): boolean {
  return value === "" || value === 0 || isRecord(value) && Object.keys(value).length === 0 ||
    Array.isArray(value) && value.length === 0;
}

/** Which of the values stands there; -1 if none does. */
export function valueIndex(values: readonly unknown[], value: unknown): number {
  return value === undefined ? -1 : indexIn(values, value);
}
