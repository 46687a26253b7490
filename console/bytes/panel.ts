/// <reference lib="dom" />
/**
 * The bytes of a message in every framing, cut wherever one likes, and what a decoder makes of each piece: the
 * library's own decoders, in the page.
 *
 * @module
 */

import { h, replace } from "../dom.ts";
import { countOf, countText } from "../numbers.ts";
import { visible } from "../visible.ts";
import {
  cutsOf,
  everyCut,
  frameEnds,
  hexRows,
  LESSONS,
  type Piece,
  readPieces,
  type Row,
  rowsOf,
  type Run,
} from "./cut.ts";
import { BYTES_STYLE } from "./style.ts";
import { type Direction, type Mark, type Wire, WIRES } from "./wires.ts";

/** The panel. */
export interface BytesPanel {
  readonly element: HTMLElement;
  /** Shows a message that went to the server, or came from it. */
  show(text: string, direction: Direction): void;
}

/** Characters of a message that is cut: a decoder is given it anew for each step of a slider. */
const MAX_LENGTH = 64 << 10;

/** Cuts that have a slider. */
const MAX_CUTS = 8;

/** Pieces that are shown one by one, whatever comes of them. */
const FEW_PIECES = MAX_CUTS + 1;

/** Rows of bytes, pieces and characters of a text that are shown. */
const MAX_ROWS = 64;
const MAX_PIECES = 100;
const MAX_TEXT = 400;

/**
 * Makes the panel.
 *
 * @param isFree whether the messages can be typed: there is no talk that they come from
 */
export function createBytesPanel(isFree = false): BytesPanel {
  return new Panel(isFree);
}

class Panel implements BytesPanel {
  readonly element: HTMLElement;
  #text = "";
  #direction: Direction = "out";
  #wire: Wire = WIRES[0]!;
  #isTwice = false;
  #isEvery = false;
  #cuts: number[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #marks: readonly Mark[] = [];
  #ends: readonly number[] = [];
  /** The place that was moved last, which the shown bytes follow. */
  #active = 0;
  /** Whether there is room for eight bytes in a row, and not for sixteen. */
  readonly #narrow = matchMedia("(max-width: 500px)");
  readonly #about = h("p", { class: "bytes-about" });
  readonly #sliders = h("div", { class: "bytes-sliders" });
  readonly #lessons = h("div", { class: "bytes-lessons", role: "group", "aria-label": "Cut it" });
  readonly #hex = h("pre", { class: "bytes-hex", tabindex: 0, "aria-label": "The bytes" });
  readonly #marked = h("p", { class: "bytes-legend" });
  readonly #pieces = h("ol", { class: "bytes-pieces" });
  readonly #summary = h("output", { class: "bytes-summary", "aria-live": "polite" });

  constructor(isFree: boolean) {
    adoptStyle();
    const name = `wire-${crypto.randomUUID()}`;
    this.element = h(
      "section",
      { class: "bytes", "aria-label": "Bytes" },
      isFree && this.#typed(),
      h(
        "fieldset",
        { class: "bytes-wires" },
        h("legend", null, "Framing"),
        ...WIRES.map((wire) =>
          h(
            "label",
            null,
            h("input", {
              type: "radio",
              name,
              value: wire.name,
              checked: wire === this.#wire,
              onchange: () => this.#use(wire),
            }),
            wire.label,
          )
        ),
      ),
      this.#about,
      h(
        "label",
        { class: "bytes-twice" },
        h("input", {
          type: "checkbox",
          onchange: ({ target }: { target: HTMLInputElement }) => {
            this.#isTwice = target.checked;
            this.#encode();
          },
        }),
        "Two messages, one behind the other",
      ),
      this.#lessons,
      this.#sliders,
      this.#summary,
      this.#marked,
      this.#hex,
      this.#pieces,
    );
    this.#narrow.addEventListener("change", () => this.#draw());
    this.#encode();
  }

  show(text: string, direction: Direction): void {
    this.#text = text;
    this.#direction = direction;
    this.#isEvery = false;
    this.#encode();
    this.#cutAt([this.#bytes.length >> 1]);
  }

