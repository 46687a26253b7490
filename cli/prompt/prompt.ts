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
import { errorText } from "../command/errors.ts";
import { complete } from "./completer.ts";
import { listText, methodText } from "../describe/describe_text.ts";
import { type Description, discover, isBuiltInStream } from "../describe/discover.ts";
import { EXIT, SIGNALS } from "../command/exit.ts";
import { addToHistory, historyFile, readHistory } from "./history.ts";
import { makeCall } from "../call/print_call.ts";
import { sendNotification } from "../call/notification.ts";
import { isUnfinished, parseCall } from "../command/params.ts";
import { printable, quoted } from "../text/printable.ts";
import { print, readLines } from "../text/stdio.ts";
import { TerminalInput } from "./terminal_input.ts";
import { type Open, withLine } from "../command/line.ts";

/** Its own options. */
export const options = {} as const satisfies ArgumentOptions;

const PROMPT = ">>: ";
const MORE = "... ";

/** Bytes of one line of the input, where nobody types. */
const MAX_LINE = 1 << 24;

/** Milliseconds that the server is given to describe itself before the first prompt. */
const PATIENCE = 1000;

const NOTHING_KNOWN: Description = { title: "", version: "", methods: [], document: {} };

const HELP = `\
METHOD PARAMS      calls a method: add a=1 b=2, or add {"a": 1, "b": 2}, or
                   upper "hello"; what a bracket opens may go on below
.list              the methods, and what they do
.describe METHOD   the params, the result and the errors of a method
.notify METHOD PARAMS
                   sends a notification: waits for no answer
.time              whether it is said how long a call took
.help              prints this

Tab completes methods and params. Ctrl-C cancels a call, Ctrl-D leaves.
`;

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
    [".help", () => print(HELP)],
    [".list", (_, signal) => this.#list(signal)],
    [".notify", (rest) => this.#notify(rest)],
    [".time", () => this.#time()],
  ]);
  /** The lines of an entry that is not at its end. */
  #begun = "";
  /** Why the line has ended, where it has. */
  #lost: string | undefined;

  constructor(open: Open, given: Given) {
    this.#open = open;
    this.#given = given;
    this.#noteEnd();
  }

  /** Does what a person types. */
  async talk(address: string): Promise<number> {
    await this.#discover(AbortSignal.any([this.#open.signal, AbortSignal.timeout(PATIENCE)]));
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
      wasInterrupted = cancel.signal.aborted;
    }
  }

  /** Does what stands on standard input. */
  async readInput(): Promise<number> {
    const { signal } = this.#open;
    await this.#discover(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
    for await (const input of readLines(Deno.stdin.readable, MAX_LINE, signal)) {
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
      if (!word.startsWith(".")) {
        await this.#call(entry, signal);
        if (this.#isTimed) console.error(`${(performance.now() - start).toFixed(1)} ms`);
        return;
      }
      const command = this.#commands.get(word);
      if (command === undefined) {
        throw new Error(`There is no ${quoted(word)}, .help lists what is`);
      }
      await command(rest, signal);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      if (!this.#open.signal.aborted) this.#say(error);
    }
  }

  async #call(entry: string, signal: AbortSignal): Promise<void> {
    const { method, params } = parseCall(entry);
    const { refused } = this.#open;
    await makeCall(await this.#line(), {
      method,
      params,
      isStream: isBuiltInStream(method) ||
        this.#description.methods.some(({ name, down }) => name === method && down !== undefined),
      // What was refused before says nothing of this call.
      signal: refused.aborted ? signal : AbortSignal.any([signal, refused]),
      timeout: this.#given.timeout,
      json: this.#given.json,
    });
  }

  async #list(signal: AbortSignal): Promise<void> {
    await print(listText(await this.#described(signal)));
  }

  async #describe(name: string, signal: AbortSignal): Promise<void> {
    if (name === "") throw new Error("Cannot describe: .describe needs the name of a method");
    const description = await this.#described(signal);
    const method = description.methods.find((method) => method.name === name);
    if (method === undefined) throw new Error(`The server names no method ${quoted(name)}`);
    await print(methodText(method, description));
  }

  async #notify(rest: string): Promise<void> {
    if (rest === "") throw new Error("Cannot notify: .notify needs the name of a method");
    const { method, params } = parseCall(rest);
    sendNotification(await this.#line(), method, params);
  }

  async #time(): Promise<void> {
    this.#isTimed = !this.#isTimed;
    await print(`${this.#isTimed ? "It is" : "It is not"} said how long a call takes\n`);
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

  async #discover(signal: AbortSignal): Promise<void> {
    try {
      await this.#described(signal);
    } catch {
      // What it does not say cannot be completed.
    }
  }

  #greeting(address: string): string {
    const { title, version, methods } = this.#description;
    const about = [title, version].filter((text) => text !== "").join(" ");
    const what = methods.length === 0 ? "" : `, ${methods.length} methods`;
    return `Connected to ${printable(address)}${
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
