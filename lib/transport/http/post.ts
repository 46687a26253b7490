/**
 * One POST: a call, a batch, a notification or an answer goes out, and what comes back is the messages that
 * answer it. Every call gets exactly one answer, whatever the server says, unless it cannot be reached or hangs
 * up without a word.
 *
 * @module
 */

import { RpcError } from "../../error.ts";
import { isControl, readControl, streamItems } from "../../message/control.ts";
import { encodeError } from "../../message/encode.ts";
import { parseExactly } from "../../message/exact_numbers.ts";
import type { Notification } from "../../message/message.ts";
import { errors } from "../../runtime.ts";
import { eventsOf, linesOf, textOf, TooLong } from "./body.ts";
import { Credit } from "./credit.ts";
import type { HttpClient } from "../system.ts";
import { statusError } from "./status.ts";

/** What carries posts. */
export interface PostHost {
  readonly url: URL;
  readonly headers: Headers;
  readonly client: HttpClient;
  /** Bytes that a message of the server's may have. */
  readonly maxBytes: number;
  /** Items that a call may get in one list, where it asked for no stream. */
  readonly maxItems: number;
  /** A message has come. The promise is back-pressure. */
  give(text: string): Promise<void> | undefined;
  /** The server cannot be reached, or has hung up. */
  fail(error: unknown): void;
}

/** A message as far as it is looked at. */
export interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: { readonly _meta?: { readonly stream?: { readonly credit?: number } } };
  readonly result?: unknown;
  readonly error?: unknown;
}

/** A server of MCP gives a session, and wants to hear of it: MCP 2025-11-25, "Session Management". */
const SESSION = "mcp-session-id";

/** What a call without an answer is told by: as {@linkcode encodeError} wants it. */
const VERSION = "2.0";

/** Milliseconds after which a call may be made again whose answer has broken off. */
const RETRY_AFTER = 100;

/** One message or batch on its way to the server, and its answers on theirs back. */
export class Post {
  readonly #host: PostHost;
  readonly #body: Uint8Array<ArrayBuffer>;
  /** The calls in it that have no answer yet, each with its credit if it is a stream. */
  readonly #calls = new Map<unknown, Credit | undefined>();
  /** Items of a call that has asked for no stream. */
  readonly #items = new Map<unknown, unknown[]>();
  /** Whether it is a batch: what its answer lacks then, its sender finds. */
  readonly #isBatch: boolean;
  /** Whether it is not calls and notifications alone: then its sender wants to see whatever answers it. */
  readonly #isOdd: boolean;
  readonly #abort = new AbortController();
  /** The calls in it that were given up. */
  #cancelled = 0;

  /**
   * @param body a message, or a batch of them
   * @param message the same, parsed; undefined if it is none
   */
  constructor(
    host: PostHost,
    body: Uint8Array<ArrayBuffer>,
    message: Message | Message[] | undefined,
  ) {
    this.#host = host;
    this.#body = body;
    this.#isBatch = Array.isArray(message);
    this.#isOdd = !(message && listOf(message).every(isUsual));
    for (const one of listOf(message)) {
      if (one.method === undefined || typeof one.id !== "number" && typeof one.id !== "string") {
        continue;
      }
      const stream = one.params?._meta?.stream;
      this.#calls.set(one.id, stream && new Credit(stream));
    }
  }

  /** The ids of its calls. */
  get ids(): Iterable<unknown> {
    return this.#calls.keys();
  }

  /** Whether it may last for long: it carries a stream. */
  get isStream(): boolean {
    return this.#calls.values().some((credit) => credit !== undefined);
  }

  /** The consumer of a stream takes more. */
  grant(id: unknown, count: number): void {
    this.#calls.get(id)?.grant(count);
  }

