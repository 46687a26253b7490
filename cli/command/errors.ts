/**
 * What client.ts writes to standard error when something fails.
 *
 * @module
 */

import {
  ConnectionLostError,
  type ErrorData,
  type ErrorName,
  type ErrorObject,
  type ParamsIssue,
  RpcError,
} from "../../lib/client.ts";
import { Exit } from "./exit.ts";
import { printable, printableAddress, quoted, shown } from "../text/printable.ts";

/** Characters of a name, a message, and a member of `error.data` that are shown. */
const MAX_NAME = 128;
const MAX_MESSAGE = 1000;
const MAX_VALUE = 10_000;

/** Members and issues of `error.data` that are shown. */
const MAX_LINES = 100;

/**
 * An error as a program reads it, after `--json`, or a person.
 *
 * @param name what a program is told of an error that has no name of its own
 */
export function errorText(error: unknown, json: boolean, name?: ErrorName): string {
  return json
    ? printable(JSON.stringify({ error: toErrorObject(error, name) }))
    : describeError(error);
}

/**
 * An error as text: one line, and for an error response below it what else the server said, a line for
 * each param that failed and for each other member of `error.data`. Long texts are cut.
 */
export function describeError(error: unknown): string {
  if (error instanceof Exit) return describeError(error.error);
  if (error instanceof RpcError) return describeRpcError(error);
  if (error instanceof ConnectionLostError) {
    const { message, sent, cause } = error;
    // That of a program that has ended says all of it already.
    const why = cause instanceof Error && !message.includes(cause.message)
      ? ` (${shown(cause.message, MAX_MESSAGE)})`
      : "";
    return `error: ${shown(message, MAX_MESSAGE)}${why}; the call ${
      sent ? "may have run" : "has not run"
    }`;
  }
  return `error: ${shown(error instanceof Error ? error.message : String(error), MAX_MESSAGE)}`;
}

/** Why there is no connection, as an error. */
export function noConnection(address: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  // The library's own errors say where.
  const isWhole = message.startsWith("Cannot connect to ");
  return new Error(
    isWhole ? message : `Cannot connect to ${printableAddress(address)}: ${message}`,
  );
}

/** An error as programs read it: whatever it was, with a code and a name. */
export function toErrorObject(error: unknown, name: ErrorName = "INTERNAL"): ErrorObject {
  if (error instanceof Exit) return toErrorObject(error.error, name);
  if (error instanceof RpcError) return error.toJSON();
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ConnectionLostError)) return new RpcError(name, message).toJSON();
  return new RpcError("UNAVAILABLE", message, { sent: error.sent }).toJSON();
}

function describeRpcError(error: RpcError): string {
  const { reason } = error, { code, message, data } = error.toJSON(); // the issues follow below
  const name = reason === undefined ? "" : " " + shown(reason, MAX_NAME);
  const lines = [`error ${code}${name}: ${shown(message, MAX_MESSAGE)}`];
  if (data === undefined) return lines[0]!;
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    lines.push(member("data", data));
    return lines.join("\n");
  }
  const { name: told, issues, ...others } = data as ErrorData & Record<string, unknown>;
  // A name that could not be used as one is data like any other.
  if (told !== undefined && told !== reason) lines.push(member("name", told));
  if (isIssues(issues)) { for (const issue of issues) lines.push(describeIssue(issue)); }
  else if (issues !== undefined) lines.push(member("issues", issues));
  for (const [key, value] of Object.entries(others)) lines.push(member(key, value));
  const more = lines.length - 1 - MAX_LINES;
  if (more > 0) lines.splice(1 + MAX_LINES, more, `  … and ${more} more`);
  return lines.join("\n");
}

function member(key: string, value: unknown): string {
  return `  ${shown(key, MAX_NAME)}: ${shown(JSON.stringify(value), MAX_VALUE)}`;
}

/** What is wrong with a param; a server that is not ours may say where in any way. */
type Issue = Pick<ParamsIssue, "message"> & { readonly path: readonly unknown[] };

/** A server that is not ours may send anything under this name. */
function isIssues(value: unknown): value is readonly Issue[] {
  return Array.isArray(value) &&
    value.every((issue) =>
      issue !== null && typeof issue === "object" && typeof issue.message === "string" &&
      Array.isArray(issue.path)
    );
}

/** `user.emails[0]: Invalid email`; for the value itself only what is wrong. */
function describeIssue({ path, message }: Issue): string {
  let where = "";
  for (const part of path) {
    if (where.length > MAX_MESSAGE) break;
    if (typeof part === "number") where += `[${part}]`;
    else if (typeof part !== "string") where += `[${quoted(JSON.stringify(part))}]`;
    else if (/^[\w$-]{1,128}$/.test(part)) where += where === "" ? part : `.${part}`;
    else where += `[${quoted(part)}]`;
  }
  const text = shown(message, MAX_MESSAGE);
  return where === "" ? `  ${text}` : `  ${printable(where)}: ${text}`;
}
