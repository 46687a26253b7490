/**
 * Why a connection ends, for framings that tell the peer so: the numbers of RFC 6455, section 7.4.1, and
 * of IANA's registry of WebSocket close codes.
 *
 * @module
 */

/** There is no more to say. */
export const NORMAL = 1000;
/** The server shuts down, or the peer has been here for long. */
export const GOING_AWAY = 1001;
/** What came is not this protocol. */
export const PROTOCOL_ERROR = 1002;
/** A text is not UTF-8. */
export const NOT_UTF8 = 1007;
/** The peer does what it may not do. */
export const POLICY = 1008;
/** A message is over the limit. */
export const TOO_BIG = 1009;
/** The server is busy. */
export const TRY_LATER = 1013;
