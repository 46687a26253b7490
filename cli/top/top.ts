/**
 * `client.ts top`: what a running server does, as a view that is drawn again each second.
 *
 * @module
 */

import type { Stats } from "../../lib/builtin/stats.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { delay, type Open, withLine } from "../command/line.ts";
import { timeOption } from "../command/number_option.ts";
import { printable } from "../text/printable.ts";
import { print } from "../text/stdio.ts";
import { rowsOf, type Sort, SORTS, viewOf } from "./view.ts";

/** What `top --help` prints. */
export const help = `\
Shows what a running server does: its methods, its connections, what limits
refuse, how late its event loop is, and its memory.

Usage: client.ts top [OPTIONS] ADDRESS

Options:
  --every TIME      500ms, 1s, 2m: from one look to the next [default: 1s]
  --once            looks once, and prints what there was since the server began
  --json            with --once: as JSON

ADDRESS is one where rpc.stats may be called: that of serve --admin, or one
where the server knows you as an operator.

Keys: s sorts by the next column, / filters (Enter ends, Escape shows all), p or
the space bar pauses, q or Ctrl-C ends.

Example:
  client.ts top unix:///run/app.admin
`;

/** Its own options. */
export const options = {
  every: { type: "string" },
  once: { type: "boolean" },
} as const satisfies ArgumentOptions;

/** Milliseconds between two looks. */
const EVERY = 1000;

/** Another screen without a cursor, and back. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** Shows it. */
export function run([address, ...rest]: readonly string[], given: Given): Promise<number> {
  if (address === undefined || rest.length > 0) {
    throw new TypeError("Cannot look: one ADDRESS is needed, top --help shows how");
  }
  const isOnce = given.values.has("once");
  if (given.json && !isOnce) throw new TypeError("Cannot use --json without --once");
  if (!isOnce && !(Deno.stdin.isTerminal() && Deno.stdout.isTerminal())) {
    throw new TypeError("Cannot show a view: this is no terminal, --once prints it");
  }
  const every = timeOption(given.values, "every") ?? EVERY;
  return withLine(address, given, (open) => isOnce ? once(open, given) : live(open, every));
}

async function ask({ line, signal }: Open): Promise<Stats> {
  try {
    return await line.request("rpc.stats", undefined, { signal }) as Stats;
  } catch (error) {
    throw new Exit(EXIT.FAILED, error);
  }
}

async function once(open: Open, { json }: Given): Promise<number> {
  const stats = await ask(open);
  if (json) {
    const { bounds: _, ...others } = stats;
    await print(printable(JSON.stringify({ ...others, methods: rowsOf(stats) })) + "\n");
  } else {
    const view = { height: Infinity, sort: "rate", filter: "", footer: "" } as const;
    await print(viewOf(stats, undefined, view).map((line) => line.trimEnd() + "\n").join(""));
  }
  return EXIT.OK;
}

async function live(open: Open, every: number): Promise<number> {
  const write = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(text));
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    Deno.stdin.setRaw(false);
    write(LEAVE);
  };
  // The program ends before this function does.
  open.signal.addEventListener("abort", leave);
  Deno.stdin.setRaw(true);
  write(ENTER);
  try {
    const view = new View(write);
    const ended = view.readKeys();
    for (;;) {
      view.show(await ask(open));
      const code = await Promise.race([ended, delay(every)]);
      if (code !== undefined) return code;
    }
  } finally {
    leave();
  }
}

/** What is on the screen, and what keys make of it. */
class View {
  readonly #write: (text: string) => void;
  #now: Stats | undefined;
  #before: Stats | undefined;
  #sort: Sort = "rate";
  #filter = "";
  #isFiltering = false;
  #isPaused = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Another answer. */
  show(stats: Stats): void {
    if (this.#isPaused) return;
    this.#before = this.#now;
    this.#now = stats;
    this.#draw();
  }

  /** Resolves to the exit code once a key ends the view. */
  async readKeys(): Promise<number> {
    const buffer = new Uint8Array(256), decoder = new TextDecoder();
    for (let count; (count = await Deno.stdin.read(buffer)) !== null;) {
      for (const key of decoder.decode(buffer.subarray(0, count), { stream: true })) {
        if (key === "\x03") return 130;
        if (key === "q" && !this.#isFiltering) return EXIT.OK;
        this.#press(key);
      }
      this.#draw();
    }
    return EXIT.OK;
  }

  #press(key: string): void {
    if (key === "\x1b") [this.#filter, this.#isFiltering] = ["", false];
    else if (this.#isFiltering) {
      if (key === "\r" || key === "\n") this.#isFiltering = false;
      else if (key === "\x7f" || key === "\b") this.#filter = this.#filter.slice(0, -1);
      else if (key >= " ") this.#filter += key;
    } else if (key === "/") [this.#filter, this.#isFiltering] = ["", true];
    else if (key === "p" || key === " ") this.#isPaused = !this.#isPaused;
    else if (key === "s") this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length]!;
  }

  /** In one write, each line over the one before it: nothing flickers. */
  #draw(): void {
    if (this.#now === undefined) return;
    const { rows } = Deno.consoleSize(), height = rows || 24; // a terminal may not say
    const filter = this.#isFiltering ? `filter: ${this.#filter}_` : `/ filter ${this.#filter}`;
    const footer = `q quit   p ${
      this.#isPaused ? "go on" : "pause"
    }   s sort: ${this.#sort}   ${filter}`;
    const lines = viewOf(this.#now, this.#before, {
      height,
      sort: this.#sort,
      filter: this.#filter,
      footer,
    });
    this.#write("\x1b[H" + lines.map((line) => `${line}\x1b[K`).join("\r\n") + "\x1b[J");
  }
}
