// A call as a command: real shells and a real Python read what stands there.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import {
  type CallToCopy,
  commandsOf,
  pythonText,
  scriptText,
  shellWord,
} from "../../../console/commands.ts";
import { isPlain, visible } from "../../../console/visible.ts";
import { testWith } from "../../support/tools.ts";

const decoder = new TextDecoder();

/** What a program prints. */
async function output(
  program: string,
  args: string[],
  input = "",
  env: Record<string, string> = {},
): Promise<string> {
  const command = new Deno.Command(program, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  // A program that does not read its input may have ended.
  writer.write(new TextEncoder().encode(input)).catch(() => {});
  writer.close().catch(() => {});
  const { stdout, stderr, success } = await child.output();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

function textOf(call: CallToCopy, name: string): string {
  return commandsOf(call).find((command) => command.name === name)!.text;
}

/** Values as a form gives them, with all that a shell may act on. */
const nasty = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.stringMatching(/^[ '"\\$`!#&|;<>()*?[\]{}~\n\t\r-]{0,12}$/),
);
const members = fc.dictionary(fc.oneof(nasty, fc.constant("__proto__")), fc.jsonValue(), {
  maxKeys: 4,
});
const params = fc.oneof(
  fc.array(fc.oneof(nasty, fc.jsonValue()), { maxLength: 4 }),
  members,
  fc.constant(undefined),
);
const calls: fc.Arbitrary<CallToCopy> = fc.record({
  url: fc.constantFrom("http://127.0.0.1:8080/", "https://[::1]:8443/rpc", "http://localhost"),
  method: nasty,
  params,
  isStream: fc.boolean(),
  takesItems: fc.boolean(),
  isNotification: fc.boolean(),
  hasToken: fc.boolean(),
});

/** The message that the call is, without what travels beside it. */
function messageOf({ method, params, isNotification }: CallToCopy): unknown {
  return JSON.parse(JSON.stringify({
    jsonrpc: "2.0",
    ...(!isNotification && { id: 1 }),
    method,
    params,
  }));
}

/** Programs that print the words they were given, a NUL behind each, and what they read. */
const PROGRAMS = `
curl() { printf '%s\\0' curl "$@"; }
deno() { printf '%s\\0' deno "$@"; }
nc() { cat; }
openssl() { cat; }
`;

testWith(["sh"], "shellWord() is one word of a shell, whatever is in it", async () => {
  const words = fc.sample(
    fc.oneof(nasty, fc.string({ unit: "binary-ascii" })).map((text) =>
      text.replaceAll("\0", "").toWellFormed()
    ),
    { numRuns: 500, seed: 19 },
  );
  const script = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
  assertEquals((await output("sh", ["-c", script])).split("\0").slice(0, -1), words);
});

testWith(["sh"], "a shell runs the commands with the very message", async () => {
  const sample = fc.sample(calls, { numRuns: 120, seed: 1907 });
  let script = PROGRAMS;
  for (const call of sample) {
    for (const name of ["curl", "landline", "nc"]) {
      const text = textOf({ ...call, takesItems: false, isStream: false }, name);
      script += `${text}\nprintf '\\1'\n`;
    }
  }
  const printed = (await output("sh", ["-s"], script, { TOKEN: "s3cret" })).split("\x01");
  sample.forEach((call, at) => {
    const [curl, landline, nc] = printed.slice(3 * at, 3 * at + 3);
    const about = JSON.stringify(call), words = curl!.split("\0").slice(0, -1);
    assertEquals(words[2], call.url, about);
    assertEquals(JSON.parse(words.at(-1)!), messageOf(call), about);
    assertEquals(words.includes("authorization: Bearer s3cret"), call.hasToken === true, about);
    const typed = landline!.split("\0").slice(0, -1);
    if (visible(call.method) !== call.method) return; // it goes to its standard input
    const rest = typed.slice(typed.findIndex((word) => /^wss?:/.test(word)) + 1);
    assertEquals(rest[0], call.method, about);
    assertEquals(
      rest.length > 1 ? JSON.parse(rest[1]!) : undefined,
      call.params === undefined ? undefined : JSON.parse(JSON.stringify(call.params)),
      about,
    );
    const lines = nc!.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.at(-1), messageOf(call), about);
    assertEquals(lines.length, call.hasToken ? 2 : 1, about);
    if (call.hasToken) assertEquals(lines[0].params, { scheme: "bearer", token: "s3cret" });
  });
});

testWith(["python3"], "pythonText() is the value, for Python", async () => {
  const values = fc.sample(fc.oneof(params, members), { numRuns: 300, seed: 3 }).map((it) =>
    it ?? null
  );
  const program = `import ast, json, sys
print(json.dumps([ast.literal_eval(text) for text in json.load(sys.stdin)]))`;
  const printed = await output(
    "python3",
    ["-c", program],
    JSON.stringify(values.map(pythonText)),
  );
  assertEquals(JSON.parse(printed), JSON.parse(JSON.stringify(values)));
});

testWith(["python3"], "the Python of every call can be compiled", async () => {
  const texts = fc.sample(calls, { numRuns: 200, seed: 4 }).map((call) => textOf(call, "python"));
  const program = `import json, sys
for text in json.load(sys.stdin): compile(text, "call.py", "exec")`;
  await output("python3", ["-c", program], JSON.stringify(texts));
});

Deno.test("scriptText() is the value, for JavaScript", () => {
  fc.assert(fc.property(fc.oneof(params, members), (value) => {
    const made = new Function(`return (${scriptText(value ?? null)})`)();
    assertEquals(JSON.stringify(made), JSON.stringify(value ?? null));
    assertEquals(({} as Record<string, unknown>).polluted, undefined);
  }));
  assertEquals(scriptText({ a: { $base64: "AQL/" } }), `{ a: Uint8Array.fromBase64("AQL/") }`);
});

Deno.test("commandsOf() says a call as a person would write it", () => {
  const call: CallToCopy = {
    url: "http://127.0.0.1:8080/",
    address: "tcp://127.0.0.1:8080",
    method: "math.add",
    params: { a: 1, b: 2 },
  };
  assertEquals(
    textOf(call, "curl"),
    `curl -s http://127.0.0.1:8080/ \\
  -H 'content-type: application/json' \\
  -d '{"jsonrpc":"2.0","id":1,"method":"math.add","params":{"a":1,"b":2}}'`,
  );
  assertEquals(
    textOf(call, "nc"),
    `printf '%s\\n' '{"jsonrpc":"2.0","id":1,"method":"math.add","params":{"a":1,"b":2}}' |
  nc -N 127.0.0.1 8080`,
  );
  assertEquals(
    textOf(call, "landline"),
    `deno run -N client.ts tcp://127.0.0.1:8080 math.add '{"a":1,"b":2}'`,
  );
  assertEquals(
    textOf(call, "typescript"),
    `import { connect } from "@landline/rpc/client";
import type { Api } from "./api.ts";

await using line = await connect<Api>("tcp://127.0.0.1:8080");
console.log(await line.call.math.add({ a: 1, b: 2 }));
`,
  );
  assertEquals(
    textOf(call, "python"),
    `import json, socket

sock = socket.create_connection(("127.0.0.1", 8080))
line = sock.makefile("rw", encoding="utf-8")
line.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "math.add", "params": {"a": 1, "b": 2}}) + "\\n")
line.flush()
for text in line:
    message = json.loads(text)
    print(message)
    if message.get("id") == 1:
        break
`,
  );
});

Deno.test("no command has a character that a terminal acts on, or that is not seen", () => {
  const odd = fc.constantFrom("\x1b[201~\nrm -rf ~\n", "\x00", "\r", "\u202e", "\x7f", "\u2028");
  fc.assert(fc.property(calls, fc.tuple(odd, odd, odd), (call, [name, key, text]) => {
    const hostile = {
      ...call,
      method: call.method + name,
      params: { [key]: text, a: call.params },
    };
    for (const it of [call, hostile, { ...hostile, isNotification: true }]) {
      for (const { name, text } of commandsOf(it)) assert(isPlain(text), `${name}: ${text}`);
    }
  }));
});

Deno.test("commandsOf() says streams, items, deadlines, notifications and tokens", () => {
  const url = "https://api.example/rpc";
  const stream: CallToCopy = {
    url,
    method: "countdown",
    params: [3],
    value: 3,
    isStream: true,
    timeout: 2000,
    hasToken: true,
  };
  const texts = Object.fromEntries(commandsOf(stream).map(({ name, text }) => [name, text]));
  assert(texts.curl!.includes(`-N https://api.example/rpc`));
  assert(texts.curl!.includes(`'accept: application/x-ndjson'`));
  assert(texts.curl!.includes(`'timeout-ms: 2000'`));
  assert(texts.nc!.includes(`"_meta":{"timeoutMs":2000,"stream":{"credit":1000}}`));
  assert(texts.nc!.includes("openssl s_client -quiet -connect api.example:443"));
  assert(texts.landline!.includes("--token-file token.txt wss://api.example/rpc countdown '[3]'"));
  assert(
    texts.typescript!.includes(
      "for await (const item of line.call.countdown(3, { timeout: 2000 }))",
    ),
  );
  assert(texts.typescript!.includes(`{ token: Deno.env.get("TOKEN")! }`));
  assert(texts.python!.includes("ssl.create_default_context().wrap_socket"));
  assert(texts.python!.includes(`os.environ["TOKEN"]`));
  const typescript = (more: Partial<CallToCopy>) =>
    textOf({ url, method: "log", ...more }, "typescript");
  assert(
    typescript({ isNotification: true, params: ["x"], value: "x" })
      .includes(`\nline.notify.log("x");`),
  );
  assert(
    typescript({ takesItems: true })
      .includes("line.call.log(undefined, { items: [/* your items */] })"),
  );
  const [curl, nc, landline, , python] = commandsOf({ url, method: "up", takesItems: true });
  assert(curl!.text.startsWith("# HTTP carries no items"));
  for (const { text } of [nc!, python!]) assert(/"\$\/stream\/end"/.test(text), text);
  assert(landline!.text.startsWith("cat items.ndjson | deno run -N client.ts"));
  assert(typescript({ method: "rpc.serverInfo" }).includes(`line.request("rpc.serverInfo")`));
  assert(
    typescript({ method: "then.x", params: [1], value: 1 })
      .includes(`line.request("then.x", [1])`),
  );
  assert(typescript({ method: `a-b.c"d` }).includes(`line.call["a-b"]["c\\"d"]()`));
});
