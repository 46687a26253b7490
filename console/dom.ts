/// <reference lib="dom" />
/**
 * Makes elements. The only way into the page: no text is ever read as HTML.
 *
 * @module
 */

/** What stands in an element: elements and texts; null, undefined and false are nothing. */
export type Child = Node | string | number | null | undefined | false;

/**
 * What an element has: a function listens for an event (`onclick`), `true` is an attribute without a
 * value, `false` and `undefined` are no attribute, anything else is an attribute's text.
 *
 * An event's name is what stands behind `on`, in lower case as the page has it.
 */
export type Props = Readonly<
  // deno-lint-ignore no-explicit-any -- a listener takes the event that its name says
  Record<string, string | number | boolean | null | undefined | ((event: any) => void)>
>;

/**
 * Makes an element.
 *
 * @example
 * ```ts ignore
 * h("button", { type: "button", onclick: () => call() }, "Call");
 * ```
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props | null = null,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return fill(document.createElement(tag), props, children);
}

/** As {@linkcode h}, for drawings. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  props: Props | null = null,
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill<E extends Element>(
  element: E,
  props: Props | null,
  children: readonly Child[],
): E {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

/** Puts these in the place of all that an element has. */
export function replace(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...nodes(children));
}

function nodes(children: readonly Child[]): (Node | string)[] {
  return children.filter((it) => it !== null && it !== undefined && it !== false).map((it) =>
    typeof it === "number" ? String(it) : it
  );
}
