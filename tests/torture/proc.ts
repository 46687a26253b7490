/**
 * What Linux tells of a process: its memory, its descriptors, its processor time.
 *
 * @module
 */

/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

/** One look at a process. */
export interface Sample {
  /** Resident megabytes, now and at their peak. */
  readonly rss: number;
  readonly peak: number;
  readonly fds: number;
  /** Milliseconds of processor time so far. */
  readonly cpu: number;
}

/** Looks at a process; undefined where it has ended. */
export function sample(pid: number): Sample | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const rss = megabytes(status, "VmRSS"), peak = megabytes(status, "VmHWM");
    if (!(rss > 0)) return undefined;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const cpu = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    return { rss, peak, fds: descriptors(pid), cpu };
  } catch {
    return undefined;
  }
}

function megabytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
}

function descriptors(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  // Since Linux 6.2 the folder's size says how many there are; reading it takes a lock and a while.
  const { size } = Deno.statSync(folder);
  return size > 0 ? size : [...Deno.readDirSync(folder)].length;
}

/** Milliseconds that a processor has worked so far, for whomever. */
export function workOf(processor: number): number {
  return workIn(Deno.readTextFileSync("/proc/stat"), processor);
}

/** The same, from the text of `/proc/stat`. */
export function workIn(stat: string, processor: number): number {
  const line = new RegExp(`^cpu${processor} (.*)$`, "m").exec(stat)?.[1] ?? "";
  // user, nice, system, idle, iowait, irq, softirq, steal; the rest is contained in these.
  const ticks = line.trim().split(/\s+/).slice(0, 8).map(Number);
  return ticks.reduce((sum, it, i) => i === 3 || i === 4 ? sum : sum + it, 0) * TICK_MS;
}

/** The processors that this process may use. */
export function processors(): readonly number[] {
  return processorsOf(Deno.readTextFileSync("/proc/self/status"));
}

/** The same, from the text of `/proc/PID/status`. */
export function processorsOf(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** Has the kernel look for the peak of a process's memory anew; false where it will not. */
function forgetPeak(pid: number): boolean {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
    return true;
  } catch {
    return false; // the samples have to do
  }
}

/** Looks again and again, and keeps the peaks. */
export class Watch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #pid: number;
  readonly #knowsPeak: boolean;
  readonly first: Sample;
  last: Sample;
  peakRss: number;
  peakFds: number;

  constructor(pid: number, everyMs = 50) {
    this.#pid = pid;
    const first = sample(pid);
    if (first === undefined) throw new Error(`Cannot watch process ${pid}: it has ended`);
    this.first = this.last = first;
    this.peakRss = first.rss;
    this.peakFds = first.fds;
    this.#knowsPeak = forgetPeak(pid);
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  /** Looks now. */
  look(): Sample {
    const now = sample(this.#pid);
    if (now === undefined) return this.last;
    this.last = now;
    // The kernel has seen what lay between two looks.
    this.peakRss = Math.max(this.peakRss, now.rss, this.#knowsPeak ? now.peak : 0);
    this.peakFds = Math.max(this.peakFds, now.fds);
    return now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
