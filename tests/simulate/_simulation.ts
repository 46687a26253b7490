// One world from its seed: a server, its callers and a network, until all of them have ended; and what
// must be true then.

import {
  connect,
  ConnectionLostError,
  DEFAULT_LIMITS,
  type Limits,
  type Line,
  RpcError,
  serve,
} from "../../lib/mod.ts";
import type { MemorySocket } from "../../lib/testing.ts";
import type { Ledger } from "../../lib/overload/ledger.ts";
import type { ListeningServer } from "../../lib/server/listening_server.ts";
import { queryOf } from "../../lib/transport/memory/faults.ts";
import { clientApi, serverApi } from "./_api.ts";
import { Caller } from "./_caller.ts";
import { HttpCaller } from "./_http_caller.ts";
import { type Call, History, type Visit } from "./_history.ts";
import { type ConnectionPlan, Network } from "./_network.ts";
import { Observer } from "./_observer.ts";
import { drawFaults, drawPlan, type Plan } from "./_plan.ts";
import { rudeCaller, RudeServer } from "./_rude.ts";
import { type Bounds, World } from "./_world.ts";
// What is loaded when it is needed is there at once where it has been loaded before: a world cannot wait.
import "../../lib/builtin/openrpc.ts";
import "../../lib/http/pages.ts";
import "../../lib/http/session.ts";
import "../../lib/transport/http/dial_websocket.ts";

/** What came of one seed. */
export interface Result {
  readonly seed: number;
  /** What is wrong; empty where nothing is. */
  readonly violations: readonly string[];
  /** What happened, line by line. */
  readonly trace: readonly string[];
  readonly calls: number;
  readonly turns: number;
  /** Milliseconds of the world's time. */
  readonly ms: number;
}

/** What one may change about a world: for the checks of the checks. */
export interface Changes {
  /** What a socket does. */
  readonly tamper?: (socket: MemorySocket, isServer: boolean) => MemorySocket;
}

/** Beyond these something does not end. */
const BOUNDS: Bounds = { ms: 1_800_000, turns: 500_000 };

const PORT = 1000;

const TOKEN = "secret";

const PERFECT: ConnectionPlan = {
  faults: {},
  connectDelay: 0,
  isGone: false,
  tap: () => new Counter(),
};

/** Lives through one world. */
export async function simulate(seed: number, changes: Changes = {}): Promise<Result> {
  const world = new World(seed), plan = drawPlan(world.dice);
  world.note(JSON.stringify({ ...plan, mayFail: [...plan.mayFail] }));
  const simulation = new Simulation(world, plan, changes);
  await simulation.run();
  const { violations, turns, now: ms } = world;
  return {
    seed,
    violations,
    get trace() {
      return world.trace;
    },
    calls: simulation.history.calls.size,
    turns,
    ms,
  };
}

class Simulation {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #limits: Limits;
  readonly #network: Network;
  readonly #taps = new Map<string, Observer | Counter>();
  readonly #address: string;
  readonly history: History;
  /** When the server began to end, and what had stood still till then. */
  #drainedAt = Infinity;
  #ledger: Ledger | undefined;

