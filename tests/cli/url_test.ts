// client.ts and main.ts from a URL: no import map, no configuration, nothing in the cache. The client
// needs no registry. The server has @std/cli from JSR: here from a stand-in on this machine, which serves
// our own std/cli, so that what is tested is how it is asked for and not the real package.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { connect, method, serve } from "../../lib/mod.ts";
import { MAIN, makeFolder, Program } from "./_programs.ts";
import { startRegistry } from "./_registry.ts";

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

const nowhere = "http://127.0.0.1:1";

/** What a machine has that knows nothing of us, and reaches no registry, or JSR's stand-in alone. */
async function bareMachine(files: Readonly<Record<string, string>> = {}, jsr = nowhere) {
  const folder = await makeFolder(files);
  const env = {
    DENO_DIR: `${folder.path}/cache`,
    JSR_URL: jsr,
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
  // All that it loads is the client's own: what speaks HTTP as a server, and its console, are none of it.
  assert(tree.paths.length > 0);
  assertEquals(
    tree.paths.filter((path) =>
      !/^\/(client\.ts|lib\/.*|cli\/.*)$/.test(path) || /\/http\/(session|router|pages)/.test(path)
    ),
    [],
  );
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

/** A project of its own: its API needs its import map. */
function projectFiles(lib: string) {
  return {
    "deno.json": JSON.stringify({ imports: { shout: "./shout.ts", landline: lib } }),
    "shout.ts": `export const shout = (text: string) => text + "!";`,
    "api.ts": `
      import { method } from "landline";
      import { shout } from "shout";
      export const api = { hello: method(() => shout("hello")) };`,
  };
}

/** The permission to load code from hosts that are not among Deno's own, such as JSR's. */
function importsFrom(...hosts: readonly { readonly url: string }[]): string {
  return `--allow-import=${hosts.map(({ url }) => new URL(url).host).join(",")}`;
}

/** Waits until a server listens, calls its method hello, and ends it. */
async function callHello(server: Program): Promise<unknown> {
  const [, address] = await server.lineWith(/^listening on (.*)$/);
  let result;
  {
    await using line = await connect(address!);
    result = await line.request("hello");
  }
  server.kill("SIGTERM");
  assertEquals((await server.outcome()).code, 0);
  return result;
}

Deno.test("main.ts serves a module from its URL, and takes @std/cli alone from JSR", async () => {
  const tree = serveTree();
  await using _tree = tree.server;
  await using jsr = startRegistry();
  await using machine = await bareMachine({
    "api.ts": `
      import { method } from "${tree.url}/lib/mod.ts";
      export const api = { hello: method(() => "hello") };`,
  }, jsr.url);
  await using server = new Program(
    `${tree.url}/main.ts`,
    ["--listen", "tcp://127.0.0.1:0", "api.ts"],
    { ...machine.options, flags: ["-N", "-R", importsFrom(tree, jsr)] },
  );
  assertEquals(await callHello(server), "hello");
  assertEquals(
    tree.paths.filter((path) => !/^\/(main\.ts|lib\/.*|cli\/.*|console\/.*)$/.test(path)),
    [],
  );
  assert(jsr.paths.length > 0);
  assertEquals(jsr.paths.filter((path) => !path.startsWith("/@std/cli/")), []);
});

Deno.test("main.ts from its URL serves a module of a project with the project's import map", async () => {
  const tree = serveTree();
  await using _tree = tree.server;
  await using jsr = startRegistry();
  await using machine = await bareMachine(projectFiles(`${tree.url}/lib/mod.ts`), jsr.url);
  await using server = new Program(
    `${tree.url}/main.ts`,
    ["--listen", "tcp://127.0.0.1:0", "api.ts"],
    {
      ...machine.options,
      flags: ["--config=deno.json", "-N", "-R", importsFrom(tree, jsr)],
    },
  );
  assertEquals(await callHello(server), "hello!");
});

Deno.test("main.ts from its path serves a module of a project with the project's import map", async () => {
  await using jsr = startRegistry();
  await using machine = await bareMachine(projectFiles(new URL("lib/mod.ts", TREE).href), jsr.url);
  await using server = new Program(MAIN, ["--listen", "tcp://127.0.0.1:0", "api.ts"], {
    ...machine.options,
    flags: ["--config=deno.json", "-N", "-R"],
  });
  assertEquals(await callHello(server), "hello!");
});

Deno.test("main.ts says how a project's import map is read when a module needs one", async () => {
  await using machine = await bareMachine(projectFiles(new URL("lib/mod.ts", TREE).href));
  await using server = new Program(MAIN, ["api.ts"], { ...machine.options, flags: ["-N", "-R"] });
  const { code, stderr } = await server.outcome();
  assertEquals(code, 2);
  assertStringIncludes(stderr, "; deno run --config deno.json reads the import map of a");
});
