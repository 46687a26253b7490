/**
 * How the bytes panel looks. It comes with the panel: a page that never opens it does not load it. Colours are
 * those of the page if it has them.
 *
 * @module
 */

/** Rules for everything within `.bytes`. */
export const BYTES_STYLE = `
.bytes {
  --frame: light-dark(#6929c4, #be95ff);
  --other: light-dark(#dbe2ea, #343c46);
  accent-color: var(--accent, auto);
  --quiet-text: var(--quiet, light-dark(#57606a, #9da7b1));
  --bad-text: var(--bad, light-dark(#b3261e, #ff8a80));
  --good-text: var(--good, light-dark(#1a6b34, #6fdd8b));
  display: grid;
  gap: 0.75rem;
  min-width: 0;
}
.bytes > * { margin: 0; min-width: 0; }
.bytes [hidden] { display: none; }
.bytes-wires { border: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; }
.bytes-wires legend { font-weight: 600; padding: 0; }
.bytes-wires label, .bytes-twice { align-items: center; display: flex; gap: 0.35rem; }
.bytes-about, .bytes-legend { color: var(--quiet-text); font-size: 0.9em; }
.bytes-lessons { display: flex; flex-wrap: wrap; gap: 0.4rem; }
.bytes-sliders { display: grid; gap: 0.4rem; grid-template-columns: minmax(0, 1fr); justify-items: start; }
.bytes-slider { align-items: center; display: flex; gap: 0.6rem; width: 100%; }
.bytes-slider label { align-items: center; display: flex; flex: 1; gap: 0.5rem; min-width: 0; white-space: nowrap; }
.bytes-slider input { flex: 1; min-width: 4rem; width: 4rem; }
.bytes-place { font-variant-numeric: tabular-nums; min-width: 3ch; text-align: end; }
.bytes-summary { display: block; font-weight: 600; }
.bytes-hex {
  border: 1px solid var(--line, light-dark(#d1d9e0, #3d444d));
  border-radius: 6px;
  font: 0.85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  max-height: 20rem;
  overflow: auto;
  padding: 0.5rem 0.75rem;
}
.bytes-offset { color: var(--quiet-text); }
.bytes-frame {
  color: var(--frame);
  font-weight: 600;
  text-decoration: underline;
  text-underline-offset: 0.2em;
}
.bytes-piece-1 { background: var(--other); }
.bytes-pieces { display: grid; gap: 0.6rem; list-style: none; padding: 0; }
.bytes-pieces > li { border-inline-start: 3px solid var(--other); padding-inline-start: 0.75rem; }
.bytes-pieces dl { display: grid; gap: 0.1rem 0.75rem; grid-template-columns: max-content 1fr; margin: 0.2rem 0 0; }
.bytes-pieces dt { color: var(--quiet-text); }
.bytes-pieces dd { grid-column: 2; margin: 0; min-width: 0; overflow-wrap: anywhere; }
.bytes-pieces code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.9em; }
.bytes-message { color: var(--good-text); }
.bytes-fault { color: var(--bad-text); }
.bytes-held { color: var(--quiet-text); }
.bytes-typed { display: grid; gap: 0.5rem; }
.bytes-typed label:first-child { display: grid; gap: 0.25rem; }
.bytes-typed textarea { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 500px) {
  .bytes-hex { font-size: 0.75rem; padding: 0.4rem; }
  .bytes-pieces dl { grid-template-columns: 1fr; }
  .bytes-pieces dd { grid-column: 1; }
}
`;