  /** A call was given up: once all of them are, the server learns of it by a connection that ends. */
  cancel(id: unknown): void {
    const error = new RpcError("CANCELLED", "The call was cancelled");
    if (!this.#calls.has(id)) return;
    this.#answer(id, error);
    this.#cancelled++;
    if (this.#calls.size === 0) this.stop();
  }

  /** Hangs up. */
  stop(): void {
    this.#abort.abort();
    for (const credit of this.#calls.values()) credit?.end();
    this.#calls.clear();
  }

  /** Sends it and reads the answer. Never rejects. */
  async run(): Promise<void> {
    const { url, headers, client } = this.#host, { signal } = this.#abort;
    let response: Response | undefined;
    try {
      response = await client.request(url, { method: "POST", headers, body: this.#body, signal });
      await this.#read(response);
    } catch (error) {
      if (signal.aborted) return; // it was given up
      // What goes wrong behind the head of an answer is about this answer: others go on.
      if (response === undefined) this.#host.fail(error);
      else this.#answerAll(error instanceof TooLong ? this.#tooLong() : this.#broken(error));
      this.stop();
    }
  }

  #tooLong(): RpcError {
    const message = `The server's answer is longer than ${this.#host.maxBytes} bytes`;
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxResponseBytes" });
  }

  /** The call may have run: only one that may run twice is sent again. */
  #broken(error: unknown): RpcError {
    const why = error instanceof Error ? error.message : String(error);
    const message = `Cannot call ${this.#host.url}: the answer cannot be read, ${why}`;
    return new RpcError("UNKNOWN", message, { retryAfterMs: RETRY_AFTER });
  }

  // ---- The answer ----------------------------------------------------------------------------

  async #read(response: Response): Promise<void> {
    const { maxBytes, headers } = this.#host, session = response.headers.get(SESSION);
    if (session !== null) headers.set(SESSION, session);
    const type = response.headers.get("content-type")?.split(";", 1).join().trim().toLowerCase();
    const body = response.body ?? new ReadableStream<Uint8Array>({ start: (it) => it.close() });
    const isEvents = type === "text/event-stream";
    if (response.ok && (isEvents || type === "application/x-ndjson")) {
      for await (const text of isEvents ? eventsOf(body, maxBytes) : linesOf(body, maxBytes)) {
        if (text !== "") await this.#take(text);
      }
      if (this.#calls.size > 0) {
        throw new errors.UnexpectedEof("it ended before the result");
      }
      return;
    }
    const text = await textOf(body, maxBytes);
    if (!await this.#takeWhole(text ?? "")) this.#answerAll(this.#noAnswer(response, text));
  }

  /** Why an answer is none. */
  #noAnswer(response: Response, text: string | undefined): RpcError {
    const { status, statusText, headers } = response, { url } = this.#host;
    const what = `Cannot call ${url}`;
    if (!response.ok) return statusError(what, { status, statusText, headers, body: text ?? "" });
    const start = text?.trim().slice(0, 100);
    const said = start === undefined
      ? "and no UTF-8"
      : start === ""
      ? "without a body"
      : `and no JSON-RPC: ${JSON.stringify(start)}`;
    const message = `${what}: the server answered ${`${status} ${statusText}`.trim()} ${said}`;
    return new RpcError("INTERNAL", message, { details: { status } });
  }

  /** Takes a body that is one text; false if it leaves a call without an answer. */
  async #takeWhole(text: string): Promise<boolean> {
    const message = parsed(text);
    if (message === undefined) return this.#calls.size === 0;
    if (await this.#takeRefusal(message, text)) return true;
    for (const one of listOf(message)) if (one.method === undefined) this.#forget(one.id);
    await this.#host.give(text);
    return this.#calls.size === 0 || this.#isBatch && Array.isArray(message);
  }

  /**
   * Takes an error without an id: what was refused before it was read. It is about the calls of this post, and
   * never about a call of another one: each of them gets it. A notification that is refused has none.
   */
  async #takeRefusal(message: Message | Message[], text: string): Promise<boolean> {
    if (Array.isArray(message) || message.error === undefined) return false;
    if (message.id !== undefined && message.id !== null || this.#isOdd) return false;
    const whole = parseExactly(text) as object;
    for (const id of [...this.#calls.keys()]) {
      await this.#give(id, JSON.stringify({ ...whole, id }));
    }
    return true;
  }

  /** Takes a message of several. */
  async #take(text: string): Promise<void> {
    const message = parsed(text);
    if (message === undefined) return; // it is told that the result is missing
    if (await this.#takeRefusal(message, text)) return;
    for (const one of listOf(message)) {
      const items = this.#items.get(one.id);
      if (one.method !== undefined) continue;
      if (items !== undefined && one.error === undefined && !Array.isArray(message)) {
        text = JSON.stringify({ ...parseExactly(text) as object, result: items });
      }
      this.#forget(one.id);
    }
    if (!Array.isArray(message) && await this.#takeItems(message, text)) return;
    await this.#host.give(text);
  }

  /** Takes items of a stream as its consumer does; false for any other message. */
  async #takeItems({ method }: Message, text: string): Promise<boolean> {
    if (typeof method !== "string" || !isControl(method)) return false;
    const control = readControl(parseExactly(text) as Notification);
    if (control?.kind !== "items" || !this.#calls.has(control.id)) return false;
    const { id, values, eventIds } = control, credit = this.#calls.get(id);
    if (credit === undefined) {
      this.#collect(id, values);
      return true;
    }
    for (let from = 0, count; from < values.length; from += count) {
      count = Math.min(values.length - from, await credit.room());
      if (this.#abort.signal.aborted) break;
      credit.use(count, text.length * count / values.length);
      if (count === values.length) await this.#host.give(text);
      else {
        const some = values.slice(from, from + count).map((value) => JSON.stringify(value));
        const ids = eventIds?.slice(from, from + count);
        await this.#host.give(streamItems(JSON.stringify(id), some, ids));
      }
    }
    return true;
  }

  /** The call asked for one answer: the items are it. */
  #collect(id: unknown, values: readonly unknown[]): void {
    const items = this.#items.get(id) ?? [], { maxItems } = this.#host;
    this.#items.set(id, items);
    items.push(...values);
    if (items.length <= maxItems) return;
    const message = `More than ${maxItems} items for a call that has asked for no stream`;
    this.#answer(id, new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxCollectedItems" }));
    if (this.#calls.size === 0) this.stop();
  }

  #answerAll(error: RpcError): void {
    for (const id of [...this.#calls.keys()]) this.#answer(id, error);
  }

  #answer(id: unknown, error: RpcError): void {
    this.#give(id, encodeError({ id: JSON.stringify(id), version: VERSION }, error));
  }

  #give(id: unknown, text: string): Promise<void> | undefined {
    this.#forget(id);
    return this.#host.give(text);
  }

  /** A call has its answer. */
  #forget(id: unknown): void {
    this.#calls.get(id)?.end();
    this.#calls.delete(id);
    this.#items.delete(id);
  }
}

/** The messages in a text: one, or a batch; undefined if it is neither. */
export function parsed(text: string): Message | Message[] | undefined {
  try {
    const value: unknown = JSON.parse(text), list = Array.isArray(value) ? value : [value];
    const isMessages = list.length > 0 && list.every((it) => typeof it === "object" && it !== null);
    return isMessages ? value as Message | Message[] : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is a call or a notification, as a client sends them. */
function isUsual({ method, id, params = {} }: Message): boolean {
  return typeof method === "string" && ["undefined", "number", "string"].includes(typeof id) &&
    typeof params === "object";
}

function listOf(message: Message | readonly Message[] | undefined): readonly Message[] {
  return message === undefined ? [] : Array.isArray(message) ? message : [message as Message];
}
