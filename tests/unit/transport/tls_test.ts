// TLS through the front door: our own client, openssl, and peers that do what they should not.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { toText } from "@std/streams";
import * as z from "npm:zod@4";
import {
  type Api,
  type CloseInfo,
  connect,
  method,
  type PeerInfo,
  serve,
  type ServeOptions,
  type Server,
  type TlsClientOptions,
} from "../../../lib/mod.ts";
import { dial, listen, type Socket } from "../../../lib/transport/mod.ts";
import { certificates, type Identity, openssl } from "../../support/certificates.ts";
import { LIB, run } from "../../support/child.ts";
import { turn, until, within } from "../../support/deadline.ts";
import { testWith } from "../../support/tools.ts";

const UPPER = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["hello"]}';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  who: method((_, { peer }) => ({
    transport: peer.transport,
    name: peer.certificate?.subject.CN ?? null,
  })),
  big: method(z.int(), (size) => "x".repeat(size)),
};

/** A server at a TLS address, with everything that it reports. */
class Site implements AsyncDisposable {
  readonly server: Server;
  readonly address: string;
  readonly port: number;
  /** `about: message` of each error. */
  readonly log: string[] = [];
  readonly opened: PeerInfo[] = [];
  readonly closed: CloseInfo[] = [];

  constructor(options: ServeOptions = {}, served: Api = api) {
    this.server = serve(served, {
      listen: "tls://127.0.0.1:0",
      tls: certificates().server,
      limits: { handshakeTimeout: 60_000 }, // what is slow here is the machine
      onError: (error, about) => this.log.push(`${about}: ${(error as Error).message}`),
      onOpen: (peer) => this.opened.push(peer),
      onClose: (_, info) => this.closed.push(info),
      ...options,
    });
    this.address = this.server.addresses[0]!;
    this.port = Number(new URL(this.address).port);
  }

  connect(identity?: Identity) {
    return connect<typeof api>(this.address, {
      tls: { ca: certificates().ca, ...identity },
      connectTimeout: 60_000,
    });
  }

  /** A socket without TLS. */
  raw(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** A peer under TLS without the library. */
  async secure(): Promise<Deno.TlsConn> {
    const conn = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: this.port,
      caCerts: [Deno.readTextFileSync(certificates().ca)],
    });
    await conn.handshake();
    return conn;
  }

  /** The only line of the log, once there is one, without the peer's port. */
  async line(): Promise<string> {
    await until(() => this.log.length > 0, "a line in the log");
    assertEquals(this.log.length, 1, this.log.join("\n"));
    return this.log[0]!.replace(/:\d+: /, ": ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown(0);
  }
}

/** Two ends of a connection, without a server around them. */
async function meet(): Promise<[Socket, Socket]> {
  const { server, ca } = certificates();
  const listener = await listen("tls://127.0.0.1:0", { tcpBacklog: 16, tls: server });
  try {
    return await Promise.all([dial(listener.address, { tls: { ca } }), listener.accept()]);
  } finally {
    listener.close();
  }
}

/** Whether this machine has IPv6 on loopback. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch (error) {
    if (Deno.env.get("LANDLINE_NO_SKIP") === "1") throw error;
    return false;
  }
}

/** How many descriptors hold an end of a connection to this port: the server's, or its clients'. */
async function held(port: number, end: "server" | "client" = "server"): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: ["/proc/net/tcp"] }).output();
  return decoder.decode(stdout).trim().split("\n").slice(1).filter((line) => {
    // The two addresses, the state (10 is listening), and the inode: 0 where the descriptor is gone.
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    const [, found] = (end === "server" ? local : remote)!.split(":");
    return parseInt(found!, 16) === port && state !== "0A" && inode !== "0";
  }).length;
}

/**
 * Resolves once the server holds nothing at this port. The runtime lets go of a descriptor in the turn
 * after the one in which it was closed.
 */
