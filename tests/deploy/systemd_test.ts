// deploy/landline.service and landline.socket: what systemd's tools say of them, and their commands as they are
// written, as far as that goes without systemd as process 1.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import page from "../../docs/deploy.md" with { type: "text" };
import service from "../../deploy/landline.service" with { type: "text" };
import socket from "../../deploy/landline.socket" with { type: "text" };
import { makeFolder } from "../cli/_programs.ts";
import { testWith } from "../support/tools.ts";
import { inOwnRoot, OWN_ROOT } from "./_own_root.ts";

/** All values of a setting in a unit, with lines that go on below put together. */
function valuesOf(unit: string, name: string): string[] {
  const lines = unit.replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", "").split("\n");
  return lines.filter((line) => line.startsWith(`${name}=`)).map((it) => it.slice(name.length + 1));
}

const valueOf = (unit: string, name: string) => valuesOf(unit, name).at(-1)!;

async function analyze(...args: string[]): Promise<{ code: number; said: string }> {
  await using folder = await makeFolder({
    // Where deno is differs from machine to machine.
    "landline.service": service.replaceAll("/usr/bin/deno", Deno.execPath()),
    "landline.socket": socket,
  });
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args: args.map((arg) => arg.replace("FOLDER", folder.path)),
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

testWith(
  ["systemd-analyze"],
  "systemd-analyze finds nothing wrong with the units in deploy/",
  async () => {
    const units = ["FOLDER/landline.service", "FOLDER/landline.socket"];
    assertEquals(await analyze("verify", ...units), { code: 0, said: "" });
  },
);

testWith(["systemd-analyze"], "landline.service is exposed no more than it says", async () => {
  const [, level] = /at most ([0-9]\.[0-9])\.$/m.exec(service) ?? [];
  assert(level !== undefined);
  assertStringIncludes(page, `exposure level of ${level} `);
  const threshold = `--threshold=${Math.round(Number(level) * 10)}`;
  const file = "FOLDER/landline.service";
  const { code, said } = await analyze("security", "--offline=yes", "--no-pager", threshold, file);
  assertEquals(code, 0, said);
});

Deno.test("landline.service gives a drain five seconds more than the server", () => {
  const [, grace] = /--grace ([0-9]+)/.exec(valueOf(service, "ExecStart"))!;
  assertEquals(Number(valueOf(service, "TimeoutStopSec")), Number(grace) / 1000 + 5);
});

/** What docs/deploy.md says to do before systemd is told of the units. */
function installation(): string {
  const [, api] = /```ts\n\/\/ api\.ts\n([^]*?)```/.exec(page)!;
  const [, commands] = /<!-- installation -->\n+```sh\n([^]*?)```/.exec(page)!;
  const run = commands!.split("\n").filter((line) => !/^(sudo )?systemctl |^git clone /.test(line));
  return `cd /opt/landline && cat > api.ts <<'API'\n${api}API\n${
    run.join("\n").replaceAll("sudo ", "")
  }`;
}

/** The server as the unit starts it: with a user and a network of its own. */
const SCRIPT = `
mkdir -p "$root/opt/landline" "$root/run/systemd" "$root/run/landline" "$root/etc/systemd/system"
for name in deno.json main.ts client.ts std lib cli console deploy; do
  cp -r "$project/$name" "$root/opt/landline/$name"
done
cat > "$root/install.sh" <<'INSTALL'
set -e
INSTALLATION
INSTALL
chroot "$root" sh /install.sh
(cd "$root/etc/systemd/system" && ls landline.*)
chmod 1777 "$root/run/landline"
cat > "$root/manager.py" <<'MANAGER'
import os, socket
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("/run/systemd/notify")
os.chmod("/run/systemd/notify", 0o777)
print("manager", flush=True)
while True:
    print("told", manager.recv(4096).decode().replace("\\n", " "), flush=True)
MANAGER
cat > "$root/start.sh" <<'START'
ip link set lo up
exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all \
  env ENVIRONMENT NOTIFY_SOCKET=/run/systemd/notify RUNTIME_DIRECTORY=/run/landline WATCHDOG_USEC=200000 COMMAND
START
cat > "$root/run.sh" <<'RUN'
ip link set lo up
told() { until grep -q "told $1" /told; do kill -0 $manager; sleep 0.05; done; }
cd /opt/landline
python3 /manager.py > /told & manager=$!
until grep -q manager /told; do sleep 0.05; done
systemd-socket-activate LISTEN --fdname=NAME unshare --net sh /start.sh > /log 2>&1 & server=$!
until grep -q Listening /log; do kill -0 $server; sleep 0.05; done
deno run -q --no-prompt --cached-only -N client.ts --retry ADDRESS upper hello
deno run -q --no-prompt --cached-only -N client.ts health http:HOST && echo healthy
told READY=1
told WATCHDOG=1
kill -HUP $server
told RELOADING=1
kill -TERM $server
told STOPPING=1
set +e
wait $server; echo "ended $?"
kill $manager
grep -oE "(listening on|nothing is|error|[^ ]* manager is) .*" /log
grep -o "READY=1 STATUS=.*" /told | sort -u
exit 0
RUN
unshare --net chroot "$root" sh -e /run.sh
`;

testWith(
  ["ip", "python3", "setpriv", "systemd-socket-activate", ...OWN_ROOT],
  "the unit's server is installed, activated by its socket, watched and ended as docs/deploy.md has it",
  async () => {
    const listen = valuesOf(socket, "ListenStream").map((it) => `--listen=${it}`).join(" ");
    const [host] = valuesOf(socket, "ListenStream");
    const file = Deno.readTextFileSync(new URL("../../deploy/landline.env", import.meta.url));
    const environment = [...valuesOf(service, "Environment"), ...file.trimEnd().split("\n")];
    const { said, errors } = await inOwnRoot(
      SCRIPT.replace("INSTALLATION", installation)
        .replace("LISTEN", listen)
        .replace("NAME", valueOf(socket, "FileDescriptorName"))
        .replace("ADDRESS", `tcp://${host}`)
        .replace("HOST", `//${host}`)
        .replace("ENVIRONMENT", environment.join(" "))
        .replace("COMMAND", valueOf(service, "ExecStart").replace("/usr/bin/deno", "deno")),
    );
    assertEquals(said.trimEnd().split("\n"), [
      "landline.service",
      "landline.socket",
      '"HELLO"',
      "healthy",
      "ended 0",
      `listening on tcp://${host}`,
      "nothing is to be read again",
      `READY=1 STATUS=listening on tcp://${host}`,
    ], errors);
  },
);
