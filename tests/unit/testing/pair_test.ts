// A client and a server in one process, over networks of every kind of badness.

import { turn } from "../../support/deadline.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  ConnectionLostError,
  type FramingName,
  method,
  RpcError,
  type Server,
} from "../../../lib/mod.ts";
import { type NetworkFaults, pair } from "../../../lib/testing.ts";

/** Things that a test waits for, and that it lets happen. */
function gate() {
  return Promise.withResolvers<void>();
}

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  later: method(z.string(), async (text) => {
    await null;
    return text;
  }),
  math: { add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b) },
  now: method(() => new Date(0)),
  refuse: method(() => {
    throw new RpcError("NOT_FOUND", "No such thing", { details: 7 });
  }),
};

const FRAMINGS: readonly FramingName[] = ["json", "headers", "length"];

const NETWORKS: { [name: string]: NetworkFaults } = {
  "a perfect network": {},
  "one byte at a time": { cut: 1 },
  "cuts at random": { cut: [1, 20], seed: 4 },
  "delays": { delay: [0, 3], seed: 5 },
  "cuts and delays, one way each": { up: { cut: [1, 5] }, down: { delay: [0, 2] }, seed: 6 },
};

for (const [name, faults] of Object.entries(NETWORKS)) {
  for (const framing of FRAMINGS) {
    const options = { faults, connect: { framing } };

    Deno.test(`pair() gives a line whose calls are answered over ${name}, ${framing}`, async () => {
      await using ends = await pair(api, options);
      const { call } = ends.line;
      assertEquals(await call.upper("hello"), "HELLO");
      assertEquals(await call.math.add({ a: 1, b: 2 }), 3);
      assertEquals(await call.now(), "1970-01-01T00:00:00.000Z");
      const error = await assertRejects(() => call.refuse(), RpcError) as RpcError;
      assertEquals([error.reason, error.data], ["NOT_FOUND", { name: "NOT_FOUND", details: 7 }]);
      const results = Array.from(
        { length: 50 },
        (_, i) => call[i % 2 ? "upper" : "later"](`x${i}`),
      );
      assertEquals(
        await Promise.all(results),
        Array.from({ length: 50 }, (_, i) => i % 2 ? `X${i}` : `x${i}`),
      );
    });

    Deno.test(`pair() runs handlers at the same time over ${name}, ${framing}`, async () => {
      const gates = [gate(), gate(), gate()], started = gate(), order: number[] = [];
      let running = 0;
      const slow = {
        wait: method(z.number(), async (i) => {
          if (++running === 3) started.resolve();
          await gates[i]!.promise;
          return i;
        }),
      };
      await using ends = await pair(slow, options);
      const calls = [0, 1, 2].map(async (i) => order.push(await ends.line.call.wait(i)));
      await started.promise;
      for (const i of [2, 0, 1]) {
        gates[i]!.resolve();
        await calls[i];
      }
      assertEquals(order, [2, 0, 1]);
    });

    Deno.test(`pair() cancels at both ends over ${name}, ${framing}`, async () => {
      const begun = gate(), aborted = gate();
      const slow = {
        wait: method((_, { signal }) => {
          begun.resolve();
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              aborted.resolve();
              reject(signal.reason);
            })
          );
        }),
      };
      await using ends = await pair(slow, options);
      const controller = new AbortController();
      const call = ends.line.call.wait(undefined, { signal: controller.signal });
      await begun.promise;
      controller.abort(new Error("changed my mind"));
      await assertRejects(() => call, Error, "changed my mind");
      await aborted.promise;
    });

    Deno.test(`pair() lets a call finish when the server shuts down over ${name}, ${framing}`, async () => {
      const begun = gate(), go = gate();
      const slow = {
        wait: method(async () => {
          begun.resolve();
          await go.promise;
          return "kept";
        }),
      };
      const connect = { ...options.connect, reconnect: false };
      await using ends = await pair(slow, { ...options, connect });
      const call = ends.line.call.wait();
      await begun.promise;
      const down = ends.server.shutdown();
      go.resolve();
      assertEquals(await call, "kept");
      await down;
      await ends.line.closed;
      const error = await assertRejects(() => ends.line.call.wait(), ConnectionLostError);
      assertEquals((error as ConnectionLostError).sent, false);
    });
  }
}

for (const framing of FRAMINGS) {
  Deno.test(`pair() answers alike however 50 seeds cut, ${framing}`, async () => {
    for (let seed = 0; seed < 50; seed++) {
      await using ends = await pair(api, { faults: { cut: [1, 40], seed }, connect: { framing } });
      const { call } = ends.line;
      const results = await Promise.all([
        call.upper("äöü €"),
        call.later("x".repeat(200)),
        call.math.add({ a: seed, b: 1 }),
        call.refuse().catch((error) => error.reason),
      ]);
      assertEquals(results, ["ÄÖÜ €", "x".repeat(200), seed + 1, "NOT_FOUND"], `seed ${seed}`);
    }
  });
}

