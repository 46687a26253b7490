/**
 * The matrix of cases: what may happen to a server, and where it is tried, as an attack or as a test.
 *
 * @module
 */

import { ATTACKS } from "./attacks.ts";
import { CLIENT_ROW, MISCHIEF } from "./client/mischief.ts";

/** A test by its file in tests/ and a part of its name; or why there is none. */
export type Reference = readonly [file: string, test: string] | string;

/** One case. */
export interface Case {
  readonly id: string;
  readonly what: string;
  readonly reference: Reference | undefined;
}

/** Other rows than those of servers on sockets are not listed here: their letters stand for others. */
const CASES: readonly (readonly [id: string, what: string, reference?: Reference])[] = [
  ["F01", "messages split at every byte", ["behaviour/conformance_test.ts", "cut at every byte"]],
  ["F02", "messages cut at every two bytes", [
    "behaviour/conformance_test.ts",
    "cut at every two bytes",
  ]],
  ["F03", "one byte per write"],
  ["F04", "1,000 messages in one write"],
  ["F05", "line ends, blank lines and white space", [
    "unit/framing/json_test.ts",
    "RS before each, as in RFC 7464",
  ]],
  ["F06", "JSON over several lines", [
    "unit/connection/connection_test.ts",
    "JSON over several lines",
  ]],
  ["F07", "a text that is cut off"],
  ["F08", "a text at the limit and one past it", [
    "unit/framing/json_test.ts",
    "takes a text at the limit",
  ]],
  ["F13", "calls that are hidden in texts that are none"],
  ["F09", "a text of 200 MiB"],
  ["F10", "1 MB in segments of 10 bytes"],
  ["F11", "lengths that are none"],
  ["F12", "two lengths"],
  ["F15", "header blocks at the limits and past them"],
  ["F18", "length prefixes of 0, past the limit, and of 4 GiB"],
  ["F19", "a message that is announced and never comes"],
  ["F24", "headers that cost much to read"],
  ["F20", "the first bytes of a connection"],
  ["F21", "a first segment of one byte"],
  ["F22", "a connection that changes its framing", [
    "unit/connection/connection_test.ts",
    "never changes its framing",
  ]],
  ["F23", "one frame an answer, in the framing of the connection"],
  ["P01", "JSON that must be accepted", [
    "behaviour/json_suite_test.ts",
    "what must be accepted is",
  ]],
  ["P02", "JSON that must be refused", ["behaviour/json_suite_test.ts", "what must be refused"]],
  ["P03", "JSON that may be either", ["behaviour/json_suite_test.ts", "what may be either"]],
  ["P04", "invalid UTF-8"],
  ["P05", "letters that are cut by segments"],
  ["P06", "a byte order mark"],
  ["P07", "nesting at the limit, past it, and as deep as a message allows"],
  ["P09", "the same key twice", ["behaviour/property_test.ts", "the envelope looks like"]],
  ["P10", "__proto__ and constructor as keys"],
  ["P11", "as many keys and objects as a message allows"],
  ["P12", "numbers that are huge or odd"],
  ["P17", "a list of which every item is refused"],
  ["P18", "a large message whose id or method is written oddly"],
  ["P14", "NUL and line separators in texts"],
  ["P15", "messages that are no objects"],
  ["P16", "keys that differ in their normal form only"],
  ["J01", "the examples of the specification", [
    "behaviour/conformance_test.ts",
    "answers each conformance message",
  ]],
  ["J02", "ids of every type"],
  ["J03", "a request whose id is null"],
  ["J04", "notifications of all kinds"],
  ["J05", "ids that are written oddly", ["support/cases.ts", "digit for digit"]],
  ["J06", "ids that no number can hold", ["support/cases.ts", "digit for digit"]],
  ["J07", "ids that are none"],
  ["J10", "other versions"],
  ["J11", "params that are none"],
  ["J12", "params by name and by position, too many and too few"],
  ["J13", "reserved names"],
  ["J14", "names of a prototype"],
  ["J15", "an empty batch"],
  ["J16", "batches of what is no request"],
  ["J17", "a batch of notifications"],
  ["J18", "a mixed batch"],
  ["J19", "a batch with one slow member", [
    "unit/connection/connection_test.ts",
    "cancels a call of a batch",
  ]],
  ["J20", "batches past the limits"],
  ["J22", "extra members"],
  ["J23", "a good call behind bad ones"],
  ["J25", "errors that tell too much"],
  ["L01", "more connections than maxConnections"],
  ["L02", "connections of one address", ["behaviour/limits_test.ts", "maxConnectionsPerAddress"]],
  ["L03", "a limit that is lowered", "limits cannot be changed while a server runs"],
  ["L04", "more calls than maxInFlight"],
  ["L05", "answers past maxResponseBytes"],
  ["L06", "more streams than maxStreams"],
  ["L07", "calls past a rate", [
    "unit/overload/rate_limit_test.ts",
    "methods count for what they cost",
  ]],
  ["L08", "strangers, who may say little", [
    "behaviour/authentication_test.ts",
    "maxUnauthenticatedBytes",
  ]],
  ["L09", "many protocol errors"],
  ["L10", "a rate that is remembered", [
    "unit/overload/rate_limit_test.ts",
    "what an address has used stays used",
  ]],
  ["L11", "limits that cannot be kept", [
    "behaviour/limits_test.ts",
    "resolveLimits() takes what is within",
  ]],
  ["L12", "each limit at n and n + 1", [
    "behaviour/limits_test.ts",
    "each limit is named in a test",
  ]],
  ["S01", "10,000 connections that sent one byte"],
  ["S02", "10,000 connections that trickle"],
  ["S03", "10,000 connections that say nothing"],
  ["S04", "a peer that pipelines and never reads"],
  ["S05", "a subscriber that stops reading"],
  ["S06", "a subscriber that stops reading what has ended"],
  ["S07", "many that ask for much and do not read"],
  ["S08", "a reader that is slow but steady"],
  ["S09", "a peer that reads nothing and half-closes"],
  ["S11", "a flood of notifications"],
  ["S12", "calls as fast as one connection can"],
  ["D01", "calls, then half-closing"],
  ["D03", "a reset in the middle of a message, and of a call"],
  ["D04", "a reset before accept"],
  ["D05", "a peer that is gone without a word"],
  ["D06", "half-closing and never reading"],
  ["D07", "an error for a peer that still sends"],
  ["D08", "leaving in the middle of a stream"],
  ["D09", "leaving calls of the server's unanswered"],
  ["D10", "a connection that carries nothing any more"],
  ["A01", "no descriptors"],
  ["A02", "no descriptors, over HTTP", "HTTP comes in at the listener of A01"],
  ["A03", "no descriptors for a handler"],
  ["A04", "more connections than descriptors"],
  ["A05", "60,000 resets before accept"],
  ["A06", "connecting and closing without end"],
  ["A08", "sockets that nobody could take over"],
  ["A09", "an address that is in use", [
    "unit/server/serve_test.ts",
    "when an address cannot be listened at",
  ]],
  ["A10", "listening again at once", [
    "unit/server/serve_test.ts",
    "shutdown() frees the port at once",
  ]],
  ["M01", "10,000 idle connections"],
  ["M02", "a large message, then silence"],
  ["M03", "1,000 large messages that are not finished"],
  ["M04", "a large message in small pieces"],
  ["M05", "memory over a long time", "deno task soak"],
  ["M06", "a heap that is nearly full"],
  ["M08", "a call of some size, then silence"],
  ["M07", "a limit on resident memory"],
  ["T01", "silent peers at a port for TLS"],
  ["T02", "half a ClientHello, and garbage"],
  ["T03", "a TLS peer that stops reading"],
  ["T04", "the wrong protocol at either port"],
  ["T05", "a flood of handshakes"],
  ["T07", "client certificates that are missing or wrong", [
    "unit/transport/tls_test.ts",
    "serve() gives a handler the certificate",
  ]],
  ["T08", "a certificate that is renewed", [
    "unit/transport/tls_test.ts",
    "takes a renewed certificate and keeps its connections",
  ]],
  ["T09", "wrong tokens", [
    "behaviour/authentication_test.ts",
    "wrong credentials end the connection",
  ]],
  ["T15", "calls right behind authentication"],
  ["T16", "an identity that changes while a call runs"],
  ["T10", "calls before authentication", [
    "behaviour/authentication_test.ts",
    "nothing is served before",
  ]],
  ["T11", "tokens in logs", ["cli/defence_test.ts", "main.ts --token-file asks who calls"]],
  ["T12", "listening for the whole network", ["cli/defence_test.ts", "names the ways out"]],
  ["T13", "permissions a method, on every way in", [
    "unit/api/middleware_test.ts",
    "for every way in",
  ]],
  ["T14", "Unix sockets of the dead and of the living", [
    "unit/transport/listen_test.ts",
    "unix: what a killed server left behind",
  ]],
  ["O01", "five times the load"],
  ["O02", "calls that are too late when their turn comes"],
  ["O03", "recovery after too much load"],
  ["O04", "one noisy connection"],
  ["O05", "full of calls: answered or refused"],
  ["O06", "a storm of retries", "a matter of the client that retries"],
  ["O08", "a flood of pings"],
  ["O09", "places for calls, all taken by callers of one kind"],
  ["O10", "calls that lie unread past their deadline"],
  ["O11", "floods of what is refused, under a rate"],
  ["O12", "an open stream, then silence"],
  ["O13", "control messages beside many streams"],
  ["O14", "many different deadlines"],
  ["R01", "an endless stream that is read fast"],
  ["R02", "items that are read fast, and credit for more"],
  ["R03", "answers that are read fast"],
  ["K01", "streams that may send nothing, with much beside them"],
  ["K02", "services with long names"],
  ["K03", "batches whose answers wait"],
  ["K04", "calls that last, with much beside them"],
  ["K05", "items up that nobody takes"],
  ["K06", "notifications and calls back that last"],
  ["K07", "256 connections of one address that make us keep"],
  ["K08", "workers that are made to keep"],
  ["H01", "64 large answers at once"],
  ["H02", "many streams at once, and large items"],
  ["H03", "64 calls that last, beside pings"],
  ["H04", "cancelling where as many calls run as may"],
  ["H05", "10,000 calls at once, beside a stream or not"],
  ["H06", "answers and streams over HTTP, at both paces"],
  ["H07", "answers, streams and pipelines over a WebSocket"],
  ["W01", "hosts and origins that are not served", [
    "unit/http/guard_test.ts",
    "names the option that lets in what it refuses",
  ]],
  ["W07", "heads, bodies, handshakes and frames that do not end"],
  ["W08", "heads at the limits and past them", ["unit/http/request_test.ts", "a head without end"]],
  ["W09", "bodies of single bytes, of extensions, and without end"],
  ["W10", "pipelining without reading, by POST and over a WebSocket"],
  ["W11", "requests that two readers may understand differently"],
  ["W12", "frames that break RFC 6455"],
  ["W13", "compression is offered", [
    "behaviour/websocket_server_test.ts",
    "agrees to no extension",
  ]],
  ["W14", "readers of events, lines and frames that stop"],
  ["W21", "fragments: empty, tiny, and without end"],
  ["W22", "floods of pings, pongs, closes and small calls"],
  ["W23", "bodies that are not finished, and batches that wait"],
  ["W24", "guesses of tokens, one a request"],
  ["W25", "a storm of handshakes"],
  ["W26", "many requests on one connection"],
  ["W27", "half-closing while a call by POST runs"],
  ["N01", "our client at a hostile server"],
  ["G01", "SIGTERM under load"],
  ["G02", "a handler that never ends"],
  ["G03", "a second signal"],
  ["G04", "10,000 connections at the end"],
  ["G05", "a slow reader at the end"],
  ["G07", "leaks in all tests", ["../deno.json", '"sanitizeResources": true']],
  ["G08", "socket files and ports are free afterwards", [
    "unit/server/serve_test.ts",
    "shutdown() frees the port at once",
  ]],
  ["G09", "SIGHUP", ["cli/defence_test.ts", "and SIGHUP reads it again"]],
  ["G11", "a rolling restart", "deno task chaos restarts one server again and again"],
];

/** All cases, and where no attack tries one the test that does. */
export const MATRIX: readonly Case[] = CASES.map(([id, what, reference]) => ({
  id,
  what,
  reference,
}));

/** The attacks that try a case. */
export function attacksOf(id: string): readonly string[] {
  const attacks = ATTACKS.filter(({ rows }) => rows.includes(id)).map(({ name }) => name);
  return id === CLIENT_ROW ? MISCHIEF.map(({ name }) => name) : attacks;
}

/** What `--list` prints: the attacks, and for each case where it is tried. */
export function list(): string {
  const all = [...ATTACKS, ...MISCHIEF];
  const width = Math.max(...all.map(({ name }) => name.length));
  const attacks = all.map(({ name, does }) => `${name.padEnd(width)}  ${does}`);
  const cases = MATRIX.map(({ id, what, reference }) => {
    const tried = attacksOf(id).map((name) => `attack ${name}`);
    if (typeof reference === "string") tried.push(`not here: ${reference}`);
    else if (reference !== undefined) tried.push(`tests/${reference[0]} "${reference[1]}"`);
    return `${id}  ${what}: ${tried.join(", ")}`;
  });
  return `${attacks.join("\n")}\n\n${cases.join("\n")}`;
}
