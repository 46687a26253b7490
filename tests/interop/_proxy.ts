// Proxies of other projects in front of a server, with the configurations that the pages show.

import { until } from "../support/deadline.ts";

/** A block of a page in docs/, in this language. */
export async function blockOf(page: string, language: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(`../../docs/${page}`, import.meta.url));
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(text)![1]!;
}

/** A text with all of these parts in it replaced; each must be there. */
export function changed(text: string, changes: Readonly<Record<string, string>>): string {
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`Cannot find ${from} in ${text}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** A proxy that runs until it is disposed of. */
export class Proxy implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * Starts it, and waits until it listens.
   *
   * @param configure the configuration, for a folder of its own
   * @param args its arguments, for that folder and the file
   */
  static async start(
    program: string,
    port: number,
    configure: (folder: string) => string,
    args: (folder: string, file: string) => string[],
  ): Promise<Proxy> {
    const folder = await Deno.makeTempDir({ prefix: "landline-" }), file = `${folder}/proxy.conf`;
    await Deno.writeTextFile(file, configure(folder));
    const child = new Deno.Command(program, {
      args: args(folder, file),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const proxy = new Proxy(child, folder);
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    try {
      await until(async () => {
        if (hasEnded) throw new Error(`${program} has ended: is its configuration good?`);
        const conn = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
        conn?.close();
        return conn !== undefined;
      }, `${program} to listen`);
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch { /* it has ended */ }
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Where Debian keeps nginx's modules. */
const MODULES = "/usr/lib/nginx/modules";

/** nginx, with what stands in its `http` or its `stream`. */
export function nginx(kind: "http" | "stream", port: number, block: string): Promise<Proxy> {
  const configure = (folder: string) => {
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${folder}/${name};`);
    return [
      "user root;",
      `pid ${folder}/pid;`,
      kind === "stream" ? `load_module ${MODULES}/ngx_stream_module.so;` : "",
      "events {}",
      `${kind} {`,
      kind === "http" ? `access_log off;\n${folders.join("\n")}` : "",
      block,
      "}",
    ].join("\n");
  };
  return Proxy.start(
    "nginx",
    port,
    configure,
    (folder, file) => ["-p", folder, "-e", "stderr", "-c", file, "-g", "daemon off;"],
  );
}

/** HAProxy, in the foreground. */
export function haproxy(port: number, configuration: string): Promise<Proxy> {
  return Proxy.start("haproxy", port, () => configuration, (_, file) => ["-db", "-f", file]);
}