async function released(port: number): Promise<void> {
  await within(
    (async () => {
      while (await held(port) > 0);
    })(),
    "descriptors to be free",
  );
}

/** Everything that comes until the peer ends or resets. */
async function rest(conn: Deno.Conn): Promise<string> {
  const bytes: number[] = [], buffer = new Uint8Array(4096);
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) {
      bytes.push(...buffer.subarray(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return String.fromCharCode(...bytes);
}

/** What a client of TLS says first. */
async function helloOf(): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const enough = new AbortController();
  const dialling = dial(`tls://127.0.0.1:${listener.addr.port}`, { signal: enough.signal });
  const failed = assertRejects(() => dialling, DOMException);
  using conn = await listener.accept();
  const buffer = new Uint8Array(1 << 14);
  const count = await conn.read(buffer);
  enough.abort();
  await failed;
  return buffer.slice(0, count!);
}

testWith(["openssl"], "connect() calls over tls://", async () => {
  await using site = new Site();
  await using line = await site.connect();
  assertEquals(await line.call.upper("hello"), "HELLO");
  assertEquals(await line.call.who(), { transport: "tls", name: null });
  assertEquals(line.peer.transport, "tls");
  assertEquals(line.peer.address, site.address);
  assertEquals(line.peer.certificate?.subject, { CN: "localhost" });
  assertEquals(line.peer.certificate?.issuer, { CN: "Test CA" });
  assertEquals((await line.call.big(3_000_000)).length, 3_000_000);
  assertEquals(site.log, []);
});

testWith(["openssl"], "connect() reaches tls://localhost and tls://[::1]", async () => {
  for (const listen of ["tls://localhost:0", ...hasIpv6() ? ["tls://[::1]:0"] : []]) {
    await using site = new Site({ listen });
    await using line = await site.connect();
    assertEquals(await line.call.upper(listen), listen.toUpperCase());
  }
});

testWith(["openssl"], "serve() answers openssl s_client and says goodbye", async () => {
  await using site = new Site();
  const client = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-connect", `127.0.0.1:${site.port}`, "-CAfile", certificates().ca],
      ...["-verify_return_error", "-verify_ip", "127.0.0.1", "-quiet"],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = client.stdin.getWriter();
  await stdin.write(encoder.encode(UPPER + "\n"));
  const stderr = toText(client.stderr);
  const reader = client.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(decoder.decode(value), '{"jsonrpc":"2.0","id":1,"result":"HELLO"}\n');
  // -quiet lets it stay when its input ends: it goes when the server does, in order.
  await site.server.shutdown(0);
  await reader.read();
  await reader.cancel();
  await stdin.close().catch(() => {});
  const { code } = await client.status;
  assertEquals([code, /unexpected eof/.test(await stderr)], [0, false]);
});

testWith(["openssl"], "serve() answers a client that has said everything", async () => {
  await using site = new Site();
  const conn = await site.secure();
  await conn.write(encoder.encode(UPPER + "\n"));
  await conn.closeWrite();
  assertEquals(await rest(conn), '{"jsonrpc":"2.0","id":1,"result":"HELLO"}\n');
  conn.close();
});

// ---- Peers that do not shake hands

testWith(
  ["openssl", "cat"],
  "serve() evicts silent peers and frees their descriptors",
  async () => {
    await using site = new Site({ limits: { handshakeTimeout: 200 } });
    const peers = await Promise.all(Array.from({ length: 50 }, () => site.raw()));
    await Promise.all(peers.map(rest)); // the server ends each, while we do not
    await released(site.port);
    for (const peer of peers) peer.close();
    await until(() => site.log.length === 50, "the log");
    for (const line of site.log) {
      assertStringIncludes(line, "Cannot accept: the peer said nothing within 200 ms");
      assert(line.startsWith("handshake with tls://127.0.0.1:"), line);
    }
  },
);

testWith(["openssl", "cat"], "serve() evicts peers that begin a handshake for ever", async () => {
  const hello = await helloOf();
  await using site = new Site({ limits: { handshakeTimeout: 300 } });
  const peers = await Promise.all(Array.from({ length: 12 }, () => site.raw()));
  await Promise.all(peers.map(async (peer, index) => {
    switch (index % 3) {
      case 0: // half a hello
        await peer.write(hello.subarray(0, hello.length >> 1));
        break;
      case 1: // a hello, and no more
        await peer.write(hello);
        break;
      case 2: // a byte now and then
        for (const byte of hello.subarray(0, 100)) {
          if (site.log.length > 0) break;
          await peer.write(new Uint8Array([byte])).catch(() => {});
          await turn();
        }
    }
    await rest(peer);
  }));
  await released(site.port);
  for (const peer of peers) peer.close();
  assertEquals(site.log.length, 12);
  for (const line of site.log) {
    assert(
      /: Cannot accept: the peer did not end its handshake within 300 ms, it /.test(line),
      line,
    );
  }
});

testWith(["openssl"], "serve() says nothing of peers that leave without a word", async () => {
  await using site = new Site();
  for (let count = 0; count < 3; count++) (await site.raw()).close();
  await using line = await site.connect();
  assertEquals(await line.call.upper("still here"), "STILL HERE");
  assertEquals(site.log, []);
});

for (
  const [what, sent, answer, line] of [
    [
      "JSON-RPC",
      UPPER + "\n",
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"This port speaks TLS only"}}\n',
      "JSON-RPC without TLS arrived on a TLS port",
    ],
    [
      "HTTP",
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n" +
      "Content-Length: 33\r\n\r\nThis port speaks TLS, not HTTP.\r\n",
      "HTTP without TLS arrived on a TLS port",
    ],
    [
      "something else",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "\x15\x03\x03\x00\x02\x02\x28", // an alert
      "no TLS arrived on a TLS port, it begins with 53 53 48 2d",
    ],
  ] as const
) {
  testWith(["openssl"], `serve() tells a peer that sends ${what} without TLS`, async () => {
    await using site = new Site();
    const peer = await site.raw();
    await peer.write(encoder.encode(sent));
    assertEquals(await rest(peer), answer);
    peer.close();
    assertEquals(await site.line(), `handshake with tls://127.0.0.1: Cannot accept: ${line}`);
  });
}

