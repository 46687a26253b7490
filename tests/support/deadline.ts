// A safety net, and never a measurement: what has not happened after so long will not happen, and the
// test says what it was waiting for instead of hanging.

/** Far above anything that a loaded machine needs. */
const NET_MS = 30_000;

/** What the promise gives; rejects where it gives nothing. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Waited ${NET_MS} ms in vain for ${what}`)),
    NET_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once the condition holds, which something outside of this test's sight brings about. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const end = performance.now() + NET_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`Waited ${NET_MS} ms in vain for ${what}`);
    await turn();
  }
}

/** One turn of the event loop: all promises that can settle have settled, sockets were looked at. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
