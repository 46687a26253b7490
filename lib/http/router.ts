/**
 * What becomes of each request of one HTTP connection: by its head it is refused, or let in with who calls;
 * with its body it is a call, a batch, a notification or a page. Or it asks for a WebSocket.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { decodeUtf8 } from "../framing/utf8.ts";
import type { FramedReader } from "../link/framed_reader.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import { LINGERING, OPEN } from "../link/in_flight.ts";
import { type Lifecycle, shuttingDown } from "../link/lifecycle.ts";
import { isControl } from "../message/control.ts";
import { encodeError, UNKNOWN } from "../message/encode.ts";
import type { Notification, Request, Single } from "../message/message.ts";
import { faultAnswer, tooLarge } from "../message/parse.ts";
import { adapt, fits, streamType } from "./call.ts";
import type { HttpCaller } from "./caller.ts";
import { Callers } from "./callers.ts";
import type { Exchange } from "./exchange.ts";
import { type Admitted, guard, type Refusal } from "./guard.ts";
import type { BadRequest, RequestHead, RequestLimits } from "./head.ts";
import type { HttpServing } from "./options.ts";
import { Relay, type RelayHost } from "./relay.ts";
import type { RequestPart } from "./request.ts";
import { CONTINUE, JSON_TYPE, TEXT_TYPE } from "./response.ts";
import type { Asked } from "./pages.ts";
import { handshake } from "./upgrade.ts";

/** A body that is none. */
const NO_TEXT = { kind: "malformed", reason: "the body is not UTF-8", fatal: false } as const;

/** The pages that need a caller with the right to call. */
const FOR_CALLERS: ReadonlySet<string> = new Set(["/openrpc.json", "/metrics"]);

/** The connection whose requests they are. */
export interface RouterHost extends RelayHost, Pick<Lifecycle, "phase" | "linger" | "refuse"> {
  readonly reader: Pick<FramedReader, "parse" | "receivedBytes">;
  readonly writer: FramedWriter;
}

/** The limits of a request, of which that of the body depends on its head. */
export type ChangingLimits = { -readonly [Name in keyof RequestLimits]: RequestLimits[Name] };

/** Takes the parts of one request after another. */
export class Router {
  readonly #host: RouterHost;
  readonly #serving: HttpServing;
  readonly #exchange: Exchange;
  readonly #limits: ChangingLimits;
  readonly #callers: Callers;
  /** Undefined unless the connection is that of a proxy which is trusted. */
  readonly relay: Relay | undefined;
  /** Whether a WebSocket was asked for and that is not decided, and whether it was agreed to. */
  isUpgrading = false;
  isUpgraded = false;

  // The request that is being answered.
  #head: RequestHead | undefined;
  #admitted: Admitted | undefined;
  #caller!: HttpCaller;
  /** Whether its body is read and forgotten: it has been refused. */
  #isRefused = false;
  /** Whether the client waits to be told that its body may come. */
  #expects = false;

