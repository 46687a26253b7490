// What the project relies on in @std/cli. Passes on our stand-in in std/cli and on the real package.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseArgs, promptSecret } from "@std/cli";
import { testWith } from "../support/tools.ts";

/** Compiles only if both types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]
): void {}

const UNDECLARED: [args: string[], expected: Record<string, unknown>][] = [
  [["a", "b"], { _: ["a", "b"] }],
  [["--name"], { name: true, _: [] }],
  [["--name", "value", "rest"], { name: "value", _: ["rest"] }],
  [["--name=value"], { name: "value", _: [] }],
  [["--name=a=b"], { name: "a=b", _: [] }],
  [["--name", "--other"], { name: true, other: true, _: [] }],
  [["--name", "1", "--name", "2"], { name: 2, _: [] }],
  [["--no-name"], { "no-name": true, _: [] }],
  [["-p", "80", "-v"], { p: 80, v: true, _: [] }],
  [["-abc", "value"], { a: true, b: true, c: "value", _: [] }],
  [["-n5"], { n: 5, _: [] }],
  [["-I/usr/lib"], { I: "/usr/lib", _: [] }],
  [["-f=a"], { f: "a", _: [] }],
  [["-n", "-"], { n: "-", _: [] }],
  [["-"], { _: ["-"] }],
  [["1", "0x10", "1e3", "1.5", "10f", "a1"], { _: [1, 16, 1000, 1.5, "10f", "a1"] }],
  [["a", "--", "--b", "-c", "1"], { _: ["a", "--b", "-c", "1"] }],
  [["--a.b", "1", "--a.c"], { a: { b: 1, c: true }, _: [] }],
  [["--toString", "--valueOf", "a"], { toString: true, valueOf: "a", _: [] }],
];

Deno.test("parseArgs() sorts undeclared arguments", async (t) => {
  for (const [args, expected] of UNDECLARED) {
    await t.step(args.join(" "), () => assertEquals<unknown>(parseArgs(args), expected));
  }
});

Deno.test("parseArgs() leaves the arguments as they were", () => {
  const args = ["a", "--b", "--", "c"];
  parseArgs(args);
  assertEquals(args, ["a", "--b", "--", "c"]);
});

Deno.test("parseArgs() gives nothing to a boolean flag but true and false", () => {
  const parse = (...args: string[]) => parseArgs(args, { boolean: ["quiet", "q"] });
  same<ReturnType<typeof parse>["quiet"], boolean>();
  assertEquals(parse(), { quiet: false, q: false, _: [] });
  assertEquals(parse("--quiet", "api.ts"), { quiet: true, q: false, _: ["api.ts"] });
  assertEquals(parse("-q", "api.ts"), { quiet: false, q: true, _: ["api.ts"] });
  assertEquals(parse("--quiet", "false", "api.ts").quiet, false);
  assertEquals(parse("--quiet=false").quiet, false);
});

Deno.test("parseArgs() with boolean: true takes no values for long flags", () => {
  const flags = parseArgs(["--a", "b", "-c", "d", "--e=f"], { boolean: true });
  assertEquals(flags, { a: true, c: "d", e: "f", _: ["b"] });
});

Deno.test("parseArgs() keeps the values of string flags", () => {
  const parse = (...args: string[]) => parseArgs(args, { string: ["id", "_"] });
  same<ReturnType<typeof parse>["id"], string | undefined>();
  assertEquals<unknown>(parse(), { _: [] });
  assertEquals<unknown>(parse("--id", "007", "1"), { id: "007", _: ["1"] });
  assertEquals<unknown>(parse("--id"), { id: "", _: [] });
  assertEquals<unknown>(parse("--id", "--other"), { id: "", other: true, _: [] });
});

Deno.test("parseArgs() collects", () => {
  const parse = (...args: string[]) =>
    parseArgs(args, {
      string: ["listen"],
      boolean: ["v"],
      collect: ["listen", "v", "any"],
    });
  same<ReturnType<typeof parse>["listen"], string[]>();
  same<ReturnType<typeof parse>["v"], boolean[]>();
  same<ReturnType<typeof parse>["any"], unknown[]>();
  assertEquals<unknown>(parse(), { listen: [], v: [], _: [] });
  assertEquals(parse("--listen", "a", "-vv", "--listen=b", "--any", "1", "--any"), {
    listen: ["a", "b"],
    v: [true, true],
    any: [1, true],
    _: [],
  });
});

Deno.test("parseArgs() stores under every alias", () => {
  const parse = (...args: string[]) =>
    parseArgs(args, {
      boolean: ["help"],
      string: ["listen"],
      collect: ["listen"],
      alias: { help: "h", listen: ["l", "on"] },
    });
  same<ReturnType<typeof parse>["h"], boolean>();
  same<ReturnType<typeof parse>["on"], string[]>();
  assertEquals(parse("-h", "x"), { help: true, h: true, listen: [], l: [], on: [], _: ["x"] });
  assertEquals(parse("-l", "1", "--on=2").listen, ["1", "2"]);
});

Deno.test("parseArgs() fills in defaults", () => {
  const parse = (...args: string[]) =>
    parseArgs(args, {
      boolean: ["color"],
      string: ["host"],
      default: { color: true, host: "localhost", port: 80 },
      alias: { port: "p" },
    });
  same<ReturnType<typeof parse>["color"], boolean>();
  same<ReturnType<typeof parse>["host"], string>();
  same<ReturnType<typeof parse>["port"], unknown>();
  assertEquals(parse(), { color: true, host: "localhost", port: 80, p: 80, _: [] });
  assertEquals(parse("--host=::1", "-p", "1").host, "::1");
  assertEquals(parse("-p", "1").port, 1);
});

Deno.test("parseArgs() negates what is negatable", () => {
  const parse = (...args: string[]) =>
    parseArgs(args, {
      boolean: ["color"],
      string: ["config"],
      negatable: ["color", "config"],
      default: { color: true },
    });
  same<ReturnType<typeof parse>["color"], boolean>();
  same<ReturnType<typeof parse>["config"], string | false | undefined>();
  assertEquals(parse("--no-color").color, false);
  assertEquals(parse("--no-color", "--color").color, true);
  assertEquals(parse("--config=a", "--no-config").config, false);
});

Deno.test("parseArgs() asks unknown() about what no option names", () => {
  const asked: unknown[] = [];
  const flags = parseArgs(["--known", "a", "--other", "b", "c", "-d", "--", "e"], {
    string: ["known"],
    unknown: (arg, key, value) => {
      asked.push([arg, key, value]);
      return arg === "c";
    },
  });
  assertEquals(flags, { known: "a", _: ["c", "e"] });
  assertEquals(asked, [
    ["--other", "other", "b"],
    ["c", undefined, undefined],
    ["-d", "d", true],
  ]);
});

Deno.test("parseArgs() with stopEarly stops at the first argument that is no flag", () => {
  const flags = parseArgs(["--a", "b", "c", "--d", "1"], { stopEarly: true });
  assertEquals(flags, { a: "b", _: ["c", "--d", "1"] });
});

Deno.test('parseArgs() with "--" keeps what follows it apart', () => {
  const flags = parseArgs(["--a", "b", "--", "--c", "1"], { string: ["a"], "--": true });
  same<typeof flags["--"], string[]>();
  assertEquals(flags, { a: "b", _: [], "--": ["--c", "1"] });
});

Deno.test("parseArgs() knows no types without declarations, unknown ones with", () => {
  const loose = parseArgs(["--a", "1"]);
  const anything: { b: never } = loose.a;
  assertEquals<unknown>(anything, 1);
  const strict = parseArgs(["--a", "1"], { string: ["b"] });
  same<typeof strict["a"], unknown>();
});

const ask = `
  import { promptSecret } from "@std/cli/prompt-secret";
  const answer = promptSecret("Token:");
  console.log(JSON.stringify({ answer }));
`;

Deno.test("promptSecret() gives null when there is no terminal", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", ask] }).output();
  assertEquals(new TextDecoder().decode(stdout), '{"answer":null}\n');
  const typed: (message?: string) => string | null = promptSecret;
  assertEquals(typeof typed, "function");
});

// Runs a program on a terminal of its own, types once it is asked and the terminal echoes no more, and
// prints all that was shown.
const terminal = `
import os, pty, sys, termios, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown, typed = b"", False
while True:
    try:
        data = os.read(terminal, 1024)
    except OSError:
        break
    if not data:
        break
    shown += data
    if b"Token:" in shown and not typed:
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, "hush\\u00e9x\\x7f\\r".encode())
        typed = True
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
`;

testWith(["python3"], "promptSecret() shows a mask and gives the answer", async () => {
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", terminal, Deno.execPath(), "eval", ask],
  }).output();
  const [shown, answer] = new TextDecoder().decode(stdout).split('{"answer":');
  assertEquals(answer?.trim(), '"hushé"}');
  assertStringIncludes(shown ?? "", "Token: *****");
  assertEquals(shown?.includes("hush"), false);
});
