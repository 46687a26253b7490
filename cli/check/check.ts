/**
 * `client.ts check`: tells how well a server keeps JSON-RPC 2.0.
 *
 * @module
 */

import type { Framing } from "../../lib/wire.ts";
import { joined, showBytes } from "../text/byte_size.ts";
import { type Case, casesFor, type KnownCall, lastCall, valueOf } from "./cases.ts";
import { type Heard, Talk } from "./talk.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { EXIT } from "../command/exit.ts";
import { parseParams } from "../command/params.ts";
import { printable, printableAddress } from "../text/printable.ts";
import { mustBeStream } from "../command/stream_address.ts";
import { type Interruption, listenForSignals } from "../command/signals.ts";
import { print } from "../text/stdio.ts";
import { framingOf, openCaller } from "../command/line.ts";

/** What `check --help` prints. */
export const help = `\
Tells how well a server keeps JSON-RPC 2.0: sends it the examples of the
specification and the edges where implementations differ, and looks at what it
answers. What it sends is harmless: calls of a method that does not exist, and
texts that are no calls.

Usage: client.ts check [OPTIONS] ADDRESS

Options:
  --method NAME     a method that may be called, more than once; how answers of
                    calls that succeed look is checked with it
                    [default: rpc.discover, where the server has that]
  --params JSON     its params [default: none]
  --json            prints one JSON text: all cases, and the bytes of those that
                    failed

--timeout here is how long an answer may take [default: 2000]; a connection may
take 2000 in any case. Each case is a line: pass, FAIL, or n/a where it is about
another framing, or needs a call that succeeds and none is known. Behind it
stands the section of the specification; what is marked "edge" the specification
leaves open, and PROTOCOL.md says how it was read here. Under a case that failed
stand the bytes.

Exit codes:
  0    nothing failed
  1    something did
  2    the command line makes no sense
  3    cannot connect

Examples:
  client.ts check tcp://127.0.0.1:8080
  client.ts check --framing headers 'command:pylsp'
  client.ts check --method add --params '[1,2]' tcp://127.0.0.1:8080
`;

/** Its own options. */
export const options = {
  method: { type: "string" },
  params: { type: "string" },
} as const satisfies ArgumentOptions;

/** Milliseconds that an answer may take. */
const ANSWER_TIMEOUT = 2000;

/** Milliseconds of silence after which what did not come will not come. */
const SILENCE = 100;

const SILENT: Heard = { kind: "silence" };

/** What came of a case. */
type Outcome =
  | { readonly outcome: "pass" }
  | { readonly outcome: "n/a"; readonly why: string }
  | {
    readonly outcome: "fail";
    readonly why: string;
    readonly sent: string;
    readonly received: string;
  };

type Checked = Pick<Case, "name" | "source"> & Outcome;

/** Checks. */
export async function run(words: readonly string[], given: Given): Promise<number> {
  const [address, ...others] = words;
  if (address === undefined || others.length > 0) {
    throw new TypeError("Cannot check: one ADDRESS is needed, check --help shows how");
  }
  mustBeStream(address, ["http", "https", "ws", "wss"]);
  const asked = readKnownCall(given.values);
  const interruption = listenForSignals();
  const checker = new Checker(address, given, interruption);
  const checking = checkAll(checker, asked, given, printableAddress(address));
  checking.catch(() => {}); // after a signal nobody waits for it
  const exitCode = await Promise.race([checking, interruption.exitCode]);
  await Promise.race([checker.close(), checking]);
  return exitCode;
}

function readKnownCall(values: Given["values"]): KnownCall | undefined {
  const method = values.get("method");
  if (values.has("params") && !values.has("method")) {
    throw new TypeError("Cannot read --params: they belong to a --method, there is none");
  }
  if (!values.has("method")) return undefined;
  if (!method) throw new TypeError("Cannot read --method: it needs the name of a method");
  const params = parseParams(values.has("params") ? [values.get("params") ?? ""] : []);
  return { method, params: params === undefined ? undefined : JSON.stringify(params) };
}