  constructor(world: World, plan: Plan, { tamper }: Changes) {
    this.#world = world;
    this.#plan = plan;
    this.#limits = { ...DEFAULT_LIMITS, ...plan.limits };
    this.#address = plan.transport === "tcp" ? `tcp://127.0.0.1:${PORT}` : "memory:world";
    this.#network = new Network(world, {
      // A server's connection to itself goes nowhere else.
      connection: (port) => port === PORT ? this.#connection() : PERFECT,
      noDescriptors: () => world.dice.chance(plan.noDescriptors),
      ...tamper && { tamper },
    });
    this.history = new History(
      world,
      !plan.isRude,
      this.#limits,
      (address) => this.#taps.get(address)?.sent[0] ?? Infinity,
    );
  }

  async run(): Promise<void> {
    const world = this.#world, network = this.#network;
    const end = await world.run(() => this.#live(), BOUNDS, network.replacements);
    if (end === "stuck") world.violate("the world does not end");
    if (end === "left over") world.violate(`${world.pending} callbacks are left over`);
    const { running = 0 } = this.#ledger ?? {};
    if (running > 0) world.violate(`${running} calls are still counted`);
    this.#check();
  }

  /** What goes wrong with the next connection of ours. */
  #connection(): ConnectionPlan {
    const { dice } = this.#world, plan = this.#plan;
    return {
      faults: drawFaults(dice, plan),
      connectDelay: dice.chance(plan.blackHoles) ? Infinity : dice.int(0, 20),
      isGone: dice.chance(plan.goneCallers),
      tap: (port) => {
        const violate = (what: string) => this.#world.violate(`on the wire of ${port}: ${what}`);
        // Who is rude may say anything, and be told anything.
        return this.#watch(port, plan.isRude ? new Counter() : new Observer(plan.framing, violate));
      },
    };
  }

  #watch<T extends Observer | Counter>(port: number, tap: T): T {
    this.#taps.set(`tcp://127.0.0.1:${port}`, tap);
    return tap;
  }

  /** Everything that happens, from the begin to the end. */
  async #live(): Promise<void> {
    const plan = this.#plan;
    const end = plan.isRude ? this.#serveRudely() : this.#serve();
    const lines = Array.from({ length: plan.lines }, () => this.#call());
    const rude = Array.from(
      { length: plan.transport === "tcp" ? plan.rudeCallers : 0 },
      () => this.#callRudely(),
    );
    const http = Array.from({ length: plan.httpCallers }, () => this.#callOverHttp());
    const open = await Promise.all(lines);
    await Promise.all(http);
    // Those who never end by themselves are ended by the server.
    await end();
    // Those that go on to look for a server are told that there will be none.
    for (const line of open) await line?.close();
    await Promise.all(rude);
  }

  /** A server of ours; the function ends it. */
  #serve(): () => Promise<void> {
    const { dice } = this.#world, world = this.#world, plan = this.#plan;
    const visits = new Map<string, Visit>();
    const server = serve(serverApi(world, this.history), {
      listen: this.#address,
      limits: plan.limits,
      ...plan.rate !== undefined && { rateLimit: { connection: { calls: plan.rate, burst: 0.1 } } },
      ...plan.asks && {
        authenticate: async (credentials) => {
          await world.sleep(dice.int(0, 50));
          if (credentials.scheme !== "bearer") return undefined;
          return credentials.token === TOKEN ? "somebody" : undefined;
        },
      },
      connectionState: ({ address }) => {
        const visit = {
          address,
          calls: 0,
          asking: 0,
          hasAsked: false,
          streams: 0,
          produced: 0,
          notes: [],
          isOpen: true,
        };
        this.history.visits.push(visit);
        visits.set(address, visit);
        return visit;
      },
      onOpen: () => {
        if (server.connections >= this.#limits.maxConnections) {
          world.violate(`${server.connections + 1} connections are open`);
        }
      },
      onClose: ({ address }, { reason }) => {
        world.note(`closed ${address}: ${reason}`);
        // All that come over memory: have one address.
        if (plan.transport === "tcp") visits.get(address)!.isOpen = false;
      },
      onError: (error, about) => {
        world.note(`server error about ${about}: ${error}`);
        if (!isExpected(error)) world.violate(`the server reports ${error} about ${about}`);
      },
    });
    const ledger = this.#ledger = (server as ListeningServer).ledger;
    world.onTurn = () => this.#audit(ledger);
    let ending: Promise<void> | undefined;
    const end = async (grace: number) => {
      world.note("shutdown");
      const { stoodStill } = world, begun = this.#drainedAt = world.now;
      await server.shutdown(grace);
      const { writeStallTimeout, lingerTimeout } = this.#limits;
      const took = world.now - begun - (world.stoodStill - stoodStill);
      if (took > grace + writeStallTimeout + lingerTimeout + SLACK) {
        world.violate(`the server took ${took} ms to end`);
      }
      await server.finished;
      if (ledger.kept > 0) world.violate(`${ledger.kept} bytes are still charged`);
      if (server.connections > 0) world.violate(`${server.connections} connections are left`);
    };
    if (plan.shutdownAt !== undefined) {
      world.sleep(plan.shutdownAt).then(() => ending = end(plan.grace));
    }
    return () => ending ??= end(dice.pick([0, plan.grace]));
  }

  /** What is charged to callers is what is charged to their connections, and to the server. */
  #audit({ kept, running, keepers, runners, callers }: Ledger): void {
    let bytes = 0, calls = 0, keeping = 0, calling = 0;
    for (const caller of callers) {
      const accounts = [...caller.accounts];
      bytes += caller.kept;
      calls += caller.running;
      if (caller.kept > 0) keeping++;
      if (caller.running > 0) calling++;
      const own = [
        accounts.reduce((sum, account) => sum + account.kept, 0),
        accounts.reduce((sum, account) => sum + account.running, 0),
      ];
      if (own[0] !== caller.kept || own[1] !== caller.running) {
        this.#world.violate(`a caller has ${caller.kept}, ${caller.running}, its accounts ${own}`);
      }
      if (accounts.some(({ kept, running }) => kept < 0 || running < 0)) {
        this.#world.violate("an account has less than nothing");
      }
    }
    const sums = [bytes, calls, keeping, calling], told = [kept, running, keepers, runners];
    if (String(sums) !== String(told)) {
      this.#world.violate(`the ledger has ${told}, callers ${sums}`);
    }
  }

  #serveRudely(): () => Promise<void> {
    const server = new RudeServer(this.#world, this.#network, PORT, this.#plan.framing);
    return () => {
      server.close();
      return server.ended;
    };
  }

  /** A client, from its dial to its end; the line where that is left to the server. */
  async #call(): Promise<Line | undefined> {
    const world = this.#world, { dice } = world, plan = this.#plan;
    await world.sleep(dice.int(0, 100));
    const line = await this.#connect();
    if (line === undefined) return;
    const caller = new Caller(world, this.history, line as never, {
      maxCount: plan.maxCount,
      deeds: plan.deeds,
      isImpatient: dice.chance(70),
      isTrusting: !plan.isRude,
    });
    if (dice.chance(plan.closesEarly)) world.sleep(dice.int(0, 500)).then(() => line.close());
    await caller.work();
    if (plan.isRude || dice.chance(50)) await line.close();
    return line as Line;
  }

  async #connect(): Promise<{ close(): Promise<void>; closed: Promise<unknown> } | undefined> {
    const world = this.#world, plan = this.#plan, { framing, limits } = plan;
    const query = plan.transport === "memory" ? "?" + queryOf(drawFaults(world.dice, plan)) : "";
    const isWebSocket = framing === "websocket";
    const address = isWebSocket ? this.#address.replace("tcp:", "ws:") : this.#address + query;
    try {
      return await connect<ReturnType<typeof serverApi>>(address, {
        ...!isWebSocket && { framing },
        limits,
        reconnect: false, // what is looked at is one connection
        ...plan.asks && !plan.isRude && { token: TOKEN },
        api: clientApi(this.history),
        onError: (error) => {
          world.note(`client error: ${error}`);
          if (!isExpected(error)) world.violate(`a client reports ${error}`);
        },
      });
    } catch (error) {
      world.note(`not connected: ${error}`);
      // Where the server asks who calls, connecting takes a call.
      const isPlanned = plan.blackHoles > 0 || plan.goneCallers > 0 || this.#drainedAt < Infinity ||
        (plan.asks || isWebSocket) && plan.mayFail.size > 0; // the handshake is a request
      if (!isPlanned) world.violate(`it cannot connect: ${error}`);
    }
  }

  /** A client that speaks HTTP by hand, from its first request to its last. */
  async #callOverHttp(): Promise<void> {
    const world = this.#world, { dice } = world, plan = this.#plan;
    await world.sleep(dice.int(0, 200));
    const dial = () =>
      this.#network.connect({ port: PORT }, {
        faults: drawFaults(dice, plan),
        connectDelay: dice.int(0, 20),
        isGone: false,
        tap: (port) => this.#watch(port, new Counter()),
      });
    await new HttpCaller(world, this.history, dial, {
      maxCount: plan.maxCount,
      deeds: plan.deeds,
      isImpatient: dice.chance(70),
      isCalm: plan.isCalm,
      token: plan.asks ? TOKEN : undefined,
    }).work();
  }

  async #callRudely(): Promise<void> {
    const world = this.#world;
    await world.sleep(world.dice.int(0, 200));
    const { framing, isCalm } = this.#plan;
    await rudeCaller(
      world,
      this.#network,
      PORT,
      framing,
      isCalm,
      (port) => this.#watch(port, new Counter()),
    );
  }

  // ---- What must be true when all has ended ----------------------------------------------------

  #check(): void {
    const world = this.#world, { calls, visits, open, notes } = this.history;
    for (const tap of this.#taps.values()) tap.look();
    for (const call of calls.values()) {
      const why = this.#wrongWith(call);
      if (why !== undefined) {
        world.violate(`${call.method} ${call.job.token} ended as ${call.outcome}: ${why}`);
      }
    }
    for (const { address, calls, streams, notes: seen } of visits) {
      if (calls + streams > 0) world.violate(`${calls + streams} handlers run for ${address}`);
      const sent = notes.find((sent) => sent.includes(seen[0] ?? -1)) ?? [];
      if (!isSubsequence(seen, sent)) world.violate(`notes ${seen} came of ${sent}`);
    }
    for (const name of open) world.violate(`${name} was never ended`);
    for (const socket of this.#network.open) world.violate(`${socket} is left open`);
  }

  /** What is wrong with the outcome of a call; undefined where nothing is. */
  #wrongWith(
    { method, job, outcome, error, executed, handled, isTimed }: Call,
  ): string | undefined {
    const plan = this.#plan;
    if (outcome === undefined) return "there is no outcome";
    if (error !== undefined && outcome !== "left" && !isExpected(error)) {
      return "nobody expects that";
    }
    if (plan.isRude || outcome === "apart") return undefined;
    if (outcome.startsWith("wrong")) return "it is not the answer";
    if (outcome === "ok") return executed === 1 ? undefined : `it ran ${executed} times`;
    if (error instanceof ConnectionLostError && !error.sent && executed > 0) {
      return "it was sent, and ran";
    }
    const { limit, details } = (error instanceof RpcError ? error.data ?? {} : {}) as {
      limit?: string;
      details?: unknown;
    };
    if (REFUSALS.has(limit) && executed > 0) return "it was refused, and ran";
    // What was promised is kept where nothing but the end of the server comes in between.
    const isOrderly = plan.shutdownAt !== undefined && plan.mayFail.size === 3 &&
      plan.closesEarly === 0 && this.#world.stoodStill === 0 &&
      plan.limits.maxBufferedBytes === undefined && plan.limits.pingTimeout === undefined;
    if (isOrderly && outcome === "lost" && handled! < this.#drainedAt + plan.grace) {
      return "its answer was lost";
    }
    if (["left", "stopped", "inner"].includes(outcome) || plan.mayFail.has(outcome)) {
      return undefined;
    }
    if (isTimed && outcome === "DEADLINE_EXCEEDED") return undefined;
    // A server says so of what was cut off on its way, if it still can, and ends the connection.
    if (details === "unfinished" && plan.mayFail.has("lost")) return undefined;
    const isFailing = method === "fail" && ["NOT_FOUND", "INTERNAL_ERROR"].includes(outcome) ||
      method === "count" && job.how === "fails" && outcome === "ABORTED" ||
      // Who does not loop over a stream gets an array, and that has a limit.
      method === "count" && job.count > this.#limits.maxCollectedItems &&
        outcome === "RESOURCE_EXHAUSTED" ||
      // What its own call to the caller failed with is not told.
      method === "ask" && outcome === "INTERNAL_ERROR" && (isTimed || plan.mayFail.size > 0);
    return isFailing ? undefined : "nothing went wrong that explains it";
  }
}

/** Counts what somebody sends who is not looked at. */
class Counter {
  readonly sent: [down: number, up: number] = [0, 0];

  bytes(isUp: boolean, { length }: Uint8Array): void {
    this.sent[Number(isUp)]! += length;
  }

  look(): void {}
}

/** The limits whose errors say that a call was not begun. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  "maxInFlight",
  "maxRunning",
  "maxStreams",
  "maxPings",
  "rate",
]);

/** Milliseconds for which a server may look at its deadlines too late. */
const SLACK = 3000;

/** Whether an error is one that the library, the runtime or our handlers make on purpose. */
function isExpected(error: unknown): boolean {
  if (error === undefined || error instanceof RpcError || error instanceof ConnectionLostError) {
    return true;
  }
  if (!(error instanceof Error)) return false;
  return /^planned |^Cannot write the result as JSON|Too many open files|^The handler goes on/.test(
    error.message,
  );
}

function isSubsequence(part: readonly number[], whole: readonly number[]): boolean {
  let at = 0;
  for (const item of whole) if (item === part[at]) at++;
  return at === part.length;
}
