/**
 * A call as one would make it elsewhere: with `curl`, `nc`, `client.ts`, TypeScript and Python. All say the
 * same call. A token is never among them: `$TOKEN` stands where it goes.
 *
 * A command is pasted into a terminal, and names come from a server: no control character is ever in it.
 *
 * @module
 */

import { visible } from "./visible.ts";

/** A call, as far as commands say it. */
export interface CallToCopy {
  /** Where HTTP is served: `http://127.0.0.1:8080`, or with a path. */
  readonly url: string;
  /** The address for a socket, if it is known: `tcp://127.0.0.1:8080`. @default that of the WebSocket there */
  readonly address?: string;
  readonly method: string;
  /** As they travel: an array, an object, or nothing. */
  readonly params?: unknown;
  /** What the method takes, as one value: what TypeScript is given. @default the params */
  readonly value?: unknown;
  /** Whether items come before the answer. */
  readonly isStream?: boolean;
  /** Whether it takes items of the caller's: HTTP cannot carry them. */
  readonly takesItems?: boolean;
  /** Whether it is never answered. */
  readonly isNotification?: boolean;
  /** Milliseconds that it may take. */
  readonly timeout?: number;
  /** Whether the server wants a token. */
  readonly hasToken?: boolean;
}

/** One way to make the call. */
export interface Command {
  readonly name: "curl" | "nc" | "landline" | "typescript" | "python";
  /** What it is called in the page. */
  readonly label: string;
  readonly text: string;
}

/** The call in all ways. */
export function commandsOf(call: CallToCopy): Command[] {
  return [
    { name: "curl", label: "curl", text: curl(call) },
    { name: "nc", label: "nc", text: netcat(call) },
    { name: "landline", label: "landline", text: landline(call) },
    { name: "typescript", label: "TypeScript", text: typescript(call) },
    { name: "python", label: "Python", text: python(call) },
  ];
}

// ---- Shells ----------------------------------------------------------------------------------

/** A word of a POSIX shell that is this text, whatever is in it but NUL. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(call: CallToCopy): string {
  const { url, isStream, timeout, hasToken, takesItems } = call;
  const note = takesItems
    ? "# HTTP carries no items of the caller's: landline and TypeScript do.\n"
    : "";
  const parts = [
    `curl -s ${isStream ? "-N " : ""}${shellWord(visible(url))}`,
    `-H 'content-type: application/json'`,
    isStream && `-H 'accept: application/x-ndjson'`,
    timeout !== undefined && `-H 'timeout-ms: ${timeout}'`,
    hasToken && `-H "authorization: Bearer $TOKEN"`,
    `-d ${shellWord(message(call))}`,
  ];
  return note + parts.filter(Boolean).join(" \\\n  ");
}

function netcat(call: CallToCopy): string {
  const { hasToken, isStream, takesItems, timeout } = call, { host, port, isTls } = placeOf(call);
  const meta = {
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(isStream && { stream: { credit: 1000 } }),
  };
  const login = `'{"jsonrpc":"2.0","id":0,"method":"rpc.authenticate","params":` +
    `{"scheme":"bearer","token":"'"$TOKEN"'"}}'`;
  const lines = [
    hasToken && login,
    shellWord(message(call, meta)),
    takesItems && shellWord(json(NO_ITEMS)),
  ].filter(Boolean);
  const target = isTls
    ? `openssl s_client -quiet -connect ${shellWord(`${host}:${port}`)}`
    : `nc -N ${shellWord(bare(host))} ${port}`;
  return `printf '%s\\n' ${lines.join(" \\\n  ")} |\n  ${target}`;
}

/** Says that the caller sends no items: it may send them only as the server gives credit. */
const NO_ITEMS = { jsonrpc: "2.0", method: "$/stream/end", params: { id: 1, dir: "up" } };

function landline(call: CallToCopy): string {
  const { method, params, timeout, hasToken, takesItems } = call,
    isSeen = visible(method) === method;
  const parts = [
    !isSeen && `printf '%s\\n' ${shellWord(message(call))} |`,
    isSeen && takesItems && "cat items.ndjson |",
    "deno run",
    hasToken ? "-N -R" : "-N",
    "client.ts",
    timeout !== undefined && `--timeout ${timeout}`,
    hasToken && "--token-file token.txt",
    isSeen && method.startsWith("-") && "--",
    shellWord(addressOf(call)),
    isSeen ? shellWord(method) : "-",
    isSeen && params !== undefined && shellWord(json(params)),
  ];
  return parts.filter(Boolean).join(" ");
}

// ---- Programs --------------------------------------------------------------------------------

