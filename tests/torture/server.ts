/**
 * The server under attack, started as a user starts one: by main.ts, its flags and its permissions.
 *
 * @module
 */

import { DEFAULT_LIMITS, type Limits } from "../../lib/mod.ts";
import type { Identity } from "../support/certificates.ts";
import { isInstalled } from "../support/tools.ts";
import { type ServerSpec, type Target, TOKENS } from "./attack.ts";
import { Child, SERVE } from "./child.ts";
import { processors } from "./proc.ts";

const API = `${import.meta.dirname}/api.ts`;
let count = 0;

/** What is the same for all servers of a run. */
export interface Setting {
  readonly seconds: number;
  /** Milliseconds of quiet before and after each attack. */
  readonly quietMs: number;
  readonly limits: Partial<Limits>;
  /** Megabytes of V8's old generation instead of what attacks ask for; 0 for V8's own. */
  readonly heap?: number | undefined;
  /** Servers start without the settings of docs/memory.md. */
  readonly isPlain?: boolean;
  /** An address of this machine at which servers listen, too, for crowds that are one caller. */
  readonly crowd?: string | undefined;
  /** What TLS is served with; undefined where there is no openssl. */
  readonly identity: Identity | undefined;
  /** The file of the CA that it is of. */
  readonly ca: string | undefined;
}

/** Which processor is whose: with more than two the callers that measure have one of their own. */
export interface Places {
  readonly server: number | undefined;
  readonly attackers: number | undefined;
  readonly callers: number | undefined;
}

const NO_PLACES: Places = { server: undefined, attackers: undefined, callers: undefined };

/** Processors for a server that has one to itself; none where there are not two, or no `taskset`. */
export function places(): Places {
  const [server, attackers, callers = attackers] = isInstalled("taskset") ? processors() : [];
  return attackers === undefined ? NO_PLACES : { server, attackers, callers };
}

/** The file of {@linkcode TOKENS}. */
async function tokenFile(): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "landline-tokens-" });
  const lines = Object.entries(TOKENS).map(([name, token]) => `${token} ${name}\n`);
  await Deno.writeTextFile(path, lines.join(""));
  return path;
}

/** A server that listens. */
export class Victim implements AsyncDisposable {
  readonly child: Child;
  readonly target: Target;

  private constructor(child: Child, target: Target) {
    this.child = child;
    this.target = target;
  }

  /** Starts a server and waits until it listens. */
  static async start(spec: ServerSpec, setting: Setting): Promise<Victim> {
    const path = `/tmp/landline-torture-${Deno.pid}-${count++}.sock`;
    const limits = { ...setting.limits, ...spec.limits };
    const flags = Object.entries(limits).map(([name, value]) => `--limit=${name}=${value}`);
    const { identity, crowd } = setting;
    const tokens = spec.asksWho === true ? await tokenFile() : undefined;
    const heap = setting.heap !== undefined && spec.heap !== undefined ? setting.heap : spec.heap;
    const v8 = [...spec.v8 ?? [], ...heap ? [`--max-old-space-size=${heap}`] : []];
    const unix = spec.workers === undefined ? [`--listen=unix://${path}`] : [];
    // A program of ours listens at the plain addresses alone.
    const tls = identity && spec.program === undefined && [
      "--listen=tls://127.0.0.1:0",
      `--cert=${identity.cert}`,
      `--key=${identity.key}`,
    ];
    const child = new Child(spec.program ?? "main.ts", [
      ...spec.api === "demo" ? [] : [API],
      "--quiet",
      "--listen=tcp://127.0.0.1:0",
      ...unix,
      ...spec.workers === undefined ? [] : [`--workers=${spec.workers}`],
      ...crowd === undefined ? [] : [`--listen=tcp://${crowd}:0`, "--insecure"],
      ...tokens === undefined ? [] : [`--token-file=${tokens}`],
      ...tls || [],
      ...flags,
      ...spec.flags ?? [],
    ], {
      env: setting.isPlain === true ? {} : SERVE.env,
      flags: [...SERVE.flags, ...v8.map((flag) => `--v8-flags=${flag}`)],
      ...spec.isPinned === true && { processor: places().server, precedence: 10 },
      ...(spec.descriptors !== undefined && { descriptors: spec.descriptors }),
    });
    try {
      const ports: Record<string, number> = {};
      const expected = 1 + unix.length + Number(crowd !== undefined) + Number(Array.isArray(tls));
      for (let left = expected; left > 0; left--) {
        const address = (await child.lineWith("listening on ")).slice("listening on ".length);
        const [, scheme, port] = /^(\w+):.*?(\d*)$/.exec(address)!;
        ports[address.includes(`//${crowd}:`) ? "crowd" : scheme!] = Number(port);
      }
      return new Victim(child, {
        port: ports.tcp!,
        tlsPort: ports.tls,
        ca: setting.ca,
        path,
        ...crowd !== undefined && { crowd: { hostname: crowd, port: ports.crowd! } },
        pid: child.pid,
        seconds: setting.seconds,
        scale: 1,
        limits: { ...DEFAULT_LIMITS, ...limits },
      });
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    } finally {
      if (tokens !== undefined) await Deno.remove(tokens);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
    await Deno.remove(this.target.path).catch(() => {});
  }
}
