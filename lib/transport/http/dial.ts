/**
 * Connects to `http://host:port/path` and `https://…`: to any server that answers JSON-RPC by POST.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../limits.ts";
import { isDeno } from "../../runtime.ts";
import { type Address, badAddress } from "../address.ts";
import type { DialOptions, Socket, TlsClientOptions } from "../socket.ts";
import type { HttpClient } from "../system.ts";
import { dialBelow, targetOf } from "./below.ts";
import { HttpSocket } from "./http_socket.ts";

/** What each request says itself. */
const OWN = ["host", "connection", "content-length", "content-type", "transfer-encoding"];

/** What is taken: one answer, or a stream of messages. Servers of MCP want both to be named. */
const ACCEPT = "application/json, text/event-stream";

/** Looks whether a server is there. Requests make their connections as they need them. */
export async function dial(address: Address, options: DialOptions): Promise<Socket> {
  const { tls = {}, limits = DEFAULT_LIMITS } = options;
  const { url, headers } = targetOf(address, options.headers, (name) => OWN.includes(name));
  headers.set("content-type", "application/json");
  if (!headers.has("accept")) headers.set("accept", ACCEPT);
  if (tls.serverName !== undefined) {
    throw badAddress(address.text, `tls.serverName is not for ${address.scheme}: addresses`);
  }
  const probe = await dialBelow(address, options);
  await probe.close();
  return new HttpSocket(url, headers, await httpClient(tls), limits);
}

/** What makes requests with these certificates; its owner closes it. */
export async function httpClient(tls: TlsClientOptions): Promise<HttpClient> {
  const credentials = Object.keys(tls).length === 0
    ? {}
    : (await import("../tls/certificate.ts")).clientCredentials(tls);
  return isDeno
    ? (await import("../deno_http.ts")).denoHttp(credentials)
    : (await import("../node/http.ts")).nodeHttp(credentials);
}
