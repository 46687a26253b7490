// What the package's tests run on Node, Bun and Deno, bundled to one script beside an installed package:
//
//     program.mjs cases                the end-to-end cases; a line of JSON for each, [name, error]
//     program.mjs serve ADDRESS        serves the API of _remote.ts, and says where
//     program.mjs call ADDRESS [CA]    calls all of it
//     program.mjs refused              what this run time has not; a line of JSON for each, [what, error]

import { connect, type ConnectOptions, serve, serveWorkers } from "@landline/rpc";
import process from "node:process";
import { CALL_CASES } from "../support/call_cases.ts";
import { CASES } from "../support/cases.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { type Wire, wire } from "../support/wire.ts";
import { api, callAll, callerApi } from "./_remote.ts";

const tcp = { name: "tcp:", listen: () => "tcp://127.0.0.1:0" };
const WIRES: readonly Wire[] = [
  ...FRAMING_NAMES.flatMap((framing) => [
    wire({ ...tcp, framing }),
    wire({
      name: "unix:",
      framing,
      listen: () => `unix:///tmp/landline-${crypto.randomUUID()}.sock`,
    }),
  ]),
  wire({ ...tcp, name: "ws:", framing: "websocket" }),
  wire({ ...tcp, name: "http:", framing: "http" }),
  wire({ name: "memory:", framing: "json", listen: () => "memory:" }),
];

function say(what: string, error: string): void {
  console.log(JSON.stringify([what, error]));
}

/** Each wire waits a second and more for what servers grant a peer: they wait together. */
async function cases(): Promise<void> {
  process.on("unhandledRejection", (error) => say("what nobody waited for", String(error)));
  await Promise.all(WIRES.map(casesOver));
}

async function casesOver(wire: Wire): Promise<void> {
  for (const { name, isOfFirstBytes, isOfConnections, run } of [...CASES, ...CALL_CASES]) {
    if (isOfFirstBytes && ["websocket", "http"].includes(wire.framing)) continue;
    if (isOfConnections && wire.framing === "http") continue;
    const error = await run(wire).then(() => "", (error: Error) => error.stack ?? `${error}`);
    say(`${name} (${wire.name}, ${wire.framing})`, error);
  }
}

async function call(address: string, ca: string | undefined): Promise<void> {
  const options: ConnectOptions = {
    ...ca !== undefined && { tls: { ca } },
    ...!address.startsWith("http") && { api: callerApi },
  };
  await using line = await connect<typeof api>(address, options);
  await callAll(line, address.startsWith("http"));
  console.log("all is well");
}

async function refused(): Promise<void> {
  const listens = ["tls://127.0.0.1:0", "udp://127.0.0.1:0", "vsock://1:0"];
  for (const listen of listens) {
    const tls = listen.startsWith("tls") ? { tls: { cert: "", key: "" } } : {};
    say(listen, await failure(() => serve(api, { listen, ...tls }).ready));
  }
  for (const address of ["udp://127.0.0.1:1", "vsock://1:1"]) {
    say(address, await failure(() => connect(address, { reconnect: false })));
  }
  say("workers", await failure(() => serveWorkers(import.meta.url).ready));
}

async function failure(start: () => unknown): Promise<string> {
  try {
    await start();
    return "";
  } catch (error) {
    return String(error);
  }
}

const [command, address = "", ca] = process.argv.slice(2);
switch (command) {
  case "cases":
    await cases();
    break;
  case "serve": {
    const server = serve(api, { listen: address, http: { console: true } });
    await server.ready;
    if (address !== "stdio:") console.log(server.addresses[0]);
    break;
  }
  case "call":
    await call(address, ca);
    break;
  case "refused":
    await refused();
}
