/**
 * A program in a process group of its own, so that it can be ended together with the programs that it
 * has started.
 *
 * A group needs the permission to signal any process, which is `--allow-run` without a list. With a list
 * the program stays in our group, and is signalled alone. So it is on Windows, which has no groups.
 *
 * @module
 */

/** A running program, and what it has started. */
export class ProcessGroup {
  readonly #child: Deno.ChildProcess;
  readonly #isGroup: boolean;
  /** What runs when our process exits without a close: the program must not outlive it. */
  readonly #onUnload = (): void => void this.kill("SIGKILL");

  /**
   * Starts the program.
   *
   * @throws {Deno.errors.NotFound} if there is no such program
   */
  constructor(program: string, options: Deno.CommandOptions) {
    this.#isGroup = Deno.build.os !== "windows" &&
      Deno.permissions.querySync({ name: "run" }).state === "granted";
    // A group's leader has no terminal any more. It must not be one that cannot be signalled as a whole.
    this.#child = new Deno.Command(program, { ...options, detached: this.#isGroup }).spawn();
    addEventListener("unload", this.#onUnload);
  }

  /** The program itself. */
  get leader(): Deno.ChildProcess {
    return this.#child;
  }

  /** Signals all of the group; false if none of it is left. */
  kill(signal: Deno.Signal): boolean {
    try {
      if (this.#isGroup) Deno.kill(-this.#child.pid, signal);
      else this.#child.kill(signal);
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
    let isLeft = this.#isGroup && this.kill("SIGTERM");
    for (let waited = 0; isLeft && waited < grace; waited += LOOK) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      isLeft = this.kill("SIGCONT");
    }
    if (isLeft) this.kill("SIGKILL");
    removeEventListener("unload", this.#onUnload);
  }
}

/** Milliseconds between two looks at whether a group is empty: no event tells. */
const LOOK = 20;
