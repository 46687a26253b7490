// Clients of HTTP and WebSocket that nobody here wrote, with our server: a table of docs/interop.md, run.

import { THEIR_WEB_CLIENTS } from "./_page.ts";
import { testPairs } from "./_pairs.ts";

testPairs(THEIR_WEB_CLIENTS);
