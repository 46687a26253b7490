/**
 * The framings by name.
 *
 * @module
 */

import type { Framing, FramingName } from "./frame.ts";
import { headers } from "./headers.ts";
import { json } from "./json.ts";
import { lengthPrefix } from "./length_prefix.ts";

export { detect, type Detected, DetectingDecoder } from "./detect.ts";
export { UNFINISHED } from "./frame.ts";
export { ServerDecoder } from "./other_protocols.ts";
export type {
  Around,
  BadFrame,
  ControlFrame,
  Decoder,
  Frame,
  Framing,
  FramingLimits,
  FramingName,
  Reserve,
} from "./frame.ts";

/** The framings by name. */
export const FRAMINGS: Readonly<Record<FramingName, Framing>> = {
  json,
  headers,
  length: lengthPrefix,
};
