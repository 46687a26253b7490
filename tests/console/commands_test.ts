// The commands that the console shows, run as they stand there against a server: all of them make the same call.

import { assert, assertEquals } from "@std/assert";
import { bearerTokens, method, serve, stream } from "@landline/rpc";
import { fileURLToPath } from "node:url";
import * as z from "npm:zod@4";
import { commandsOf } from "../../console/commands.ts";
import { testWith } from "../support/tools.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const api = {
  echo: method(z.object({ a: z.unknown() }).loose(), (value) => value),
  text: { "up-per": method(z.string(), (text) => text.toUpperCase()) },
  sum: method(z.array(z.number()), (numbers) => numbers.reduce((sum, n) => sum + n, 0)),
  size: method(z.instanceof(Uint8Array), (bytes) => bytes.length),
  none: method(() => "none"),
  total: method(async (_, { items }) => {
    let total = 0;
    for await (const n of items) total += n;
    return total;
  }, { items: z.number() }),
  ["od\nd"]: method(z.string(), (text) => text),
  countdown: stream(z.int().min(0), function* (from) {
    for (let n = from; n >= 0; n--) yield n;
  }),
};

/** What a server is asked, and what the answers are: a stream has several. */
const CALLS: [name: string, params: unknown, value: unknown, answers: unknown[]][] = [
  ["echo", { a: `it's "$HOME" \`x\` \\ \n %s 你好 \u202e !` }, undefined, [
    { a: `it's "$HOME" \`x\` \\ \n %s 你好 \u202e !` },
  ]],
  ["text.up-per", ["-hello"], "-hello", ["-HELLO"]],
  ["sum", [1, 2.5], [1, 2.5], [3.5]],
  ["size", [{ $base64: "AQL/" }], { $base64: "AQL/" }, [3]],
  ["none", undefined, undefined, ["none"]],
  ["od\nd", ["x"], "x", ["x"]],
  ["countdown", [2], 2, [2, 1, 0]],
];

/** What a shell prints that runs this text. The programs of the page are those of the tree. */
async function shell(text: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("sh", {
    args: ["-c", `deno() { "$DENO" "$@"; }\n${text}`],
    cwd: ROOT,
    env: { DENO: Deno.execPath(), NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  assert(success, `${text}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** The results and items among lines of JSON-RPC. */
function answersIn(lines: string): unknown[] {
  return lines.trim().split("\n").map((line) => JSON.parse(line)).flatMap((message) =>
    message.method === "$/stream/item"
      ? message.params.values ?? [message.params.value]
      : message.result === null || message.id === 0
      ? []
      : [message.result]
  );
}

testWith(
  ["sh", "curl", "nc", "python3"],
  "every command makes the call that it says",
  async (t) => {
    await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
    await server.ready;
    const address = server.addresses[0]!, url = address.replace("tcp:", "http:") + "/";
    for (const [name, params, value, expected] of CALLS) {
      const isStream = name === "countdown";
      const commands = commandsOf({
        url,
        address,
        method: name,
        params,
        value: value ?? params,
        isStream,
      });
      await t.step(name, async () => {
        for (const { name: how, text } of commands) {
          if (how === "typescript") {
            const file = await Deno.makeTempFile({ dir: "/tmp", suffix: ".ts" });
            try {
              const shown = text.replaceAll("console.log(", "log(") +
                "function log(value: unknown) { console.log(JSON.stringify(value)); }\n";
              await Deno.writeTextFile(file, shown);
              const printed = await shell(`deno run -A --config deno.json ${file}`);
              assertEquals(printed.trim().split("\n").map((it) => JSON.parse(it)), expected, text);
            } finally {
              await Deno.remove(file);
            }
          } else if (how === "landline") {
            const printed = (await shell(text)).trim();
            const lines = (isStream ? printed.split("\n") : [printed]).map((it) => JSON.parse(it));
            // A name that is not seen is sent as a request, and answered as one.
            assertEquals(text.startsWith("printf") ? [lines[0].result] : lines, expected, text);
          } else if (how === "python") {
            const shown = text.replace("print(message)", "print(json.dumps(message))");
            assertEquals(
              answersIn(await shell('python3 -c "$PROGRAM"', { PROGRAM: shown })),
              expected,
              text,
            );
          } else assertEquals(answersIn(await shell(text)), expected, text);
        }
      });
    }
  },
);

testWith(["sh", "nc", "python3"], "a method that takes items is told of none", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await server.ready;
  const address = server.addresses[0]!, url = address.replace("tcp:", "http:") + "/";
  const [, nc, , , python] = commandsOf({ url, address, method: "total", takesItems: true });
  const program = python!.text.replace("print(message)", "print(json.dumps(message))");
  const printed = [
    await shell(nc!.text),
    await shell('python3 -c "$PROGRAM"', { PROGRAM: program }),
  ];
  for (const lines of printed) assert(/"result": ?0/.test(lines), lines);
});

testWith(
  ["sh", "curl", "nc", "python3"],
  "every command sends the token that $TOKEN holds",
  async () => {
    await using server = serve({ who: method((_, { peer }) => String(peer.identity)) }, {
      listen: "tcp://127.0.0.1:0",
      authenticate: bearerTokens({ "s3cr.et~+/=": "alice" }),
    });
    await server.ready;
    const address = server.addresses[0]!, url = address.replace("tcp:", "http:") + "/";
    const env = { TOKEN: "s3cr.et~+/=" };
    for (const { name, text } of commandsOf({ url, address, method: "who", hasToken: true })) {
      assert(!text.includes(env.TOKEN));
      if (name === "curl" || name === "nc") {
        assertEquals(answersIn(await shell(text, env)), ["alice"], text);
      } else if (name === "python") {
        const program = text.replace("print(message)", "print(json.dumps(message))");
        const printed = await shell('python3 -c "$PROGRAM"', { ...env, PROGRAM: program });
        assertEquals(answersIn(printed), ["alice"], text);
      } else if (name === "landline") {
        const folder = await Deno.makeTempDir({ dir: "/tmp" });
        try {
          await Deno.writeTextFile(`${folder}/token.txt`, env.TOKEN);
          const there = text.replace("token.txt", `${folder}/token.txt`);
          assertEquals(JSON.parse(await shell(there)), "alice");
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      }
    }
  },
);