testWith(["openssl"], "serve() tells of a TLS client on a port without TLS", async () => {
  await using site = new Site({ listen: "tcp://127.0.0.1:0" });
  await assertRejects(
    () => connect(site.address.replace("tcp:", "tls:")),
    Deno.errors.InvalidData,
    "the server closed the connection during the handshake",
  );
  await until(() => site.closed.length > 0, "the connection to end");
  assertEquals(site.closed[0]!.reason, "a TLS handshake arrived on a port without TLS");
});

testWith(
  ["openssl"],
  "serve() lets a handshake that rests make room for those who wait",
  async () => {
    const hello = await helloOf();
    await using site = new Site({ limits: { maxHandshakes: 1, handshakeTimeout: 60_000 } });
    const resting = await site.raw();
    await resting.write(hello);
    const { length } = hello;
    // Its place is taken once something came back.
    assert(await resting.read(new Uint8Array(1 << 14)) !== null);
    await using line = await site.connect();
    assertEquals(await line.call.upper("next"), "NEXT");
    await rest(resting);
    resting.close();
    assertEquals(
      await site.line(),
      "handshake with tls://127.0.0.1: Cannot accept: the peer did not end its handshake " +
        `while others waited, it sent ${length} bytes first`,
    );
  },
);

testWith(
  ["openssl"],
  "serve() lets the oldest silent peer make room for those who wait",
  async () => {
    await using site = new Site({ limits: { maxHandshakes: 1, handshakeTimeout: 60_000 } });
    const silent: Deno.TcpConn[] = [];
    for (let count = 0; count < 16; count++) silent.push(await site.raw());
    await using line = await site.connect();
    assertEquals(await line.call.upper("next"), "NEXT");
    await rest(silent[0]!);
    assertEquals(
      await site.line(),
      "handshake with tls://127.0.0.1: Cannot accept: the peer said nothing while others waited",
    );
    for (const peer of silent) peer.close();
  },
);

