/// <reference lib="dom" />
/**
 * One connection: a WebSocket that speaks JSON-RPC in both directions, with the calls and the questions that
 * wait on it. It is not made again: the line makes another.
 *
 * @module
 */

import {
  type Answer,
  type Call,
  type CallOptions,
  type ErrorObject,
  errorOf,
  kindOf,
  metaOf,
  NOT_OPEN,
  notSent,
  type Outcome,
  type Question,
  rawIdOf,
  type Said,
  withMeta,
} from "./call.ts";
import { Inbox, type InboxHost } from "./inbox.ts";
import { ItemSender, ItemStream } from "./item_stream.ts";
import { isRecord } from "./json.ts";
import type { Socket, Sockets } from "./sockets.ts";
import { sizeOf, sizeText } from "./numbers.ts";
import { type ApiOutline, type LongMessage, outlineOf } from "./outline.ts";

/** What a connection tells. */
export interface ConnectionEvents {
  /** The next number of a call: the calls of all connections have numbers of their own. */
  nextId(): number;
  onsaid(said: Said): void;
  onapi(api: ApiOutline | undefined, error: ErrorObject | undefined): void;
  onquestions(): void;
  onoutcome(method: string, outcome: Outcome): void;
  onopen(): void;
  /** The server ends it: calls that run go on, and new ones belong elsewhere. */
  ongoaway(why: string): void;
  /** The connection has ended. Called once, and not after {@linkcode Connection.close}. */
  onclose(why: string): void;
}

/** What the server says of itself. */
export interface ServerInfo {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly extensions?: unknown;
  readonly limits?: unknown;
}

interface Waiting {
  readonly call: Call;
  readonly since: number;
  readonly isOwn: boolean;
  settle(outcome: Outcome): void;
}

/** How many questions may wait; the page refuses more. */
const MAX_QUESTIONS = 100;

/** What the codes of WebSocket mean to a reader. */
const CLOSE_REASONS: Readonly<Record<number, string>> = {
  1000: "the server had nothing more to say",
  1001: "the server has gone away",
  1002: "a frame broke the rules of WebSocket",
  1006: "the connection broke",
  1008: "the server's rules were broken",
  1009: "a message was too large",
  1011: "the server failed",
  1013: "the server is busy",
};

/** One connection. */
export class Connection implements InboxHost {
  readonly #events: ConnectionEvents;
  readonly #name: number;
  readonly #socket: Socket;
  readonly #inbox = new Inbox(this);
  readonly #waiting = new Map<number, Waiting>();
  readonly #questions = new Map<string, Question>();
  #isClosed = false;
  /** The id of the call for the API. */
  #discover: number | undefined;
  info: ServerInfo | undefined;
  /** Whether the server ends it. */
  #isLeaving = false;

