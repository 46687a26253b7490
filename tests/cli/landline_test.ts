// cli/landline.ts, installed as docs/install.md says: both programs in one command.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { TextLineStream } from "@std/streams";
import { serve } from "../../lib/mod.ts";
import { api } from "../../examples/demo.ts";
import { startRegistry } from "./_registry.ts";
import { COMMANDS } from "../../cli/client/commands.ts";
import { makeFolder } from "./_programs.ts";

const LANDLINE = new URL("../../cli/landline.ts", import.meta.url).href;
const LIB = new URL("../../lib/mod.ts", import.meta.url).href;
const PAGE = new URL("../../docs/install.md", import.meta.url);

/** The flags with which the page installs it. */
const FLAGS = /deno install -g -n landline (.*) https:/.exec(await Deno.readTextFile(PAGE))![1]!
  .split(" ");

/** A machine on which it is installed, and the registry that its packages come from. */
async function install(files: Readonly<Record<string, string>> = {}) {
  const registry = startRegistry();
  const folder = await makeFolder(files);
  const env = {
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    JSR_URL: registry.url,
    PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
  };
  const args = ["install", "-q", "-g", "-n", "landline", "--root", folder.path, ...FLAGS, LANDLINE];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
  assert(success, new TextDecoder().decode(stderr));
  const suffix = Deno.build.os === "windows" ? ".cmd" : "";
  return {
    command: (args: readonly string[]) =>
      new Deno.Command(`${folder.path}/bin/landline${suffix}`, {
        args: [...args],
        cwd: folder.path,
        env,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }),
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

async function run(machine: Awaited<ReturnType<typeof install>>, ...args: string[]) {
  const { code, stdout, stderr } = await machine.command(args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs `landline serve`, calls it by `landline ADDRESS METHOD`, and ends it. */
async function serveAndCall(
  machine: Awaited<ReturnType<typeof install>>,
  args: readonly string[],
  call: readonly string[],
) {
  const child = machine.command(["serve", "--listen", "tcp://127.0.0.1:0", "-q", ...args]).spawn();
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const { value: line = await errors } = await lines.read();
  assertStringIncludes(line, "listening on ");
  const answer = await run(machine, line.slice("listening on ".length), ...call);
  child.kill("SIGTERM");
  await lines.cancel();
  assertEquals([(await child.status).code, await errors], [0, ""]);
  return answer;
}

Deno.test("landline calls, and serves the demo", async () => {
  await using machine = await install();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const hello = { code: 0, stdout: '"HELLO"\n', stderr: "" };
  assertEquals(await run(machine, server.addresses[0]!, "upper", '"hello"'), hello);
  assertEquals(await serveAndCall(machine, [], ["upper", '"hello"']), hello);
});

Deno.test("landline serve reads the deno.json of the module's project", async () => {
  await using machine = await install({
    "deno.json": JSON.stringify({ imports: { shout: "./shout.ts", landline: LIB } }),
    "shout.ts": `export const shout = (text: string) => text + "!";`,
    "api.ts": `
      import { method } from "landline";
      import { shout } from "shout";
      export const api = { hello: method(() => shout("hello")) };`,
  });
  const answer = await serveAndCall(machine, ["api.ts"], ["hello"]);
  assertEquals(answer, { code: 0, stdout: '"hello!"\n', stderr: "" });
});

Deno.test("landline types reads the deno.json of the module's project", async () => {
  await using machine = await install({
    "deno.json": JSON.stringify({ imports: { landline: LIB } }),
    "api.ts": `
      import { method } from "landline";
      export const api = { hello: method(() => "hello") };`,
  });
  const { code, stdout } = await run(machine, "types", "api.ts");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "\n  hello: Method<undefined, unknown, NoErrors, never>;\n");
});

Deno.test("landline --help shows the commands of the client and of the server", async () => {
  await using machine = await install();
  const { code, stdout, stderr } = await run(machine, "--help");
  assertEquals([code, stderr, stdout.includes("client.ts [")], [0, "", false]);
  for (const { usage } of COMMANDS.values()) assertStringIncludes(stdout, `\n  ${usage}\n`);
  assertStringIncludes(stdout, "\n  serve [API] [OPTIONS]\n");
  assertStringIncludes(
    (await run(machine, "serve", "--help")).stdout,
    "Usage: landline serve [API]",
  );
  assertStringIncludes((await run(machine, "bench", "--help")).stdout, "Usage: landline bench ");
  assertStringIncludes((await run(machine, "--completions", "bash")).stdout, "serve) options=");
});