Deno.test("pair() carries more than its buffers hold, in both directions", async () => {
  const text = "0123456789abcdef".repeat(20_000);
  await using ends = await pair(api, { faults: { cut: [1, 5000], seed: 1 } });
  const results = await Promise.all([ends.line.call.later(text), ends.line.call.upper(text)]);
  assertEquals(results[0] === text && results[1] === text.toUpperCase(), true);
});

// ---- A connection that is lost after every byte of an exchange --------------------------------------

/** What the client sends, and what comes back, with a line feed each. */
const REQUESTS = [
  '{"jsonrpc":"2.0","id":1,"method":"upper","params":["a"]}\n',
  '{"jsonrpc":"2.0","id":2,"method":"later","params":["b"]}\n',
  '{"jsonrpc":"2.0","id":3,"method":"math.add","params":{"a":1,"b":2}}\n',
];

/** Makes three calls, and tells how often each was settled, how, and which of them ran. */
async function exchange(faults: NetworkFaults) {
  const ran: string[] = [];
  const noting = {
    upper: method(z.string(), (text) => (ran.push("upper"), text.toUpperCase())),
    later: method(z.string(), async (text) => {
      ran.push("later");
      await turn(); // its answer is written once the others have arrived
      return text;
    }),
    math: {
      add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => {
        ran.push("math.add");
        return a + b;
      }),
    },
  };
  await using ends = await pair(noting, { faults, connect: { reconnect: false } });
  const { call } = ends.line;
  const settled = await Promise.all(
    [call.upper("a"), call.later("b"), call.math.add({ a: 1, b: 2 })].map(async (call) => {
      const outcomes: unknown[] = [];
      await call.then((result) => outcomes.push(result), (error) => outcomes.push(error));
      assertEquals(outcomes.length, 1);
      return outcomes[0];
    }),
  );
  for (const outcome of settled) {
    if (outcome instanceof Error) {
      // What has come of a request before the end is told to be unfinished.
      const isTold = outcome instanceof RpcError && outcome.code === -32700;
      assert(isTold || outcome instanceof ConnectionLostError, Deno.inspect(outcome));
    }
  }
  return { ran, settled };
}

/** How many of these lines are whole within so many bytes: a message needs no line feed behind it. */
function wholeWithin(bytes: number, lines: readonly string[]): number {
  let count = 0;
  for (const { length } of lines) if ((bytes -= length) >= -1) count++;
  return count;
}

for (const cut of [undefined, 1, 7]) {
  const how = cut === undefined ? "no cuts" : `cut: ${cut}`;
  const both = cut === undefined ? {} : { cut };

  Deno.test(`every call settles once when the requests are lost after any byte, ${how}`, async () => {
    const total = REQUESTS.join("").length;
    for (let drop = 0; drop <= total + 1; drop++) {
      const { ran, settled } = await exchange({ up: { ...both, drop } });
      const expected = ["upper", "later", "math.add"].slice(0, wholeWithin(drop, REQUESTS));
      assertEquals(ran, expected, `drop: ${drop}`);
      const results = settled.filter((outcome) => !(outcome instanceof Error)).length;
      assert(results <= ran.length, `drop: ${drop}`);
      if (drop > total) assertEquals(settled, ["A", "b", 3]);
    }
  });

  Deno.test(`every call settles once when the answers are lost after any byte, ${how}`, async () => {
    const order: [string, unknown][] = [
      ['{"jsonrpc":"2.0","id":1,"result":"A"}\n', "A"],
      ['{"jsonrpc":"2.0","id":3,"result":3}\n', 3],
      ['{"jsonrpc":"2.0","id":2,"result":"b"}\n', "b"],
    ];
    const answers = order.map(([answer]) => answer), total = answers.join("").length;
    for (let drop = 0; drop <= total; drop++) {
      const { ran, settled } = await exchange({ down: { ...both, drop } });
      const results = settled.filter((outcome) => !(outcome instanceof Error));
      assertEquals(results.length, wholeWithin(drop, answers), `drop: ${drop}`);
      for (const outcome of settled) {
        // Before the first byte of an answer it may be that nothing was sent yet.
        if (drop > 0 && outcome instanceof ConnectionLostError) assertEquals(outcome.sent, true);
      }
      if (drop > 0) assert(ran.length > 0, `drop: ${drop}`);
    }
  });
}

Deno.test("every call settles once when the requests end after any byte", async () => {
  const total = REQUESTS.join("").length;
  for (let halfClose = 0; halfClose <= total + 1; halfClose++) {
    const { ran, settled } = await exchange({ up: { halfClose } });
    const whole = wholeWithin(halfClose, REQUESTS);
    // What arrived whole is done and answered, although the peer has ended.
    assertEquals(ran.length, whole, `halfClose: ${halfClose}`);
    const results = settled.filter((outcome) => !(outcome instanceof Error));
    assertEquals(results.length, whole, `halfClose: ${halfClose}`);
  }
});

Deno.test("every call settles once when the answers end after any byte", async () => {
  for (let halfClose = 0; halfClose <= 120; halfClose++) {
    const { settled } = await exchange({ down: { halfClose }, cut: 1 });
    assertEquals(settled.length, 3);
  }
});

