// What a text means, decided slowly and in the open: each member's own text is cut out of the envelope
// by hand, and the rules of PROTOCOL.md are asked one after another. It shares no code with lib/message/.

import type { Message } from "../../lib/message/message.ts";
import { DEFAULT_LIMITS } from "../../lib/mod.ts";

/** A message, as far as it can be compared. */
export type Meaning =
  | { kind: "request"; version: string; id: string; method: string; params: unknown }
  | { kind: "notification"; method: string; params: unknown }
  | { kind: "response"; id: string; result: unknown; code: number | undefined }
  | { kind: "invalid"; id: string; code: number }
  | { kind: "batch"; items: Meaning[] };

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const PLAIN = /[^,\]} \t\r\n]+/y;

/** The texts of the parts of an object or array; the text is known to be JSON. */
class Parts {
  readonly members = new Map<string, string>();
  readonly items: string[] = [];
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.#skip(SPACE);
    const isObject = text[this.#at++] === "{";
    for (;;) {
      this.#skip(SPACE);
      if (text[this.#at] === "}" || text[this.#at] === "]") return;
      if (isObject) {
        const name: string = JSON.parse(this.#skip(STRING));
        this.#skip(SPACE);
        this.#at++; // the colon
        this.#skip(SPACE);
        this.members.set(name, this.#value());
      } else this.items.push(this.#value());
      this.#skip(SPACE);
      if (text[this.#at] === ",") this.#at++;
    }
  }

  #value(): string {
    const start = this.#at;
    const first = this.#text[start]!;
    if (first === '"') return this.#skip(STRING);
    if (first !== "{" && first !== "[") return this.#skip(PLAIN);
    let depth = 0;
    do {
      const next = this.#text[this.#at]!;
      if (next === '"') this.#skip(STRING);
      else {
        if (next === "{" || next === "[") depth++;
        if (next === "}" || next === "]") depth--;
        this.#at++;
      }
    } while (depth > 0);
    return this.#text.slice(start, this.#at);
  }

  #skip(what: RegExp): string {
    what.lastIndex = this.#at;
    const [found] = what.exec(this.#text)!;
    this.#at += found.length;
    return found;
  }
}

/** How deep the brackets nest, of a text that is known to be JSON. */
function depthOf(text: string): number {
  let depth = 0, deepest = 0;
  for (const bracket of text.replaceAll(/"(?:[^"\\]|\\.)*"|[^{}[\]]/g, "")) {
    depth += bracket === "{" || bracket === "[" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** What a text means; one byte order mark before it means nothing. */
export function meaningOf(marked: string): Meaning {
  const text = marked.replace(/^\uFEFF(?!\uFEFF)/, "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", id: "null", code: -32700 };
  }
  if (depthOf(text) > DEFAULT_LIMITS.maxDepth) {
    return { kind: "invalid", id: "null", code: -32700 };
  }
  if (!Array.isArray(value)) return single(text);
  if (value.length === 0) return { kind: "invalid", id: "null", code: -32600 };
  if (value.length > DEFAULT_LIMITS.maxBatch) return { kind: "invalid", id: "null", code: -32008 };
  return { kind: "batch", items: new Parts(text).items.map(single) };
}

function single(text: string): Meaning {
  if (text.trim()[0] !== "{") return { kind: "invalid", id: "null", code: -32600 };
  const { members } = new Parts(text);
  const get = (name: string): unknown => {
    const text = members.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  };
  const id = get("id"), version = get("jsonrpc"), method = get("method");
  const params = get("params") ?? undefined;
  if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number") {
    return { kind: "invalid", id: "null", code: -32600 };
  }
  // A number as it stands there, a string as the same string.
  const idText = typeof id === "number" ? members.get("id")! : JSON.stringify(id);
  const idBytes = id === undefined ? 0 : bytes(idText) - (typeof id === "string" ? 2 : 0);
  if (idBytes > DEFAULT_LIMITS.maxIdBytes) return { kind: "invalid", id: "null", code: -32600 };
  const answerTo = idText ?? "null";
  const isCall = method !== undefined && method !== null;
  if (!isCall && (members.has("result") || members.has("error"))) {
    const error = get("error") ?? undefined;
    if (error === undefined) {
      return { kind: "response", id: answerTo, result: get("result") ?? null, code: undefined };
    }
    const code = (error as { code?: unknown }).code;
    return {
      kind: "response",
      id: answerTo,
      result: null,
      code: Number.isSafeInteger(code) ? code as number : -32002,
    };
  }
  const invalid: Meaning = { kind: "invalid", id: answerTo, code: -32600 };
  if (version !== undefined && version !== "2.0") return invalid;
  if (typeof method !== "string") return invalid;
  const isNotification = id === undefined || version === undefined && id === null;
  if (bytes(method) > DEFAULT_LIMITS.maxMethodBytes && id !== undefined) {
    return { kind: "invalid", id: answerTo, code: -32601 };
  }
  if (params !== undefined && typeof params !== "object") return invalid;
  if (isNotification) return { kind: "notification", method, params };
  return {
    kind: "request",
    version: version === undefined ? "1.0" : "2.0",
    id: idText,
    method,
    params,
  };
}

/** What the library found, in the same words. */
export function meaning(message: Message): Meaning {
  switch (message.kind) {
    case "batch":
      return { kind: "batch", items: message.items.map(meaning) };
    case "request": {
      const { kind, version, id, method, params } = message;
      return { kind, version, id, method, params };
    }
    case "notification": {
      const { kind, method, params } = message;
      return { kind, method, params };
    }
    case "response": {
      const { kind, id, result, error } = message;
      return { kind, id, result, code: error?.code };
    }
    case "invalid":
      return { kind: "invalid", id: message.id, code: message.error.code };
  }
}
