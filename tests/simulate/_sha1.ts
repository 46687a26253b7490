// The hash of a WebSocket's handshake without the runtime's threads: they would be another clock.

import { createHash } from "node:crypto";

/** What takes the place of the runtime's digest in a world. */
export const SHA1 = [
  crypto.subtle,
  "digest",
  (_algorithm: string, bytes: Uint8Array) =>
    Promise.resolve(new Uint8Array(createHash("sha1").update(bytes).digest()).buffer),
] as const;
