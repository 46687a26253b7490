// Peers without the library, of whom most do not behave: at a server, and in the place of one.

import type { NetworkFaults } from "../../lib/testing.ts";
import { call, HANDSHAKE, post, request } from "../support/http.ts";
import { bytesOf, firstFrame, frame, join, type Spoken } from "../support/raw.ts";
import { closePayload, OP, wsFrame } from "../support/websocket_frames.ts";
import type { Conn, Network, Tap } from "./_network.ts";
import type { Dice } from "../support/dice.ts";
import type { World } from "./_world.ts";

const WAYS = ["tidy", "silent", "half", "garbage", "reset", "flood"] as const;

/** What only those do who speak HTTP, or WebSocket. */
const MORE_WAYS = {
  http: ["trickle", "streams", "chunks", "leaves"],
  websocket: ["fragments", "controls"],
} as const;

type Way = typeof WAYS[number] | typeof MORE_WAYS[keyof typeof MORE_WAYS][number];

/** What a rude caller speaks. */
type Carrier = Spoken | "http";

/** A caller that knows no manners, but for one that is only written by hand. */
export async function rudeCaller(
  world: World,
  network: Network,
  port: number,
  usual: Spoken,
  isCalm: boolean,
  tap: (port: number) => Tap,
): Promise<void> {
  const { dice } = world, carrier = dice.pick<Carrier>([usual, usual, "websocket", "http", "http"]);
  const isWeb = carrier === "http" || carrier === "websocket";
  const way = dice.pick<Way>(isWeb ? [...WAYS, ...MORE_WAYS[carrier]] : WAYS);
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
  world.note(`rude ${way} ${carrier}`);
  try {
    if (carrier === "websocket" && way !== "silent") await write(conn, bytesOf(HANDSHAKE));
    await deed(way, conn, world, carrier, isCalm);
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
  way: Way,
  conn: Conn,
  world: World,
  framing: Carrier,
  isCalm: boolean,
): Promise<void> {
  const { dice } = world, count = dice.int(1, 30);
  switch (way) {
    case "tidy": { // sends all, says that this was all, and reads the answers
      await write(conn, calls(framing, count, 10, true));
      // Over HTTP who half-closes has left: it says which request is the last.
      if (framing !== "http") await conn.closeWrite();
      const ids = answersIn(framing, await rest(conn));
      const expected = Array.from({ length: count }, (_, id) => id + 1);
      if (isCalm && world.stoodStill === 0 && ids.join() !== expected.join()) {
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
    case "trickle": { // a byte now and then, of a head or of a body
      const whole = calls(framing, 1, 10), head = whole.length - 60;
      await write(conn, whole.subarray(0, dice.chance(50) ? 1 : head));
      for (let at = head; at < whole.length; at++) {
        await world.sleep(dice.int(1, 3000));
        await write(conn, whole.subarray(at, at + 1));
      }
      return await discard(conn);
    }
    case "streams": { // asks for streams that go on, reads a little, and leaves
      const accept = dice.pick(["text/event-stream", "application/x-ndjson"]);
      const params = { token: 0, ms: dice.int(0, 5), count: 1000, how: "" };
      await write(conn, bytesOf(post(call("rudeItems", params), `Accept: ${accept}`)));
      const buffer = new Uint8Array(200);
      for (let reads = dice.int(0, 30); reads > 0; reads--) {
        if (await conn.read(buffer) === null) return;
        if (dice.chance(20)) await world.sleep(dice.int(1, 2000));
      }
      return dice.chance(50) ? conn.reset() : await conn.closeWrite();
    }
    case "chunks": { // a body of single bytes and of extensions, that perhaps has no end
      const head = request("POST /", [
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
      ]);
      await write(conn, bytesOf(head));
      const chunk = dice.pick(["1\r\n1\r\n", "1;x=y\r\n \r\n", "3\r\n{ }\r\n"]);
      for (let i = 0; i < 100; i++) await write(conn, bytesOf(chunk.repeat(dice.int(1, 30))));
      if (dice.chance(50)) await write(conn, bytesOf("0\r\n\r\n"));
      return await discard(conn);
    }
    case "leaves": // asks for what takes long, and is gone
      await write(
        conn,
        bytesOf(post(call("rudeLater", { token: 0, ms: 5000, count: 1, how: "" }))),
      );
      await world.sleep(dice.int(0, 500));
      return;
    case "fragments": { // of a message that perhaps has no end
      await write(conn, wsFrame(OP.text, "[", { fin: false }));
      for (let i = dice.int(0, 50); i > 0; i--) {
        const part = dice.pick(["", " ", " ".repeat(100)]);
        await write(conn, wsFrame(OP.continuation, part, { fin: false }));
        if (dice.chance(10)) await write(conn, wsFrame(OP.ping, "within"));
        if (dice.chance(5)) await world.sleep(dice.int(1, 1000));
      }
      if (dice.chance(50)) await write(conn, wsFrame(OP.continuation, "]"));
      return await discard(conn);
    }
    case "controls": // pings, pongs, and closes that go on
      for (let i = dice.int(1, 50); i > 0; i--) {
        await write(
          conn,
          dice.pick([
            wsFrame(OP.ping, "p".repeat(dice.int(0, 125))),
            wsFrame(OP.pong, "unasked"),
            calls(framing, 1, 10),
            wsFrame(OP.close, closePayload(dice.pick([1000, 1001, 1005, 4000]))),
          ]),
        );
      }
      return await discard(conn);
    case "flood": // never reads, and does not notice how it is answered
      for (let i = 0; i < 10; i++) await write(conn, calls(framing, 10, 2000));
      await world.sleep(dice.int(0, 20_000));
  }
}

/** @param isAll whether they are all that is asked for */
function calls(
  framing: Carrier,
  count: number,
  size: number,
  isAll = false,
): Uint8Array<ArrayBuffer> {
  return join(Array.from({ length: count }, (_, i) => {
    const text = echo(i + 1, size);
    if (framing !== "http") return frame(framing, text);
    return bytesOf(post(text, ...isAll && i === count - 1 ? ["Connection: close"] : []));
  }));
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

function answersIn(framing: Carrier, bytes: Uint8Array): unknown[] {
  const ids: unknown[] = [];
  if (framing === "http") {
    // Each answer is one line of JSON behind a head. One to nobody in particular is that of its place.
    const bodies = new TextDecoder().decode(bytes).split("\r\n\r\n").slice(1);
    return bodies.map((it, i) => JSON.parse(it.replace(/HTTP\/1\.1 [^]*$/, "")).id ?? i + 1);
  }
  const start = framing === "websocket"
    ? new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n") + 4
    : 0;
  for (
    let found, rest = bytes.subarray(start);
    (found = firstFrame(framing, rest)) !== undefined;
  ) {
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
  readonly #framing: Spoken;
  readonly ended: Promise<void>;

  constructor(world: World, network: Network, port: number, framing: Spoken) {
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
