/**
 * Starts programs with `node:child_process`.
 *
 * @module
 */

import type { Readable, Writable } from "node:stream";
import { nodeModule, operatingSystem } from "../../runtime.ts";
import { systemError } from "../node/errors.ts";
import type { Program, ProgramStatus } from "../system.ts";

/** @throws `NotFound` if there is no such program */
export async function startOnNode(program: string, args: readonly string[]): Promise<Program> {
  const { process } = globalThis, isGroup = operatingSystem() !== "windows";
  const child = nodeModule("node:child_process").spawn(program, args, {
    stdio: "pipe",
    detached: isGroup,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (error) => reject(systemError(error)));
  });
  child.on("error", () => {}); // that a signal could not be sent
  const status = new Promise<ProgramStatus>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code: code ?? 128, signal }))
  );
  return {
    input: toWritable(child.stdin),
    output: toReadable(child.stdout),
    errors: toReadable(child.stderr),
    status,
    isGroup,
    kill(signal) {
      if (isGroup) process.kill(-child.pid!, signal);
      else child.kill(signal);
    },
    onExit(work) {
      process.on("exit", work);
      return () => void process.off("exit", work);
    },
  };
}

/** Writes to standard error. */
export function writeErrorOnNode(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) =>
    globalThis.process.stderr.write(
      bytes,
      (error) => error ? reject(systemError(error)) : resolve(bytes.length),
    )
  );
}

function toReadable(stream: Readable): ReadableStream<Uint8Array> {
  return nodeModule("node:stream").Readable.toWeb(stream) as ReadableStream<Uint8Array>;
}

function toWritable(stream: Writable): WritableStream<Uint8Array> {
  return nodeModule("node:stream").Writable.toWeb(stream) as WritableStream<Uint8Array>;
}
