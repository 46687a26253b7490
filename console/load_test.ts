/// <reference lib="dom" />
/**
 * A small load test: n calls of the method in the form, k at a time, with percentiles and two drawings.
 *
 * @module
 */

import { h, replace, svg } from "./dom.ts";
import { barsPath, bucketsOf, durationText, linePoints, summarize } from "./histogram.ts";
import { countText } from "./numbers.ts";

/** Calls of one test, and calls at a time. */
const MAX_CALLS = 100_000, MAX_AT_ONCE = 1000;

/** What it needs of the page. */
export interface LoadHost {
  announce(text: string): void;
  /** Makes a call; why there is none if it cannot be made. */
  begin(): (() => Promise<{ readonly ms: number; readonly error: string | undefined }>) | string;
}

/** The view of the load test. */
export class LoadTest {
  readonly element: HTMLElement;
  readonly #host: LoadHost;
  readonly #calls = numberField("load-calls", 1000, MAX_CALLS);
  readonly #atOnce = numberField("load-at-once", 8, MAX_AT_ONCE);
  readonly #run: HTMLButtonElement;
  readonly #result = h("div", { class: "load-result" });
  #isRunning = false;

  constructor(host: LoadHost) {
    this.#host = host;
    this.#run = h("button", { type: "button", onclick: () => this.#start() }, "Run");
    this.element = h(
      "div",
      { class: "load" },
      h(
        "div",
        { class: "fields" },
        h("div", null, h("label", { for: this.#calls.id }, "Calls"), this.#calls),
        h("div", null, h("label", { for: this.#atOnce.id }, "At a time"), this.#atOnce),
        this.#run,
      ),
      this.#result,
    );
  }

  async #start(): Promise<void> {
    if (this.#isRunning) {
      this.#isRunning = false;
      return;
    }
    const call = this.#host.begin();
    if (typeof call === "string") {
      replace(this.#result, h("p", { class: "note bad" }, call));
      return;
    }
    const count = valueOf(this.#calls, MAX_CALLS), atOnce = valueOf(this.#atOnce, MAX_AT_ONCE);
    const durations: number[] = [], errors = new Map<string, number>();
    let left = count;
    this.#isRunning = true;
    this.#run.textContent = "Stop";
    const bar = h("progress", { max: count, value: 0, "aria-label": "Calls made" });
    replace(this.#result, bar);
    const since = performance.now();
    const timer = setInterval(() => bar.value = durations.length, 100);
    const worker = async () => {
      while (this.#isRunning && left-- > 0) {
        const { ms, error } = await call();
        if (error !== "NOT_SENT") durations.push(ms);
        if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1);
        if (error === "LOST" || error === "NOT_SENT") this.#isRunning = false;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
    clearInterval(timer);
    this.#isRunning = false;
    this.#run.textContent = "Run";
    this.#show(durations, performance.now() - since, errors);
  }

  #show(durations: readonly number[], ms: number, errors: ReadonlyMap<string, number>): void {
    const { count, min, p50, p90, p99, max } = summarize(durations);
    const buckets = bucketsOf(durations);
    const rate = count / ms * 1000;
    const figures: [string, string][] = [
      ["calls", countText(count)],
      ["calls a second", countText(Math.round(rate))],
      ["fastest", durationText(min)],
      ["p50", durationText(p50)],
      ["p90", durationText(p90)],
      ["p99", durationText(p99)],
      ["slowest", durationText(max)],
    ];
    const failed = [...errors].map(([name, times]) => `${countText(times)} × ${name}`).join(", ");
    const bars = `${buckets.length} bars from ${durationText(buckets[0]?.from ?? 0)} to ${
      durationText(buckets.at(-1)?.to ?? 0)
    }`;
    replace(
      this.#result,
      h(
        "dl",
        { class: "figures" },
        ...figures.map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, text))),
      ),
      failed === "" ? null : h("p", { class: "note bad" }, failed),
      h("h3", null, "How many calls took how long"),
      svg(
        "svg",
        {
          class: "chart",
          viewBox: "0 0 600 120",
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": `Histogram: ${bars}, half of the calls below ${durationText(p50)}`,
        },
        svg("path", { class: "bars", d: barsPath(buckets, 600, 120) }),
      ),
      h(
        "p",
        { class: "axis" },
        h("span", null, durationText(buckets[0]?.from ?? 0)),
        h("span", null, durationText(buckets.at(-1)?.to ?? 0)),
      ),
      h("h3", null, "In the order of the calls"),
      svg(
        "svg",
        {
          class: "chart",
          viewBox: "0 0 600 80",
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": `How long each call took, in their order; the longest ${durationText(max)}`,
        },
        svg("polyline", { class: "curve", points: linePoints(durations, 600, 80) }),
      ),
    );
    this.#host.announce(`${countText(count)} calls, half of them below ${durationText(p50)}`);
  }
}

function numberField(id: string, value: number, max: number): HTMLInputElement {
  return h("input", { id, type: "number", min: 1, max, step: 1, value });
}

function valueOf(field: HTMLInputElement, max: number): number {
  const value = Math.floor(field.valueAsNumber);
  return value >= 1 ? Math.min(value, max) : 1;
}
