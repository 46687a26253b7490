// rpc.stats: what a server tells its operators, and no other peer.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { bearerTokens, connect, method, RpcError, serve } from "../../lib/mod.ts";
import type { Stats } from "../../lib/builtin/stats.ts";
import { until } from "../support/deadline.ts";

/** The reason of the error that a call fails with. */
const reasonOf = (call: PromiseLike<unknown>): Promise<string | undefined> =>
  Promise.resolve(call).then(() => undefined, (error) => (error as RpcError).reason);

Deno.test("rpc.stats tells operators of methods, connections, limits, the event loop and memory", async () => {
  const held = Promise.withResolvers<void>();
  const api = {
    quick: method(() => "done"),
    wrong: method((): string => {
      throw new RpcError("NOT_FOUND", "no");
    }),
    hold: method(() => held.promise),
  };
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    name: "shop",
    version: "1.2.3",
    authenticate: bearerTokens({ op: "operator", a: "alice" }),
    operators: ({ identity }) => identity === "operator",
  });
  await using operator = await connect(server.addresses[0]!, { token: "op" });
  await using alice = await connect<typeof api>(server.addresses[0]!, { token: "a" });

  assertEquals(await reasonOf(alice.request("rpc.stats")), "PERMISSION_DENIED");
  assertEquals(await alice.call.quick(), "done");
  await alice.call.wrong().catch(() => {});
  const waiting = alice.call.hold().catch(() => {});
  let stats!: Stats;
  await until(async () => {
    stats = await operator.request("rpc.stats") as Stats;
    return stats.methods.some(({ method, running }) => method === "hold" && running === 1);
  }, "hold to run");

  const of = (name: string) => stats.methods.find(({ method }) => method === name)!;
  assertEquals([stats.name, stats.version, stats.connections, stats.accepted], [
    ...["shop", "1.2.3"],
    ...[2, 2],
  ]);
  assertEquals([of("quick").count, of("quick").errors], [1, 0]);
  assertEquals([of("wrong").count, of("wrong").errors], [1, 1]);
  assertEquals(of("quick").counts.length, stats.bounds.length + 1);
  assertEquals(of("quick").counts.reduce((a, b) => a + b), 1);
  assertEquals(stats.peers.map(({ identity }) => identity).sort(), ["alice", "operator"]);
  const peer = stats.peers.find(({ identity }) => identity === "alice")!;
  assertMatch(peer.address, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  assert(peer.receivedBytes > 0 && peer.sentBytes > 0 && peer.seconds >= 0);
  assertEquals(peer.running, 1);
  assert(stats.loopDelay >= 0 && stats.residentBytes > 1e6 && stats.running >= 1);
  held.resolve();
  await waiting;
});

Deno.test("rpc.stats is not there where no operators are named, and is refused where the function throws or lies", async () => {
  const reasonAt = async (options: Parameters<typeof serve>[1]) => {
    await using server = serve({ now: method(() => 1) }, {
      listen: "tcp://127.0.0.1:0",
      ...options,
    });
    await using line = await connect(server.addresses[0]!);
    return await reasonOf(line.request("rpc.stats"));
  };
  assertEquals(await reasonAt({}), "METHOD_NOT_FOUND");
  assertEquals(await reasonAt({ metrics: true }), "METHOD_NOT_FOUND");
  assertEquals(await reasonAt({ operators: () => 1 as never }), "PERMISSION_DENIED");
  const onError = () => {};
  assertEquals(
    await reasonAt({
      operators() {
        throw new Error("broken");
      },
      onError,
    }),
    "INTERNAL_ERROR",
  );
});

Deno.test("the owner of a Unix socket may be the operator, and counting for operators serves no page", async () => {
  const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
  await using server = serve({ now: method(() => 1) }, {
    listen: [`unix://${path}`, "tcp://127.0.0.1:0"],
    operators: ({ transport }) => transport === "unix",
  });
  await server.ready;
  await using line = await connect(`unix://${path}`);
  const { connections } = await line.request("rpc.stats") as Stats;
  assertEquals(connections, 1);
  const tcp = server.addresses.find((it) => it.startsWith("tcp"))!;
  const page = await fetch(`${tcp.replace("tcp:", "http:")}/metrics`);
  await page.body?.cancel();
  assertEquals(page.status, 404);
});
