/**
 * How client.ts ends: its exit codes, and the one error that carries one of them.
 *
 * @module
 */

/** The exit codes; `--help` says the same in words. */
export const EXIT = {
  OK: 0,
  /** An error was answered, the connection was lost, or something was not as it should be. */
  FAILED: 1,
  /** The command line makes no sense. */
  USAGE: 2,
  NO_CONNECTION: 3,
  DEADLINE: 4,
  /** What `health` finds: another status than SERVING, and no such service. */
  NOT_SERVING: 5,
  NO_SERVICE: 6,
  /** What a shell shows for a program whose reader has gone, as in `client.ts … - | head`. */
  NO_READER: 141,
} as const;

/** The exit codes of signals: 128 and the signal's number. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ends the program: why goes to standard error. */
export class Exit extends Error {
  override readonly name = "Exit";
  /** The exit code. */
  readonly code: number;
  /** Why, as it is told. */
  readonly error: unknown;

  /** What a command throws that cannot go on. */
  constructor(code: number, error: unknown) {
    super(`The program ends with ${code}`);
    this.code = code;
    this.error = error;
  }
}
