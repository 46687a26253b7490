import { assertEquals } from "@std/assert";
import { fragmentOf, readFragment } from "../../../console/history.ts";
import { Inbox } from "../../../console/inbox.ts";
import { ItemSender, ItemStream } from "../../../console/item_stream.ts";
import { Measurements } from "../../../console/measured.ts";
import { rowsOf, search } from "../../../console/method_tree.ts";
import { countOf, limitText, sizeOf, sizeText } from "../../../console/numbers.ts";
import {
  cut,
  type LongMessage,
  type MethodOutline,
  outlineOf,
  readLong,
} from "../../../console/outline.ts";
import { Ring } from "../../../console/ring.ts";
import { Sockets } from "../../../console/sockets.ts";

Deno.test("Ring keeps the last and counts the others", () => {
  const ring = new Ring<number>(3);
  for (let n = 1; n <= 1000; n++) ring.push(n);
  assertEquals([ring.all(), ring.length, ring.forgotten, ring.at(0), ring.at(3)], [
    [998, 999, 1000],
    3,
    997,
    998,
    undefined,
  ]);
  assertEquals([ring.shift(), ring.all(), ring.forgotten], [998, [999, 1000], 998]);
  ring.clear();
  assertEquals([ring.length, ring.forgotten, ring.shift()], [0, 0, undefined]);
});

/** A stream, and the credit that it has given after the first. */
function stream(window: number) {
  const granted: number[] = [];
  return { granted, items: new ItemStream(window, (count) => granted.push(count)) };
}

Deno.test("ItemStream gives credit in halves of its window, for what was taken", () => {
  const { granted, items } = stream(8);
  items.push([1, 2, 3], undefined);
  assertEquals([items.take().length, granted, items.onTheWay], [3, [], 5]);
  items.push([4], undefined);
  assertEquals([items.take().length, granted, items.onTheWay, items.given], [1, [4], 8, 12]);
});

Deno.test("ItemStream gives no credit while it is paused, and one for each item that is taken alone", () => {
  const { granted, items } = stream(4);
  items.isPaused = true;
  items.push([1, 2, 3, 4], undefined);
  assertEquals([items.take(), items.held, items.onTheWay, granted], [[], 4, 0, []]);
  assertEquals(items.takeOne().map(({ value }) => value), [1]);
  assertEquals([granted, items.onTheWay, items.held], [[1], 1, 3]);
  items.isPaused = false;
  assertEquals([items.take().length, granted], [3, [1, 3]]);
});

Deno.test("ItemStream asks for one more if nothing is held and nothing on the way", () => {
  const { granted, items } = stream(1);
  items.push([1], undefined);
  items.takeRest();
  items.isPaused = true;
  assertEquals([items.takeOne(), granted, items.onTheWay], [[], [1], 1]);
});

Deno.test("ItemStream counts what comes without credit, and knows the last event", () => {
  const { items } = stream(2);
  items.push([1, 2, 3], ["a", null, "b"]);
  assertEquals([items.beyond, items.lastEventId, items.onTheWay], [1, "b", 0]);
  items.push(Array(200_000).fill(0), undefined);
  assertEquals([items.held, items.dropped], [100_000, 100_003]);
});

Deno.test("ItemSender sends as there is credit, and ends behind the last item", () => {
  const sent: unknown[] = [];
  const sender = new ItemSender((values) => sent.push(values), () => sent.push("end"));
  sender.push([1, 2, 3]);
  sender.end();
  assertEquals([sent, sender.waiting], [[], 3]);
  sender.grant(2, undefined);
  sender.grant(5, undefined);
  assertEquals([sent, sender.credit, sender.sent], [[[1, 2], [3], "end"], 4, 3]);
});

Deno.test("ItemSender takes more items at once than a function takes arguments", () => {
  const sender = new ItemSender(() => {}, () => {});
  sender.push(Array(500_000).fill([1]));
  sender.push([[2], 3]);
  assertEquals(sender.waiting, 500_002);
});

