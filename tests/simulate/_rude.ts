// Peers without the library, of whom most do not behave: at a server, and in the place of one.

import type { FramingName } from "../../lib/mod.ts";
import type { NetworkFaults } from "../../lib/testing.ts";
import { bytesOf, firstFrame, frame, join } from "../support/raw.ts";
import type { Conn, Network, Tap } from "./_network.ts";
import type { Dice } from "../support/dice.ts";
import type { World } from "./_world.ts";

const WAYS = ["tidy", "silent", "half", "garbage", "reset", "flood"] as const;

/** A caller that knows no manners, but for one that is only written by hand. */
export async function rudeCaller(
  world: World,
  network: Network,
  port: number,
  framing: FramingName,
  isCalm: boolean,
  tap: (port: number) => Tap,
): Promise<void> {
  const { dice } = world, way = dice.pick(WAYS);
  const faults: NetworkFaults = isCalm || way === "flood"
    ? {}
    : { cut: [1, dice.pick([1, 30, 300])], seed: dice.bits() };
  let conn: Conn;
  try {
    conn = await network.connect(
      { port },
      { faults, connectDelay: 0, isGone: false, tap },
    );
  } catch {
    return; // the server has ended
  }
  world.note(`rude ${way}`);
  try {
    await deed(way, conn, world, framing, isCalm);
  } catch (error) {
    // Its connection broke, which is what it was asking for.
    if (error instanceof RangeError || error instanceof TypeError) throw error;
  } finally {
    conn.close();
  }
}

function echo(id: number, count: number): string {
  const params = JSON.stringify({ token: 0, ms: 0, count, how: "" });
  return `{"jsonrpc":"2.0","id":${id},"method":"rude","params":${params}}`;
}

async function deed(
  way: typeof WAYS[number],
  conn: Conn,
  world: World,
  framing: FramingName,
  isCalm: boolean,
): Promise<void> {
  const { dice } = world, count = dice.int(1, 30);
  switch (way) {
    case "tidy": { // sends all, says that this was all, and reads the answers
      await write(conn, calls(framing, count, 10));
      await conn.closeWrite();
      const ids = answersIn(framing, await rest(conn));
      const expected = Array.from({ length: count }, (_, id) => id + 1);
      if (isCalm && ids.join() !== expected.join()) {
        world.violate(`of ${count} answers before the end came ${ids.join()}`);
      }
      return;
    }
    case "silent":
      if (dice.chance(50)) await write(conn, bytesOf("{"));
      return await discard(conn);
    case "half": {
      const whole = calls(framing, 1, 10);
      await write(conn, whole.subarray(0, dice.int(1, whole.length - 1)));
      if (dice.chance(50)) await conn.closeWrite();
      return await discard(conn);
    }
    case "garbage":
      for (let i = 0; i < count; i++) {
        const bytes = dice.chance(50) ? calls(framing, 1, 3) : new Uint8Array(dice.int(1, 40));
        for (let changes = dice.int(0, 4); changes > 0; changes--) {
          bytes[dice.int(0, bytes.length - 1)] = dice.int(0, 255);
        }
        await write(conn, bytes);
      }
      await conn.closeWrite();
      return await discard(conn);
    case "reset":
      await write(conn, calls(framing, count, 10).subarray(0, dice.int(1, 500)));
      if (dice.chance(50)) await world.sleep(dice.int(1, 20));
      return conn.reset();
    case "flood": // never reads, and does not notice how it is answered
      for (let i = 0; i < 10; i++) await write(conn, calls(framing, 10, 2000));
      await world.sleep(dice.int(0, 20_000));
  }
}

function calls(framing: FramingName, count: number, size: number): Uint8Array<ArrayBuffer> {
  return join(Array.from({ length: count }, (_, id) => frame(framing, echo(id + 1, size))));
}

async function write(conn: Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

async function rest(conn: Conn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [], buffer = new Uint8Array(4096);
  for (let count; (count = await conn.read(buffer)) !== null;) parts.push(buffer.slice(0, count));
  return join(parts);
}

async function discard(conn: Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer) !== null);
}

