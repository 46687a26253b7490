/**
 * Programs that are measured: each a process of its own, on a CPU of its own where the system can pin
 * it, with its CPU time as Linux tells it.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";

/** The kernel counts CPU time in hundredths of a second (USER_HZ). */
const TICK = 0.01;

/** A program that runs. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /**
   * Starts a program of this folder.
   *
   * @param cpu the CPU it is to run on; undefined for any
   * @param flags for Deno
   */
  constructor(
    program: string,
    args: readonly string[],
    cpu: number | undefined,
    flags: readonly string[] = [],
  ) {
    const path = `${import.meta.dirname}/${program}`;
    const command = [Deno.execPath(), "run", "-A", ...flags, path, ...args];
    if (cpu !== undefined) command.unshift("taskset", "-c", String(cpu));
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("Cannot measure: a program ended before its time");
    return value;
  }

  /** KiB in memory; undefined where the system does not tell. */
  get memory(): number | undefined {
    return memoryOf(this.#child.pid, "now");
  }

  /** Seconds of CPU time so far; undefined where the system does not tell. */
  get cpu(): number | undefined {
    return cpuOf(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill();
    } catch {
      // It has ended by itself.
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Seconds of CPU time that a process has taken so far; undefined where the system does not tell. */
export function cpuOf(pid: number): number | undefined {
  const stat = readProc(`${pid}/stat`);
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** KiB of a process in memory, now or at most so far; undefined where the system does not tell. */
export function memoryOf(pid: number, when: "now" | "most"): number | undefined {
  const name = when === "now" ? "VmRSS" : "VmHWM";
  const [, kib] = readProc(`${pid}/status`)?.match(new RegExp(`${name}:\\s*(\\d+)`)) ?? [];
  return kib === undefined ? undefined : Number(kib);
}

/**
 * Seconds of CPU time that were taken on the whole machine, by the host of a virtual one too;
 * undefined where the system does not tell.
 */
export function machineCpu(): number | undefined {
  const fields = readProc("stat")?.match(/^cpu +(.*)$/m)?.[1]?.split(" ").map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, _idle, _iowait, irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * TICK;
}

/** Whether programs can be pinned to two CPUs. */
export function canPin(): boolean {
  try {
    return new Deno.Command("taskset", { args: ["-c", "0,1", "true"] }).outputSync().success &&
      navigator.hardwareConcurrency > 1;
  } catch {
    return false;
  }
}

function readProc(name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${name}`);
  } catch {
    return undefined;
  }
}
