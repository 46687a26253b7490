// client.ts --raw --line-end: towards protocols of lines, such as mpv's, SMTP and Redis's.
import { assertEquals } from "@std/assert";
import { runClient, say, serveRaw } from "./_programs.ts";

/** A server that answers each line with its number, and what it was sent. */
async function talk(args: readonly string[], stdin: string) {
  const received = Promise.withResolvers<string>();
  await using server = serveRaw(async (socket) => {
    let text = "", answered = 0;
    const buffer = new Uint8Array(1000);
    for (let count; (count = await socket.read(buffer)) !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, count));
      const lines = text.split("\n").length - 1;
      while (answered < lines) await say(socket, `${++answered}\n`);
    }
    received.resolve(text);
  });
  const outcome = await runClient(["--raw", "--timeout", "200", ...args, server.address], {
    stdin,
  });
  return { ...outcome, received: await received.promise };
}

for (
  const [args, sent] of [
    [["--line-end", "lf"], "EHLO x\n\n  .  \nlast\n"],
    [["--line-end", "crlf"], "EHLO x\r\n\r\n  .  \r\nlast\r\n"],
    [[], "EHLO x.last"],
  ] as const
) {
  Deno.test(`client.ts --raw ${args.join(" ")} sends lines as it says`, async () => {
    const { code, received } = await talk(args, "EHLO x\r\n\n  .  \nlast");
    assertEquals([code, received], [0, sent]);
  });
}

for (
  const [args, message] of [
    [["--raw", "--line-end", "cr"], 'it must be lf or crlf, it is "cr"'],
    [["--raw", "--line-end"], "it must be lf or crlf, there is none"],
  ] as const
) {
  Deno.test(`client.ts ${args.join(" ")} says why on one line and exits with 2`, async () => {
    const { code, stderr } = await runClient(["tcp://127.0.0.1:1", ...args]);
    assertEquals([code, stderr], [2, `error: Cannot read --line-end: ${message}\n`]);
  });
}

Deno.test("client.ts --line-end without --raw is refused", async () => {
  const { code, stderr } = await runClient(["tcp://127.0.0.1:1", "m", "--line-end", "lf"]);
  assertEquals([code, stderr], [2, "error: Cannot use --line-end here, --help shows where\n"]);
});
