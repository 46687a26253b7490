/**
 * What must come of a case of the conformance check, and what is wrong with what came.
 *
 * @module
 */

/** An answer, as far as the cases look into it; ids keep their digits. */
export type Answer = { readonly id?: unknown } & Readonly<Record<string, unknown>>;

/** What must come of a case. */
export type Expected =
  /** No bytes. */
  | { readonly kind: "nothing" }
  /** Whatever it is, the call that follows is answered. */
  | { readonly kind: "no harm" }
  /** So many frames, of which this function says what is wrong with them. */
  | {
    readonly kind: "answers";
    readonly count: number;
    readonly fault: (frames: readonly unknown[]) => string | undefined;
  }
  /** An error, or the end of the connection: anything but silence. */
  | { readonly kind: "refusal" };

/** No bytes. */
export const NOTHING: Expected = { kind: "nothing" };
/** Anything but silence. */
export const REFUSAL: Expected = { kind: "refusal" };

/** One error with one of these ids, as JSON text, and one of these codes. */
export function error(ids: string | readonly string[], ...codes: number[]): Expected {
  return {
    kind: "answers",
    count: 1,
    fault: ([frame]) => faultOfError(frame, [ids].flat(), codes),
  };
}

/** An array of errors, in any order. */
export function batch(...items: readonly (readonly [id: string, code: number])[]): Expected {
  return {
    kind: "answers",
    count: 1,
    fault([frame]) {
      if (!Array.isArray(frame)) return "expected an array";
      return faultOfAll(frame, items);
    },
  };
}

/** Errors in frames of their own, in any order. */
export function errors(...items: readonly (readonly [id: string, code: number])[]): Expected {
  return { kind: "answers", count: items.length, fault: (frames) => faultOfAll(frames, items) };
}

/** A result, to the request with this id. */
export function result(id: string): Expected {
  return { kind: "answers", count: 1, fault: ([frame]) => faultOfResult(frame, id) };
}

function faultOfAll(
  frames: readonly unknown[],
  items: readonly (readonly [id: string, code: number])[],
): string | undefined {
  if (frames.length !== items.length) {
    return `expected ${items.length} answers, there are ${frames.length}`;
  }
  const left = [...frames];
  for (const [id, code] of items) {
    const at = left.findIndex((frame) => faultOfError(frame, [id], [code]) === undefined);
    if (at < 0) return `expected error ${code} with id ${id} among the answers`;
    left.splice(at, 1);
  }
  return undefined;
}

/** What every answer must be (section 5); undefined where it is. */
function faultOfAnswer(frame: unknown, ids: readonly string[]): string | undefined {
  if (frame === null || typeof frame !== "object" || Array.isArray(frame)) {
    return "expected an object";
  }
  const { jsonrpc, id } = frame as Answer;
  if (jsonrpc !== "2.0") return 'its jsonrpc is not "2.0"';
  if (!("id" in frame)) return "it has no id";
  if (!ids.includes(JSON.stringify(id))) {
    return `expected id ${ids.join(" or ")}, it is ${JSON.stringify(id)}`;
  }
  if ("result" in frame === "error" in frame) return "expected one of result and error";
  return undefined;
}

/** What is wrong with this as an error; undefined where nothing is. */
export function faultOfError(
  frame: unknown,
  ids: readonly string[],
  codes: readonly number[],
): string | undefined {
  const fault = faultOfAnswer(frame, ids);
  if (fault !== undefined) return fault;
  const { error } = frame as Answer;
  const wanted = `error ${codes.join(" or ")}`;
  if (error === undefined) return `expected ${wanted}, it is a result`;
  if (error === null || typeof error !== "object") return "its error is not an object";
  const { code, message } = error as Answer;
  if (typeof code !== "number" || !Number.isInteger(code)) return "its code is not an integer";
  if (typeof message !== "string") return "its message is not a string";
  return codes.includes(code) ? undefined : `expected ${wanted}, it is ${code}`;
}

/** The same for a result. */
export function faultOfResult(frame: unknown, id: string): string | undefined {
  const fault = faultOfAnswer(frame, [id]);
  return fault ?? ("error" in (frame as Answer) ? "expected a result, it is an error" : undefined);
}
