/**
 * `client.ts ADDRESS`: a prompt, at which methods are called by hand.
 *
 * ```text
 * >>: add a=1 b=2
 * 3
 * ```
 *
 * Without a terminal it reads lines from standard input in the same way, one call after another, and
 * prompts for nothing.
 *
 * @module
 */

import { type Line, RpcError } from "../../lib/client.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { callMeta } from "../command/call_meta.ts";
import { errorText } from "../command/errors.ts";
import { complete } from "./completer.ts";
import { listText, methodText } from "../describe/describe_text.ts";
import {
  describeIfAsked,
  type Description,
  discover,
  isBuiltInStream,
  type MethodDescription,
} from "../describe/discover.ts";
import { fitParams, leavesRoomForMeta } from "../describe/fit_params.ts";
import { hintFor, nearest, noSuchMethod } from "../describe/hints.ts";
import { EXIT, SIGNALS } from "../command/exit.ts";
import { addToHistory, historyFile, readHistory } from "./history.ts";
import { makeCall } from "../call/print_call.ts";
import { sendNotification } from "../call/notification.ts";
import { isUnfinished, parseCall, splitCall } from "../command/params.ts";
import { printable, printableAddress, quoted } from "../text/printable.ts";
import { print, readLines } from "../text/stdio.ts";
import { TerminalInput } from "./terminal_input.ts";
import { type Open, withLine } from "../command/line.ts";

/** Its own options. */
export const options = {
  meta: { type: "string", multiple: true },
  answer: { type: "string", multiple: true },
  "raw-output": { type: "boolean", short: "r" },
} as const satisfies ArgumentOptions;

const PROMPT = ">>: ";
const MORE = "... ";

/** Bytes of one line of the input, where nobody types. */
const MAX_LINE = 1 << 24;

const NOTHING_KNOWN: Description = { title: "", version: "", methods: [], document: {} };

const HELP = `\
METHOD PARAMS      calls a method: add a=1 b=2, or add {"a": 1, "b": 2}, or
                   upper hello; what a bracket opens may go on below
.list              the methods, and what they do; also \\d
.describe METHOD   the params, the result and the errors of a method; also
                   \\d METHOD, or help METHOD
.notify METHOD PARAMS
                   sends a notification: waits for no answer
.time              turns on, or off, how long each call took; also \\timing
.help              prints this; also help, ? or \\?
.exit              leaves; also exit, quit, \\q or Ctrl-D

Tab completes methods and params. Ctrl-C cancels a call.
`;

/**
 * What people who know other prompts type, by what it means here: without anything behind it, and with
 * the name of a method. A method of the server's that is called so comes first.
 */
const ALIASES: ReadonlyMap<string, readonly [alone: string, withName: string]> = new Map([
  ["exit", [".exit", ".exit"]],
  ["quit", [".exit", ".exit"]],
  [".quit", [".exit", ".exit"]],
  ["\\q", [".exit", ".exit"]],
  ["help", [".help", ".describe"]],
  ["?", [".help", ".describe"]],
  ["\\?", [".help", ".describe"]],
  ["\\h", [".help", ".describe"]],
  ["\\d", [".list", ".describe"]],
  ["\\d+", [".list", ".describe"]],
  ["\\df", [".list", ".describe"]],
  ["\\df+", [".list", ".describe"]],
  ["\\dt", [".list", ".describe"]],
  ["\\l", [".list", ".list"]],
  ["\\timing", [".time", ".time"]],
  ["list", [".list", ".list"]],
  ["describe", [".list", ".describe"]],
]);

/** Opens the line and prompts. */
export function run([address]: readonly string[], given: Given): Promise<number> {
  return withLine(address!, given, async (open) => {
    const prompt = new Prompt(open, given);
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return await prompt.readInput();
    return await prompt.talk(address!);
  });
}

/** What a command with a dot does. */
type Command = (rest: string, signal: AbortSignal) => Promise<void>;

