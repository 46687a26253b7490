/**
 * The tokens of those who may call, in a file: one on a line, and after white space the caller's name.
 * Empty lines, and those that begin with `#`, say nothing.
 *
 * @module
 */

import { type Authenticate, bearerTokens } from "../../lib/mod.ts";

/** Who calls, by a file that can be read again. */
export interface TokenFile {
  /** Decides who a caller is. Its identity is the name in the file, or `true` where there is none. */
  readonly authenticate: Authenticate;
  /**
   * Reads the file again. Callers who are connected stay who they are.
   *
   * @throws {TypeError} where that is not possible; what was read before holds
   */
  reload(): void;
}

/** @throws {TypeError} for a file that cannot be read, or holds no token, or holds one twice */
export function openTokens(file: string): TokenFile {
  let authenticate = readTokens(file);
  return {
    authenticate: (credentials, peer) => authenticate(credentials, peer),
    reload: () => void (authenticate = readTokens(file)),
  };
}

function readTokens(file: string): Authenticate {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new TypeError(`Cannot read --token-file ${file}: ${(error as Error).message}`);
  }
  const tokens: Record<string, string | true> = Object.create(null);
  for (const [index, line] of text.split("\n").entries()) {
    const [, token = "", name = ""] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line)!;
    if (token === "" || token.startsWith("#")) continue;
    if (token in tokens) {
      throw new TypeError(`Cannot use --token-file ${file}: line ${index + 1} repeats a token`);
    }
    tokens[token] = name === "" ? true : name;
  }
  if (Object.keys(tokens).length === 0) {
    throw new TypeError(`Cannot use --token-file ${file}: there is no token in it`);
  }
  return bearerTokens(tokens);
}
