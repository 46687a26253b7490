// What is used of playwright-core's pages. Its own types are no concern of `deno check`: the package belongs
// to the programs that drive Chromium, and not to the tests.

/** One or several elements of a page. */
export interface Locator {
  click(): Promise<void>;
  fill(text: string): Promise<void>;
  focus(): Promise<void>;
  press(key: string): Promise<void>;
  check(): Promise<void>;
  uncheck(): Promise<void>;
  selectOption(value: string): Promise<unknown>;
  textContent(): Promise<string | null>;
  innerText(): Promise<string>;
  inputValue(): Promise<string>;
  getAttribute(name: string): Promise<string | null>;
  count(): Promise<number>;
  isVisible(): Promise<boolean>;
  waitFor(
    options?: { readonly state: "visible" | "hidden" | "attached" | "detached" },
  ): Promise<void>;
  first(): Locator;
  last(): Locator;
  nth(index: number): Locator;
  boundingBox(): Promise<
    { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  >;
  locator(selector: string): Locator;
  filter(
    options: { readonly hasText?: string | RegExp; readonly hasNotText?: string | RegExp },
  ): Locator;
  getByRole(
    role: string,
    options?: { readonly name?: string | RegExp; readonly exact?: boolean },
  ): Locator;
  getByText(text: string | RegExp, options?: { readonly exact?: boolean }): Locator;
  getByLabel(text: string | RegExp, options?: { readonly exact?: boolean }): Locator;
}

/** A request of a page that waits for what becomes of it. */
export interface Route {
  abort(): Promise<void>;
  continue(): Promise<void>;
}

/** A page of the browser. */
export interface Page extends Pick<Locator, "locator" | "getByRole" | "getByText" | "getByLabel"> {
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  readonly mouse: {
    move(x: number, y: number): Promise<void>;
    down(): Promise<void>;
    up(): Promise<void>;
  };
  goto(url: string): Promise<unknown>;
  goBack(options: { readonly waitUntil: "commit" }): Promise<unknown>;
  reload(): Promise<unknown>;
  url(): string;
  evaluate<T>(code: string): Promise<T>;
  waitForFunction(code: string): Promise<unknown>;
  waitForEvent(name: string): Promise<{ path(): Promise<string> }>;
  addInitScript(script: { readonly content: string }): Promise<void>;
  /** Has requests for URLs that fit handled here. */
  route(urls: string, handle: (request: Route) => Promise<void>): Promise<void>;
  unroute(urls: string): Promise<void>;
  screenshot(options: { readonly path: string }): Promise<unknown>;
  emulateMedia(
    options: { readonly colorScheme?: "light" | "dark"; readonly reducedMotion?: "reduce" },
  ): Promise<void>;
  context(): { setOffline(isOffline: boolean): Promise<void> };
  setDefaultTimeout(ms: number): void;
  on(event: "dialog", listener: (dialog: { accept(): void; message(): string }) => void): void;
  on(event: "request", listener: (request: { url(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  close(): Promise<void>;
}

/** A window of its own, with storage of its own. */
export interface BrowserContext {
  newPage(): Promise<Page>;
  close(): Promise<void>;
  grantPermissions(names: readonly string[]): Promise<void>;
}

/** The browser. */
export interface Browser {
  newContext(options: object): Promise<BrowserContext>;
  close(): Promise<void>;
}