/** The conversation. */
class Prompt {
  readonly #open: Open;
  readonly #given: Given;
  #description = NOTHING_KNOWN;
  #isTimed = false;
  #failed = false;
  readonly #commands: ReadonlyMap<string, Command> = new Map<string, Command>([
    [".describe", (rest, signal) => this.#describe(rest, signal)],
    [".exit", () => this.#exit()],
    [".help", () => print(HELP)],
    [".list", (_, signal) => this.#list(signal)],
    [".notify", (rest) => this.#notify(rest)],
    [".time", () => this.#time()],
  ]);
  /** The lines of an entry that is not at its end. */
  #begun = "";
  /** Why the line has ended, where it has. */
  #lost: string | undefined;
  #isOver = false;

  constructor(open: Open, given: Given) {
    this.#open = open;
    this.#given = given;
  }

  /** Does what a person types. */
  async talk(address: string): Promise<number> {
    await this.#begin();
    await print(this.#greeting(address));
    const file = historyFile();
    using input = new TerminalInput({
      history: readHistory(file),
      complete: (line) =>
        complete(this.#begun + line, [...this.#commands.keys()], this.#description),
    });
    const entries: string[] = [];
    try {
      return await this.#loop(input, entries);
    } finally {
      addToHistory(file, entries);
    }
  }

  async #loop(input: TerminalInput, entries: string[]): Promise<number> {
    let lines = 0, wasInterrupted = false;
    for (;;) {
      const typed = await input.read(this.#begun === "" ? PROMPT : MORE);
      if (typed.kind === "ended") {
        await print("\n");
        return EXIT.OK;
      }
      if (typed.kind === "interrupted") {
        const isNothing = typed.isEmpty && this.#begun === "";
        if (isNothing && wasInterrupted) return SIGNALS.SIGINT;
        await print(isNothing ? "\n(Ctrl-C again or Ctrl-D leaves)\n" : "\n");
        this.#begun = "";
        lines = 0;
        wasInterrupted = isNothing;
        continue;
      }
      lines++;
      const entry = this.#begun + typed.text;
      if (isUnfinished(entry)) {
        this.#begun = entry + "\n";
        continue;
      }
      const whole = entry.split("\n").map((line) => line.trim()).filter(Boolean).join(" ");
      if (lines > 1) input.join(lines, whole);
      if (isKept(whole)) entries.push(whole.trim());
      this.#begun = "";
      lines = 0;
      const cancel = new AbortController();
      input.onInterrupt = () => cancel.abort(new RpcError("CANCELLED", "Cancelled"));
      await this.#do(entry, AbortSignal.any([this.#open.signal, cancel.signal]));
      input.onInterrupt = undefined;
      if (this.#isOver) return EXIT.OK;
      wasInterrupted = cancel.signal.aborted;
    }
  }

  /** Does what stands on standard input. */
  async readInput(): Promise<number> {
    const { signal } = this.#open;
    await this.#begin();
    for await (const input of readLines(Deno.stdin.readable, MAX_LINE, signal)) {
      if (this.#isOver) break;
      if ("fault" in input) this.#say(new Error(`Cannot read the input: ${input.fault}`));
      else if (this.#begun === "" && !isUnfinished(input.text)) await this.#do(input.text, signal);
      else {
        this.#begun += input.text + "\n";
        if (isUnfinished(this.#begun)) continue;
        await this.#do(this.#begun, signal);
        this.#begun = "";
      }
    }
    if (this.#begun !== "") await this.#do(this.#begun, signal); // it says what is missing
    return this.#failed ? EXIT.FAILED : EXIT.OK;
  }

  /** Does what an entry says, and tells what went wrong. */
  async #do(entry: string, signal: AbortSignal): Promise<void> {
    const [, word = "", rest = ""] = /^(\S*)\s*(.*)$/s.exec(entry.trim())!;
    if (word === "") return;
    const start = performance.now();
    try {
      const name = this.#commandOf(word, rest);
      if (name === undefined) {
        await this.#call(entry, signal);
        if (this.#isTimed) console.error(`${(performance.now() - start).toFixed(1)} ms`);
        return;
      }
      await this.#commands.get(name)!(rest, signal);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      if (this.#open.signal.aborted) return;
      this.#say(error);
      if (!(error instanceof RpcError) || this.#given.json) return;
      const hint = hintFor(error, word, this.#description, this.#given.tokenFile !== undefined);
      if (hint !== undefined) console.error(hint);
    }
  }

  /** The command that an entry is; undefined if it is a call. */
  #commandOf(word: string, rest: string): string | undefined {
    const alias = this.#find(word) === undefined ? ALIASES.get(word) : undefined;
    const name = alias?.[rest === "" ? 0 : 1] ?? word;
    if (this.#commands.has(name)) return name;
    if (!/^[.\\]/.test(name)) return undefined;
    const meant = nearest(name, [...this.#commands.keys(), ...ALIASES.keys()]);
    throw new Error(
      `There is no ${quoted(word)}, ${
        meant === undefined ? "" : `did you mean ${meant}? `
      }.help lists what is`,
    );
  }

  #find(method: string): MethodDescription | undefined {
    return this.#description.methods.find(({ name }) => name === method);
  }

  async #call(entry: string, signal: AbortSignal): Promise<void> {
    const { method, text, words } = splitCall(entry), known = this.#find(method);
    if (known?.up !== undefined) {
      throw new Error(
        `${method} takes items, and the prompt has none: call it on the command line, which reads ` +
          "them from standard input",
      );
    }
    if (words.some((word) => /^(?:[^=]*=)?@-$/.test(word))) {
      throw new Error("Cannot read @-: at the prompt standard input is what you type");
    }
    const params = fitParams({ words, text }, method, this.#description);
    await makeCall(await this.#line(), {
      method,
      params,
      isStream: isBuiltInStream(method) || known?.down !== undefined,
      signal,
      timeout: this.#given.timeout,
      meta: callMeta(this.#given),
      progress: known !== undefined && leavesRoomForMeta(params, known),
      json: this.#given.json,
      rawOutput: this.#given.values.has("raw-output"),
    });
  }

  #exit(): Promise<void> {
    this.#isOver = true;
    return Promise.resolve();
  }

  async #list(signal: AbortSignal): Promise<void> {
    await print(listText(await this.#described(signal)));
  }

  async #describe(name: string, signal: AbortSignal): Promise<void> {
    if (name === "") throw new Error("Cannot describe: .describe needs the name of a method");
    const description = await this.#described(signal);
    const method = this.#find(name);
    if (method === undefined) throw noSuchMethod(name, description);
    await print(methodText(method, description));
  }

  async #notify(rest: string): Promise<void> {
    if (rest === "") throw new Error("Cannot notify: .notify needs the name of a method");
    const { method, params } = parseCall(rest);
    sendNotification(await this.#line(), method, params);
  }

  async #time(): Promise<void> {
    this.#isTimed = !this.#isTimed;
    await print(`Timing is ${this.#isTimed ? "on" : "off"}\n`);
  }

  /** What the server says of itself now: it may be another one than before. */
  async #described(signal: AbortSignal): Promise<Description> {
    return this.#description = await discover(await this.#line(), signal);
  }

  /** The line; a new one where the last has ended. */
  async #line(): Promise<Line> {
    if (this.#lost !== undefined) {
      console.error(`The connection ended: ${printable(this.#lost)}. Connecting again`);
      await this.#open.redial();
      this.#lost = undefined;
      this.#noteEnd();
    }
    return this.#open.line;
  }

  #noteEnd(): void {
    this.#open.line.closed.then(({ reason }) => this.#lost = reason);
  }

  /** Finds out what can be completed, as far as the server says so. */
  async #begin(): Promise<void> {
    const description = this.#given.plain ? undefined : await describeIfAsked(this.#open);
    this.#description = description ?? NOTHING_KNOWN;
    this.#noteEnd();
  }

  #greeting(address: string): string {
    const { title, version, methods } = this.#description;
    const about = [title, version].filter((text) => text !== "").join(" ");
    const what = methods.length === 0 ? "" : `, ${methods.length} methods`;
    return `Connected to ${printableAddress(address)}${
      about && `: ${printable(about)}`
    }${what}; try .help\n`;
  }

  #say(error: unknown): void {
    this.#failed = true;
    console.error(errorText(error, this.#given.json));
  }
}

/** Whether an entry is kept for the next run: a token is not. */
function isKept(entry: string): boolean {
  return entry.trim() !== "" && !entry.includes("rpc.authenticate");
}
