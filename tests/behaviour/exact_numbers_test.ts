// connect() with exactNumbers: digits as they came, in results, items, and what the server calls.
import { assertEquals } from "@std/assert";
import { connect } from "../../lib/mod.ts";
import { linesOf, runClient, say, serveRaw } from "../cli/_programs.ts";

const BIG = "18446744073709551615", LONG = "1222223333.00000001";

/** A server that answers each call with a result as it stands here. */
function server(result: string) {
  return serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id, method } = JSON.parse(line);
      const outcome = method.startsWith("rpc.")
        ? '"error":{"code":-32601,"message":"Method not found"}'
        : `"result":${result}`;
      await say(socket, `{"jsonrpc":"2.0","id":${id},${outcome}}\n`);
    }
  });
}

Deno.test("connect() with exactNumbers gives the digits of numbers that no double holds", async () => {
  await using peer = server(`{"big":${BIG},"long":${LONG},"small":1.5}`);
  await using line = await connect(peer.address, { exactNumbers: true });
  const result = await line.request("get") as Record<string, { rawJSON: string }>;
  assertEquals(BigInt(result.big!.rawJSON), 18446744073709551615n);
  assertEquals(result.long!.rawJSON, LONG);
  assertEquals(result.small as unknown, 1.5);
  assertEquals(JSON.stringify(result), `{"big":${BIG},"long":${LONG},"small":1.5}`);
});

Deno.test("connect() without exactNumbers gives doubles, as JSON.parse does", async () => {
  await using peer = server(BIG);
  await using line = await connect(peer.address);
  assertEquals(await line.request("get"), 18446744073709552000);
});

Deno.test("client.ts prints digits as they came", async () => {
  for (const result of [BIG, LONG, `[${BIG},{"n":1.10}]`]) {
    await using peer = server(result);
    const { stdout } = await runClient([peer.address, "get"]);
    assertEquals(stdout, result + "\n");
    const piped = await runClient([peer.address, "-"], { stdin: 'get\n{"id":7,"method":"get"}\n' });
    assertEquals(piped.stdout, `${result}\n{"jsonrpc":"2.0","result":${result},"id":7}\n`);
    const watched = await runClient(["watch", "--times", "1", "--json", peer.address, "get"]);
    assertEquals(watched.stdout.includes(`"result":${result}}`), true, watched.stdout);
  }
});
