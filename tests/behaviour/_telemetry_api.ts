// What the server of telemetry_test.ts serves: handlers that ask others.

import { method } from "../../lib/mod.ts";
import { ANYTHING } from "../support/schemas.ts";

export const api = {
  /** Fetches an address, and gives what that answers. */
  fetched: method(ANYTHING, async (url) => await (await fetch(String(url))).text()),
  /** Calls its caller back. */
  asked: method(async (_, { call }) => await call["answer"]!()),
  /** The id of this process. A test that kills the task leaves this process behind, and ends it by its id. */
  pid: method(() => Deno.pid),
  failed: method(() => {
    throw new TypeError("secret");
  }),
};
