/**
 * What differs between the programs that run this library: Deno, Node, Bun, and a page of a browser. It is
 * chosen when this file is loaded, and nothing is asked of a program that lacks it. Sockets, files and
 * processes are not here: they are the business of `transport/`.
 *
 * @module
 */

/** Whether this is Deno: its own sockets are taken then, and those of `node:net` elsewhere. */
export const isDeno: boolean = "Deno" in globalThis;

/** The members of Node's `process` that are used. */
interface Process {
  readonly platform: string;
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
  memoryUsage?(): { readonly rss: number };
  cpuUsage?(): { readonly user: number; readonly system: number };
}

/** Node's `process`; undefined in a page. Deno makes its own when it is first asked for, which takes a while. */
function nodeProcess(): Process | undefined {
  return (globalThis as { process?: Process }).process;
}

// ---- Errors of the system --------------------------------------------------------------------

/** What the system refuses, by the names that Deno has for it: `error.name` is the same everywhere. */
export type SystemErrorName =
  | "AddrInUse"
  | "AddrNotAvailable"
  | "AlreadyExists"
  | "BadResource"
  | "BrokenPipe"
  | "Busy"
  | "ConnectionAborted"
  | "ConnectionRefused"
  | "ConnectionReset"
  | "Interrupted"
  | "InvalidData"
  | "NotCapable"
  | "NotConnected"
  | "NotFound"
  | "NotSupported"
  | "PermissionDenied"
  | "TimedOut"
  | "UnexpectedEof";

type ErrorClass = new (message?: string, options?: ErrorOptions) => Error;

/** The class of each: on Deno that of `Deno.errors`, so that `instanceof` holds for callers. */
export const errors: Readonly<Record<SystemErrorName, ErrorClass>> = /* @__PURE__ */ systemErrors();

function systemErrors(): Readonly<Record<SystemErrorName, ErrorClass>> {
  return isDeno ? Deno.errors : ownErrors();
}

function ownErrors(): Record<SystemErrorName, ErrorClass> {
  const names: Record<SystemErrorName, true> = {
    AddrInUse: true,
    AddrNotAvailable: true,
    AlreadyExists: true,
    BadResource: true,
    BrokenPipe: true,
    Busy: true,
    ConnectionAborted: true,
    ConnectionRefused: true,
    ConnectionReset: true,
    Interrupted: true,
    InvalidData: true,
    NotCapable: true,
    NotConnected: true,
    NotFound: true,
    NotSupported: true,
    PermissionDenied: true,
    TimedOut: true,
    UnexpectedEof: true,
  };
  const classes = Object.keys(names).map((name) => [
    name,
    class extends Error {
      override readonly name = name;
    },
  ]);
  return Object.fromEntries(classes);
}

// ---- Timers, memory, modules -----------------------------------------------------------------

type RuntimeTimer = ReturnType<typeof setTimeout>;

/** A timer as Node has it. */
interface NodeTimer {
  ref?(): void;
  unref?(): void;
}

/** Lets the process end although this timer is set. A page does not end for want of timers. */
export const unrefTimer: (timer: RuntimeTimer) => void = isDeno
  ? Deno.unrefTimer
  : (timer) => (timer as unknown as NodeTimer).unref?.();

/** Has this timer keep the process alive again. */
export const refTimer: (timer: RuntimeTimer) => void = isDeno
  ? Deno.refTimer
  : (timer) => (timer as unknown as NodeTimer).ref?.();

/** Bytes of the process in memory; 0 in a page, which has no way to know. */
export function residentBytes(): number {
  return isDeno ? Deno.memoryUsage().rss : nodeProcess()?.memoryUsage?.().rss ?? 0;
}

/** Seconds for which the process has used processors; 0 in a page. */
export function cpuSeconds(): number {
  const { user, system } = nodeProcess()?.cpuUsage?.() ?? { user: 0, system: 0 };
  return (user + system) / 1e6;
}

/** The operating system: `linux`, `darwin`, `windows`; empty in a page. */
export function operatingSystem(): string {
  if (isDeno) return Deno.build.os;
  const { platform = "" } = nodeProcess() ?? {};
  return platform === "win32" ? "windows" : platform;
}

/** The number of the process; 0 in a page. */
export function processId(): number {
  return isDeno ? Deno.pid : nodeProcess()?.pid ?? 0;
}

/** A variable of the environment; undefined if it is not set, null if it may not be read. */
export function environmentVariable(name: string): string | undefined | null {
  if (!isDeno) return nodeProcess()?.env[name];
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : null;
}

/** The modules of Node that are used. */
interface BuiltinModules {
  "node:child_process": typeof import("node:child_process");
  "node:console": typeof import("node:console");
  "node:crypto": typeof import("node:crypto");
  "node:fs": typeof import("node:fs");
  "node:http": typeof import("node:http");
  "node:https": typeof import("node:https");
  "node:net": typeof import("node:net");
  "node:stream": typeof import("node:stream");
  "node:tls": typeof import("node:tls");
  "node:v8": typeof import("node:v8");
}

/**
 * A module of Node's, loaded now and not before: `node:tls` alone takes as long to load as all of this
 * library. Deno and Bun have them as well, a page has none.
 */
export function nodeModule<Name extends keyof BuiltinModules>(name: Name): BuiltinModules[Name] {
  const module = nodeProcess()?.getBuiltinModule?.(name);
  if (module === undefined) throw new errors.NotSupported(`there is no ${name} here`);
  return module as BuiltinModules[Name];
}

/** What V8 tells of itself; undefined in Bun, whose engine is another, and in a page. */
export function engine(): BuiltinModules["node:v8"] | undefined {
  const isTold = nodeProcess()?.getBuiltinModule !== undefined && !("Bun" in globalThis);
  return isTold ? nodeModule("node:v8") : undefined;
}

// ---- What Node 22 lacks ----------------------------------------------------------------------

/** Bytes as base64. */
export const toBase64: (bytes: Uint8Array) => string = "toBase64" in Uint8Array.prototype
  ? (bytes) => bytes.toBase64()
  : writeBase64;

/**
 * Bytes of base64.
 *
 * @throws {SyntaxError} for a text that is none
 */
export const fromBase64: (text: string) => Uint8Array<ArrayBuffer> = "fromBase64" in Uint8Array
  ? (text) => Uint8Array.fromBase64(text)
  : readBase64;

/** Characters that one call is given as arguments; a multiple of 3. */
const PIECE = 3 << 12;

/** {@linkcode toBase64} for engines without it. */
export function writeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return text;
}

/** {@linkcode fromBase64} for engines without it: `atob` takes and refuses the same texts. */
export function readBase64(text: string): Uint8Array<ArrayBuffer> {
  let units: string;
  try {
    units = atob(text);
  } catch {
    throw new SyntaxError("the text is no base64");
  }
  const bytes = new Uint8Array(units.length);
  for (let at = 0; at < units.length; at++) bytes[at] = units.charCodeAt(at);
  return bytes;
}

/** What a function returns, or throws, as a promise: `Promise.try`. */
export function attempt<T>(work: () => T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
