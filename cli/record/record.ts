/**
 * `client.ts record`: stands between clients and a server, shows what they say and writes it down.
 *
 * ```text
 * client ──read──> tap ──write──> server
 *        <──write── tap <──read──
 * ```
 *
 * @module
 */

import type { Socket } from "../../lib/client.ts";
import { DEFAULT_LIMITS, listen, type Listener } from "../../lib/wire.ts";
import { printableAddress } from "../text/printable.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { describeError } from "../command/errors.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { FrameTap, type Piece } from "./frame_tap.ts";
import { mustBeStream } from "../command/stream_address.ts";
import { AnswerTimer, Log } from "./log.ts";
import type { Side } from "./recording.ts";
import { type Interruption, listenForSignals } from "../command/signals.ts";
import { openSocket } from "../command/line.ts";
import { below, isWebSocket, WebSocketTap } from "./websocket_tap.ts";

/** What `record --help` prints. */
export const help = `\
Stands between clients and a server: passes on every byte as it is, in both
directions, shows every frame, and writes it to a file.

Usage: client.ts record [OPTIONS] FILE ADDRESS

ADDRESS is the server's. Each client gets a connection of its own to it. At ws:
and wss: clients connect by WebSocket as they would to the server.

Options:
  --listen ADDRESS  where clients connect [default: tcp://127.0.0.1:0, a port of
                    the system's choice]; with stdio: the client is who started
                    this program, as an editor does

A frame is one line: the seconds since the start, the connection's number, >> to
the server or << to the client, the framing, the text, and behind an answer how
long it took. Bytes that are no frame are shown and recorded too. With --listen
stdio: these lines go to standard error.

The file is made anew, one JSON object a line, as cli/record/recording.ts says:
{"connection":1,"at":1.2,"from":"client","framing":"json","text":"{…}"}
with "at" in milliseconds; "base64" where the bytes are not what the text alone
would be sent as, and "fault" in place of "text" where they are no frame.

Ends at Ctrl-C, with stdio: after its one client. Exit codes: 0, and those that
all commands have. Permissions: -N -W, for unix: -R too, for command:
--allow-run.

Examples:
  client.ts record a.ndjson --listen tcp://127.0.0.1:9000 tcp://127.0.0.1:8080
  client.ts record lsp.ndjson --listen stdio: 'command:pylsp'
`;

/** Its own options. */
export const options = {
  listen: { type: "string" },
} as const satisfies ArgumentOptions;

/** Records. */
export async function run(words: readonly string[], given: Given): Promise<number> {
  const [file, address, ...others] = words;
  if (file === undefined || address === undefined || others.length > 0) {
    throw new TypeError("Cannot record: FILE and ADDRESS are needed, record --help shows how");
  }
  const at = given.values.get("listen") ?? "tcp://127.0.0.1:0";
  mustBeStream(at);
  mustBeStream(address, ["ws", "wss"]);
  const interruption = listenForSignals();
  const listener = await listenAt(at);
  const log = await Log.open(file, {
    recording: 1,
    server: printableAddress(address),
    listen: listener.address,
    started: new Date().toISOString(),
  }, listener.single === true);
  const listens = isWebSocket(address)
    ? listener.address.replace(/^tcp:/, "ws:")
    : listener.address;
  log.say(`listening on ${listens}, for ${printableAddress(address)}`);
  const proxy = new Proxy(listener, address, given, interruption, log);
  await Promise.race([proxy.run(), interruption.exitCode]);
  await proxy.close();
  log.close();
  return EXIT.OK;
}

async function listenAt(address: string): Promise<Listener> {
  try {
    return await listen(address, { tcpBacklog: 511, limits: DEFAULT_LIMITS });
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new Exit(EXIT.NO_CONNECTION, error);
  }
}

/** Passes on bytes. */
class Proxy {
  readonly #listener: Listener;
  readonly #address: string;
  readonly #given: Given;
  readonly #interruption: Interruption;
  readonly #log: Log;
  readonly #open = new Set<Socket>();
  #isClosed = false;

  constructor(
    listener: Listener,
    address: string,
    given: Given,
    interruption: Interruption,
    log: Log,
  ) {
    this.#listener = listener;
    this.#address = address;
    this.#given = given;
    this.#interruption = interruption;
    this.#log = log;
  }

  /** Accepts clients; ends where there can be no other, and that one has gone. */
  async run(): Promise<void> {
    for (let connection = 1; !this.#isClosed; connection++) {
      let client: Socket;
      try {
        client = await this.#listener.accept();
      } catch (error) {
        if (this.#isClosed) return;
        console.error(describeError(error)); // this caller is gone, or there are no descriptors
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const passing = this.#pass(connection, client);
      if (this.#listener.single) return await passing;
    }
  }

  /** Connects a client with the server, until both have ended. */
  async #pass(connection: number, client: Socket): Promise<void> {
    this.#open.add(client);
    let server: Socket | undefined;
    try {
      server = await openSocket(below(this.#address), this.#given, this.#interruption);
    } catch (error) {
      console.error(describeError(error));
    }
    if (server !== undefined) {
      this.#open.add(server);
      this.#log.opened(connection);
      const timer = new AnswerTimer();
      await Promise.all([
        this.#pump(connection, "client", client, server, timer),
        this.#pump(connection, "server", server, client, timer),
      ]);
      await this.#hangUp(server);
    }
    await this.#hangUp(client);
  }

  /** One direction. The end of one side is the end for the other; a failure ends both. */
  async #pump(
    connection: number,
    side: Side,
    from: Socket,
    to: Socket,
    timer: AnswerTimer,
  ): Promise<void> {
    const tap = isWebSocket(this.#address) ? new WebSocketTap() : new FrameTap();
    const buffer = new Uint8Array(1 << 16);
    const note = (pieces: readonly Piece[]) => {
      for (const piece of pieces) this.#log.sent(connection, side, piece, timer);
    };
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        const chunk = buffer.subarray(0, count);
        note(tap.push(chunk));
        for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await to.write(rest));
      }
      note(tap.end());
      this.#log.ended(connection, side);
      await to.closeWrite?.();
    } catch {
      note(tap.end());
      await Promise.all([this.#hangUp(from), this.#hangUp(to)]);
    }
  }

  async #hangUp(socket: Socket): Promise<void> {
    if (!this.#open.delete(socket)) return;
    try {
      await socket.close();
    } catch {
      // it is gone
    }
  }

  /** Hangs up on all. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    await Promise.all(Array.from(this.#open, (socket) => this.#hangUp(socket)));
  }
}
