/**
 * One server with its healthy clients, and what is seen of both while it is attacked.
 *
 * ```text
 * this process ──── starts, samples /proc ───> the server, a process of its own
 *   ├─ lines ─> the healthy clients, a process of their own ──── calls ────┘ │
 *   └─ lines ─> the attacker, a process of its own ─────────── attacks ──────┘
 * ```
 *
 * @module
 */

import {
  type Attack,
  type Figure,
  type Seen,
  type ServerSpec,
  type Target,
  TOKENS,
} from "./attack.ts";
import type { Told } from "./attacker.ts";
import { Child } from "./child.ts";
import { sleep } from "./crowd.ts";
import type { Health } from "./window.ts";
import { Watch, workOf } from "./proc.ts";
import { places, type Setting, Victim } from "./server.ts";

/** Healthy clients, and calls a second that they make together, where the attack does not say. */
const CLIENTS = 50;
const RATE = 2000;

/** Milliseconds within which descriptors must be given back, and within which they are to be. */
const GIVE_BACK = 30_000;
const SOON = 10_000;

/** Milliseconds for which an attack may go on beyond its time before it is given up. */
const PATIENCE = 120_000;

const BACK: Figure = { what: "descriptors back after ms", value: ({ back }) => back, atMost: SOON };

/** Descriptors that may be open for another reason. */
const SPARE = 2;

/** A number before, at its peak, and after. */
export interface Course {
  readonly before: number;
  readonly peak: number;
  readonly after: number;
}

/** A figure, with what it was to be. */
export interface Reached {
  readonly what: string;
  readonly value: number;
  readonly goal: string;
  readonly isReached: boolean;
}

/** What came of one attack. */
export interface Report {
  readonly attack: string;
  readonly rows: readonly string[];
  /** What the server did; what was wrong with it, where something was. */
  readonly did: string;
  readonly wrong: readonly string[];
  readonly seconds: number;
  readonly before: Health | undefined;
  readonly during: Health | undefined;
  readonly after: Health | undefined;
  /** Megabytes. */
  readonly rss: Course;
  readonly fds: Course;
  /** Milliseconds of the server's processor time during the attack. */
  readonly cpu: number;
  /** The part of the server's processor that others took meanwhile; NaN where it has none to itself. */
  readonly foreign: number;
  readonly figures: readonly Reached[];
}

/** A server under attack. Disposal ends it. */
export class Arena implements AsyncDisposable {
  readonly victim: Victim;
  readonly #clients: Child;
  readonly #windows: PromiseWithResolvers<Health>[] = [];
  #window = 0;
  /** How the server ended. */
  ended: Deno.CommandStatus | undefined;

  readonly #quietMs: number;

  readonly #isPinned: boolean;

  private constructor(victim: Victim, clients: Child, quietMs: number, isPinned: boolean) {
    this.#quietMs = quietMs;
    this.#isPinned = isPinned;
    this.victim = victim;
    this.#clients = clients;
    victim.child.status.then((status) => this.ended = status);
    this.#listen();
  }

