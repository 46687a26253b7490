/**
 * A connection that speaks HTTP/1.1: one request after another, each of them a call, a batch, a
 * notification or a page; or a WebSocket, with which the connection goes on by itself.
 *
 * ```text
 * read ─> head ─> guard ─> credentials ─> body ─┬─ call ─> requests ─> answer ─> writer
 *                    │          │               └─ page
 *                    └──────────┴── refused
 * ```
 *
 * It is a guest: the socket, the writer, the requests and the life are those of the connection whose first
 * bytes were HTTP. One request is answered before the next is looked at, so that whatever is sent
 * meanwhile belongs to it.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { EMPTY } from "../framing/byte_queue.ts";
import type { RequestContext } from "../incoming/request_context.ts";
import { Crumbs, GATHER } from "../link/crumbs.ts";
import { LARGE, LOOK, SHORT } from "../link/framed_reader.ts";
import { LINGERING } from "../link/in_flight.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { ReadBuffer } from "../link/read_buffer.ts";
import { rest, restOffDebt } from "../link/rest.ts";
import type { Socket } from "../transport/socket.ts";
import { Exchange } from "./exchange.ts";
import { KnownHeads } from "./known_heads.ts";
import type { HttpServing } from "./options.ts";
import { RequestDecoder, type RequestPart } from "./request.ts";
import { Answers } from "./response.ts";
import { Router, type RouterHost } from "./router.ts";

/** Bytes of a request as most programs send it, with its head. */
const USUAL_SIZE = 1 << 9;

/** The connection whose guest the session is. */
export interface HttpHost extends RouterHost, Lifecycle<RequestContext> {
  readonly options: RouterHost["options"] & { readonly http?: HttpServing };
  readonly socket: Socket;
}

/** One connection that speaks HTTP. */
export class HttpSession {
  readonly #host: HttpHost;
  readonly #exchange: Exchange;
  readonly #decoder: RequestDecoder;
  readonly #router: Router;
  /** When the first byte of an unfinished head, or of its body, came; undefined between requests. */
  messageSince: number | undefined;
  /** Since when nothing is read because the peer was too fast, or takes too little; undefined while it is. */
  pausedSince: number | undefined;
  readonly #crumbs = new Crumbs();
  /** Parts of the last read that were handled without waiting. */
  #handled = 0;
  /** Whether a part is being answered, and what was read meanwhile: the part behind it, and a read that waits. */
  #isAnswering = false;
  #ahead: RequestPart | undefined;
  #reading: Promise<number | null> | undefined;

  constructor(host: HttpHost, serving: HttpServing) {
    this.#host = host;
    const { maxHttpHeadBytes, maxHttpHeadLines } = host.shared.limits;
    const limits = { maxHttpHeadBytes, maxHttpHeadLines, maxMessageBytes: 0 };
    const { heads, answers } = serving.common ??= {
      heads: new KnownHeads(),
      answers: new Answers(),
    };
    this.#decoder = new RequestDecoder(limits, heads);
    this.#exchange = new Exchange(host, answers);
    this.#router = new Router(host, serving, this.#exchange, limits);
  }

  /** How long what {@linkcode messageSince} tells of may take. */
  get messageTimeout(): number {
    const { httpHeadTimeout, messageTimeout } = this.#host.shared.limits;
    if (this.messageSince === undefined) return Math.min(messageTimeout, httpHeadTimeout);
    return this.#decoder.isInBody ? messageTimeout : httpHeadTimeout;
  }

  /** Bytes that are kept of an unfinished request. */
  get held(): number {
    return this.#decoder.held;
  }

  // ---- Reading -------------------------------------------------------------------------------

