/**
 * A chat room: guests enter under a name, and what one says all hear. The server knows its guests as peers,
 * and tells all of them at once.
 *
 * ```sh
 * deno run -N examples/chat.ts                              # serves, at tcp://127.0.0.1:7070
 * deno run -N examples/chat.ts tcp://127.0.0.1:7070 alice   # enters: each line of input is said
 * ```
 *
 * @module
 */

import {
  connect,
  method,
  notification,
  type Peer,
  type Peers,
  RpcError,
  serve,
  settle,
  withContext,
} from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** What a guest serves. */
export function guestApi(hear: (line: string) => void) {
  return { heard: notification(z.string(), hear) };
}

type GuestApi = ReturnType<typeof guestApi>;
const { method: called } = withContext<{ peer: Peer<GuestApi> }>();

/** A room of its own, so that a process can have several. */
export function chatRoom() {
  const guests = new Map<Peer<GuestApi>, string>();
  const tell = (peers: Peers<GuestApi>, line: string) => peers.to(guests.keys()).notify.heard(line);

  return {
    who: method(() => [...guests.values()], { summary: "The names of those who are in the room" }),

    enter: called(z.string().min(1).max(32), (name, { peer, peers, error }) => {
      if (guests.has(peer)) throw new RpcError("FAILED_PRECONDITION", "You are in the room");
      if ([...guests.values()].includes(name)) {
        throw error("NAME_TAKEN", { name }, `Somebody is ${name} already`);
      }
      guests.set(peer, name);
      tell(peers, `* ${name} is here`);
      peer.closed.then(() => {
        guests.delete(peer);
        tell(peers, `* ${name} has left`);
      });
    }, {
      summary: "Enters the room; what is said there is told as heard()",
      errors: { NAME_TAKEN: z.object({ name: z.string() }) },
    }),

    say: called(z.string().max(1000), (text, { peer, peers }) => {
      const name = guests.get(peer);
      if (name === undefined) throw new RpcError("FAILED_PRECONDITION", "Enter the room first");
      tell(peers, `${name}: ${text}`);
    }, { summary: "Says something to all who are in the room" }),
  };
}

/** The room that `deno task serve examples/chat.ts` serves. */
export const api: ReturnType<typeof chatRoom> = chatRoom();

/** @returns the exit code */
async function enter(address: string, name: string): Promise<number> {
  await using line = await connect<typeof api>(address, {
    api: guestApi((line) => console.log(line)),
    reconnect: false,
  });
  const entered = await settle(line.call.enter(name));
  if (!entered.ok) {
    if (entered.reason !== "NAME_TAKEN") throw entered.error;
    console.error(`${entered.data.name} is taken, try another name`);
    return 1;
  }
  const talking = (async () => {
    for await (const text of linesOf(Deno.stdin.readable)) await line.call.say(text);
  })();
  await Promise.race([talking, line.closed]);
  return 0;
}

/** The lines of a text that comes in pieces. */
async function* linesOf(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

if (import.meta.main) {
  const [address = "tcp://127.0.0.1:7070", name] = Deno.args;
  if (name !== undefined) {
    Deno.exit(await enter(address, name)); // a read that waits at the keyboard would keep us here
  } else {
    const onListen = (address: string) => console.log(`listening at ${address}`);
    await serve(api, { listen: address, onListen }).finished;
  }
}
