/**
 * What is asked of the system, and each runtime has in its own way: sockets, files, programs, requests of HTTP.
 *
 * @module
 */

import type { Listener, Socket } from "./socket.ts";

/** A port of a host, or the path of a Unix socket. */
export type Place =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** How to listen at a place. */
export interface NetListenOptions {
  /** Connections that the system completes before they are accepted. */
  readonly tcpBacklog?: number;
  /** Whether other listeners may have the same place. */
  readonly reusePort?: boolean;
  /** The address of the end that listens, in place of the path that it is bound to. */
  readonly local?: string;
}

/** What a runtime has. */
export interface Net {
  /** Listens. Deno does so at once, Node takes a moment. */
  listen(place: Place, options: NetListenOptions): Listener | Promise<Listener>;
  /** Connects, unless the signal aborts before. */
  connect(place: Place, signal?: AbortSignal): Promise<Socket>;
}

/** Which file it is: two with the same `dev` and `ino` are one. */
export interface FileState {
  readonly dev: number;
  readonly ino: number | null;
  readonly isSocket: boolean;
}

/** All throw the errors of `runtime.ts`. */
export interface Files {
  /** Throws unless the folder may be read and written: Deno asks for both permissions. */
  mayUse(folder: string): void;
  makeFolder(path: string, mode: number): void;
  chmod(path: string, mode: number): void;
  /** What is at a path; of a link, the link itself. */
  look(path: string): FileState;
  /** Gives a file a second name; throws `AlreadyExists` if something has it. */
  link(path: string, other: string): void;
  /** Gives a file another name, whatever has it. */
  rename(path: string, other: string): void;
  /** Removes a file, or a folder with all that is in it. */
  remove(path: string): void;
  /** Takes the lock of a folder, which one process has; undefined if another has it. */
  tryLock(folder: string): Promise<(() => void) | undefined>;
  /** Differs once the file at a path was written or another put in its place, even by a change of links. */
  version(path: string | URL): string;
  /** The text of a file. */
  readText(path: string | URL): string;
}

/** How a program ended. */
export interface ProgramStatus {
  readonly code: number;
  /** The signal that has ended it; null if none has. */
  readonly signal: string | null;
}

/** A program that was started, with its ends of the pipes to it. */
export interface Program {
  readonly input: WritableStream<Uint8Array>;
  readonly output: ReadableStream<Uint8Array>;
  readonly errors: ReadableStream<Uint8Array>;
  readonly status: Promise<ProgramStatus>;
  /** Whether it leads a process group of its own. */
  readonly isGroup: boolean;
  /** Signals it, or all of its group. Throws if none of it is left. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGCONT"): void;
  /** Does something when our own process exits. @returns what calls that off */
  onExit(work: () => void): () => void;
}

/** A request of HTTP. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** What makes requests of HTTP. */
export interface HttpClient {
  /** Makes one request, and never a second for it. A redirection is an answer. */
  request(url: URL, request: HttpRequest): Promise<Response>;
  /** Lets go of its connections. */
  close(): void;
}

/** What requests of HTTPS trust and show: PEM text. */
export interface HttpCredentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Standard input and output of this process. */
export interface StandardStreams {
  /** The input, which one reader may have. */
  input(): ReadableStream<Uint8Array>;
  /** Writes some of these bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}
