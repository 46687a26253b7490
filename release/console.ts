/**
 * The console's files as a release has them: made already, and small.
 *
 * @module
 */

import { dirname } from "node:path";
import { consoleTexts } from "../lib/http/console_texts.ts";
import { deno } from "./deno.ts";

/** The scripts that are worth the work, by the path at which a server has them. */
const SCRIPTS = ["/console/app.ts", "/console/bytes/panel.ts", "/console/long_reader.ts"] as const;

/** The text of each file, by the path at which a server has it. @param work a folder for what lies between */
export async function makeConsole(work: string): Promise<Map<string, string>> {
  const texts = new Map(Array.from(consoleTexts, ([path, make]) => [path, make()]));
  for (const path of SCRIPTS) {
    await Deno.mkdir(dirname(work + path), { recursive: true });
    await Deno.writeTextFile(work + path, texts.get(path)!);
  }
  // They are linked already, and load each other when they are needed.
  const apart = SCRIPTS.map((path) => `--external=.${path.slice("/console".length)}`);
  await deno(
    // deno-fmt-ignore
    ["bundle", "--no-config", "--minify", "--platform=browser", ...apart, "--outdir=made", ...SCRIPTS.map((path) => `.${path}`)],
    work,
  );
  for (const path of SCRIPTS) {
    const made = path.replace(/^\/console\/(.*)\.ts$/, "/made/$1.js");
    texts.set(path, await Deno.readTextFile(work + made));
  }
  return texts;
}
