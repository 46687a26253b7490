/**
 * A listener whose code few programs need: it is loaded when somebody listens, and costs the others nothing
 * at their start.
 *
 * @module
 */

import type { Listener, Socket } from "./socket.ts";

/** Has its address, and the port, from the beginning; what accepts is loaded meanwhile. */
export class LoadingListener implements Listener {
  readonly address: string;
  readonly #listener: Promise<Listener>;

  constructor(address: string, load: () => Promise<Listener>) {
    this.address = address;
    this.#listener = load();
  }

  async accept(): Promise<Socket> {
    return await (await this.#listener).accept();
  }

  close(): void {
    this.#listener.then((listener) => listener.close());
  }
}
