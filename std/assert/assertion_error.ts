/**
 * The error that every failed assertion throws.
 *
 * @module
 */

/** The error that every failed assertion throws. */
export class AssertionError extends Error {
  /**
   * Makes the error, without throwing it.
   *
   * @param message What did not hold.
   * @param options `cause`, for an assertion about another error.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}
