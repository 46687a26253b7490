// client.ts from a URL: no import map, no configuration, no registry, nothing in the cache.
import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { method, serve } from "../../lib/mod.ts";
import { makeFolder, Program } from "./_programs.ts";

const TREE = new URL("../../", import.meta.url);

/** Serves the working tree over HTTP, as any file server would, and notes what was asked for. */
function serveTree() {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    try {
      const text = await Deno.readTextFile(new URL("." + pathname, TREE));
      return new Response(text, { headers: { "content-type": "text/plain" } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, paths, server };
}

/** What a machine has that knows nothing of us, and reaches no registry. */
async function bareMachine(files: Readonly<Record<string, string>> = {}) {
  const folder = await makeFolder(files);
  const nowhere = "http://127.0.0.1:1";
  const env = {
    DENO_DIR: `${folder.path}/cache`,
    JSR_URL: nowhere,
    NPM_CONFIG_REGISTRY: nowhere,
  };
  return { options: { cwd: folder.path, env }, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

const api = { upper: method(() => "HELLO") };

Deno.test("client.ts runs from its URL with -N alone", async () => {
  const tree = serveTree();
  await using _tree = tree.server;
  await using machine = await bareMachine();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using client = new Program(`${tree.url}/client.ts`, [server.addresses[0]!, "upper"], {
    ...machine.options,
    flags: ["-N"],
  });
  assertEquals(await client.outcome(), { code: 0, stdout: '"HELLO"\n', stderr: "" });
  // All that it loads is the client's own.
  assert(tree.paths.length > 0);
  assertEquals(tree.paths.filter((path) => !/^\/(client\.ts|lib\/.*|cli\/.*)$/.test(path)), []);
});

Deno.test("connect() is imported from the URL of client.ts", async () => {
  const tree = serveTree();
  await using _tree = tree.server;
  await using machine = await bareMachine({
    "script.ts": `
      import { connect, RpcError } from "${tree.url}/client.ts";
      await using line = await connect(Deno.args[0]);
      console.log(await line.call.upper());
      console.log(await line.call.none().catch((error) => error instanceof RpcError));`,
  });
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using script = new Program("script.ts", [server.addresses[0]!], {
    ...machine.options,
    flags: ["-N", `--allow-import=${new URL(tree.url).host}`],
  });
  assertEquals(await script.outcome(), { code: 0, stdout: "HELLO\ntrue\n", stderr: "" });
});

Deno.test("deno install makes a command of the URL of client.ts", async () => {
  const tree = serveTree();
  await using _tree = tree.server;
  await using machine = await bareMachine();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const { cwd, env } = machine.options;
  const run = async (command: string, ...args: string[]) => {
    const { code, stdout } = await new Deno.Command(command, {
      args,
      cwd,
      env: { ...env, NO_COLOR: "1", PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}` },
      stderr: "null",
    }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  const install = ["install", "-q", "-g", "-N", "-n", "landline", "--root", cwd];
  assertEquals((await run(Deno.execPath(), ...install, `${tree.url}/client.ts`))[0], 0);
  const landline = `${cwd}/bin/landline${Deno.build.os === "windows" ? ".cmd" : ""}`;
  assertEquals(await run(landline, server.addresses[0]!, "upper"), [0, '"HELLO"\n']);
});
