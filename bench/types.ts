/**
 * What types cost: the time that `deno check` takes for an API of many methods and a client that calls
 * each of them, beside the same API and client written with tRPC.
 *
 *     deno run -A bench/types.ts [--methods 500] [--runs 3]
 *
 * Each run checks freshly written files in a folder of their own, so that nothing of an earlier check is
 * reused; with one method it shows what is paid before the first.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { cpuOf, memoryOf } from "./program.ts";

const PER_GROUP = 25;
const PATIENCE_MS = 60_000;
const CONFIG = `${import.meta.dirname}/../deno.json`;
const LANDLINE = import.meta.resolve("../lib/mod.ts");
const TRPC = "11.25.2";

/** One way to write the API and its client. */
interface Dialect {
  readonly name: string;
  /** What the API's file begins with. */
  readonly head: string;
  method(schema: string, handler: string): string;
  group(members: string): string;
  /** How the file ends, given the groups. */
  api(groups: string): string;
  /** What the client's file begins with: it defines `call`. */
  readonly client: string;
  /** What stands between a method's name and its arguments. */
  readonly invoke: string;
}

const DIALECTS: readonly Dialect[] = [
  {
    name: "Landline",
    head: `import { method } from "${LANDLINE}";`,
    method: (schema, handler) => `method(${schema}, (value) => ${handler})`,
    group: (members) => `{\n${members}}`,
    api: (groups) => `export const api = {\n${groups}};`,
    client: `import { connect } from "${LANDLINE}";\nimport type { api } from "./api.ts";\n` +
      `const { call } = await connect<typeof api>("tcp://127.0.0.1:8080");`,
    invoke: "",
  },
  {
    name: "tRPC",
    head: `import { initTRPC } from "npm:@trpc/server@${TRPC}";\nconst t = initTRPC.create();`,
    method: (schema, handler) =>
      `t.procedure.input(${schema}).mutation(({ input: value }) => ${handler})`,
    group: (members) => `t.router({\n${members}})`,
    api: (groups) => `export const api = t.router({\n${groups}});`,
    client: `import { createTRPCClient, httpBatchLink } from "npm:@trpc/client@${TRPC}";\n` +
      `import type { api } from "./api.ts";\n` +
      `const call = createTRPCClient<typeof api>({ links: [httpBatchLink({ url: "" })] });`,
    invoke: ".mutate",
  },
];

/** What a method takes and gives, the client's argument, and the type that it expects. */
const SHAPES: readonly (readonly [schema: string, handler: string, value: string, type: string])[] =
  [
    [
      "z.object({ id: z.string(), count: z.int().optional() })",
      "({ id: value.id, count: value.count ?? 0, at: new Date() })",
      '{ id: "a" }',
      "{ id: string; count: number; at: string }",
    ],
    [
      'z.object({ kind: z.enum(["a", "b"]), tags: z.array(z.string()), at: z.string() })',
      "value.tags.map((tag) => ({ tag, kind: value.kind }))",
      '{ kind: "a", tags: ["x"], at: "now" }',
      '{ tag: string; kind: "a" | "b" }[]',
    ],
    [
      "z.object({ from: z.object({ x: z.number(), y: z.number() }), by: z.number().default(1) })",
      "({ ...value.from, by: value.by })",
      "{ from: { x: 1, y: 2 } }",
      "{ x: number; y: number; by: number }",
    ],
    ["z.string().max(100)", "value.length", '"text"', "number"],
  ];

/** The two files of one dialect. */
function write({ head, method, group, api, client, invoke }: Dialect, methods: number) {
  let groups = "", members = "", uses = "";
  for (let i = 0; i < methods; i++) {
    const groupName = `group${Math.floor(i / PER_GROUP)}`;
    const [schema, handler, value, type] = SHAPES[i % SHAPES.length]!;
    members += `method${i}: ${method(schema, handler)},\n`;
    uses += `const result${i}: ${type} = await call.${groupName}.method${i}${invoke}(${value});\n` +
      `export { result${i} };\n`;
    if ((i + 1) % PER_GROUP === 0 || i + 1 === methods) {
      groups += `${groupName}: ${group(members)},\n`;
      members = "";
    }
  }
  return {
    "api.ts": `import * as z from "npm:zod@4";\n${head}\n${api(groups)}\n`,
    "client.ts": `${client}\n${uses}`,
  };
}

/** What one check took. */
interface Cost {
  readonly seconds: number;
  readonly cpu: number;
  readonly mib: number;
}

/** Writes the files and checks them. */
async function check(dialect: Dialect, methods: number): Promise<Cost> {
  const folder = await Deno.makeTempDir({ prefix: "landline-types-" });
  try {
    for (const [name, text] of Object.entries(write(dialect, methods))) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const begun = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["check", "-q", "--no-lock", `--config=${CONFIG}`, `${folder}/client.ts`],
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).spawn();
    // Linux forgets the figures of a process with the process: they are looked at until it ends.
    let cpu = NaN, kib = NaN;
    const look = () => {
      cpu = cpuOf(child.pid) ?? cpu;
      kib = memoryOf(child.pid, "most") ?? kib;
    };
    const looking = setInterval(look, 20);
    const { success, stderr } = await child.output();
    clearInterval(looking);
    const seconds = (performance.now() - begun) / 1000;
    if (!success) {
      throw new Error(
        `Cannot check ${dialect.name}: ${new TextDecoder().decode(stderr).slice(0, 2000)}`,
      );
    }
    return { seconds, cpu, mib: kib / 1024 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The middle one of an odd number of figures. */
function median(costs: readonly Cost[], member: keyof Cost): number {
  return costs.map((it) => it[member]).sort((a, b) => a - b)[costs.length >> 1]!;
}

const flags = parseArgs(Deno.args, {
  string: ["methods", "runs"],
  default: { methods: "500", runs: "3" },
});
const runs = Number(flags.runs), many = Number(flags.methods);
const costs = new Map(DIALECTS.map(({ name }) => [name, { one: [] as Cost[], all: [] as Cost[] }]));
for (let run = 0; run < runs; run++) {
  // Who comes first changes from one run to the next.
  for (const dialect of run % 2 === 0 ? DIALECTS : DIALECTS.toReversed()) {
    const { one, all } = costs.get(dialect.name)!;
    one.push(await check(dialect, 1));
    all.push(await check(dialect, many));
  }
}

console.log(`Medians of ${runs} runs; CPU ms/method is what each method beyond the first adds.\n`);
console.log("|          | methods |    s | CPU s |  MiB | CPU ms/method |");
console.log("| -------- | ------: | ---: | ----: | ---: | ------------: |");
for (const [name, { one, all }] of costs) {
  const each = (median(all, "cpu") - median(one, "cpu")) / (many - 1) * 1000;
  const rows: [number, Cost[], string][] = [[1, one, ""], [many, all, each.toFixed(2)]];
  for (const [methods, its, last] of rows) {
    const [s, cpu] = [median(its, "seconds").toFixed(2), median(its, "cpu").toFixed(2)];
    const mib = median(its, "mib").toFixed(0);
    console.log(
      `| ${name.padEnd(8)} | ${String(methods).padStart(7)} | ${s.padStart(4)} | ` +
        `${cpu.padStart(5)} | ${mib.padStart(4)} | ${last.padStart(13)} |`,
    );
  }
}
const [ours, theirs] = [...costs.values()].map(({ all }) => median(all, "cpu"));
console.log(`\nLandline takes ${(ours! / theirs!).toFixed(2)} times the CPU time of tRPC ${TRPC}.`);
