// lib/mod.ts and client.ts as someone gets them who has nothing but their URL.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { method, serve } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { ANYTHING } from "../support/schemas.ts";

const TREE = new URL("../../", import.meta.url);

/** A host that has the working tree. */
interface Host extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** What was asked for, as paths. */
  readonly requests: string[];
}

/** Serves the working tree as a plain file server would that knows nothing of TypeScript. */
function serveTree(contentType: string): Host {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    try {
      const text = await Deno.readTextFile(new URL(`.${pathname}`, TREE));
      return new Response(text, { headers: { "content-type": contentType } });
    } catch {
      return new Response("Not Found", { status: 404 });
    }
  });
  const name = `127.0.0.1:${server.addr.port}`;
  return {
    url: `http://${name}`,
    name,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs Deno in an empty folder with an empty cache, where nothing but loopback can be reached. */
async function runBare(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = await Deno.makeTempDir();
  const cache = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    // A proxy that is not there: what is fetched from anywhere else fails.
    const nowhere = "http://127.0.0.1:9";
    const { code, stdout, stderr } = await within(
      new Deno.Command(Deno.execPath(), {
        args: [...args],
        cwd: folder,
        env: {
          DENO_DIR: cache,
          NO_COLOR: "1",
          DENO_NO_UPDATE_CHECK: "1",
          http_proxy: nowhere,
          https_proxy: nowhere,
          HTTP_PROXY: nowhere,
          HTTPS_PROXY: nowhere,
          no_proxy: "127.0.0.1",
          NO_PROXY: "127.0.0.1",
        },
      }).output(),
      "the program to end",
    );
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(cache, { recursive: true });
  }
}

/** A server and a client, with a schema by hand. */
const program = (url: string) => `
  import { connect, method, serve, type StandardSchema } from "${url}/lib/mod.ts";

  const text: StandardSchema<string> = {
    "~standard": {
      version: 1,
      vendor: "program",
      validate: (value) =>
        typeof value === "string" ? { value } : { issues: [{ message: "expected text" }] },
    },
  };
  const api = { upper: method(text, (text) => text.toUpperCase()) };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);
  const result: string = await line.call.upper("hello");
  console.log(result);
`;

for (const contentType of ["application/typescript", "text/plain; charset=utf-8"]) {
  Deno.test(`lib/mod.ts serves and calls when it is imported from a URL as ${contentType}`, async () => {
    await using host = serveTree(contentType);
    const { code, stdout, stderr } = await runBare(
      [
        "run",
        "--no-prompt",
        "--check",
        "-N=127.0.0.1",
        `--allow-import=${host.name}`,
        "program.ts",
      ],
      { "program.ts": program(host.url) },
    );
    assertEquals([code, stdout], [0, "HELLO\n"], stderr);
    // All that was fetched came from this host, and all of it is the library.
    assert(host.requests.includes("/lib/mod.ts"));
    // The console's files come along as texts, to be there when a browser asks for them.
    assertEquals(
      host.requests.filter((path) =>
        !/^\/lib\/[a-z0-9_/]+\.ts$/.test(path) &&
        !/^\/console\/[a-z_/]+\.(?:ts|css|html)$/.test(path)
      ),
      [],
    );
  });
}

Deno.test("the console is served when lib/mod.ts is imported from a URL", async () => {
  await using host = serveTree("text/plain; charset=utf-8");
  const { code, stdout, stderr } = await runBare(
    ["run", "--no-prompt", "-N=127.0.0.1", `--allow-import=${host.name}`, "program.ts"],
    {
      "program.ts": `
        import { serve } from "${host.url}/lib/mod.ts";
        await using server = serve({}, { listen: "http://127.0.0.1:0", http: { console: true } });
        await server.ready;
        const ask = async (path: string) => {
          const answer = await fetch(new URL(path, server.addresses[0]), {
            headers: { accept: "text/html" },
          });
          return [answer.status, answer.headers.get("content-type"), (await answer.text()).length > 0];
        };
        console.log(JSON.stringify([await ask("/"), await ask("/console/app.ts")]));`,
    },
  );
  assertEquals([code, stdout], [
    0,
    '[[200,"text/html; charset=utf-8",true],[200,"text/javascript; charset=utf-8",true]]\n',
  ], stderr);
});

Deno.test("serveWorkers() serves when lib/mod.ts is imported from a URL", async () => {
  await using host = serveTree("application/typescript");
  const { code, stdout, stderr } = await runBare(
    [
      "run",
      "--no-prompt",
      "-N",
      "-R",
      "--unstable-net",
      `--allow-import=${host.name}`,
      "program.ts",
    ],
    {
      "api.ts": `
        import { method } from "${host.url}/lib/mod.ts";
        export const api = { hello: method(() => "HELLO") };`,
      "program.ts": `
        import { connect, serveWorkers } from "${host.url}/lib/mod.ts";
        await using server = serveWorkers(import.meta.resolve("./api.ts"), {
          listen: "tcp://127.0.0.1:0",
          workers: 2,
        });
        await server.ready;
        await using line = await connect(server.addresses[0]!);
        console.log(await line.request("hello"));`,
    },
  );
  assertEquals([code, stdout], [0, "HELLO\n"], stderr);
});

Deno.test("the graph of lib/mod.ts holds nothing from elsewhere", async () => {
  await using host = serveTree("text/plain");
  const { code, stdout, stderr } = await runBare(
    ["info", "--json", `--allow-import=${host.name}`, `${host.url}/lib/mod.ts`],
  );
  assertEquals(code, 0, stderr);
  const { modules } = JSON.parse(stdout) as {
    modules: { specifier: string; error?: string; kind: string }[];
  };
  assert(modules.length > 10);
  for (const { specifier, error } of modules) {
    assertEquals(error, undefined, specifier);
    assert(
      ["node:", `${host.url}/lib/`, `${host.url}/console/`].some((it) => specifier.startsWith(it)),
      specifier,
    );
  }
});

Deno.test("client.ts calls when it is run from its URL, with -N alone", async () => {
  await using host = serveTree("text/plain");
  await using server = serve({ echo: method(ANYTHING, (params) => params) }, {
    listen: "tcp://127.0.0.1:0",
  });
  const { code, stdout, stderr } = await runBare(
    [
      "run",
      "--no-prompt",
      "-N",
      `--allow-import=${host.name}`,
      `${host.url}/client.ts`,
      server.addresses[0]!,
      "echo",
      '{"a":[1,"é"]}',
    ],
  );
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout), { a: [1, "é"] });
  assertStringIncludes(host.requests.join(), "/client.ts");
  assertEquals(host.requests.filter((path) => /node_modules|jsr|npm/.test(path)), []);
});