async function checkAll(
  checker: Checker,
  asked: KnownCall | undefined,
  { json }: Given,
  shown: string,
): Promise<number> {
  const known = asked ?? await checker.discover();
  const { name: framing } = await checker.framing();
  if (!json) await print(`${shown}, ${framing}\n\n`);
  const all: Checked[] = [];
  for (const one of casesFor(known)) {
    const checked = { name: one.name, source: one.source, ...await checker.check(one) };
    all.push(checked);
    if (!json) await print(describe(checked));
  }
  if (known === undefined) {
    const none: Checked = {
      name: "calls that succeed",
      source: "5",
      outcome: "n/a",
      why: "no method is known; --method names one",
    };
    all.push(none);
    if (!json) await print(describe(none));
  }
  const count = (outcome: Outcome["outcome"]) => all.filter((it) => it.outcome === outcome).length;
  const [passed, failed, notApplicable] = [count("pass"), count("fail"), count("n/a")];
  await print(
    json
      ? printable(
        JSON.stringify({ address: shown, framing, passed, failed, notApplicable, cases: all }),
      ) + "\n"
      : `\n${passed} passed, ${failed} failed, ${notApplicable} not applicable\n`,
  );
  return failed === 0 ? EXIT.OK : EXIT.FAILED;
}

function describe(checked: Checked): string {
  const { name, source } = checked;
  const title = printable(`${name} (${source === "edge" ? source : `section ${source}`})`);
  switch (checked.outcome) {
    case "pass":
      return `pass  ${title}\n`;
    case "n/a":
      return `n/a   ${title}: ${checked.why}\n`;
    case "fail":
      return `FAIL  ${title}\n` +
        `        why       ${printable(checked.why)}\n` +
        `        sent      ${checked.sent}\n` +
        `        received  ${checked.received}\n`;
  }
}

/** Puts cases to a server, one after another. */
class Checker {
  readonly #address: string;
  readonly #given: Given;
  readonly #interruption: Interruption;
  readonly #timeout: number;
  #talk: Talk | undefined;
  /** What is spoken there; known once there is a connection. */
  #framing: Framing | undefined;
  #count = 0;

  constructor(address: string, given: Given, interruption: Interruption) {
    this.#address = address;
    this.#given = given;
    this.#interruption = interruption;
    this.#timeout = given.timeout ?? ANSWER_TIMEOUT;
  }

  /** What is spoken there. */
  async framing(): Promise<Framing> {
    await this.#open();
    return this.#framing!;
  }