  /** Messages that are typed, and which way they go. */
  #typed(): HTMLElement {
    const text = h("textarea", { rows: 3, spellcheck: "false", autocomplete: "off" });
    text.value = EXAMPLE;
    this.#text = EXAMPLE;
    text.addEventListener("input", () => {
      this.#text = text.value;
      this.#encode();
    });
    const direction = h(
      "select",
      null,
      h("option", { value: "out" }, "from a client"),
      h("option", { value: "in" }, "from a server"),
    );
    direction.addEventListener("change", () => {
      this.#direction = direction.value === "in" ? "in" : "out";
      this.#encode();
    });
    return h(
      "div",
      { class: "bytes-typed" },
      h("label", null, "The message", text),
      h("label", null, "It comes ", direction),
    );
  }

  #use(wire: Wire): void {
    this.#wire = wire;
    this.#encode();
  }

  /** The messages anew; the cuts stay where they were, as far as that is still within. */
  #encode(): void {
    const texts = this.#isTwice ? [this.#text, SECOND[this.#direction]] : [this.#text];
    this.#about.textContent = this.#wire.about;
    const isTooLong = this.#text.length > MAX_LENGTH;
    const { bytes, marks } = this.#wire.encode(isTooLong ? [] : texts, this.#direction);
    this.#bytes = bytes;
    this.#marks = marks;
    this.#ends = isTooLong ? [] : frameEnds(this.#wire, texts, this.#direction);
    for (const part of [this.#lessons, this.#sliders, this.#hex, this.#pieces, this.#marked]) {
      part.hidden = isTooLong;
    }
    if (isTooLong) {
      this.#summary.value = `${countText(this.#text.length)} characters: ` +
        `messages of up to ${MAX_LENGTH >> 10} KiB are cut here.`;
      return;
    }
    replace(
      this.#lessons,
      ...Object.entries(LESSONS).map(([name, cut]) => {
        const places = cut(this.#bytes, this.#ends);
        return h("button", {
          type: "button",
          disabled: places === undefined,
          onclick: () => {
            this.#isEvery = places !== undefined && places.length > MAX_CUTS;
            this.#cutAt(this.#isEvery ? [] : places ?? []);
          },
        }, name);
      }),
    );
    this.#cutAt(this.#cuts);
  }

  #cutAt(places: readonly number[]): void {
    this.#cuts = cutsOf(places, this.#bytes.length).slice(0, MAX_CUTS);
    this.#active = this.#cuts[0] ?? 0;
    this.#drawSliders();
    this.#draw();
  }

  #drawSliders(): void {
    const size = this.#bytes.length;
    const sliders = this.#cuts.map((place, at) => {
      const told = h("output", { class: "bytes-place" }, String(place));
      const slider = h("input", { type: "range", min: 0, max: size, step: 1 });
      slider.value = String(place);
      slider.addEventListener("input", () => {
        this.#active = this.#cuts[at] = Number(slider.value);
        told.value = slider.value;
        this.#draw();
      });
      return h(
        "div",
        { class: "bytes-slider" },
        h("label", null, `Cut ${at + 1}, at byte `, slider),
        told,
        h("button", {
          type: "button",
          "aria-label": `Remove cut ${at + 1}`,
          onclick: () => {
            this.#cutAt(this.#cuts.toSpliced(at, 1));
            this.#sliders.querySelector<HTMLElement>("input, button")?.focus();
          },
        }, "Remove"),
      );
    });
    const add = h("button", {
      type: "button",
      disabled: this.#isEvery || this.#cuts.length >= MAX_CUTS || size < 2,
      onclick: () => {
        const [from, to] = longest([0, ...cutsOf(this.#cuts, size), size]);
        const place = (from + to) >> 1;
        this.#cutAt([...this.#cuts, place]);
        const at = this.#cuts.indexOf(place);
        this.#sliders.querySelectorAll("input")[at]?.focus();
      },
    }, "Add a cut");
    replace(this.#sliders, ...this.#isEvery ? [] : sliders, add);
  }

  #draw(): void {
    const size = this.#bytes.length;
    const cuts = this.#isEvery ? everyCut(size) : cutsOf(this.#cuts, size);
    const pieces = readPieces(this.#wire, this.#direction, this.#bytes, cuts);
    this.#drawHex(cuts);
    const isFew = pieces.length <= FEW_PIECES;
    const rows = isFew
      ? pieces.map((piece): Row => ({ first: piece, last: piece, count: 1 }))
      : rowsOf(pieces);
    const shown = rows.slice(0, MAX_PIECES);
    let number = 1;
    replace(
      this.#pieces,
      ...shown.map((row) => {
        const item = pieceItem(row, number, this.#bytes);
        number += row.count;
        return item;
      }),
      rows.length > shown.length && h("li", null, `… and ${rows.length - shown.length} more.`),
    );
    const found = pieces.flatMap(({ found }) => found);
    const messages = found.filter(({ kind }) => kind === "message").length;
    const faults = found.filter(({ kind }) => kind === "fault").length;
    this.#summary.value = `${size} bytes in ${countOf(pieces.length, "piece")}: without framing ` +
      `${countOf(pieces.length, "message")}, with framing ${countOf(messages, "message")}` +
      (faults > 0 ? ` and ${countOf(faults, "fault")}.` : ".");
  }

  #drawHex(cuts: readonly number[]): void {
    const width = this.#narrow.matches ? 8 : 16, total = Math.ceil(this.#bytes.length / width);
    const middle = Math.floor(this.#active / width);
    const from = Math.max(0, Math.min(total - MAX_ROWS, middle - MAX_ROWS / 2));
    const rows = hexRows(this.#bytes, this.#marks, cuts, width, from, MAX_ROWS);
    const nodes: (Node | string)[] = [];
    if (from > 0) nodes.push(`… ${from} rows before\n`);
    for (const { offset, hex, text } of rows) {
      const filled = hex.reduce((sum, { text }) => sum + text.length, 0);
      nodes.push(h("span", { class: "bytes-offset" }, offset), " ", ...hex.map(runNode));
      nodes.push(" ".repeat(3 * width - filled + 2), ...text.map(runNode), "\n");
    }
    const after = total - from - rows.length;
    if (after > 0) nodes.push(`… ${after} rows behind\n`);
    replace(this.#hex, ...nodes);
    const frame = this.#marks.filter(({ isMessage }) => !isMessage).slice(0, 6);
    replace(
      this.#marked,
      h("span", { class: "bytes-frame" }, "underlined"),
      frame.length === 0
        ? ": no byte is the frame's."
        : `: the frame. ${
          frame.map(({ from, to, what }) =>
            `${to - from === 1 ? `Byte ${from}` : `Bytes ${from} to ${to - 1}`}: ${what}.`
          ).join(" ")
        }`,
      " A cut is |.",
    );
  }
}

/** A message of the lesson, with characters of more than one byte. */
const EXAMPLE = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello, 你好"]}';

/** The one behind it. */
const SECOND: Readonly<Record<Direction, string>> = {
  out: '{"jsonrpc":"2.0","id":2,"method":"upper","params":["bye"]}',
  in: '{"jsonrpc":"2.0","id":2,"result":"BYE"}',
};

function runNode({ text, isMessage, piece }: Run): HTMLElement {
  const kind = isMessage ? "" : " bytes-frame";
  return h("span", { class: `bytes-piece-${piece % 2}${kind}` }, text);
}

/** A piece, or several in which no message ended, and what each program makes of it. */
function pieceItem(
  { first, last, count: pieces }: Row,
  number: number,
  all: Uint8Array,
): HTMLElement {
  const size = last.to - first.from;
  const name = pieces === 1
    ? `Piece ${number}, ${countOf(size, "byte")}`
    : `Pieces ${number} to ${number + pieces - 1}, ${countOf(size, "byte")}`;
  const alone = pieces === 1
    ? shortText(first.alone)
    : `${shortText(new TextDecoder().decode(all.subarray(first.from, last.to)))}, in ${
      countOf(pieces, "piece")
    }`;
  return h(
    "li",
    null,
    h("strong", null, name),
    h(
      "dl",
      null,
      h("dt", null, "Without framing"),
      h("dd", null, h("code", null, alone)),
      h("dt", null, "The decoder"),
      ...foundItems(last),
    ),
  );
}

function foundItems({ found, held }: Piece): HTMLElement[] {
  const items = found.map(({ kind, text }) =>
    h("dd", { class: `bytes-${kind}` }, `${kind}: `, h("code", null, shortText(text)))
  );
  if (held > 0) items.push(h("dd", { class: "bytes-held" }, `keeps ${countOf(held, "byte")}`));
  if (items.length === 0) {
    items.push(h("dd", { class: "bytes-held" }, "nothing, and keeps nothing"));
  }
  return items;
}

function shortText(text: string): string {
  const cut = text.slice(0, MAX_TEXT);
  const shown = visible(cut.replaceAll("\r", "\\r").replaceAll("\n", "\\n"));
  return cut === text ? shown : `${shown}…`;
}

/** The two neighbours that are farthest apart. */
function longest(places: readonly number[]): readonly [number, number] {
  let best: [number, number] = [0, 0];
  for (let at = 1; at < places.length; at++) {
    const from = places[at - 1]!, to = places[at]!;
    if (to - from > best[1] - best[0]) best = [from, to];
  }
  return best;
}

/** Adds the style to the page, once. */
function adoptStyle(): void {
  if (document.documentElement.dataset.bytesStyle !== undefined) return;
  document.documentElement.dataset.bytesStyle = "";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(BYTES_STYLE);
  document.adoptedStyleSheets.push(sheet);
}
