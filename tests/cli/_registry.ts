// A stand-in for JSR, on this machine: the packages of std/ in JSR's own format. Programs find it by
// JSR_URL. What is tested with it is how Landline asks for its packages, not JSR's packages themselves.

interface Package {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

const STD = new URL("../../std/", import.meta.url);

/** Serves the packages of std/, and notes what was asked for. */
export function startRegistry(): AsyncDisposable & {
  readonly url: string;
  readonly paths: readonly string[];
} {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    const [, folder = "", file = ""] = /^\/@std\/([a-z]+)\/(.+)$/.exec(pathname) ?? [];
    try {
      return await answer(new URL(`${folder}/`, STD), file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return new Response("not found", { status: 404 });
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    paths,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function answer(folder: URL, file: string): Promise<Response> {
  const { name, version, exports }: Package = JSON.parse(
    await Deno.readTextFile(new URL("jsr.json", folder)),
  );
  const [scope, short] = name.slice(1).split("/");
  if (file === "meta.json") {
    return Response.json({ scope, name: short, latest: version, versions: { [version]: {} } });
  }
  if (file === `${version}_meta.json`) {
    return Response.json({ exports, manifest: await manifestOf(folder) });
  }
  if (!file.startsWith(`${version}/`)) throw new Deno.errors.NotFound(file);
  const bytes = await Deno.readFile(new URL(file.slice(version.length + 1), folder));
  return new Response(bytes, { headers: { "content-type": "application/typescript" } });
}

/** The size and the checksum of each file. */
async function manifestOf(folder: URL) {
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for await (const { name } of Deno.readDir(folder)) {
    const bytes = await Deno.readFile(new URL(name, folder));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    manifest[`/${name}`] = { size: bytes.length, checksum: `sha256-${hash}` };
  }
  return manifest;
}
