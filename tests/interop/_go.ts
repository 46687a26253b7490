// Programs in Go, compiled once a process in a folder of their own.

/** Where the programs are that were compiled. */
const compiling = new Map<string, Promise<string>>();

/** The folders that they are in. */
const folders: string[] = [];

addEventListener("unload", () => {
  for (const folder of folders) Deno.removeSync(folder, { recursive: true });
});

/** Compiles one of `programs/`, or has done so; gives its path. */
export function compiled(name: string): Promise<string> {
  const path = compiling.get(name) ?? compile(name);
  compiling.set(name, path);
  return path;
}

/** Debian keeps libraries of Go's in /usr/share/gocode. */
async function compile(name: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "landline-go-" });
  folders.push(folder);
  const path = `${folder}/${name}`;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", path, `${import.meta.dirname}/programs/${name}.go`],
    cwd: folder,
    env: { GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOCACHE: `${folder}/cache` },
  }).output();
  if (success) return path;
  throw new Error(`Cannot compile ${name}.go: ${new TextDecoder().decode(stderr)}`);
}
