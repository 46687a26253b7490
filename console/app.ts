/// <reference lib="dom" />
/**
 * The console: methods, call and talk over one line to the server that has served this page.
 *
 * ```text
 * methods ─ chosen ─> call form ─ params ─> line ─┬─> cards: answers, items
 *                                                 ├─> questions of the server
 *                                                 └─> talk ─ chosen ─> bytes
 * ```
 *
 * Texts of the server come into the page as texts alone. No part of this knows HTML.
 *
 * @module
 */

import type { BytesPanel } from "./bytes/panel.ts";
import { CallForm } from "./call_form.ts";
import { Card, nameOf } from "./card.ts";
import { dialog, keysDialog } from "./dialogs.ts";
import { h, replace } from "./dom.ts";
import { fragmentOf, History, readFragment } from "./history.ts";
import { recordOf } from "./json.ts";
import { keep, kept } from "./keep.ts";
import { type CallOptions, type ErrorObject, NOT_OPEN, type Said } from "./call.ts";
import { Line } from "./line.ts";
import { LoadTest } from "./load_test.ts";
import { Measurements } from "./measured.ts";
import { Methods } from "./methods.ts";
import type { ApiOutline, MethodOutline } from "./outline.ts";
import { Questions } from "./questions.ts";
import { isElsewhere, SERVER } from "./server.ts";
import { ServerPanel } from "./server_panel.ts";
import { Talk } from "./talk.ts";
import { textOf, visibleName } from "./visible.ts";

/** How many cards the page keeps; it removes older ones whose calls have ended. */
const MAX_CARDS = 12;

const VIEWS = ["methods", "call", "talk"] as const;
type View = typeof VIEWS[number];

function byId<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

/** Tells screen readers something that the page shows elsewhere. */
function announce(text: string): void {
  const announcer = byId("announcer");
  announcer.classList.add("unseen");
  announcer.textContent = text;
}

let told: ReturnType<typeof setTimeout> | undefined;

/** Shows a text for six seconds, and tells it to screen readers: nothing else in the page shows it. */
function tell(text: string): void {
  announce(text);
  byId("announcer").classList.remove("unseen");
  clearTimeout(told);
  told = setTimeout(() => byId("announcer").classList.add("unseen"), 6000);
}

// ---- The parts -------------------------------------------------------------------------------

const measured = new Measurements();
const cards: Card[] = [];
let api: ApiOutline | undefined;
/** Under which name the token is kept: no other server gets it. */
const TOKEN = isElsewhere ? `token ${SERVER}` : "token";
let token = kept(TOKEN, "session");

const line: Line = new Line(SERVER, {
  onstate: showState,
  onsaid: (said) => talk.push(said),
  onapi: (found, error) => {
    if (found !== undefined) showApi(found);
    else methodsNote(`The methods could not be read: ${error!.message}`);
  },
  onquestions: () => questions.update(),
  onoutcome: (method, { ms, error }) => measured.add(method, ms, error && nameOf(error)),
});

const talk = new Talk(byId("talk"), (said) => showBytes(said));
const questions = new Questions(byId("questions"), byId("asked"), line, announce);
const methods: Methods = new Methods(byId("methods"), (method) => {
  choose(method);
  // On a small screen a field with the focus would open the keyboard.
  if (matchMedia("(max-width: 900px)").matches) show("call");
  else focusOn("call");
});
const load: LoadTest = new LoadTest({
  announce,
  begin() {
    const { method, params, wrong, options } = form;
    if (method === undefined) return "There is no method";
    if (method.isNotification) return "A notification has no answer to wait for";
    if (method.isUp) return "A method that takes items is called by hand";
    if (wrong !== "") return wrong;
    if (!line.isOpen) return NOT_OPEN;
    return async () => {
      // Without credit the server sends the items of a stream as one array.
      const { credit: _, ...rest } = options;
      const { ms, error } = await line.call(method.name, params, rest).outcome;
      return { ms, error: error && nameOf(error) };
    };
  },
});
const form: CallForm = new CallForm(byId("call-form"), {
  announce,
  call: () => call(),
  load: load.element,
  hasToken: () => token !== undefined,
  link: () =>
    location.origin + location.pathname + location.search +
    fragmentOf(form.method!.name, form.params),
});
const history_ = new History((made) => {
  historyDialog.close();
  const method = api?.methods.find(({ name }) => name === made.method);
  if (method === undefined) return tell("There is no such method now");
  choose(method, made.params === "" ? undefined : JSON.parse(made.params));
  show("call");
});
const server = new ServerPanel(line, measured);

