/**
 * A server of HTTP as a socket: each frame that is written is posted, and the messages that answer it are
 * read as frames. So a connection knows nothing of HTTP, and calls, deadlines, batches, streams and retries
 * are what they are over any socket.
 *
 * What does not travel: items to the server, and calls from it. A call is given up by hanging up.
 *
 * @module
 */

import { ByteQueue } from "../../framing/byte_queue.ts";
import type { Framing } from "../../framing/frame.ts";
import { lengthPrefix } from "../../framing/length_prefix.ts";
import { decodeUtf8 } from "../../framing/utf8.ts";
import { MAX_MS } from "../../limits.ts";
import { isControl, readControl } from "../../message/control.ts";
import type { Notification } from "../../message/message.ts";
import { errors, refTimer, unrefTimer } from "../../runtime.ts";
import type { Socket } from "../socket.ts";
import type { HttpClient } from "../system.ts";
import { type Message, parsed, Post, type PostHost } from "./post.ts";

/** Frames between a connection and this socket: they never travel. */
const FRAMES: Framing = { ...lengthPrefix, name: "http" };

/** Posts that are under way at a time, beside those of streams: each takes a connection of its own. */
const MAX_POSTS = 64;

/** Bytes that wait to be read, beyond which answers are not read on. */
const HIGH_WATER = 1 << 18;

/** Makes a socket of posts. */
export class HttpSocket implements Socket, PostHost {
  readonly framing = FRAMES;
  /** Silence says nothing: there may be no connection at all. */
  readonly lasting = true;
  readonly remote: string;
  readonly local = "";
  readonly url: URL;
  readonly headers: Headers;
  readonly client: HttpClient;
  readonly maxBytes: number;
  readonly maxItems: number;
  /** What was written of a frame that has not ended. */
  readonly #written = new ByteQueue();
  /** The posts that are under way, and those that wait. */
  readonly #running = new Set<Post>();
  readonly #waiting: Post[] = [];
  #places = MAX_POSTS;
  /** Posts by the ids of their calls. */
  readonly #byId = new Map<unknown, Post>();
  /** Frames that were not read yet, and their sum. */
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;
  #reader: (() => void) | undefined;
  #wakers: (() => void)[] = [];
  #failure: unknown;
  #hasEnded = false;
  /** Keeps the process alive, as a socket does whose read waits. */
  #anchor = setTimeout(() => {}, MAX_MS);

  /** @param limits how much of an answer is taken */
  constructor(
    url: URL,
    headers: Headers,
    client: HttpClient,
    limits: { readonly maxResponseBytes: number; readonly maxCollectedItems: number },
  ) {
    this.url = url;
    this.remote = url.href;
    this.headers = headers;
    this.client = client;
    this.maxBytes = limits.maxResponseBytes;
    this.maxItems = limits.maxCollectedItems;
  }

  // ---- What the connection writes ------------------------------------------------------------

  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const written = this.#written;
    written.append(bytes);
    for (;;) {
      const all = written.bytes, { buffer, byteOffset, length } = all;
      const end = length < 4 ? Infinity : 4 + new DataView(buffer, byteOffset).getUint32(0);
      if (length < end) return Promise.resolve(bytes.length);
      this.#send(all.slice(4, end));
      written.drop(end);
    }
  }

  #send(body: Uint8Array<ArrayBuffer>): void {
    const text = decodeUtf8(body), message = text === undefined ? undefined : parsed(text);
    if (message === undefined || Array.isArray(message)) return this.#post(body, message);
    // A call by such a name is a call: it is answered that there is no such method.
    if (message.id !== undefined || !isControl(String(message.method))) {
      return this.#post(body, message);
    }
    const control = readControl(message as unknown as Notification);
    // Of all others a server that answers posts could make nothing.
    if (control?.kind === "cancelRequest") this.#byId.get(control.id)?.cancel(control.id);
    if (control?.kind === "credit" && !control.isUp) {
      this.#byId.get(control.id)?.grant(control.id, control.count);
    }
  }

  #post(body: Uint8Array<ArrayBuffer>, message: Message | Message[] | undefined): void {
    const post = new Post(this, body, message);
    for (const id of post.ids) this.#byId.set(id, post);
    if (post.isStream || this.#places > 0) this.#run(post, [...post.ids]);
    else this.#waiting.push(post);
  }

  async #run(post: Post, ids: readonly unknown[]): Promise<void> {
    const places = post.isStream ? 0 : 1;
    this.#places -= places;
    this.#running.add(post);
    await post.run();
    this.#running.delete(post);
    if (this.#hasEnded) this.#wake();
    for (const id of ids) if (this.#byId.get(id) === post) this.#byId.delete(id);
    this.#places += places;
    while (this.#places > 0 && this.#waiting.length > 0) {
      const next = this.#waiting.shift()!;
      this.#run(next, [...next.ids]);
    }
  }

  closeWrite(): Promise<void> {
    this.#hasEnded = true;
    this.#wake();
    return Promise.resolve();
  }

  // ---- What it reads -------------------------------------------------------------------------

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const [frame] = this.#frames;
      if (frame !== undefined) {
        const part = frame.subarray(0, buffer.length);
        buffer.set(part);
        if (part.length === frame.length) this.#frames.shift();
        else this.#frames[0] = frame.subarray(part.length);
        if ((this.#bytes -= part.length) <= HIGH_WATER) this.#wakeAll();
        return part.length;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded && this.#running.size === 0) return null;
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
  }

  give(text: string): Promise<void> | undefined {
    const frame = FRAMES.encode([text], (size) => new Uint8Array(size));
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#wake();
    if (this.#bytes <= HIGH_WATER) return undefined;
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#stop();
  }

  ref(): void {
    refTimer(this.#anchor);
  }

  unref(): void {
    unrefTimer(this.#anchor);
  }

  close(): void {
    clearTimeout(this.#anchor);
    this.fail(new errors.Interrupted("The socket was closed"));
    this.client.close();
  }

  #stop(): void {
    for (const post of this.#running) post.stop();
    this.#waiting.length = 0;
    this.#byId.clear();
    this.#wake();
    this.#wakeAll();
  }

  #wake(): void {
    this.#reader?.();
    this.#reader = undefined;
  }

  #wakeAll(): void {
    for (const resolve of this.#wakers.splice(0)) resolve();
  }
}
