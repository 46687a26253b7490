/// <reference lib="dom" />
/**
 * A worker that has the page's WebSockets, so that the browser receives long messages beside the page. Each
 * is opened with a port of its own, over which it tells what happens and is told what to do.
 *
 * @module
 */

import { type Order, Receiver } from "./receiver.ts";

self.onmessage = ({ data: url, ports: [port] }: MessageEvent<string>) => {
  const receiver = new Receiver(url, (told) => port!.postMessage(told));
  port!.onmessage = ({ data }: MessageEvent<Order>) => receiver.obey(data);
};

self.postMessage("loaded");
