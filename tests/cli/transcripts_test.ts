// What README.md and docs/cli.md show of a terminal is what one sees there.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { isInstalled, testWith } from "../support/tools.ts";
import { CLIENT, startServer } from "./_programs.ts";
import { screenOf } from "./_screen.ts";
import { blocksOf, commandsOf, ROOT, run } from "./_transcripts.ts";

testWith(["sh"], "the transcripts in README.md are what one sees", async () => {
  await using server = await startServer();
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { host } = new URL(server.address), [name, port] = host.split(":");
  const here = (command: string) =>
    command.replaceAll("127.0.0.1:8080", host).replaceAll("127.0.0.1 8080", `${name} ${port}`);
  let count = 0;
  for (const { command, output } of [...blocksOf("README.md")].flatMap(commandsOf)) {
    count++;
    if (command === "deno task serve") {
      assertEquals(
        output,
        `Task serve ${tasks.serve}\nlistening on tcp://127.0.0.1:8080\n` +
          "console at http://127.0.0.1:8080/",
      );
    } else if (!/\| nc /.test(command) || isInstalled("nc")) {
      assertEquals(await run(here(command)), output, command);
    }
  }
  assert(count >= 4);
});

testWith(["python3"], "the conversation in docs/cli.md is what one sees", async () => {
  await using server = await startServer();
  const block = [...blocksOf("docs/cli.md")].find((block) => block.includes(">>: "))!;
  const lines = block.trimEnd().split("\n").slice(1); // without the command that starts it
  const steps = lines.flatMap((line) => {
    const [, prompt, typed] = /^(>>: |\.\.\. )(.*)$/.exec(line) ?? [];
    if (prompt === undefined) return [];
    const keys: [string, string][] = [[prompt, typed! + "\r"]];
    if (/^sleep /.test(typed!)) keys.push([typed!, ""], ["\r\n", "\x03"], ["CANCELLED", ""]);
    return keys;
  });
  const { stdout } = await within(
    new Deno.Command("python3", {
      args: [
        `${import.meta.dirname}/_terminal.py`,
        JSON.stringify([...steps, [">>: ", "\x04"]]),
        ...[Deno.execPath(), "run", "-q", "--no-prompt", "-N", CLIENT, server.address],
      ],
      env: { NO_COLOR: "1" },
    }).output(),
    "the prompt to end",
  );
  const seen = screenOf(new TextDecoder().decode(stdout)).filter((line) => line !== "");
  const same = (text: string) => text.replaceAll(/\d\d:\d\d:\d\d/g, "hh:mm:ss").trimEnd();
  const shown = lines.filter((line) => line !== "").map((line) =>
    same(line.replace("tcp://127.0.0.1:8080", server.address))
  );
  assertEquals(seen.map(same), shown);
  assertStringIncludes(shown.join("\n"), "did you mean");
});
