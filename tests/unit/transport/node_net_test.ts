// The sockets of node:net, as Node and Bun have them and Deno does for descriptors: run on Deno.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { errors } from "../../../lib/runtime.ts";
import { nodeNet } from "../../../lib/transport/node/net.ts";
import type { Listener, Socket } from "../../../lib/transport/socket.ts";
import { within } from "../../support/deadline.ts";

/** Both ends of a connection over TCP. */
async function bothEnds(): Promise<{ listener: Listener; near: Socket; far: Socket }> {
  const listener = await nodeNet.listen({ hostname: "127.0.0.1", port: 0 }, {});
  const port = Number(new URL(listener.address).port);
  const near = await nodeNet.connect({ hostname: "127.0.0.1", port });
  return { listener, near, far: await listener.accept() };
}

async function readAll(socket: Socket): Promise<string> {
  const buffer = new Uint8Array(3), decoder = new TextDecoder();
  let text = "";
  for (let count; (count = await socket.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** More bytes than the system takes for a peer that does not read. */
const MOST = 1 << 24;

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("an end that has closed its writing still reads", async () => {
  const { listener, near, far } = await bothEnds();
  assertEquals([near.local, near.remote], [far.remote, far.local]);
  await near.write(bytesOf("question"));
  await near.closeWrite?.();
  assertEquals(await readAll(far), "question");
  await far.write(bytesOf("answer"));
  await far.closeWrite?.();
  assertEquals(await readAll(near), "answer");
  near.close();
  far.close();
  listener.close();
});

Deno.test("writes wait for a peer that reads nothing, and go on when it does", async () => {
  const { listener, near, far } = await bothEnds();
  const size = 1 << 26, bytes = new Uint8Array(1 << 20);
  let written = 0, read = 0;
  const writing = (async () => {
    while (written < size) written += await near.write(bytes.subarray(0, size - written));
    await near.closeWrite?.();
  })();
  const buffer = new Uint8Array(1 << 16);
  for (let count; (count = await far.read(buffer)) !== null;) {
    read += count;
    assert(written - read <= MOST, `${written - read} bytes are on the way`);
  }
  await writing;
  assertEquals(read, size);
  near.close();
  far.close();
  listener.close();
});

Deno.test("close() rejects a read and an accept that wait with Interrupted", async () => {
  const { listener, near, far } = await bothEnds();
  const reading = assertRejects(() => near.read(new Uint8Array(1)), errors.Interrupted);
  near.close();
  await within(reading, "the read to end");
  await assertRejects(() => near.write(bytesOf("late")), errors.Interrupted);
  assertEquals(await far.read(new Uint8Array(1)), null);
  far.close();
  const accepting = assertRejects(() => listener.accept(), errors.Interrupted);
  listener.close();
  await within(accepting, "the accept to end");
  await assertRejects(() => listener.accept(), errors.BadResource);
});

Deno.test("errors of the system have the names that Deno has for them", async () => {
  const listener = await nodeNet.listen({ hostname: "127.0.0.1", port: 0 }, {});
  const port = Number(new URL(listener.address).port);
  const taken = async () => await nodeNet.listen({ hostname: "127.0.0.1", port }, {});
  await assertRejects(taken, errors.AddrInUse, "Address already in use");
  listener.close();
  const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
  await assertRejects(() => nodeNet.connect({ path }), errors.NotFound, "(ENOENT)");
  await assertRejects(
    () => nodeNet.connect({ hostname: "127.0.0.1", port: 1 }),
    errors.ConnectionRefused,
    "Connection refused (ECONNREFUSED)",
  );
  const reason = new Error("given up");
  const aborted = () => nodeNet.connect({ hostname: "127.0.0.1", port }, AbortSignal.abort(reason));
  assertEquals(await assertRejects(aborted), reason);
});
