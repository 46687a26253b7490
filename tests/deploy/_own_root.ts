// A root of its own for a script: the system's below a layer in memory, in a namespace of mounts, so that the
// script may write wherever it likes and nothing is left of it.

import { assertEquals } from "@std/assert";
import { makeFolder } from "../cli/_programs.ts";

const PROJECT = new URL("../../", import.meta.url).pathname.slice(0, -1);

/** What `testWith` needs for it. */
export const OWN_ROOT: readonly string[] = [
  "unshare",
  ...canMount() ? [] : ["the right to mount (unshare --mount)"],
];

/** `$root` is the root, `$project` this project; `deno` is on the path also in a `chroot`. */
const BEFORE = `
set -e
mount -t tmpfs none "$folder"
mkdir "$folder/up" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/up,workdir=$folder/work" "$folder/root"
export root="$folder/root" PATH="/deno:$PATH"
mkdir "$root/deno"
touch "$root/deno/deno"
mount --bind "$(readlink -f "$deno")" "$root/deno/deno"
mount --rbind /dev "$root/dev"
mount -t proc none "$root/proc"
`;

/** Runs a script of the shell to its end, and expects it to succeed. */
export async function inOwnRoot(script: string): Promise<{ said: string; errors: string }> {
  await using folder = await makeFolder();
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "timeout", "120", "sh", "-c", BEFORE + script], // a net: it may download
    env: { folder: folder.path, project: PROJECT, deno: Deno.execPath(), NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder(), said = decoder.decode(stdout), errors = decoder.decode(stderr);
  assertEquals(code, 0, said + errors);
  return { said, errors };
}

function canMount(): boolean {
  try {
    const args = ["--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt"];
    return new Deno.Command("unshare", { args, stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
