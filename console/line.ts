/**
 * The line to the server: one connection after another, made again when it is lost. If the server ends a
 * connection in order, new calls take a new one, and the old one ends its calls. It knows nothing of what is
 * shown.
 *
 * @module
 */

import {
  type Answer,
  type Call,
  type CallOptions,
  NOT_OPEN,
  notSent,
  type Question,
} from "./call.ts";
import { Connection, type ConnectionEvents, type ServerInfo } from "./connection.ts";
import { Sockets } from "./sockets.ts";

/** How the line is. `locked` waits for a token. */
export type LineState = "connecting" | "open" | "going away" | "lost" | "locked";

/** What a line tells. */
export interface LineEvents
  extends Pick<ConnectionEvents, "onsaid" | "onapi" | "onquestions" | "onoutcome"> {
  onstate(): void;
}

const FIRST_DELAY = 1000, MAX_DELAY = 30_000;

const UNAUTHENTICATED = -32016, NOT_ASKED = -32009;

/** The line. */
export class Line {
  readonly #url: string;
  readonly #events: LineEvents;
  readonly #sockets = new Sockets();
  /** The one that takes new calls. */
  #current: Connection | undefined;
  /** Connections that the server is ending: they end their calls. */
  readonly #leaving = new Set<Connection>();
  #state: LineState = "connecting";
  #why = "";
  #token: string | undefined;
  #nextId = 1;
  #connections = 0;
  #delay = FIRST_DELAY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  info: ServerInfo | undefined;

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
    return this.#current?.isOpen === true && this.#state !== "locked";
  }

  get questions(): readonly Question[] {
    return this.#all.flatMap(({ questions }) => questions);
  }

  /** Calls that wait for their answers. */
  get outstanding(): number {
    return this.#all.reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  get #all(): Connection[] {
    return [...this.#leaving, ...(this.#current === undefined ? [] : [this.#current])];
  }

  /** Connects, or connects anew. @param token shown to the server first, if there is one */
  connect(token: string | undefined): void {
    this.#token = token;
    this.#drop("a new connection is made");
    this.#setState("connecting", "");
    this.#dial();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    const connection: Connection = new Connection(this.#sockets, this.#url, ++this.#connections, {
      nextId: () => this.#nextId++,
      onsaid: (said) => this.#events.onsaid(said),
      onapi: (api, error) => this.#events.onapi(api, error),
      onquestions: () => this.#events.onquestions(),
      onoutcome: (method, outcome) => this.#events.onoutcome(method, outcome),
      onopen: () => this.#greet(connection),
      ongoaway: (why) => this.#onGoaway(connection, why),
      onclose: (why) => this.#onClose(connection, why),
    });
    this.#current = connection;
  }

  /** Authenticates, and asks for the server's description and its API. */
  async #greet(connection: Connection): Promise<void> {
    if (this.#token !== undefined) {
      const params = { scheme: "bearer", token: this.#token };
      const { error } = await connection.call("rpc.authenticate", params, { isOwn: true }).outcome;
      if (connection !== this.#current) return;
      if (error !== undefined && error.code !== NOT_ASKED) return this.#lock(error.message);
    }
    const [info] = await Promise.all([
      connection.call("rpc.serverInfo", undefined, { isOwn: true }).outcome,
      this.#discover(connection),
    ]);
    if (connection !== this.#current) return;
    if (info.error?.code === UNAUTHENTICATED) return this.#lock("");
    connection.info = this.info = (info.result ?? {}) as ServerInfo;
    this.#delay = FIRST_DELAY;
    this.#setState("open", "");
  }

  /** Asks for the API. */
  async #discover(connection: Connection): Promise<void> {
    const { error } = await connection.call("rpc.discover", undefined, { isOwn: true }).outcome;
    if (error !== undefined && error.code !== UNAUTHENTICATED) this.#events.onapi(undefined, error);
  }

  #lock(why: string): void {
    this.#drop("the server asks who calls");
    this.#setState("locked", why);
  }

  /** The old connection ends its calls and questions; new calls take a new connection. */
  #onGoaway(connection: Connection, why: string): void {
    if (connection !== this.#current) return;
    this.#leaving.add(connection);
    this.#setState("going away", why);
    this.#dial();
  }

  #onClose(connection: Connection, why: string): void {
    this.#leaving.delete(connection);
    if (connection === this.#current) {
      this.#current = undefined;
      // The state stays "lost" while the line tries: a screen reader announces each change of it.
      this.#timer = setTimeout(() => this.#dial(), this.#delay);
      this.#delay = Math.min(MAX_DELAY, this.#delay * 1.6);
    }
    if (this.#current?.isOpen || this.#leaving.size > 0) return;
    if (this.#state === "lost") return;
    this.#setState("lost", this.#state === "going away" ? this.#why : why);
  }

  #drop(why: string): void {
    clearTimeout(this.#timer);
    const all = this.#all;
    this.#current = undefined;
    this.#leaving.clear();
    for (const connection of all) connection.close(why);
  }

  #setState(state: LineState, why: string): void {
    this.#state = state;
    this.#why = why;
    this.#events.onstate();
  }

  // ---- What goes over it ---------------------------------------------------------------------

  /** Calls a method. @param params as they travel, without metadata */
  call(method: string, params: unknown, options: CallOptions = {}): Call {
    const connection = this.#current ?? [...this.#leaving].at(-1);
    if (connection !== undefined) return connection.call(method, params, options);
    return unsent(method);
  }

  /** Tells the server something that it does not answer. @returns why it cannot be told; else undefined */
  notify(method: string, params: unknown, options: CallOptions = {}): string | undefined {
    return this.#current === undefined ? NOT_OPEN : this.#current.notify(method, params, options);
  }

  /** Answers a question of the server. */
  answer(question: Question, answer: Answer): void {
    for (const connection of this.#all) connection.answer(question, answer);
  }
}

/** A call for which there is no connection. */
function unsent(method: string): Call {
  return {
    id: 0,
    method,
    outcome: Promise.resolve(notSent(NOT_OPEN)),
    items: undefined,
    sender: undefined,
    onprogress: undefined,
    cancel: () => {},
  };
}