  /** @param limits what the requests are read with */
  constructor(
    host: RouterHost,
    serving: HttpServing,
    exchange: Exchange,
    limits: ChangingLimits,
  ) {
    this.#host = host;
    this.#serving = serving;
    this.#exchange = exchange;
    this.#limits = limits;
    this.#callers = new Callers(host, exchange);
    const { proxies } = serving;
    if (proxies?.has(host.socket.remote)) this.relay = new Relay(host, this.#callers, proxies);
  }

  /** Takes what was read. The promise is that of its answer: nothing else is looked at before. */
  take(part: RequestPart): Promise<void> | undefined {
    switch (part.kind) {
      case "head":
        return this.#onHead(part);
      case "body":
        return this.#onBody(part.bytes);
      case "bad":
        return this.#onBad(part);
    }
  }

  /** The body is all that is to come: a client that waits is told that it may. */
  expectBody(): void {
    if (!this.#expects || this.#isRefused) return;
    this.#expects = false;
    this.#host.writer.push(CONTINUE);
  }

  #onHead(head: RequestHead): Promise<void> | undefined {
    const host = this.#host, { limits } = host.shared;
    // A client repeats itself, and so would the guard.
    const before = head === this.#head ? this.#admitted : undefined;
    this.#head = head;
    this.#isRefused = false;
    this.#exchange.begin(head);
    const expect = head.headers.get("expect")?.toLowerCase();
    this.#expects = expect === "100-continue" && !head.isOld && head.length !== 0;
    this.#limits.maxMessageBytes = Math.min(limits.maxMessageBytes, limits.maxHttpBodyBytes);
    this.#admitted = undefined;
    const refusal = this.relay?.refusal;
    if (refusal !== undefined) return this.#refuse(refusal);
    const admitted = before ?? guard(head, this.#serving.guard);
    if ("status" in admitted) return this.#refuse(admitted);
    this.#admitted = admitted;
    if (admitted.route.kind !== "options") this.#exchange.cors = admitted.headers;
    if (expect !== undefined && expect !== "100-continue") {
      return this.#refuse({ status: 417, reason: "the only expectation is 100-continue" });
    }
    const { kind } = admitted.route;
    if (this.#serving.only === "websocket" && kind !== "upgrade") {
      return this.#refuse({
        status: 426,
        reason: "only WebSockets are taken at this address",
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\n",
      });
    }
    if (kind === "upgrade") return this.#upgrade(head);
    if (kind === "options") return undefined;
    if (kind === "page" && !FOR_CALLERS.has(admitted.route.path)) {
      this.#caller = this.#callers.anyone; // the first page, and how the server is, are for all
      return undefined;
    }
    const found = this.#callers.find(head.headers.get("authorization"));
    const go = (found: HttpCaller | RpcError): undefined => {
      if (host.phase >= LINGERING) return;
      if (found instanceof RpcError) this.#refuseUnknown(found, head);
      else this.#caller = found;
    };
    return found instanceof Promise ? found.then(go) : go(found);
  }

