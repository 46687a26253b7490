// The parts of the console that know the page, each by itself in Chromium: the form and the tree over sources that
// are served as they are, and the bytes panel as one file, for which there is no server.

import { assertEquals } from "@std/assert";
import { stripTypeScriptTypes } from "node:module";
import { makeFolder, Program } from "../cli/_programs.ts";
import { testWith } from "../support/tools.ts";
import { follow, TOOLS } from "./_follow.ts";

const ROOT = new URL("../../", import.meta.url);

const PAGE = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Parts</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/tests/console/parts.css">
<link rel="stylesheet" href="/console/form/form.css"><main><h1>Parts</h1><div id="here"></div></main></html>`;

const STYLE = `:root { color-scheme: light dark; background: light-dark(#fff, #14171a);
  color: light-dark(#1f2328, #e6edf3); --quiet: light-dark(#59636e, #9198a1);
  --bad: light-dark(#b3261e, #ff8a80); }`;

/** The sources as the console's own server has them, and an empty page. */
function serveSources(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    const send = (text: string, type: string) =>
      new Response(text, {
        headers: {
          "content-type": type,
          "content-security-policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:",
        },
      });
    if (pathname === "/") return send(PAGE, "text/html");
    if (pathname === "/tests/console/parts.css") return send(STYLE, "text/css");
    if (!/^\/(?:console|lib)\//.test(pathname)) return new Response(null, { status: 404 });
    const text = await Deno.readTextFile(new URL(`.${pathname}`, ROOT));
    return pathname.endsWith(".ts")
      ? send(stripTypeScriptTypes(text), "text/javascript")
      : send(text, "text/css");
  });
}

for (const width of [1280, 390]) {
  testWith(
    TOOLS,
    `forms and trees do what they should in a window of ${width} pixels`,
    async (t) => {
      await using server = serveSources();
      await follow(t, "_form.ts", `http://127.0.0.1:${server.addr.port}/`, String(width));
    },
  );

  testWith(
    TOOLS,
    `the bytes page works without a server in a window of ${width} pixels`,
    async (t) => {
      await using folder = await makeFolder();
      await using task = new Program("console-page", [folder.path], {
        cwd: ROOT.pathname,
        command: "task",
      });
      const written = await task.outcome();
      assertEquals([written.code, written.stdout.trim()], [0, `${folder.path}/bytes.html`]);
      await follow(t, "_bytes_page.ts", `${folder.path}/bytes.html`, String(width));
    },
  );
}
