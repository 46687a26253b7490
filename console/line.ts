/// <reference lib="dom" />
/**
 * The line to the server: one WebSocket that speaks JSON-RPC in both directions, made again when it is lost.
 * It says what happens and knows nothing of what is shown.
 *
 * @module
 */

import { ItemSender, ItemStream } from "./item_stream.ts";
import type { ApiOutline, LongMessage } from "./outline.ts";
import { sizeOf, sizeText } from "./numbers.ts";
import { outlineOf } from "./outline.ts";

/** How the line is. `locked` waits for a token. */
export type LineState = "connecting" | "open" | "going away" | "lost" | "locked";

/** An error as it stands in an answer. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What became of a call. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: ErrorObject;
  /** The answer as it came; undefined if none did. */
  readonly text: string | undefined;
  /** Its bytes. */
  readonly size: number;
  /** Milliseconds from the call to its answer. */
  readonly ms: number;
  /** Whether `result` is cut: it was too long to be read whole. */
  readonly isCut: boolean;
}

/** What stands beside the value of a call. */
export interface CallOptions {
  /** Milliseconds until it is given up by the server. */
  readonly timeoutMs?: number | undefined;
  readonly traceparent?: string | undefined;
  /** Asks for a stream with this first credit. */
  readonly credit?: number | undefined;
  /** The event that a stream goes on after. */
  readonly after?: string | undefined;
  /** Whether the method takes items. */
  readonly isUp?: boolean | undefined;
  /** Whether it stays out of the figures. */
  readonly isOwn?: boolean | undefined;
}

/** A call that waits for its answer. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly outcome: Promise<Outcome>;
  readonly items: ItemStream | undefined;
  readonly sender: ItemSender | undefined;
  onprogress: ((value: unknown) => void) | undefined;
  /** Asks the server to give it up; a second time nobody waits for the answer. */
  cancel(): void;
}

/** One message of the talk. */
export interface Said {
  readonly at: number;
  readonly isOut: boolean;
  readonly text: string;
  /** What it is, in a few words: a method, or an answer. */
  readonly kind: string;
  readonly id: unknown;
  /** Its bytes, if they are counted already. */
  readonly size?: number;
}

/** A question of the server to the page. */
export interface Question {
  /** Its id, as it stands in the message. */
  readonly id: string;
  readonly method: string;
  readonly params: unknown;
  readonly at: number;
}

/** What a line tells. */
export interface LineEvents {
  onstate(): void;
  onsaid(said: Said): void;
  onapi(api: ApiOutline | undefined, error: ErrorObject | undefined): void;
  onquestions(): void;
  onoutcome(method: string, outcome: Outcome): void;
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

/** Characters of a message above which a worker reads it. */
const LONG = 500_000;

/** Questions that may wait; more are answered at once. */
const MAX_QUESTIONS = 100;

const FIRST_DELAY = 1000, MAX_DELAY = 30_000;

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

const UNAUTHENTICATED = -32016, NOT_ASKED = -32009;

/** The line. */
export class Line {
  readonly #url: string;
  readonly #events: LineEvents;
  #socket: WebSocket | undefined;
  #state: LineState = "connecting";
  #why = "";
  #token: string | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();
  readonly #questions = new Map<string, Question>();
  #delay = FIRST_DELAY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #discover: number | undefined;
  /** Messages that wait for a long one before them. */
  #behind: string[] | undefined;
  #reader: Worker | undefined;
  info: ServerInfo | undefined;
  /** Questions that were answered at once because too many waited. */
  refusedQuestions = 0;

  constructor(url: string, events: LineEvents) {
    this.#url = url;
    this.#events = events;
  }

  get state(): LineState {
    return this.#state;
  }

  /** Why it is as it is; empty if there is nothing to say. */
  get why(): string {
    return this.#why;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN && this.#state !== "locked";
  }

  get questions(): readonly Question[] {
    return [...this.#questions.values()];
  }

  /** Calls that wait for their answers. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  // ---- The connection ------------------------------------------------------------------------

  /** Connects, or connects anew. @param token shown to the server first, if there is one */
  connect(token: string | undefined): void {
    this.#token = token;
    this.#drop("a new connection is made");
    this.#setState("connecting", "");
    this.#dial();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket = new WebSocket(this.#url, ["jsonrpc-2.0"]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#greet(socket);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#hear(typeof data === "string" ? data : new TextDecoder().decode(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      const why = reason || CLOSE_REASONS[code] || `code ${code}`;
      this.#lose(this.#state === "going away" && reason === "" ? this.#why : why);
    };
  }

