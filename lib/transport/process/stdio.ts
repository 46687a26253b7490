/**
 * `stdio:`: one connection over the standard input and output of this process, for a server that an
 * editor or an MCP host starts, and for a child that calls its parent.
 *
 * Nothing else may write to standard output meanwhile: it would stand between the messages. What is printed
 * with `console` goes to standard error until the connection has ended.
 *
 * @module
 */

import { errors, isDeno } from "../../runtime.ts";
import { type Address, badAddress } from "../address.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { denoStreams } from "./deno_stdio.ts";
import { nodeStreams } from "./node_stdio.ts";
import type { Listener, Socket, Transport } from "../socket.ts";
import { redirectConsole } from "./redirect_console.ts";

const STREAMS = isDeno ? denoStreams : nodeStreams;

/** Standard input and output. */
export const stdio: Transport = {
  listen: (address) => new StdioListener(new StdioSocket(address)),
  dial: (address) => Promise.resolve(new StdioSocket(address)),
};

class StdioListener implements Listener {
  readonly address = "stdio:";
  readonly single = true;
  readonly #closed = Promise.withResolvers<never>();
  #socket: StdioSocket | undefined;

  constructor(socket: StdioSocket) {
    this.#socket = socket;
    this.#closed.promise.catch(() => {}); // who accepts is told, where anyone does
  }

  /** The one connection there is; no other will ever come. */
  accept(): Promise<Socket> {
    const socket = this.#socket;
    this.#socket = undefined;
    return socket === undefined ? this.#closed.promise : Promise.resolve(socket);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#closed.reject(new errors.BadResource("Listener has been closed"));
  }
}

class StdioSocket implements Socket {
  readonly remote = "stdio:";
  readonly local = "stdio:";
  readonly lasting = true;
  readonly #input: ChunkReader;
  readonly #restoreConsole: () => void;

  constructor({ path, hostname, query, text }: Address) {
    if (path !== "" || hostname !== "" || query.size > 0) {
      throw badAddress(text, "there is only one standard input and output: stdio:");
    }
    const input = STREAMS.input();
    if (input.locked) throw new errors.Busy("standard input is being read already");
    this.#input = new ChunkReader(input);
    this.#restoreConsole = redirectConsole();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#input.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return STREAMS.write(bytes);
  }

  /**
   * Standard output stays open: console.log throws where it is closed. So nobody could answer to its
   * end, and nothing more is awaited.
   */
  closeWrite(): Promise<void> {
    return this.#input.cancel();
  }

  close(): void {
    this.#input.cancel();
    this.#restoreConsole();
  }
}
