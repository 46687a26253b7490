/**
 * A hostile server, in a process of its own.
 *
 *     deno run -A tests/torture/client/hostile.ts NAME
 *
 * Tells its port. It answers `rpc.serverInfo` and pings as it should, so that a client stays, and does one
 * kind of mischief besides. That a client does not read is nothing to it: it waits.
 *
 * @module
 */

import { type Answer, bytesOf } from "../../support/raw.ts";
import { tell } from "../child.ts";
import { MISCHIEF, type Prey, SERVER_INFO } from "./mischief.ts";

const mischief = MISCHIEF.find(({ name }) => name === Deno.args[0]);
if (mischief === undefined) throw new Error(`Cannot do mischief: there is no ${Deno.args[0]}`);

class Connection implements Prey {
  readonly #conn: Deno.TcpConn;
  #sending: Promise<void> = Promise.resolve();
  #isFlooding = false;
  isOpen = true;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** One line after another. */
  send(text: string | (() => string)): Promise<void> {
    const write = () => this.#write(bytesOf((typeof text === "string" ? text : text()) + "\n"));
    return this.#sending = this.#sending.then(write);
  }

  begin(text: string): Promise<void> {
    return this.#sending = this.#sending.then(() => this.#write(bytesOf(text)));
  }

  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      for (let rest = bytes; this.isOpen && rest.length > 0;) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    } catch {
      this.isOpen = false;
    }
  }

  async serve(): Promise<void> {
    const buffer = new Uint8Array(1 << 16), decoder = new TextDecoder();
    let text = "";
    try {
      for (let count; (count = await this.#conn.read(buffer)) !== null;) {
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
        const lines = text.split("\n");
        text = lines.pop()!;
        for (const line of lines) this.#take(JSON.parse(line));
      }
    } catch {
      // reset, which is an end as well
    }
    this.isOpen = false;
  }

  #take(message: Answer | Answer[]): void {
    for (const one of Array.isArray(message) ? message : [message]) {
      const { id, method } = one;
      if (id === undefined || method === undefined) continue;
      if (method === "rpc.serverInfo") {
        this.send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${SERVER_INFO}}`);
      } else if (mischief!.answer !== undefined) {
        mischief!.answer(one, this);
      } else {
        this.send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":3}`);
        this.#flood();
      }
    }
  }

  async #flood(): Promise<void> {
    if (this.#isFlooding) return;
    this.#isFlooding = true;
    for (let i = 0; this.isOpen; i++) await this.send(mischief!.flood!(i));
  }
}

globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
tell({ port: listener.addr.port });
for await (const conn of listener) new Connection(conn).serve();
