// One client and what it does with its line: calls of all kinds, cancelled, late, left or waited for.
// Each is written into the history with its outcome.

import type { CallOptions, Line } from "../../lib/mod.ts";
import { answerTo, FAILURES, type serverApi } from "./_api.ts";
import type { Dice } from "../support/dice.ts";
import { type Call, type History, type Item, type Job, nameOf } from "./_history.ts";
import type { World } from "./_world.ts";

type Server = ReturnType<typeof serverApi>;

/** What a caller may ask for. */
export interface CallerPlan {
  /** Characters of the longest answer, and items of the longest stream. */
  readonly maxCount: number;
  /** How many things it does. */
  readonly deeds: number;
  /** Whether calls are cancelled and timed. */
  readonly isImpatient: boolean;
  /** Whether the server answers every call, so that one can wait for as long as it takes. */
  readonly isTrusting: boolean;
}

/** The options of a call, and what is due before it is judged. */
interface Patience {
  readonly options: CallOptions;
  /** When its signal aborted, by the world's clock; Infinity before. */
  aborted: number;
  /** Whether somebody listens to its signal still. */
  listens(): boolean;
}

/** Who waits for as long as it takes. */
const PATIENT: Patience = { options: {}, aborted: Infinity, listens: () => false };

/** One client. */
export class Caller {
  readonly #world: World;
  readonly #history: History;
  readonly #line: Line<Server>;
  readonly #plan: CallerPlan;
  readonly #dice: Dice;
  readonly #notes: number[] = [];
  /** What is under way. */
  readonly #deeds: Promise<void>[] = [];

