// The pages that docs/web.md shows: each is built as a reader would, and used in Chromium.

import { api as chat } from "../../examples/page/server.ts";
import { EventRing, method, serve, stream } from "../../lib/mod.ts";
import * as z from "npm:zod@4";
import { assert } from "@std/assert";
import { makeBrowserModule } from "../../release/browser.ts";
import { follow } from "../console/_follow.ts";
import { program } from "../interop/_npm.ts";
import { testWith } from "../support/tools.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LOCK = `${ROOT}tests/interop/programs/deno.lock`;

/** Serves the files of a folder. */
function filesOf(folder: string) {
  const types = { html: "text/html", js: "text/javascript" } as Record<string, string>;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url), path = pathname === "/" ? "/index.html" : pathname;
    const file = await Deno.readFile(folder + path).catch(() => undefined);
    if (file === undefined) return new Response(null, { status: 404 });
    const type = types[path.slice(path.lastIndexOf(".") + 1)] ?? "text/plain";
    return new Response(file, { headers: { "content-type": type } });
  });
}

async function run([command, ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command!, { args, cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** The hook and the component of docs/web.md, as a page. */
async function reactPage(folder: string): Promise<void> {
  const page = await Deno.readTextFile(`${ROOT}docs/web.md`);
  const blocks = Array.from(page.matchAll(/^```tsx ignore\n([^]*?)^```$/gm), ([, code]) => code!);
  const code = blocks.join("\n").replace(/^import .* from "react";$/m, "");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(
    `${folder}/main.tsx`,
    `/** @jsxRuntime classic */
/** @jsx createElement */
import { createElement, useEffect, useState } from "npm:react@19";
import { createRoot } from "npm:react-dom@19/client";
import { connect } from "file://${ROOT}lib/browser.ts";
const line = await connect(new URLSearchParams(location.search).get("server"));
${code}
const root = createRoot(document.querySelector("main"));
root.render(createElement(Messages));
Object.assign(window, { line, unmount: () => root.unmount() });
`,
  );
  await run([
    Deno.execPath(),
    "bundle",
    "--quiet",
    "--platform=browser",
    "--no-config",
    `--lock=${LOCK}`,
    "--frozen",
    `--output=${folder}/main.js`,
    `${folder}/main.tsx`,
  ]);
  const html = '<!doctype html><main></main><script type="module" src="./main.js"></script>';
  await Deno.writeTextFile(`${folder}/index.html`, html);
}

/** What the component shows. */
function streams() {
  const ring = new EventRing<string>({ size: 100 });
  const following = Promise.withResolvers<void>(), ended = Promise.withResolvers<boolean>();
  return {
    hear: stream((_, { after, signal }) => {
      signal.addEventListener("abort", () => ended.resolve(true));
      following.resolve();
      return ring.events(after, signal);
    }),
    following: method(() => following.promise),
    push: method(z.string(), (text) => void ring.push(text)),
    ended: method(() => ended.promise),
  };
}

testWith(
  [
    "chromium",
    "npm:playwright-core@1",
    "npm:react@19",
    "npm:react-dom@19",
    "npm:vite@7",
    "deno:bundle",
  ],
  "the pages of docs/web.md work as they are shown",
  async (t) => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/plain`);
      await Deno.copyFile(`${ROOT}examples/page/index.html`, `${folder}/plain/index.html`);
      await makeBrowserModule(`${folder}/plain`);
      await reactPage(`${folder}/react`);
      const vite = [`${ROOT}examples/page/vite`, `${folder}/vite`, `${ROOT}lib/browser.ts`];
      await run(program(`${import.meta.dirname}/_vite.js`, ...vite));

      const names = ["plain", "vite", "react"] as const;
      const sites = names.map((name) => filesOf(`${folder}/${name}`));
      const origins = sites.map(({ addr }) => `http://127.0.0.1:${addr.port}`);
      await using talk = serve(chat, { listen: "ws://127.0.0.1:0", http: { origins } });
      await using shown = serve(streams(), { listen: "ws://127.0.0.1:0", http: { origins } });
      const urls = names.map((name, at) => {
        const { addresses } = name === "react" ? shown : talk;
        return [name, `${origins[at]}/?server=${addresses[0]}`];
      });
      await follow(t, "../browser/_examples.ts", JSON.stringify(Object.fromEntries(urls)));
      await Promise.all(sites.map((site) => site.shutdown()));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
