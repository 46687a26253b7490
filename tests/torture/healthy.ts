/**
 * The healthy clients: so many connections that call at a fixed rate together, whatever else happens.
 *
 *     deno run -A tests/torture/healthy.ts PORT CONNECTIONS RATE
 *
 * The load is open-loop: calls are made at times that were fixed beforehand, and their latency counts
 * from there, so that a server that stands still is not spared the calls that it keeps waiting. Every
 * answer is compared. Each line `next` on standard input ends a window and begins another; what
 * happened to the calls of a window is printed once all of them are answered, or 30 s after its end.
 *
 * A client that is told `$/goaway` makes no more calls; without connections the windows go on empty.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { callAtRate, now as currentWindow, type Window } from "./window.ts";

interface Refusal {
  readonly data?: { readonly name?: string };
}

interface Call {
  readonly at: number;
  readonly window: Window;
}

/** One connection. */
class Client {
  readonly #conn: Deno.TcpConn;
  readonly #calls = new Map<number, Call>();
  #next = 1;
  #unsent: string[] = [];
  #isSending = false;
  /** It may make calls. */
  isOpen = true;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#read();
  }

  /** Makes a call that was to be made at this time. */
  call(at: number): void {
    const id = this.#next++, window = currentWindow();
    window.sent++;
    window.due++;
    window.lateness.add(performance.now() - at);
    this.#calls.set(id, { at, window });
    this.#unsent.push(`{"jsonrpc":"2.0","id":${id},"method":"echo","params":{"n":${id}}}\n`);
    if (!this.#isSending) this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#unsent.length > 0) {
        let rest = bytesOf(this.#unsent.join(""));
        this.#unsent = [];
        while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
      }
    } catch {
      this.#end();
    }
    this.#isSending = false;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1 << 14), decoder = new TextDecoder();
    let text = "";
    try {
      for (let count; (count = await this.#conn.read(buffer)) !== null;) {
        const now = performance.now();
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
        const lines = text.split("\n");
        text = lines.pop()!;
        for (const line of lines) this.#answer(line, now);
      }
    } catch {
      // reset, which is an end as well
    }
    this.#end();
  }

  #answer(line: string, now: number): void {
    let message: { id?: number; result?: { n?: number }; error?: Refusal; method?: string };
    try {
      message = JSON.parse(line);
    } catch {
      message = {}; // no answer to any call
    }
    const { id = 0, result, error, method } = message;
    if (method === "$/goaway") {
      this.isOpen = false;
      return;
    }
    const call = this.#calls.get(id);
    if (call === undefined) {
      currentWindow().wrong++;
      currentWindow().example ||= line.slice(0, 300);
      return;
    }
    this.#calls.delete(id);
    const { window, at } = call;
    const name = error?.data?.name;
    if (result?.n === id) window.latencies.add(now - at);
    else if (name === "UNAVAILABLE" || name === "RESOURCE_EXHAUSTED") window.refused++;
    else {
      window.wrong++;
      window.example ||= line.slice(0, 300);
    }
    window.settle();
  }

  /** The server ended it: what waits will not be answered. */
  #end(): void {
    if (!clients.delete(this)) return;
    this.isOpen = false;
    currentWindow().ended++;
    try {
      this.#conn.close();
    } catch {
      // lost already
    }
    for (const { window } of this.#calls.values()) {
      window.lost++;
      window.settle();
    }
    this.#calls.clear();
  }
}

const [port, connections, rate] = Deno.args.map(Number) as [number, number, number];
const clients = new Set<Client>();
for (let i = 0; i < connections; i++) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  clients.add(new Client(conn));
}
let turn = 0;
await callAtRate(rate, (at) => {
  const open = [...clients], client = open[turn++ % open.length];
  if (client?.isOpen) client.call(at);
});
