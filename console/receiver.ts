/// <reference lib="dom" />
/**
 * A WebSocket, and what is read of long messages where they arrive. It runs in a worker if the browser has
 * one: a browser takes as long to receive ten megabytes as a page may stand still. It knows nothing of calls.
 *
 * @module
 */

import { type LongMessage, type MethodOutline, readLong } from "./outline.ts";

/** Characters of a message above which it is read where it arrives. */
const LONG = 500_000;

/** Methods that are told at once: the page takes each portion in a task of its own. */
const PORTION = 500;

/** What a receiver tells. */
export type Told =
  | { readonly type: "open" }
  | { readonly type: "message"; readonly text: string; readonly long: LongMessage | undefined }
  /** Some methods of an API: the message that brings it comes after the last of them. */
  | { readonly type: "methods"; readonly methods: readonly MethodOutline[] }
  | { readonly type: "close"; readonly code: number; readonly reason: string };

/** What a receiver is told to do. */
export type Order =
  /** `discover` is the id of the call for the API, if one was made. */
  | { readonly type: "send"; readonly text: string; readonly discover: number | undefined }
  | { readonly type: "close" };

/** A WebSocket. */
export class Receiver {
  readonly #socket: WebSocket;
  #discover: number | undefined;

  constructor(url: string, tell: (told: Told) => void) {
    const socket = this.#socket = new WebSocket(url, ["jsonrpc-2.0"]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => tell({ type: "open" });
    socket.onmessage = ({ data }) => {
      const text: string = typeof data === "string" ? data : new TextDecoder().decode(data);
      let long = text.length > LONG ? readLong(text, this.#discover) : undefined;
      if (long?.api !== undefined) {
        const { methods } = long.api;
        for (let at = 0; at < methods.length; at += PORTION) {
          tell({ type: "methods", methods: methods.slice(at, at + PORTION) });
        }
        long = { ...long, api: { ...long.api, methods: [] } };
      }
      tell({ type: "message", text, long });
    };
    socket.onclose = ({ code, reason }) => tell({ type: "close", code, reason });
  }

  /** Sends a message, or closes the socket. */
  obey(order: Order): void {
    if (order.type === "close") return this.#socket.close();
    this.#discover = order.discover;
    this.#socket.send(order.text);
  }
}