  /** @param name tells its questions from those of others */
  constructor(sockets: Sockets, url: string, name: number, events: ConnectionEvents) {
    this.#events = events;
    this.#name = name;
    this.#socket = sockets.open(url, {
      onopen: () => events.onopen(),
      onmessage: (text, long) => this.#inbox.push(text, long),
      onclose: (code, reason) => this.#end(reason || CLOSE_REASONS[code] || `code ${code}`),
    });
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  get questions(): readonly Question[] {
    return [...this.#questions.values()];
  }

  /** Calls that wait for their answers. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Ends it, and calls that wait. */
  close(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbox.close();
    this.#socket.close();
    for (const [id, waiting] of this.#waiting) {
      this.#waiting.delete(id);
      const error = { code: 0, message: `The connection is lost: ${why}`, ofPage: "LOST" } as const;
      this.#settle(waiting, { error, text: undefined });
    }
    if (this.#questions.size === 0) return;
    this.#questions.clear();
    this.#events.onquestions();
  }

  #end(why: string): void {
    if (this.#isClosed) return;
    this.close(why);
    this.#events.onclose(why);
  }

  /** Ends a connection that the server is ending, once its last call and question are answered. */
  #leave(): void {
    if (!this.#isLeaving || this.#waiting.size > 0 || this.#questions.size > 0) return;
    this.#end("its last call has ended");
  }

  onflood(): void {
    this.#end("the server sends more than the page can read");
  }

  /** Calls a method. @param params as they travel, without metadata */
  call(method: string, params: unknown, options: CallOptions = {}): Call {
    const id = this.#events.nextId(), since = performance.now();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const isUp = options.isUp ? { dir: "up" } : {};
    let isCancelled = false;
    const call: Call = {
      id,
      method,
      outcome: promise,
      items: options.credit === undefined
        ? undefined
        : new ItemStream(options.credit, (n) => this.#control("$/stream/credit", { id, n })),
      sender: options.isUp
        ? new ItemSender(
          (values) => this.#control("$/stream/item", { id, values, ...isUp }),
          () => this.#control("$/stream/end", { id, ...isUp }),
        )
        : undefined,
      onprogress: undefined,
      cancel: () => {
        const waiting = this.#waiting.get(id);
        if (waiting === undefined) return;
        if (!isCancelled) {
          isCancelled = true;
          this.#control("$/cancelRequest", { id });
          return;
        }
        this.#waiting.delete(id);
        const error = { code: -32800, message: "Nobody waits for the answer any more" };
        this.#settle(waiting, { error, text: undefined });
      },
    };
    const waiting = { call, since, isOwn: options.isOwn ?? false, settle: resolve };
    const text = JSON.stringify({
      jsonrpc: "2.0",
      id,
      method,
      params: options.isOwn || !this.#knowsMeta ? params : withMeta(params, metaOf(id, options)),
    });
    const refusal = this.#refusalOf(text);
    if (refusal !== undefined) {
      resolve(notSent(refusal));
      return call;
    }
    this.#waiting.set(id, waiting);
    if (options.isOwn && method === "rpc.discover") this.#discover = id;
    this.#say(text, method, id);
    return call;
  }

  /** Tells the server something that it does not answer. @returns why it cannot be told; else undefined */
  notify(method: string, params: unknown, options: CallOptions = {}): string | undefined {
    const meta = this.#knowsMeta ? metaOf(undefined, options) : undefined;
    const text = JSON.stringify({ jsonrpc: "2.0", method, params: withMeta(params, meta) });
    const refusal = this.#refusalOf(text);
    if (refusal === undefined) this.#say(text, method, undefined);
    return refusal;
  }

  /** Whether the server reads what stands beside the params. */
  get #knowsMeta(): boolean {
    const extensions = this.info?.extensions;
    return Array.isArray(extensions) && extensions.includes("meta");
  }

  /** Why the page does not send a message; undefined if it does. */
  #refusalOf(text: string): string | undefined {
    if (!this.isOpen) return NOT_OPEN;
    const { maxMessageBytes } = (this.info?.limits ?? {}) as { readonly maxMessageBytes?: unknown };
    return typeof maxMessageBytes === "number" && sizeOf(text) > maxMessageBytes
      ? `The server takes messages of at most ${sizeText(maxMessageBytes)}`
      : undefined;
  }

  /** Answers a question of the server. @param answer `{result}` or `{error}` */
  answer({ id, raw }: Question, answer: Answer): void {
    if (this.#questions.get(raw)?.id !== id) return;
    this.#questions.delete(raw);
    this.#reply(raw, answer);
    this.#events.onquestions();
    this.#leave();
  }

  #reply(id: string, answer: object): void {
    const shown = id.startsWith('"') ? JSON.parse(id) : id;
    this.#say(`{"jsonrpc":"2.0","id":${id},${JSON.stringify(answer).slice(1)}`, "answer", shown);
  }

  #control(method: string, params: object): void {
    this.#say(JSON.stringify({ jsonrpc: "2.0", method, params }), method, undefined);
  }

  #say(text: string, kind: string, id: unknown): void {
    if (!this.isOpen) return;
    this.#socket.send(text, this.#discover);
    // The talk shows no token: a person beside the user could read it.
    const shown = kind === "rpc.authenticate"
      ? text.replace(/"token":"(?:[^"\\]|\\.)*"/, '"token":"…"')
      : text;
    this.#events.onsaid({ at: Date.now(), isOut: true, text: shown, kind, id });
  }

  /** @param arrived when the answer came, if one did @param size of a long one, whose value is a short form */
  #settle(
    { call, since, isOwn, settle }: Waiting,
    outcome: Pick<Outcome, "result" | "error" | "text">,
    arrived = performance.now(),
    size?: number,
  ): void {
    const whole = {
      ...outcome,
      size: size ?? sizeOf(outcome.text ?? ""),
      ms: arrived - since,
      isCut: size !== undefined,
    };
    settle(whole);
    if (!isOwn) this.#events.onoutcome(call.method, whole);
    this.#leave();
  }

  // ---- Hearing -------------------------------------------------------------------------------

  onmessage(message: unknown, text: string, arrived: number, long?: LongMessage): void {
    const at = Date.now() - (performance.now() - arrived);
    if (message === undefined) {
      this.#events.onsaid({ at, isOut: false, text, kind: "no JSON", id: undefined });
      return;
    }
    const batch = Array.isArray(message) ? message : [message];
    const [first] = batch;
    this.#events.onsaid({
      at,
      isOut: false,
      text,
      kind: Array.isArray(message) ? `batch of ${message.length}` : kindOf(first),
      id: isRecord(first) ? first["id"] : undefined,
      ...(long && { size: long.size }),
    });
    for (const single of batch) {
      if (!isRecord(single)) continue;
      if (typeof single["method"] === "string") this.#onRequest(single, text);
      else this.#onAnswer(single, text, arrived, long);
    }
  }

  #onAnswer(
    message: Readonly<Record<string, unknown>>,
    text: string,
    arrived: number,
    long: LongMessage | undefined,
  ): void {
    const { id, result } = message;
    // An error without an id belongs to the call that waits, if exactly one waits.
    const isAlone = (id ?? null) === null && message["error"] !== undefined &&
      this.#waiting.size === 1;
    const key = isAlone ? this.#waiting.keys().next().value! : id as number;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    if (id === this.#discover && result !== undefined) {
      this.#events.onapi(long?.api ?? outlineOf(result), undefined);
    }
    const error = errorOf(message["error"]);
    const outcome = error === undefined ? { result, text } : { error, text };
    this.#settle(waiting, outcome, arrived, long?.size);
  }

  #onRequest(message: Readonly<Record<string, unknown>>, text: string): void {
    const { id, params } = message, method = message["method"] as string;
    if (method.startsWith("$/")) return this.#onControl(method, isRecord(params) ? params : {});
    if (id === undefined) return; // a notification has no answer; the talk shows it
    const raw = rawIdOf(message, text);
    switch (method) {
      case "rpc.ping":
        return this.#reply(raw, { result: params ?? null });
      case "rpc.serverInfo":
        return this.#reply(raw, {
          result: {
            name: "console",
            version: "0",
            extensions: ["meta", "stream", "progress", "goaway"],
          },
        });
    }
    if (method.startsWith("rpc.")) {
      return this.#reply(raw, { error: { code: -32601, message: "Method not found" } });
    }
    if (this.#questions.size >= MAX_QUESTIONS || this.#questions.has(raw)) {
      const error = { code: -32014, message: "Too many questions wait for the user of this page" };
      return this.#reply(raw, { error });
    }
    this.#questions.set(raw, { id: `${this.#name}-${raw}`, raw, method, params });
    this.#events.onquestions();
  }

  #onControl(method: string, params: Readonly<Record<string, unknown>>): void {
    const { id, dir } = params, call = this.#waiting.get(id as number)?.call;
    switch (method) {
      case "$/stream/item": {
        const { value, values, eventId, eventIds } = params;
        if (dir === "up") return;
        if (Array.isArray(values)) {
          call?.items?.push(values, Array.isArray(eventIds) ? eventIds : undefined);
        } else call?.items?.push([value], [eventId]);
        return;
      }
      case "$/stream/credit":
        if (dir === "up" && Number.isSafeInteger(params["n"])) {
          call?.sender?.grant(params["n"] as number, params["bytes"]);
        }
        return;
      case "$/progress":
        this.#waiting.get(params["token"] as number)?.call.onprogress?.(params["value"]);
        return;
      case "$/cancelRequest": {
        const raw = JSON.stringify(id), question = this.#questions.get(raw);
        if (question === undefined) return;
        this.answer(question, { error: { code: -32800, message: "The call was cancelled" } });
        return;
      }
      case "$/goaway": {
        const reason = typeof params["reason"] === "string"
          ? params["reason"]
          : "it did not say why";
        this.#isLeaving = true;
        this.#events.ongoaway(`the server ends this connection: ${reason}`);
        return this.#leave();
      }
    }
  }
}
