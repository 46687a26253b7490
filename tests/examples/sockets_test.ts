// docs/sockets.md: every program in it is run, and prints what the page says.
import { assert, assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { blocksOf, runBlock } from "./_blocks.ts";

const page = await Deno.readTextFile(new URL("../../docs/sockets.md", import.meta.url));
const blocks = blocksOf(page);

for (const { heading, line, code, output } of blocks) {
  const needsIpv6 = code.includes("::1") && !hasIpv6();
  if (needsIpv6) console.log(`skipped: docs/sockets.md line ${line} needs IPv6`);
  Deno.test({
    name: `docs/sockets.md prints what it says under "${heading}" (line ${line})`,
    ignore: needsIpv6,
    async fn() {
      assert(output !== undefined, "the block has no output");
      assertEquals(await within(runBlock(code), "the program to end"), output);
    },
  });
}

/** Where it is missing, and skipping is forbidden, the tests run and fail. */
function hasIpv6(): boolean {
  if (Deno.env.get("LANDLINE_NO_SKIP") === "1") return true;
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("docs/sockets.md has a section with a program for every call and constant", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| ["));
  const names = [
    [
      "socket",
      "AF_INET",
      "AF_INET6",
      "AF_UNIX",
      "SOCK_STREAM",
      "SOCK_DGRAM",
      "SOCK_RAW",
      "SOCK_RDM",
    ],
    ["SOCK_SEQPACKET", "bind", "setsockopt", "listen", "setblocking", "accept", "connect"],
    ["connect_ex", "close", "recv", "recvfrom", "send", "sendall", "sendto", "settimeout"],
    ["getpeername", "getsockname", "fileno"],
  ].flat();
  for (const name of names) {
    const row = rows.find((row) => new RegExp(`^\\| \\[\`${name}\\b`).test(row));
    assert(row !== undefined, name);
    const [, anchor] = /\]\(#([\w-]+)\)/.exec(row)!;
    assert(blocks.some(({ heading }) => slug(heading) === anchor), `${name} leads to #${anchor}`);
  }
});

Deno.test("docs/sockets.md has no link that leads nowhere", () => {
  const anchors = new Set(
    Array.from(page.matchAll(/^#+ (.*)$/gm), ([, heading]) => slug(heading!)),
  );
  for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) assert(anchors.has(anchor!), anchor);
});

/** The anchor of a heading, as GitHub makes it. */
function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-");
}
