// jayson, without its types: they come with those of an old Node, which would hide Deno's own.

import type { Server as NetServer, Socket } from "node:net";

/** A request of jayson's, and the answer to one. */
export type Request = Readonly<Record<string, unknown>>;
export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

type Done = (error: unknown, answer: unknown) => void;

interface Client {
  /** Makes a request without sending it. */
  request(method: string, params: unknown, id: undefined, call: false): Request;
  /** Sends a request; the id null makes a notification of it. */
  request(method: string, params: unknown, id: null | undefined, done: Done): void;
  /** Sends a batch. */
  request(batch: readonly Request[], done: Done): void;
  on(event: "tcp socket", told: (socket: Socket) => void): void;
}

interface Jayson {
  // deno-lint-ignore no-explicit-any
  Server: new (methods: Record<string, (params: any, done: Done) => void>) => {
    tcp(): NetServer;
  };
  Client: { tcp(options: { readonly host: string; readonly port: number }): Client };
}

// Not a literal: a literal would be looked at for types.
const NAME = "npm:jayson@5";

export const jayson: Jayson = (await import(NAME)).default;