  /** Ends the connection, and calls that wait. */
  close(why: string): void {
    this.#drop(why);
    clearTimeout(this.#timer);
    this.#setState("lost", why);
  }

  async #greet(socket: WebSocket): Promise<void> {
    this.#nextId = Math.max(1, this.#nextId);
    if (this.#token !== undefined) {
      const { error } = await this.call("rpc.authenticate", {
        scheme: "bearer",
        token: this.#token,
      }, { isOwn: true }).outcome;
      if (socket !== this.#socket) return;
      if (error !== undefined && error.code !== NOT_ASKED) return this.#lock(error.message);
    }
    const [info] = await Promise.all([
      this.call("rpc.serverInfo", undefined, { isOwn: true }).outcome,
      this.discover(),
    ]);
    if (socket !== this.#socket) return;
    if (info.error?.code === UNAUTHENTICATED) return this.#lock("");
    this.info = (info.result ?? {}) as ServerInfo;
    this.#delay = FIRST_DELAY;
    if (this.#state !== "going away") this.#setState("open", "");
  }

  /** Asks for the API. */
  async discover(): Promise<void> {
    const call = this.call("rpc.discover", undefined, { isOwn: true });
    this.#discover = call.id;
    const { error } = await call.outcome;
    if (error !== undefined && error.code !== UNAUTHENTICATED) this.#events.onapi(undefined, error);
  }

  #lock(why: string): void {
    this.#drop("the server asks who calls");
    this.#setState("locked", why);
  }

  #lose(why: string): void {
    this.#drop(why);
    this.#setState("lost", why);
    // It stays lost for as long as that is tried: what changes now and then would be announced each time.
    this.#timer = setTimeout(() => this.#dial(), this.#delay);
    this.#delay = Math.min(MAX_DELAY, this.#delay * 1.6);
  }

  /** Lets go of the socket: nobody will answer. */
  #drop(why: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#behind = undefined;
    socket?.close();
    for (const [id, waiting] of this.#waiting) {
      this.#waiting.delete(id);
      const error = { code: 0, message: `The connection is lost: ${why}` };
      this.#settle(waiting, { error, text: undefined });
    }
    if (this.#questions.size > 0) {
      this.#questions.clear();
      this.#events.onquestions();
    }
  }

  #setState(state: LineState, why: string): void {
    this.#state = state;
    this.#why = why;
    this.#events.onstate();
  }

  // ---- Calling -------------------------------------------------------------------------------

  /** Calls a method. @param params as they travel, without metadata */
  call(method: string, params: unknown, options: CallOptions = {}): Call {
    const id = this.#nextId++, since = performance.now();
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
      this.#settle(waiting, { error: { code: 0, message: refusal }, text: undefined });
      return call;
    }
    this.#waiting.set(id, waiting);
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

  /** Why a message is not sent, if it is not. */
  #refusalOf(text: string): string | undefined {
    if (this.#socket?.readyState !== WebSocket.OPEN) return "The line is not open";
    const { maxMessageBytes } = (this.info?.limits ?? {}) as { readonly maxMessageBytes?: unknown };
    return typeof maxMessageBytes === "number" && sizeOf(text) > maxMessageBytes
      ? `The server takes messages of at most ${sizeText(maxMessageBytes)}`
      : undefined;
  }

  /** Answers a question of the server. @param answer `{result}` or `{error}` */
  answer({ id }: Question, answer: { readonly result: unknown } | { readonly error: ErrorObject }) {
    if (!this.#questions.delete(id)) return;
    this.#reply(id, answer);
    this.#events.onquestions();
  }

  #reply(id: string, answer: object): void {
    this.#say(`{"jsonrpc":"2.0","id":${id},${JSON.stringify(answer).slice(1)}`, "answer", id);
  }

