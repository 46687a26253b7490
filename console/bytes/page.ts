/// <reference lib="dom" />
/**
 * The bytes panel as a page of its own, which needs no server: build_page.ts makes one file of it.
 *
 * @module
 */

import { createBytesPanel } from "./panel.ts";

document.querySelector("main")!.append(createBytesPanel(true).element);
