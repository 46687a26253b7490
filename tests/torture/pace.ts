/**
 * A socket that is read no faster than so many bytes a second.
 *
 * @module
 */

import type { Duplex } from "../../lib/transport/socket.ts";
import { sleep } from "./crowd.ts";

/** Bytes of one read at most, so that a pace is even. */
const PIECE = 1 << 16;

/** @param forMs milliseconds after which it is read as fast as it can be */
export function paced(socket: Duplex, perSecond: number, forMs = Infinity): Duplex {
  const begun = performance.now();
  let taken = 0;
  return {
    async read(buffer) {
      const now = performance.now() - begun;
      if (now >= forMs) return await socket.read(buffer);
      const ahead = taken / perSecond * 1000 - now;
      if (ahead > 0) await sleep(Math.min(ahead, forMs - now));
      const count = await socket.read(buffer.subarray(0, PIECE));
      taken += count ?? 0;
      return count;
    },
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite?.() ?? Promise.resolve(),
    close: () => socket.close(),
  };
}
