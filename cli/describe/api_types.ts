/**
 * `landline types api.ts -o api_types.ts`: the types of an API, out of its own module. No server is
 * started: the module is imported, its methods say of themselves what they would tell a caller that
 * asks, and the generator of `client.ts --types` writes it down.
 *
 * @module
 */

import { type AnyMethod, proceduresOf } from "../../lib/api/api.ts";
import { describe } from "../../lib/builtin/openrpc.ts";
import { refuseUntravelled } from "../../lib/api/travels.ts";
import { jsonSchemaOf } from "../../lib/schema/questions.ts";
import type { StandardSchema } from "../../lib/schema/standard_schema.ts";
import { importApi } from "../command/api_module.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { printable, quoted } from "../text/printable.ts";
import { print } from "../text/stdio.ts";
import { readDescription } from "./discover.ts";
import { typesModule } from "./types_module.ts";

/** It calls no server. */
export const connects = false;

/** Its own options. */
export const options = {
  output: { type: "string", short: "o" },
  check: { type: "boolean" },
  from: { type: "string" },
} as const satisfies ArgumentOptions;

/** What it prints for `--help`. */
export const help = `\
Writes the types of an API as a TypeScript module that exports the type Api, for
connect<Api>(), without starting a server.

Usage: deno run -R -W client.ts types API [-o FILE] [--check] [--from ADDRESS]

API is a module, as a path from the current directory or as a URL, that exports
an API as "api" or as its default. It is imported, and must not serve then: what
serves stands behind "if (import.meta.main)". The result of a method is known by
its option "result", or by its contract; it is unknown without.

Options:
  -o, --output FILE  where the types go: .ts or .d.ts [default: standard output]
  --check            for CI: writes nothing, and exits with 1 if FILE does not
                     have what would be written
  --from ADDRESS     where FILE imports the library's types from
                     [default: @landline/rpc/client]

Exit codes:
  0    the types are written, or FILE has them
  1    FILE has other types, or is not there; a schema does not tell its JSON
       Schema; FILE cannot be written
  2    the command line makes no sense; the module cannot be loaded, or exports
       no API

Examples:
  deno run -R -W client.ts types api.ts -o api_types.ts
  deno run -R client.ts types api.ts -o api_types.ts --check
`;

/** The name under which a file that is committed finds the library on every machine. */
const LIBRARY = "@landline/rpc/client";

/** Milliseconds after which it says what it is waiting for. */
const PATIENCE = 3000;

/** Methods that are named in one line. */
const MAX_NAMED = 5;

/** Prints the module, writes it, or compares it with what is there. */
export async function run([module, other]: readonly string[], given: Given): Promise<number> {
  if (module === undefined) {
    throw new TypeError("Cannot write the types: API is missing, --help shows how");
  }
  if (other !== undefined) {
    throw new TypeError(
      `Cannot write the types of more than one API: ${quoted(module)}, ${quoted(other)}`,
    );
  }
  const file = given.values.get("output"), isCheck = given.values.has("check");
  if (given.values.has("output") && !file) {
    throw new TypeError("Cannot write the types: -o needs the path of a file");
  }
  if (isCheck && file === undefined) {
    throw new TypeError("Cannot check the types: -o FILE says which file is to have them");
  }
  const methods = await methodsOf(module);
  refuseUndescribed(module, methods);
  const text = await typesOf(module, methods, given.values.get("from") ?? LIBRARY);
  if (file !== undefined && isCheck) {
    compare(file, text, module);
    return EXIT.OK;
  }
  if (file === undefined) await print(text);
  else write(file, text);
  tellUnknown(methods);
  return EXIT.OK;
}

