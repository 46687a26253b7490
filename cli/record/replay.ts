/**
 * `client.ts replay`: says to a server what clients said while it was recorded, and compares what it
 * answers.
 *
 * @module
 */

import { showBytes } from "../text/byte_size.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { differenceLine } from "../text/diff_lines.ts";
import { EXIT } from "../command/exit.ts";
import { BLANK, FrameTap, type Piece } from "./frame_tap.ts";
import type { JsonPath } from "../text/json_diff.ts";
import { printable, quoted, shown } from "../text/printable.ts";
import { mustBeStream } from "../command/stream_address.ts";
import { bytesOf, type Entry, parseRecording, type Sent } from "./recording.ts";
import { compareSaid, type Deviation, parsePlaces, type Said } from "./compare.ts";
import { type Interruption, listenForSignals } from "../command/signals.ts";
import { print } from "../text/stdio.ts";
import { openSocket } from "../command/line.ts";
import { below, HANDSHAKE, WebSocketTap } from "./websocket_tap.ts";
import type { Socket } from "../../lib/client.ts";

/** What `replay --help` prints. */
export const help = `\
Says to a server what the clients of a recording said, byte by byte, and
compares what it answers with what was answered then.

Usage: client.ts replay [OPTIONS] FILE ADDRESS

Options:
  --ignore PLACES   members that may differ: result.time,result.users[*].id
  --json            prints one JSON text:
                    {"same":3,"deviations":[{"connection","kind",…}]}

Everything is said in the order in which it was recorded, and after as much was
heard as had been heard then, but without its pauses; --timeout is how long that
is waited for [default: 2000]. Answers are compared by their ids, batches by the
ids in them, whatever order they come in; what the server says by itself by its
order. --framing and --header have no meaning here: the bytes are those of the
recording. What was recorded of a WebSocket is replayed at ws: and wss:; its
pings are not compared, and of its handshake the status alone.

Exit codes:
  0    the answers are the same
  1    some are not
  2    the command line, or the file, makes no sense
  3    cannot connect

Permissions: -N -R.

Example:
  client.ts replay calls.ndjson --ignore result.time tcp://127.0.0.1:8080
`;

/** Its own options. */
export const options = {
  ignore: { type: "string" },
} as const satisfies ArgumentOptions;

/** Milliseconds in which what was recorded next must come. */
const ANSWER_TIMEOUT = 2000;

/** Frames of one connection, and characters in them, after which no more is heard of it. */
const MAX_HEARD = 100_000;
const MAX_HEARD_SIZE = 1 << 27;

/** Milliseconds of silence after which nothing more is taken to come. */
const SILENCE = 100;

/** Replays. */
export async function run(words: readonly string[], given: Given): Promise<number> {
  const [file, address, ...others] = words;
  if (file === undefined || address === undefined || others.length > 0) {
    throw new TypeError("Cannot replay: FILE and ADDRESS are needed, replay --help shows how");
  }
  mustBeStream(address, ["ws", "wss"]);
  const ignore = given.values.get("ignore");
  const ignored = given.values.has("ignore") ? parsePlaces(ignore ?? "") : [];
  const entries = parseRecording(await readFile(file));
  const interruption = listenForSignals();
  const replay = new Replay(below(address), given, interruption);
  const replaying = replay.run(entries);
  replaying.catch(() => {}); // after a signal nobody waits for it
  const exitCode = await Promise.race([replaying, interruption.exitCode]);
  await replay.close();
  return typeof exitCode === "number" ? exitCode : await tell(replay.compare(ignored), given);
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TypeError(`Cannot read the recording: ${why}`);
  }
}

/** A deviation, and on which connection it was. */
type Found = Deviation & { readonly connection: number };

async function tell(
  { same, deviations }: { readonly same: number; readonly deviations: readonly Found[] },
  { json }: Given,
): Promise<number> {
  if (json) await print(printable(JSON.stringify({ same, deviations })) + "\n");
  else {
    for (const found of deviations) await print(describe(found));
    const all = same + deviations.length;
    await print(`${same} of ${all} answers and messages are as they were recorded\n`);
  }
  return deviations.length === 0 ? EXIT.OK : EXIT.FAILED;
}

function describe(found: Found): string {
  const title = `connection ${found.connection}, ${shown(found.what, 200)}`;
  switch (found.kind) {
    case "differs":
      return `${title}:\n${found.changes.map((change) => differenceLine(change, "all")).join("")}`;
    case "missing":
      return `${title} is missing, it was ${quoted(found.text, 200)}\n`;
    case "new":
      return `${title} was not recorded, it is ${quoted(found.text, 200)}\n`;
  }
}

/** One run of a recording. */
class Replay {
  readonly #address: string;
  readonly #given: Given;
  readonly #interruption: Interruption;
  readonly #connections = new Map<number, Connection>();

