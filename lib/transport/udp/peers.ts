/**
 * Who of the peers of a datagram socket has a place, and who goes where there is none.
 *
 * Nothing proves where a datagram came from: one sender may write any address on it, a new one each time,
 * or that of somebody else. So each rule here is made for an attacker that forges all addresses it likes:
 *
 * - A peer whose datagram has come after it was answered is known, all others are newcomers. To become
 *   known for an address that it has forged, an attacker must send twice, with the answer in between,
 *   which it does not see.
 * - Newcomers have half of the places, and only among each other do they make room. A flood from
 *   addresses that were never heard of before takes no place of a peer that calls and is answered; a real
 *   newcomer has its place until as many others have come, which is enough for a call that answers at once.
 * - If it is full, the peer goes that was silent longest in the network that has most places, so that an
 *   attacker who does not forge, or can forge the addresses of its own network alone, loses its own. An
 *   attacker that forges those of many networks pays with two datagrams for each place of a known peer,
 *   and has to go on sending: a peer that calls more often outlasts it.
 * - To speak in the name of a known peer does it no harm: it stays known, and is kept longer.
 *
 * @module
 */

/** What a place is given to. */
export interface Placed {
  /** The network of its address. */
  readonly network: string;
  /** Whether it has come back after an answer. */
  isKnown: boolean;
}

/** The places of one socket. */
export class Places<P extends Placed> {
  readonly #newcomers: Group<P> = new Group();
  readonly #known: Group<P> = new Group();
  readonly #maxNewcomers: number;
  readonly #maxKnown: number;

  /** @param count how many there are, two at least */
  constructor(count: number) {
    this.#maxNewcomers = Math.ceil(count / 2);
    this.#maxKnown = count - this.#maxNewcomers;
  }

  /** Gives a newcomer a place; whoever has to go for it, if anyone has. */
  enter(peer: P): P | undefined {
    this.#newcomers.add(peer);
    return this.#newcomers.size > this.#maxNewcomers ? this.#newcomers.takeFirst() : undefined;
  }

  /**
   * It was heard again: it is now the last to go.
   *
   * @param wasAnswered whether it has had an answer
   * @returns whoever has to go, where it becomes known and there are too many of those
   */
  hear(peer: P, wasAnswered: boolean): P | undefined {
    this.leave(peer);
    peer.isKnown ||= wasAnswered;
    this.#groupOf(peer).add(peer);
    return this.#known.size > this.#maxKnown ? this.#known.takeFirst() : undefined;
  }

  /** It has no place any more. */
  leave(peer: P): void {
    this.#groupOf(peer).delete(peer);
  }

  #groupOf({ isKnown }: P): Group<P> {
    return isKnown ? this.#known : this.#newcomers;
  }
}

/** Peers by their networks; in each the one that was silent longest stands first. */
class Group<P extends Placed> {
  readonly #networks = new Map<string, Set<P>>();
  size = 0;

  add(peer: P): void {
    let members = this.#networks.get(peer.network);
    if (members === undefined) this.#networks.set(peer.network, members = new Set());
    members.add(peer);
    this.size++;
  }

  delete(peer: P): void {
    const members = this.#networks.get(peer.network);
    if (members === undefined || !members.delete(peer)) return;
    if (members.size === 0) this.#networks.delete(peer.network);
    this.size--;
  }

  /** The one that was silent longest in the network that has most; there is one. */
  takeFirst(): P {
    let most: ReadonlySet<P> | undefined;
    for (const members of this.#networks.values()) {
      if (most === undefined || members.size > most.size) most = members;
    }
    const [first] = most!;
    this.delete(first!);
    return first!;
  }
}
