/**
 * What the system refuses, as Node tells it, under the names that it has everywhere in this library.
 *
 * @module
 */

import { errors, type SystemErrorName } from "../../runtime.ts";

const KNOWN: ReadonlyMap<unknown, readonly [SystemErrorName, string]> = new Map([
  ["EACCES", ["PermissionDenied", "Permission denied"]],
  ["EADDRINUSE", ["AddrInUse", "Address already in use"]],
  ["EADDRNOTAVAIL", ["AddrNotAvailable", "Cannot assign requested address"]],
  ["ECONNABORTED", ["ConnectionAborted", "Connection aborted"]],
  ["ECONNREFUSED", ["ConnectionRefused", "Connection refused"]],
  ["ECONNRESET", ["ConnectionReset", "Connection reset by peer"]],
  ["EEXIST", ["AlreadyExists", "File exists"]],
  ["ENOENT", ["NotFound", "No such file or directory"]],
  ["ENOTCONN", ["NotConnected", "Socket is not connected"]],
  ["ENOTFOUND", ["NotFound", "no address is known for this name"]],
  ["EPERM", ["PermissionDenied", "Operation not permitted"]],
  ["EPIPE", ["BrokenPipe", "Broken pipe"]],
  ["ERR_STREAM_DESTROYED", ["BrokenPipe", "Broken pipe"]],
  ["ERR_STREAM_WRITE_AFTER_END", ["BrokenPipe", "Broken pipe"]],
  ["ETIMEDOUT", ["TimedOut", "Connection timed out"]],
]);

/** The error of this library for one of Node's; any other as it is. */
export function systemError(error: unknown): unknown {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  const [name, message] = KNOWN.get(code) ?? [];
  if (name === undefined || !(error instanceof Error)) return error;
  return Object.assign(new errors[name](`${message} (${code})`, { cause: error }), { code });
}

/** What a function returns; what it throws, as {@linkcode systemError}. */
export function orSystemError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw systemError(error);
  }
}
