// Clients of Bitcoin's programs: `bitcoin.js electrum 50001`, and `lightning` with the path of a Unix socket.

import { failure, hundred, npm, show } from "./_print.js";
import process from "node:process";

const [name, address] = process.argv.slice(2);
const shows = { electrum, lightning, stratum };
await show(await shows[name]());
process.exit();

async function electrum() {
  const { default: ElectrumClient } = await npm("electrum-client@0");
  const client = new ElectrumClient(Number(address), "127.0.0.1", "tcp");
  await client.connect();
  const call = (method, params) => client.request(method, params);
  return {
    call: async () => [await client.server_banner(), await call("upper", ["hé😀"])],
    "by name": () => call("subtract", { minuend: 42, subtrahend: 23 }),
    error: async () => (await failure(call("nope", []))).code,
    "100 at once": () => hundred(call),
    "calls back": async () => {
      const header = Promise.withResolvers();
      client.subscribe.on("blockchain.headers.subscribe", header.resolve);
      const { height } = await client.blockchainHeaders_subscribe();
      await call("mine", []);
      return [height, (await header.promise)[0].height];
    },
  };
}

async function lightning() {
  const { default: lightningClient } = await npm("clightning-client@0");
  const client = lightningClient(address);
  const call = (method, params) => client.call(method, params);
  return {
    call: async () => [(await client.getinfo()).alias, await call("upper", ["hé😀"])],
    "by name": () => call("subtract", { minuend: 42, subtrahend: 23 }),
    error: async () => (await failure(call("nope", []))).code,
    "100 at once": () => hundred(call),
  };
}

/** A miner: what it hears comes by callbacks, some of it without a call. */
async function stratum() {
  const { default: stratumClient } = await npm("stratum-client@1");
  const told = Object.fromEntries(
    ["subscribed", "authorized", "difficulty", "work", "refused"].map((name) => [
      name,
      Promise.withResolvers(),
    ]),
  );
  const miner = stratumClient({
    server: "127.0.0.1",
    port: Number(address),
    worker: "worker",
    autoReconnectOnError: false,
    onSubscribe: ({ extraNonce1 }) => told.subscribed.resolve(extraNonce1),
    onAuthorize: (_, result) => told.authorized.resolve(result),
    onNewDifficulty: told.difficulty.resolve,
    onNewMiningWork: ({ jobId }) => told.work.resolve(jobId),
    onSubmitWorkFail: told.refused.resolve,
  });
  const submit = { job_id: "1", extranonce2: "2", ntime: "3", nonce: "4", worker_name: "worker" };
  return {
    call: () => Promise.all([told.subscribed.promise, told.authorized.promise]),
    error: async () => {
      miner.submit(submit);
      return (await told.refused.promise).message;
    },
    "calls back": () => Promise.all([told.difficulty.promise, told.work.promise]),
  };
}
