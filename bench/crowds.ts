/**
 * What a crowd does to the others: the latency of calls at a fixed rate while it is quiet, while others
 * connect and reset, and while 9,900 connections that were silent make a call each at once. By hand and
 * Landline, so that what is Deno's is known.
 *
 *     deno run -A bench/crowds.ts
 *
 * Each connection takes a descriptor in either process: `ulimit -n` must allow for them.
 *
 * @module
 */

import { Socket } from "node:net";
import { Program } from "./program.ts";

const ADD = new TextEncoder().encode(
  '{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1,"b":2}}\n',
);

/** Callers, milliseconds between two of their calls, and calls of a quiet measurement. */
const CALLERS = 20;
const GAP = 2;
const QUIET = 1500;

const RESETS = 30_000;
const SPEAKERS = 9900;

const [crowd, port] = Deno.args;
if (crowd === "resets") await reset(Number(port));
else if (crowd === "speakers") await speak(Number(port));
else await compare();

async function compare(): Promise<void> {
  console.log("| crowd | server | p50 ms | p99 ms | quiet p50 | quiet p99 |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  for (const kind of ["resets", "speakers"]) {
    for (const [name, program] of [["by hand", "by_hand.ts"], ["Landline", "server.ts"]] as const) {
      await using server = new Program(program, ["0"], undefined);
      const port = Number((await server.line()).replace(/^.*:/, ""));
      await latencies(port, until(QUIET)); // warms up
      const quiet = await latencies(port, until(QUIET));
      await using child = new Program("crowds.ts", [kind, String(port)], undefined);
      await child.line(); // it begins
      let isOver = false;
      child.line().then(() => isOver = true);
      const during = await latencies(port, () => isOver);
      const row = [...during, ...quiet].map((ms) => ms.toFixed(1));
      console.log(`| ${kind} | ${name} | ${row.join(" | ")} |`);
    }
  }
}

function until(calls: number): () => boolean {
  return () => calls-- <= 0;
}

/** The median and the 99th percentile, each counted from when the call was to be made. */
async function latencies(port: number, isOver: () => boolean): Promise<[number, number]> {
  const conns = await Promise.all(
    Array.from({ length: CALLERS }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  const taken: number[] = [], last: Promise<void>[] = conns.map(() => Promise.resolve());
  const call = async (conn: Deno.Conn, due: number) => {
    await conn.write(ADD);
    await conn.read(new Uint8Array(256));
    taken.push(performance.now() - due);
  };
  for (let due = performance.now(), i = 0; !isOver(); due += GAP, i = (i + 1) % CALLERS) {
    const wait = due - performance.now(), conn = conns[i]!, at = due;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    last[i] = last[i]!.then(() => call(conn, at));
  }
  await Promise.all(last);
  for (const conn of conns) conn.close();
  taken.sort((a, b) => a - b);
  return [0.5, 0.99].map((part) => taken[Math.floor(part * taken.length)]!) as [number, number];
}

async function reset(port: number): Promise<void> {
  console.log("begun");
  let left = RESETS;
  await Promise.all(Array.from({ length: 100 }, async () => {
    while (left-- > 0) {
      await new Promise<void>((resolve) => {
        const socket = new Socket(), end = () => resolve(void socket.resetAndDestroy());
        socket.on("error", end).connect(port, "127.0.0.1", end);
      });
    }
  }));
  console.log("done");
}

async function speak(port: number): Promise<void> {
  const conns: Deno.Conn[] = [];
  while (conns.length < SPEAKERS) {
    const some = Array.from({ length: 100 }, () => Deno.connect({ hostname: "127.0.0.1", port }));
    conns.push(...await Promise.all(some));
  }
  console.log("begun");
  const buffer = new Uint8Array(256);
  await Promise.all(conns.map((conn) => conn.write(ADD)));
  await Promise.all(conns.map((conn) => conn.read(buffer)));
  console.log("done");
}
