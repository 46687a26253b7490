import { assertEquals, assertStringIncludes } from "@std/assert";
import { guard, type GuardOptions } from "../../../lib/http/guard.ts";
import type { RequestHead } from "../../../lib/http/head.ts";
import { RequestDecoder } from "../../../lib/http/request.ts";
import { bytesOf } from "../../support/raw.ts";

const OPTIONS: GuardOptions = {
  scheme: "http",
  hosts: new Set(["0.0.0.0", "api.example", "other.example:81"]),
  origins: new Set(["https://app.example"]),
  isOpen: false,
  hasConsole: false,
  hasMetrics: false,
};
const CONSOLE: GuardOptions = { ...OPTIONS, hasConsole: true };
const SECURE: GuardOptions = { ...OPTIONS, scheme: "https", hosts: undefined };
const OPEN: GuardOptions = { ...OPTIONS, isOpen: true };

function headOf(first: string, ...lines: readonly string[]): RequestHead {
  const decoder = new RequestDecoder({
    maxHttpHeadBytes: 16384,
    maxHttpHeadLines: 100,
    maxMessageBytes: 100,
  });
  decoder.push(bytesOf([`${first} HTTP/1.1`, ...lines, "", ""].join("\r\n")));
  return decoder.next() as RequestHead;
}

/** What is let in, or the status. */
function told(first: string, lines: readonly string[], options = OPTIONS): string | number {
  const found = guard(headOf(first, ...lines), options);
  return "status" in found ? found.status : found.route.kind;
}

const LOCAL = "Host: localhost:8080";
const JSON_LINE = "Content-Type: application/json";
const UPGRADE = ["Connection: keep-alive, Upgrade", "Upgrade: websocket"];

type Row = readonly [
  outcome: string | number,
  first: string,
  lines: readonly string[],
  options?: GuardOptions,
];

