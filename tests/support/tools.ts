// Tests that need a program which does not come with Deno: `nc`, `python3`, `openssl`; a library of
// Debian's, `debian:python3-gi`, which a program of the system's finds by itself; or one of the packages
// that `deno run -A tests/interop/_npm.ts` downloads, `npm:viem@2`.
//
// Where a program is missing its tests are ignored, and the output says which and why. Where that must
// not happen (.ci/run) LANDLINE_NO_SKIP=1 makes such a test fail instead.

/**
 * Whether a program is on the path, so that `new Deno.Command(tool)` would find it; for `debian:NAME`
 * whether that package is installed, for `npm:NAME` whether it was downloaded; for `deno:bundle` whether Deno can
 * make one file of many without a network.
 */
export function isInstalled(tool: string): boolean {
  if (tool.startsWith("debian:")) return isPackage(tool.slice("debian:".length));
  if (tool.startsWith("npm:")) return isDownloaded(tool);
  if (tool === "deno:bundle") return hasBundler();
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  return folders.some((folder) => {
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${tool}`);
      return isFile && (mode === null || (mode & 0o111) !== 0);
    } catch {
      return false;
    }
  });
}

/** Whether a package of Debian's is installed; never on a system without them. */
function isPackage(name: string): boolean {
  if (!isInstalled("dpkg-query")) return false;
  const args = ["-W", "-f", "${Status}", name];
  const { stdout } = new Deno.Command("dpkg-query", { args, stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).includes(" ok installed");
}

/** Where Deno keeps what it has downloaded, and packages of npm's. */
interface Caches {
  readonly denoDir: string;
  readonly npmCache: string;
}

let known: Caches | undefined;

function caches(): Caches {
  if (known === undefined) {
    const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
    known = JSON.parse(new TextDecoder().decode(stdout)) as Caches;
  }
  return known;
}

/** Whether a package that the programs in `interop/` run on is in Deno's cache. */
function isDownloaded(specifier: string): boolean {
  const { npmCache } = caches();
  const lock = JSON.parse(
    Deno.readTextFileSync(new URL("../interop/programs/deno.lock", import.meta.url)),
  );
  // "2.57.20", and behind "_" what it was resolved with.
  const [version] = String(lock.specifiers[specifier]).split("_");
  const name = specifier.slice("npm:".length, specifier.lastIndexOf("@"));
  const registries = isFolder(npmCache) ? [...Deno.readDirSync(npmCache)] : [];
  return registries.some((registry) => isFolder(`${npmCache}/${registry.name}/${name}/${version}`));
}

/** Whether Deno has downloaded what `deno bundle` runs. */
function hasBundler(): boolean {
  const folder = `${caches().denoDir}/dl`;
  return isFolder(folder) &&
    [...Deno.readDirSync(folder)].some(({ name }) => name.startsWith("esbuild-"));
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/**
 * `Deno.test()` for a test that needs other programs.
 *
 * ```ts ignore
 * testWith(["nc"], "nc gets an answer", async () => { … });
 * ```
 */
export function testWith(
  tools: readonly string[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = tools.filter((tool) => !isInstalled(tool)).join(", ");
  if (missing === "") {
    Deno.test(name, fn);
  } else if (Deno.env.get("LANDLINE_NO_SKIP") === "1") {
    Deno.test(name, () => {
      throw new Error(`"${name}" needs ${missing}, and LANDLINE_NO_SKIP forbids to skip it`);
    });
  } else {
    console.log(`skipped: ${name} needs ${missing}`);
    Deno.test.ignore(name, fn);
  }
}
