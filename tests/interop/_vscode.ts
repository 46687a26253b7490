// vscode-jsonrpc over a socket of Node's.

import type { Socket } from "node:net";
import * as rpc from "npm:vscode-jsonrpc@10/node";

/** The other end of a socket, as an editor or a language server would have it. */
export class VsCode implements AsyncDisposable {
  readonly connection: rpc.MessageConnection;
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.on("close", resolve));
    this.connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(socket),
      new rpc.StreamMessageWriter(socket),
    );
  }

  /** Resolves when the socket has ended. */
  get closed(): Promise<unknown> {
    return this.#closed;
  }

  async [Symbol.asyncDispose]() {
    this.connection.dispose();
    this.#socket.destroy();
    await this.#closed;
  }
}

/** Resolves when a token of theirs is cancelled. */
export function cancelled(token: rpc.CancellationToken): Promise<void> {
  return new Promise((resolve) => {
    if (token.isCancellationRequested) resolve();
    else token.onCancellationRequested(() => resolve());
  });
}