Deno.test("ItemSender sends no more than half of the bytes that the server has room for", () => {
  const sent: unknown[] = [];
  const sender = new ItemSender((values) => sent.push(...values), () => {});
  sender.grant(100, 40);
  sender.push(Array.from({ length: 10 }, () => "eight--8"));
  assertEquals(sent.length, 3); // of ten bytes each: the third was begun at 20
  sender.grant(2, undefined);
  assertEquals(sent.length, 5);
});

Deno.test("Inbox hands messages over in their order, in slices, and rubbish as such", async () => {
  const heard: unknown[] = [], { promise, resolve } = Promise.withResolvers<void>();
  const inbox = new Inbox({
    onmessage(message) {
      heard.push(message);
      const begun = performance.now();
      while (heard.length === 2 && performance.now() < begun + 20); // a slice is used up
      if (message === "last") resolve();
    },
    onflood: () => resolve(),
  });
  for (const text of ["1", "{", "3", '"last"']) inbox.push(text);
  assertEquals(heard, [1, undefined]); // the others come after a pause
  await promise;
  assertEquals(heard, [1, undefined, 3, "last"]);
  inbox.close();
});

/** A message that is read where it arrives. */
const LONG = JSON.stringify({ id: 1, result: "x".repeat(600_000) });

Deno.test("Inbox says of a message that waits when it came, and what was read of it", async () => {
  const heard: [message: unknown, arrived: number][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const inbox = new Inbox({
    onmessage(message, _text, arrived) {
      heard.push([message, arrived]);
      while (heard.length === 1 && performance.now() < pushed + 20); // a slice is used up
      if (heard.length === 3) resolve();
    },
    onflood: () => {},
  });
  const begun = performance.now();
  let pushed = begun;
  inbox.push("0");
  inbox.push("[1, 2]", { message: "in short", api: undefined, size: 6 });
  inbox.push("2");
  pushed = performance.now();
  await promise;
  assertEquals(heard.map(([message]) => message), [0, "in short", 2]);
  assertEquals(heard.filter(([, arrived]) => arrived < begun || arrived > pushed), []);
  inbox.close();
});

Deno.test("Inbox hands nothing over after its end", () => {
  const heard: unknown[] = [];
  const inbox: Inbox = new Inbox({
    onmessage(message) {
      heard.push(message);
      inbox.close();
    },
    onflood: () => {},
  });
  inbox.push("1");
  inbox.push("2");
  assertEquals(heard, [1]);
});

/** A server that answers each message with these, and tells what it was sent and that a connection has ended. */
function speaks(texts: readonly string[]) {
  const { promise: ended, resolve } = Promise.withResolvers<void>(), sent: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "jsonrpc-2.0" });
    socket.onmessage = ({ data }) => {
      sent.push(data);
      for (const text of texts) socket.send(text);
    };
    socket.onclose = () => resolve();
    return response;
  });
  return { url: `ws://127.0.0.1:${server.addr.port}`, sent, ended, stop: () => server.shutdown() };
}

