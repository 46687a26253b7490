// The package as its users have it: packed, and installed by npm from the file alone.

const ROOT = new URL("../../", import.meta.url).pathname;

/** A package that is installed. */
export interface Installed {
  /** The project that uses it. Files may be added. */
  readonly folder: string;
  /** Its tarball. */
  readonly tarball: string;
}

let made: Promise<Installed> | undefined;

/** Packs and installs it the first time that it is asked for; it is removed with the process. */
export function installed(): Promise<Installed> {
  return made ??= install();
}

async function install(): Promise<Installed> {
  const folder = Deno.makeTempDirSync({ prefix: "landline-package-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module", "private": true }');
  const tarball = await pack(folder);
  await output(
    ["npm", "install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", tarball],
    folder,
  );
  return { folder, tarball };
}

/** Packs it once more. @returns the path of the tarball */
export async function pack(folder: string): Promise<string> {
  await deno("task", "--quiet", "pack", folder);
  const [name] = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".tgz"));
  return `${folder}/${name!.name}`;
}

/** Runs one of Deno's own commands in the tree. */
export function deno(...args: readonly string[]): Promise<string> {
  return output([Deno.execPath(), ...args], ROOT);
}

/** What a command prints; its errors are an exception if it fails. */
export async function output(command: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${command.join(" ")}: ${printed}${errors}`);
  return printed!;
}
