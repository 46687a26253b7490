/**
 * What `client.ts --help` prints, and `landline --help`.
 *
 * @module
 */

import { type Command, COMMANDS, type Program } from "./commands.ts";

const USAGE = `\
Calls methods of a JSON-RPC 2.0 server over a socket.

Usage: deno run -N client.ts [OPTIONS] ADDRESS
       deno run -N client.ts [OPTIONS] ADDRESS METHOD [PARAMS]
       deno run -N client.ts [OPTIONS] ADDRESS -
       deno run -N client.ts [OPTIONS] --list ADDRESS
       deno run -N client.ts [OPTIONS] --describe METHOD ADDRESS
       deno run -N client.ts [OPTIONS] --types ADDRESS > api.ts
       deno run -N client.ts --raw [--timeout MS] [--line-end NAME] ADDRESS
       deno run -N client.ts --completions SHELL
       deno run -N client.ts [OPTIONS] COMMAND …

ADDRESS  tcp://127.0.0.1:8080, tcp://[::1]:8080, unix:///run/app.sock,
         tls://example.org:8443, ws://127.0.0.1:8080, http://127.0.0.1:8080,
         wss://…, https://…, udp://…, vsock://…, stdio:, or a program to start
         and talk to: 'command:pylsp --verbose'
METHOD   the method's whole name; without one there is a prompt for calls by
         hand, and - reads calls from standard input
PARAMS   one JSON text: an object or an array as it is, anything else as the
         only item of an array. Or name=value pairs: a value that is valid JSON
         (1, true, null, "text", [1,2]) is JSON, any other is a string;
         name:=value must be JSON. Where the server says that the method takes a
         text, hello, 7 and a=b are texts. @FILE is what stands in the file, and
         @- what comes from standard input; name=@FILE is that as a string
`;

const SHARED_HELP = `\
  --timeout MS       gives up after so many milliseconds, connecting included
                     [default: none, but connecting takes at most 5000]
  --framing NAME     json, headers (LSP's Content-Length) or length (4 bytes)
                     [default: json]
  --header TEXT      for http: and ws: a header, 'NAME: VALUE'; may be given
                     several times
  --token-file FILE  a bearer token that says who calls
  --ca FILE          for TLS, in https: and wss: too: the CA that the server
                     must be signed by, PEM
  --cert FILE        for TLS: our own certificate, PEM
  --key FILE         for TLS: its private key, PEM
  --plain            sends the calls and nothing else: the server is not asked
                     what it is, so that streams come as one array, and a text
                     must be written '"text"'
  --version-1        speaks JSON-RPC 1.0, which implies --plain
  --retry            tries again, with pauses that grow, where nobody answers at
                     the address, and what certainly has not run: a call that
                     was not sent, that the server was too busy for, or that
                     it asks for again after a while, those of - too; within
                     the --timeout [default: 30000]
  --json             prints for programs: one JSON text a line, errors too
  -v, --verbose      shows every frame on standard error
  -h, --help         prints this; after a command what there is to say of it
  --version          prints the version
`;

const OWN_HELP = `\
Instead of calls:
  --list             the methods and what they do, as far as the server says
  --describe METHOD  the params, the result and the errors of one
  --types            a TypeScript module with the type Api, for connect<Api>();
                     --from ADDRESS is where it imports the library from
                     [default: the client.ts that makes it]
  --raw              a telephone: bytes without framing; --line-end lf or crlf
                     ends what is typed as a protocol of lines wants it
  --completions SHELL
                     what completes the command landline in bash, zsh or fish

For calls:
  --notify           sends a notification: waits for no answer, prints nothing
  --meta NAME=VALUE  metadata beside the params, for servers that take it; may
                     be given several times
  --after ID         goes on with a stream after the event with this id
  --answer METHOD=JSON
                     answers the server where it calls this method meanwhile;
                     may be given several times
  -r, --raw-output   prints a text without its quotes
  --unordered        with -: prints answers as they come
`;

