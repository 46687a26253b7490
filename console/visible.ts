/**
 * Texts of a server, made fit to be looked at: nothing in them reverses the direction of reading, hides, or
 * takes more room than it should.
 *
 * @module
 */

/** Characters of a name that are shown. */
export const MAX_NAME = 200;

/** Controls, invisible formats, line separators and halves of pairs; the joiners of emoji stay. */
const UNSAFE = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]--[\u200c\u200d]]/gv;

/** A text of the server's; the JSON of anything else, since `String()` fails for some objects. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

/** A value as JSON in several lines, or in one if it is too deep to be indented. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, undefined, 2) ?? "";
  } catch {
    return JSON.stringify(value);
  }
}

/** The text with what cannot be seen written as `\u202e`, line ends too. */
export function visible(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** The same for a text of several lines: line ends and tabs stay. What it makes of JSON is the same JSON. */
export function visibleLines(text: string): string {
  return text.replace(UNSAFE, (found) => found === "\n" || found === "\t" ? found : escaped(found));
}

/** The same for a name: cut to {@linkcode MAX_NAME} characters. */
export function visibleName(name: string, max: number = MAX_NAME): string {
  return name.length <= max ? visible(name) : visible(name.slice(0, lengthOf(name, max))) + "…";
}

/** Whether all of it is seen as it is, and stays what it is in a field for texts. */
export function isPlain(text: string): boolean {
  return visibleLines(text) === text;
}

/** Not between the two units of a pair. */
function lengthOf(text: string, max: number): number {
  return (text.charCodeAt(max - 1) & 0xfc00) === 0xd800 ? max - 1 : max;
}

function escaped(found: string): string {
  let text = "";
  for (let i = 0; i < found.length; i++) {
    text += "\\u" + found.charCodeAt(i).toString(16).padStart(4, "0");
  }
  return text;
}
