/**
 * The one writer of a connection: whole frames, in order, as few writes as possible.
 *
 * Everything that is queued before the current turn ends goes out in one write, and what is queued
 * while a write is under way goes out in the next.
 *
 * @module
 */

import { type Framing, FRAMINGS, type Reserve } from "../framing/mod.ts";
import type { Version } from "../message/message.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { Timers } from "../timers.ts";
import type { Duplex, Socket } from "../transport/socket.ts";
import { type BufferPool, MAX_WRITE } from "./buffer_pool.ts";
import { ControlFrames } from "./control_frames.ts";
import { LongMessage } from "./long_message.ts";
import type { SharedMessage } from "./shared_message.ts";

/** What a {@linkcode FramedWriter} tells. */
export interface FramedWriterEvents {
  /** More is queued than the mark, and this is more of it. */
  onHigh(): void;
  /** More was queued than the mark, and a part of that is written. */
  onRoom(): void;
  /** A write failed: the peer is gone. */
  onGone(error: unknown): void;
}

/** Queues the texts of messages and writes them. */
export class FramedWriter {
  readonly #duplex: Duplex & Pick<Socket, "datagrams">;
  readonly #pool: BufferPool;
  readonly #timers: Pick<Timers, "now">;
  readonly #mark: number;
  readonly #events: FramedWriterEvents;
  readonly #timeSlice: Pick<TimeSlice, "isOver" | "yield"> | undefined;
  #framing: Framing | undefined;
  /** How answers are written to a peer that can be told nothing else; see {@linkcode answering}. */
  #answering: Pick<Framing, "encode"> | undefined;
  /** What is said unasked to a peer that has not shown its framing yet. */
  #held: string[] | undefined;
  #queue: string[] = [];
  /** The message of which a part is written, and the rest waits before all else. */
  #long: LongMessage | undefined;
  /** What the framing has to send by itself; most have nothing. */
  #controlFrames: ControlFrames | undefined;
  /** Bytes that wait, in the queue and in the write that is under way: text counts by its length. */
  queuedBytes = 0;
  /** Of these those in the write that is under way. */
  #writing = 0;
  /** Whether more than the mark was queued since {@linkcode FramedWriterEvents.onRoom} was told. */
  #wasHigh = false;
  /** The buffer of the write that is under way. */
  #lent: Uint8Array<ArrayBuffer> | undefined;
  #pump: Promise<void> | undefined;
  #dead = false;
  /** When the write that is under way last made progress; undefined while there is none. */
  writingSince: number | undefined;
  /** Bytes that the socket has taken. */
  sentBytes = 0;
  /** Messages that were queued, and messages whose bytes were handed to the socket. */
  queuedCount = 0;
  sentCount = 0;

  /**
   * @param mark queued bytes above which it tells
   * @param timeSlice ends while it writes to a peer that takes all at once; without it the runtime decides
   */
  constructor(
    duplex: Duplex & Pick<Socket, "datagrams">,
    framing: Framing | undefined,
    pool: BufferPool,
    timers: Pick<Timers, "now">,
    mark: number,
    events: FramedWriterEvents,
    timeSlice?: Pick<TimeSlice, "isOver" | "yield">,
  ) {
    this.#duplex = duplex;
    this.#framing = framing;
    this.#pool = pool;
    this.#timers = timers;
    this.#mark = mark;
    this.#events = events;
    this.#timeSlice = timeSlice;
  }

  /** Whether it is known how the peer is to be spoken to. */
  get isFramed(): boolean {
    return this.#framing !== undefined;
  }

  /** What frames are made with; without it the peer has not shown its own yet, and is answered in JSON. */
  set framing(framing: Framing) {
    this.#framing = framing;
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#queue.unshift(...held);
    this.#pump ??= this.#run();
  }

  /** Whether the peer has spoken: what it is told is not the first word. */
  get hasHeard(): boolean {
    return this.isFramed || this.#answering !== undefined;
  }

  /**
   * What answers are written with for as long as no framing is known, to a peer that speaks another protocol.
   * What was said unasked waits on; more of it is forgotten.
   */
  set answering(answering: Pick<Framing, "encode">) {
    this.#answering = answering;
  }

  /** Whether nothing is written: what is queued, if anything is, waits for the peer's first bytes. */
  get isQuiet(): boolean {
    return this.#pump === undefined;
  }

  /** Queues the text of one message. */
  push(text: string): void {
    this.pushLastWord(text);
    this.#look();
  }

