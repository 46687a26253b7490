/**
 * What happened, as a line for people, in logfmt, or as a JSON text.
 *
 * @module
 */

import { printable } from "../text/printable.ts";

/** How much a line matters, the least first. */
export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = typeof LEVELS[number];

/** How lines look. */
export const LOG_FORMATS = ["text", "logfmt", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** What sd-daemon(3) calls the levels. */
const PRIORITIES: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** What there is to know of an event, by names in snake_case. Those that are undefined are left out. */
export type Fields = Readonly<Record<string, string | number | undefined>>;

/** Something that happened. What stands in its line is made only if the line is written. */
export interface Entry {
  readonly level: Level;
  /** What happened: always the same few words. */
  readonly msg: string;
  /** Texts as they are: they are escaped here. */
  readonly fields: () => Fields;
  /** The same for people, with nothing in it that is to be escaped. */
  readonly text: () => string;
  /** Whether `text` may have more than one line: there is a stack. @default {false} */
  readonly hasStack?: boolean;
  /** What it is about, where many things share the lines of a second; see {@linkcode LogStream.line}. */
  readonly source?: string;
}

/** The line of an entry, without its end; several only where `text` has several. */
export function formatted(entry: Entry, format: LogFormat, time: Date): string {
  const { level, msg, fields, text } = entry;
  if (format === "text") return text();
  const all: Fields = { time: time.toISOString(), level, msg, ...fields() };
  return format === "json" ? printable(JSON.stringify(all)) : logfmt(all);
}

/** Lines with what tells the journal how much they matter. */
export function withPriority(lines: string, level: Level): string {
  return lines.replaceAll(/^/gm, `<${PRIORITIES[level]}>`);
}

/** As https://pkg.go.dev/github.com/kr/logfmt reads it, and with it Loki. */
function logfmt(fields: Fields): string {
  return Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${logfmtValue(String(value))}`).join(" ");
}

function logfmtValue(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : printable(JSON.stringify(text));
}
