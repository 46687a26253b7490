/**
 * What the system says when it refuses an address, with the address, and with the flag that helps.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import type { Address } from "./address.ts";
import { isLocalhost, LOOPBACKS } from "./localhost.ts";

/** What was to be done with the address. */
type Action = "listen at" | "connect to";

/**
 * The same error with a message that says what could not be done; other errors as they are.
 *
 * @param error anything that was thrown
 */
export function explain(error: unknown, action: Action, address: Address): unknown {
  if (!(error instanceof Error) || !isOfTheSystem(error)) return error;
  const lacksPermission: boolean = error instanceof errors.NotCapable;
  const why = lacksPermission
    ? `it needs the permission ${flags(error, action, address)}`
    : error.message;
  // The class tells what happened, to those who catch it.
  const ErrorClass = error.constructor as new (message: string, options: ErrorOptions) => Error;
  const where = address.text.replace(/:$/, ""); // stdio: brings its colon along
  const explained = new ErrorClass(`Cannot ${action} ${where}: ${why}`, { cause: error });
  return "code" in error ? Object.assign(explained, { code: error.code }) : explained;
}

/** Whether this is a class of `Deno.errors`, or a plain error with a code of the system's. */
function isOfTheSystem(error: Error): boolean {
  if (/^Cannot (listen at|connect to|use) /.test(error.message)) return false; // it says so itself
  return Object.hasOwn(errors, error.name) || error.constructor === Error && "code" in error;
}

/** All the flags that would be missed one after the other. */
function flags(
  { message }: Error,
  action: Action,
  { scheme, hostname, port, path }: Address,
): string {
  if (scheme === "unix") {
    if (action === "connect to") return unixFlags(`=unix:${path}`, path);
    // The file is made ready in a folder of its own beside its path, which has no name that could be granted.
    return unixFlags("", path.slice(0, path.lastIndexOf("/")) || "/");
  }
  const [, kind, what] = /^Requires (\w+) access to "(.*)", run again/.exec(message) ?? [];
  if (kind === undefined) return `that it lacks: ${message}`;
  if (kind === "net" && action === "listen at" && isLocalhost(hostname)) {
    const [four, six] = LOOPBACKS;
    return scheme === "udp"
      ? `--allow-net=${four},[${six}]`
      : `--allow-net=${four}:${port},[${six}]:${port}`;
  }
  return `--allow-${kind}=${what}`;
}

function unixFlags(socket: string, path: string): string {
  return `--allow-net${socket} --allow-read=${path} --allow-write=${path}`;
}
