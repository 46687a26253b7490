// What a server makes of requests that are right, wrong, or two things to two readers: the statuses that it
// answers with, how many calls it executed, and whether the connection ends; in one piece, in single
// bytes, and cut at every byte.

import { assertEquals } from "@std/assert";
import { method } from "../../lib/mod.ts";
import { Dice } from "../support/dice.ts";
import { call, HANDSHAKE, post, request } from "../support/http.ts";
import { bytesOf } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";
import { inWorld } from "./_served.ts";

const BODY = call("run"), N = BODY.length, JSON_TYPE = "Content-Type: application/json";
const POST = post(BODY);

/** A POST with these lines and what follows them. */
const posted = (lines: readonly string[], rest: string) =>
  request("POST /", [JSON_TYPE, ...lines]) + rest;
const chunks = (...parts: readonly string[]) =>
  posted(["Transfer-Encoding: chunked"], parts.join(""));
const CHUNK = `${N.toString(16)}\r\n${BODY}\r\n`, END = "0\r\n\r\n";
const length = (value: string) => posted([`Content-Length: ${value}`], BODY);
const one = (first: string, ...lines: readonly string[]) =>
  [first, "Host: localhost", JSON_TYPE, `Content-Length: ${N}`, ...lines, "", BODY].join("\r\n");

/** What is sent, the statuses, the calls executed, and "end" where the connection ends by itself. */
type Vector = readonly [name: string, text: string, statuses: string, runs: number, end?: "end"];

const bad = (name: string, text: string, status = "400"): Vector => [name, text, status, 0, "end"];