  constructor(world: World, history: History, line: Line<Server>, plan: CallerPlan) {
    this.#world = world;
    this.#history = history;
    this.#line = line;
    this.#plan = plan;
    this.#dice = world.dice;
    history.notes.push(this.#notes);
  }

  /** Does everything that it wants to do; resolves once all of it has an outcome. */
  async work(): Promise<void> {
    const isHasty = this.#dice.chance(25);
    for (let i = 0; i < this.#plan.deeds; i++) {
      const deed = this.#deed();
      this.#deeds.push(deed);
      if (isHasty) continue;
      if (this.#dice.chance(30)) await deed;
      else if (this.#dice.chance(50)) await this.#world.sleep(this.#dice.int(0, 60));
    }
    await Promise.all(this.#deeds);
  }

  #deed(): Promise<void> {
    const { call } = this.#line, dice = this.#dice;
    switch (dice.int(0, 13)) {
      case 0:
      case 1:
        return this.#plain("echo", (job, options) => call.echo(job, options));
      case 2:
      case 3:
        return this.#plain("later", (job, options) => call.later(job, options));
      case 4:
        return this.#fails();
      case 5:
        return this.#tells();
      case 6:
        return this.#plain(
          "ask",
          (job, options) => call.ask(job, options),
          dice.pick(["once", "twice"]),
        );
      case 7:
      case 8:
        return this.#counts();
      case 9:
        return this.#collects();
      case 10:
        return this.#takes();
      case 11:
        return this.#doubles();
      case 12:
        return this.#batch();
      default:
        return this.#note();
    }
  }

  #job(how = ""): Job {
    const dice = this.#dice;
    const isLarge = dice.chance(20);
    return {
      token: this.#history.token(),
      ms: isLarge || dice.chance(30) ? 0 : dice.int(1, 200),
      count: dice.int(0, isLarge ? this.#plan.maxCount : 20),
      how: how || (dice.chance(20) ? "patient" : ""),
    };
  }

  /** Perhaps a deadline, perhaps a signal. */
  #patience(): Patience {
    const dice = this.#dice;
    if (!this.#plan.isTrusting) return { ...PATIENT, options: { timeout: dice.int(1, 300) } };
    if (!this.#plan.isImpatient || dice.chance(50)) return PATIENT;
    const timeout = dice.chance(50) ? dice.int(0, 300) : undefined;
    if (timeout !== undefined && dice.chance(70)) {
      return { ...PATIENT, options: { timeout } };
    }
    const controller = new AbortController(),
      { signal } = controller,
      listeners = new Set<unknown>();
    const add = signal.addEventListener.bind(signal),
      remove = signal.removeEventListener.bind(signal);
    Object.assign(signal, {
      addEventListener(...[type, listener, options]: Parameters<typeof add>) {
        listeners.add(listener);
        add(type, (event) => {
          listeners.delete(listener);
          (listener as EventListener)(event);
        }, options);
      },
      removeEventListener(...[type, listener]: Parameters<typeof remove>) {
        listeners.delete(listener);
        remove(type, listener);
      },
    });
    const patience = {
      options: { signal, ...timeout !== undefined && { timeout } },
      aborted: Infinity,
      listens: () => listeners.size > 0,
    };
    const abort = () => {
      patience.aborted = this.#world.now;
      controller.abort(new Left());
    };
    const after = dice.int(0, 150);
    if (after === 0) abort();
    else this.#world.sleep(after).then(abort);
    return patience;
  }

  /** Waits for the outcome of a call, and looks whether it is a good one. */
  async #judge(call: Call, patience: Patience, outcome: () => Promise<string>): Promise<void> {
    const world = this.#world, { stoodStill } = world;
    call.isTimed = patience.options.timeout !== undefined;
    try {
      this.#history.end(call, await outcome());
    } catch (error) {
      this.#history.end(call, error instanceof Left ? "left" : nameOf(error), error);
    }
    const due = Math.min(call.begun + (patience.options.timeout ?? Infinity), patience.aborted);
    const late = call.ended - due - call.looksAway - (world.stoodStill - stoodStill);
    if (late > SLACK) world.violate(`the call ${call.job.token} ended ${late} ms too late`);
    if (patience.listens()) world.violate(`the call ${call.job.token} still listens to its signal`);
  }

  #plain(
    name: string,
    make: (job: Job, options: CallOptions) => Promise<unknown>,
    how?: string,
  ): Promise<void> {
    const job = this.#job(how), call = this.#history.call(name, job), patience = this.#patience();
    const answer = make(job, patience.options);
    return this.#judge(call, patience, async () => verdict(await answer, answerTo(job)));
  }

  #fails(): Promise<void> {
    const job = this.#job(this.#dice.pick(FAILURES));
    const call = this.#history.call("fail", job), patience = this.#patience();
    const answer = this.#line.call.fail(job, patience.options);
    return this.#judge(call, patience, async () => `wrong: ${await answer}`);
  }

