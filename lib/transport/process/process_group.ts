/**
 * A program in a process group of its own, so that it can be ended together with the programs that it
 * has started. On Windows, which has no groups, it is ended alone.
 *
 * @module
 */

import type { Program } from "../system.ts";

/** A running program, and what it has started. */
export class ProcessGroup {
  readonly #leader: Program;
  /** The program must not outlive our process, if that exits without a close. */
  readonly #forget: () => void;

  constructor(leader: Program) {
    this.#leader = leader;
    this.#forget = leader.onExit(() => void this.kill("SIGKILL"));
  }

  /** Signals all of the group; false if none of it is left. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGCONT"): boolean {
    try {
      this.#leader.kill(signal);
      return true;
    } catch {
      return false; // all have ended
    }
  }

  /**
   * The program has ended: ends what it has left behind.
   *
   * @param grace milliseconds between SIGTERM and SIGKILL
   */
  async endRest(grace: number): Promise<void> {
    let isLeft = this.#leader.isGroup && this.kill("SIGTERM");
    for (let waited = 0; isLeft && waited < grace; waited += LOOK) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      isLeft = this.kill("SIGCONT");
    }
    if (isLeft) this.kill("SIGKILL");
    this.#forget();
  }
}

/** Milliseconds between two looks at whether a group is empty: no event tells. */
const LOOK = 20;
