/**
 * The healthy clients: so many connections that call at a fixed rate together, whatever else happens.
 *
 *     deno run -A tests/torture/healthy.ts PORT CONNECTIONS RATE [TOKEN]
 *
 * The load is open-loop: calls are made at times that were fixed beforehand, and their latency counts
 * from there, so that a server that stands still is not spared the calls that it keeps waiting. Every
 * answer is compared. Each line `next` on standard input ends a window and begins another; what
 * happened to the calls of a window is printed once all of them are answered, or 30 s after its end.
 *
 * How late this process itself is counts as lateness: with its calls, and with what comes back to it.
 * The second shows in a connection of its own to itself, of which no server knows.
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
  readonly #known = Promise.withResolvers<void>();

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#read();
  }

  /** Says who calls. */
  authenticate(token: string): Promise<void> {
    const params = { scheme: "bearer", token };
    const request = { jsonrpc: "2.0", id: 0, method: "rpc.authenticate", params };
    this.#unsent.push(JSON.stringify(request) + "\n");
    this.#send();
    return this.#known.promise;
  }

  /** Makes a call that was to be made at this time. */
  call(at: number): void {
    const id = this.#next++, window = currentWindow();
    window.sent++;
    window.due++;
    window.lateness.add(performance.now() - at);
    this.#calls.set(id, { at, window });
    this.#unsent.push(`{"jsonrpc":"2.0","id":${id},"method":"add","params":{"a":${id},"b":1}}\n`);
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
    let message: { id?: number; result?: unknown; error?: Refusal; method?: string };
    try {
      message = JSON.parse(line);
    } catch {
      message = {}; // no answer to any call
    }
    const { id = -1, result, error, method } = message;
    if (id === 0 && error === undefined) return this.#known.resolve();
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
    if (result === id + 1) window.latencies.add(now - at);
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

/** Sends a byte to itself now and then: how late it comes is how late the answers of a server are. */
async function mirror(): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const back = await accepted, buffer = new Uint8Array(1);
  setInterval(async () => {
    const at = performance.now();
    const read = back.read(buffer);
    await conn.write(buffer);
    await read;
    currentWindow().lateness.add(performance.now() - at);
  }, MIRROR_MS);
}

/** Milliseconds between two of them. */
const MIRROR_MS = 20;

const [port, connections, rate] = Deno.args.map(Number) as [number, number, number];
const token = Deno.args[3];
const clients = new Set<Client>();
for (let i = 0; i < connections; i++) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  const client = new Client(conn);
  if (token !== undefined) await client.authenticate(token);
  clients.add(client);
}
await mirror();
let turn = 0;
await callAtRate(rate, (at) => {
  const open = [...clients], client = open[turn++ % open.length];
  if (client?.isOpen) client.call(at);
});
