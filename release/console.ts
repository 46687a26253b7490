/**
 * The console's files as a release has them: made already, and small. A server of the package has them so, and
 * as a static page any web server.
 *
 * @module
 */

import { dirname } from "node:path";
import { styleOf } from "../lib/http/console_files.ts";
import { consoleTexts } from "../lib/http/console_texts.ts";
import { deno } from "./deno.ts";

/** The scripts that are worth the work, by the path at which a server has them. */
const SCRIPTS = [
  "/console/app.ts",
  "/console/bytes/panel.ts",
  "/console/socket_worker.ts",
] as const;

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

/** Where a page may connect to, and that it loads nothing but its own files. */
const policyOf = (page: string) =>
  `default-src 'none'; script-src 'self'; style-src ${styleOf(page)}; img-src data:; ` +
  "connect-src ws: wss:; base-uri 'none'; form-action 'none'";

/**
 * The same as files of any web server, by their paths in a folder: they find each other wherever that is, and
 * web servers know what a file is by `.js`.
 */
export function staticFiles(texts: ReadonlyMap<string, string>): Map<string, string> {
  const files = new Map<string, string>();
  for (const [path, text] of texts) {
    if (path === "/") {
      const page = withJs(text.replaceAll(/(href|src)="\/console\/([^"]+)"/g, '$1="$2"'));
      const policy = `<meta http-equiv="Content-Security-Policy" content="${policyOf(page)}">`;
      files.set("index.html", page.replace(/<meta charset[^>]*>/, `$&\n    ${policy}`));
    } else files.set(withJs(path.replace("/console/", "")), withJs(text));
  }
  return files;
}

/** A text in which the scripts have their names as files. */
function withJs(text: string): string {
  return text.replaceAll(/\b(start|app|bytes\/panel|socket_worker)\.ts\b/g, "$1.js");
}
