// Servers of HTTP and WebSocket that nobody here wrote, with our client: a table of docs/interop.md, run.

import { THEIR_WEB_SERVERS } from "./_page.ts";
import { testPairs } from "./_pairs.ts";

testPairs(THEIR_WEB_SERVERS);
