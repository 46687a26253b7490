/**
 * The command line of client.ts: words, and options.
 *
 * Read with what the runtime ships instead of `@std/cli`, which could not be found when client.ts is
 * run from its URL: there is no import map then, and perhaps no registry in reach.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";
import type { FramingName, TlsClientOptions } from "../../lib/client.ts";
import { quoted } from "../text/printable.ts";

/** Options by name: whether each takes a value, and its short name. */
export type ArgumentOptions = NonNullable<ParseArgsConfig["options"]>;

/** The options that every command takes. */
export const SHARED_OPTIONS = {
  timeout: { type: "string" },
  framing: { type: "string" },
  header: { type: "string", multiple: true },
  "token-file": { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  plain: { type: "boolean" },
  "version-1": { type: "boolean" },
  retry: { type: "boolean" },
  json: { type: "boolean" },
  verbose: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const satisfies ArgumentOptions;

/** Those of them that commands take which call no server. */
export const LOCAL_OPTIONS: Pick<typeof SHARED_OPTIONS, "json" | "help" | "version"> = {
  json: SHARED_OPTIONS.json,
  help: SHARED_OPTIONS.help,
  version: SHARED_OPTIONS.version,
};

/** The words and options of a command line, as they were written. */
export interface Arguments {
  /** What is no option. */
  readonly words: readonly string[];
  /** The options that were given, with their values: the last, where one was given several times. */
  readonly values: ReadonlyMap<string, string | undefined>;
  /** All values of the options that may be given several times. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/** What a command is given besides its words. */
export interface Given {
  /** All options by name; a command finds its own here. */
  readonly values: ReadonlyMap<string, string | undefined>;
  /** All values of the options that may be given several times; none of those that were not given. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds; undefined where there is no deadline. */
  readonly timeout: number | undefined;
  /** The framing to speak. */
  readonly framing: FramingName;
  /** Headers of the requests of HTTP, if any were given. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Where the bearer token stands. */
  readonly tokenFile: string | undefined;
  /** What was said about TLS. */
  readonly tls: TlsClientOptions | undefined;
  /** Asks the server for nothing but the calls of the user: no description, no extensions. */
  readonly plain: boolean;
  /** Speaks JSON-RPC 1.0, which has no extensions. */
  readonly version1: boolean;
  /** Tries again what certainly has not run. */
  readonly retry: boolean;
  /** Prints for programs: JSON, a text a line. */
  readonly json: boolean;
  /** Shows every frame on standard error. */
  readonly verbose: boolean;
}

/**
 * Tells words from options. Options may stand anywhere before `--`; a negative number is no option.
 *
 * @param options those that there are, besides {@linkcode SHARED_OPTIONS}
 * @param known whether an option that there is not is refused; it is a word's neighbour where not
 * @throws {TypeError} for an option that there is not; the message is one line
 */
export function readArguments(args: string[], own: ArgumentOptions, known = true): Arguments {
  const options: ArgumentOptions = { ...SHARED_OPTIONS, ...own };
  const { tokens } = parseArgs({
    args,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const values = new Map<string, string | undefined>();
  const lists = new Map<string, string[]>();
  let last = -1;
  for (const token of tokens) {
    // `-15` comes as two tokens, `-1` and `-5`.
    const isNew = token.index !== last;
    last = token.index;
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const arg = args[token.index]!;
    if (/^-\.?\d/.test(arg)) {
      if (isNew) words.push(arg);
    } else if (!Object.hasOwn(options, token.name)) {
      if (!known) continue;
      throw new TypeError(`Cannot read the options: there is no ${quoted(arg)}, --help lists them`);
    } else {
      values.set(token.name, token.value);
      if (options[token.name]!.multiple) {
        lists.set(token.name, [...lists.get(token.name) ?? [], token.value ?? ""]);
      }
    }
  }
  return { words, values, lists };
}

/**
 * What the options say that every command takes.
 *
 * @throws {TypeError} for a value that makes no sense; the message is one line
 */
export function givenOf({ values, lists }: Pick<Arguments, "values" | "lists">): Given {
  return {
    values,
    lists,
    timeout: values.has("timeout") ? milliseconds("--timeout", values.get("timeout")) : undefined,
    framing: values.has("framing") ? framing(values.get("framing")) : "json",
    headers: lists.has("header") ? headersOf(lists.get("header")!) : undefined,
    tokenFile: values.has("token-file") ? fileOf(values, "token-file") : undefined,
    tls: tlsOptions(values),
    plain: values.has("plain") || values.has("version-1"),
    version1: values.has("version-1"),
    retry: values.has("retry"),
    json: values.has("json"),
    verbose: values.has("verbose"),
  };
}

/**
 * The value of an option that counts milliseconds.
 *
 * @throws {TypeError} for anything but a whole number; the message is one line
 */
export function milliseconds(option: string, text = ""): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new TypeError(
    `Cannot read ${option}: it needs milliseconds, ${
      text === "" ? "there are none" : quoted(text)
    }`,
  );
}

function tlsOptions(values: Arguments["values"]): TlsClientOptions | undefined {
  const files = ["ca", "cert", "key"].filter((name) => values.has(name));
  const options = Object.fromEntries(files.map((name) => [name, fileOf(values, name)]));
  if (values.has("cert") !== values.has("key")) {
    throw new TypeError("Cannot use TLS: a certificate needs both --cert FILE and --key FILE");
  }
  return files.length === 0 ? undefined : options;
}

function headersOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const colon = text.indexOf(":");
    if (colon > 0) return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
    throw new TypeError(`Cannot read --header: it needs NAME: VALUE, it is ${quoted(text)}`);
  }));
}

function fileOf(values: Arguments["values"], name: string): string {
  const file = values.get(name);
  if (file) return file;
  throw new TypeError(`Cannot read --${name}: it needs the path of a file`);
}

function framing(text = ""): FramingName {
  if (text === "json" || text === "headers" || text === "length") return text;
  throw new TypeError(
    `Cannot read --framing: it must be json, headers or length, ${
      text === "" ? "there is none" : `it is ${quoted(text)}`
    }`,
  );
}
