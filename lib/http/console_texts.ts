/**
 * The texts of the console's files as a browser gets them. There is no build: the sources stand here as texts,
 * and when a script is first asked for, its modules are linked to one without types. In the package for npm
 * another module takes the place of this one: there the texts are made before.
 *
 * @module
 */

import { linkModules } from "./link_modules.ts";

import app from "../../console/app.ts" with { type: "text" };
import bytesCut from "../../console/bytes/cut.ts" with { type: "text" };
import bytesPanel from "../../console/bytes/panel.ts" with { type: "text" };
import bytesStyle from "../../console/bytes/style.ts" with { type: "text" };
import bytesWires from "../../console/bytes/wires.ts" with { type: "text" };
import call from "../../console/call.ts" with { type: "text" };
import callForm from "../../console/call_form.ts" with { type: "text" };
import card from "../../console/card.ts" with { type: "text" };
import commands from "../../console/commands.ts" with { type: "text" };
import connection from "../../console/connection.ts" with { type: "text" };
import dialogs from "../../console/dialogs.ts" with { type: "text" };
import dom from "../../console/dom.ts" with { type: "text" };
import formBytesField from "../../console/form/bytes_field.ts" with { type: "text" };
import formDrawing from "../../console/form/drawing.ts" with { type: "text" };
import formForm from "../../console/form/form.ts" with { type: "text" };
import formGroups from "../../console/form/groups.ts" with { type: "text" };
import formLabels from "../../console/form/labels.ts" with { type: "text" };
import formLeaves from "../../console/form/leaves.ts" with { type: "text" };
import formModel from "../../console/form/model.ts" with { type: "text" };
import formParams from "../../console/form/params.ts" with { type: "text" };
import histogram from "../../console/histogram.ts" with { type: "text" };
import history from "../../console/history.ts" with { type: "text" };
import inbox from "../../console/inbox.ts" with { type: "text" };
import itemStream from "../../console/item_stream.ts" with { type: "text" };
import json from "../../console/json.ts" with { type: "text" };
import keep from "../../console/keep.ts" with { type: "text" };
import line from "../../console/line.ts" with { type: "text" };
import loadTest from "../../console/load_test.ts" with { type: "text" };
import measured from "../../console/measured.ts" with { type: "text" };
import methodTree from "../../console/method_tree.ts" with { type: "text" };
import methods from "../../console/methods.ts" with { type: "text" };
import numbers from "../../console/numbers.ts" with { type: "text" };
import outline from "../../console/outline.ts" with { type: "text" };
import questions from "../../console/questions.ts" with { type: "text" };
import receiver from "../../console/receiver.ts" with { type: "text" };
import ring from "../../console/ring.ts" with { type: "text" };
import schema from "../../console/schema.ts" with { type: "text" };
import schemaJoin from "../../console/schema_join.ts" with { type: "text" };
import schemaWords from "../../console/schema_words.ts" with { type: "text" };
import server from "../../console/server.ts" with { type: "text" };
import serverPanel from "../../console/server_panel.ts" with { type: "text" };
import socketWorker from "../../console/socket_worker.ts" with { type: "text" };
import sockets from "../../console/sockets.ts" with { type: "text" };
import streamPanel from "../../console/stream_panel.ts" with { type: "text" };
import talk from "../../console/talk.ts" with { type: "text" };
import start from "../../console/start.ts" with { type: "text" };
import tree from "../../console/tree.ts" with { type: "text" };
import treeNodes from "../../console/tree_nodes.ts" with { type: "text" };
import uploadPanel from "../../console/upload_panel.ts" with { type: "text" };
import virtualList from "../../console/virtual_list.ts" with { type: "text" };
import visible from "../../console/visible.ts" with { type: "text" };
import framingByteQueue from "../framing/byte_queue.ts" with { type: "text" };
import framingCloseCode from "../framing/close_code.ts" with { type: "text" };
import framingFrame from "../framing/frame.ts" with { type: "text" };
import framingHeaders from "../framing/headers.ts" with { type: "text" };
import framingJson from "../framing/json.ts" with { type: "text" };
import framingLengthPrefix from "../framing/length_prefix.ts" with { type: "text" };
import framingSizedDecoder from "../framing/sized_decoder.ts" with { type: "text" };
import framingTextScanner from "../framing/text_scanner.ts" with { type: "text" };
import framingUtf8 from "../framing/utf8.ts" with { type: "text" };
import framingValueScanner from "../framing/value_scanner.ts" with { type: "text" };
import framingWebsocket from "../framing/websocket.ts" with { type: "text" };
import framingWebsocketDecoder from "../framing/websocket_decoder.ts" with { type: "text" };
import framingWebsocketEncoder from "../framing/websocket_encoder.ts" with { type: "text" };
import framingWebsocketFrame from "../framing/websocket_frame.ts" with { type: "text" };
import libHttpHead from "../http/head.ts" with { type: "text" };
import libHttpKnownHeads from "../http/known_heads.ts" with { type: "text" };
import libHttpRequest from "../http/request.ts" with { type: "text" };
import libHttpResponse from "../http/response.ts" with { type: "text" };
import styleCss from "../../console/style.css" with { type: "text" };
import formFormCss from "../../console/form/form.css" with { type: "text" };
import page from "../../console/index.html" with { type: "text" };

