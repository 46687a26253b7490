/**
 * The bare socket: sends back what it gets, in one write for each read. Nothing is faster in Deno.
 *
 *     deno run -A bench/bare.ts PORT
 *
 * @module
 */

async function echo(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1 << 16);
  for (let count; (count = await conn.read(buffer)) !== null;) {
    let bytes = buffer.subarray(0, count);
    while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
  }
  conn.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 0) });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for (;;) echo(await listener.accept()).catch(console.error);
