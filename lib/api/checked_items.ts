/**
 * Items that are checked one by one, each when its turn comes.
 *
 * @module
 */

/**
 * The items of an iterator. One that does not pass ends it, at both ends.
 *
 * @param check throws for an item that does not pass
 * @param failed told what the iterator itself throws, and throws that or something else
 */
export function checkedItems(
  iterator: Iterator<unknown> | AsyncIterator<unknown>,
  check: (item: unknown) => unknown,
  failed?: (error: unknown) => Promise<never>,
): AsyncIterableIterator<unknown> {
  return {
    async next() {
      let next: IteratorResult<unknown>;
      try {
        next = await iterator.next();
      } catch (error) {
        if (failed === undefined) throw error;
        return await failed(error);
      }
      if (next.done) return next;
      try {
        await check(next.value);
      } catch (error) {
        await iterator.return?.();
        throw error;
      }
      return next;
    },
    async return(value) {
      await iterator.return?.();
      return { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
