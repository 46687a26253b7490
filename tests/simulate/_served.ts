// One server in a world, and connections to it that are written by hand.

import { assertEquals } from "@std/assert";
import { type Api, serve, type ServeOptions } from "../../lib/mod.ts";
import { bytesOf } from "../support/raw.ts";
import { type Conn, Network } from "./_network.ts";
import { World } from "./_world.ts";
import "../../lib/http/session.ts"; // what is loaded already is there at once

const PORT = 1000;

/** One connection, and the bytes that have come over it. */
export class Peer {
  readonly #conn: Conn;
  #text = "";
  #isClosed = false;
  isOver = false;

  constructor(conn: Conn) {
    this.#conn = conn;
    this.#read().catch(() => {}).finally(() => this.isOver = true);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (let count; (count = await this.#conn.read(buffer)) !== null;) {
      this.#text += String.fromCharCode(...buffer.subarray(0, count));
    }
  }

  async send(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    for (const part of parts) {
      for (let rest = bytesOf(part); rest.length > 0;) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    }
  }

  /** What has come since it was looked last. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  close(): void {
    if (!this.#isClosed) this.#conn.close();
    this.#isClosed = true;
  }
}

/** What a test finds in its world. */
export interface Here {
  readonly world: World;
  /** Makes another connection. */
  readonly dial: () => Promise<Peer>;
  /** Why connections have ended. */
  readonly ends: string[];
}

const PERFECT = { faults: {}, connectDelay: 0, isGone: false, tap: () => ({ bytes() {} }) };

/** Has a server in a world that is the same each time. Nothing may be left behind, or be charged still. */
export async function inWorld(
  api: Api,
  options: ServeOptions,
  live: (here: Here) => Promise<void>,
): Promise<void> {
  const world = new World(7), ends: string[] = [], peers: Peer[] = [];
  const network = new Network(world, { connection: () => PERFECT, noDescriptors: () => false });
  let failure: unknown;
  const end = await world.run(
    async () => {
      const server = serve(api, {
        listen: `tcp://127.0.0.1:${PORT}`,
        onError: () => {},
        onClose: (_, { reason }) => ends.push(reason),
        ...options,
      });
      const dial = async () => {
        const peer = new Peer(await network.connect({ port: PORT }));
        peers.push(peer);
        return peer;
      };
      try {
        await live({ world, dial, ends });
      } catch (error) {
        failure = error;
      }
      for (const peer of peers) peer.close();
      await server.shutdown(0);
      assertEquals((server as unknown as { ledger: { kept: number } }).ledger.kept, 0);
    },
    { ms: 5_000_000, turns: 5_000_000 },
    network.replacements,
  );
  if (failure !== undefined) throw failure;
  assertEquals([end, world.violations], [undefined, []]);
}
