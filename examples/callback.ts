/**
 * A server that asks back: before it does something that cannot be undone, it calls a method of the
 * client's, on the same connection.
 *
 * ```sh
 * deno run -N examples/callback.ts          # both ends in one program: the answers are yes, then no
 * ```
 *
 * @module
 */

import { connect, method, type Peer, RpcError, serve, withContext } from "../lib/mod.ts";
import * as z from "npm:zod@4";

/** What the client serves on its line. `answer` stands for a person at a keyboard. */
export function clientApi(answer: (question: string) => boolean | Promise<boolean>) {
  return {
    confirm: method(z.object({ question: z.string() }), ({ question }) => answer(question)),
  };
}

// From here on `call` has the types of what clients serve.
const { method: asking } = withContext<{ peer: Peer<ReturnType<typeof clientApi>> }>();

/** What the server serves. */
export const api = {
  remove: asking(
    z.object({ path: z.string() }),
    async ({ path }, { call }) => {
      // The question lives no longer than the call it belongs to: not past its deadline, and not once
      // the caller has given up.
      if (!await call.confirm({ question: `Remove ${path}?` })) {
        throw new RpcError("ABORTED", "You said no");
      }
      return `${path} would be gone now`;
    },
    { summary: "Removes a file, if the caller confirms it" },
  ),
};

if (import.meta.main) {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });

  const answers = [true, false];
  const mine = clientApi((question) => {
    const answer = answers.shift() ?? false;
    console.log(`${question} ${answer ? "yes" : "no"}`);
    return answer;
  });
  await using line = await connect<typeof api>(server.addresses[0]!, {
    api: mine,
    timeout: 10_000,
  });

  for (const path of ["/tmp/a", "/tmp/b"]) {
    try {
      console.log(await line.call.remove({ path }));
    } catch (error) {
      console.log(`${(error as RpcError).reason}: ${(error as Error).message}`);
    }
  }
}
