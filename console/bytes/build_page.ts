/**
 * Writes the bytes panel as one file of HTML that needs nothing else: no server, no network.
 *
 * ```sh
 * deno task console-page docs
 * ```
 *
 * @module
 */

import { createHash } from "node:crypto";
import { linkModules } from "../../lib/http/link_modules.ts";

/** The file's name. */
const NAME = "bytes.html";

/** The whole page. Its policy allows its own script and style, by their hashes, and nothing else. */
export function bytesPage(): string {
  const read = (url: string) => Deno.readTextFileSync(new URL(url));
  const page = read(import.meta.resolve("./page.html"));
  const script = linkModules(import.meta.resolve("./page.ts"), read);
  const style = /<style>([^]*?)<\/style>/.exec(page)![1]!;
  if (/<\/script|<!--/i.test(script)) throw new Error("Cannot write: the script would end early");
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; ` +
    "img-src data:; base-uri 'none'; form-action 'none'";
  return page
    .replace(
      /(<meta charset[^>]*>)/,
      (meta) => `${meta}\n    <meta http-equiv="Content-Security-Policy" content="${policy}">`,
    )
    .replace(/<script [^>]*><\/script>/, () => `<script type="module">${script}</script>`);
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

if (import.meta.main) {
  const [folder] = Deno.args;
  if (folder === undefined || folder.startsWith("-")) {
    console.error(`Writes ${NAME} into a folder: deno task console-page FOLDER`);
    Deno.exit(2);
  }
  const path = `${folder.replace(/\/$/, "")}/${NAME}`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, bytesPage());
  console.log(path);
}
