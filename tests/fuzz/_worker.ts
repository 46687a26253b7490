// A part of the inputs, in a thread of its own.

import { doWork } from "../support/threads.ts";
import { fuzz, type Summary } from "./_check.ts";
import { fuzzWebSocket } from "./_websocket.ts";

// Of the WebSocket's frames as many as of all others together.
doWork((first, count): Summary => {
  const all = fuzz(first, count), frames = fuzzWebSocket(first, count);
  return {
    inputs: all.inputs + frames.inputs,
    bytes: all.bytes + frames.bytes,
    failed: [...all.failed, ...frames.failed],
  };
});