  /** Nobody is known by what the request shows. A short body is passed over, so that another may follow. */
  #refuseUnknown(error: RpcError, { length, headers }: RequestHead): void {
    const { limits: { maxUnauthenticatedBytes, maxAuthFailures } } = this.#host.shared;
    this.#note(error);
    const isShort = length <= maxUnauthenticatedBytes && !headers.has("expect");
    this.#limits.maxMessageBytes = Math.min(this.#limits.maxMessageBytes, maxUnauthenticatedBytes);
    this.#isRefused = true;
    // Others behind the same proxy have done nothing wrong; but for a WebSocket all of it is this caller's.
    const ends = this.relay === undefined
      ? this.#callers.failures >= maxAuthFailures
      : this.isUpgrading;
    this.#exchange.refuse(encodeError(UNKNOWN, error), error, ends || !isShort);
  }

  /** Answers a request that is refused by its head. If there is a body it is not read: the connection ends. */
  #refuse({ status, reason, headers = "" }: Refusal): undefined {
    this.#isRefused = true;
    this.#noteMistake(status, reason);
    this.#exchange.send(
      status,
      { headers, type: TEXT_TYPE, body: reason + "\n" },
      this.#head!.length !== 0,
    );
  }

  /** Shows the observer a request of HTTP that is not served. */
  #note(error: RpcError): void {
    const { shared: { observe }, identity } = this.#host;
    observe?.refused?.(error, identity.peer);
  }

  #noteMistake(status: number, reason: string): void {
    this.#note(new RpcError("INVALID_REQUEST", reason, { details: { status } }));
  }

  #onBad({ status, reason }: BadRequest): undefined {
    if (this.#isRefused) { // it has been told something else
      this.#host.linger(reason);
      return;
    }
    if (this.#exchange.isAnswered) this.#exchange.begin(undefined);
    this.#isRefused = true;
    if (status !== 413) {
      this.#noteMistake(status, reason);
      this.#exchange.send(status, { type: TEXT_TYPE, body: reason + "\n" }, true);
      return;
    }
    const { limits } = this.#host.shared, { maxMessageBytes } = this.#limits;
    const limit = maxMessageBytes < limits.maxMessageBytes ? "maxHttpBodyBytes" : "maxMessageBytes";
    const error = tooLarge(reason, maxMessageBytes, limit);
    this.#note(error);
    this.#exchange.send(413, { type: JSON_TYPE, body: encodeError(UNKNOWN, error) }, true);
  }

  #onBody(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isRefused) {
      this.#isRefused = false;
      return undefined;
    }
    const { route, headers } = this.#admitted!;
    switch (route.kind) {
      case "call":
        return this.#call(bytes);
      case "page":
        return this.#page(route.path, route.query);
      default:
        this.#exchange.send(204, { headers });
        return undefined;
    }
  }

  // ---- With a body ---------------------------------------------------------------------------

  #call(bytes: Uint8Array): Promise<void> | undefined {
    const { requests, reader } = this.#host, caller = this.#caller;
    const text = decodeUtf8(bytes), { headers, isOld } = this.#head!;
    // HTTP/1.0 has no chunks.
    this.#exchange.stream = isOld ? undefined : streamType(headers.get("accept"));
    // A body is one text, and cannot be several.
    const message = text === undefined ? faultAnswer(NO_TEXT) : reader.parse(text)!;
    switch (message.kind) {
      case "request":
        return this.#exchange.after(this.#request(message));
      case "notification":
      case "response":
        return this.#accept(message);
      case "invalid":
        requests.mistake(message.error, caller.info);
        this.#exchange.refuse(encodeError(message, message.error), message.error);
        return undefined;
      case "batch": {
        const items = message.items.map((item) => fits(item, headers, this.#host.shared))
          .filter((item) => item !== undefined);
        const isDue = items.some(({ kind }) => kind === "request" || kind === "invalid");
        const wait = requests.batch({ ...message, items }, caller, () => void requests.note());
        if (isDue) return this.#exchange.after(wait);
        this.#exchange.send(202, {});
        return wait;
      }
    }
  }

  #request(message: Request): Promise<void> | undefined {
    const { requests, shared } = this.#host, { headers } = this.#head!;
    const error = adapt(message, headers, this.#exchange.stream, shared);
    if (error !== undefined) {
      const finish = (text: string) => this.#exchange.finish(text); // a client reads the body of no other status
      return requests.refuse(message, this.#caller, finish, error);
    }
    const wait = requests.request(message, this.#caller, this.#exchange.finish);
    // A stream that goes on begins at once: its first item may be long in coming.
    if (!this.#exchange.isAnswered && this.#exchange.stream !== undefined) {
      if (shared.dispatcher.find(message.method)?.method.kind === "stream") this.#exchange.open();
    }
    return wait;
  }

  /**
   * Nobody waits for what becomes of a notification: it is told that it has begun. A message that is no call
   * means nothing here: there are no calls of ours, and a stream cannot be told.
   */
  #accept(message: Exclude<Single, Request>): Promise<void> | undefined {
    const { requests } = this.#host;
    let wait: Promise<void> | undefined;
    if (
      message.kind !== "notification" || isControl(message.method) ||
      adapt(message, this.#head!.headers, undefined, this.#host.shared) !== undefined
    ) requests.note();
    else wait = requests.notification(message as Notification, this.#caller);
    this.#exchange.send(202, {});
    return wait;
  }

  #page(path: string, query: string): Promise<void> {
    const { requests } = this.#host;
    const ask = (method: string, params: Request["params"]) =>
      new Promise<Asked>((resolve) => {
        const request: Request = {
          kind: "request",
          version: "2.0",
          id: "null",
          method,
          params,
          text: undefined,
        };
        requests.request(
          request,
          this.#caller,
          (text, refusal) => resolve({ text, refusal }),
        );
      });
    return import("./pages.ts").then(async ({ page }) => {
      const { guard, metricsPage } = this.#serving,
        metrics = metricsPage && {
          page: metricsPage,
          refusal: () => requests.pay(),
        };
      const { headers } = this.#head!;
      const { status, bytes, ...rest } = await page(path, query, headers, guard, ask, metrics);
      if (bytes === undefined) this.#exchange.send(status, rest);
      else await this.#exchange.sendBytes(status, rest, bytes);
    });
  }

  // ---- WebSocket -----------------------------------------------------------------------------

  async #upgrade(head: RequestHead): Promise<void> {
    const host = this.#host, { writer } = host;
    this.isUpgrading = true;
    try {
      const agreed = await handshake(head);
      if ("status" in agreed) return this.#refuse(agreed);
      const refusal = this.relay?.upgrade();
      if (refusal !== undefined) return host.refuse(refusal);
      const shown = await this.#callers.introduce(head.headers.get("authorization"));
      if (host.phase > OPEN) {
        this.#exchange.refuse("", shuttingDown(), true);
        return;
      }
      if (shown !== undefined) return this.#refuseUnknown(shown, head);
      this.#exchange.abandon();
      writer.push(agreed.answer);
      await writer.drained();
      if (host.phase < LINGERING) this.isUpgraded = true;
    } finally {
      this.isUpgrading = false;
    }
  }
}
