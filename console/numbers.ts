/**
 * Sizes and counts as a person reads them.
 *
 * @module
 */

const counts = /* @__PURE__ */ new Intl.NumberFormat("en");

/** `12,345`. */
export function countText(count: number): string {
  return counts.format(count);
}

/** `1 item`, `12 items`. */
export function countOf(count: number, one: string): string {
  return `${countText(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** A limit of a server with its unit, which its name tells: `1,048,576 bytes`, `30,000 ms`, `64`. */
export function limitText(name: string, limit: number): string {
  const unit = /Bytes$/.test(name)
    ? " bytes"
    : /(?:Timeout|Interval|Age|Grace)$/.test(name)
    ? " ms"
    : "";
  return countText(limit) + unit;
}

/** `340 B`, `1.2 KB`, `10 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "KB"] : [bytes / 1e6, "MB"];
  return `${size < 100 ? Number(size.toPrecision(2)) : Math.round(size)} ${unit}`;
}

/** The bytes of a text in UTF-8. */
export function sizeOf(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // The two halves of a pair are four bytes together.
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return bytes;
}