const TABLE: readonly Row[] = [
  // 1. The host.
  ...[
    "localhost",
    "LOCALHOST:1",
    "localhost.",
    "a.localhost",
    "127.0.0.1:8080",
    "10.1.2.3",
    "[::1]:8080",
    "[fe80::1]",
    "0.0.0.0:1",
    "api.example",
    "api.example:99",
    "API.example.",
    "other.example:81",
  ].map((host): Row => ["call", "POST /", [`Host: ${host}`, JSON_LINE]]),
  ...[
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "127.0.0.256",
    "1.2.3",
    "xlocalhost",
    "other.example",
    "other.example:82",
    "sub.api.example",
  ].map((host): Row => [403, "POST /", [`Host: ${host}`, JSON_LINE]]),
  ...["a b", "a/b", "a@b", "[", "a:b", "a:123456", "a,b", "http://a", "::1"].map(
    (host): Row => [400, "POST /", [`Host: ${host}`, JSON_LINE]],
  ),
  ["call", "POST /", ["Host: evil.example", JSON_LINE], SECURE],
  ["call", "POST http://localhost/", ["Host: localhost", JSON_LINE]],
  ["page", "GET HTTP://LOCALHOST", ["Host: localhost"]],
  [400, "POST http://evil.example/", ["Host: localhost", JSON_LINE]],
  [400, "POST http://localhost:1/", ["Host: localhost", JSON_LINE]],
  [400, "POST rpc", [LOCAL, JSON_LINE]],
  // 2. The origin.
  ["call", "POST /", [LOCAL, JSON_LINE, "Origin: http://localhost:8080"]],
  ["call", "POST /", ["Host: localhost", JSON_LINE, "Origin: http://localhost"]],
  ["call", "POST /", ["Host: localhost:80", JSON_LINE, "Origin: http://localhost"]],
  ["call", "POST /", ["Host: a.b", JSON_LINE, "Origin: https://a.b"], SECURE],
  ["call", "POST /", ["Host: a.b:443", JSON_LINE, "Origin: https://a.b"], SECURE],
  ["call", "POST /", [LOCAL, JSON_LINE, "Origin: https://app.example"]],
  ["call", "POST /", [LOCAL, JSON_LINE, "Origin: https://evil.example"], OPEN],
  ...[
    "null",
    "file://",
    "http://localhost",
    "http://localhost:8081",
    "https://localhost:8080",
    "http://127.0.0.1:8080",
    "https://app.example:444",
    "http://app.example",
    "https://app.example.evil.example",
    "https://evil.example",
    "",
  ].flatMap((origin): Row[] => [
    [403, "POST /", [LOCAL, JSON_LINE, `Origin: ${origin}`]],
    [403, "GET /openrpc.json", [LOCAL, `Origin: ${origin}`]],
    [403, "GET /", [LOCAL, ...UPGRADE, `Origin: ${origin}`]],
    [403, "OPTIONS /", [LOCAL, `Origin: ${origin}`]],
  ]),
  [403, "POST /", [LOCAL, JSON_LINE, "Sec-Fetch-Site: cross-site"]],
  [403, "GET /openrpc.json", [LOCAL, "Sec-Fetch-Site: cross-site"]],
  [403, "GET /health", [LOCAL, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"]],
  ["page", "GET /", [LOCAL, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"]],
  [403, "GET /", [LOCAL, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]],
  ["page", "GET /health", [LOCAL, "Sec-Fetch-Site: same-origin"]],
  ["call", "POST /", [
    LOCAL,
    JSON_LINE,
    "Sec-Fetch-Site: cross-site",
    "Origin: https://app.example",
  ]],
  // 3. and 4. Methods and paths.
  ["call", "POST /rpc", [LOCAL, JSON_LINE]],
  ["call", "POST /?x=1", [LOCAL, JSON_LINE]],
  ["page", "GET /", [LOCAL]],
  ["page", "HEAD /", [LOCAL]],
  ["page", "GET /openrpc.json", [LOCAL]],
  ["page", "GET /health?service=a", [LOCAL]],
  ["page", "GET /healthz", [LOCAL]],
  ["options", "OPTIONS /rpc", [LOCAL]],
  ["options", "OPTIONS *", [LOCAL]],
  ["upgrade", "GET /", [LOCAL, ...UPGRADE]],
  ["upgrade", "GET /rpc", [LOCAL, "Connection: UPGRADE", "Upgrade: h2c, WebSocket"]],
  ["page", "GET /", [LOCAL, "Upgrade: websocket"]],
  ["page", "GET /console/app.ts", [LOCAL, "Sec-Fetch-Site: same-origin"], CONSOLE],
  ["page", "GET /lib/framing/json.ts", [LOCAL], CONSOLE],
  [403, "GET /console/app.ts", [LOCAL, "Sec-Fetch-Site: cross-site"], CONSOLE],
  [405, "POST /console/app.ts", [LOCAL, JSON_LINE], CONSOLE],
  [404, "GET /console", [LOCAL], CONSOLE],
  [404, "GET /console/app.ts", [LOCAL]],
  [405, "GET /rpc", [LOCAL]],
  [405, "GET /", [LOCAL, "Accept: text/event-stream"]],
  [405, "GET /health", [LOCAL, "Accept: text/event-stream"]],
  ["page", "GET /", [LOCAL, "Accept: text/event-stream, */*"]],
  [405, "POST /health", [LOCAL, JSON_LINE]],
  [404, "POST /rpc/", [LOCAL, JSON_LINE]],
  [404, "GET /favicon.ico", [LOCAL]],
  [404, "GET //", [LOCAL]],
  [404, "OPTIONS /nothing", [LOCAL]],
  ...["PUT", "DELETE", "PATCH", "TRACE", "BREW", "get"].map(
    (method): Row => [405, `${method} /`, [LOCAL]],
  ),
  [400, "CONNECT localhost:80", [LOCAL]],
  // 5. Types.
  ...[
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json ; charset="UTF-8"',
    "application/json;charset=utf8",
    "application/json-rpc",
    "application/jsonrequest",
  ].map((type): Row => ["call", "POST /", [LOCAL, `Content-Type: ${type}`]]),
  ...[
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=a",
    "text/json",
    "application/jsonp",
    "application/json, text/plain",
    "text/plain; a=application/json",
    "application/json; charset=latin1",
    "application/json; charset=utf-16",
  ].map((type): Row => [415, "POST /", [LOCAL, `Content-Type: ${type}`]]),
  [415, "POST /", [LOCAL]],
  [415, "POST /", [LOCAL, JSON_LINE, "Content-Encoding: gzip"]],
  // What comes first is told first.
  [403, "BREW /nothing", ["Host: evil.example", "Origin: null"]],
  [403, "BREW /nothing", [LOCAL, "Origin: null"]],
  [405, "BREW /nothing", [LOCAL]],
  [404, "POST /nothing", [LOCAL]],
];

for (const [outcome, first, lines, options] of TABLE) {
  Deno.test(`guard() says ${outcome} when it is asked ${first} with ${lines.join(", ")}`, () => {
    assertEquals(told(first, lines, options), outcome);
  });
}

Deno.test("guard() names the option that lets in what it refuses", () => {
  const reasonOf = (...lines: string[]) => {
    const found = guard(headOf("POST /", ...lines, JSON_LINE), OPTIONS);
    return "status" in found ? found.reason : "";
  };
  assertStringIncludes(
    reasonOf("Host: evil.example"),
    '"evil.example" is not served here; the option http.hosts',
  );
  assertStringIncludes(
    reasonOf(LOCAL, "Origin: https://evil.example"),
    '"https://evil.example" may not call here; the option http.origins',
  );
});

Deno.test("guard() lets a page of an allowed origin read the answer, and no other", () => {
  const headersFor = (first: string, ...lines: string[]) =>
    guard(headOf(first, LOCAL, ...lines), OPTIONS).headers;
  const cors = "Access-Control-Allow-Origin: https://app.example\r\nVary: Origin\r\n";
  const origin = "Origin: https://app.example";
  assertEquals(headersFor("POST /", JSON_LINE), "");
  assertEquals(headersFor("POST /", JSON_LINE, "Origin: http://localhost:8080"), "");
  assertEquals(headersFor("POST /", JSON_LINE, origin), cors);
  // It may read also why it is refused, as far as it comes.
  assertEquals(headersFor("POST /", origin), cors);
  assertEquals(headersFor("POST /", "Origin: https://evil.example"), undefined);
  assertEquals(
    headersFor("OPTIONS /", origin),
    cors + "Access-Control-Allow-Methods: GET, HEAD, OPTIONS, POST\r\n" +
      "Access-Control-Allow-Headers: content-type, authorization, last-event-id, timeout-ms, " +
      "traceparent, tracestate\r\nAccess-Control-Max-Age: 600\r\n",
  );
  assertStringIncludes(
    headersFor("OPTIONS /", origin, "Access-Control-Request-Private-Network: true")!,
    "Access-Control-Allow-Private-Network: true\r\n",
  );
  assertEquals(headersFor("OPTIONS /rpc"), "Allow: OPTIONS, POST\r\n");
});
