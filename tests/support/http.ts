// A client of HTTP without the library and without the runtime's: bytes on a socket, and answers read as
// simply as can be.

import type { Duplex } from "../../lib/transport/socket.ts";
import { within } from "./deadline.ts";
import { bytesOf } from "./raw.ts";

/** One answer. */
export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The text of a POST with a body. */
export function post(body: string, ...lines: readonly string[]): string {
  return request("POST /", [
    "Content-Type: application/json",
    `Content-Length: ${bytesOf(body).length}`,
    ...lines,
  ]) + body;
}

/** The text of a request for a method and a path, with a host unless there is one. */
export function request(first: string, lines: readonly string[] = []): string {
  const host = lines.some((line) => line.startsWith("Host:")) ? [] : ["Host: localhost"];
  return [`${first} HTTP/1.1`, ...host, ...lines, "", ""].join("\r\n");
}

/** The handshake of a WebSocket. */
export const HANDSHAKE: string = request("GET /", [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
]);

/** Asks for a WebSocket, and reads the answer up to its end. */
export async function shakeHands(socket: Pick<Duplex, "read" | "write">): Promise<void> {
  for (let rest = bytesOf(HANDSHAKE); rest.length > 0;) {
    rest = rest.subarray(await socket.write(rest));
  }
  let head = "";
  for (const byte = new Uint8Array(1); !head.endsWith("\r\n\r\n");) {
    if (await socket.read(byte) === null) break;
    head += String.fromCharCode(byte[0]!);
  }
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`The handshake failed: ${head}`);
}

/** A call as JSON. */
export function call(method: string, params?: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** One connection, in the hands of a test. */
export class HttpPeer implements Disposable {
  readonly #conn: Pick<Deno.Conn, "read" | "write" | "close" | "closeWrite">;
  #text = "";
  #isOver = false;
  #isClosed = false;

  constructor(conn: Pick<Deno.Conn, "read" | "write" | "close" | "closeWrite">) {
    this.#conn = conn;
  }

  /** Over TCP or a Unix socket, as the address says. */
  static async dial(address: string): Promise<HttpPeer> {
    if (address.startsWith("unix:")) {
      return new HttpPeer(
        await Deno.connect({ transport: "unix", path: address.slice("unix://".length) }),
      );
    }
    const { hostname, port } = new URL(address.replace(/^[a-z]+:/, "http:"));
    return new HttpPeer(
      await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) }),
    );
  }

  async send(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    for (const part of parts) {
      const bytes = bytesOf(part);
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
  }

  /** The next answer, whole. */
  async answer(isHead = false): Promise<HttpAnswer> {
    const { status, headers } = await this.head();
    if (isHead || [101, 204, 304].includes(status)) return { status, headers, body: "" };
    return { status, headers, body: await this.body(headers) };
  }

  /** The body behind a head. */
  async body(headers: HttpAnswer["headers"]): Promise<string> {
    if (headers.get("transfer-encoding") !== "chunked") {
      return await this.#take(Number(headers.get("content-length") ?? 0));
    }
    let body = "";
    for (let part; (part = await this.chunk()) !== "";) body += part;
    return body;
  }

  /** The messages of a body in chunks, which comes as events or as lines. */
  async *messages(): AsyncGenerator<string> {
    let rest = "";
    for (let part; (part = await this.chunk()) !== "";) {
      const lines = (rest + part).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line !== "" && line !== ":") yield line.replace(/^data: /, "");
      }
    }
  }

  /** Sends one request, and takes its answer. */
  async ask(text: string): Promise<HttpAnswer> {
    await this.send(text);
    return await this.answer(text.startsWith("HEAD"));
  }

  /** The head of the next answer. */
  async head(): Promise<Omit<HttpAnswer, "body">> {
    const [first = "", ...lines] = (await this.#until("\r\n\r\n")).split("\r\n").slice(0, -2);
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const [, status] = /^HTTP\/1\.1 (\d{3}) [A-Z]/.exec(first) ?? [];
    if (status === undefined) throw new Error(`no answer: ${JSON.stringify(first)}`);
    return { status: Number(status), headers };
  }

  /** The next chunk of an answer; empty at its end. */
  async chunk(): Promise<string> {
    const size = Number.parseInt(await this.#until("\r\n"), 16);
    const part = await this.#take(size);
    await this.#until("\r\n");
    return part;
  }

  /** All that comes until the server ends the connection. */
  async rest(): Promise<string> {
    while (await this.#more());
    const text = this.#text;
    this.#text = "";
    return decode(text);
  }

  /** Whether the server ends the connection, and sends nothing more. */
  async ends(): Promise<boolean> {
    return await this.rest() === "";
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#conn.close();
    this.#isClosed = true;
  }

  async #until(end: string): Promise<string> {
    while (!this.#text.includes(end)) {
      if (!await this.#more()) throw new Error(`the end came after ${JSON.stringify(this.#text)}`);
    }
    return decode(this.#cut(this.#text.indexOf(end) + end.length));
  }

  async #take(size: number): Promise<string> {
    while (this.#text.length < size) {
      if (!await this.#more()) throw new Error(`the end came after ${JSON.stringify(this.#text)}`);
    }
    return decode(this.#cut(size));
  }

  #cut(size: number): string {
    const part = this.#text.slice(0, size);
    this.#text = this.#text.slice(size);
    return part;
  }

  async #more(): Promise<boolean> {
    if (this.#isOver) return false;
    const buffer = new Uint8Array(1 << 14);
    const count = await within(this.#conn.read(buffer), "an answer");
    if (count === null) this.#isOver = true;
    else this.#text += String.fromCharCode(...buffer.subarray(0, count)); // a byte is a unit
    return count !== null;
  }
}

/** The text of bytes that are a unit each. */
function decode(bytes: string): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(
    Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)),
  );
}
