// wscat: a WebSocket at a command line. It sends the lines that are typed, and prints what comes.

import { TextLineStream, toText } from "@std/streams";
import { assertEquals } from "@std/assert";
import type { Peer } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { call } from "../support/http.ts";
import { ourServer } from "./_our_server.ts";
import { packaged } from "./_npm.ts";
import { type Pair, webPairOf } from "./_pairs.ts";

/** Our server, and a wscat that is connected with it. */
async function wscat() {
  await using stack = new AsyncDisposableStack();
  // It reads what is typed once it is connected, and shows that by printing this.
  const onOpen = ({ notify }: Peer) => notify.hello!();
  const { server, port, ...ours } = ourServer({}, undefined, { onOpen });
  stack.defer(() => server.shutdown(0));
  const [program, ...args] = packaged(
    "wscat@6/wscat",
    ...["--no-color", "-c", `ws://127.0.0.1:${port}/`],
  );
  const child = new Deno.Command(program!, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = toText(child.stderr), writer = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  stack.defer(async () => {
    await writer.close(); // as its user does: it closes the WebSocket
    await lines.cancel();
    await errors;
    await child.status;
  });
  /** The next messages that it prints. */
  const told = async (count: number) => {
    // deno-lint-ignore no-explicit-any
    const messages: any[] = [];
    while (messages.length < count) {
      const { value } = await within(lines.read(), "wscat");
      if (value === undefined) throw new Error(`wscat has ended: ${await errors}`);
      if (value.includes("{")) messages.push(JSON.parse(value.slice(value.search(/[[{]/))));
    }
    return messages;
  };
  const type = async (...messages: readonly string[]) => {
    for (const message of messages) await writer.write(new TextEncoder().encode(message + "\n"));
  };
  /** Types these, and gives the next messages that it prints. */
  const typed = async (count: number, ...messages: readonly string[]) => {
    await type(...messages);
    return await told(count);
  };
  assertEquals((await told(1))[0].method, "hello");
  const all = stack.move();
  return { ...ours, told, type, typed, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

export const WSCAT: Pair = webPairOf(
  { theirs: "wscat 6", over: "ws", how: "`wscat -c URL`" },
  wscat,
  {
    call: async ({ typed }) =>
      assertEquals((await typed(1, call("upper", ["hé😀"])))[0].result, "HÉ😀"),
    "by name": async ({ typed }) => {
      const [{ result }] = await typed(1, call("subtract", { minuend: 42, subtrahend: 23 }));
      assertEquals(result, 19);
    },
    error: async ({ typed }) => assertEquals((await typed(1, call("nope")))[0].error.code, -32601),
    notification: async ({ type, noted }) => {
      await type('{"jsonrpc":"2.0","method":"note","params":{"text":"noted"}}');
      assertEquals(await noted.count(1), ["noted"]);
    },
    batch: async ({ typed }) => {
      const [[a, nope]] = await typed(1, `[${call("upper", ["a"], 1)},${call("nope", [], 2)}]`);
      assertEquals([a.result, nope.error.code], ["A", -32601]);
    },
    "100 at once": async ({ typed }) => {
      const calls = Array.from({ length: 100 }, (_, n) => call("upper", [`n${n}`], n));
      const answers = await typed(100, ...calls);
      for (const { id, result } of answers) assertEquals(result, `N${id}`);
    },
    "600 KB": async ({ typed }) => {
      const [{ result }] = await typed(1, call("upper", ["é".repeat(300_000)]));
      assertEquals(result, "É".repeat(300_000));
    },
    stream: async ({ typed }) => {
      const messages = await typed(
        2,
        call("count", { value: 3, _meta: { stream: { credit: 4 } } }),
      );
      const { result } = messages.pop();
      assertEquals([messages[0].params.values, result], [[0, 1, 2], null]);
    },
    "items up": async ({ typed }) => {
      const [credit] = await typed(1, call("total", [], 9));
      assertEquals([credit.method, credit.params.dir], ["$/stream/credit", "up"]);
      const [{ result }] = await typed(
        1,
        '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":9,"values":[1,2,4],"dir":"up"}}',
        '{"jsonrpc":"2.0","method":"$/stream/end","params":{"id":9,"dir":"up"}}',
      );
      assertEquals(result, 7);
    },
    cancel: async ({ typed }) => {
      const cancel = '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}';
      const [{ id, error }] = await typed(1, call("wait", [], 7), cancel);
      assertEquals([id, error.code], [7, -32800]);
    },
    progress: async ({ typed }) => {
      const [report] = await typed(2, call("work", { _meta: { progressToken: "t" } }));
      assertEquals([report.method, report.params.value], ["$/progress", "half"]);
    },
    "calls back": {
      run: async ({ told, type }) => {
        await type(call("ask", [], 8));
        const [{ id, params }] = await told(1);
        const error = { code: -32601, message: "Method not found" };
        await type(JSON.stringify({ jsonrpc: "2.0", id, result: `${params[0]} Yes.` }));
        for (;;) {
          const [{ id, method, result }] = await told(1);
          if (method === undefined) return assertEquals([id, result], [8, "Really? Yes."]);
          await type(JSON.stringify({ jsonrpc: "2.0", id, error })); // what we understand it asks too
        }
      },
      but: "its user types the answer",
    },
  },
  ["npm:wscat@6"],
);
