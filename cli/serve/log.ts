/**
 * The lines that main.ts writes: to standard output what happens, to standard error what goes wrong.
 *
 * A line never shows what a peer sent as it came: it is escaped, and cut to 128 characters.
 *
 * @module
 */

import { type CloseInfo, type PeerInfo, RpcError } from "../../lib/mod.ts";
import { networkOf } from "../../lib/transport/exposure.ts";
import { printable, quoted, shown } from "../text/printable.ts";

/** Characters of any text that a peer may have chosen. */
const MAX_TEXT = 128;

/** How many causes of an error are told, and how many frames of its stack. */
const MAX_CAUSES = 4;
const MAX_FRAMES = 10;

const LIBRARY = new URL("../../lib/", import.meta.url).href;

/** The two ends of a connection. */
type Addresses = Pick<PeerInfo, "address" | "localAddress">;

/** The line for a connection that was accepted. */
export function openedLine(peer: Addresses): string {
  return `opened ${nameOf(peer)}`;
}

/** The line for a connection that has ended. */
export function closedLine(peer: Addresses, { reason, error }: CloseInfo): string {
  const cause = error instanceof Error && error.message !== "" ? `, ${quoted(error.message)}` : "";
  return `closed ${nameOf(peer)}: ${shown(reason, MAX_TEXT)}${cause}`;
}

/** Whom these lines are about, where callers share the lines of a second: a network, or this machine. */
export function sourceOf({ address }: Addresses): string {
  return networkOf(address) ?? "callers on this machine";
}

/** What an error is about, in the same sense: what it happened in. */
export function sourceOfError(about: string): string {
  return shown(about, MAX_TEXT);
}

/** The peer's address; ours where it has none of its own, as over a Unix socket. */
function nameOf({ address, localAddress }: Addresses): string {
  return printable(address.endsWith(":") ? localAddress : address);
}

/**
 * An error that callers are not told, as lines. One line, where it is an error that the system or the
 * peer made; with the stack where it is a mistake in a handler.
 *
 * @param about the method, or where it happened
 */
export function errorLines(error: unknown, about: string): string {
  const lines = [`error in ${shown(about, MAX_TEXT)}: ${titleOf(error)}`];
  if (error instanceof Error && !isExpected(error)) {
    lines.push(...framesOf(error));
    let cause = error.cause;
    for (let depth = 1; cause !== undefined && depth <= MAX_CAUSES; depth++) {
      lines.push(`  caused by ${titleOf(cause)}`);
      if (!(cause instanceof Error)) break;
      lines.push(...framesOf(cause));
      cause = cause.cause;
    }
  }
  return lines.join("\n");
}

/** The refusal of a peer, and what the system says: their stacks tell nothing. */
function isExpected(error: Error): boolean {
  // A lack of descriptors comes as a plain error with a code.
  return error instanceof RpcError || Object.hasOwn(Deno.errors, error.name) ||
    "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}

function titleOf(error: unknown): string {
  if (error instanceof RpcError) {
    return `${error.code} ${shown(error.reason ?? "", MAX_TEXT)} ${quoted(error.message)}`;
  }
  if (error instanceof Error) return `${shown(error.name, MAX_TEXT)} ${quoted(error.message)}`;
  try {
    return `${typeof error} ${quoted(String(error))}`;
  } catch {
    return typeof error; // an object that cannot be made a text
  }
}

/**
 * The frames alone: the message, which stands above them in the stack, may hold a peer's text. Those of
 * the library are of use only where there are no others.
 */
function framesOf({ name, message, stack = "" }: Error): string[] {
  const title = message === "" ? name : `${name}: ${message}`;
  const below = stack.startsWith(title) ? stack.slice(title.length) : stack;
  const frames = below.split("\n").filter((line) => /^\s+at /.test(line));
  const own = frames.filter((line) => !line.includes(LIBRARY));
  return (own.length > 0 ? own : frames).slice(0, MAX_FRAMES)
    .map((line) => "    " + printable(line.trim()));
}
