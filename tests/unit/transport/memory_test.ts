// Sockets within the process: first everything that they have in common with the system's, then what
// only they can do.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { mulberry32, type NetworkFaults } from "../../../lib/transport/memory/faults.ts";
import { socketPair } from "../../../lib/transport/memory/mod.ts";
import { dial, listen, type Listener, type Socket } from "../../../lib/transport/mod.ts";

const LISTEN = { tcpBacklog: 16 };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Writes all of these bytes. */
async function writeAll(socket: Socket, rest: Uint8Array): Promise<void> {
  while (rest.length > 0) rest = rest.subarray(await socket.write(rest));
}

/** Reads once; undefined at the end. */
async function readOnce(socket: Socket, size = 1 << 16): Promise<string | undefined> {
  const buffer = new Uint8Array(size);
  const count = await socket.read(buffer);
  return count === null ? undefined : text(buffer.subarray(0, count));
}

/** What each read gives, to the end. */
async function readAll(socket: Socket, size?: number): Promise<string[]> {
  const parts: string[] = [];
  for (let part; (part = await readOnce(socket, size)) !== undefined;) parts.push(part);
  return parts;
}

/** Closes what may be closed already. */
function letGo(...sockets: Socket[]): void {
  for (const socket of sockets) {
    try {
      socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** The next socket that a listener accepts: there is one. */
async function accept(listener: Listener): Promise<Socket> {
  const socket = await listener.accept();
  assert(socket !== undefined);
  return socket;
}

/** Two connected sockets through a listener at this address. */
async function meet(address: string): Promise<[Socket, Socket]> {
  const listener = await listen(address, LISTEN);
  try {
    return await Promise.all([dial(listener.address), accept(listener)]);
  } finally {
    listener.close();
  }
}

const KINDS: { [kind: string]: () => Promise<[Socket, Socket]> | [Socket, Socket] } = {
  "tcp:": () => meet("tcp://127.0.0.1:0"),
  "unix:": async () => {
    const folder = await Deno.makeTempDir({ dir: "/tmp" });
    try {
      return await meet(`unix://${folder}/socket`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  "memory:": () => meet("memory:"),
  "socketPair()": () => socketPair(),
};

const SAME: { [behaviour: string]: (near: Socket, far: Socket) => Promise<void> } = {
  "bytes arrive in order, both ways": async (near, far) => {
    const up = "abc".repeat(50_000), down = "xyz".repeat(50_000);
    const [heard, answered] = await Promise.all([
      readAll(far, 1000),
      readAll(near, 777),
      writeAll(near, bytes(up)).then(() => near.closeWrite!()),
      writeAll(far, bytes(down)).then(() => far.closeWrite!()),
    ]);
    assertEquals(heard.join("") === up, true);
    assertEquals(answered.join("") === down, true);
  },
  "a read that waits gets what is written later": async (near, far) => {
    const reading = readOnce(far);
    await near.write(bytes("hello"));
    assertEquals(await reading, "hello");
  },
  "the writer may use its buffer again": async (near, far) => {
    const buffer = bytes("one");
    await near.write(buffer);
    buffer.fill(0);
    assertEquals(await readOnce(far), "one");
  },
  "empty reads and writes are over at once": async (near) => {
    assertEquals(await near.read(new Uint8Array(0)), 0);
    assertEquals(await near.write(new Uint8Array(0)), 0);
  },
  "close() ends a read that waits": async (near) => {
    const reading = near.read(new Uint8Array(1));
    await turn();
    near.close();
    await assertRejects(() => reading, Deno.errors.Interrupted);
  },
  "close() ends a write that waits": async (near) => {
    let written = -1, before = -2;
    const writing = (async () => {
      for (;;) written += await near.write(new Uint8Array(1 << 20));
    })();
    const failed = assertRejects(() => writing, Deno.errors.Interrupted);
    // Nobody reads: it stops when everything is full.
    while (written !== before) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    near.close();
    await failed;
  },
  "a write that is too large is done in part, and the rest waits": async (near, far) => {
    const all = new Uint8Array(1 << 24);
    const first = await near.write(all);
    assert(first > 0 && first < all.length, `${first}`);
    let written = first;
    const writing = (async () => {
      while (written < all.length) written += await near.write(all.subarray(written));
      await near.closeWrite!();
    })();
    const count = (await readAll(far)).reduce((sum, { length }) => sum + length, 0);
    await writing;
    assertEquals(count, all.length);
  },
  "the other end sees the end, after what was sent": async (near, far) => {
    await near.write(bytes("bye"));
    near.close();
    assertEquals(await readAll(far), ["bye"]);
    assertEquals(await readOnce(far), undefined);
  },
  "closeWrite() leaves the other direction open": async (near, far) => {
    await near.write(bytes("question"));
    await near.closeWrite!();
    assertEquals(await readAll(far), ["question"]);
    await far.write(bytes("answer"));
    far.close();
    assertEquals(await readAll(near), ["answer"]);
  },
  "a write after closeWrite() is a broken pipe": async (near) => {
    await near.closeWrite!();
    await assertRejects(() => near.write(bytes("more")), Deno.errors.BrokenPipe);
  },
  "a write to one that is closed is a broken pipe": async (near, far) => {
    far.close();
    await assertRejects(async () => {
      // The system may take one write before it notices.
      for (let i = 0; i < 1000; i++) {
        await near.write(bytes("more"));
        await turn();
      }
    }, Deno.errors.BrokenPipe);
  },
  "nothing can be done after close()": async (near) => {
    near.close();
    await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => near.write(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => near.closeWrite!(), Deno.errors.BadResource);
    assertThrows(() => near.close(), Deno.errors.BadResource);
  },
};

for (const [kind, open] of Object.entries(KINDS)) {
  for (const [behaviour, show] of Object.entries(SAME)) {
    Deno.test(`${kind} ${behaviour}`, async () => {
      const [near, far] = await open();
      try {
        await show(near, far);
      } finally {
        letGo(near, far);
      }
    });
  }
}

// ---- Names ---------------------------------------------------------------------------------------

Deno.test("listen() takes a name for itself when the address is memory:", async () => {
  const listener = await listen("memory:a%20name", LISTEN);
  assertEquals(listener.address, "memory:a%20name");
  assertThrows(
    () => listen("memory:a%20name", LISTEN),
    Deno.errors.AddrInUse,
    "Cannot listen at memory:a%20name: the name is taken",
  );
  listener.close();
  (await listen("memory:a%20name", LISTEN)).close();
});

Deno.test("listen() chooses a free name when memory: has none", async () => {
  const one = await listen("memory:", LISTEN), two = await listen("memory:", LISTEN);
  assert(one.address !== two.address);
  const [near, far] = await Promise.all([dial(two.address), accept(two)]);
  assertEquals([near.remote, near.local], [two.address, "memory:"]);
  assertEquals([far.remote, far.local], ["memory:", two.address]);
  for (const it of [near, far, one, two]) it.close();
});

Deno.test("dial() is refused when nobody listens under the name", async () => {
  const refused = () =>
    assertRejects(
      () => dial("memory:nobody"),
      Deno.errors.ConnectionRefused,
      "Cannot connect to memory:nobody: nobody listens there",
    );
  await refused();
  (await listen("memory:nobody", LISTEN)).close();
  await refused();
});

Deno.test("dial() rejects with the signal's reason when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => dial("memory:nobody", { signal }), Error, "enough");
});

Deno.test("accept() gives callers in order, and rejects when the listener is closed", async () => {
  const listener = await listen("memory:", LISTEN);
  const callers = await Promise.all(["1", "2", "3"].map(async (name) => {
    const socket = await dial(listener.address);
    await socket.write(bytes(name));
    return socket;
  }));
  for (const name of ["1", "2"]) {
    const socket = await accept(listener);
    assertEquals(await readOnce(socket), name);
    socket.close();
  }
  listener.close();
  // The third was never accepted: it is told so.
  await assertRejects(() => readOnce(callers[2]!), Deno.errors.ConnectionReset);
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  assertThrows(() => listener.close(), Deno.errors.BadResource);
  letGo(...callers);
});

Deno.test("accept() rejects with Interrupted when the listener is closed while it waits", async () => {
  const listener = await listen("memory:", LISTEN);
  const accepting = listener.accept();
  listener.close();
  await assertRejects(() => accepting, Deno.errors.Interrupted);
});

const BAD: { [address: string]: string } = {
  "memory://name": "a memory address has no slash after the colon: memory:name",
  "memory:/name": "a memory address has no slash after the colon: memory:name",
  "memory:x?cutt=1": 'no fault has the name "cutt"',
  "memory:x?up.seed=1": 'no fault has the name "up.seed"',
  "memory:x?up=1": 'no fault has the name "up"',
  "memory:x?__proto__=1": 'no fault has the name "__proto__"',
  "memory:x?cut=0":
    "cut must be an integer from 1 to 2147483647, or two of them with the smaller first, it is 0",
  "memory:x?up.cut=9-1":
    "up.cut must be an integer from 1 to 2147483647, or two of them with the smaller first, it is [9,1]",
  "memory:x?drop=1-2": "drop must be an integer from 0 to 2147483647, it is [1,2]",
  "memory:x?stall=-1": 'stall must be an integer from 0 to 2147483647, it is "-1"',
  "memory:x?halfClose": 'halfClose must be an integer from 0 to 2147483647, it is ""',
  "memory:x?seed=4294967296": "seed must be an integer from 0 to 4294967295, it is 4294967296",
};

for (const [address, why] of Object.entries(BAD)) {
  Deno.test(`dial() explains what is wrong when the address is ${address}`, async () => {
    const message = `Cannot use the address ${JSON.stringify(address)}: ${why}`;
    const error = await assertRejects(() => dial(address), TypeError);
    assertEquals((error as TypeError).message, message);
  });
}

Deno.test("listen() refuses faults: they belong to the address that is dialled", () => {
  assertThrows(
    () => listen("memory:x?cut=1", LISTEN),
    TypeError,
    'Cannot use the address "memory:x?cut=1": faults belong to the address that is dialled',
  );
});

Deno.test("socketPair() throws a RangeError when faults make no sense", () => {
  assertThrows(
    () => socketPair({ down: { delay: [5, 1] } }),
    RangeError,
    "Cannot use faults: down.delay must be an integer from 0 to 2147483647, or two of them with the smaller first, it is [5,1]",
  );
});

// ---- What the system's do less strictly -------------------------------------------------------------

Deno.test("reset() breaks both directions, and takes with it what is on its way", async () => {
  const [near, far] = socketPair();
  await near.write(bytes("lost"));
  const reading = near.read(new Uint8Array(1));
  far.reset();
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  for (const socket of [near, far]) {
    await assertRejects(() => socket.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    await assertRejects(() => socket.write(new Uint8Array(1)), Deno.errors.ConnectionReset);
    socket.close();
  }
});

Deno.test("close() resets the connection when bytes have come that were not read", async () => {
  const [near, far] = socketPair();
  await near.write(bytes("unread"));
  await far.write(bytes("last words"));
  far.close();
  await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  near.close();
});

Deno.test("close() fails a write of the other end that waits, and the next at once", async () => {
  const [near, far] = socketPair();
  await writeAll(near, new Uint8Array(1 << 16));
  const writing = near.write(new Uint8Array(1));
  await turn();
  far.close();
  await assertRejects(() => writing, Deno.errors.BrokenPipe);
  const [left, right] = socketPair();
  right.close();
  await assertRejects(() => left.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  letGo(near, left);
});

Deno.test("read() and write() reject with Busy when one waits already", async () => {
  const [near, far] = socketPair({ stall: 0 });
  const reading = near.read(new Uint8Array(1));
  await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.Busy);
  await writeAll(near, new Uint8Array(1 << 16));
  const writing = near.write(new Uint8Array(1));
  await assertRejects(() => near.write(new Uint8Array(1)), Deno.errors.Busy);
  near.close();
  await assertRejects(() => reading, Deno.errors.Interrupted);
  await assertRejects(() => writing, Deno.errors.Interrupted);
  far.close();
});

Deno.test("two ends that only answer each other leave room for timers", async () => {
  const [near, far] = socketPair();
  let over = false;
  setTimeout(() => over = true, 1);
  const echo = (async () => {
    for (let part; (part = await readOnce(far)) !== undefined;) await far.write(bytes(part));
    far.close();
  })();
  for (let i = 0; !over; i++) {
    assert(i < 1e5, "timers do not fire");
    await near.write(bytes("ping"));
    assertEquals(await readOnce(near), "ping");
  }
  near.close();
  await echo;
});

Deno.test("one that only dials leaves room for timers", async () => {
  const listener = await listen("memory:", LISTEN);
  let over = false;
  setTimeout(() => over = true, 1);
  for (let i = 0; !over; i++) {
    assert(i < 1e5, "timers do not fire");
    const [near, far] = await Promise.all([dial(listener.address), accept(listener)]);
    letGo(near, far);
  }
  listener.close();
});

Deno.test("one that writes after a half-close leaves room for timers", async () => {
  const [near, far] = socketPair({ halfClose: 0 });
  let over = false;
  setTimeout(() => over = true, 1);
  for (let i = 0; !over; i++) {
    assert(i < 1e5, "timers do not fire");
    await near.write(bytes("lost"));
  }
  letGo(near, far);
});

// ---- Faults ------------------------------------------------------------------------------------------

/** What arrives of this, read by read; an error last, where there is one. */
async function send(message: string, faults: NetworkFaults): Promise<string[]> {
  const [near, far] = socketPair(faults);
  const parts: string[] = [];
  const reading = (async () => {
    for (let part; (part = await readOnce(far)) !== undefined;) parts.push(part);
    parts.push("end");
  })().catch((error) => parts.push(error.name));
  await writeAll(near, bytes(message)).catch(() => {});
  await near.closeWrite().catch(() => {});
  await reading;
  letGo(near, far);
  return parts;
}

const FAULTS: { [name: string]: [NetworkFaults, string[]] } = {
  "no faults": [{}, ["abcdefgh", "end"]],
  "cut: 1": [{ cut: 1 }, [..."abcdefgh", "end"]],
  "cut: 3": [{ cut: 3 }, ["abc", "def", "gh", "end"]],
  "cut: 3, of the other direction": [{ down: { cut: 3 } }, ["abcdefgh", "end"]],
  "cut: 3, but not in this direction": [{ cut: 1, up: { cut: 5 } }, ["abcde", "fgh", "end"]],
  "cut: [1, 4], seed: 1": [{ cut: [1, 4], seed: 1 }, ["ab", "cd", "ef", "g", "h", "end"]],
  "delay: 1": [{ delay: 1 }, ["abcdefgh", "end"]],
  "delay: [0, 9], cut: 2": [{ delay: [0, 9], cut: 2 }, ["ab", "cd", "ef", "gh", "end"]],
  "drop: 0": [{ drop: 0 }, ["ConnectionReset"]],
  "drop: 3": [{ up: { drop: 3 } }, ["abc", "ConnectionReset"]],
  "drop: 3, cut: 2": [{ drop: 3, cut: 2 }, ["ab", "c", "ConnectionReset"]],
  "drop: 8": [{ drop: 8 }, ["abcdefgh", "ConnectionReset"]],
  "drop: 9": [{ drop: 9 }, ["abcdefgh", "end"]],
  "halfClose: 0": [{ halfClose: 0 }, ["end"]],
  "halfClose: 3": [{ halfClose: 3 }, ["abc", "end"]],
  "halfClose: 9": [{ halfClose: 9 }, ["abcdefgh", "end"]],
  "stall: 9": [{ stall: 9 }, ["abcdefgh", "end"]],
  "drop: 5 before halfClose: 6": [{ drop: 5, halfClose: 6 }, ["abcde", "ConnectionReset"]],
};

for (const [name, [faults, expected]] of Object.entries(FAULTS)) {
  Deno.test(`socketPair() delivers ${expected.join(" ")} with ${name}`, async () => {
    assertEquals(await send("abcdefgh", faults), expected);
  });
}

Deno.test("socketPair() cuts in the same places when the seed is the same, and only then", async () => {
  const message = "abcdefghij".repeat(20);
  const cut = (seed: number) => send(message, { cut: [1, 9], seed });
  const seen = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const parts = await cut(seed);
    assertEquals(parts.pop(), "end");
    assertEquals(parts.join(""), message);
    assert(parts.every(({ length }) => length <= 9));
    seen.add(parts.join(" "));
    assertEquals((await cut(seed)).join(" "), [...parts, "end"].join(" "));
  }
  assertEquals(seen.size, 50);
});

Deno.test("socketPair() cuts one direction as before, whatever happens in the other", async () => {
  const message = "abcdefghij".repeat(20), up = { cut: [1, 9] } as const;
  const alone = await send(message, { up, seed: 3 });
  assertEquals(await send(message, { up, down: { cut: [1, 3], delay: [0, 2] }, seed: 3 }), alone);
});

Deno.test("socketPair() keeps the order when segments are delayed, for each of 20 seeds", async () => {
  const message = "abcdefghijklmnopqrstuvwxyz";
  await Promise.all(Array.from({ length: 20 }, async (_, seed) => {
    const parts = await send(message, { cut: [1, 3], delay: [0, 4], seed });
    assertEquals(parts.join(""), message + "end");
  }));
});

Deno.test("a delayed segment does not arrive before its time, nor keeps anything waiting when closed", async () => {
  const [near, far] = socketPair({ up: { delay: 1e9 } });
  await near.write(bytes("much later"));
  const reading = far.read(new Uint8Array(1));
  await far.write(bytes("now"));
  assertEquals(await readOnce(near), "now");
  far.close();
  await assertRejects(() => reading, Deno.errors.Interrupted);
  near.close();
});

Deno.test("a stall holds bytes and the end back, and fills the writer's buffer", async () => {
  const [near, far] = socketPair({ up: { stall: 3 } });
  await writeAll(near, bytes("abcdef"));
  assertEquals(await readOnce(far), "abc");
  const reading = readOnce(far);
  await writeAll(near, new Uint8Array((1 << 16) - 3));
  const writing = near.write(new Uint8Array(1));
  await far.write(bytes("the other direction"));
  assertEquals(await readOnce(near), "the other direction");
  near.close(); // what cannot arrive is given up
  await assertRejects(() => writing, Deno.errors.Interrupted);
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  far.close();
});

Deno.test("a stall holds the end back when it comes right after the last byte that passes", async () => {
  const [near, far] = socketPair({ up: { stall: 3 } });
  await near.write(bytes("abc"));
  await near.closeWrite();
  assertEquals(await readOnce(far), "abc");
  const reading = readOnce(far);
  await turn();
  near.close();
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  far.close();
});

Deno.test("a half-close loses what is sent later without a word, and leaves the other direction", async () => {
  const [near, far] = socketPair({ up: { halfClose: 3 } });
  await writeAll(near, bytes("abcdef".repeat(20)));
  assertEquals(await readAll(far), ["abc"]);
  await far.write(bytes("answer"));
  far.close();
  assertEquals(await readAll(near), ["answer"]);
  near.close();
});

Deno.test("a drop in one direction breaks the other", async () => {
  const [near, far] = socketPair({ up: { drop: 3 } });
  const reading = near.read(new Uint8Array(1));
  await writeAll(near, bytes("abcdef"));
  assertEquals(await readOnce(far), "abc");
  await assertRejects(() => readOnce(far), Deno.errors.ConnectionReset);
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  await assertRejects(() => near.write(bytes("more")), Deno.errors.ConnectionReset);
  letGo(near, far);
});

Deno.test("dial() takes faults from the query of the address, the particular before the general", async () => {
  const listener = await listen("memory:", LISTEN);
  const [near, far] = await Promise.all([
    dial(`${listener.address}?up.cut=2-2&cut=4&down.drop=6&seed=9`),
    accept(listener),
  ]);
  await writeAll(near, bytes("abcdefgh"));
  assertEquals(await readOnce(far), "ab");
  assertEquals(await readOnce(far), "cd");
  await writeAll(far, bytes("abcdefgh"));
  assertEquals(await readOnce(near), "abcd");
  assertEquals(await readOnce(near), "ef");
  await assertRejects(() => readOnce(near), Deno.errors.ConnectionReset);
  assertEquals(near.remote, listener.address);
  letGo(near, far);
  listener.close();
});

Deno.test("mulberry32() gives its published numbers", () => {
  const draw = (seed: number) =>
    Array.from({ length: 3 }, ((next) => () => next())(mulberry32(seed)));
  assertEquals(draw(0), [1144304738, 1416247, 958946056]);
  assertEquals(draw(2 ** 32 - 1), draw(-1));
});