  #tells(): Promise<void> {
    const job = this.#job(), call = this.#history.call("tell", job), patience = this.#patience();
    let next = 0;
    const onProgress = (value: unknown) => {
      if (call.outcome !== undefined) this.#world.violate(`progress of ${job.token} after its end`);
      this.#history.item(value, job.token, next++);
    };
    const answer = this.#line.call.tell(job, { ...patience.options, onProgress });
    return this.#judge(call, patience, async () => {
      const found = verdict(await answer, answerTo({ ...job, count: 0 }));
      return next === job.count ? found : `wrong: ${next} of ${job.count} steps`;
    });
  }

  #counts(): Promise<void> {
    const job = this.#job(this.#dice.chance(20) ? "fails" : "");
    const call = this.#history.call("count", job), patience = this.#patience();
    const items = this.#line.call.count(job, patience.options)[Symbol.asyncIterator]();
    const expected = `end of ${job.token}`;
    return this.#judge(call, patience, () => this.#consume(call, items, job.count, expected));
  }

  /** Takes the items of a stream: at once, slowly, or not all of them. */
  async #consume(
    call: Call,
    items: AsyncIterableIterator<unknown, unknown>,
    count: number,
    expected: string,
  ): Promise<string> {
    const dice = this.#dice,
      isSlow = dice.chance(30),
      leavesAt = dice.chance(30) ? dice.int(0, 40) : -1;
    for (let index = 0;; index++) {
      if (index === leavesAt) {
        await items.return!();
        return "stopped";
      }
      const next = await items.next().catch((error) => {
        // What was sent before a failure comes before it.
        if (nameOf(error) !== "ABORTED" || index === count) throw error;
        return { done: true as const, value: `a failure after ${index}` };
      });
      if (next.done) {
        if (index !== count) return `wrong: ${index} items of ${count}`;
        // A server that says nothing for long is not asked for a stream: its items come as one array.
        const isArray = Array.isArray(next.value) && this.#world.now > call.begun + SILENT;
        return isArray ? "ok" : verdict(next.value, expected);
      }
      this.#history.item(next.value, call.job.token, index);
      if (isSlow && dice.chance(20)) {
        const ms = dice.int(1, 100);
        await this.#world.sleep(ms);
        call.looksAway += ms;
      }
    }
  }

  #collects(): Promise<void> {
    const job = this.#job(), call = this.#history.call("count", job), patience = this.#patience();
    const answer = this.#line.call.count(job, patience.options);
    return this.#judge(call, patience, async () => {
      const items: unknown = await answer;
      if (!Array.isArray(items)) return `wrong: ${JSON.stringify(items)}`;
      items.forEach((item, index) => this.#history.item(item, job.token, index));
      return items.length === job.count ? "ok" : `wrong: ${items.length} items of ${job.count}`;
    });
  }

  /** Items for the server, which may be slow to come. */
  async *#items({ token, count, ms }: Job): AsyncGenerator<Item, void> {
    const slow = this.#dice.chance(30);
    for (let index = 0; index < count; index++) {
      if (slow && index % 4 === 3) await this.#world.sleep(ms);
      yield [token, index];
    }
  }

  #takes(): Promise<void> {
    const how = this.#dice.pick(["", "", "ignores", "leaves"]);
    const job = this.#job(how), call = this.#history.call("take", job), patience = this.#patience();
    const taken = how === "ignores" ? 0 : how === "leaves" ? Math.min(3, job.count) : job.count;
    const answer = this.#line.call.take(job, {
      ...patience.options,
      items: this.#history.watched(`items ${job.token}`, this.#items(job)),
    });
    return this.#judge(
      call,
      patience,
      async () => verdict(await answer, answerTo({ ...job, count: taken })),
    );
  }

  #doubles(): Promise<void> {
    const how = this.#dice.pick(["", "leaves"]);
    const job = this.#job(how),
      call = this.#history.call("double", job),
      patience = this.#patience();
    const count = how === "leaves" ? Math.min(3, job.count) : job.count;
    const items = this.#line.call.double(job, {
      ...patience.options,
      items: this.#history.watched(`items ${job.token}`, this.#items(job)),
    })[Symbol.asyncIterator]();
    const expected = `${count} of ${job.token}`;
    return this.#judge(call, patience, () => this.#consume(call, items, count, expected));
  }

  async #batch(): Promise<void> {
    const judged = this.#line.batch((call) =>
      Array.from({ length: this.#dice.int(1, 5) }, () => {
        const isLate = this.#dice.chance(50), job = this.#job(), patience = this.#patience();
        const made = this.#history.call(isLate ? "later" : "echo", job);
        const answer = isLate
          ? call.later(job, patience.options)
          : call.echo(job, patience.options);
        return this.#judge(made, patience, async () => verdict(await answer, answerTo(job)));
      })
    );
    await Promise.all(judged);
  }

  async #note(): Promise<void> {
    await null; // calls of this turn go first
    const job = this.#job();
    this.#notes.push(job.token);
    this.#line.notify.note(job);
  }
}

/** Milliseconds for which it is waited for a server to say whether it knows streams. */
const SILENT = 5000;

/** Milliseconds by which a busy scheduler may be late, besides the wheel's tick. */
const SLACK = 1000;

/** The caller's own reason to cancel. */
class Left extends Error {
  override readonly name = "Left";
}

function verdict(found: unknown, expected: string): string {
  return found === expected ? "ok" : `wrong: ${JSON.stringify(found)} for ${expected}`;
}
