/**
 * The server under attack, started as a user starts one: by main.ts, its flags and its permissions.
 *
 * @module
 */

import { DEFAULT_LIMITS, type Limits } from "../../lib/mod.ts";
import type { Identity } from "../support/certificates.ts";
import type { ServerSpec, Target } from "./attack.ts";
import { Child, SERVE } from "./child.ts";

const API = `${import.meta.dirname}/api.ts`;
let count = 0;

/** What is the same for all servers of a run. */
export interface Setting {
  readonly seconds: number;
  /** Milliseconds of quiet before and after each attack. */
  readonly quietMs: number;
  readonly limits: Partial<Limits>;
  /** What TLS is served with; undefined where there is no openssl. */
  readonly identity: Identity | undefined;
  /** The file of the CA that it is of. */
  readonly ca: string | undefined;
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
    const { identity } = setting;
    const tls = identity && [
      "--listen=tls://127.0.0.1:0",
      `--cert=${identity.cert}`,
      `--key=${identity.key}`,
    ];
    const child = new Child("main.ts", [
      API,
      "--quiet",
      "--listen=tcp://127.0.0.1:0",
      `--listen=unix://${path}`,
      ...tls ?? [],
      ...flags,
      ...spec.flags ?? [],
    ], {
      env: SERVE.env,
      flags: [...SERVE.flags, ...(spec.v8 ?? []).map((flag) => `--v8-flags=${flag}`)],
      ...(spec.descriptors !== undefined && { descriptors: spec.descriptors }),
    });
    try {
      const ports: Record<string, number> = {};
      for (let left = tls === undefined ? 2 : 3; left > 0; left--) {
        const address = (await child.lineWith("listening on ")).slice("listening on ".length);
        const [, scheme, port] = /^(\w+):.*?(\d*)$/.exec(address)!;
        ports[scheme!] = Number(port);
      }
      return new Victim(child, {
        port: ports.tcp!,
        tlsPort: ports.tls,
        ca: setting.ca,
        path,
        pid: child.pid,
        seconds: setting.seconds,
        scale: 1,
        limits: { ...DEFAULT_LIMITS, ...limits },
      });
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
    await Deno.remove(this.target.path).catch(() => {});
  }
}