function answersIn(framing: FramingName, bytes: Uint8Array): unknown[] {
  const ids: unknown[] = [];
  for (let found, rest = bytes; (found = firstFrame(framing, rest)) !== undefined;) {
    rest = rest.subarray(found[1]);
    const { id, method } = JSON.parse(found[0]);
    if (method === undefined) ids.push(id);
  }
  return ids;
}

/** A server that answers as it likes: wrongly, twice, late, never, or with noise. */
export class RudeServer {
  readonly #world: World;
  readonly #listener: ReturnType<Network["listen"]>;
  readonly #framing: FramingName;
  readonly ended: Promise<void>;

  constructor(world: World, network: Network, port: number, framing: FramingName) {
    this.#world = world;
    this.#framing = framing;
    this.#listener = network.listen({ port });
    this.ended = this.#serve();
  }

  close(): void {
    this.#listener.close();
  }

  async #serve(): Promise<void> {
    const serving: Promise<void>[] = [];
    for (;;) {
      let conn: Conn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource) {
          break;
        }
        continue;
      }
      serving.push(this.#talk(conn).catch(() => {}).finally(() => conn.close()));
    }
    await Promise.all(serving);
  }

  async #talk(conn: Conn): Promise<void> {
    const buffer = new Uint8Array(4096);
    let bytes = new Uint8Array(0);
    for (let count; (count = await conn.read(buffer)) !== null;) {
      bytes = join([bytes, buffer.subarray(0, count)]);
      for (let found; (found = firstFrame(this.#framing, bytes)) !== undefined;) {
        bytes = bytes.slice(found[1]);
        for (const asked of [JSON.parse(found[0])].flat()) {
          if (asked.id !== undefined) await this.#answer(conn, asked);
        }
      }
    }
  }

  async #answer(conn: Conn, { id, method }: { id: number; method: string }): Promise<void> {
    const { dice } = this.#world;
    const good = `{"jsonrpc":"2.0","id":${id},"result":${
      method === "rpc.serverInfo" ? '{"extensions":["meta","stream","progress"]}' : "7"
    }}`;
    for (let i = dice.int(0, 2); i >= 0; i--) {
      const text = this.#words(dice, id, good);
      if (text === undefined) continue;
      await write(conn, dice.chance(3) ? bytesOf(text) : frame(this.#framing, text));
      if (dice.chance(20)) await this.#world.sleep(dice.int(1, 50));
    }
    const end = dice.int(0, 40);
    if (end === 0) conn.reset();
    else if (end === 1) await conn.closeWrite();
  }

  #words(dice: Dice, id: number, good: string): string | undefined {
    switch (dice.int(0, 11)) {
      case 0:
        return undefined;
      case 1:
        return `{"jsonrpc":"2.0","id":${id + dice.int(-3, 3)},"result":"another's"}`;
      case 2:
        return `{"jsonrpc":"2.0","id":${id},"error":{"code":${dice.int(-5, 5)},"message":"no"}}`;
      case 3:
        return `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}`;
      case 4:
        return `{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":${id},"values":${
          JSON.stringify(new Array(dice.int(0, 100)).fill([0, 0]))
        }}}`;
      case 5:
        return `{"jsonrpc":"2.0","method":"$/stream/credit","params":{"id":${id},"n":${
          dice.pick([-1, 0, 5, 1e9, "x", null])
        },"dir":"up"}}`;
      case 6:
        return `{"jsonrpc":"2.0","method":"$/progress","params":{"token":${id},"value":[0,0]}}`;
      case 7:
        return dice.pick(["}{", "[]", "null", "[1,2]", '{"id":{}}', good.slice(0, -1), "", " "]);
      case 8:
        return `{"jsonrpc":"2.0","id":${id},"result":"${"x".repeat(dice.int(0, 20000))}"}`;
      case 9:
        return '{"jsonrpc":"2.0","method":"$/goaway","params":{}}';
      case 10:
        return `{"jsonrpc":"2.0","id":${id},"method":"pong","params":{"token":0,"ms":0,"count":1,"how":"once"}}`;
      default:
        return good;
    }
  }
}
