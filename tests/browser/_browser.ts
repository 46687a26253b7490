// A program: drives Chromium through what a page does with its module, and prints a line of JSON for each: its
// name, and what went wrong. `_browser.ts '{"page":"http://…",…}'`.

import { assert, assertEquals } from "../../std/assert/mod.ts";
import process from "node:process";
import type { Page } from "../console/_page.ts";
import { browser, tryAll } from "../console/_tries.ts";

/** Where everything is. */
export interface World {
  /** A page of an origin that may call, and one of another. */
  readonly page: string;
  readonly foreign: string;
  /** The server, by WebSocket; by a name that is not this machine's; by TLS; and a server that wants a token. */
  readonly server: string;
  readonly far: string;
  readonly secure: string;
  readonly locked: string;
  /** The same server by HTTP, for what the program asks of it. */
  readonly control: string;
}

const world = JSON.parse(Deno.args[0]!) as World;

/** Asks the server something that no page does. */
async function ask(method: string): Promise<unknown> {
  const answer = await fetch(world.control, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
  });
  return (await answer.json()).result;
}

/** What runs in a page before all else: a line, and the states that it has had. */
const OPEN = (url: string, options = "{}") =>
  `(async () => {
  const { connect, RpcError, settle, method, stream } = await import("./landline.js");
  Object.assign(window, { connect, RpcError, settle, method, stream, states: [] });
  const any = { "~standard": { version: 1, vendor: "page", validate: (value) => ({ value }) } };
  Object.assign(window, { any });
  // From here on no timer of the page's fires: what happens then happens by itself.
  const { setTimeout } = window;
  window.stopTimers = () => window.setTimeout = () => 0;
  window.startTimers = () => window.setTimeout = setTimeout;
  window.line = await connect(${JSON.stringify(url)}, {
    onState: (state) => window.states.push(state),
    ...${options},
  });
})()`;