const DETAILS = `\
Prints the result as JSON: indented on a terminal, on one line otherwise. The
items of a stream are printed as they come, one on a line, and what it returns
at its end goes to standard error. An error goes to standard error: its code,
its name and its message, and below it what else the server said. Whether a
method is a stream, takes items or takes a text the server is asked first, with
rpc.discover; if it refuses, the call goes over another connection, which the
server may close after its answer. What a handler says of its progress goes to
standard error. A method that takes items gets them from standard input, a JSON
text on each line.

At the prompt ">>: " calls are typed as METHOD PARAMS; what a bracket opens may
go on below. Tab completes methods and params, as far as the server describes
itself. .list, .describe METHOD, .time, .notify METHOD PARAMS, .help and .exit
are for the prompt itself; so are help, exit and quit, and of psql's commands
\\d, \\?, \\timing and \\q. Ctrl-C cancels the call that runs, or throws the line
away; at an empty prompt a second one leaves, as Ctrl-D does. What was typed is
kept in ~/.local/state/landline/history (or below $XDG_STATE_HOME) if -R, -W and
-E are given. Without these permissions history is not saved, and you are never
prompted for them. Without a terminal lines are read from standard input, one
call after another. --meta, --answer and -r hold for all calls. Colours are for
terminals, and not where NO_COLOR is set.

Calls from standard input stand one on a line, as METHOD PARAMS or as a JSON-RPC
request object. The server is not asked what its methods take: a text is written
as JSON, as in upper "hello". Calls are sent without waiting for each other, up
to 1000 at once, and answered in the order in which they stand, one JSON text a
line: for METHOD PARAMS the result alone, or {"error":...}; for a request object
the whole response with its own id, and nothing if it has none. With --unordered
each is printed when it comes, that to METHOD PARAMS as {"line":3,"result":...}
with the number of its line. --timeout then is for each call. On a terminal
standard error shows how many are answered.

With --raw it prompts with ">>: ", sends each line as it is typed, without the
white space around it and without a newline, and prints what comes back. Empty
lines are not sent. With --line-end each line is sent as it was typed, empty
ones too, with a line feed (lf), or a carriage return and a line feed (crlf),
behind it. It prompts again when an answer has come and 100 ms passed
in silence, or none has come within the --timeout [default: 2000]; what arrives
later is printed too. When the input ends (Ctrl-D) it says so to the server,
prints what still comes, and ends with the server, or after as long a silence.
On a terminal control characters are printed as \\u001b, elsewhere as they came.
docs/sockets.md says why nothing tells where an answer ends, with a page to try.

Permissions: -N is enough for tcp, udp, tls, ws and http; for unix Deno wants
-N -R -W, for FILEs -R, for command: --allow-run (without a list, so that what
the program has started can be ended too), for the history -R -W -E.

Exit codes:
  0    the call succeeded; with - all of them; at the prompt Ctrl-D
  1    an error was answered, or the connection was lost; what the server says
       of itself is no OpenRPC document, or too much; with -, and at the
       prompt without a terminal, once or more; with --raw the server hung up
       first, or a line could not be sent
  2    the command line makes no sense
  3    cannot connect
  4    the deadline of --timeout passed
  5, 6 what health tells, see its --help
  130  interrupted (Ctrl-C): what runs was cancelled; a second one does not wait
       for that; at the prompt the second one at an empty line
  141  nobody reads what it prints

Examples:
  deno run -N client.ts tcp://127.0.0.1:8080
  deno run -N client.ts tcp://127.0.0.1:8080 upper hello
  deno run -N client.ts tcp://127.0.0.1:8080 add a=1 b=2
  deno run -N -R client.ts tcp://127.0.0.1:8080 echo @params.json
  deno run -N client.ts tcp://127.0.0.1:8080 subtract '[42, 23]'
  deno run -N client.ts tcp://127.0.0.1:8080 rpc.discover
  deno run -N client.ts --raw tcp://127.0.0.1:8080
  printf '%s\\n' 'add a=1 b=2' 'sleep 100' now |
    deno run -N client.ts tcp://127.0.0.1:8080 -
`;

/** What `--help` alone prints. */
export function clientHelp(program: Program): string {
  const { name, server } = program;
  const usage = server === undefined
    ? USAGE
    : USAGE.replace("over a socket.", "over a socket, and serves them.")
      .replace(/\n\n(?=ADDRESS)/, `\n       ${name} ${server.usage}\n\n`);
  const parts = [usage, commandList(program), `Options:\n${SHARED_HELP}`, OWN_HELP, DETAILS];
  return startedBy(program, parts.join("\n"));
}

/** What `--help` prints after a command. */
export function commandHelp(program: Program, { help = "", connects = true }: Command): string {
  const shared = connects ? `\nOptions that every command takes:\n${SHARED_HELP}` : "";
  return startedBy(program, help) + shared;
}

/** Usage and examples are written for client.ts. */
function startedBy({ name, server }: Program, help: string): string {
  return server === undefined
    ? help
    : help.replaceAll(/^(Usage: +| +)(?:deno run (?:-[NRW] )+)?client\.ts(?= )/gm, `$1${name}`);
}

function commandList({ server }: Program): string {
  const entries = [...COMMANDS.values(), ...(server === undefined ? [] : [server])];
  const lines = entries.map(({ usage, summary }) => `  ${usage}\n    ${summary}\n`);
  return "Commands: what stands first is one when it is one of these words, and an\n" +
    "address otherwise. Each has its own --help.\n" + lines.join("");
}
