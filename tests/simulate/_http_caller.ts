// One client that speaks HTTP, by hand: calls of all kinds by POST, one after another or pipelined, and
// streams as events, as lines and as one array. Each is written into the history with its outcome.

import type { Dice } from "../support/dice.ts";
import { call as request, HttpPeer, post, request as head } from "../support/http.ts";
import { answerTo, FAILURES } from "./_api.ts";
import type { Call, History, Item, Job } from "./_history.ts";
import type { Conn } from "./_network.ts";
import type { World } from "./_world.ts";

/** What it may ask for. */
export interface HttpCallerPlan {
  /** Characters of the longest answer, and items of the longest stream. */
  readonly maxCount: number;
  /** How many things it does. */
  readonly deeds: number;
  /** Whether calls are timed, and left. */
  readonly isImpatient: boolean;
  /** Whether nothing goes wrong. */
  readonly isCalm: boolean;
  /** Shown with each request. */
  readonly token: string | undefined;
}

/** What is left of a message as it came. */
interface Wire {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly value?: unknown; readonly values?: readonly unknown[] };
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data?: { readonly name?: string } };
}

/** A request that was sent, and what is to become of it. */
interface Sent {
  readonly call: Call;
  readonly judge: (peer: HttpPeer) => Promise<string>;
}

const EVENTS = "Accept: text/event-stream", LINES = "Accept: application/x-ndjson";

/** The connection ended before the answer did. */
const LOST = "lost";

/** One client. */
export class HttpCaller {
  readonly #world: World;
  readonly #history: History;
  readonly #dial: () => Promise<Conn>;
  readonly #plan: HttpCallerPlan;
  readonly #dice: Dice;
  readonly #notes: number[] = [];
  #peer: HttpPeer | undefined;

  constructor(world: World, history: History, dial: () => Promise<Conn>, plan: HttpCallerPlan) {
    this.#world = world;
    this.#history = history;
    this.#dial = dial;
    this.#plan = plan;
    this.#dice = world.dice;
    history.notes.push(this.#notes);
  }

  /** Does everything that it wants to do. */
  async work(): Promise<void> {
    const dice = this.#dice;
    for (let left = this.#plan.deeds; left > 0;) {
      // Some at once; a connection is used again as long as it is there.
      const count = Math.min(left, dice.pick([1, 1, 1, 3]));
      left -= count;
      await this.#together(count);
      if (dice.chance(30)) this.#leave();
      if (dice.chance(50)) await this.#world.sleep(dice.int(0, 100));
    }
    this.#leave();
  }

  #leave(): void {
    this.#peer?.[Symbol.dispose]();
    this.#peer = undefined;
  }

  /** Sends so many requests at once, and takes their answers. */
  async #together(count: number): Promise<void> {
    const sent: Sent[] = [];
    let text = "";
    for (let i = 0; i < count; i++) {
      const [one, ...calls] = this.#draw();
      text += one;
      sent.push(...calls);
    }
    const isLeft = this.#plan.isImpatient && this.#dice.chance(10);
    try {
      this.#peer ??= new HttpPeer(await this.#dial());
      await this.#peer.send(text);
      if (isLeft) {
        await this.#world.sleep(this.#dice.int(0, 50));
        this.#leave();
      }
    } catch {
      this.#leave(); // it is not there, or not any more
    }
    for (const { call, judge } of sent) {
      let outcome = isLeft ? "left" : LOST;
      if (this.#peer !== undefined) {
        try {
          outcome = await judge(this.#peer);
        } catch (error) {
          this.#world.note(`http ${error}`);
          this.#leave();
        }
      }
      this.#history.end(call, outcome);
    }
  }

  // ---- What it asks for ------------------------------------------------------------------------