// ---- Stalls ----------------------------------------------------------------------------------------

for (const stall of [0, 1, 30]) {
  Deno.test(`a call fails with DEADLINE_EXCEEDED when requests stall after ${stall} bytes`, async () => {
    let ran = 0;
    const counting = { count: method(() => ++ran) };
    await using ends = await pair(counting, { faults: { up: { stall } } });
    const error = await assertRejects(() => ends.line.call.count(undefined, { timeout: 20 }));
    assert(error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED");
    assertEquals(ran, 0);
  });

  Deno.test(`a call fails with DEADLINE_EXCEEDED when answers stall after ${stall} bytes`, async () => {
    const ran = gate();
    const counting = { count: method(() => ran.resolve()) };
    await using ends = await pair(counting, { faults: { down: { stall } } });
    const error = await assertRejects(() => ends.line.call.count(undefined, { timeout: 20 }));
    assert(error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED");
    await ran.promise;
  });
}

Deno.test("a server closes a peer that takes nothing when the limit writeStallTimeout says so", async () => {
  const closed = Promise.withResolvers<string>();
  await using ends = await pair(api, {
    faults: { down: { stall: 10 } },
    serve: {
      limits: { writeStallTimeout: 20 },
      onClose: (_, { reason }) => closed.resolve(reason),
    },
  });
  const call = ends.line.call.later("x".repeat(100_000));
  await assertRejects(() => call, ConnectionLostError);
  assertEquals(await closed.promise, "the peer took nothing for 20 ms");
});

Deno.test("a server says that a message is unfinished and closes when it stalls on its way", async () => {
  await using ends = await pair(api, {
    faults: { up: { stall: 10 } },
    serve: { limits: { messageTimeout: 20 } },
  });
  const error = await assertRejects(() => ends.line.call.upper("x"), RpcError, "Parse error");
  assertEquals([error.code, error.data], [-32700, { details: "unfinished" }]);
});

// ---- The pair itself ---------------------------------------------------------------------------------

Deno.test("pair() takes the options of serve() and connect()", async () => {
  const errors: unknown[] = [];
  const failing = {
    fail: method(() => {
      throw new Error("secret");
    }),
  };
  await using ends = await pair(failing, {
    serve: { name: "tested", onError: (error) => errors.push(error) },
    connect: { framing: "headers" },
  });
  const info = await ends.line.request("rpc.serverInfo") as { name: string; framing: string };
  assertEquals([info.name, info.framing], ["tested", "headers"]);
  await assertRejects(() => ends.line.call.fail(), RpcError, "Internal error");
  assertEquals((errors[0] as Error).message, "secret");
});

Deno.test("pair() gives a server that other lines reach by its address", async () => {
  await using ends = await pair(api);
  await using other = await connect<typeof api>(ends.server.addresses[0]!);
  assertEquals(await other.call.upper("other"), "OTHER");
  assertEquals(ends.server.connections, 2);
  assertEquals(other.peer.transport, "memory");
});

Deno.test("pair() tells calls of one pair from those of another", async () => {
  const named = (name: string) => pair({ name: method(() => name) });
  await using one = await named("one");
  await using two = await named("two");
  assertEquals([await two.line.call.name(), await one.line.call.name()], ["two", "one"]);
});

Deno.test("pair() ends what still runs when it is disposed of", async () => {
  const aborted = gate(), begun = gate();
  let call: Promise<unknown>, server: Server;
  {
    await using ends = await pair({
      hang: method((_, { signal }) => {
        signal.addEventListener("abort", () => aborted.resolve());
        begun.resolve();
        return new Promise(() => {});
      }),
    });
    call = assertRejects(() => ends.line.call.hang(), ConnectionLostError);
    server = ends.server;
    await begun.promise;
  }
  await Promise.all([aborted.promise, call, server.finished]);
  await assertRejects(() => connect(server.addresses[0]!), Deno.errors.ConnectionRefused);
});

Deno.test("pair() is disposed of when its stalled line has more to send than buffers hold", async () => {
  await using ends = await pair(api, {
    faults: { stall: 0 },
    connect: { limits: { writeStallTimeout: 20 } },
  });
  const call = assertRejects(() => ends.line.call.upper("x".repeat(1 << 17)), ConnectionLostError);
  await call;
});

Deno.test("pair() leaves nothing behind when it cannot connect", async () => {
  await assertRejects(() => pair(api, { faults: { cut: 0 } }), TypeError, "cut must be");
  await assertRejects(() => pair(api, { connect: { signal: AbortSignal.abort() } }));
});

Deno.test("pair() has the types of the API", async () => {
  await using ends = await pair(api);
  const { call } = ends.line;
  const text: string = await call.upper("x");
  const sum: number = await call.math.add({ a: 1, b: 2 });
  assertEquals([text, sum], ["X", 3]);
  // @ts-expect-error The value is text.
  await assertRejects(() => call.upper(7), RpcError);
  // @ts-expect-error There is no such method.
  await assertRejects(() => call.lower("x"), RpcError);
});