  constructor(address: string, given: Given, interruption: Interruption) {
    this.#address = address;
    this.#given = given;
    this.#interruption = interruption;
  }

  /** Goes through the entries; undefined once it has. */
  async run(entries: readonly Entry[]): Promise<undefined> {
    const timeout = this.#given.timeout ?? ANSWER_TIMEOUT;
    for (const entry of entries) {
      const connection = await this.#connection(entry.connection);
      if ("event" in entry) {
        if (entry.event === "end" && entry.from === "client") await connection.finish();
        if (entry.event === "end" && entry.from === "server") await connection.hearEnd(timeout);
      } else if (entry.from === "client") await connection.say(entry);
      else await connection.hear(entry, timeout);
    }
    // Whatever else they say.
    await Promise.all(Array.from(this.#connections.values(), (it) => it.hearSilence()));
    return undefined;
  }

  /** What is not as it was, connection by connection. */
  compare(ignored: readonly JsonPath[]): { same: number; deviations: Found[] } {
    let same = 0;
    const deviations: Found[] = [];
    for (const [connection, { recorded, heard }] of this.#connections) {
      const comparison = compareSaid(recorded, heard, ignored);
      same += comparison.same;
      deviations.push(...comparison.deviations.map((found) => ({ connection, ...found })));
    }
    return { same, deviations };
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#connections.values(), (it) => it.close()));
  }

  async #connection(number: number): Promise<Connection> {
    const known = this.#connections.get(number);
    if (known !== undefined) return known;
    const socket = await openSocket(this.#address, this.#given, this.#interruption);
    // After a signal nobody waits for what comes of it.
    if (socket === undefined) return await new Promise<never>(() => {});
    const connection = new Connection(socket);
    this.#connections.set(number, connection);
    return connection;
  }
}

/** One connection of a replay. */
class Connection {
  /** What the server said then, as far as the replay has come, and what it said now. */
  readonly recorded: Said[] = [];
  readonly heard: Said[] = [];
  readonly #socket: Socket;
  readonly #reading: Promise<void>;
  #tap: FrameTap | WebSocketTap = new FrameTap();
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reading = this.#read();
  }

  async say(sent: Sent): Promise<void> {
    if (sent.fault === HANDSHAKE) this.#tap = new WebSocketTap(); // its server says nothing before
    try {
      for (let rest = bytesOf(sent); rest.length > 0;) {
        rest = rest.subarray(await this.#socket.write(rest));
      }
    } catch {
      // it hung up: what it does not answer shows that
    }
  }

  /** Waits until as much has come as had come then. */
  async hear(sent: Sent, timeout: number): Promise<void> {
    const said = saidIn({ ...sent, bytes: bytesOf(sent) });
    if (said === undefined) return;
    this.recorded.push(said);
    await this.#until(() => this.heard.length >= this.recorded.length, timeout);
  }

  /** Says that nothing more is said. */
  async finish(): Promise<void> {
    await this.#socket.closeWrite?.().catch(() => {});
  }

  async hearEnd(timeout: number): Promise<void> {
    await this.#until(() => false, timeout);
  }

  async hearSilence(): Promise<void> {
    for (let count = -1; !this.#ended && count !== this.heard.length;) {
      count = this.heard.length;
      await this.#until(() => this.heard.length > count, SILENCE);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#socket.close();
    } catch {
      // it is gone
    }
    await this.#reading;
  }

  /** Waits until this is so, the server has ended, or the time is over. */
  async #until(isSo: () => boolean, timeout: number): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, timeout);
    while (!isSo() && !this.#ended && !isLate) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    clearTimeout(timer);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    const note = (pieces: readonly Piece[]) => {
      for (const piece of pieces) {
        const said = saidIn(piece);
        if (said === undefined) continue;
        this.heard.push(said);
        size += said.text.length;
      }
      this.#wake();
    };
    let size = 0;
    try {
      for (let count; (count = await this.#socket.read(buffer)) !== null;) {
        note(this.#tap.push(buffer.subarray(0, count)));
        if (this.heard.length > MAX_HEARD || size > MAX_HEARD_SIZE) break;
      }
    } catch {
      // as an end
    }
    this.#ended = true;
    note(this.#tap.end());
  }
}

/** What is not compared: it means nothing, or comes when it likes. */
const UNCOMPARED: ReadonlySet<string | undefined> = new Set([BLANK, "ping", "pong"]);

/** What a server has said with a piece, as it is compared; undefined if it is not. */
function saidIn({ text, fault, bytes }: Pick<Piece, "text" | "fault" | "bytes">): Said | undefined {
  if (UNCOMPARED.has(fault)) return undefined;
  if (fault !== HANDSHAKE) return { text: text ?? showBytes(bytes), isFrame: text !== undefined };
  const [status = ""] = new TextDecoder().decode(bytes).split("\r\n", 1);
  return { text: status, isFrame: false }; // the rest has the time in it
}
