/**
 * The files of the console, ready to be sent: each is made when it is first asked for, and packed once. A page
 * of many requests is painted late.
 *
 * The first request for the console loads this module: until then a server keeps none of it in memory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { consoleTexts } from "./console_texts.ts";

/** What is sent, and the name of exactly this. */
export interface Sent {
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/** A file, made ready when it is first asked for. */
export class ConsoleFile {
  readonly type: string;
  readonly #make: () => string;
  #plain: Sent | undefined;
  #packed: Sent | undefined;
  #style: string | undefined;

  /** @param make makes its text */
  constructor(type: string, make: () => string) {
    this.type = `${type}; charset=utf-8`;
    this.#make = make;
  }

  /** What a policy says of its style, which stands in it: the hash. */
  get style(): string {
    return this.#style ??= styleOf(this.#make());
  }

  /** As it is. */
  get plain(): Sent {
    return this.#plain ??= sent(new TextEncoder().encode(this.#make()));
  }

  /** Packed with gzip. */
  get packed(): Sent {
    return this.#packed ??= sent(gzipSync(this.plain.bytes, { level: 9 }));
  }
}

/** The hash of the style that stands in a page, as a policy has it. */
export function styleOf(page: string): string {
  const [style = ""] = (page.split("<style>")[1] ?? "").split("</style>");
  return `'sha256-${createHash("sha256").update(style).digest("base64")}'`;
}

function sent(bytes: Uint8Array): Sent {
  return { bytes, tag: `"${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}"` };
}

/** What a file is, by how its path ends. */
const TYPES: Readonly<Record<string, string>> = {
  "/": "text/html",
  ts: "text/javascript",
};

/** What is served, by path. */
export const consoleFiles: ReadonlyMap<string, ConsoleFile> = new Map(
  Array.from(
    consoleTexts,
    ([path, make]) => [path, new ConsoleFile(TYPES[path.split(".").at(-1)!]!, make)] as const,
  ),
);