// ---- Dialogs ---------------------------------------------------------------------------------

const keys = keysDialog();
const historyDialog = dialog("history-dialog", "History", history_.element);
const serverDialog = dialog("server-dialog", "Server", server.element);
const tokenField = h("input", {
  id: "token",
  type: "password",
  autocomplete: "off",
  spellcheck: "false",
  autofocus: true,
});
const tokenKept = h("input", { id: "keep-token", type: "checkbox", checked: token !== undefined });
const tokenNote = h("p", { class: "note bad", role: "alert" });
const tokenDialog = dialog(
  "token-dialog",
  "Token",
  h(
    "p",
    null,
    "The server is told who calls by rpc.authenticate, over this connection. The token is in no link and in no history.",
  ),
  h(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        useToken(tokenField.value);
      },
    },
    h("label", { for: "token" }, "Token"),
    tokenField,
    tokenNote,
    h(
      "div",
      { class: "check" },
      tokenKept,
      h("label", { for: "keep-token" }, "Keep it for as long as this tab is open"),
    ),
    h(
      "div",
      { class: "bar-of-tools" },
      h("button", { type: "submit", class: "main" }, "Use it"),
      h("button", { type: "button", onclick: () => useToken("") }, "Forget it"),
    ),
  ),
);
const bytesContent = h("div");
const bytesDialog = dialog("bytes-dialog", "Bytes", bytesContent);

function useToken(text: string): void {
  token = text === "" ? undefined : text;
  keep(TOKEN, tokenKept.checked ? token : undefined, "session");
  tokenField.value = "";
  tokenDialog.close();
  line.connect(token);
}

let bytesPanel: BytesPanel | undefined;

/** Opens the bytes of a message. What shows them is loaded now. */
async function showBytes({ text, isOut }: Said): Promise<void> {
  if (bytesPanel === undefined) replace(bytesContent, h("p", { class: "hint" }, "Loading"));
  bytesDialog.showModal();
  if (bytesPanel === undefined) {
    try {
      const { createBytesPanel } = await import("./bytes/panel.ts");
      bytesPanel ??= createBytesPanel();
    } catch {
      const why = "What shows the bytes could not be loaded: is the server there?";
      return replace(bytesContent, h("p", { class: "note bad", role: "alert" }, why));
    }
    replace(bytesContent, bytesPanel.element);
  }
  bytesPanel.show(text, isOut ? "out" : "in");
}

// ---- What happens ----------------------------------------------------------------------------

function showState(): void {
  const { state, why, info } = line;
  byId("line").dataset["state"] = state;
  const text = why === "" || state === "locked" ? state : `${state}: ${why}`;
  byId("line-state").textContent = visibleName(state === "locked" ? "a token is needed" : text);
  byId("line").title = visibleName(text);
  byId("reconnect").hidden = state === "open" || state === "connecting" || state === "locked";
  if (state === "open" && info !== undefined) {
    const name = visibleName(textOf(info.name), 60), version = textOf(info.version);
    const where = isElsewhere ? ` at ${new URL(SERVER).host}` : "";
    byId("server-name").textContent = `${name} ${visibleName(version, 30)}${where}`;
    document.title = `${name} · Landline`;
  }
  tokenNote.textContent = state !== "locked"
    ? ""
    : why === ""
    ? "This server asks who calls."
    : `The server did not take it: ${visibleName(why)}`;
  if (state === "locked" && document.querySelector("dialog[open]") === null) {
    tokenDialog.showModal();
  }
}

function methodsNote(text: string): void {
  byId("methods").querySelector("output")!.textContent = visibleName(text);
}

function showApi(found: ApiOutline): void {
  api = found;
  methods.show(found.methods, found.outOf);
  const shown = form.method && found.methods.find(({ name }) => name === form.method!.name);
  if (shown === undefined) return followLink();
  // The server may have changed since. If the method is the same, the form keeps its value.
  if (shown.text !== form.method!.text) choose(shown, form.params);
  else methods.mark(shown.name);
}

/** Shows the call that the link is for. */
function followLink(): void {
  const link = readFragment(location.hash);
  if (link === undefined) return;
  const method = api?.methods.find(({ name }) => name === link.method);
  if (method === undefined) return tell("There is no method as in the link");
  choose(method, link.params);
  show("call");
  if (link.isWrong) tell("The params of the link are neither an object nor an array");
}

