/// <reference lib="dom" />
/**
 * A worker that reads long messages, so that the page goes on meanwhile.
 *
 * @module
 */

import { readLong } from "./outline.ts";

self.onmessage = ({ data: { text, discover } }) => self.postMessage(readLong(text, discover));