  /**
   * Speaks HTTP until the connection ends, or becomes a WebSocket. One function and no smaller ones: each would
   * keep some hundred bytes for as long as the connection waits. Never rejects.
   *
   * @param first what was read already, if anything was
   * @param buffer where it reads to
   * @param onWebSocket told what is behind the handshake of a WebSocket: whoever takes that reads from then on
   */
  async run(
    first: Uint8Array,
    buffer: ReadBuffer,
    onWebSocket: (first: Uint8Array) => void,
  ): Promise<void> {
    const host = this.#host, router = this.#router, { socket } = host, { relay } = router;
    // Each request of a proxy pays by itself. The connection is that of others too, and is not slowed down.
    const allowance = relay === undefined ? host.allowance : undefined;
    const { timers, timeSlice, fairQueue } = host.shared;
    try {
      buffer.expect(USUAL_SIZE);
      relay?.receive(first.length);
      let wait = this.#take(first, host.lastActive, buffer);
      first = EMPTY; // V8 keeps a parameter for as long as the function waits
      for (;;) {
        if (wait !== undefined) {
          await wait;
          wait = undefined;
          if (router.isUpgraded) return onWebSocket(this.#decoder.rest.slice());
        }
        if (allowance !== undefined) {
          const rested = restOffDebt(this, timers, host, allowance);
          if (rested !== undefined) await rested;
        }
        const pause = timeSlice?.yieldWhenOver(host.lastActive);
        if (pause !== undefined) await pause;
        const { space } = buffer, count = await (this.#reading ?? socket.read(space));
        this.#reading = undefined;
        if (count === null) break;
        let now = timers.now();
        if (host.phase >= LINGERING) { // what still comes is read and forgotten
          const pause = timeSlice?.yieldWhenOver(now);
          if (pause !== undefined) await pause;
          continue;
        }
        while (count > LARGE && timeSlice?.isOver(now)) {
          await timeSlice.yield();
          now = timers.now();
        }
        host.lastActive = now;
        host.reader.receivedBytes += count;
        allowance?.receive(count, now);
        relay?.receive(count);
        wait = this.#take(space.subarray(0, count), now, buffer);
        if (wait !== undefined) continue;
        if (count <= LARGE) fairQueue?.note(host, this.#handled, timers.now() - now);
        const isMidway = this.messageSince !== undefined;
        if (this.#crumbs.add(count, isMidway, space.length)) await host.pause(GATHER);
      }
      this.#leave();
    } catch (error) {
      this.#lose(error);
    }
    buffer.end();
  }

  /** The caller sends no more, which is how it leaves: nobody waits for what still runs. */
  #leave(): void {
    const host = this.#host;
    if (!host.peerSends) return; // that is known
    if (!this.#exchange.isAnswered) {
      this.#exchange.abandon();
      host.stopAll(new RpcError("CANCELLED", "The caller has left"));
    }
    host.endInput();
  }

  #lose(error: unknown): void {
    this.#leave();
    this.#host.lose(error);
  }

  #take(bytes: Uint8Array, now: number, buffer: ReadBuffer): Promise<void> | undefined {
    const decoder = this.#decoder;
    decoder.push(bytes);
    const wait = this.#next(now, buffer);
    if (this.#isAnswering) this.#lookAhead();
    if (decoder.rest.length === 0) {
      decoder.push(EMPTY); // lets go of the buffer
      buffer.adapt(bytes.length);
    }
    this.#listen(buffer);
    return wait;
  }

  /** While a call runs its caller may begin the next request: the decoder keeps what there is of its head. */
  #lookAhead(): void {
    const decoder = this.#decoder;
    if (this.#ahead !== undefined || decoder.isInBody || this.#router.isUpgrading) return;
    if (decoder.rest.length > 0) this.#ahead = decoder.next();
  }

  /**
   * Listens whether the caller leaves while its call runs, up to the end of the next head: what is behind that
   * lies in the buffer, and no more may come into it. A race with the answer would make four promises more.
   */
  #listen(buffer: ReadBuffer): void {
    const { isUpgrading, isUpgraded } = this.#router;
    if (this.#reading !== undefined || !this.#isAnswering || isUpgrading || isUpgraded) return;
    if (this.#ahead !== undefined || this.#decoder.rest.length > 0) return;
    const { space } = buffer, reading = this.#host.socket.read(space);
    this.#reading = reading;
    reading.then((count) => {
      if (count === null) this.#leave();
      else if (this.#reading === reading) this.#hear(space.subarray(0, count), buffer);
    }, (error) => this.#lose(error));
  }

  /** More has come while a call runs: the beginning of the next request, or else it waits for its turn. */
  #hear(bytes: Uint8Array, buffer: ReadBuffer): void {
    const host = this.#host, decoder = this.#decoder, { relay } = this.#router, { length } = bytes;
    if (!this.#isAnswering || decoder.isInBody || host.phase >= LINGERING) return;
    this.#reading = undefined;
    host.lastActive = host.shared.timers.now();
    host.reader.receivedBytes += length;
    if (relay === undefined) host.allowance?.receive(length, host.lastActive);
    else relay.receive(length);
    const isCrumb = this.#crumbs.add(length, true, buffer.space.length);
    decoder.push(bytes);
    this.#lookAhead();
    host.backpressure.afterRead(decoder.held);
    if (decoder.rest.length > 0) return;
    decoder.push(EMPTY);
    buffer.adapt(length);
    if (isCrumb) host.pause(GATHER).then(() => this.#listen(buffer));
    else this.#listen(buffer);
  }

  /**
   * Handles what has come; it began at this time to do so. The promise is that of an answer, or of others'
   * turn, behind which the next part is looked at.
   */
  #next(begun: number, buffer: ReadBuffer): Promise<void> | undefined {
    const host = this.#host, { shared, backpressure } = host, decoder = this.#decoder;
    let count = 0;
    const router = this.#router;
    while (host.phase < LINGERING && !router.isUpgraded) {
      const part = this.#ahead ?? decoder.next();
      this.#ahead = undefined;
      if (part === undefined) break;
      router.relay?.take(part, decoder.rest.length, begun);
      const wait = router.take(part) ??
        (++count % LOOK === 0 ? this.#yieldAfter(begun) : undefined);
      if (wait !== undefined) {
        this.messageSince = undefined;
        this.#isAnswering = true;
        return wait.then(() => {
          this.#isAnswering = false;
          const next = this.#next(shared.timers.now(), buffer);
          if (this.#isAnswering) this.#lookAhead();
          this.#listen(buffer);
          return next;
        });
      }
    }
    if (!decoder.midway) this.messageSince = undefined;
    // A body has its own time, from the end of its head.
    else if (count > 0 || this.messageSince === undefined) this.messageSince = begun;
    this.#handled = count;
    if (decoder.isInBody && this.#ahead === undefined) router.expectBody();
    backpressure.afterRead(decoder.held);
    // A client that sends requests and takes no answers is not read any further.
    return backpressure.isFull
      ? rest(this, shared.timers, () => backpressure.whenRoom(() => {}))
      : undefined;
  }

  #yieldAfter(begun: number): Promise<void> | undefined {
    const { timers, timeSlice } = this.#host.shared, now = timers.now();
    return now - begun > SHORT ? timeSlice?.yieldWhenOver(now) : undefined;
  }

  /** See {@linkcode Exchange.lastWord}. */
  lastWord(error: RpcError): string | undefined {
    return this.#exchange.lastWord(error, this.isMidway);
  }

  /** Whether a request has begun to come, and is not answered: one that is refused by its head is. */
  get isMidway(): boolean {
    const { midway, isInBody } = this.#decoder;
    return midway && !(isInBody && this.#exchange.isAnswered);
  }
}
