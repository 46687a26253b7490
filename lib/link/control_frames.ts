/**
 * What a framing itself has to send beside messages: answers to the peer's pings, and the last frame.
 *
 * @module
 */

/** Answers that wait: a peer that reads too slowly for more gets those to the last of its pings. */
const MAX_ANSWERS = 16;

/** The frames of one connection's framing that wait to be written. */
export class ControlFrames {
  #answers: Uint8Array[] = [];
  #last: Uint8Array | undefined;
  /** Whether the last frame was taken: nothing may be written behind it. */
  hasEnded = false;

  /** Answers go before the messages that wait. */
  answer(frame: Uint8Array): void {
    if (this.#answers.push(frame) > MAX_ANSWERS) this.#answers.shift();
  }

  /** The last frame goes behind all messages; the first that is given is it. */
  end(frame: Uint8Array): void {
    this.#last ??= frame;
  }

  /**
   * What is to be written next, if anything is.
   *
   * @param isIdle whether no messages wait
   */
  next(isIdle: boolean): Uint8Array | undefined {
    if (this.hasEnded) return undefined;
    const answer = this.#answers.shift();
    if (answer !== undefined) return answer;
    if (!isIdle || this.#last === undefined) return undefined;
    this.hasEnded = true;
    return this.#last;
  }
}
