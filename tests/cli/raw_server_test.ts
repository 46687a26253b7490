// The raw server over every transport that carries a stream, in this process.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "npm:fast-check@4";
import { connect as connectNode } from "node:net";
import type { RawAnswer, RawContext, RawPeer as Caller } from "../../cli/raw/connection.ts";
import { type RawServer, type RawServerOptions, serveRaw } from "../../cli/raw/server.ts";
import { UpperCaser } from "../../cli/raw/upper_caser.ts";
import type { CloseInfo } from "../../lib/mod.ts";
import { dial, type DialOptions } from "../../lib/transport/mod.ts";
import { certificates } from "../support/certificates.ts";
import { until, within } from "../support/deadline.ts";
import { Phone } from "../support/phone.ts";
import { bytesOf, join } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import { socketPath } from "../support/wires.ts";

/** A server, what it was told, and a way to call it. */
interface Site extends AsyncDisposable {
  readonly server: RawServer;
  readonly address: string;
  readonly opened: Caller[];
  readonly closed: CloseInfo[];
  readonly errors: (readonly [unknown, string])[];
  call(): Promise<Phone>;
}

const upperCase = () => {
  const caser = new UpperCaser();
  return {
    answer: (bytes: Uint8Array): RawAnswer | Promise<RawAnswer> => caser.push(bytes),
    end: () => caser.end(),
  };
};

