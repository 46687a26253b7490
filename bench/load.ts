/**
 * A load generator that costs little: requests are encoded before the run, answers are counted in the
 * bytes and not parsed. Every answer must have the expected size, begin and end as expected; one in
 * a hundred is parsed and compared.
 *
 *     deno run -A bench/load.ts port=8080 conns=16 depth=4 kind=echo size=1024 warm=1 dur=3
 *
 * Each connection keeps `depth` calls in flight: whatever answers a read brings, as many requests go
 * out in one write. A call's latency runs from the moment when the answer that made room for it was
 * read; answers are taken to come in the order of the calls.
 *
 * @module
 */

import type { FramingName } from "../lib/mod.ts";
import { type Load, loadOf, Meter, textOf } from "./measure.ts";

/** A text as one frame. */
const FRAMES: Record<FramingName, (text: string) => Uint8Array<ArrayBuffer>> = {
  lines: (text) => encode(text + "\n"),
  headers: (text) => encode(`Content-Length: ${text.length}\r\n\r\n${text}`),
  length: (text) => {
    const frame = encode("0000" + text);
    new DataView(frame.buffer).setUint32(0, text.length);
    return frame;
  },
};

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Ids begin here, so that all have seven digits and every request and every answer one size. */
const FIRST_ID = 1_000_000;
const PARSE_EVERY = 100;

/** The requests of a run: encoded once, one behind the other, sent again and again by all connections. */
class Calls {
  /** How many there are before they repeat. */
  readonly count: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly #requests: Uint8Array<ArrayBuffer>;
  readonly #result: unknown;
  /** What the frame of every answer begins and ends with. */
  readonly #first: number;
  readonly #last: number;
  #next = PARSE_EVERY;

  constructor({ kind, size, depth, framing }: Load) {
    const frame = FRAMES[framing]!;
    const params = kind === "add" ? { a: 20, b: 22 } : { data: textOf(size) };
    this.#result = kind === "add" ? 42 : params.data;
    const request = (id: number) =>
      frame(JSON.stringify({ jsonrpc: "2.0", id, method: kind, params }));
    const answer = frame(JSON.stringify({ jsonrpc: "2.0", id: FIRST_ID, result: this.#result }));
    this.answerBytes = answer.length;
    this.#first = answer[0]!;
    this.#last = answer.at(-1)!;
    this.requestBytes = request(FIRST_ID).length;
    this.count = Math.max(depth, Math.ceil(65_536 / this.requestBytes));
    // A connection sends up to `depth` of them in one piece, wherever in the row it is.
    const room = (this.count + depth) * this.requestBytes;
    this.#requests = new Uint8Array(room);
    for (let at = 0, i = 0; at < room; at += this.requestBytes, i++) {
      this.#requests.set(request(FIRST_ID + i % this.count), at);
    }
  }

  /** The bytes of so many requests. */
  bytes(from: number, count: number): Uint8Array<ArrayBuffer> {
    const at = from % this.count * this.requestBytes;
    return this.#requests.subarray(at, at + count * this.requestBytes);
  }

  /** What is wrong with the answer that stands here; undefined where nothing is. */
  fault(bytes: Uint8Array, start: number, oldest: number, inFlight: number): string | undefined {
    const end = start + this.answerBytes;
    const looksRight = bytes[start] === this.#first && bytes[end - 1] === this.#last;
    if (looksRight && --this.#next > 0) return undefined;
    this.#next = PARSE_EVERY;
    const text = new TextDecoder().decode(bytes.subarray(start, end));
    if (!looksRight) return text;
    const { id, result } = JSON.parse(text.slice(text.indexOf('{"')));
    const age = (id - FIRST_ID - oldest % this.count + this.count) % this.count;
    return age < inFlight && result === this.#result ? undefined : text;
  }
}

/** One connection. */
class Caller {
  readonly #conn: Deno.Conn;
  readonly #calls: Calls;
  readonly #meter: Meter;
  readonly #depth: number;
  /** When the calls in flight were made, by their number modulo `depth`. */
  readonly #madeAt: Float64Array;
  #made = 0;
  #answered = 0;
  #sent = 0;
  #isSending = false;

  constructor(conn: Deno.Conn, calls: Calls, meter: Meter, depth: number) {
    this.#conn = conn;
    this.#calls = calls;
    this.#meter = meter;
    this.#depth = depth;
    this.#madeAt = new Float64Array(depth);
  }

  /** Calls without an answer. */
  get inFlight(): number {
    return this.#made - this.#answered;
  }

  /** Calls until the time is over, and waits for the last answers. */
  async run(): Promise<void> {
    const { answerBytes } = this.#calls;
    const buffer = new Uint8Array(answerBytes > 4096 ? 1 << 18 : 1 << 16);
    this.#make(this.#depth, performance.now());
    /** Bytes of the current answer that came with earlier reads. */
    let part = 0;
    while (this.inFlight > 0) {
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error("The server closed the connection");
      const now = performance.now();
      let start = -part, answers = 0;
      for (; start + answerBytes <= count; start += answerBytes, answers++) {
        // The beginning of an answer that was cut is gone; it is only counted.
        if (start < 0) continue;
        const oldest = this.#answered + answers;
        const fault = this.#calls.fault(buffer, start, oldest, this.#made - oldest);
        if (fault !== undefined) throw new Error(`Wrong answer: ${fault}`);
      }
      part = count - start;
      this.#count(answers, now);
      if (now < this.#meter.end) this.#make(answers, now);
    }
    this.#conn.close();
  }

  #count(answers: number, now: number): void {
    while (answers > 0) {
      const madeAt = this.#madeAt[this.#answered % this.#depth]!;
      let together = 0;
      do {
        together++;
        this.#answered++;
      } while (
        together < answers && this.#madeAt[this.#answered % this.#depth] === madeAt
      );
      this.#meter.add(madeAt, now, together);
      answers -= together;
    }
  }

  #make(calls: number, now: number): void {
    for (let i = 0; i < calls; i++) this.#madeAt[this.#made++ % this.#depth] = now;
    if (!this.#isSending && calls > 0) this.#send();
  }

  /** Sends what is due. Not awaited by the reading: the server may wait for us to read. */
  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#sent < this.#made) {
      let bytes = this.#calls.bytes(this.#sent, this.#made - this.#sent);
      this.#sent = this.#made;
      while (bytes.length > 0) bytes = bytes.subarray(await this.#conn.write(bytes));
    }
    this.#isSending = false;
  }
}

const load = loadOf(Deno.args);
const calls = new Calls(load);
const conns = await Promise.all(Array.from({ length: load.conns }, () => {
  return Deno.connect({ hostname: "127.0.0.1", port: load.port });
}));
const meter = new Meter(load);
const callers = conns.map((conn) => new Caller(conn, calls, meter, load.depth));
const lost = () => callers.reduce((sum, { inFlight }) => sum + inFlight, 0);
setTimeout(() => meter.report(lost()), (load.warm + load.dur + 8) * 1000);
try {
  await Promise.all(callers.map((caller) => caller.run()));
} catch (error) {
  meter.wrong(String(error));
}
meter.report(lost());
