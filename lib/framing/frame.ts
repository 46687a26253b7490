/**
 * What every framing gives: the texts of whole messages, and faults. Pure and synchronous: bytes go
 * in, frames come out; nothing here knows of sockets, JSON-RPC or time.
 *
 * @module
 */

import type { Limits } from "../limits.ts";

/** The framings by name; {@linkcode FRAMINGS} says what each looks like. */
export type FramingName = "json" | "headers" | "length";

/** The limits that a framing keeps. They are read for each message: they may be raised. */
export type FramingLimits = Pick<
  Limits,
  "maxMessageBytes" | "maxDepth" | "maxHeaderBytes" | "maxHeaderLines"
>;

/** Bytes that are no frame. */
export interface BadFrame {
  /** `oversized`: a message over the limit; `malformed`: anything else. */
  readonly kind: "oversized" | "malformed";
  /** What was wrong, for the answer and the log. */
  readonly reason: string;
  /** Where the first bytes are another protocol's: which. */
  readonly protocol?: "http" | "tls";
  /** What has come, where it is another protocol: all of it. Lent as a chunk is. */
  readonly first?: Uint8Array;
  /** Where a server of another protocol, or of another framing, has answered: which, and what reaches it. */
  readonly other?: {
    /** What it is: `an HTTP server`. */
    readonly name: string;
    /** What reaches it, if it is known: a scheme, or a framing. */
    readonly use?: { readonly scheme: "http" | "tls" } | { readonly framing: FramingName };
  };
  /** The limit in bytes, where a message was over it. */
  readonly maxBytes?: number;
  /** The limit in levels, where a message nested too deeply. */
  readonly maxDepth?: number;
  /** How that message began, as far as it was read before this was found. */
  readonly start?: string;
  /** Whether the next message can no longer be found: answer, then close. */
  readonly fatal: boolean;
  /** The code with which the framing tells the peer, where it has such: those of RFC 6455, section 7.4.1. */
  readonly closeCode?: number;
}

/** What the peer's framing asks for by itself, between messages: WebSocket's ping and close. */
export interface ControlFrame {
  /** `close`: the peer sends no more, and takes nothing but the answer to this. */
  readonly kind: "ping" | "close";
  /** The frame to send back; to a close it is the last. */
  readonly answer: Uint8Array<ArrayBuffer>;
  /** What it says, in words. */
  readonly reason: string;
  /** The code of a close: a number of RFC 6455, section 7.4.1, 1000 where the peer gave none. */
  readonly closeCode?: number;
  /** Whether nothing follows. */
  readonly fatal: boolean;
}

/** What is wrong with a text of which nothing but the end is missing. */
export const UNFINISHED = "unfinished";

/** One message's text, or what stood in its place; or what the framing itself asks for. */
export type Frame = string | BadFrame | ControlFrame;

/**
 * Finds frames in a stream of bytes, however it was cut.
 *
 * `push` lends a chunk, in which the decoder may write; `next` is then called until it has nothing more.
 * Only at that point may the chunk be overwritten: what is left of it has been copied. Nothing else is
 * copied.
 */
export interface Decoder {
  /** Lends bytes that arrived. Everything pushed before must have been taken with `next`. */
  push(chunk: Uint8Array): void;
  /** The next frame; undefined means that more bytes are needed. */
  next(): Frame | undefined;
  /** Bytes kept of a message that has begun and not ended. */
  readonly held: number;
  /** Whether a message has begun and not ended: the end of the stream tears it. */
  readonly midway: boolean;
  /**
   * How many bytes of the chunk stand behind the frame that `next` gave last. Not known of lines that were
   * taken without a look at their bytes.
   */
  readonly left?: number;
  /**
   * Whether bytes are passed over up to a place where reading can go on, and the peer has not yet sent
   * anything that could be one.
   */
  readonly isLost?: boolean;
  /** Nothing more comes: `next` gives what is left, and a fault if that is cut off. */
  end?(): void;
  /**
   * Only for a reader that parses: the text that `next` gave last is no JSON. Where it was taken for a
   * whole text without a look at its bytes, as lines are, they are looked at now: `next` goes on with what
   * really stands there. False where this was done already.
   */
  reject?(): boolean;
}

/** Gives a buffer of at least so many bytes, whose content may be overwritten. */
export type Reserve = (bytes: number) => Uint8Array<ArrayBuffer>;

/** The bytes around the text of one message. */
export interface Around {
  /** The bytes before the text. */
  readonly before: Uint8Array;
  /** The bytes behind it. */
  readonly after: Uint8Array;
}

/** One way to tell messages apart. */
export interface Framing {
  /** Its name. `websocket` and `http` cannot be chosen by name: the address decides them. */
  readonly name: FramingName | "websocket" | "http";
  /**
   * A decoder for one connection.
   *
   * @param isParsed whether its reader parses each text, and calls {@linkcode Decoder.reject} for what is no
   * JSON: lines can then be taken without a look at their bytes
   */
  decoder(limits: FramingLimits, isParsed?: boolean): Decoder;
  /**
   * The bytes of all these messages, one frame each, in order.
   *
   * @param reserve where to write them; the result may be a part of that buffer
   */
  encode(messages: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer>;
  /**
   * What stands around a message, so that a long one can be written in pieces. Without it each message is
   * written whole.
   */
  around?(message: string): Around;
  /** What the other end speaks, where that is not the same: each of the two decodes what the other encodes. */
  readonly peer?: Framing;
  /** A frame that the peer answers, whatever it is, where the framing has such. */
  ping?(): Uint8Array<ArrayBuffer>;
  /**
   * The last frame, where the framing has such.
   *
   * @param code why, as a number of RFC 6455, section 7.4.1
   * @param reason why, in words, which may be cut
   */
  close?(code: number, reason: string): Uint8Array<ArrayBuffer>;
}
