// A release as it is made: what is in it runs where its users put it, and making it again gives the same.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { serve } from "../../lib/mod.ts";
import { Program } from "../cli/_programs.ts";
import { follow, TOOLS } from "../console/_follow.ts";
import { api } from "../../examples/demo.ts";
import { testWith } from "../support/tools.ts";
import { deno, output } from "./_installed.ts";

/** A place in the system's temporary folder, which is removed with this. */
class Folder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "landline-release-" });

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

/** Nothing but what is in the folder may be used: no configuration, and no package. */
const ALONE = ["--no-config", "--no-remote", "--no-npm"];

let made: Promise<string> | undefined;

/** The release, made once. It is removed with the process. */
function release(): Promise<string> {
  return made ??= (async () => {
    const folder = new Folder();
    addEventListener("unload", () => Deno.removeSync(folder.path, { recursive: true }));
    await deno("task", "--quiet", "release", `${folder.path}/release`);
    return `${folder.path}/release`;
  })();
}

testWith(
  ["sha256sum"],
  "a release has what its list says, and is the same when it is made again",
  async () => {
    const folder = await release();
    assertMatch(await output(["sha256sum", "-c", "SHA256SUMS"], folder), /^(?:\S+: OK\n)+$/);
    const sums = await Deno.readTextFile(`${folder}/SHA256SUMS`);
    const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
    const names = Array.from(sums.matchAll(/ {2}(.*)/g), ([, name]) => name!);
    for (
      const name of [
        "bin/client.js",
        "bin/server.js",
        "browser/landline.js",
        "console/index.html",
        `landline-rpc-${version}.tgz`,
      ]
    ) {
      assert(names.includes(name), name);
    }
    await using again = new Folder();
    // No proxy is there: nothing is downloaded.
    const env = ["env", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1"];
    await output([...env, Deno.execPath(), "task", "-q", "release", `${again.path}/release`], ".");
    assertEquals(await Deno.readTextFile(`${again.path}/release/SHA256SUMS`), sums);
  },
);

for (const workers of [[], ["--workers", "2"]]) {
  Deno.test(`the server of a release serves the demo, and its client calls it ${workers.join(" ")}`, async () => {
    const folder = await release(), cwd = folder;
    const flags = [...ALONE, "-A", "--unstable-net"];
    const listen = ["--listen", "tcp://127.0.0.1:0", ...workers];
    await using server = new Program(`${folder}/bin/server.js`, listen, { flags, cwd });
    const [, address = ""] = await server.lineWith(/^listening on (.*)/);
    const called = ["upper", "hello"];
    for (const name of ["client.js", "landline.js"]) {
      const command = [Deno.execPath(), "run", "-A", ...ALONE, `bin/${name}`, address, ...called];
      assertEquals(await output(command, folder), '"HELLO"\n');
    }
    const page = await fetch(address.replace("tcp", "http"), { headers: { accept: "text/html" } });
    assertMatch(await page.text(), /^<!DOCTYPE html>/);
  });
}

testWith(TOOLS, "the console of a release is a page of any web server", async (t) => {
  const folder = await release();
  await using files = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url), path = pathname === "/" ? "/index.html" : pathname;
      return new Response(await Deno.readFile(`${folder}/console${path}`), {
        headers: { "content-type": TYPES[path.split(".").at(-1)!]! },
      });
    },
  );
  const origin = `http://127.0.0.1:${files.addr.port}`;
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", http: { origins: [origin] } });
  const address = server.addresses[0]!.replace("tcp", "ws");
  await follow(t, "_static_page.ts", `${origin}/`, address);
});

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
};