/** The modules of the page, by their paths in the tree. */
const MODULES: Readonly<Record<string, string>> = {
  "console/app.ts": app,
  "console/bytes/cut.ts": bytesCut,
  "console/bytes/panel.ts": bytesPanel,
  "console/bytes/style.ts": bytesStyle,
  "console/bytes/wires.ts": bytesWires,
  "console/call.ts": call,
  "console/call_form.ts": callForm,
  "console/card.ts": card,
  "console/commands.ts": commands,
  "console/connection.ts": connection,
  "console/dialogs.ts": dialogs,
  "console/dom.ts": dom,
  "console/form/bytes_field.ts": formBytesField,
  "console/form/drawing.ts": formDrawing,
  "console/form/form.ts": formForm,
  "console/form/groups.ts": formGroups,
  "console/form/labels.ts": formLabels,
  "console/form/leaves.ts": formLeaves,
  "console/form/model.ts": formModel,
  "console/form/params.ts": formParams,
  "console/histogram.ts": histogram,
  "console/history.ts": history,
  "console/inbox.ts": inbox,
  "console/item_stream.ts": itemStream,
  "console/json.ts": json,
  "console/keep.ts": keep,
  "console/line.ts": line,
  "console/load_test.ts": loadTest,
  "console/measured.ts": measured,
  "console/method_tree.ts": methodTree,
  "console/methods.ts": methods,
  "console/numbers.ts": numbers,
  "console/outline.ts": outline,
  "console/questions.ts": questions,
  "console/receiver.ts": receiver,
  "console/ring.ts": ring,
  "console/schema.ts": schema,
  "console/schema_join.ts": schemaJoin,
  "console/schema_words.ts": schemaWords,
  "console/server.ts": server,
  "console/server_panel.ts": serverPanel,
  "console/socket_worker.ts": socketWorker,
  "console/sockets.ts": sockets,
  "console/stream_panel.ts": streamPanel,
  "console/talk.ts": talk,
  "console/start.ts": start,
  "console/tree.ts": tree,
  "console/tree_nodes.ts": treeNodes,
  "console/upload_panel.ts": uploadPanel,
  "console/virtual_list.ts": virtualList,
  "console/visible.ts": visible,
  "lib/framing/byte_queue.ts": framingByteQueue,
  "lib/framing/close_code.ts": framingCloseCode,
  "lib/framing/frame.ts": framingFrame,
  "lib/framing/headers.ts": framingHeaders,
  "lib/framing/json.ts": framingJson,
  "lib/framing/length_prefix.ts": framingLengthPrefix,
  "lib/framing/sized_decoder.ts": framingSizedDecoder,
  "lib/framing/text_scanner.ts": framingTextScanner,
  "lib/framing/utf8.ts": framingUtf8,
  "lib/framing/value_scanner.ts": framingValueScanner,
  "lib/framing/websocket.ts": framingWebsocket,
  "lib/framing/websocket_decoder.ts": framingWebsocketDecoder,
  "lib/framing/websocket_encoder.ts": framingWebsocketEncoder,
  "lib/framing/websocket_frame.ts": framingWebsocketFrame,
  "lib/http/head.ts": libHttpHead,
  "lib/http/known_heads.ts": libHttpKnownHeads,
  "lib/http/request.ts": libHttpRequest,
  "lib/http/response.ts": libHttpResponse,
};

/** What the browser loads: the page's script, and what that loads when it is needed. */
const SCRIPTS = [
  "console/start.ts",
  "console/app.ts",
  "console/bytes/panel.ts",
  "console/socket_worker.ts",
] as const;

/** What stands before the paths of modules to make URLs of them. */
const TREE = "tree:/";

function script(path: string): string {
  return linkModules(TREE + path, (url) => MODULES[url.slice(TREE.length)]!);
}

/** What makes the text of each file, by the path at which it is served. */
export const consoleTexts: ReadonlyMap<string, () => string> = new Map([
  // The style stands in the page: what is painted first waits for one request less.
  ["/", () => page.replace("<style></style>", () => `<style>${styleCss}${formFormCss}</style>`)],
  ...SCRIPTS.map((path) => [`/${path}`, () => script(path)] as const),
]);
