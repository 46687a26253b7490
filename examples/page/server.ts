/**
 * A chat that pages share, without a bundler: the server of the page beside this.
 *
 * ```sh
 * deno task browser examples/page                # makes the page's module, once
 * deno run -N -R examples/page/server.ts         # the page is http://127.0.0.1:8000/
 * ```
 *
 * The page has a web server of its own here, so that its origin is another than that of the calls.
 *
 * @module
 */

import { EventRing, type Method, type Peer, serve, stream, withContext } from "../../lib/mod.ts";
import * as z from "npm:zod@4";

/** What each page serves to the server. */
type PageApi = { readonly confirm: Method<string, boolean> };

const { method: asking } = withContext<{ peer: Peer<PageApi> }>();

/** What pages call. */
export const api = chat();
export type Api = typeof api;

function chat() {
  const said = new EventRing<string>({ size: 100 });
  return {
    say: asking(z.string().min(1), async (text, { call }) => {
      if (await call.confirm(`Say "${text}" to everyone?`)) said.push(text);
    }),
    hear: stream((_, { after, signal }) => said.events(after, signal)),
  };
}

/** What the page's web server sends. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["/", "index.html"],
  ["/landline.js", "landline.js"],
]);

if (import.meta.main) {
  const [port = "8000", address = "tcp://127.0.0.1:8080"] = Deno.args;
  const pages = Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, async ({ url }) => {
    const name = FILES.get(new URL(url).pathname);
    if (name === undefined) return new Response("Not found", { status: 404 });
    const type = name.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
    const file = await Deno.readFile(new URL(name, import.meta.url));
    return new Response(file, { headers: { "content-type": type } });
  });
  const origins = [`http://127.0.0.1:${pages.addr.port}`];
  await serve(api, { listen: address, http: { origins } }).finished;
}
