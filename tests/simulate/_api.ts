// The methods that the simulated peers serve: all ways in which a handler can behave, as its caller's
// job says.

import {
  type Api,
  method,
  notification,
  RpcError,
  type StandardSchema,
  stream,
} from "../../lib/mod.ts";
import { ANYTHING } from "../support/schemas.ts";
import type { History, Item, Job, Visit } from "./_history.ts";
import type { World } from "./_world.ts";

const JOB = ANYTHING as StandardSchema<Job>;

/** What a good answer to a job looks like. */
export function answerTo({ token, count }: Job): string {
  return `${token}:${"x".repeat(count)}`;
}

interface Known {
  readonly signal: AbortSignal;
  readonly state: unknown;
}

/** The API of a server, whose handlers write down what they see. */
export function serverApi(world: World, history: History) {
  /** Counts a handler while it runs. */
  async function counted<T>(
    kind: "calls" | "streams",
    state: unknown,
    job: Job,
    work: () => Promise<T>,
  ): Promise<T> {
    const visit = state as Visit;
    visit[kind]++;
    history.execute(job, visit);
    try {
      return await work();
    } finally {
      visit[kind]--;
      history.handled(job);
    }
  }

  function answer(state: unknown, job: Job): string {
    const text = answerTo(job), visit = state as Visit;
    history.produced(visit, text.length);
    return text;
  }

  /** So long, or until nobody waits any more; the patient ones do not look. */
  async function nap({ token, ms, how }: Job, { signal, state }: Known): Promise<void> {
    if (how === "patient") return await world.sleep(ms);
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(() => {
        if (!signal.aborted && !(state as Visit).isOpen) {
          world.violate(`nobody told the handler of ${token} that its caller is gone`);
        }
        end();
      }, ms);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  async function* counting(job: Job, context: Known): AsyncGenerator<Item, string> {
    for (let index = 0; index < job.count; index++) {
      if (job.ms > 0 && index % 3 === 2) await nap(job, context);
      yield [job.token, index];
    }
    if (job.how === "fails") throw new RpcError("ABORTED", "The stream fails");
    return `end of ${job.token}`;
  }

  async function* doubling(job: Job, items: AsyncIterable<unknown>): AsyncGenerator<Item, string> {
    let index = 0;
    for await (const item of items) {
      history.item(item, job.token, index++);
      yield item as Item;
      if (job.how === "leaves" && index >= 3) break;
    }
    return `${index} of ${job.token}`;
  }

  return {
    echo: method(JOB, (job, { state }) => {
      history.execute(job);
      history.handled(job);
      return answer(state, job);
    }),
    later: method(JOB, (job, { state, signal }) =>
      counted("calls", state, job, async () => {
        await nap(job, { state, signal });
        return answer(state, job);
      })),
    fail: method(JOB, (job, { state }) => {
      const failure = failureOf(job);
      if (job.how.startsWith("late")) {
        return counted("calls", state, job, async () => {
          await world.sleep(job.ms);
          return failure();
        });
      }
      history.execute(job);
      history.handled(job);
      return failure();
    }),
    tell: method(JOB, (job, { state, progress }) =>
      counted("calls", state, job, async () => {
        for (let index = 0; index < job.count; index++) {
          progress([job.token, index]);
          if (index % 4 === 3) await world.sleep(job.ms);
        }
        return answer(state, { ...job, count: 0 });
      })),
    ask: method(JOB, (job, { state, call }) =>
      counted("calls", state, job, async () => {
        const { pong } = call as unknown as { pong(job: Job): Promise<string> };
        (state as Visit).asking++;
        (state as Visit).hasAsked = true;
        try {
          return await pong(job);
        } finally {
          (state as Visit).asking--;
        }
      })),
    take: method(JOB, (job, { state, items }) =>
      counted("streams", state, job, async () => {
        if (job.how === "ignores") return answer(state, { ...job, count: 0 });
        let index = 0;
        for await (const item of items) {
          history.item(item, job.token, index++);
          if (job.ms > 0 && index % 5 === 0) await world.sleep(job.ms);
          if (job.how === "leaves" && index >= 3) break;
        }
        return answer(state, { ...job, count: index });
      }), { items: ANYTHING }),
    count: stream(JOB, (job, context) => {
      const { state } = context;
      return history.watched(
        `stream ${job.token}`,
        countedStream(state as Visit, job, counting(job, context)),
      );
    }),
    double: stream(JOB, (job, { state, items }) =>
      history.watched(
        `stream ${job.token}`,
        countedStream(state as Visit, job, doubling(job, items)),
      ), { items: ANYTHING }),
    // What it is told may be anything.
    rude: method(ANYTHING, (job, { state }) => {
      const { count } = (job ?? {}) as { count?: unknown };
      return answer(state, {
        token: 0,
        ms: 0,
        count: typeof count === "number" ? Math.abs(count) % 1e6 : 0,
        how: "",
      });
    }),
    rudeItems: stream(ANYTHING, async function* (job) {
      const { ms = 0, count = 0 } = job as Partial<Job>;
      for (let i = 0; i < Math.min(count, 1000); i++) {
        if (i % 10 === 9) await world.sleep(ms);
        yield i;
      }
    }),
    rudeLater: method(ANYTHING, (job, context) => nap(job as Job, context).then(() => null)),
    note: notification(JOB, (job, { state }) => void (state as Visit).notes.push(job.token)),
  } satisfies Api;

  async function* countedStream<T>(
    visit: Visit,
    job: Job,
    source: AsyncGenerator<T, string>,
  ): AsyncGenerator<T, string> {
    visit.streams++;
    history.execute(job, visit);
    try {
      return yield* source;
    } finally {
      visit.streams--;
      history.handled(job);
    }
  }
}

/** What a client serves: `pong` may call the server once more. */
export function clientApi(history: History): Api {
  return {
    pong: method(JOB, async (job, { call: back }) => {
      if (job.ms === 0 || job.how === "once") return answerTo(job);
      const inner = { token: history.token(), ms: 0, count: job.count, how: "once" };
      const call = history.call("echo", inner);
      try {
        const { echo } = back as unknown as { echo(job: Job): Promise<string> };
        const found = await echo(inner);
        history.end(call, found === answerTo(inner) ? "ok" : `wrong: ${found}`);
      } catch (error) {
        history.end(call, "inner", error);
        throw error;
      }
      return answerTo(job);
    }),
  };
}

function failureOf({ how, token }: Job): () => unknown {
  switch (how) {
    case "known":
    case "late known":
      return () => {
        throw new RpcError("NOT_FOUND", `nothing for ${token}`);
      };
    case "unwritable":
      return () => 1n;
    case "nothing":
      return () => {
        throw undefined;
      };
    default:
      return () => {
        throw new Error(`planned ${token}`);
      };
  }
}

/** The ways in which `fail` fails. */
export const FAILURES = ["known", "late known", "unwritable", "nothing", "thrown", "late thrown"];
