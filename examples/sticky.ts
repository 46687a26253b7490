/**
 * The sticky packet problem, shown and solved.
 *
 * TCP carries a stream of bytes. Where one write ends and the next begins is not part of it. Here the
 * same messages go to two servers, cut in every awkward way: one server takes what a read gives for a
 * message, the other one has framing.
 *
 * ```sh
 * deno run -N examples/sticky.ts
 * ```
 *
 * @module
 */

import { method, serve } from "../lib/mod.ts";
import * as z from "npm:zod@4";

const MESSAGES = ["hello", "你好", "bye"];

/** Ways to write messages into a socket, as the pieces that are written. */
const CUTS: Record<string, (messages: Uint8Array[]) => Uint8Array[]> = {
  "one message a write": (messages) => messages,
  "all messages in one write": (messages) => [join(messages)],
  "one and a half, then the rest": (messages) => {
    const [first, second] = messages;
    return cutAt(join(messages), first!.length + second!.length / 2);
  },
  "cut inside a character": (messages) => {
    const bytes = join(messages);
    return cutAt(bytes, bytes.findIndex((byte) => byte >= 0x80) + 1);
  },
  "one byte a write": (messages) => Array.from(join(messages), (byte) => Uint8Array.of(byte)),
};

/** What a server hears that knows nothing of messages: each read is one. */
async function hearRaw(cut: (messages: Uint8Array[]) => Uint8Array[]): Promise<string[]> {
  const heard: string[] = [];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = await listener.accept();
  const buffer = new Uint8Array(1024);
  for (const piece of cut(MESSAGES.map(encode))) {
    await writeAll(client, piece);
    // Each piece is read before the next is sent, so that this prints the same every time. Otherwise
    // the network would cut and glue as it likes.
    for (let count = 0; count < piece.length;) {
      const size = await conn.read(buffer) ?? 0;
      heard.push(new TextDecoder().decode(buffer.subarray(0, size)));
      count += size;
    }
  }
  return heard;
}

/** What a server hears that has framing: here each message is a line. */
async function hearFramed(cut: (messages: Uint8Array[]) => Uint8Array[]): Promise<string[]> {
  const heard: string[] = [];
  const api = { hear: method(z.string(), (text) => void heard.push(text)) };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  using client = await Deno.connect({ port: Number(new URL(server.addresses[0]!).port) });
  client.setNoDelay(true);
  const lines = MESSAGES.map((text) =>
    JSON.stringify({ jsonrpc: "2.0", method: "hear", params: [text] }) + "\n"
  );
  for (const piece of cut(lines.map(encode))) {
    await writeAll(client, piece);
    await new Promise((resolve) => setTimeout(resolve, 1)); // time to arrive alone
  }
  await client.closeWrite();
  await client.read(new Uint8Array(1)); // the server hangs up when it has heard everything
  return heard;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function cutAt(bytes: Uint8Array, at: number): Uint8Array[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.slice(at));
}

function quote(texts: string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(" ");
}

if (import.meta.main) {
  console.log(`sent: ${quote(MESSAGES)}`);
  for (const [name, cut] of Object.entries(CUTS)) {
    console.log(`\n${name}`);
    console.log(`  without framing: ${quote(await hearRaw(cut))}`);
    console.log(`  with framing:    ${quote(await hearFramed(cut))}`);
  }
}