testWith(["openssl"], "serve() answers a plain connection during 200 handshakes", async () => {
  await using site = new Site({
    listen: ["tls://127.0.0.1:0", "tcp://127.0.0.1:0"],
    limits: { maxHandshakes: 8, handshakeTimeout: 60_000 },
  });
  await using plain = await connect<typeof api>(site.server.addresses[1]!);
  let done = false, answers = 0;
  const calls = (async () => {
    for (; !done; answers++) assertEquals(await plain.call.upper("hello"), "HELLO");
  })();
  const peers = await Promise.all(Array.from({ length: 200 }, () => site.secure()));
  done = true;
  await calls;
  assert(answers > 5, `${answers} answers`); // some fifty; a fast machine has fewer turns
  for (const peer of peers) peer.close();
  assertEquals(site.log, []);
});

testWith(["openssl"], "shutdown() lets go of those who are not accepted yet", async () => {
  const hello = await helloOf();
  const site = new Site();
  const silent = await site.raw(), half = await site.raw(), shaking = await site.raw();
  await half.write(hello.subarray(0, 20));
  await shaking.write(hello);
  assert(await shaking.read(new Uint8Array(1 << 14)) !== null);
  const told = await site.raw();
  await told.write(encoder.encode("GET / HTTP/1.1\r\n"));
  await site.line();
  await site.server.shutdown(0);
  for (const peer of [silent, half, shaking, told]) {
    await rest(peer);
    peer.close();
  }
  assertEquals(site.log.length, 1);
});

// ---- Certificates of clients

const NEEDED = "A client certificate is needed here";

testWith(["openssl"], "serve() gives a handler the certificate of its caller", async () => {
  const { server, clientCa, client } = certificates();
  await using site = new Site({ tls: { ...server, clientCa } });
  await using line = await site.connect(client);
  assertEquals(await line.call.who(), { transport: "tls", name: "alice" });
  const certificate = site.opened[0]!.certificate!;
  assertEquals(certificate.subject, { CN: "alice", O: "Example" });
  assertEquals(certificate.issuer, { CN: "Test CA of clients" });
  assert(certificate.validFrom < certificate.validTo);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new Uint8Array(certificate.raw)),
  );
  assertEquals(certificate.fingerprint256.replaceAll(":", "").toLowerCase(), digest.toHex());
});

for (
  const [what, identity, why] of [
    ["no certificate", () => undefined, "the client sent no certificate"],
    [
      "a certificate of another CA",
      () => certificates().stranger,
      "the client's certificate is signed by no CA that is trusted here, or not made for this " +
      'purpose, its subject is {"CN":"mallory"}',
    ],
    [
      "a certificate that it signed itself",
      () => certificates().selfSigned,
      "the client's certificate is signed by no CA that is trusted here, its subject is " +
      '{"CN":"eve"}',
    ],
    [
      "a certificate that has expired",
      () => certificates().expiredClient,
      'the client\'s certificate has expired, its subject is {"CN":"bob"}',
    ],
    [
      "a server's certificate",
      () => certificates().renewed,
      "the client's certificate is signed by no CA that is trusted here, or not made for this " +
      'purpose, its subject is {"CN":"localhost"}',
    ],
  ] as const
) {
  testWith(["openssl"], `serve() refuses a client with ${what}`, async () => {
    const { server, ca, clientCa } = certificates();
    let calls = 0;
    const served = { upper: method(z.string(), () => ++calls) };
    // The CA of the server's certificate is none of the clients'.
    await using site = new Site({ tls: { ...server, clientCa } }, served);
    await using line = await connect(site.address, { tls: { ca, ...identity() } });
    // The server may have said so before the call has left.
    const error = await assertRejects(() => line.request("upper", ["hello"]));
    assertStringIncludes((error as Error).message, NEEDED);
    assertEquals(await site.line(), `handshake with tls://127.0.0.1: Cannot accept: ${why}`);
    assertEquals([calls, site.opened.length, site.server.connections], [0, 0, 0]);
  });
}

