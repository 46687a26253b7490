/**
 * A chat room: one call, with a stream in each direction. What is said goes up, what is heard comes down.
 *
 * ```sh
 * deno run -N examples/chat.ts                              # serves, at tcp://127.0.0.1:7070
 * deno run -N examples/chat.ts tcp://127.0.0.1:7070 alice   # joins: each line of input is said
 * ```
 *
 * @module
 */

import { connect, method, serve, settle, stream } from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** Lines that wait for somebody who hears slowly; the oldest are lost, so that nobody else waits. */
const MAX_WAITING = 1000;

/** What one guest is to hear. */
class Mailbox implements AsyncIterable<string> {
  #lines: string[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  put(line: string): void {
    if (this.#lines.push(line) > MAX_WAITING) this.#lines.shift();
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A room of its own, so that a process can have several. */
export function chatRoom() {
  const guests = new Map<string, Mailbox>();
  const tell = (line: string) => {
    for (const mailbox of guests.values()) mailbox.put(line);
  };

  return {
    who: method(() => [...guests.keys()], { summary: "The names of those who are in the room" }),

    join: stream(z.string().min(1).max(32), async function* (name, { items, error, signal }) {
      if (guests.has(name)) throw error("NAME_TAKEN", { name }, `Somebody is ${name} already`);
      const mailbox = new Mailbox();
      guests.set(name, mailbox);
      tell(`* ${name} is here`);
      // Nobody waits for a line that says nothing more: the loop below ends by itself.
      signal.addEventListener("abort", () => mailbox.end());
      const talking = (async () => {
        for await (const text of items) tell(`${name}: ${text}`);
      })().catch(() => {}).finally(() => mailbox.end());
      try {
        yield* mailbox;
      } finally {
        guests.delete(name);
        tell(`* ${name} has left`);
        await talking;
      }
    }, {
      summary:
        "Says what is streamed up, and streams down what is said, until the caller has no more",
      items: z.string().max(1000),
      errors: { NAME_TAKEN: z.object({ name: z.string() }) },
    }),
  };
}

/** The room that `deno task serve examples/chat.ts` serves. */
export const api: ReturnType<typeof chatRoom> = chatRoom();

async function join(address: string, name: string): Promise<void> {
  await using line = await connect<typeof api>(address);
  const said = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(lines());
  const heard = line.call.join(name, { items: said });
  try {
    for await (const text of heard) console.log(text);
  } catch {
    const outcome = await settle(heard);
    if (outcome.ok) return;
    if (outcome.reason !== "NAME_TAKEN") throw outcome.error;
    console.error(`${outcome.data.name} is taken, try another name`);
    Deno.exitCode = 1;
  }
}

/** Cuts text into lines. */
function lines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const [...whole] = (rest + text).split("\n");
      rest = whole.pop()!;
      for (const line of whole) controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}

if (import.meta.main) {
  const [address = "tcp://127.0.0.1:7070", name] = Deno.args;
  if (name !== undefined) {
    await join(address, name);
    Deno.exit(); // a read that waits at the keyboard would keep us here
  } else {
    const onListen = (address: string) => console.log(`listening at ${address}`);
    await serve(api, { listen: address, onListen }).finished;
  }
}
