/**
 * What Landline is measured against: the same two methods in the simplest loop that a person would
 * write by hand. It checks nothing, limits nothing and times nothing out, takes no batch and no other
 * framing, and one bad line ends its connection.
 *
 *     deno run -A bench/by_hand.ts PORT [BYTES OF A READ BUFFER]
 *
 * @module
 */

interface Request {
  id: number;
  method: "add" | "echo";
  params: { a: number; b: number; data: string };
}

const methods = {
  add: ({ a, b }: Request["params"]) => a + b,
  echo: ({ data }: Request["params"]) => data,
};

const bufferBytes = Number(Deno.args[1] ?? 1 << 16);

async function answer(conn: Deno.TcpConn): Promise<void> {
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  const buffer = new Uint8Array(bufferBytes);
  let rest = "";
  for (let count; (count = await conn.read(buffer)) !== null;) {
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    let answers = "";
    for (const line of lines) {
      const { id, method, params }: Request = JSON.parse(line);
      answers += JSON.stringify({ jsonrpc: "2.0", id, result: methods[method](params) }) + "\n";
    }
    const bytes = encoder.encode(answers);
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }
  conn.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 0) });
console.log(`listening on tcp://127.0.0.1:${listener.addr.port}`);
for (;;) {
  try {
    answer(await listener.accept()).catch(() => {});
  } catch {
    // a caller who reset its connection before it was accepted
  }
}
