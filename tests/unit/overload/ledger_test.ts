// Who keeps how much, and what follows from it.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { type Account, Ledger } from "../../../lib/overload/ledger.ts";

const LIMITS = {
  maxKeptBytes: 100,
  maxKeptBytesPerCaller: 150,
  maxBufferedBytes: 1000,
  maxRunning: 6,
};

/** An account, and what its keeper was told. */
function opened(ledger: Ledger, key?: unknown) {
  const told: string[] = [], account: Account = ledger.open(key);
  account.keeper = {
    evict() {
      told.push("evict");
      account.close();
    },
    wake: () => void told.push("wake"),
  };
  return { account, told };
}

Deno.test("Account.isOver past what one connection may keep, and until that is let go of", () => {
  const { account } = opened(new Ledger(LIMITS));
  account.keep(100);
  assertFalse(account.isOver);
  account.keep(1);
  assert(account.isOver);
  account.release(1);
  assertFalse(account.isOver);
});

Deno.test("maxKeptBytesPerCaller is shared by a caller's connections, in equal parts", () => {
  const ledger = new Ledger(LIMITS);
  const one = opened(ledger, "a"), two = opened(ledger, "a"), other = opened(ledger, "b");
  one.account.keep(90);
  two.account.keep(70);
  other.account.keep(90);
  assert(one.account.isOver, "it has more than half of what its caller has");
  assertFalse(two.account.isOver);
  assertFalse(other.account.isOver);
  one.account.release(20);
  assertFalse(one.account.isOver);
  assertEquals([one.told, two.told, other.told], [["wake"], ["wake"], []]);
});

Deno.test("past maxBufferedBytes the caller that keeps the most loses the connection that keeps the most", () => {
  const ledger = new Ledger({ ...LIMITS, maxKeptBytes: 1e6, maxKeptBytesPerCaller: 1e6 });
  const alone = opened(ledger, "one with much"), many = [1, 2, 3].map(() => opened(ledger, "many"));
  alone.account.keep(400);
  for (const [i, { account }] of many.entries()) account.keep(150 + i);
  assertEquals(ledger.kept, 853);
  opened(ledger).account.keep(200);
  assertEquals(many.map(({ told }) => told), [[], [], ["evict"]], "they are one caller");
  assertEquals([alone.told, ledger.kept], [[], 901]);
});

Deno.test("Account.isCrowded where all places are taken, for who has its share of them", () => {
  const ledger = new Ledger(LIMITS);
  const much = opened(ledger).account, little = opened(ledger).account;
  for (let i = 0; i < 5; i++) much.begin();
  assertFalse(much.isCrowded);
  much.begin();
  assert(much.isCrowded);
  assertFalse(little.isCrowded, "half of all places are its own");
  for (let i = 0; i < 2; i++) little.begin();
  assertFalse(little.isCrowded);
  little.begin();
  assert(little.isCrowded);
  much.end();
  assertEquals([ledger.running, ledger.runners], [8, 2]);
  assert(much.isCrowded);
});

Deno.test("Account.isHeavy for who keeps no less than others in the mean", () => {
  const ledger = new Ledger(LIMITS);
  const [heavy, light, none] = [90, 10, 0].map((bytes) => {
    const { account } = opened(ledger);
    account.keep(bytes);
    return account;
  });
  assertEquals([heavy, light, none].map((account) => account?.isHeavy), [true, false, false]);
});

Deno.test("Account.moveTo() takes along what is kept and what runs; close() lets go of what is kept", () => {
  const ledger = new Ledger(LIMITS);
  const { account } = opened(ledger), { account: other } = opened(ledger, "alice");
  account.keep(60);
  account.begin();
  other.keep(95);
  account.moveTo("alice");
  const sums = () => [...ledger.callers].map(({ kept, running }) => [kept, running]);
  assertEquals(sums(), [[155, 1]]);
  account.close();
  assertEquals(sums(), [[95, 1]], "its handler still runs");
  account.keep(1000);
  account.release(1000);
  assertEquals([ledger.kept, account.kept], [95, 0], "nothing is kept for one that is gone");
  account.end();
  other.close();
  assertEquals([sums(), ledger.kept, ledger.running, ledger.keepers], [[], 0, 0, 0]);
});

Deno.test("Account.hold() is false beyond twice what one connection may keep, but for one message beside little", () => {
  const limits = { ...LIMITS, maxKeptBytesPerCaller: 1000, maxBufferedBytes: 1e6 };
  const { account } = opened(new Ledger(limits));
  assert(account.hold(25));
  assert(account.keepsLittle);
  assert(account.hold(500), "what was kept before was little");
  assertFalse(account.keepsLittle);
  account.hold(-325);
  assertEquals(account.kept, 200);
  assertFalse(account.hold(1));
  account.hold(-1);
  assert(account.hold(0));
});
