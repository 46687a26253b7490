/**
 * A socket that shows what passes through it, frame by frame: `--verbose`.
 *
 * @module
 */

import { type Decoder, DEFAULT_LIMITS, type Framing } from "../../lib/wire.ts";
import type { Socket } from "../../lib/client.ts";
import { printable } from "../text/printable.ts";

/** The marks of PROTOCOL.md: what the caller says, and what it is told. */
const SENT = ">>", RECEIVED = "<<";

/** What a line takes is shown, and what it sends; of anything longer only that it came. */
const LIMITS = { ...DEFAULT_LIMITS, maxMessageBytes: 2 ** 24 - 1 };

/**
 * The same socket; what passes through it is told, a line of text for each frame. A bearer token is
 * left out of it.
 *
 * @param show takes a line without its end, fit for a terminal
 */
export function tapped(
  socket: Socket,
  framing: Framing,
  show: (line: string) => void,
): Socket {
  const sent = new Tap(SENT, framing.peer ?? framing, show);
  const received = new Tap(RECEIVED, framing, show);
  const { remote, local, framing: own, datagrams, lasting, certificate } = socket;
  return {
    remote,
    local,
    ...(own && { framing: own }),
    ...(datagrams && { datagrams }),
    ...(lasting && { lasting }),
    ...(certificate && { certificate }),
    async read(buffer) {
      const count = await socket.read(buffer);
      if (count !== null) received.take(buffer.subarray(0, count));
      return count;
    },
    async write(bytes) {
      const count = await socket.write(bytes);
      sent.take(bytes.subarray(0, count));
      return count;
    },
    ...(socket.closeWrite !== undefined && { closeWrite: () => socket.closeWrite!() }),
    close: () => socket.close(),
  };
}

/** One direction. */
class Tap {
  readonly #mark: string;
  readonly #decoder: Decoder;
  readonly #show: (line: string) => void;
  #isLost = false;

  constructor(mark: string, framing: Framing, show: (line: string) => void) {
    this.#mark = mark;
    this.#decoder = framing.decoder(LIMITS);
    this.#show = show;
  }

  take(bytes: Uint8Array): void {
    if (this.#isLost) return;
    this.#decoder.push(bytes.slice()); // a decoder may write in what it is lent
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      if (typeof frame === "string") {
        this.#show(`${this.#mark} ${printable(withoutToken(frame))}`);
      } else {
        const { kind, closeCode = "", reason } = frame;
        const isControl = kind === "ping" || kind === "close";
        const what = isControl ? `${kind} ${closeCode}`.trimEnd() : printable(reason);
        this.#show(`${this.#mark} (${what})`);
        if (frame.fatal) this.#isLost = true;
      }
    }
  }
}

function withoutToken(frame: string): string {
  if (!frame.includes('"rpc.authenticate"')) return frame;
  return frame.replaceAll(/("token":")(?:[^"\\]|\\.)*"/g, '$1…"');
}
