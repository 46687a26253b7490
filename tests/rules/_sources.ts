// What the rules share that read sources: which files there are, and what one loads.

/** The sources in a folder, by their paths in it. */
export function* sourcesIn(folder: URL, prefix = ""): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sourcesIn(new URL(`${name}/`, folder), `${prefix}${name}/`);
    else if (name.endsWith(".ts")) yield prefix + name;
  }
}

/** Code without the imports of types alone, which are not loaded. */
export function withoutTypes(code: string): string {
  return code.replaceAll(/^(?:import|export) type\b[^;]*;/gm, "");
}

/** Some files, and all that they load. @param importsOf what a file imports, as it stands there */
export function loadedBy(
  roots: readonly string[],
  importsOf: (path: string) => readonly string[],
): Set<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    for (const specifier of importsOf(path)) {
      if (specifier.startsWith(".")) visit(new URL(specifier, `tree:/${path}`).pathname.slice(1));
    }
  };
  for (const root of roots) visit(root);
  return found;
}