// ---- Certificates of servers

for (
  const [what, options, why] of [
    [
      "of an unknown CA",
      () => ({ ca: certificates().clientCa }),
      "the server's certificate is signed by no CA that is trusted here, or not made for this purpose",
    ],
    [
      "of a CA that Deno does not know",
      () => ({}),
      "the server's certificate is signed by no CA that is trusted here, or not made for this purpose",
    ],
    [
      "for another name",
      () => ({ ca: certificates().ca, serverName: "example.com" }),
      "the server's certificate is for another name: Host: example.com. is not in the cert's " +
      "altnames: DNS:localhost, IP Address:127.0.0.1, IP Address:::1",
    ],
  ] as const
) {
  testWith(["openssl", "cat"], `connect() refuses a server's certificate ${what}`, async () => {
    await using site = new Site();
    await assertRejects(
      () => connect(site.address, { tls: options() }),
      Deno.errors.InvalidData,
      `Cannot connect to ${site.address}: ${why}`,
    );
    assertEquals(await held(site.port, "client"), 0);
  });
}

testWith(["openssl"], "connect() refuses a server's certificate that has expired", async () => {
  await using site = new Site({ tls: certificates().expiredServer });
  await assertRejects(
    () => site.connect(),
    Deno.errors.InvalidData,
    `Cannot connect to ${site.address}: the server's certificate has expired`,
  );
});

testWith(["openssl"], "connect() takes the name that the certificate is to have", async () => {
  await using site = new Site();
  await using line = await connect<typeof api>(site.address, {
    tls: { ca: Deno.readTextFileSync(certificates().ca), serverName: "localhost" },
  });
  assertEquals(await line.call.upper("by text"), "BY TEXT");
});

Deno.test("connect() tells of a server that does not speak TLS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tls://127.0.0.1:${listener.addr.port}`;
  const failed = assertRejects(
    () => connect(address),
    Deno.errors.InvalidData,
    `Cannot connect to ${address}: the server does not speak TLS`,
  );
  using conn = await listener.accept();
  await conn.write(encoder.encode("220 mail.example.com ESMTP\r\n"));
  await failed;
});

Deno.test("connect() gives up on a server that is silent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tls://127.0.0.1:${listener.addr.port}`;
  const gaveUp = new AbortController();
  const failed = assertRejects(() => connect(address, { signal: gaveUp.signal }), Error, "enough");
  using conn = await listener.accept();
  const buffer = new Uint8Array(1 << 14);
  await conn.read(buffer);
  gaveUp.abort(new Error("enough"));
  await failed;
  await rest(conn); // its descriptor is closed
  await assertRejects(
    () => connect(address, { connectTimeout: 50 }),
    DOMException,
    "No connection within 50 ms",
  );
});

// ---- Renewal

