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
import { printable, quoted } from "../text/printable.ts";

/**
 * An error as a program reads it, after `--json`, or a person.
 *
 * @param name what a program is told of an error that has no name of its own
 */
export function errorText(error: unknown, json: boolean, name?: ErrorName): string {
  return json ? JSON.stringify({ error: toErrorObject(error, name) }) : describeError(error);
}

/**
 * An error as text: one line, and for an error response below it what else the server said, a line for
 * each param that failed and for each other member of `error.data`.
 */
export function describeError(error: unknown): string {
  if (error instanceof Exit) return describeError(error.error);
  if (error instanceof RpcError) return describeRpcError(error);
  if (error instanceof ConnectionLostError) {
    const { message, sent, cause } = error;
    const why = cause instanceof Error ? ` (${printable(cause.message)})` : "";
    return `error: ${printable(message)}${why}; the call ${sent ? "may have run" : "has not run"}`;
  }
  return `error: ${printable(error instanceof Error ? error.message : String(error))}`;
}

/** Why there is no connection, as an error. */
export function noConnection(address: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  // The library's own errors say where.
  const isWhole = message.startsWith("Cannot connect to ");
  return new Error(isWhole ? message : `Cannot connect to ${address}: ${message}`);
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
  const { code, reason, message, data } = error;
  const name = reason === undefined ? "" : " " + printable(reason);
  const lines = [`error ${code}${name}: ${printable(message)}`];
  if (data === undefined) return lines[0]!;
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    lines.push(`  data: ${printable(JSON.stringify(data))}`);
    return lines.join("\n");
  }
  const { name: told, issues, ...others } = data as ErrorData & Record<string, unknown>;
  // A name that could not be used as one is data like any other.
  if (told !== undefined && told !== reason) lines.push(member("name", told));
  if (isIssues(issues)) lines.push(...issues.map(describeIssue));
  else if (issues !== undefined) lines.push(member("issues", issues));
  for (const [key, value] of Object.entries(others)) lines.push(member(key, value));
  return lines.join("\n");
}

function member(key: string, value: unknown): string {
  return `  ${printable(key)}: ${printable(JSON.stringify(value))}`;
}

/** A server that is not ours may send anything under this name. */
function isIssues(value: unknown): value is readonly ParamsIssue[] {
  return Array.isArray(value) &&
    value.every((issue) =>
      issue !== null && typeof issue === "object" && typeof issue.message === "string" &&
      Array.isArray(issue.path)
    );
}

/** `user.emails[0]: Invalid email`; for the value itself only what is wrong. */
function describeIssue({ path, message }: ParamsIssue): string {
  let where = "";
  for (const part of path) {
    if (typeof part === "number") where += `[${part}]`;
    else if (/^[\w$-]+$/.test(part)) where += where === "" ? part : `.${part}`;
    else where += `[${quoted(String(part))}]`;
  }
  return printable(where === "" ? `  ${message}` : `  ${where}: ${message}`);
}