  /** Starts a server and its clients, and lets both get warm. */
  static async start(spec: ServerSpec, setting: Setting): Promise<Arena> {
    const victim = await Victim.start(spec, setting);
    const { clients = CLIENTS, rate = RATE, isPinned = false, asksWho = false } = spec;
    const args = [victim.target.port, clients, rate].map(String);
    const healthy = new Child("tests/torture/healthy.ts", [
      ...args,
      ...asksWho ? [TOKENS.alice] : [],
    ], isPinned ? { processor: places().callers, precedence: 15 } : {});
    try {
      await healthy.lineWith('"ready"');
    } catch (error) {
      await victim[Symbol.asyncDispose]();
      throw error;
    }
    const arena = new Arena(victim, healthy, setting.quietMs, isPinned);
    await sleep(2 * setting.quietMs);
    return arena;
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const health = await this.#clients.json<Health>();
        this.#of(health.window).resolve(health);
      }
    } catch {
      // ended with us
    }
  }

  #of(window: number): PromiseWithResolvers<Health> {
    return this.#windows[window] ??= Promise.withResolvers<Health>();
  }

  /** Ends a window and begins the next. Resolves once the calls of the first are settled. */
  #next(): Promise<Health> {
    this.#clients.tell("next").catch(() => {}); // ended, which is seen elsewhere
    return this.#of(this.#window++).promise;
  }

  /** Runs one attack, or several at once, and says what was seen. */
  async measure(
    name: string,
    attacks: readonly Attack[],
    change: Partial<Target> = {},
  ): Promise<Report> {
    const target = { ...this.victim.target, ...change };
    const processor = this.#isPinned ? places().attackers : undefined;
    const attackers = attacks.map((it) => new Attacker(it, target, processor));
    try {
      await Promise.all(attackers.map((it) => it.ready));
      return await this.#measure(name, attacks, attackers);
    } finally {
      for (const attacker of attackers) await attacker[Symbol.asyncDispose]();
    }
  }

  async #measure(
    name: string,
    attacks: readonly Attack[],
    attackers: readonly Attacker[],
  ): Promise<Report> {
    using watch = new Watch(this.victim.target.pid);
    this.#next();
    await sleep(this.#quietMs);
    const first = watch.look(), before = this.#next();
    const processor = this.#isPinned ? places().server : undefined;
    const work = () => processor === undefined ? NaN : workOf(processor);
    const begun = performance.now(), workBefore = work();
    const outcomes = await Promise.all(attackers.map((it) => it.attack()));
    const time = performance.now() - begun;
    const last = watch.look(), worked = work() - workBefore, during = this.#next();
    const mayEnd = attacks.some(({ exit }) => exit !== undefined);
    let back = 0;
    if (!mayEnd) {
      while (
        this.ended === undefined && watch.look().fds > first.fds + SPARE && back < GIVE_BACK
      ) {
        await sleep(50);
        back = performance.now() - begun - time;
      }
      await sleep(Math.max(0, this.#quietMs - back));
    } else if (this.ended === undefined) {
      await Promise.race([this.victim.child.status, sleep(2000)]);
    }
    const left = watch.look(), after = this.#next();
    const healths = await Promise.all([before, during, after]);
    const figures = Object.assign({}, ...outcomes.map((it) => "did" in it ? it.figures : {}));
    const seen: Seen = {
      grown: watch.peakRss - first.rss,
      peak: watch.peakRss,
      cpu: last.cpu - first.cpu,
      load: (last.cpu - first.cpu) / time,
      p99: healths[1].p99,
      quietP99: healths[0].p99,
      max: healths[1].max,
      refused: healths[1].refused,
      lost: healths[1].lost,
      back,
      figures,
    };
    // Where all attack at once one is hung up on for what another does: only the healthy ones count.
    const failed = outcomes.flatMap((told) => "wrong" in told ? [told.wrong] : []);
    const wrong = attacks.length === 1 ? failed : [];
    const mayRefuse = mayEnd || attacks.some(({ refuses }) => refuses);
    wrong.push(...faultsOf(healths, mayRefuse, mayEnd));
    wrong.push(...await this.#end(attacks));
    if (!mayEnd && this.ended === undefined && left.fds > first.fds + SPARE) {
      wrong.push(`${left.fds - first.fds} descriptors are not given back after 30 s`);
    }
    return {
      attack: name,
      rows: attacks.flatMap(({ rows }) => rows),
      did: attacks.length > 1
        ? `did as ever to ${attacks.length - failed.length} of ${attacks.length}`
        : "did" in outcomes[0]!
        ? outcomes[0].did
        : "",
      wrong,
      seconds: time / 1000,
      before: healths[0],
      during: healths[1],
      after: healths[2],
      rss: { before: first.rss, peak: watch.peakRss, after: left.rss },
      fds: { before: first.fds, peak: watch.peakFds, after: left.fds },
      cpu: seen.cpu,
      // The server's own time is known no better than to a tick.
      foreign: Math.max(0, worked - seen.cpu) / time,
      figures: attacks.length > 1
        ? []
        : [...attacks[0]?.figures ?? [], ...mayEnd ? [] : [BACK]].map((it) => reached(it, seen)),
    };
  }

  /** What is wrong with how the server ended, or that it did not. */
  async #end(attacks: readonly Attack[]): Promise<string[]> {
    await sleep(0);
    const exit = attacks.find((it) => it.exit !== undefined)?.exit;
    if (this.ended === undefined) return exit === undefined ? [] : ["it has not ended"];
    if (this.ended.code === exit) return [];
    const errors = (await this.victim.child.errors).trimEnd().split("\n").slice(-12).join("\n");
    return [`it has ended with ${this.ended.signal ?? this.ended.code}: ${errors}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
    await this.victim[Symbol.asyncDispose]();
  }
}

/** One attack in a process of its own. */
class Attacker implements AsyncDisposable {
  readonly #child: Child;
  readonly #patience: number;
  readonly ready: Promise<unknown>;

  constructor(attack: Attack, target: Target, processor: number | undefined) {
    this.#patience = target.seconds * 1000 + PATIENCE;
    const args = [attack.name, JSON.stringify(target)];
    this.#child = new Child("tests/torture/attacker.ts", args, { processor });
    this.ready = this.#child.lineWith('"ready"');
  }

  /** Attacks; resolves to what came of it. */
  async attack(): Promise<Told> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Told>((resolve) => {
      const wrong = `not over after ${this.#patience} ms`;
      timer = setTimeout(() => resolve({ wrong }), this.#patience);
    });
    try {
      await this.#child.tell("go");
      return await Promise.race([this.#child.json<Told>(), late]);
    } catch (error) {
      return { wrong: `the attacker failed: ${(error as Error).message}` };
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}

/** What happened to healthy clients that must not happen to them. */
function faultsOf(healths: readonly Health[], mayRefuse: boolean, mayEnd: boolean): string[] {
  const sum = (member: "lost" | "wrong" | "refused" | "ended") =>
    healths.reduce((total, health) => total + health[member], 0);
  const faults: string[] = [];
  // Where the server was told to end, what was on its way is a figure: it was not promised.
  if (sum("lost") > 0 && !mayEnd) faults.push(`${sum("lost")} answers to healthy clients are lost`);
  if (sum("wrong") > 0) {
    const example = healths.map((it) => it.example).find((it) => it !== "");
    faults.push(`${sum("wrong")} answers to healthy clients are wrong, such as ${example}`);
  }
  if (sum("refused") > 0 && !mayRefuse) faults.push(`${sum("refused")} healthy calls are refused`);
  if (sum("ended") > 0 && !mayEnd) faults.push(`${sum("ended")} healthy clients are hung up on`);
  return faults;
}

function reached({ what, value, atMost, atLeast }: Figure, seen: Seen): Reached {
  const is = value(seen) ?? NaN; // the attack did not come as far as counting it
  return {
    what,
    value: is,
    goal: atMost !== undefined ? `<= ${atMost}` : `>= ${atLeast}`,
    isReached: is <= (atMost ?? Infinity) && is >= (atLeast ?? -Infinity),
  };
}
