// Lines to workers: the system decides which of them takes a call, so that one calls until it was all.

import { assert } from "@std/assert";
import { connect, type ConnectOptions, type Line } from "../../../lib/mod.ts";
import type { api } from "./_workers_api.ts";

/** What the workers serve. */
export type Api = typeof api;

/** The address of the module that they load. */
export const MODULE = import.meta.resolve("./_workers_api.ts");

/** A line to each worker, by its thread. */
export class Lines implements AsyncDisposable {
  readonly byThread = new Map<number, Line<Api>>();

  /** Calls until so many workers were reached: the system decides which one takes a call. */
  static async to(address: string, count = 2, api: ConnectOptions["api"] = {}): Promise<Lines> {
    await using closing = new AsyncDisposableStack();
    const lines = closing.use(new Lines());
    for (let tries = 0; lines.byThread.size < count; tries++) {
      assert(tries < 200, `${lines.byThread.size} of ${count} workers were reached`);
      await using trying = new AsyncDisposableStack();
      const line = trying.use(await connect<Api>(address, { api, reconnect: false }));
      const thread = await line.call.who();
      if (lines.byThread.has(thread)) continue;
      lines.byThread.set(thread, line);
      trying.move();
    }
    closing.move();
    return lines;
  }

  get all(): Line<Api>[] {
    return [...this.byThread.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.all) await line.close();
  }
}

/** Lines to two workers of whom none is the one that has failed. */
export async function linesAfter(address: string, failed: number): Promise<Lines> {
  for (;;) {
    // Until the other is there, all come to the one that is left, or to the one that goes.
    const lines = await Lines.to(address).catch(() => undefined);
    if (lines !== undefined && !lines.byThread.has(failed)) return lines;
    await lines?.[Symbol.asyncDispose]();
  }
}
