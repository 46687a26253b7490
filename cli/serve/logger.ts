/**
 * Where the lines of main.ts go: to standard output what happens, to standard error what goes wrong, no more
 * than so many a second.
 *
 * They are written past `console`: with `OTEL_DENO=true` Deno would send them to the collector too, which often
 * gets what the journal has, and there each line would be twice.
 *
 * @module
 */

import { variable } from "../command/permissions.ts";
import { said } from "./log.ts";
import {
  type Entry,
  formatted,
  type Level,
  LEVELS,
  type LogFormat,
  withPriority,
} from "./log_format.ts";
import { Log, type LogStream } from "./rate_limited_log.ts";

/** What is written, and how. */
export interface LoggerOptions {
  readonly format: LogFormat;
  /** What matters less is left out. */
  readonly level: Level;
  /** Whether standard output belongs to a protocol: everything goes to standard error then. */
  readonly errorsOnly: boolean;
}

type Output = typeof Deno.stdout | typeof Deno.stderr;

/** Writes what happens. */
export class Logger {
  readonly #options: LoggerOptions;
  readonly #log: Log;
  readonly #streams: Readonly<Record<Level, LogStream>>;

  constructor(options: LoggerOptions) {
    this.#options = options;
    const warn = this.#writer("warn");
    this.#log = new Log((text, count) => {
      warn(this.#format(said("warn", "lines left out", text, { left_out: count, err: text })));
    });
    this.#streams = Object.fromEntries(
      LEVELS.map((level) => [level, this.#log.stream(this.#writer(level))]),
    ) as Record<Level, LogStream>;
  }

  /** Whether lines of this level are written. */
  writes(level: Level): boolean {
    return LEVELS.indexOf(level) >= LEVELS.indexOf(this.#options.level);
  }

  /** Writes a line, unless it matters too little or there were too many in this second. */
  write(entry: Entry): void {
    const { level, source, hasStack } = entry;
    if (!this.writes(level)) return;
    const make = () => this.#format(entry);
    this.#streams[level].line(hasStack ? make() : make, source);
  }

  /** Says what was left out. */
  flush(): void {
    this.#log.flush();
  }

  #format(entry: Entry): string {
    return formatted(entry, this.#options.format, new Date());
  }

  #writer(level: Level): (lines: string) => void {
    const isError = this.#options.errorsOnly || level === "warn" || level === "error";
    const output = isError ? Deno.stderr : Deno.stdout, isJournal = goesToJournal(output);
    return (lines) => write(output, isJournal ? withPriority(lines, level) : lines);
  }
}

/** Whether a journal reads it. A terminal may have inherited the variables of a service. */
function goesToJournal(output: Output): boolean {
  return !output.isTerminal() &&
    (variable("JOURNAL_STREAM") ?? variable("NOTIFY_SOCKET")) !== undefined;
}

/** A reader that has gone does not end the server. */
function write(output: Output, lines: string): void {
  const bytes = new TextEncoder().encode(lines + "\n");
  try {
    for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
  } catch {
    // a pipe whose reader has gone
  }
}
