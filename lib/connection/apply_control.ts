/**
 * Does what a peer's control messages say: to our calls, to the peer's requests, to the connection.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { ControlFrame } from "../framing/mod.ts";
import type { Requests } from "../incoming/requests.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { readControl } from "../message/control.ts";
import type { Notification } from "../message/message.ts";
import { weigh } from "../message/weight.ts";
import type { Calls } from "../outgoing/calls.ts";

/** Does what a control message says; one that is not known is ignored, as LSP wants it. */
export function control(
  notification: Notification,
  calls: Calls,
  requests: Pick<Requests, "get">,
  lifecycle: Pick<Lifecycle, "goAway">,
): void {
  const message = readControl(notification);
  if (message === undefined) return;
  switch (message.kind) {
    case "cancelRequest":
      requests.get(message.id)?.stop(new RpcError("CANCELLED", "The call was cancelled"));
      break;
    case "progress":
      calls.progress(message.token, message.value);
      break;
    case "items": {
      const { id, isUp, values, eventIds } = message;
      const { text, weight } = notification;
      const size = weight ?? weigh(text ?? JSON.stringify(values)); // a batch has one text for all
      const taken = isUp
        ? requests.get(id)?.receive(values, size)
        : calls.receive(id, values, notification.isMarked, size, eventIds);
      if (taken !== false) break;
      const error = new RpcError(
        "RESOURCE_EXHAUSTED",
        "More items came than there was credit or room for",
      );
      if (isUp) requests.get(id)?.stop(error);
      else calls.abandon(id, error);
      break;
    }
    case "credit":
      if (message.isUp) calls.credit(message.id, message.count, message.bytes);
      else requests.get(message.id)?.grant(message.count);
      break;
    case "end":
      if (message.isUp) requests.get(message.id)?.receiveEnd();
      break;
    case "goaway":
      calls.askLast();
      lifecycle.goAway(message.graceMs);
      break;
  }
}

/** Does what the peer's framing asks for by itself. */
export function controlFrame(
  frame: ControlFrame,
  writer: FramedWriter,
  requests: Requests,
  lifecycle: Lifecycle,
): undefined {
  if (frame.kind === "ping") {
    if (requests.takesPing()) writer.pushAnswer(frame.answer);
    return;
  }
  writer.pushLast(frame.answer);
  lifecycle.endByPeer(frame.reason);
}