  #draw(): [text: string, ...Sent[]] {
    const dice = this.#dice;
    switch (dice.int(0, 11)) {
      case 0:
      case 1:
      case 2:
        return this.#plain(dice.pick(["echo", "later"]), this.#job(), answerTo);
      case 3:
        return this.#plain("fail", this.#job(dice.pick(FAILURES)), () => undefined);
      case 4:
        return this.#goesOn("tell", this.#job(), EVENTS, (job) => answerTo({ ...job, count: 0 }));
      case 5:
      case 6:
      case 7:
        return this.#goesOn(
          "count",
          this.#job(dice.chance(20) ? "fails" : ""),
          dice.pick([EVENTS, LINES]),
          ({ token }) => `end of ${token}`,
        );
      case 8:
        return this.#plain(
          "count",
          this.#job(),
          ({ token, count }) => Array.from({ length: count }, (_, index) => [token, index]),
        );
      case 9:
        return this.#batch();
      case 10:
        return this.#note();
      default:
        return this.#beside();
    }
  }

  #job(how = ""): Job {
    const dice = this.#dice, isLarge = dice.chance(20);
    return {
      token: this.#history.token(),
      ms: isLarge || dice.chance(30) ? 0 : dice.int(1, 200),
      count: dice.int(0, isLarge ? this.#plan.maxCount : 20),
      how,
    };
  }

  /** The text of a POST, in one piece or in chunks. */
  #post(body: string, ...lines: readonly string[]): string {
    const { token } = this.#plan, dice = this.#dice;
    const all = token === undefined ? lines : [...lines, `Authorization: Bearer ${token}`];
    if (dice.chance(70)) return post(body, ...all);
    const size = dice.int(1, 100), chunks: string[] = [];
    for (let at = 0; at < body.length; at += size) {
      const part = body.slice(at, at + size);
      chunks.push(`${part.length.toString(16)}\r\n${part}\r\n`);
    }
    const type = "Content-Type: application/json";
    return head("POST /", [type, "Transfer-Encoding: chunked", ...all]) + chunks.join("") +
      "0\r\n\r\n";
  }

  #call(name: string, job: Job): Call {
    const call = this.#history.call(name, job);
    call.isTimed = this.#plan.isImpatient && this.#dice.chance(30);
    return call;
  }

  /** Lines of the head that say how long a call may take. */
  #timed({ isTimed }: Call): string[] {
    return isTimed ? [`Timeout-Ms: ${this.#dice.int(1, 300)}`] : [];
  }

  #plain(name: string, job: Job, good: (job: Job) => unknown): [string, Sent] {
    const call = this.#call(name, job);
    const text = this.#post(request(name, job, job.token), ...this.#timed(call));
    const judge = async (peer: HttpPeer) => {
      const { status, body } = await peer.answer();
      return this.#outcome(status, body, job, good(job));
    };
    return [text, { call, judge }];
  }

  /** What became of a call by its answer. */
  #outcome(status: number, body: string, { token }: Job, good: unknown): string {
    const { id, result, error } = parse(body);
    if (error?.code === -32603) return "INTERNAL_ERROR";
    if (error !== undefined) return error.data?.name ?? this.#nameless(status, body);
    if (status !== 200) return this.#nameless(status, body);
    if (id !== token) return `wrong: the answer to ${id}`;
    return JSON.stringify(result) === JSON.stringify(good)
      ? "ok"
      : `wrong: ${JSON.stringify(result)} for ${JSON.stringify(good)}`;
  }

  /** What is refused by its head ends the connection, and names nothing. */
  #nameless(status: number, body: string): string {
    if (this.#plan.isCalm) this.#world.violate(`${status} ${body}`);
    return LOST;
  }

  /** A call whose messages come before its answer. */
  #goesOn(name: string, job: Job, accept: string, good: (job: Job) => unknown): [string, Sent] {
    const call = this.#call(name, job);
    const text = this.#post(request(name, job, job.token), accept, ...this.#timed(call));
    const judge = async (peer: HttpPeer) => {
      const { status, headers } = await peer.head();
      if (headers.get("transfer-encoding") !== "chunked") {
        return this.#outcome(status, await peer.body(headers), job, good(job));
      }
      let last = "", index = 0;
      for await (const message of peer.messages()) {
        if (last !== "") this.#world.violate(`${message} came behind the answer of ${job.token}`);
        const { method, params } = parse(message);
        if (method === undefined) last = message;
        for (const item of itemsOf(params)) this.#history.item(item, job.token, index++);
      }
      const outcome = this.#outcome(200, last, job, good(job));
      const isWhole = outcome === "ok" || outcome === "ABORTED";
      return isWhole && index !== job.count ? `wrong: ${index} of ${job.count}` : outcome;
    };
    return [text, { call, judge }];
  }

  #batch(): [string, ...Sent[]] {
    const calls = Array.from({ length: this.#dice.int(1, 2) }, () => {
      const name = this.#dice.pick(["echo", "later"]), job = this.#job();
      return this.#history.call(name, job);
    });
    const texts = calls.map(({ method, job }) => request(method, job, job.token));
    let answers: readonly Wire[] | undefined, refused = LOST;
    return [
      this.#post(`[${texts.join()}]`),
      ...calls.map((call, i): Sent => ({
        call,
        judge: async (peer) => {
          if (i === 0) {
            const { status, body } = await peer.answer();
            const found: unknown = JSON.parse(body);
            if (Array.isArray(found)) answers = found;
            else refused = this.#outcome(status, body, call.job, undefined);
          }
          if (answers === undefined) return refused;
          const own = answers.find(({ id }) => id === call.job.token);
          return own === undefined
            ? "wrong: no answer in the batch"
            : this.#outcome(200, JSON.stringify(own), call.job, answerTo(call.job));
        },
      })),
    ];
  }

  /** Something whose answer is no part of the history, but comes in its turn. */
  #apart(text: string, judge: (status: number, body: string) => boolean): [string, Sent] {
    const call = this.#history.call("apart", { ...this.#job(), ms: 0, count: 0 });
    return [text, {
      call,
      judge: async (peer) => {
        const { status, body } = await peer.answer();
        if (!judge(status, body) && this.#plan.isCalm) {
          this.#world.violate(`${text.slice(0, 60)} was answered ${status} ${body.slice(0, 100)}`);
        }
        return "apart";
      },
    }];
  }

  #note(): [string, Sent] {
    const job = this.#job();
    this.#notes.push(job.token);
    const text = JSON.stringify({ jsonrpc: "2.0", method: "note", params: job });
    return this.#apart(this.#post(text), (status) => status === 202);
  }

  /** A page, or a call that cannot be over HTTP. */
  #beside(): [string, Sent] {
    const dice = this.#dice, { token } = this.#plan;
    if (dice.chance(50)) {
      const lines = token === undefined ? [] : [`Authorization: Bearer ${token}`];
      const [path, is] = dice.pick(
        [["/health", 200], ["/openrpc.json", 200], ["/no", 404]] as const,
      );
      return this.#apart(head(`GET ${path}`, lines), (status) => status === is);
    }
    const { token: id } = this.#job();
    const name = dice.pick(["take", "double"]);
    return this.#apart(
      this.#post(request(name, {}, id)),
      (_, body) => parse(body).error?.data?.name === "FAILED_PRECONDITION",
    );
  }
}

function itemsOf(params: Wire["params"]): readonly unknown[] {
  if (params === undefined) return [];
  return (params.values ?? [params.value]) as readonly Item[];
}

function parse(text: string): Wire {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
