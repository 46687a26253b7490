// npm's EventSource follows a stream of events over HTTP, and goes on after its connection was lost.

import { assertEquals } from "@std/assert";
import { EventRing, serve, stream } from "../../lib/mod.ts";
import { Events } from "../support/events.ts";
import { call } from "../support/http.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/tools.ts";
import { FaultProxy } from "../support/toxics.ts";
import { program } from "./_npm.ts";

testWith(
  ["npm:eventsource@5"],
  "eventsource 5 goes on behind the last event when its connection was lost",
  async () => {
    const news = new EventRing<string>({ size: 10 });
    const follows = new Events<string | undefined>();
    const api = {
      news: stream((_, { after, signal }) => {
        follows.add(after);
        return news.events(after, signal);
      }),
    };
    await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
    await using proxy = await FaultProxy.start(Number(new URL(server.addresses[0]!).port));
    await using theirs = Program.run(
      program("eventsource.js", `http://127.0.0.1:${proxy.port}/`, call("news")),
    );
    const told = async () => JSON.parse(await theirs.line());
    await follows.count(1);
    const first = news.push("first");
    assertEquals((await told()).params, { id: 1, value: "first", eventId: first });
    await proxy.set({ type: "down" });
    const second = news.push("second");
    await proxy.set();
    assertEquals((await told()).params, { id: 1, value: "second", eventId: second });
    news.push("third");
    assertEquals((await told()).params.value, "third");
    news.end();
    assertEquals((await told()).result, null);
    assertEquals((await theirs.status).code, 0);
    assertEquals(follows.all, [undefined, first]);
  },
);