  #control(method: string, params: object): void {
    this.#say(JSON.stringify({ jsonrpc: "2.0", method, params }), method, undefined);
  }

  #say(text: string, kind: string, id: unknown): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(text);
    // A token is not to be read over somebody's shoulder.
    const shown = kind === "rpc.authenticate"
      ? text.replace(/"token":"(?:[^"\\]|\\.)*"/, '"token":"…"')
      : text;
    this.#events.onsaid({ at: Date.now(), isOut: true, text: shown, kind, id });
  }

  /** @param size of a long answer, whose value is a short form */
  #settle(
    { call, since, isOwn, settle }: Waiting,
    outcome: Pick<Outcome, "result" | "error" | "text">,
    size?: number,
  ): void {
    const whole = {
      ...outcome,
      size: size ?? sizeOf(outcome.text ?? ""),
      ms: performance.now() - since,
      isCut: size !== undefined,
    };
    settle(whole);
    if (!isOwn) this.#events.onoutcome(call.method, whole);
  }

  // ---- Hearing -------------------------------------------------------------------------------

  #hear(text: string): void {
    if (this.#behind !== undefined) {
      this.#behind.push(text);
      return;
    }
    if (text.length > LONG) {
      this.#behind = [];
      this.#readLong(text);
      return;
    }
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#events.onsaid({ at: Date.now(), isOut: false, text, kind: "no JSON", id: undefined });
      return;
    }
    this.#take(message, text, undefined);
  }

  #readLong(text: string): void {
    this.#reader ??= new Worker(new URL("./long_reader.ts", import.meta.url), { type: "module" });
    const socket = this.#socket;
    this.#reader.onmessage = ({ data }: MessageEvent<LongMessage>) => {
      if (socket !== this.#socket) return;
      const { message } = data;
      if (message === undefined) {
        this.#events.onsaid({ at: Date.now(), isOut: false, text, kind: "no JSON", id: undefined });
      } else this.#take(message, text, data);
      const behind = this.#behind ?? [];
      this.#behind = undefined;
      for (const text of behind) this.#hear(text);
    };
    this.#reader.postMessage({ text, discover: this.#discover });
  }

  /** @param long what a worker has read of a long text, of which the message is a short form */
  #take(message: unknown, text: string, long: LongMessage | undefined): void {
    const batch = Array.isArray(message) ? message : [message];
    const [first] = batch;
    this.#events.onsaid({
      at: Date.now(),
      isOut: false,
      text,
      kind: Array.isArray(message) ? `batch of ${message.length}` : kindOf(first),
      id: isObject(first) ? first["id"] : undefined,
      ...(long && { size: long.size }),
    });
    for (const single of batch) {
      if (!isObject(single)) continue;
      if (typeof single["method"] === "string") this.#onRequest(single, text);
      else this.#onAnswer(single, text, long);
    }
  }

  #onAnswer(
    message: Readonly<Record<string, unknown>>,
    text: string,
    long: LongMessage | undefined,
  ): void {
    const { id, result } = message;
    // An error that belongs to no call is about the only one that there is.
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
    this.#settle(waiting, error === undefined ? { result, text } : { error, text }, long?.size);
  }

  #onRequest(message: Readonly<Record<string, unknown>>, text: string): void {
    const { id, params } = message, method = message["method"] as string;
    if (method.startsWith("$/")) return this.#onControl(method, isObject(params) ? params : {});
    if (id === undefined) return; // it is told, and stands in the talk
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
      this.refusedQuestions++;
      const error = { code: -32014, message: "Too many questions wait for the user of this page" };
      return this.#reply(raw, { error });
    }
    this.#questions.set(raw, { id: raw, method, params, at: Date.now() });
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
        this.#setState("going away", `the server ends this connection: ${reason}`);
        return;
      }
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(message: unknown): string {
  if (!isObject(message)) return "no message";
  if (typeof message["method"] === "string") return message["method"];
  return message["error"] === undefined || message["error"] === null ? "answer" : "error";
}

/** An error, whatever stands in its place. */
function errorOf(error: unknown): ErrorObject | undefined {
  if (error === undefined || error === null) return undefined;
  const { code, message, data } = isObject(error) ? error : { message: JSON.stringify(error) };
  return {
    code: typeof code === "number" ? code : 0,
    message: typeof message === "string" ? message : "",
    ...(data !== undefined && { data }),
  };
}

/** The id of a request as it stands in the text: a number may have more digits than one of JavaScript's. */
function rawIdOf(message: Readonly<Record<string, unknown>>, text: string): string {
  const id = message["id"];
  if (typeof id !== "number") return JSON.stringify(id);
  let raw = JSON.stringify(id);
  JSON.parse(text, function (this: unknown, name, value, context?: { source?: string }) {
    if (name === "id" && value === id && context?.source !== undefined) raw = context.source;
    return value;
  });
  return raw;
}

function metaOf(
  id: number | undefined,
  { timeoutMs, traceparent, credit, after }: CallOptions,
): Readonly<Record<string, unknown>> | undefined {
  const meta = {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(traceparent && { traceparent }),
    ...(id !== undefined && { progressToken: id }),
    ...(credit !== undefined && { stream: { credit, ...(after !== undefined && { after }) } }),
  };
  return Object.keys(meta).length === 0 ? undefined : meta;
}

/** Params with metadata beside them: what has no names travels as `value`. */
function withMeta(params: unknown, meta: object | undefined): unknown {
  if (meta === undefined) return params;
  if (params === undefined) return { _meta: meta };
  if (isObject(params)) return { ...params, _meta: { ...params["_meta"] as object, ...meta } };
  // One value in an array is the value itself; an array that is the value stays one in an array.
  return { value: params, _meta: meta };
}
