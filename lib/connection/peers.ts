/**
 * The peers that are connected: found by their ids, and told things all at once.
 *
 * @module
 */

import type { Peer, PeerInfo, Peers } from "../api/context.ts";
import type { NotifyStub, Untyped } from "../api/stub.ts";
import { SharedMessage } from "../link/shared_message.ts";
import type { Identity, PeerIds } from "../link/identity.ts";
import { encodeArgument } from "../message/base64.ts";
import { encodeNotification, encodeParams } from "../message/encode.ts";
import { nameProxy } from "../outgoing/name_proxy.ts";
import type { TimeSlice } from "../overload/time_slice.ts";

/** The connection to one of them. */
export interface Reachable {
  readonly identity: Pick<Identity, "number" | "isKnown">;
  readonly peer: Peer;
  /** The network that it comes from; see {@linkcode ConnectionOptions.network}. */
  readonly network: string | undefined;
  /** The number of the last broadcast that it was asked about. */
  lastBroadcast: number;
  tell(message: SharedMessage): void;
}

/** A message to many. */
interface Broadcast {
  readonly number: number;
  readonly message: SharedMessage;
  /** Those whom it is for; undefined if it is for all up to the one with this number. */
  readonly some: ReadonlySet<Reachable> | undefined;
  readonly last: number;
}

/** Peers that are told between two looks at the clock, and the milliseconds after which others have their turn. */
const LOOK = 32;
const SLICE = 3;

/** The peers of a server, or the one of a line. */
export class PeerSet implements Peers {
  readonly #ids: PeerIds;
  readonly #timeSlice: Pick<TimeSlice, "yield"> | undefined;
  /** By their numbers, which grow. */
  readonly #connections = new Map<number, Reachable>();
  #last = 0;
  /** In the order in which they were made. */
  readonly #broadcasts: Broadcast[] = [];
  #count = 0;

  /** @param timeSlice yields while many are told; without it all of them are told at once */
  constructor(ids: PeerIds, timeSlice?: Pick<TimeSlice, "yield">) {
    this.#ids = ids;
    this.#timeSlice = timeSlice;
  }

  /** One more is connected. */
  add(connection: Reachable): void {
    const { number } = connection.identity; // one that comes back has an earlier one
    this.#last = Math.max(this.#last, number);
    this.#connections.set(number, connection);
  }

  /** It is connected no longer. */
  delete(connection: Reachable): void {
    this.#connections.delete(connection.identity.number);
  }

  get size(): number {
    return this.#known().reduce((count) => count + 1, 0);
  }

  get(id: string): Peer | undefined {
    const connection = this.#connections.get(this.#ids.numberOf(id));
    return connection?.identity.isKnown ? connection.peer : undefined;
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#known().map(({ peer }) => peer);
  }

  #known(): IteratorObject<Reachable> {
    return this.#connections.values().filter(({ identity }) => identity.isKnown);
  }

  readonly notify: NotifyStub<Untyped> = this.#stubFor(() => undefined);

  to(some: Iterable<PeerInfo> | ((peer: Peer) => boolean)): Pick<Peers, "notify"> {
    const find = typeof some === "function"
      ? () => this.#known().filter(({ peer }) => some(peer))
      : () => this.#among(some);
    return { notify: this.#stubFor(() => new Set(find())) };
  }

  *#among(some: Iterable<PeerInfo>): Generator<Reachable> {
    for (const { id } of some) {
      const connection = this.#connections.get(this.#ids.numberOf(id));
      if (connection !== undefined) yield connection;
    }
  }

  /** @param find those who are told; undefined for all */
  #stubFor(find: () => Broadcast["some"]): NotifyStub<Untyped> {
    return nameProxy((name, value) => {
      const params = encodeParams(encodeArgument(value)), number = ++this.#count;
      const message = new SharedMessage(
        name,
        (version) => encodeNotification(name, params, version),
      );
      this.#broadcasts.push({ number, message, some: find(), last: this.#last });
      if (this.#broadcasts.length === 1) this.#tellAll();
    }) as NotifyStub<Untyped>;
  }

  /** Tells a peer at once what it would be told later: more is to be said to it. */
  catchUp(connection: Reachable): void {
    for (const broadcast of this.#broadcasts) tell(connection, broadcast);
  }

  /** Whether some are still to be told. */
  get isTelling(): boolean {
    return this.#broadcasts.length > 0;
  }

  /** One message after another; where it takes long, other work goes on in between. */
  async #tellAll(): Promise<void> {
    const timeSlice = this.#timeSlice;
    let since = performance.now();
    for (let count = 1; this.#broadcasts.length > 0; this.#broadcasts.shift()) {
      const broadcast = this.#broadcasts[0]!;
      for (const connection of broadcast.some ?? this.#connections.values()) {
        tell(connection, broadcast);
        if (count++ % LOOK > 0 || timeSlice === undefined) continue;
        await undefined; // what was queued is written, which takes longer than to queue it
        if (performance.now() - since < SLICE) continue;
        await timeSlice.yield();
        since = performance.now();
      }
    }
  }
}

/** Tells a peer a message that is for it, unless it was told already. */
function tell(connection: Reachable, { number, message, some, last }: Broadcast): void {
  if (connection.lastBroadcast >= number) return;
  connection.lastBroadcast = number;
  const { identity } = connection;
  const isMeant = some === undefined ? identity.number <= last : some.has(connection);
  if (isMeant && identity.isKnown) connection.tell(message);
}
