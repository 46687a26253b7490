/**
 * Several streams read as one.
 *
 * @module
 */

/**
 * Merges streams into one, in the order in which their chunks arrive. It ends when all of them have
 * ended, and fails as soon as one of them fails.
 *
 * @param streams The streams to merge.
 * @returns A stream of all their chunks.
 */
export function mergeReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  return new ReadableStream<T>({
    start(controller) {
      let failed = false;
      const forward = async (stream: ReadableStream<T>) => {
        for await (const chunk of stream) {
          if (failed) return;
          controller.enqueue(chunk);
        }
      };
      // Not awaited: a stream gives nothing out before its start() has returned.
      Promise.all(streams.map(forward)).then(
        () => controller.close(),
        (error) => {
          failed = true;
          controller.error(error);
        },
      );
    },
  });
}