function choose(method: MethodOutline, params?: unknown): void {
  form.choose(method, api!.components, params);
  methods.mark(method.name);
}

function call(after?: string): void {
  const { method, params, wrong } = form;
  if (method === undefined) return;
  if (wrong !== "") return announce(wrong);
  form.showIssues([]);
  history.replaceState(null, "", fragmentOf(method.name, params));
  if (method.isNotification) {
    tell(line.notify(method.name, params, form.options) ?? "Sent");
    return;
  }
  begin(method.name, params, { ...form.options, ...(after !== undefined && { after }) });
}

function begin(method: string, params: unknown, options: CallOptions): void {
  const card = new Card(line.call(method, params, options), params, {
    announce,
    resume: (method, params, after) => begin(method, params, { ...options, after }),
    onclose: (card, hadFocus) => {
      cards.splice(cards.indexOf(card), 1);
      if (hadFocus) byId("do-call")?.focus();
    },
  });
  cards.unshift(card);
  byId("cards").prepend(card.element);
  for (const old of cards.slice(MAX_CARDS)) if (!old.isRunning) old.close();
  card.call.outcome.then(({ error, ms }) => {
    history_.add(method, params, ms, error === undefined ? "" : nameOf(error));
    if (form.method?.name === method) form.showIssues(issuesOf(error));
  });
}

/** The parts of the value that the server complains about. */
function issuesOf(error: ErrorObject | undefined): readonly unknown[] {
  const { issues, details } = recordOf(error?.data);
  const found = issues ?? recordOf(details)["issues"];
  return Array.isArray(found) ? found : [];
}

// ---- The frame -------------------------------------------------------------------------------

/** Goes to a column. A small screen shows this one alone. */
function show(view: View): void {
  document.body.dataset["view"] = view;
  for (const button of document.querySelectorAll<HTMLElement>("nav button")) {
    button.setAttribute("aria-current", String(button.dataset["view"] === view));
  }
}

function focusOn(view: View): void {
  show(view);
  const what = view === "call" ? "#view-panel :is(input, textarea, select, button)" : ".list";
  byId(view).querySelector<HTMLElement>(what)?.focus();
}

for (const button of document.querySelectorAll<HTMLElement>("nav button")) {
  button.addEventListener("click", () => show(button.dataset["view"] as View));
}

/** The themes one can choose; undefined follows the system. */
const THEMES: readonly (string | undefined)[] = [undefined, "light", "dark"];
const themeButton = byId("theme");

function setTheme(theme: string | undefined): void {
  if (theme === undefined) delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  keep("theme", theme);
  themeButton.textContent = theme === "light" ? "Light" : theme === "dark" ? "Dark" : "Auto";
  themeButton.setAttribute("aria-label", `Theme: ${themeButton.textContent}`);
}

setTheme(THEMES.includes(kept("theme")) ? kept("theme") : undefined);
themeButton.addEventListener("click", () => {
  const at = THEMES.indexOf(document.documentElement.dataset["theme"]);
  setTheme(THEMES[(at + 1) % THEMES.length]);
});

byId("show-keys").addEventListener("click", () => keys.showModal());
byId("show-token").addEventListener("click", () => tokenDialog.showModal());
byId("show-history").addEventListener("click", () => {
  history_.update();
  historyDialog.showModal();
});
byId("show-server").addEventListener("click", () => {
  serverDialog.showModal();
  server.update();
});
byId("reconnect").addEventListener("click", () => line.connect(token));
addEventListener("hashchange", () => followLink());

addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement,
    isOpen = document.querySelector("dialog[open]") !== null;
  const isText = target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (isOpen || target.closest("#questions, .upload") !== null) return;
    show("call");
    call();
  } else if (event.key === "Escape") {
    if (isOpen) return; // closes the dialog
    cards.find(({ isRunning }) => isRunning)?.cancel();
    return;
  } else if (event.altKey && /^[123]$/.test(event.key) && !isOpen) {
    focusOn(VIEWS[Number(event.key) - 1]!);
  } else if (event.altKey && event.key.toLowerCase() === "p" && !isOpen) {
    cards.some((card) => card.pause());
  } else if (isText || isOpen || event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === "/") {
    show("methods");
    methods.focusSearch();
  } else if (event.key === "?") keys.showModal();
  else return;
  event.preventDefault();
});

show("methods");
line.connect(token);
