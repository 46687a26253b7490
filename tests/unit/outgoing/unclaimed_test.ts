// Which calls an error without an id is about.

import { assertEquals } from "@std/assert";
import { RpcError } from "../../../lib/error.ts";
import type { Call } from "../../../lib/outgoing/call.ts";
import { CallTable } from "../../../lib/outgoing/call_table.ts";
import { Unclaimed } from "../../../lib/outgoing/unclaimed.ts";

/** Messages of ours and errors of a peer's, in an order that a test decides. */
class Exchange {
  readonly #pending = new CallTable<Call>();
  /** The ends of calls: `1 a` is the call 1 with the error a. */
  readonly ends: string[] = [];
  readonly #unclaimed = new Unclaimed(this.#pending, (call, { message }) => {
    this.#pending.delete(call);
    this.ends.push(`${call.id} ${message}`);
  });
  #sent = 0;

  /** Sends calls as one message. */
  call(count = 1): void {
    const order = ++this.#sent;
    for (let n = 0; n < count; n++) {
      this.#pending.add({ id: this.#pending.nextId(), order } as Call);
    }
  }

  notify(): void {
    this.#sent++;
    this.#unclaimed.onNotification();
  }

  giveUp(id: number): void {
    this.#sent++;
    this.#pending.delete(this.#pending.get(id)!);
    this.#unclaimed.onControl(2);
  }

  answer(id: number): void {
    this.#pending.delete(this.#pending.get(id)!);
    this.#unclaimed.onAnswer(id);
  }

  /** Errors come; whether the last of them has ended calls. */
  errors(names: string, sent = this.#sent): boolean {
    let isClaimed = false;
    for (const name of names) isClaimed = this.#unclaimed.add(new RpcError(1, name), sent);
    return isClaimed;
  }
}

Deno.test("an error is about the only call that waits, and about none where none waits", () => {
  const exchange = new Exchange();
  assertEquals(exchange.errors("a"), false);
  exchange.call();
  assertEquals(exchange.errors("b"), true);
  assertEquals(exchange.errors("c"), false);
  assertEquals(exchange.ends, ["1 b"]);
});

Deno.test("an error is about no call that has not left", () => {
  const exchange = new Exchange();
  exchange.call();
  assertEquals(exchange.errors("a", 0), false);
  exchange.call();
  assertEquals(exchange.errors("b", 1), true);
  assertEquals(exchange.ends, ["1 b"]);
});

Deno.test("as many errors as calls end them, in their order", () => {
  const exchange = new Exchange();
  for (let n = 0; n < 200; n++) exchange.call();
  assertEquals(exchange.errors("a".repeat(199)), false);
  assertEquals(exchange.errors("z"), true);
  assertEquals(exchange.ends.length, 200);
  assertEquals(exchange.ends.at(-1), "200 z");
});

Deno.test("an answer leaves an error to the calls that waited with its own", () => {
  const exchange = new Exchange();
  exchange.call();
  exchange.call();
  exchange.errors("a");
  exchange.call();
  exchange.answer(2);
  assertEquals(exchange.ends, ["1 a"]);
});

Deno.test("a batch is one message", () => {
  const exchange = new Exchange();
  exchange.call(3);
  assertEquals(exchange.errors("a"), true);
  assertEquals(exchange.ends, ["1 a", "2 a", "3 a"]);
});

Deno.test("an error may be about a notification behind a call, and about none before it", () => {
  const exchange = new Exchange();
  exchange.notify();
  exchange.call();
  assertEquals(exchange.errors("a"), true);
  exchange.call();
  exchange.notify();
  assertEquals(exchange.errors("b"), false);
  exchange.answer(2);
  exchange.call();
  assertEquals(exchange.errors("c"), true, "the notification was before this call");
  assertEquals(exchange.ends, ["1 a", "3 c"]);
});

Deno.test("an error may be about a call that was given up, until a later one is answered", () => {
  const exchange = new Exchange();
  exchange.call();
  exchange.giveUp(1);
  exchange.call();
  assertEquals(exchange.errors("ab"), false);
  assertEquals(exchange.errors("c"), true);
  exchange.call();
  exchange.giveUp(3);
  exchange.call();
  exchange.answer(4);
  exchange.call();
  assertEquals(exchange.errors("d"), true);
  assertEquals(exchange.ends, ["2 c", "5 d"]);
});