const scenarios: Record<string, (page: Page) => Promise<void>> = {
  async "a page calls: results, errors, batches, bytes, notifications"(page) {
    await page.evaluate(OPEN(world.server));
    assertEquals(await page.evaluate('line.call.upper("hello")'), "HELLO");
    assertEquals(await page.evaluate("line.call.add({ a: 1, b: 2 })"), 3);
    assertEquals(
      await page.evaluate(
        "Promise.all(line.batch((call) => [call.add({ a: 1, b: 2 }), call.upper('x')]))",
      ),
      [3, "X"],
    );
    assertEquals(
      await page.evaluate(
        "line.call.upper(7).catch((error) => [error.reason, error instanceof RpcError])",
      ),
      ["INVALID_PARAMS", true],
    );
    assertEquals(
      await page.evaluate(
        "line.call.reversed(new Uint8Array([1, 2, 255])).then((all) => [...all])",
      ),
      [255, 2, 1],
    );
    assertEquals(
      await page.evaluate("line.notify.note('seen'); line.call.noted()"),
      "seen",
    );
  },
  async "a page sets deadlines, cancels, and hears of progress"(page) {
    await page.evaluate(OPEN(world.server));
    assertEquals(
      await page.evaluate(
        "line.call.forever(undefined, { timeout: 50 }).catch(({ reason }) => reason)",
      ),
      "DEADLINE_EXCEEDED",
    );
    assertEquals(
      await page.evaluate(`(async () => {
        const abort = new AbortController();
        const call = line.call.forever(undefined, { signal: abort.signal }).catch((reason) => reason);
        await line.call.begun();
        abort.abort("enough");
        return [await call, await line.call.cancelled()];
      })()`),
      ["enough", true],
    );
    assertEquals(
      await page.evaluate(`(async () => {
        const heard = [];
        await line.call.steps(3, { onProgress: (step) => heard.push(step) });
        return heard;
      })()`),
      [1, 2, 3],
    );
  },
  async "a page takes a stream under credit, and sends one"(page) {
    await page.evaluate(OPEN(world.server));
    const [first, made] = await page.evaluate<[number, number]>(`(async () => {
      window.items = line.call.endless()[Symbol.asyncIterator]();
      const { value } = await window.items.next();
      await line.call.quiet();
      return [value, await line.call.made()];
    })()`);
    assertEquals(first, 0);
    assert(made >= 1 && made <= 64, `${made} items were made for one that was taken`);
    assertEquals(await page.evaluate("items.return().then(() => line.call.left())"), true);
    assertEquals(
      await page.evaluate(`line.call.total(undefined, { items: (function* () {
        for (let n = 1; n <= 1000; n++) yield n;
      })() })`),
      500_500,
    );
  },
  async "a stream goes on behind its last item when the server's socket is cut"(page) {
    await page.evaluate(OPEN(world.server));
    await page.evaluate(`(async () => {
      window.heard = [];
      for await (const n of line.call.hear()) window.heard.push(n);
    })(); line.call.hearing().then(() => line.call.say("one"))`);
    await page.waitForFunction("heard.length === 1");
    await ask("cut");
    await page.waitForFunction("states.filter(({ state }) => state === 'ready').length === 2");
    await page.evaluate('line.call.say("two")');
    await page.waitForFunction("heard.length === 2");
    assertEquals(await page.evaluate("heard"), ["one", "two"]);
  },
  async "the server calls a page, and takes a stream of it"(page) {
    await page.evaluate(OPEN(
      world.server,
      `{ api: {
        double: method(any, (n) => 2 * n),
        fails: method(any, () => { throw new RpcError("NOT_FOUND", "none here"); }),
        letters: stream(any, function* (text) { yield* text; }),
      } }`,
    ));
    assertEquals(await page.evaluate("line.call.askBack(21)"), [42, "NOT_FOUND", ["a", "b", "c"]]);
  },
  async "a token says who a page is, and a wrong one ends the attempt"(page) {
    await page.evaluate(OPEN(world.locked, '{ token: () => "right" }'));
    assertEquals(await page.evaluate("line.call.whoami()"), "alice");
    assertEquals(
      await page.evaluate(
        `connect(${
          JSON.stringify(world.locked)
        }, { token: "wrong" }).catch(({ reason }) => reason)`,
      ),
      "UNAUTHENTICATED",
    );
  },
  async "a page calls by wss:"(page) {
    await page.evaluate(OPEN(world.secure));
    assertEquals(await page.evaluate('line.call.upper("safe")'), "SAFE");
    assertEquals(await page.evaluate("line.peer.transport"), "wss");
  },
  async "a page of another origin cannot connect, and learns what may be wrong"(page) {
    await page.goto(world.foreign);
    const said = await page.evaluate<string>(
      `import("./landline.js").then(({ connect }) =>
        connect(${JSON.stringify(world.server)}).catch(({ message }) => message))`,
    );
    assert(said.includes("takes no calls of this page's origin"), said);
  },
  async "a worker of a page calls too"(page) {
    const code = `import { connect } from "${new URL("landline.js", world.page)}";
      const line = await connect(${JSON.stringify(world.server)});
      postMessage(await line.call.upper("worker"));`;
    assertEquals(
      await page.evaluate(`new Promise((resolve, reject) => {
        const url = URL.createObjectURL(new Blob([${
        JSON.stringify(code)
      }], { type: "text/javascript" }));
        const worker = new Worker(url, { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      })`),
      "WORKER",
    );
  },
  async "a line makes no attempts while the machine is offline, and one at once when it is online"(
    page,
  ) {
    await page.evaluate(OPEN(world.far));
    assertEquals(await page.evaluate('line.call.upper("far")'), "FAR");
    await page.context().setOffline(true);
    await page.waitForFunction("navigator.onLine === false");
    await ask("cut");
    await page.waitForFunction("states.at(-1).state === 'waiting'");
    assertEquals(await page.evaluate("states.at(-1).delay"), Infinity);
    // Its time never comes: only the event makes another attempt.
    await page.evaluate("stopTimers(); window.late = line.call.upper('late'); 0");
    await page.context().setOffline(false);
    await page.waitForFunction("states.at(-1).state === 'ready'");
    await page.evaluate("startTimers()");
    assertEquals(await page.evaluate("late"), "LATE");
  },
  async "a line that waits connects at once when its page is shown"(page) {
    await page.evaluate(OPEN(world.server));
    // No attempt is made by a timer any more.
    await page.evaluate("stopTimers()");
    await ask("cut");
    await page.waitForFunction("states.at(-1).state === 'waiting'");
    assert(await page.evaluate<number>("states.at(-1).delay") < 1000);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.waitForFunction("states.at(-1).state === 'ready'");
    await page.evaluate("startTimers()");
    assertEquals(await page.evaluate('line.call.upper("back")'), "BACK");
  },
  async "a page that is put away and comes back is as it was, and its line goes on"(page) {
    await page.evaluate(OPEN(world.server));
    await page.evaluate(`(async () => {
      window.heard = [];
      for await (const n of line.call.hear()) window.heard.push(n);
    })();
    addEventListener("pageshow", ({ persisted }) => window.persisted = persisted);
    line.call.hearing().then(() => line.call.say("before"))`);
    await page.waitForFunction("heard.length === 1");
    await page.goto(`${world.page}other`);
    await ask("say");
    // What was kept is not loaded again.
    await page.goBack({ waitUntil: "commit" });
    await page.waitForFunction("window.persisted !== undefined");
    assertEquals(await page.evaluate("persisted"), true);
    await page.waitForFunction("heard.length === 2");
    assertEquals(await page.evaluate("heard"), ["before", "while it was away"]);
  },
};

const chosen = Object.entries(scenarios).filter(([name]) => name.includes(Deno.args[1] ?? ""));
await tryAll(chosen, async (run, page) => {
  await page.goto(world.page);
  await run(page);
}, { width: 1280, ignoreHTTPSErrors: true, mayAsk: () => true, isExpected: () => true });
await browser.close();
process.exit();