function typescript(call: CallToCopy): string {
  const { method, timeout, hasToken, takesItems, isStream, isNotification } = call;
  const steps = method.split(".");
  // `line.call` has no methods of these names.
  const isPlain = steps[0] === "rpc" || steps.some((it) => it === "then" || it === "toJSON");
  const value = "value" in call && !isPlain ? call.value : call.params;
  const options = [
    timeout !== undefined && `timeout: ${timeout}`,
    takesItems && "items: [/* your items */]",
  ].filter(Boolean).join(", ");
  const args = [
    isPlain && scriptText(method),
    value !== undefined ? scriptText(value) : options !== "" && "undefined",
    options !== "" && `{ ${options} }`,
  ].filter(Boolean).join(", ");
  const path = steps.map((step) => isName(step) ? `.${step}` : `[${scriptText(step)}]`).join("");
  const made = isPlain
    ? `line.request(${args})`
    : `line.${isNotification ? "notify" : "call"}${path}(${args})`;
  const use = isNotification
    ? `${made};`
    : isStream
    ? `for await (const item of ${made}) console.log(item);`
    : `console.log(await ${made});`;
  const token = hasToken ? `, { token: Deno.env.get("TOKEN")! }` : "";
  return `import { connect } from "@landline/rpc/client";
import type { Api } from "./api.ts";

await using line = await connect<Api>(${scriptText(addressOf(call))}${token});
${use}
`;
}

function python(call: CallToCopy): string {
  const { hasToken, timeout, isStream, isNotification, takesItems } = call;
  const { host, port, isTls } = placeOf(call);
  const meta = {
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(isStream && { stream: { credit: 1000 } }),
  };
  const { method } = call, params = paramsWith(call.params, meta);
  const members = [
    `"jsonrpc": "2.0"`,
    ...(isNotification ? [] : [`"id": 1`]),
    `"method": ${pythonText(method)}`,
    ...(params === undefined ? [] : [`"params": ${pythonText(params)}`]),
  ];
  const login = hasToken
    ? `line.write(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "rpc.authenticate",
    "params": {"scheme": "bearer", "token": os.environ["TOKEN"]}}) + "\\n")\n`
    : "";
  const end = takesItems ? `line.write(json.dumps(${pythonText(NO_ITEMS)}) + "\\n")\n` : "";
  const modules = ["json", hasToken && "os", "socket", isTls && "ssl"].filter(Boolean).join(", ");
  const name = pythonText(bare(host));
  const wrapped = isTls
    ? `sock = ssl.create_default_context().wrap_socket(sock, server_hostname=${name})\n`
    : "";
  const read = isNotification ? "" : `for text in line:
    message = json.loads(text)
    print(message)
    if message.get("id") == 1:
        break
`;
  return `import ${modules}

sock = socket.create_connection((${name}, ${port}))
${wrapped}line = sock.makefile("rw", encoding="utf-8")
${login}line.write(json.dumps({${members.join(", ")}}) + "\\n")
${end}line.flush()
${read}`;
}

/** A value as JavaScript writes it: one that is bytes in JSON is bytes. */
export function scriptText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(scriptText).join(", ")}]`;
  if (value === null || typeof value !== "object") return json(value);
  const members = Object.entries(value);
  if (members.length === 0) return "{}";
  const [[name, only]] = members as [[string, unknown]];
  if (members.length === 1 && name === "$base64" && typeof only === "string") {
    return `Uint8Array.fromBase64(${json(only)})`;
  }
  return `{ ${
    members.map(([name, value]) => {
      // As a literal name this one would set the prototype.
      const key = name === "__proto__" ? `["__proto__"]` : isName(name) ? name : json(name);
      return `${key}: ${scriptText(value)}`;
    }).join(", ")
  } }`;
}

function isName(text: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(text);
}

/** A value as Python writes it. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  if (typeof value !== "object") return json(value); // its escapes are Python's too
  return `{${
    Object.entries(value).map(([name, value]) => `${json(name)}: ${pythonText(value)}`).join(", ")
  }}`;
}

// ---- What they share -------------------------------------------------------------------------

/** JSON in which everything is seen: it says the same with escapes. */
function json(value: unknown): string {
  return visible(JSON.stringify(value) ?? "null");
}

/** The request as one line. */
function message(
  { method, params, isNotification }: CallToCopy,
  meta: Readonly<Record<string, unknown>> = {},
): string {
  return json({
    jsonrpc: "2.0",
    ...(!isNotification && { id: 1 }),
    method,
    params: paramsWith(params, meta),
  });
}

/** The params with metadata beside them, if there is some. */
function paramsWith(params: unknown, meta: Readonly<Record<string, unknown>>): unknown {
  if (Object.keys(meta).length === 0) return params;
  if (params === undefined) return { _meta: meta };
  if (!Array.isArray(params)) return { ...params as Record<string, unknown>, _meta: meta };
  // An object or array stays in its array, which a server reads as params by position.
  const isAlone = params.length === 1 && (typeof params[0] !== "object" || params[0] === null);
  return { value: isAlone ? params[0] : params, _meta: meta };
}

function addressOf({ url, address }: CallToCopy): string {
  return visible(address ?? url.replace(/^http/, "ws").replace(/\/$/, ""));
}

function placeOf({ url, address }: CallToCopy): { host: string; port: string; isTls: boolean } {
  // URL takes hosts and ports apart for the schemes that it knows.
  const { hostname, port, protocol } = new URL(
    (address ?? url).replace(
      /^\w+:/,
      (scheme) =>
        scheme === "tls:" || scheme === "wss:" ? "https:" : scheme === "https:" ? scheme : "http:",
    ),
  );
  const isTls = protocol === "https:";
  return { host: hostname, port: port || (isTls ? "443" : "80"), isTls };
}

/** A host as it is without a port behind it: an IPv6 address has no brackets then. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
