/**
 * Attacks by the frames of a WebSocket: fragments, pings, pongs and closes as fast as they go.
 *
 * @module
 */

import { call, HANDSHAKE } from "../support/http.ts";
import { frame, join } from "../support/raw.ts";
import { closePayload, OP, wsFrame } from "../support/websocket_frames.ts";
import { ANY_CONNECTION, type Attack, check, growth, SMALL } from "./attack.ts";
import { ask, close, connectAll, webSocket, write } from "./crowd.ts";
import { press, told } from "./press.ts";

const more = { fin: false } as const;

/** So many of the same frame, in one piece. */
function repeated(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  return join(Array<Uint8Array>(count).fill(bytes));
}

/** Presses one WebSocket at a time. */
function flood(name: string, row: string, does: string, block: Uint8Array<ArrayBuffer>): Attack {
  return {
    name,
    rows: [row],
    does,
    server: SMALL,
    figures: ANY_CONNECTION,
    async run(target) {
      const pressed = await press(target, () => block, { first: HANDSHAKE });
      check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
      return { did: told(pressed) };
    },
  };
}

/** Sends this behind a handshake, until it is hung up on with this code. */
function fragments(
  name: string,
  does: string,
  code: number,
  block: Uint8Array,
  blocks: number,
): Attack {
  return {
    name,
    rows: ["W21"],
    does,
    server: SMALL,
    figures: [growth(16), ...ANY_CONNECTION.slice(1)],
    async run(target) {
      const [conn] = await connectAll(target, 1), peer = await webSocket(conn!);
      const rest = peer.rest();
      await write(conn!, wsFrame(OP.text, "x", more));
      let sent = 0;
      while (sent < blocks && await write(conn!, block)) sent++;
      const is = closeCodeIn(await rest);
      close(conn!);
      check(is === code, `was closed with ${is}, not with ${code}`);
      return { did: `closed with ${code} after ${(sent * block.length / 2 ** 20).toFixed(1)} MB` };
    },
  };
}

/** The code of the close at the end of what came; NaN if there is none. */
function closeCodeIn(bytes: Uint8Array): number {
  const at = bytes.lastIndexOf(0x88);
  return at < 0 ? NaN : bytes[at + 2]! << 8 | bytes[at + 3]!;
}

const pingsThenCall: Attack = {
  name: "ws-pings-then-call",
  rows: ["W22"],
  does: "sends half as many pings as it may, and makes a call behind them",
  async run(target) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
    using peer = await webSocket(conn);
    const pings = repeated(wsFrame(OP.ping, "p"), target.limits.maxPings / 2);
    await peer.write(pings);
    const { result } = await peer.ask(call("add", [1, 2]));
    check(result === 3, `the call was answered ${result}`);
    return { did: `answered the call behind ${target.limits.maxPings / 2} pings` };
  },
};

/** Breaks of RFC 6455, and how the connection is closed for them. */
const BROKEN: readonly (readonly [what: string, code: number, ...frames: Uint8Array[]])[] = [
  ["a frame without a mask", 1002, wsFrame(OP.text, "1", { key: null })],
  ["a reserved bit", 1002, wsFrame(OP.text, "1", { rsv: 4 })],
  ["an opcode of nothing", 1002, wsFrame(5, "1")],
  ["a ping in two", 1002, wsFrame(OP.ping, "a", more)],
  ["a long ping", 1002, wsFrame(OP.ping, "p".repeat(126))],
  ["continued from nothing", 1002, wsFrame(OP.continuation, "1")],
  ["a text in a text", 1002, wsFrame(OP.text, "1", more), wsFrame(OP.text, "2")],
  ["the length 2^63", 1002, wsFrame(OP.text, "", { digits: 8, length: 1n << 63n })],
  ["the length 2^53", 1009, wsFrame(OP.text, "", { digits: 8, length: 1n << 53n })],
  ["a close of one byte", 1002, wsFrame(OP.close, "a")],
  ["the close code 1005", 1002, wsFrame(OP.close, closePayload(1005))],
  ["no UTF-8", 1007, wsFrame(OP.text, new Uint8Array([0xff]))],
  ["a close", 1000, wsFrame(OP.close, closePayload(1000))],
];

const broken: Attack = {
  name: "ws-broken-frames",
  rows: ["W12"],
  does: "breaks RFC 6455 in each way, and looks at the code and that nothing behind it is executed",
  async run(target) {
    const key = crypto.randomUUID(), hidden = frame("websocket", call("run", [key]));
    for (const [what, code, ...frames] of BROKEN) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
      const peer = await webSocket(conn);
      await peer.write(join([...frames, hidden]));
      const is = closeCodeIn(await peer.rest());
      close(conn);
      check(is === code, `${what} was closed with ${is}, not with ${code}`);
    }
    const { result } = await ask(target, "ran", [key]);
    check(result === 0, `${result} calls behind them were executed`);
    return { did: `closed ${BROKEN.length} of ${BROKEN.length} with the right code` };
  },
};

const FRAGMENT = new Uint8Array(1 << 16).fill(0x78);

/** All of them. */
export const WEBSOCKET: readonly Attack[] = [
  fragments(
    "ws-empty-fragments",
    "sends 100,000 empty fragments of one message",
    1008,
    repeated(wsFrame(OP.continuation, "", more), 1000),
    100,
  ),
  fragments(
    "ws-endless-fragments",
    "sends one message of 600 MiB in fragments of 64 KiB",
    1009,
    wsFrame(OP.continuation, FRAGMENT, more),
    9600,
  ),
  flood(
    "ws-tiny-fragments",
    "W21",
    "sends calls in fragments of a byte, as fast as it can",
    join([
      wsFrame(OP.text, "[", more),
      ...Array.from({ length: 500 }, () => wsFrame(OP.continuation, " ", more)),
      wsFrame(OP.continuation, "]"),
    ]),
  ),
  flood(
    "ws-ping-flood",
    "W22",
    "sends pings of 125 bytes as fast as it can",
    repeated(wsFrame(OP.ping, "p".repeat(125)), 500),
  ),
  flood("ws-pong-flood", "W22", "sends pongs as fast as it can", repeated(wsFrame(OP.pong), 5000)),
  flood(
    "ws-close-flood",
    "W22",
    "sends closes as fast as it can",
    repeated(wsFrame(OP.close, closePayload(1000, "again")), 1000),
  ),
  flood(
    "ws-small-calls",
    "W22",
    "sends tiny calls as fast as it can",
    repeated(frame("websocket", call("add", [1, 2])), 500),
  ),
  pingsThenCall,
  broken,
];
