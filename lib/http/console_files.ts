/**
 * The files of the console as a browser gets them. There is no build: the sources stand here as texts, their
 * types are taken off when one is first asked for, and it is packed once.
 *
 * Loaded by the first request for the console: a server that nobody looks at keeps none of this in memory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";
import { gzipSync } from "node:zlib";

import app from "../../console/app.ts" with { type: "text" };
import callForm from "../../console/call_form.ts" with { type: "text" };
import card from "../../console/card.ts" with { type: "text" };
import commands from "../../console/commands.ts" with { type: "text" };
import dialogs from "../../console/dialogs.ts" with { type: "text" };
import dom from "../../console/dom.ts" with { type: "text" };
import formBytesField from "../../console/form/bytes_field.ts" with { type: "text" };
import formForm from "../../console/form/form.ts" with { type: "text" };
import formLabels from "../../console/form/labels.ts" with { type: "text" };
import formModel from "../../console/form/model.ts" with { type: "text" };
import formParams from "../../console/form/params.ts" with { type: "text" };
import histogram from "../../console/histogram.ts" with { type: "text" };
import history from "../../console/history.ts" with { type: "text" };
import itemStream from "../../console/item_stream.ts" with { type: "text" };
import keep from "../../console/keep.ts" with { type: "text" };
import line from "../../console/line.ts" with { type: "text" };
import loadTest from "../../console/load_test.ts" with { type: "text" };
import longReader from "../../console/long_reader.ts" with { type: "text" };
import measured from "../../console/measured.ts" with { type: "text" };
import methodTree from "../../console/method_tree.ts" with { type: "text" };
import methods from "../../console/methods.ts" with { type: "text" };
import numbers from "../../console/numbers.ts" with { type: "text" };
import outline from "../../console/outline.ts" with { type: "text" };
import questions from "../../console/questions.ts" with { type: "text" };
import ring from "../../console/ring.ts" with { type: "text" };
import schema from "../../console/schema.ts" with { type: "text" };
import serverPanel from "../../console/server_panel.ts" with { type: "text" };
import streamPanel from "../../console/stream_panel.ts" with { type: "text" };
import talk from "../../console/talk.ts" with { type: "text" };
import theme from "../../console/theme.ts" with { type: "text" };
import tree from "../../console/tree.ts" with { type: "text" };
import treeNodes from "../../console/tree_nodes.ts" with { type: "text" };
import uploadPanel from "../../console/upload_panel.ts" with { type: "text" };
import virtualList from "../../console/virtual_list.ts" with { type: "text" };
import visible from "../../console/visible.ts" with { type: "text" };
import styleCss from "../../console/style.css" with { type: "text" };
import page from "../../console/index.html" with { type: "text" };

/** What is sent, and the name of exactly this. */
export interface Sent {
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/** A file, made ready when it is first asked for. */
export class ConsoleFile {
  readonly type: string;
  readonly #source: string;
  #plain: Sent | undefined;
  #packed: Sent | undefined;

  /** @param source the text as it stands in the tree */
  constructor(type: string, source: string) {
    this.type = `${type}; charset=utf-8`;
    this.#source = source;
  }

  /** As it is. */
  get plain(): Sent {
    return this.#plain ??= sent(
      new TextEncoder().encode(
        this.type.startsWith("text/javascript")
          ? withoutComments(stripTypeScriptTypes(this.#source))
          : this.#source,
      ),
    );
  }

  /** Packed with gzip. */
  get packed(): Sent {
    return this.#packed ??= sent(gzipSync(this.plain.bytes, { level: 9 }));
  }
}

/** Without comments that have their lines for themselves, and what was left of types: a third of the bytes. */
function withoutComments(code: string): string {
  let isComment = false;
  return code.split("\n").filter((line) => {
    const text = line.trim();
    if (isComment || text.startsWith("/**")) {
      isComment = !text.endsWith("*/");
      return false;
    }
    // An empty line may stand in a text.
    return !text.startsWith("//") && (text !== "" || line === "");
  }).join("\n");
}

function sent(bytes: Uint8Array): Sent {
  return { bytes, tag: `"${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}"` };
}

/** The sources that are served, by their paths in the tree: the page imports them by the same paths. */
const MODULES: Readonly<Record<string, string>> = {
  "console/app.ts": app,
  "console/call_form.ts": callForm,
  "console/card.ts": card,
  "console/commands.ts": commands,
  "console/dialogs.ts": dialogs,
  "console/dom.ts": dom,
  "console/form/bytes_field.ts": formBytesField,
  "console/form/form.ts": formForm,
  "console/form/labels.ts": formLabels,
  "console/form/model.ts": formModel,
  "console/form/params.ts": formParams,
  "console/histogram.ts": histogram,
  "console/history.ts": history,
  "console/item_stream.ts": itemStream,
  "console/keep.ts": keep,
  "console/line.ts": line,
  "console/load_test.ts": loadTest,
  "console/long_reader.ts": longReader,
  "console/measured.ts": measured,
  "console/method_tree.ts": methodTree,
  "console/methods.ts": methods,
  "console/numbers.ts": numbers,
  "console/outline.ts": outline,
  "console/questions.ts": questions,
  "console/ring.ts": ring,
  "console/schema.ts": schema,
  "console/server_panel.ts": serverPanel,
  "console/stream_panel.ts": streamPanel,
  "console/talk.ts": talk,
  "console/theme.ts": theme,
  "console/tree.ts": tree,
  "console/tree_nodes.ts": treeNodes,
  "console/upload_panel.ts": uploadPanel,
  "console/virtual_list.ts": virtualList,
  "console/visible.ts": visible,
};

/** What is served, by path. */
export const consoleFiles: ReadonlyMap<string, ConsoleFile> = new Map([
  ["/", new ConsoleFile("text/html", page)],
  ["/console/style.css", new ConsoleFile("text/css", styleCss)],
  ...Object.entries(MODULES).map(([path, source]) =>
    [`/${path}`, new ConsoleFile("text/javascript", source)] as const
  ),
]);