  /** The same for what nobody has asked for: it waits until it is known how the peer is to be spoken to. */
  pushUnasked(text: string): void {
    if (this.isFramed || this.#dead) return this.push(text);
    if (this.#answering !== undefined) return;
    (this.#held ??= []).push(text);
    this.queuedBytes += text.length;
    this.queuedCount++;
    this.#look();
  }

  /** The same for a message to many: where nothing else is queued nothing is copied. */
  pushShared(message: SharedMessage, version: Version): void {
    const framing = this.#framing;
    if (framing === undefined || this.#pump !== undefined || this.#dead) {
      return this.pushUnasked(message.text(version));
    }
    this.queuedCount++;
    this.sentCount++;
    this.#pump = this.#run(message.frame(version, framing));
  }

  #look(): void {
    if (this.#dead || this.queuedBytes <= this.#mark) return;
    this.#wasHigh = true;
    this.#events.onHigh();
  }

  /** The same for what has to be said at the end, however much waits already. */
  pushLastWord(text: string): void {
    if (this.#dead) return;
    this.#queue.push(text);
    this.queuedBytes += text.length;
    this.queuedCount++;
    this.#pump ??= this.#run();
  }

  /** Answers the peer's framing, before what is queued. */
  pushAnswer(frame: Uint8Array): void {
    this.#beside().answer(frame);
  }

  /** Whether the framing has a frame that a peer answers, whatever it is. */
  get canPing(): boolean {
    return this.#framing?.ping !== undefined;
  }

  /** Sends the peer a frame that it answers, whatever it is; false if the framing has none. */
  ping(): boolean {
    const frame = this.#framing?.ping?.();
    if (frame !== undefined) this.#beside().answer(frame);
    return frame !== undefined;
  }

  /** Tells the peer after all that is queued why the connection ends, if the framing has a frame for it. */
  pushEnd(code: number, reason: string): void {
    const frame = this.#framing?.close?.(code, reason);
    if (frame !== undefined) this.pushLast(frame);
  }

  /** The same with a frame that is there: nothing is written behind it. The first that is given counts. */
  pushLast(frame: Uint8Array): void {
    this.#beside().end(frame);
  }

  #beside(): ControlFrames {
    if (!this.#dead) this.#pump ??= this.#run();
    return this.#controlFrames ??= new ControlFrames();
  }

  /** Somebody waits for room: it is told once the write that is under way has ended, however little that is. */
  tellRoom(): void {
    this.#wasHigh = true;
  }

  /** Resolves when everything that was queued is written, or can never be. */
  async drained(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump;
  }

  /** Writes bytes that are no frame, while nothing else is queued or written. */
  raw(bytes: Uint8Array): void {
    this.#pump = this.#run(bytes);
  }

  /** Forgets what is queued: the socket is gone. */
  stop(): void {
    this.#dead = true;
    this.#forget();
  }

  #forget(): void {
    this.#queue = [];
    this.#held = this.#long = undefined;
    this.queuedBytes = this.#writing;
  }

  /** Writes until nothing is queued. One function and no smaller ones: each would be a promise a write. */
  async #run(first?: Uint8Array): Promise<void> {
    await undefined; // what is queued in the same turn goes along
    try {
      for (let bytes = first ?? this.#encode(); bytes !== undefined; bytes = this.#encode()) {
        for (let written = 0; written < bytes.length && !this.#dead;) {
          this.#setWriting(bytes.length - written);
          const now = this.writingSince = this.#timers.now();
          const count = await this.#duplex.write(written === 0 ? bytes : bytes.subarray(written));
          written += count;
          this.sentBytes += count;
          // A peer that takes everything at once would have us write for it alone.
          if (this.#hasMore && this.#timeSlice?.isOver(now)) await this.#timeSlice.yield();
        }
        this.#setWriting(0);
        this.writingSince = undefined;
        if (this.#lent !== undefined) this.#pool.give(this.#lent);
        this.#lent = undefined;
        await undefined; // and what comes with the answer to it
        if (this.#wasHigh && this.#queue.length > 0) this.#events.onRoom();
      }
    } catch (error) {
      if (!this.#dead) {
        this.stop();
        this.#events.onGone(error);
      }
    }
    this.#pump = undefined;
    this.#setWriting(0);
    this.writingSince = undefined;
    if (!this.#wasHigh) return;
    this.#wasHigh = false;
    this.#events.onRoom();
  }

  get #hasMore(): boolean {
    return this.#queue.length > 0 || this.#long !== undefined;
  }

  #setWriting(bytes: number): void {
    this.queuedBytes += bytes - this.#writing;
    this.#writing = bytes;
    // Bytes are more than their text was long, if it is not ASCII.
    if (this.queuedBytes > this.#mark) this.#wasHigh = true;
  }

  /** The bytes of the next messages; undefined where there are none. */
  #encode(): Uint8Array | undefined {
    const piece = this.#long && this.#nextPiece();
    if (piece !== undefined) return piece;
    const control = this.#controlFrames?.next(this.#queue.length === 0);
    if (control !== undefined) return control;
    if (this.#controlFrames?.hasEnded) this.#forget();
    if (this.#queue.length === 0) return undefined;
    const framing: Pick<Framing, "encode" | "around"> = this.#framing ?? this.#answering ??
      FRAMINGS.json;
    if (this.queuedBytes > MAX_WRITE && !this.#duplex.datagrams) {
      this.#long = LongMessage.of(this.#queue[0]!, framing);
      if (this.#long !== undefined) {
        this.#queue.shift();
        this.sentCount++;
        return this.#nextPiece();
      }
    }
    const messages = this.#next();
    this.sentCount += messages.length;
    return framing.encode(messages, this.#lender());
  }

  /** Takes the buffer for one write, if there has to be one. */
  #lender(): Reserve {
    return (size) => this.#lent ??= this.#pool.take(size);
  }

  #nextPiece(): Uint8Array | undefined {
    const piece = this.#long!.next(this.#lender());
    if (piece === undefined) this.#long = undefined;
    this.queuedBytes -= piece?.units ?? 0;
    return piece?.bytes;
  }

  /** The next messages to write: all of them, unless they are very many. */
  #next(): string[] {
    const queue = this.#queue;
    if (this.queuedBytes <= MAX_WRITE) {
      this.#queue = [];
      this.queuedBytes = this.#held?.reduce((sum, text) => sum + text.length, 0) ?? 0;
      return queue;
    }
    let size = 0, count = 0;
    while (count < queue.length && size < MAX_WRITE) {
      const { length } = queue[count]!;
      if (size > 0 && length > MAX_WRITE) break; // it may be written in pieces
      size += length;
      count++;
    }
    this.queuedBytes -= size;
    return queue.splice(0, count);
  }
}
