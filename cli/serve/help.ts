/**
 * What main.ts prints for `--help`.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../lib/mod.ts";
import { DEFAULT_ADDRESS } from "./args.ts";

const HELP = `\
Serves an API over raw sockets. Callers speak JSON-RPC 2.0 in the framing they
like: a line of JSON, LSP's Content-Length headers, or a 4-byte length; or over
HTTP and WebSocket.

Usage: deno task serve [API] [OPTIONS]
       deno run -P=serve main.ts [API] [OPTIONS]

API is a module, as a path from the current directory or as a URL, that exports
an API as "api" or as its default. Without it the demo is served: echo, upper,
add, sleep and others, see examples/demo.ts.

Options:
  --listen ADDRESS    where to listen: tcp://127.0.0.1:8080, tcp://[::1]:8080,
                      unix:///run/app.sock, tls://127.0.0.1:8443, http://…,
                      ws://…, udp://…, vsock://…, stdio:, or sockets that
                      systemd has opened, fd:3 or fd:NAME; may be repeated;
                      with port 0 the system chooses one [default: all that
                      systemd has handed over, or ${DEFAULT_ADDRESS}]
  --cert FILE         for tls:, https: and wss: the certificate, PEM; read again
                      when it changes
  --key FILE          for tls: its private key, PEM
  --client-ca FILE    for tls: clients must have a certificate of this CA
  --http-origin ORIGIN
                      a page that may call, such as https://app.example; may
                      be repeated
  --http-host HOST    a name under which HTTP is served, beside addresses and
                      localhost; may be repeated
  --http-trust-proxy NETWORK
                      a proxy that says from where HTTP requests come, in
                      Forwarded or X-Forwarded-For: 10.0.0.0/8, an address, or
                      unix for all that comes over Unix sockets; may be repeated
  --no-http           answers HTTP and WebSocket with 400
  --proxy-protocol NETWORK
                      proxies there begin each connection with HAProxy's PROXY
                      protocol, before TLS; NETWORK as above; may be repeated
  --console           serves the console, a page where one calls the methods,
                      also where other machines can reach it; by default only
                      if all addresses are of this machine
  --no-console        serves no console
  --token-file FILE   callers must say who they are, by a token of this file:
                      one on a line, and behind it the caller's name
  --insecure          listens also where other machines can reach it though
                      nobody is asked who calls
  --sequential        runs the calls of a connection one after another, each
                      when the handler before it has ended: for editors
  --metrics           counts calls and serves GET /metrics, for Prometheus, to
                      all that may call
  --admin ADDRESS     a Unix socket, unix:///run/app.admin, for its owner: where
                      "client.ts top" shows what the server does
  --rate N            calls a second that one connection, and one address, may
                      make in the long run; ten times as many at once
  --backlog N         TCP connections that may wait to be accepted
                      [default: 1024]
  --workers N         serves tcp: and tls: addresses with N threads, each of
                      which loads the API for itself; one that fails is
                      replaced
  --grace MS          how long running calls may go on after a signal
                      [default: ${DEFAULT_LIMITS.shutdownGrace}]
  --limit NAME=VALUE  another limit than the default, such as maxDepth=32; may
                      be repeated; lib/limits.ts has the table
  --crash-on-error    exits with 1 where code fails that no caller waits for: a
                      promise that nobody handles, a timer; by default this is
                      logged and counted; with --workers the thread is replaced
  --raw               serves bytes instead of calls, without framing; see below
  -q, --quiet         no lines about connections, refusals and signals; where it
                      listens and errors are still printed
  --log-format FORMAT text, logfmt or json [default: text]
  --log-level LEVEL   leaves out what matters less: debug, info, warn or error
                      [default: info]
  --slow TIME         tells of calls that take so long: 100ms, 2s
  --log-calls PART    tells of a part of all calls: 1 for each, 0.01 for one in
                      a hundred [default: 0]
  -h, --help          prints this
  --version           prints the version

Prints "listening on ADDRESS" for each address, with the real port, once it
listens at all of them, and "console at URL" if a browser finds the console
there; then "opened ADDRESS" and "closed ADDRESS: WHY" for each caller.
Refusals, messages that break the rules and slow calls go to standard error, and
so does what a handler throws by accident, with its stack; the caller is only
told "Internal error". At most 100 lines a second are written; how many were
left out is said. Under systemd each line has its priority.

With --raw whatever bytes arrive are answered in upper case (as UTF-8, wherever
they are cut; what is not UTF-8 passes unchanged). API then is a module that
exports a function raw(chunk, context). It is given each piece as it arrives, a
Uint8Array, and gives back a Uint8Array, a string, nothing, or a promise of one;
the next piece is read when that was sent. context is one object for each
connection: peer (address, localAddress, transport, certificate), signal (aborts
when the connection has ended) and close() (hangs up after the answer). When raw
throws, the caller is hung up on. udp:// cannot be served so.

SIGINT (Ctrl-C) and SIGTERM drain: no new calls, running ones are finished, then
it exits with 0. A second one exits at once. SIGHUP reads the token file again;
certificates are read again whenever they have changed. Callers stay connected.

An address that other machines can reach is refused, unless callers are asked
who they are (--token-file, or --client-ca over tls) or --insecure is given.

Exit codes:
  0    ended by a signal, and drained
  1    failed while it ran
  2    could not start: a bad option or address, a module that cannot be loaded
       or exports no API, an address that is in use or needs a permission
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  deno task serve
  deno task serve api.ts --listen tcp://127.0.0.1:0 --listen unix:///tmp/a.sock
  deno task serve --raw
  echo '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}' |
    nc -N 127.0.0.1 8080
`;

/**
 * What `--help` prints.
 *
 * @param command what starts the server; undefined for main.ts
 */
export function serveHelp(command?: string): string {
  if (command === undefined) return HELP;
  return HELP.replace(/^ +deno run -P=serve main\.ts.*\n/m, "")
    .replaceAll(/^(Usage: | +)deno task serve/gm, `$1${command}`);
}
