/**
 * Lines for people and their tools, no more than so many a second: a caller that floods the server must
 * not flood the disk, nor take the lines that tell of other callers. What was left out is counted, and
 * said.
 *
 * @module
 */

/** Lines that are written in one second, those of a stack among them. */
const MAX_LINES = 100;
const SECOND = 1000;

/** Sources that are told apart in one second; what else there is counts as one. */
const MAX_SOURCES = 1000;
const OTHERS = "others";

/** Lines of one source in this second. */
interface Source {
  written: number;
  leftOut: number;
}

/** One of the streams that lines go to. */
export interface LogStream {
  /**
   * Writes a line, or several that belong together, unless there were too many in this second. No source
   * gets more than it leaves for the others: the first has 50 lines at most, and if it takes them the next
   * has 25.
   *
   * @param text the lines; or what makes one line, which is called only if that is written
   * @param source what they are about: a caller, or a method
   */
  line(text: string | (() => string), source?: string): void;
}

/** Writes lines, up to so many a second to all streams together. */
export class Log {
  readonly #tell: (text: string, count: number) => void;
  readonly #sources = new Map<string, Source>();
  #written = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param tell writes a line that says what was left out, and how many lines that were */
  constructor(tell: (text: string, count: number) => void) {
    this.#tell = tell;
  }

  /** @param write writes one line, or several as one text */
  stream(write: (text: string) => void): LogStream {
    return { line: (text, source = "the server") => this.#line(write, text, source) };
  }

  #line(write: (text: string) => void, text: string | (() => string), source: string): void {
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.flush(), SECOND);
      Deno.unrefTimer(this.#timer);
    }
    const its = this.#source(source);
    const lines = typeof text === "string" ? text.split("\n").length : 1;
    const left = MAX_LINES - this.#written;
    if (its.written >= left || lines > left) {
      its.leftOut += lines;
      return;
    }
    its.written += lines;
    this.#written += lines;
    write(typeof text === "string" ? text : text());
  }

  #source(name: string): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_SOURCES && name !== OTHERS) return this.#source(OTHERS);
    const source = { written: 0, leftOut: 0 };
    this.#sources.set(name, source);
    return source;
  }

  /** Says how many lines were left out, and about what most of them were; a new second begins. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let all = 0, most = 0, loudest = "";
    for (const [name, { leftOut }] of this.#sources) {
      all += leftOut;
      if (leftOut > most) [most, loudest] = [leftOut, name];
    }
    this.#sources.clear();
    this.#written = 0;
    if (all === 0) return;
    const which = most === all ? `about ${loudest}` : `${most} of them about ${loudest}`;
    this.#tell(`${all} more lines in one second were left out, ${which}`, all);
  }
}
