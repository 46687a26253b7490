/// <reference lib="dom" />
/**
 * What is known of the server: how it is, what it says of itself, and what the page has measured.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import { durationText } from "./histogram.ts";
import { recordOf } from "./json.ts";
import type { Line } from "./line.ts";
import type { Measurements } from "./measured.ts";
import { countText, limitText } from "./numbers.ts";
import { textOf, visibleName } from "./visible.ts";

/** Entries that are shown of what the server lists. */
const MAX_SHOWN = 200;

/** The panel. */
export class ServerPanel {
  readonly element = h("div", { class: "server" });
  readonly #line: Line;
  readonly #measured: Measurements;

  constructor(line: Line, measured: Measurements) {
    this.#line = line;
    this.#measured = measured;
  }

  /** Asks how the server is, and shows that. */
  async update(): Promise<void> {
    this.#show("asking");
    const { result, error } = await this.#line.call("rpc.health", {}, { isOwn: true }).outcome;
    const { status } = recordOf(result);
    this.#show(error === undefined ? textOf(status) : error.message);
  }

  #show(health: string): void {
    const { name, version, extensions, limits } = this.#line.info ?? {};
    const said = Array.isArray(extensions)
      ? extensions.slice(0, MAX_SHOWN).map(textOf).join(", ")
      : "";
    const entries = Object.entries(recordOf(limits));
    const { methods, refusals } = this.#measured;
    replace(
      this.element,
      h(
        "dl",
        { class: "figures" },
        figure("name", visibleName(textOf(name))),
        figure("version", visibleName(textOf(version))),
        figure("health", visibleName(health), health === "SERVING" ? "good" : "bad"),
        figure("calls outstanding", countText(this.#line.outstanding)),
      ),
      h("h3", null, "It understands"),
      h("p", null, visibleName(said, 2000) || "nothing beside JSON-RPC"),
      h("h3", null, "Its limits"),
      table(
        ["limit", "value"],
        entries.slice(0, MAX_SHOWN).map(([name, value]) => [
          visibleName(name),
          typeof value === "number" ? limitText(name, value) : visibleName(textOf(value)),
        ]),
      ),
      h("h3", null, "Calls of this page"),
      methods.length === 0 ? h("p", { class: "hint" }, "None yet.") : table(
        ["method", "calls", "refused", "p50", "p90", "p99", "longest"],
        methods.slice(0, MAX_SHOWN).map(({ method, calls, failures, p50, p90, p99, max }) => [
          visibleName(method),
          countText(calls),
          countText(failures),
          ...[p50, p90, p99, max].map(durationText),
        ]),
      ),
      h("h3", null, "Refused, and why"),
      refusals.length === 0 ? h("p", { class: "hint" }, "Nothing was.") : table(
        ["why", "times"],
        refusals.slice(0, MAX_SHOWN).map(([why, times]) => [visibleName(why), countText(times)]),
      ),
    );
  }
}

function figure(name: string, text: string, kind: string | null = null): HTMLElement {
  return h("div", null, h("dt", null, name), h("dd", { class: kind }, text));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  return h(
    "div",
    { class: "table", tabindex: 0, role: "group", "aria-label": head.join(", ") },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, ...head.map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        null,
        ...rows.map(([first, ...cells]) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, first),
            ...cells.map((cell) => h("td", null, cell)),
          )
        ),
      ),
    ),
  );
}
