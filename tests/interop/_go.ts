// Programs in Go, compiled in a folder of their own.

/** A program that was compiled. Disposal removes it. */
export interface Compiled extends AsyncDisposable {
  readonly path: string;
}

/** Compiles one of `programs/`. Debian keeps libraries of Go's in /usr/share/gocode. */
export async function compiled(name: string): Promise<Compiled> {
  const folder = await Deno.makeTempDir({ prefix: "landline-go-" });
  const path = `${folder}/${name}`;
  const remove = () => Deno.remove(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", path, `${import.meta.dirname}/programs/${name}.go`],
    cwd: folder,
    env: { GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOCACHE: `${folder}/cache` },
  }).output();
  if (!success) {
    await remove();
    throw new Error(`Cannot compile ${name}.go: ${new TextDecoder().decode(stderr)}`);
  }
  return { path, [Symbol.asyncDispose]: remove };
}
