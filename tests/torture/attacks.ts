/**
 * All attacks, in the order in which they are run.
 *
 * @module
 */

import { ACCEPT } from "./accept.ts";
import type { Attack } from "./attack.ts";
import { COSTLY } from "./costly.ts";
import { FAST } from "./fast.ts";
import { FLOOD } from "./flood.ts";
import { FRAMING } from "./framing.ts";
import { HALF_OPEN } from "./half_open.ts";
import { HTTP } from "./http.ts";
import { KEEP } from "./keep.ts";
import { MEMORY } from "./memory.ts";
import { OVERLOAD } from "./overload.ts";
import { PARSING } from "./parsing.ts";
import { PLACES } from "./places.ts";
import { SHUTDOWN } from "./shutdown.ts";
import { SLOW } from "./slow.ts";
import { TLS } from "./tls.ts";
import { WEBSOCKET } from "./websocket.ts";
import { WHO } from "./who.ts";
import { WITHIN } from "./within.ts";

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  ...FRAMING,
  ...PARSING,
  ...ACCEPT,
  ...SLOW,
  ...FLOOD,
  ...HALF_OPEN,
  ...MEMORY,
  ...TLS,
  ...OVERLOAD,
  ...FAST,
  ...KEEP,
  ...WITHIN,
  ...PLACES,
  ...COSTLY,
  ...WHO,
  ...HTTP,
  ...WEBSOCKET,
  ...SHUTDOWN,
];