async function open(
  options: Partial<RawServerOptions> & { readonly dial?: DialOptions } = {},
  service: (context: RawContext) => ReturnType<typeof upperCase> = upperCase,
): Promise<Site> {
  const opened: Caller[] = [], closed: CloseInfo[] = [], errors: [unknown, string][] = [];
  const { dial: dialOptions, ...rest } = options;
  const server = await serveRaw(service, {
    listen: ["tcp://127.0.0.1:0"],
    onOpen: (peer) => void opened.push(peer),
    onClose: (_, info) => void closed.push(info),
    onError: (error, about) => void errors.push([error, about]),
    ...rest,
  });
  const address = server.addresses[0]!;
  return {
    server,
    address,
    opened,
    closed,
    errors,
    call: async () => new Phone(await dial(address, dialOptions)),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** Says something piece by piece, and hears whatever comes until the server has nothing to add. */
async function ask(site: Site, pieces: readonly (string | Uint8Array)[]): Promise<Uint8Array> {
  await using caller = await site.call();
  const answer = caller.rest();
  for (const piece of pieces) await caller.say(piece);
  await caller.finish();
  return await answer;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** How to serve over each transport, as late as possible: openssl may have to make certificates. */
const TRANSPORTS:
  readonly (readonly [string, readonly string[], () => Parameters<typeof open>[0]])[] = [
    ["tcp:", [], () => ({ listen: ["tcp://127.0.0.1:0"] })],
    ["tcp: on IPv6", [], () => ({ listen: ["tcp://[::1]:0"] })],
    ["unix:", [], () => ({ listen: [`unix://${socketPath()}`] })],
    ["memory:", [], () => ({ listen: ["memory:"] })],
    ["tls:", ["openssl"], () => {
      const { ca, server } = certificates();
      return { listen: ["tls://127.0.0.1:0"], tls: server, dial: { tls: { ca } } };
    }],
  ];

for (const [name, tools, options] of TRANSPORTS) {
  const test = (does: string, fn: () => Promise<void>) =>
    testWith(tools, `serveRaw() over ${name} ${does}`, fn);

  test("answers in upper case, in one piece and one byte at a time", async () => {
    await using site = await open(options());
    const bytes = join([bytesOf("straße, café, 𐐨"), Uint8Array.of(0xff, 0x61, 0xe2, 0x82)]);
    const upper = join([bytesOf("STRASSE, CAFÉ, 𐐀"), Uint8Array.of(0xff, 0x41, 0xe2, 0x82)]);
    assertEquals(await ask(site, [bytes]), upper);
    assertEquals(await ask(site, Array.from(bytes, (byte) => Uint8Array.of(byte))), upper);
    await until(() => site.closed.length === 2, "both connections to end");
    assertEquals(site.opened.length, 2);
    const reason = "the peer closed the connection";
    assertEquals(site.closed, [{ reason }, { reason }]);
    assertEquals(site.errors, []);
  });

  test("answers a caller that waits, but for the half of a character", async () => {
    await using site = await open(options());
    await using caller = await site.call();
    await caller.say("hello ");
    assertEquals(await caller.hear(6), "HELLO ");
    await caller.say(Uint8Array.of(0x61, 0xc3));
    assertEquals(await caller.hear(1), "A");
    await caller.say(Uint8Array.of(0xa9));
    assertEquals(await caller.hear(2), "É");
    await caller.finish();
    assertEquals((await caller.rest()).length, 0);
  });

  test("finishes a large answer, whatever one write takes", async () => {
    await using site = await open(options());
    const message = "abcdefgh".repeat(1 << 17);
    assert(text(await ask(site, [message])) === message.toUpperCase());
  });

  test("tells who calls, and ends the connections at shutdown", async () => {
    await using site = await open(options());
    await using caller = await site.call();
    await caller.say("a");
    assertEquals(await caller.hear(1), "A");
    const [{ address, localAddress, transport }] = site.opened as [Caller];
    assertEquals([localAddress, transport], [site.address, name.split(":")[0]]);
    assertMatch(address, /^t/.test(name) ? /:[0-9]+$/ : /:$/);
    assertEquals(site.server.connections, 1);
    const end = within(site.server.shutdown(), "the server to end");
    assertEquals((await caller.rest()).length, 0);
    await caller.close();
    await end;
    await site.server.finished;
    assertEquals([site.closed, site.server.connections], [[{ reason: "shutdown" }], 0]);
    // A name is free then, and so is a port, which somebody else may have by now.
    if (/^(unix|memory)/.test(name)) await assertRejects(() => site.call());
  });
}

Deno.test("serveRaw() listens at a socket file whose name has a percent sign", async () => {
  const address = `unix://${socketPath()}.50%25`;
  await using _site = await open({ listen: [address] });
  await using caller = new Phone(await dial(address));
  await caller.say("a");
  assertEquals(await caller.hear(1), "A");
});

Deno.test("serveRaw() serves many callers at once, whose pieces come in any order", async () => {
  await using site = await open();
  const callers = await Promise.all(Array.from({ length: 50 }, () => site.call()));
  // The first halves of all, then the second halves backwards.
  for (const [i, caller] of callers.entries()) {
    await caller.say(join([bytesOf(`caller ${i} `), Uint8Array.of(0xc3)]));
  }
  for (const caller of callers.toReversed()) await caller.say(Uint8Array.of(0xa9));
  for (const [i, caller] of callers.entries()) {
    const upper = `CALLER ${i} É`;
    assertEquals(await caller.hear(bytesOf(upper).length), upper);
  }
  assertEquals(site.server.connections, 50);
  for (const caller of callers) await caller.close();
  await until(() => site.server.connections === 0, "all to be gone");
});

Deno.test("serveRaw() gives the same for any text with any cuts", async () => {
  await using site = await open({ listen: ["memory:"] });
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", minLength: 1 }),
      fc.array(fc.nat({ max: 40 })),
      async (message, cuts) => {
        const bytes = bytesOf(message);
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) =>
          a - b
        );
        const pieces = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        assertEquals(text(await ask(site, pieces)), message.toUpperCase());
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("serveRaw() survives callers that vanish: before they are accepted, and in the middle", async () => {
  await using site = await open();
  const port = Number(new URL(site.address).port);
  await using witness = await site.call();
  // Node's socket can reset a connection, which Deno's own cannot.
  const reset = (said: string) =>
    new Promise<void>((resolve) => {
      const socket = connectNode(port, "127.0.0.1", () => {
        const vanish = () => socket.resetAndDestroy();
        if (said === "") vanish();
        else socket.write(said, vanish);
      });
      socket.on("close", () => resolve());
      socket.on("error", () => {}); // "close" follows
    });
  for (let i = 0; i < 20; i++) await Promise.all([reset(""), reset("half a sen"), reset("")]);
  await witness.say("still here");
  assertEquals(await witness.hear(10), "STILL HERE");
  assertEquals(text(await ask(site, ["new"])), "NEW");
  await until(() => site.server.connections === 1, "the others to be gone");
  assertEquals(site.errors, [], "that is nobody's business");
});

Deno.test("serveRaw() reads nothing more from a caller that does not read, and gives up in time", async () => {
  let answered = 0;
  await using site = await open({ limits: { writeStallTimeout: 200 } }, () => ({
    answer(bytes) {
      answered += bytes.length;
      return bytes.slice();
    },
    end: () => new Uint8Array(0),
  }));
  const socket = await dial(site.address);
  const piece = new Uint8Array(1 << 16);
  const said = (async () => {
    try {
      for (;;) await socket.write(piece);
    } catch (error) {
      return error;
    }
  })();
  const error = await within(said, "the server to give up");
  assert(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe);
  await until(() => site.closed.length === 1, "the connection to end");
  assertMatch(site.closed[0]!.reason, /took nothing for 200 ms/);
  // What the system holds for the four directions, and no more.
  assert(answered < 1 << 26, `${answered} B were answered`);
  await socket.close();
});

Deno.test("serveRaw() closes callers above maxConnections, and says so once", async () => {
  await using site = await open({ limits: { maxConnections: 2 } });
  const kept = [await site.call(), await site.call()];
  for (const caller of kept) {
    await caller.say("a");
    assertEquals(await caller.hear(1), "A");
  }
  for (let i = 0; i < 3; i++) {
    await using caller = await site.call();
    assertEquals((await caller.rest()).length, 0);
  }
  assertEquals(site.errors.map(([error, about]) => [(error as Error).message, about]), [
    ["Too many connections: no more than 2 are kept", `accept at ${site.address}`],
  ]);
  await kept[0]!.close();
  await until(() => site.server.connections === 1, "one to be gone");
  assertEquals(text(await ask(site, ["next"])), "NEXT");
  await kept[1]!.close();
});

Deno.test("serveRaw() listens at all addresses or none", async () => {
  const path = socketPath();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const where = [`unix://${path}`, `tcp://127.0.0.1:${taken.addr.port}`];
  await assertRejects(() => open({ listen: where }), Deno.errors.AddrInUse);
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("serveRaw() refuses what it cannot serve", async () => {
  for (
    const [options, ErrorClass, message] of [
      [{ listen: ["udp://127.0.0.1:0"] }, TypeError, "bytes without framing need a stream"],
      [{ listen: ["raw://127.0.0.1"] }, TypeError, "SOCK_RAW"],
      [{ listen: ["127.0.0.1:0"] }, TypeError, "it has no scheme"],
      [{ tcpBacklog: 0 }, RangeError, "tcpBacklog must be an integer from 1, it is 0"],
      [{ limits: { idleTimeout: -1 } }, RangeError, "idleTimeout must be an integer"],
    ] as const
  ) {
    await assertRejects(() => open(options), ErrorClass, message);
  }
});
