/// <reference lib="dom" />
/**
 * WebSockets as the page has them: a worker receives for all of them. If the browser has no worker for it, or
 * cannot load it, the page receives itself, and stands still for as long as a long message takes.
 *
 * @module
 */

import type { LongMessage, MethodOutline } from "./outline.ts";
import { type Order, Receiver, type Told } from "./receiver.ts";

/** What a socket tells. */
export interface SocketEvents {
  onopen(): void;
  /** @param long what was read of a long text */
  onmessage(text: string, long: LongMessage | undefined): void;
  onclose(code: number, reason: string): void;
}

/** The sockets of a page. */
export class Sockets {
  /** What receives for them, loaded with the first; null if the page receives itself. */
  #worker: Promise<Worker | null> | undefined;

  open(url: string, events: SocketEvents): Socket {
    const socket = new Socket(url, events);
    this.#worker ??= loadWorker();
    this.#worker.then((worker) => socket.open(worker));
    return socket;
  }
}

/** Loads the worker; null if the browser cannot. */
function loadWorker(): Promise<Worker | null> {
  const { promise, resolve } = Promise.withResolvers<Worker | null>();
  try {
    const url = new URL("./socket_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = () => {
      worker.onerror = null; // it is loaded
      resolve(worker);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      resolve(null);
    };
  } catch {
    resolve(null);
  }
  return promise;
}

/** One socket. */
export class Socket {
  readonly #url: string;
  readonly #events: SocketEvents;
  /** Undefined until it is known who receives. */
  #order: ((order: Order) => void) | undefined;
  #port: MessagePort | undefined;
  #isOpen = false;
  #isClosed = false;
  /** The methods of an API that have come before it. */
  #methods: MethodOutline[] = [];

  constructor(url: string, events: SocketEvents) {
    this.#url = url;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens it. @param worker receives for it; if null, the page */
  open(worker: Worker | null): void {
    if (this.#isClosed) return;
    if (worker === null) {
      const receiver = new Receiver(this.#url, (told) => this.#hear(told));
      this.#order = (order) => receiver.obey(order);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<Told>) => this.#hear(data);
    this.#port = port1;
    this.#order = (order) => port1.postMessage(order);
    worker.postMessage(this.#url, [port2]);
  }

  /** @param discover the id of the call for the API, if one was made */
  send(text: string, discover?: number): void {
    if (this.#isOpen) this.#order!({ type: "send", text, discover });
  }

  /** Closes it. Nothing more is told of it. */
  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#order?.({ type: "close" });
    this.#port?.close(); // what was sent over it still arrives
  }

  #hear(told: Told): void {
    if (this.#isClosed) return;
    switch (told.type) {
      case "open":
        this.#isOpen = true;
        return this.#events.onopen();
      case "methods":
        for (const method of told.methods) this.#methods.push(method);
        return;
      case "message": {
        const { text, long } = told;
        if (long?.api === undefined) return this.#events.onmessage(text, long);
        const api = { ...long.api, methods: this.#methods };
        this.#methods = [];
        return this.#events.onmessage(text, { ...long, api });
      }
      case "close":
        this.#isOpen = false;
        this.#port?.close();
        return this.#events.onclose(told.code, told.reason);
    }
  }
}
