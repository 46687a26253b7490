/**
 * One thing after another, some of which have to be waited for.
 *
 * @module
 */

/** Does one after another, at once where nothing has to wait. */
export function inOrder<T>(
  items: readonly T[],
  work: (item: T) => Promise<void> | undefined,
  from = 0,
): Promise<void> | undefined {
  for (let i = from; i < items.length; i++) {
    const wait = work(items[i]!);
    if (wait !== undefined) return wait.then(() => inOrder(items, work, i + 1));
  }
  return undefined;
}