/** The methods of a module's API, by their whole names. */
async function methodsOf(module: string): Promise<ReadonlyMap<string, AnyMethod>> {
  const timer = setTimeout(() =>
    console.error(
      `${printable(module)} is still being loaded: if it serves, let it do so ` +
        "behind if (import.meta.main)",
    ), PATIENCE);
  try {
    return proceduresOf(await importApi(module, "write the types of"), refuseUntravelled);
  } catch (error) {
    const { message, cause } = error as Error;
    if (!(cause instanceof Deno.errors.NotCapable)) throw error;
    throw new TypeError(`${message}; what serves stands behind if (import.meta.main)`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** What a schema is for, as errors say it. */
type Part = [does: string, schema: StandardSchema | undefined, direction: "input" | "output"];

/**
 * Refuses schemas of which nothing is known: callers would pass anything.
 *
 * @throws {Exit} which names the first, and how many there are
 */
function refuseUndescribed(module: string, methods: ReadonlyMap<string, AnyMethod>): void {
  const found: string[] = [];
  for (const [name, { schema, options: { items, result, errors = {} } }] of methods) {
    const parts: Part[] = [
      ["takes", schema, "input"],
      ["takes as items", items, "input"],
      ["returns", result, "output"],
      ...Object.entries(errors).map(([error, schema]): Part => [
        `throws with ${error}`,
        schema,
        "output",
      ]),
    ];
    for (const [does, schema, direction] of parts) {
      if (schema === undefined || jsonSchemaOf(schema, direction) !== undefined) continue;
      found.push(`what ${name} ${does}, of ${schema["~standard"].vendor}`);
    }
  }
  if (found.length === 0) return;
  const others = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
  throw new Exit(
    EXIT.FAILED,
    new TypeError(
      `Cannot write the types of ${module}: the schema of ${found[0]}, does not tell its ` +
        `JSON Schema${others}; give it "~standard".jsonSchema, as zod, valibot and arktype have it`,
    ),
  );
}

/** The text of the module. */
async function typesOf(
  module: string,
  methods: ReadonlyMap<string, AnyMethod>,
  from: string,
): Promise<string> {
  const name = module.split(/[/\\]/).at(-1)!;
  const document = await describe(methods, { name, version: "" });
  try {
    // As a caller would get it.
    const description = readDescription(JSON.parse(JSON.stringify(document)));
    const about =
      `The API of ${name}, made by landline types: change that module, and make this one again.`;
    // Formatters and linters let it be: it would not be what --check expects.
    return "// deno-fmt-ignore-file\n" + typesModule(description, from, about);
  } catch (error) {
    throw new Exit(EXIT.FAILED, error);
  }
}

/** @throws {Exit} if the file has anything else in it */
function compare(file: string, text: string, module: string): void {
  let there: string;
  try {
    there = Deno.readTextFileSync(file);
  } catch (error) {
    throw unlike(`it cannot be read, ${reasonOf(error)}`);
  }
  // A checkout on Windows may have changed the ends of lines.
  const has = there.split(/\r?\n/), wants = text.split("\n");
  const line = wants.findIndex((line, index) => line !== has[index]);
  if (line < 0 && has.length === wants.length) return;
  const at = line < 0 ? wants.length : line;
  throw unlike(
    `line ${at + 1} is ${quoted(has[at] ?? "")}, expected ${quoted(wants[at] ?? "")}`,
  );

  function unlike(why: string): Exit {
    return new Exit(
      EXIT.FAILED,
      new Error(
        `${file} does not have the types of the API: ${why}; types ${module} -o ${file} writes them`,
      ),
    );
  }
}

function write(file: string, text: string): void {
  try {
    Deno.writeTextFileSync(file, text);
  } catch (error) {
    throw new Exit(EXIT.FAILED, new Error(`Cannot write ${file}: ${reasonOf(error)}`));
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}

/** Says of which results nothing is known: to their callers they are unknown. */
function tellUnknown(methods: ReadonlyMap<string, AnyMethod>): void {
  const names = Array.from(methods).filter(([, { kind, options }]) =>
    kind !== "notification" && options.result === undefined
  ).map(([name]) => printable(name));
  if (names.length === 0) return;
  const others = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  console.error(
    `unknown results, for want of the option result: ${
      names.slice(0, MAX_NAMED).join(", ")
    }${others}`,
  );
}
