// deploy/Containerfile: its commands as they are written, in a root of their own; there is no image to run.

import { assertEquals, assertStringIncludes } from "@std/assert";
import containerfile from "../../deploy/Containerfile" with { type: "text" };
import settings from "../../deploy/landline.env" with { type: "text" };
import { testWith } from "../support/tools.ts";
import { inOwnRoot, OWN_ROOT } from "./_own_root.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What one FROM begins. */
class Stage {
  readonly name: string | undefined;
  readonly env: Record<string, string> = {};
  /** All other instructions, by their first words. */
  readonly last = new Map<string, string>();
  /** Shell commands that do what COPY and RUN say, in a root where the project is at `$project`. */
  readonly build: string[] = [];

  constructor(from: string) {
    this.name = / AS (\S+)$/.exec(from)?.[1];
  }
}

/** One instruction on each line, comments gone. */
function* stagesOf(text: string): Generator<Stage> {
  let stage: Stage | undefined;
  for (const line of text.replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", "").split("\n")) {
    const [, word = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line.trim()) ?? [];
    if (word === "FROM") {
      if (stage !== undefined) yield stage;
      stage = new Stage(rest);
    } else if (stage === undefined || word === "") continue;
    else if (word === "ENV") {
      for (const pair of rest.split(" ")) {
        stage.env[pair.slice(0, pair.indexOf("="))] = pair.slice(pair.indexOf("=") + 1);
      }
    } else if (word === "RUN") {
      stage.build.push(`inside ${environmentOf(stage)} ${quoted(exec(rest))}`);
    } else if (word === "COPY") {
      const words = rest.split(" "), to = words.pop()!;
      if (words[0]!.startsWith("--from=")) continue;
      const files = words.map((file) => `"$project/${file}"`).join(" ");
      stage.build.push(`cp -r ${to.endsWith("/") ? "" : "-T"} ${files} "$root/app/${to}"`);
    } else stage.last.set(word, rest);
  }
  yield stage!;
}

/** The words of a command in its form without a shell, in which signals reach the program itself. */
function exec(text: string): string[] {
  return JSON.parse(text.replace(/^.*?(?=\[)/, ""));
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

function environmentOf({ env }: Stage): string {
  return quoted(Object.entries(env).map(([name, value]) => `${name}=${value}`));
}

const stages = [...stagesOf(containerfile)];
const [files, distroless, image] = stages as [Stage, Stage, Stage];

Deno.test("deploy/Containerfile has two images that do the same, without root and with the settings of landline.env", () => {
  assertEquals(stages.map(({ name }) => name), ["files", "distroless", undefined]);
  assertEquals(distroless.last, image.last);
  assertEquals(distroless.env, image.env);
  const { env } = image;
  for (const line of settings.trimEnd().split("\n")) {
    const [name, value] = [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)];
    assertEquals(env[name], value, name);
  }
  assertEquals(env["DENO_DIR"], files.env["DENO_DIR"]);
  assertEquals([image.last.get("USER"), image.last.get("STOPSIGNAL")], ["65532:65532", "SIGTERM"]);
  const version = /^ARG DENO_VERSION=(.*)$/m.exec(containerfile)![1];
  assertStringIncludes(Deno.readTextFileSync(`${ROOT}.ci/run`), `deno_version=${version}\n`);
});

/** Builds and runs: the server is process 1 of its namespace, and has a user of its own. */
const SCRIPT = `
mkdir -p "$root/app" "$root/run/secrets"
echo 's3cret alice' > "$root/run/secrets/tokens"
echo 's3cret' > "$root/run/secrets/token"
inside() { chroot "$root" env sh -c 'cd /app && exec env "$@"' sh "$@"; }
BUILD
echo built
cat > "$folder/run.sh" <<'END'
ip link set lo up
inside="chroot --userspec=65532:65532 $root env -i PATH=$PATH"
inside() { $inside sh -c 'cd /app && exec env "$@"' sh "$@"; }
unshare --pid --fork $inside sh -c 'cd /app && exec env "$@"' sh SERVER &
server=$!
until inside HEALTH 2> /dev/null; do kill -0 $server; sleep 0.1; done
echo healthy
set +e
inside CALL; echo "called $?"
inside UNKNOWN; echo "without a token $?"
kill -TERM "$(ps -o pid= --ppid $server)"
wait $server; echo "ended $?"
inside HEALTH; echo "health $?"
END
unshare --net sh -e "$folder/run.sh"
`;

testWith(
  ["ip", "ps", ...OWN_ROOT],
  "the commands of deploy/Containerfile build, serve, tell their health and end in order",
  async () => {
    const { last } = image, given = environmentOf(image);
    const call = (...token: string[]) =>
      quoted([
        ...[
          "deno",
          "run",
          "-q",
          "--no-prompt",
          "--allow-net",
          "--allow-read",
          "client.ts",
          ...token,
        ],
        ...["tcp://127.0.0.1:8080", "upper", "hello"],
      ]);
    const health = `${given} ${quoted(exec(last.get("HEALTHCHECK")!))}`;
    const script = SCRIPT
      .replace("BUILD", () => files.build.join("\n"))
      .replace(
        "SERVER",
        () => `${given} ${quoted([...exec(last.get("ENTRYPOINT")!), ...exec(last.get("CMD")!)])}`,
      )
      .replaceAll("HEALTH", () => health)
      .replace("CALL", () => `${given} ${call("--token-file", "/run/secrets/token")}`)
      .replace("UNKNOWN", () => `${given} ${call()}`);
    const { said, errors } = await inOwnRoot(script);
    const lines = said.split("\n").filter((line) => !/^(opened|closed) /.test(line));
    assertEquals(lines, [
      "built",
      "listening on tcp://0.0.0.0:8080",
      "healthy",
      '"HELLO"',
      "called 0",
      "without a token 1",
      "draining 0 connections for at most 10000 ms; a second signal exits now",
      "ended 0",
      "health 3",
      "",
    ], errors);
  },
);