testWith(["openssl"], "serve() takes a renewed certificate and keeps its connections", async () => {
  const { server, renewed, client, ca, folder } = certificates();
  const cert = `${folder}/live.pem`, key = `${folder}/live.key`;
  const install = (from: Identity) => {
    Deno.copyFileSync(from.cert, cert);
    Deno.copyFileSync(from.key, key);
  };
  const serial = async () => {
    await using line = await connect<typeof api>(site.address, { tls: { ca } });
    assertEquals(await line.call.upper("hello"), "HELLO");
    return line.peer.certificate!.serialNumber;
  };
  install(server);
  await using site = new Site({ tls: { cert, key } });
  await using old = await site.connect();
  const first = await serial();
  assertEquals(first, old.peer.certificate!.serialNumber);

  install(renewed);
  const second = await serial();
  assert(second !== first);
  assertEquals(await old.call.upper("i am still here"), "I AM STILL HERE");
  assertEquals(site.log, []);

  // Half of a change, and what is no certificate: told once each, and nothing is lost.
  Deno.copyFileSync(client.key, key);
  assertEquals([await serial(), await serial()], [second, second]);
  assertEquals(site.log.splice(0), [
    `the certificate of ${site.address}, which stays what it was: ` +
    `Cannot use the TLS key ${JSON.stringify(key)}: it does not belong to the certificate ` +
    JSON.stringify(cert),
  ]);
  Deno.removeSync(cert);
  assertEquals([await serial(), await serial()], [second, second]);
  assertEquals(site.log.splice(0).length, 1);

  install(server);
  assertEquals(await serial(), first);
  assertEquals(await old.call.upper("to the end"), "TO THE END");
  assertEquals(site.log, []);
  assertEquals(site.closed.length, 7);
});

// ---- Peers that do not read, and bytes that nobody reads

testWith(
  ["openssl", "cat"],
  "serve() frees the descriptor of a peer that does not read",
  async () => {
    await using site = new Site({ limits: { writeStallTimeout: 200 } });
    const stuck = await site.secure();
    await stuck.write(encoder.encode('{"id":1,"method":"big","params":[8000000]}\n'));
    await until(() => site.closed.length > 0, "the peer to be given up");
    assertEquals(site.closed[0]!.reason, "the peer took nothing for 200 ms");
    await released(site.port);
    stuck.close();
  },
);

testWith(
  ["openssl", "cat"],
  "close() frees the descriptor of a peer that does not read",
  async () => {
    const [near, far] = await meet();
    const port = Number(new URL(near.remote).port);
    let taken = 0;
    const writing = assertRejects(async () => {
      for (;;) taken += await far.write(new Uint8Array(1 << 16));
    }, Deno.errors.Interrupted);
    for (let before = -1; before < taken || taken === 0; await turn()) before = taken;
    assertEquals(await held(port), 1);
    far.close();
    await writing;
    await released(port);
    near.close();
  },
);

testWith(["openssl"], "read() keeps back a peer whose bytes nobody takes", async () => {
  const [writer, reader] = await meet();
  const total = 64 << 20, chunk = new Uint8Array(1 << 16);
  let sent = 0;
  const sending = (async () => {
    while (sent < total) sent += await writer.write(chunk.subarray(0, total - sent));
  })();
  // Until nothing has moved for a while: what the system holds for a socket, and no more.
  for (let before = -1, quiet = 0; quiet < 100 && sent < total; before = sent) {
    await turn();
    quiet = sent === before ? quiet + 1 : 0;
  }
  assert(sent < total, `${sent} bytes were taken of a peer that nobody reads`);
  const buffer = new Uint8Array(1 << 16);
  for (let received = 0; received < total;) {
    const count = await reader.read(buffer);
    assert(count !== null);
    received += count;
  }
  await sending;
  await writer.closeWrite!();
  assertEquals(await reader.read(buffer), null);
  assertEquals(await reader.write(encoder.encode("and yet")), 7);
  assertEquals(await writer.read(buffer), 7);
  writer.close();
  assertEquals(await reader.closeWrite!(), undefined);
  reader.close();
});

testWith(["openssl"], "close() rejects what waits", async () => {
  const listener = await listen("tls://127.0.0.1:0", {
    tcpBacklog: 16,
    tls: certificates().server,
  });
  const accepting = assertRejects(() => listener.accept(), Deno.errors.BadResource);
  listener.close();
  await accepting;
  const [near, far] = await meet();
  const reading = assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.Interrupted);
  const writing = assertRejects(async () => {
    for (;;) await near.write(new Uint8Array(1 << 16));
  }, Deno.errors.Interrupted);
  await turn();
  near.close();
  near.close();
  await reading;
  await writing;
  await assertRejects(() => near.write(new Uint8Array(1)), Deno.errors.Interrupted);
  far.close();
});

