/**
 * Attacks on TLS: handshakes that never end, and other protocols.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { type Attack, check, HEALTHY_P99, share, type Target } from "./attack.ts";
import {
  allEnd,
  close,
  connectAll,
  during,
  endings,
  peer,
  readToEnd,
  sleep,
  times,
  write,
} from "./crowd.ts";
import { sample } from "./proc.ts";

/** The same server, at its other port. */
function overTls(target: Target): Target {
  return { ...target, port: target.tlsPort! };
}

/** The first bytes of a hello that says it is 512 bytes long. */
const HALF_HELLO = new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);

const GONE = {
  what: "gone s after the last came",
  value: ({ figures }: { figures: Readonly<Record<string, number>> }) => figures.gone,
  atMost: 7,
};

/** Opens connections, says something on each, and waits until the server has let go of them. */
async function shakeForEver(
  target: Target,
  count: number,
  say: (conn: Deno.Conn) => Promise<unknown>,
): Promise<{ did: string; figures: Record<string, number> }> {
  const before = sample(target.pid)?.fds ?? 0;
  const conns: Deno.TcpConn[] = [];
  // The server lets in only so many at once; the others wait in the backlog, which has an end, too.
  const opened = times(count, async () => {
    const [conn] = await connectAll(overTls(target), 1);
    conns.push(conn!);
    await say(conn!);
  });
  await opened;
  const last = performance.now();
  const ends = await allEnd(conns, target.limits.handshakeTimeout + 20_000);
  check(ends.length === count, `${count - ends.length} of ${count} are not hung up on`);
  const gone = endings(ends, last).last;
  await sleep(200);
  const after = sample(target.pid)?.fds ?? 0;
  check(after <= before + 2 || target.scale < 1, `${after - before} descriptors are not back`);
  return { did: `hung up on all ${count}, ${gone.toFixed(1)} s after the last`, figures: { gone } };
}

const silent: Attack = {
  name: "tls-silent",
  rows: ["T01"],
  does: "opens 1,000 connections to the port for TLS, and says nothing",
  tls: true,
  figures: [GONE],
  run: (target) => shakeForEver(target, share(target, 1000), () => Promise.resolve()),
};

const halfHello: Attack = {
  name: "tls-half-hello",
  rows: ["T02"],
  does: "sends half a ClientHello on 500 connections, and then a byte a second",
  tls: true,
  figures: [GONE],
  run: (target) =>
    shakeForEver(target, share(target, 500), async (conn) => {
      await write(conn, HALF_HELLO);
      (async () => {
        do await sleep(1000); while (await write(conn, "\0"));
      })();
    }),
};

const neverReads: Attack = {
  name: "tls-never-reads",
  rows: ["T03"],
  does: "asks for 8 MB over TLS on 20 connections, and reads none of it",
  tls: true,
  async run(target) {
    const { writeStallTimeout } = target.limits, count = share(target, 20);
    const conns = await Promise.all(Array.from({ length: count }, async () => {
      const conn = await Deno.connectTls({
        hostname: "127.0.0.1",
        port: target.tlsPort!,
        caCerts: [await Deno.readTextFile(target.ca!)],
      });
      await write(conn, '{"jsonrpc":"2.0","id":1,"method":"big","params":[8000000]}\n');
      return conn;
    }));
    const most = sample(target.pid)?.fds ?? 0;
    await sleep(writeStallTimeout + 4000);
    const least = sample(target.pid)?.fds ?? 0;
    conns.forEach(close);
    check(
      target.scale < 1 || least <= most - count + 2,
      `${least - most + count} descriptors are not back`,
    );
    return { did: `hung up on all ${count}, descriptors back` };
  },
};

const wrongProtocol: Attack = {
  name: "wrong-protocol",
  rows: ["T04"],
  does: "speaks JSON and HTTP to the port for TLS, and TLS to the plain one",
  tls: true,
  async run(target) {
    const json = '{"jsonrpc":"2.0","id":1,"method":"echo"}\n';
    const http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let count = 0;
    await during(target.seconds, async () => {
      for (
        const [at, bytes] of [
          [overTls(target), json],
          [overTls(target), http],
          [overTls(target), "\xff\xff"],
          [target, HALF_HELLO],
          [target, http],
        ] as const
      ) {
        const [conn] = await connectAll(at, 1);
        await write(conn!, bytes);
        const [end] = await allEnd([conn!], 10_000);
        check(end !== undefined, `not hung up on after ${Deno.inspect(bytes)}`);
        count++;
      }
    });
    return { did: `hung up on all ${count}` };
  },
};

const handshakeFlood: Attack = {
  name: "handshake-flood",
  rows: ["T05"],
  does: "shakes hands over TLS, calls and closes, on 32 connections at once, as fast as it can",
  tls: true,
  figures: [{ ...HEALTHY_P99, atMost: 20 }],
  async run(target) {
    const caCerts = [await Deno.readTextFile(target.ca!)];
    let handshakes = 0;
    await during(target.seconds, () =>
      times(32, async () => {
        const conn = await Deno.connectTls({
          hostname: "127.0.0.1",
          port: target.tlsPort!,
          caCerts,
        });
        await write(conn, '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}\n');
        const buffer = new Uint8Array(100);
        const text = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
        close(conn);
        check(text.startsWith('{"jsonrpc":"2.0","id":1,"result":[]}'), `answered ${text}`);
        handshakes++;
      }));
    return { did: `served ${handshakes} handshakes`, figures: { handshakes } };
  },
};

const garbageHello: Attack = {
  name: "tls-garbage",
  rows: ["T02", "Z06"],
  does: "sends records of TLS with random content, again and again",
  tls: true,
  async run(target) {
    let count = 0;
    await during(target.seconds, async () => {
      const conns = await connectAll(overTls(target), 50);
      await Promise.all(conns.map(async (conn) => {
        const bytes = crypto.getRandomValues(new Uint8Array(300));
        bytes.set([0x16, 3, 1, 1, 0x27, 1, 0, 1, 0x23, 3, 3]);
        await write(conn, bytes);
        await conn.closeWrite().catch(() => {});
        await readToEnd(conn);
        close(conn);
        count++;
      }));
    });
    using plain = await peer(target);
    await plain.write(bytesOf('{"jsonrpc":"2.0","id":1,"method":"echo"}\n'));
    check((await plain.answer()).id === 1, "serves nobody any more");
    return { did: `hung up on all ${count}` };
  },
};

/** All of them. */
export const TLS: readonly Attack[] = [
  silent,
  halfHello,
  neverReads,
  wrongProtocol,
  garbageHello,
  handshakeFlood,
];
