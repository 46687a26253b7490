// Runs the programs that drive Chromium. What each tries becomes a step of a test.

import { assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { program } from "../interop/_npm.ts";

/** What the programs need. */
export const TOOLS = ["chromium", "npm:playwright-core@1", "npm:axe-core@4"];

/** What a program says of one thing that it tried. */
export interface Said {
  readonly name: string;
  readonly wrong: readonly string[];
  readonly ms: number;
  /** Milliseconds of the longest task of the page, and until something was painted. */
  readonly longest: number;
  readonly paint: number;
}

/** Runs a program that prints a line for each thing that it tries, which becomes a step. */
export async function follow(
  t: Deno.TestContext,
  name: string,
  ...args: string[]
): Promise<Said[]> {
  const [command, ...rest] = program(`${import.meta.dirname}/${name}`, ...args);
  const child = new Deno.Command(command!, { args: rest, stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const all: Said[] = [];
  for await (const line of lines) {
    const said = JSON.parse(line) as Said;
    await t.step(said.name, () => assertEquals(said.wrong, []));
    all.push(said);
  }
  assertEquals((await child.status).code, 0);
  return all;
}
