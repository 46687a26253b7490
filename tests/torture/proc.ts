/**
 * What Linux tells of a process: its memory, its descriptors, its processor time.
 *
 * @module
 */

/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

/** One look at a process. */
export interface Sample {
  /** Resident megabytes. */
  readonly rss: number;
  readonly fds: number;
  /** Milliseconds of processor time so far. */
  readonly cpu: number;
}

/** Looks at a process; undefined where it has ended. */
export function sample(pid: number): Sample | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    if (!(rss > 0)) return undefined;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const cpu = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    return { rss: rss / 1024, fds: descriptors(pid), cpu };
  } catch {
    return undefined;
  }
}

function descriptors(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  // Since Linux 6.2 the folder's size says how many there are; reading it takes a lock and a while.
  const { size } = Deno.statSync(folder);
  return size > 0 ? size : [...Deno.readDirSync(folder)].length;
}

/** Looks again and again, and keeps the peaks. */
export class Watch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #pid: number;
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
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  /** Looks now. */
  look(): Sample {
    const now = sample(this.#pid);
    if (now === undefined) return this.last;
    this.last = now;
    this.peakRss = Math.max(this.peakRss, now.rss);
    this.peakFds = Math.max(this.peakFds, now.fds);
    return now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
