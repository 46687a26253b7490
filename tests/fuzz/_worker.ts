// A part of the inputs, in a thread of its own.

import { doWork } from "../support/threads.ts";
import { fuzz, type Summary } from "./_check.ts";
import { fuzzHttp } from "./_http.ts";
import { fuzzWebSocket } from "./_websocket.ts";

// Of WebSocket's frames, and of HTTP's requests, as many as of all others together.
doWork((first, count): Summary => {
  const all = [fuzz, fuzzWebSocket, fuzzHttp].map((fuzz) => fuzz(first, count));
  return {
    inputs: all.reduce((sum, { inputs }) => sum + inputs, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    failed: all.flatMap(({ failed }) => failed),
  };
});