  /** Asks for `rpc.discover`, whose answer does no harm; undefined where the server has no such. */
  async discover(): Promise<KnownCall | undefined> {
    const talk = await this.#open();
    await talk.send(this.#frame('{"jsonrpc":"2.0","id":"discover","method":"rpc.discover"}'));
    const heard = await this.#answer(talk);
    const value = heard.kind === "frame" ? valueOf(heard.text)?.value : undefined;
    if (value !== null && typeof value === "object" && "result" in value) {
      return { method: "rpc.discover", params: undefined };
    }
    await this.close();
    return undefined;
  }

  /** Puts one case; what went wrong on its connection is not carried on to the next. */
  async check(one: Case): Promise<Outcome> {
    const talk = await this.#open(), framing = this.#framing!;
    const pieces = one.pieces === undefined
      ? [joined(one.send!.map((text) => this.#frame(text)))]
      : one.pieces(framing.name, (text) => this.#frame(text));
    if (pieces === undefined) return { outcome: "n/a", why: `the framing is ${framing.name}` };
    talk.forget();
    for (const piece of pieces) await talk.send(piece);
    if (one.halfClose && !await talk.halfClose()) {
      await this.close();
      return { outcome: "n/a", why: "the transport cannot" };
    }
    const why = await this.#fault(talk, one);
    const outcome: Outcome = why === undefined ? { outcome: "pass" } : {
      outcome: "fail",
      why,
      sent: showBytes(talk.sent),
      received: talk.received.length === 0 ? "nothing" : showBytes(talk.received),
    };
    const isSpent = why !== undefined || one.halfClose || one.expected.kind === "refusal";
    if (isSpent || talk.ended) await this.close();
    return outcome;
  }

  /** What is wrong with what comes; undefined where it is as it should be. */
  async #fault(talk: Talk, { expected }: Case): Promise<string | undefined> {
    switch (expected.kind) {
      case "refusal": {
        const heard = await this.#answer(talk);
        if (heard.kind === "silence") return `neither an error nor an end in ${this.#timeout} ms`;
        if (heard.kind !== "frame") return undefined;
        const value = valueOf(heard.text)?.value;
        const isError = value !== null && typeof value === "object" && "error" in value;
        return isError ? undefined : "expected an error, or the end of the connection";
      }
      case "answers": {
        const values: unknown[] = [];
        while (values.length < expected.count) {
          const heard = await this.#answer(talk);
          if (heard.kind === "frame") values.push(valueOf(heard.text)?.value);
          else {
            const wanted = expected.count === 1 ? "an answer" : `${expected.count} answers`;
            return `expected ${wanted}, there are ${values.length}${this.#after(heard)}`;
          }
        }
        return expected.fault(values);
      }
      case "nothing":
        return await this.#faultBefore(talk, false);
      case "no harm":
        return await this.#faultBefore(talk, true);
    }
  }

  /** What is wrong up to the answer to one call more, and in the silence behind it. */
  async #faultBefore(talk: Talk, mayAnswer: boolean): Promise<string | undefined> {
    const id = `check-${++this.#count}`;
    await talk.send(this.#frame(lastCall(id)));
    const end = performance.now() + this.#timeout;
    let isAnswered = false;
    while (performance.now() < end) {
      const heard = await this.#answer(talk, isAnswered ? SILENCE : this.#timeout);
      if (heard.kind === "frame" && isAnswerTo(id, heard.text)) isAnswered = true;
      else if (heard.kind === "frame" && !mayAnswer) return "expected nothing";
      else if (isAnswered && heard.kind === "silence") return undefined;
      else if (heard.kind !== "frame") {
        return `the call that follows is not answered${this.#after(heard)}`;
      }
    }
    // It talks on and on.
    return isAnswered ? undefined : `the call that follows is not answered in ${this.#timeout} ms`;
  }

  #after(heard: Exclude<Heard, { readonly kind: "frame" }>): string {
    switch (heard.kind) {
      case "end":
        return ", then the end of the connection";
      case "fault":
        return `, then what is no frame: ${heard.reason}`;
      case "silence":
        return ` in ${this.#timeout} ms`;
    }
  }

  /** The next answer: requests and notifications of the server's own are passed over. */
  async #answer(talk: Talk, timeout: number = this.#timeout): Promise<Heard> {
    for (const end = performance.now() + timeout;;) {
      const left = end - performance.now();
      const heard = left < 0 ? SILENT : await talk.listen(left);
      if (heard.kind !== "frame") return heard;
      const value = valueOf(heard.text)?.value;
      const isMessage = value !== null && typeof value === "object" && "method" in value;
      if (!isMessage) return heard;
    }
  }

  #frame(text: string | Uint8Array): Uint8Array<ArrayBuffer> {
    return frameOf(this.#framing!, text);
  }

  async #open(): Promise<Talk> {
    if (this.#talk !== undefined) return this.#talk;
    // A short time for an answer is not one for each of some sixty connections.
    const timeout = this.#given.timeout && Math.max(this.#given.timeout, ANSWER_TIMEOUT);
    const socket = await openCaller(this.#address, { ...this.#given, timeout }, this.#interruption);
    // After a signal nobody waits for what comes of the check.
    if (socket === undefined) return await new Promise<never>(() => {});
    this.#framing = framingOf(socket, this.#given);
    return this.#talk = new Talk(socket, this.#framing);
  }

  /** Hangs up; the next case has a connection of its own. */
  async close(): Promise<void> {
    const talk = this.#talk;
    this.#talk = undefined;
    await talk?.close();
  }
}

function isAnswerTo(id: string, text: string): boolean {
  const value = valueOf(text)?.value;
  return value !== null && typeof value === "object" && "id" in value && value.id === id;
}

/** A text, or bytes that need not be one, as a frame. */
function frameOf(framing: Framing, text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof text === "string") {
    return framing.encode([text], (size) => new Uint8Array(size)).slice();
  }
  // As many letters make the frame that these bytes belong into.
  const frame = frameOf(framing, "x".repeat(text.length));
  const at = framing.name === "json" ? 0 : frame.length - text.length;
  frame.set(text, at);
  // What a client sends by WebSocket is masked, with the key before it.
  if (framing.name === "websocket") {
    text.forEach((byte, i) => frame[at + i] = byte ^ frame[at - 4 + i % 4]!);
  }
  return frame;
}
