/// <reference lib="dom" />
/**
 * Which server the page calls: the one that has served it, unless the page is a file of its own. Then its link
 * says which: `?server=wss://api.example/`.
 *
 * @module
 */

const said = new URLSearchParams(location.search).get("server") ?? "";

/** Whether the page's link names another server than the one that has served the page. */
export const isElsewhere: boolean = /^wss?:\/\//.test(said) && URL.canParse(said);

/** The server's address, as a WebSocket has it. */
export const SERVER: string = isElsewhere
  ? new URL(said).href
  : `${location.origin.replace(/^http/, "ws")}/`;
