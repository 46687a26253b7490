// A part of the inputs, in a thread of its own.

import { doWork } from "../support/threads.ts";
import { fuzz, type Summary } from "./_check.ts";
import { fuzzHttp } from "./_http.ts";
import { fuzzProxy } from "./_proxy.ts";
import { fuzzWebSocket } from "./_websocket.ts";

// Of WebSocket's frames, and of HTTP's requests, as many as of all others together.
doWork((first, count): Summary => {
  const all = [fuzz, fuzzWebSocket, fuzzHttp].map((fuzz) => fuzz(first, count));
  all.push(fuzzProxy(first, Math.ceil(count / 10))); // each is read as often as it has bytes
  return {
    inputs: all.reduce((sum, { inputs }) => sum + inputs, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    failed: all.flatMap(({ failed }) => failed),
  };
});