const VECTORS: readonly Vector[] = [
  // What is right.
  ["a call", POST, "200", 1],
  ["two in one piece", POST + POST, "200 200", 2],
  [
    "names in any case, tabs around values",
    one("POST / HTTP/1.1").replace("Content-Length: ", "cOnTeNt-LENGTH:\t"),
    "200",
    1,
  ],
  [
    "upper case, leading zeros, an extension, a trailer, then another",
    chunks(
      `00${N.toString(16).toUpperCase()};a=b\r\n${BODY}\r\n0\r\nX: y\r\n\r\n`,
    ) + POST,
    "200 200",
    2,
  ],
  ["an empty line before", "\r\n" + POST, "200", 1],
  ["the absolute form", POST.replace("POST /", "POST http://localhost/"), "200", 1],
  ["a value beyond ASCII", one("POST / HTTP/1.1", "X: \u00e9"), "200", 1],
  ["HTTP/1.0", one("POST / HTTP/1.0"), "200", 1, "end"],
  ["HTTP/1.0 that stays", one("POST / HTTP/1.0", "Connection: keep-alive"), "200", 1],
  ["Connection: close", one("POST / HTTP/1.1", "Connection: close") + POST, "200", 1, "end"],
  [
    "GET with a body, then a call",
    request("GET /health", ["Content-Length: 3"]) + "abc" + POST,
    "200 200",
    1,
  ],
  ["HEAD, then a call", request("HEAD /health") + POST, "200 200", 1],
  ["OPTIONS, then a call", request("OPTIONS /") + POST, "204 200", 1],
  ["a notification", post('{"jsonrpc":"2.0","method":"run"}'), "202", 1],
  ["100-continue", one("POST / HTTP/1.1", "Expect: 100-continue"), "200", 1],
  ["a page that is not there, then a call", request("GET /nowhere") + POST, "404 200", 1],
  // Lengths.
  bad("the same length twice", one("POST / HTTP/1.1", `Content-Length: ${N}`)),
  bad("two lengths", one("POST / HTTP/1.1", `Content-Length: ${N + 1}`)),
  bad("a length that is empty", length("")),
  ...[`+${N}`, `-${N}`, `${N}, ${N}`, `0x${N}`, `${N} 1`, `${N}.0`, "99999999999999999999"].map((
    it,
  ) => bad(`the length ${it}`, length(it))),
  bad(
    "a length and chunks",
    posted([`Content-Length: ${N}`, "Transfer-Encoding: chunked"], CHUNK + END),
  ),
  // Codings.
  ...["identity, chunked", "gzip, chunked", "xchunked", "chunked, chunked", ""].map((it) =>
    bad(`the coding ${it}`, posted([`Transfer-Encoding: ${it}`], CHUNK + END), "501")
  ),
  bad(
    "chunks in HTTP/1.0",
    `POST / HTTP/1.0\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNK}${END}`,
  ),
  // Lines.
  bad("a folded line", one("POST / HTTP/1.1", "X: a\r\n b")),
  bad("an empty name", one("POST / HTTP/1.1", ": a")),
  bad("a space before the colon", one("POST / HTTP/1.1", "X : a")),
  bad("a tab before the first name", one("POST / HTTP/1.1").replace("Host", "\tHost")),
  bad("NUL", one("POST / HTTP/1.1", "X: a\0b")),
  bad("CR", one("POST / HTTP/1.1", "X: a\rb")),
  bad("a name beyond ASCII", one("POST / HTTP/1.1", "\u00e9: a")),
  bad("LF alone everywhere", one("POST / HTTP/1.1").replaceAll("\r\n", "\n")),
  bad("LF alone after one line", one("POST / HTTP/1.1", "X: a\nY: b")),
  bad("LF alone as the end", one("POST / HTTP/1.1").replace("\r\n\r\n", "\r\n\n")),
  bad("no host", one("POST / HTTP/1.1").replace("Host: localhost\r\n", "")),
  bad("two hosts", one("POST / HTTP/1.1", "Host: localhost")),
  bad("two empty lines before", "\r\n\r\n" + POST),
  // First lines.
  bad("no version", one("POST / ")),
  bad("HTTP/2.0", one("POST / HTTP/2.0"), "505"),
  bad("two spaces", one("POST  / HTTP/1.1")),
  bad("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
  ...["CONNECT", "TRACE", "PUT", "DELETE", "PATCH"].map((it) =>
    bad(`the method ${it}`, one(`${it} / HTTP/1.1`), "405")
  ),
  // Chunks.
  ...[`${N.toString(16)} `, `0x${N.toString(16)}`, `+${N}`, `0_${N}`, "0".repeat(17), "g", ""].map((
    it,
  ) => bad(`the size of a chunk ${JSON.stringify(it)}`, chunks(`${it}\r\n${BODY}\r\n`, END))),
  bad("a size ended by LF", chunks(CHUNK.replace("\r\n", "\n"), END)),
  bad("LF in an extension", chunks(CHUNK.replace("\r\n", ";a\nb\r\n"), END)),
  bad("data longer than its size", chunks(`1\r\n${BODY}\r\n`, END)),
  bad("a bad trailer", chunks(CHUNK, "0\r\nno header\r\n\r\n")),
  bad("chunks that are mostly extensions", chunks(`1;${"x".repeat(200)}\r\n \r\n`.repeat(100))),
  // Limits.
  bad("17 KiB of header", one("POST / HTTP/1.1", `X: ${"y".repeat(17_000)}`), "431"),
  bad("2,000 lines", one("POST / HTTP/1.1", ...Array<string>(2000).fill("a: b")), "431"),
  bad(
    "a body that is too long, which is asked about",
    posted(["Content-Length: 9999999", "Expect: 100-continue"], ""),
    "413",
  ),
  bad("another expectation", one("POST / HTTP/1.1", "Expect: the-unexpected"), "417"),
  // What a browser may send for any page.
  bad("text/plain", POST.replace("application/json", "text/plain"), "415"),
  bad("a form", POST.replace("application/json", "application/x-www-form-urlencoded"), "415"),
  bad("no type", POST.replace(`${JSON_TYPE}\r\n`, ""), "415"),
  bad("a foreign host", POST.replace("Host: localhost", "Host: evil.example"), "403"),
  bad("a foreign origin", one("POST / HTTP/1.1", "Origin: http://evil.example"), "403"),
  bad("the origin null", one("POST / HTTP/1.1", "Origin: null"), "403"),
  bad("the absolute form of another host", POST.replace("POST /", "POST http://other/")),
  // Handshakes.
  [
    "a handshake without a key",
    HANDSHAKE.replace(/Sec-WebSocket-Key: .*\r\n/, "") + POST,
    "400 200",
    1,
  ],
  [
    "a handshake with a short key",
    HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl") + POST,
    "400 200",
    1,
  ],
  [
    "a handshake of version 12",
    HANDSHAKE.replace("Version: 13", "Version: 12") + POST,
    "426 200",
    1,
  ],
  ["a handshake", HANDSHAKE + POST, "101", 0, "end"],
];

for (const [name, text, statuses, runs, end] of VECTORS) {
  Deno.test(`a server answers ${name} with ${statuses}, and executes ${runs}`, async () => {
    let executed = 0;
    const api = { run: method(ANYTHING, () => void executed++) };
    const bytes = bytesOf(text), dice = new Dice(11);
    const pieces: number[][] = [[]];
    if (bytes.length < 400) {
      pieces.push(Array.from(bytes, (_, i) => i));
      for (let cut = 1; cut < bytes.length; cut++) pieces.push([cut]);
    }
    for (let i = 0; i < 5; i++) {
      const cuts = [dice.int(1, bytes.length - 1), dice.int(1, bytes.length - 1)];
      pieces.push(cuts.sort((a, b) => a - b));
    }
    await inWorld(api, {}, async ({ world, dial }) => {
      for (const cuts of pieces) {
        executed = 0;
        const peer = await dial();
        for (const [i, to] of [...cuts, bytes.length].entries()) {
          await peer.send(bytes.subarray(i === 0 ? 0 : cuts[i - 1], to)).catch(() => {});
          if (cuts.length < 3) await world.sleep(1);
        }
        await world.sleep(200);
        const answers = peer.take().replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "");
        const found = Array.from(answers.matchAll(/HTTP\/1\.1 (\d{3})/g), ([, status]) => status);
        const isOver = peer.isOver ? "end" : undefined;
        assertEquals([found.join(" "), executed, isOver], [statuses, runs, end], `cut at ${cuts}`);
        peer.close();
      }
    });
  });
}