/** Opens a socket, sends a text that asks for the API by 7, and hears some messages. */
async function hear(sockets: Sockets, url: string, count: number) {
  const heard: [text: string, long: LongMessage | undefined][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = sockets.open(url, {
    onopen: () => socket.send("hello", 7),
    onmessage(text, long) {
      heard.push([text, long]);
      if (heard.length === count) resolve();
    },
    onclose: () => resolve(),
  });
  await promise;
  socket.close();
  return heard;
}

/** An API of more methods than are told at once, in a long message, and its names. */
function longApi() {
  const names = Array.from({ length: 1200 }, (_, n) => `${n}`);
  const methods = names.map((name) => ({ name, description: "x".repeat(1000) }));
  return { names, text: JSON.stringify({ id: 7, result: { methods } }) };
}

/** Runs with a `Worker` that loads from elsewhere, if that is said; ends the workers. */
async function withWorkers(from: URL | undefined, run: () => Promise<void>): Promise<void> {
  const { Worker } = globalThis, made: Worker[] = [];
  globalThis.Worker = new Proxy(Worker, {
    construct(_, [url, options]) {
      const worker = new Worker(from ?? url, options);
      made.push(worker);
      return worker;
    },
  });
  try {
    await run();
  } finally {
    globalThis.Worker = Worker;
    for (const worker of made) worker.terminate();
  }
}

for (
  const [how, from] of [["in a worker", undefined], [
    "in the page, if the worker cannot be loaded",
    new URL("./missing.js", import.meta.url),
  ]] as const
) {
  Deno.test(`Sockets receive ${how}, and read what is long there`, async () => {
    const { names, text: api } = longApi(), server = speaks(["1", LONG, "{", api, "2"]);
    await withWorkers(from, async () => {
      const sockets = new Sockets();
      const [first, long, wrong, whole, last] = await hear(sockets, server.url, 5);
      assertEquals([first, wrong, last], [["1", undefined], ["{", undefined], ["2", undefined]]);
      assertEquals([long![0] === LONG, long![1]?.size, whole![0] === api], [
        true,
        LONG.length,
        true,
      ]);
      assertEquals(whole![1]?.api?.methods.map(({ name }) => name), names);
      await server.ended;
      assertEquals((await hear(sockets, server.url, 5)).length, 5); // one more, by the same
      assertEquals(server.sent, ["hello", "hello"]);
      await server.stop();
    });
  });
}

Deno.test("Inbox goes on behind a message that the page fails at", () => {
  const { reportError } = globalThis, heard: unknown[] = [], told: unknown[] = [];
  globalThis.reportError = (error) => void told.push(error);
  try {
    const inbox = new Inbox({
      onmessage(message) {
        heard.push(message);
        if (message === 1) throw "wrong";
      },
      onflood: () => {},
    });
    for (const text of ["1", "2"]) inbox.push(text);
    assertEquals([heard, told], [[1, 2], ["wrong"]]);
    inbox.close();
  } finally {
    globalThis.reportError = reportError;
  }
});

Deno.test("Inbox takes no more than may wait", () => {
  let floods = 0;
  const heard: unknown[] = [];
  const inbox: Inbox = new Inbox({
    onmessage(message) {
      heard.push(message);
      for (let n = 0; n < 600_000; n++) inbox.push("1");
    },
    onflood: () => floods++,
  });
  inbox.push("0");
  assertEquals([heard, floods], [[0], 1]);
});

function outline(name: string, summary = ""): MethodOutline {
  return {
    name,
    summary,
    isStream: false,
    isUp: false,
    isNotification: false,
    isDeprecated: false,
    text: "{}",
  };
}

Deno.test("rowsOf() makes a tree by the dots, without what is folded", () => {
  const methods = ["b.x", "a", "b.c.y", "b.z"].map((name) => outline(name));
  const rows = rowsOf(methods, (path) => path === "b.c");
  assertEquals(rows.map(({ label, level, count, isFolded }) => [label, level, count, isFolded]), [
    ["a", 1, 0, false],
    ["b", 1, 3, false],
    ["x", 2, 0, false],
    ["z", 2, 0, false],
    ["c", 2, 1, true],
  ]);
});

Deno.test("search() wants all words, in name or summary", () => {
  const methods = [outline("orders.place", "Places it"), outline("orders.drop")];
  assertEquals(search(methods, "ORDER it").map(({ name }) => name), ["orders.place"]);
  assertEquals(search(methods, " ").length, 2);
});

Deno.test("outlineOf() makes something of whatever stands there", () => {
  const { methods, title, components } = outlineOf({
    info: 7,
    methods: [null, 1, { name: "a", "x-stream": { down: {}, up: {} }, deprecated: true }],
  });
  assertEquals([title, components, methods.map(({ name }) => name)], ["", "{}", ["", "", "a"]]);
  assertEquals([methods[2]!.isStream, methods[2]!.isUp, methods[2]!.isDeprecated], [
    true,
    true,
    true,
  ]);
  assertEquals([outlineOf(null).methods, outlineOf([]).methods], [[], []]);
  const many = outlineOf({ methods: Array(20_001).fill({ name: "a" }) });
  assertEquals([many.methods.length, many.outOf], [20_000, 20_001]);
});

Deno.test("cut() keeps what is short and says what it leaves out", () => {
  const value = { a: [1, "x", null, { __proto: 1 }] };
  assertEquals(cut(value), value);
  const long = cut({
    text: "x".repeat(20_000),
    list: Array.from({ length: 2000 }, (_, n) => n),
  }) as {
    text: string;
    list: unknown[];
  };
  assertEquals([long.text.length < 10_100, long.list.length, long.list.at(-1)], [
    true,
    1001,
    "… (1000 more)",
  ]);
  let deep: unknown = 1;
  for (let n = 0; n < 1000; n++) deep = [deep];
  assertEquals(JSON.stringify(cut(deep)).includes("deeper"), true);
});

Deno.test("readLong() reads an API, a value, and what is no JSON", () => {
  const api = readLong('{"id":2,"result":{"methods":[{"name":"a"}]}}', 2);
  assertEquals(api.api?.methods.map(({ name }) => name), ["a"]);
  assertEquals(readLong('{"id":3,"result":"é"}', 2), {
    api: undefined,
    message: { id: 3, result: "é" },
    size: 22,
  });
  assertEquals(readLong("{", 2), { api: undefined, message: undefined, size: 1 });
});

Deno.test("a link says a method and its params, and reads what it has said", () => {
  for (const params of [undefined, [1], { "a&b=#": "é \u202e" }]) {
    const link = fragmentOf("math.add&x=1", params);
    assertEquals(readFragment(link), { method: "math.add&x=1", params, isWrong: false });
  }
  assertEquals(readFragment(""), undefined);
  for (const text of ["{", "7", "null", ""]) {
    const read = readFragment(`#m=a&p=${text}`);
    assertEquals(read, { method: "a", params: undefined, isWrong: true }, text);
  }
});

Deno.test("Measurements have each method's durations, and why calls were refused", () => {
  const measured = new Measurements();
  for (let n = 1; n <= 100; n++) measured.add("a", n, n > 98 ? "NOT_FOUND" : undefined);
  measured.add("b", 5, undefined);
  const [a, b] = measured.methods;
  assertEquals([a?.method, a?.calls, a?.failures, a?.p50, a?.max, b?.calls], [
    "a",
    100,
    2,
    50,
    100,
    1,
  ]);
  assertEquals(measured.refusals, [["NOT_FOUND", 2]]);
});

Deno.test("sizes and counts are told as a person reads them", () => {
  assertEquals([0, 999, 1000, 12_345, 999_499, 8_400_000].map(sizeText), [
    "0 B",
    "999 B",
    "1 KB",
    "12 KB",
    "999 KB",
    "8.4 MB",
  ]);
  for (const text of ["", "a", "é", "€", "😀", "a€😀"]) {
    assertEquals(sizeOf(text), new TextEncoder().encode(text).length);
  }
  assertEquals([countOf(1, "item"), countOf(1234, "item")], ["1 item", "1,234 items"]);
  const limits: [string, number][] = [["maxMessageBytes", 1 << 20], ["callTimeout", 3e4], [
    "maxInFlight",
    64,
  ]];
  assertEquals(limits.map(([name, limit]) => limitText(name, limit)), [
    "1,048,576 bytes",
    "30,000 ms",
    "64",
  ]);
});
