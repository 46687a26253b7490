/**
 * What a page tells of itself: that it is put away and shown again, and that its machine is offline. A line
 * makes no connection then, and at once when that has changed.
 *
 * @module
 */

/** What a page is as far as it is looked at; a worker has only a part of it. */
interface Page extends EventTarget {
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: EventTarget & { readonly visibilityState: "visible" | "hidden" };
}

/** What follows a page. */
export interface Follower {
  /** No connection can be made for now. */
  onOffline(): void;
  /** The page is put away, and may be shown again: with a connection a browser would not keep it. */
  onAway(): void;
  /** A connection can be made; the one that there is may be lost without a sign. */
  onBack(): void;
}

/**
 * Tells of what becomes of the page, until the signal aborts.
 *
 * @param isNear whether the other end is on this machine, which is there also when that is offline
 */
export function followPage(follower: Follower, isNear: boolean, signal: AbortSignal): void {
  const page = globalThis as Page, { document } = page;
  let isAway = false;
  const isOffline = () => !isNear && page.navigator?.onLine === false;
  const back = () => {
    if (!isAway && !isOffline()) follower.onBack();
  };
  const listen = (target: EventTarget, names: readonly string[], listener: () => void) => {
    for (const name of names) target.addEventListener(name, listener, { signal });
  };
  const offline = () => {
    if (isOffline()) follower.onOffline();
  };
  offline();
  listen(page, ["offline"], offline);
  listen(page, ["online"], back);
  listen(page, ["pagehide"], () => {
    isAway = true;
    follower.onAway();
  });
  listen(page, ["pageshow"], () => {
    isAway = false;
    offline();
    back();
  });
  if (document === undefined) return;
  listen(document, ["visibilitychange", "resume"], () => {
    if (document.visibilityState === "visible") back();
  });
}