// ---- What cannot be used

testWith(["openssl"], "serve() throws for certificates and keys that cannot be used", () => {
  const { server, client, folder } = certificates();
  const locked = `${folder}/locked.key`, empty = `${folder}/empty.pem`;
  openssl("pkey", "-in", server.key, "-aes256", "-passout", "pass:secret", "-out", locked);
  Deno.writeTextFileSync(empty, "");
  const throws = (tls: ServeOptions["tls"], message: string) =>
    assertThrows(
      () => serve(api, { listen: "tls://127.0.0.1:0", ...tls && { tls } }),
      TypeError,
      message,
    );
  const quote = JSON.stringify;
  throws(
    undefined,
    "Cannot listen at tls://127.0.0.1:0: the option tls with cert and key is missing",
  );
  throws({ ...server, cert: "no.pem" }, 'Cannot use the TLS certificate "no.pem": No such file');
  throws({ ...server, key: "no.key" }, 'Cannot use the TLS key "no.key": No such file');
  throws({ ...server, clientCa: "no.pem" }, 'Cannot use the TLS client CA "no.pem": No such file');
  throws(
    { ...server, cert: empty },
    `Cannot use the TLS certificate ${quote(empty)}: it is not PEM`,
  );
  throws({ ...server, cert: server.key }, `Cannot use the TLS certificate ${quote(server.key)}: `);
  throws({ ...server, key: server.cert }, `Cannot use the TLS key ${quote(server.cert)}: `);
  throws({ ...server, key: locked }, `Cannot use the TLS key ${quote(locked)}: `);
  throws({ ...server, key: client.key }, "it does not belong to the certificate");
  throws({ ...server, clientCa: server.key }, "there is no certificate in it");
  throws(
    { cert: Deno.readTextFileSync(server.cert), key: Deno.readTextFileSync(client.key) },
    "Cannot use the TLS key that was given as text: it does not belong to the certificate that was",
  );
});

testWith(["openssl"], "connect() rejects for certificates that cannot be used", async () => {
  const { server, client } = certificates();
  const rejects = (tls: TlsClientOptions, message: string) =>
    assertRejects(() => connect("tls://127.0.0.1:9", { tls }), TypeError, message);
  await rejects({ ca: "no.pem" }, 'Cannot use the TLS CA "no.pem": No such file');
  await rejects({ cert: client.cert }, "Cannot use tls.cert and tls.key: the key is missing");
  await rejects({ key: client.key }, "Cannot use tls.cert and tls.key: the certificate is missing");
  await rejects({ cert: client.cert, key: server.key }, "it does not belong to the certificate");
});

testWith(["openssl"], "serve() names the flag that is missing to read a certificate", async () => {
  const { cert, key } = certificates().server;
  const { code, stderr } = await run(
    `import { serve } from ${JSON.stringify(LIB)};
     serve({}, { listen: "tls://127.0.0.1:0", tls: ${JSON.stringify({ cert, key })} });`,
    ["--allow-net"],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot use the TLS certificate "${cert}": `);
  assertStringIncludes(stderr, "--allow-read");
});

Deno.test("serve() and connect() load nothing of Node's where there is no TLS", async () => {
  const { code, stdout, stderr } = await run(
    `process.getBuiltinModule = (name) => { throw new Error(name + " was loaded"); };
     const { connect, serve } = await import(${JSON.stringify(LIB)});
     await using server = serve({}, { listen: "tcp://127.0.0.1:0" });
     await using line = await connect(server.addresses[0]);
     console.log(await line.request("rpc.ping", { value: 7 }));`,
    ["--allow-net"],
  );
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "7");
});
