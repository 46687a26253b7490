// Clients of Ethereum nodes, on a Unix socket, over HTTP or WebSocket: `ethereum.js viem /tmp/node.ipc`,
// `ethereum.js viem ws://127.0.0.1:8080/`.

import { failure, hundred, npm, show } from "./_print.js";
import { long } from "./_web.js";
import net from "node:net";
import process from "node:process";

/** How each of them calls, and how it hears of new blocks. */
const clients = {
  async viem(path) {
    const { createPublicClient, http, webSocket } = await npm("viem@2");
    const { ipc } = await npm("viem@2/node");
    const transport = scheme === "http"
      ? http(path, { batch: true })
      : scheme === "ws"
      ? webSocket(path)
      : ipc(path);
    const client = createPublicClient({ transport });
    return {
      call: (method, params) => client.request({ method, params }),
      chainId: () => client.getChainId(),
      codeOf: (error) => error.cause?.code ?? error.code,
      onBlock: (told) => client.watchBlockNumber({ onBlockNumber: (n) => told(Number(n)) }),
      ...scheme === "http" && { batch: () => bothOf((method) => client.request({ method })) },
    };
  },
  async web3(path) {
    const { default: Web3 } = await npm("web3@1");
    const web3 = new Web3(new Web3.providers.IpcProvider(path, net));
    const send = (method, params) =>
      new Promise((resolve, reject) =>
        web3.currentProvider.send(
          { jsonrpc: "2.0", id: ids++, method, params },
          (error, answer) => {
            const failed = error ?? answer.error;
            if (failed) reject(failed);
            else resolve(answer.result);
          },
        )
      );
    let ids = 1000;
    return {
      call: send,
      chainId: () => web3.eth.getChainId(),
      codeOf: (error) => error.code,
      onBlock: (told) => web3.eth.subscribe("newBlockHeaders", (_, { number }) => told(number)),
      batch: () =>
        new Promise((resolve) => {
          const batch = new web3.BatchRequest(), answers = [];
          const add = (_, answer) => answers.push(answer) === 2 && resolve(answers);
          batch.add(web3.eth.getChainId.request(add));
          batch.add(web3.eth.getBlockNumber.request(add));
          batch.execute();
        }),
    };
  },
  async web3v4(path) {
    const { Web3 } = await npm("web3@4");
    const { IpcProvider } = await npm("web3-providers-ipc@4");
    const web3 = new Web3(scheme === undefined ? new IpcProvider(path) : path);
    return {
      call: (method, params) => web3.requestManager.send({ method, params }),
      chainId: () => web3.eth.getChainId().then(Number),
      codeOf: (error) => error.cause?.code ?? error.code,
      onBlock: (told) =>
        web3.eth.subscribe("newBlockHeaders").then((blocks) =>
          blocks.on("data", ({ number }) => told(Number(number)))
        ),
      batch: async () => {
        const batch = new web3.BatchRequest();
        const answers = ["eth_chainId", "eth_blockNumber"].map((method, at) =>
          batch.add({ jsonrpc: "2.0", id: 2000 + at, method, params: [] })
        );
        await batch.execute();
        return (await Promise.all(answers)).map(Number);
      },
    };
  },
  async ethers(path) {
    const { IpcSocketProvider, JsonRpcProvider, WebSocketProvider } = await npm("ethers@6");
    const providers = { http: JsonRpcProvider, ws: WebSocketProvider };
    const provider = new (providers[scheme] ?? IpcSocketProvider)(path);
    return {
      call: (method, params) => provider.send(method, params),
      chainId: () => provider.getNetwork().then(({ chainId }) => Number(chainId)),
      codeOf: (error) => error.error?.code ?? error.code,
      onBlock: (told) => provider.on("block", told),
      ...scheme === "http" && { batch: () => bothOf((method) => provider.send(method, [])) },
    };
  },
};

/** Two calls of one moment, which travel in one array. */
const bothOf = async (call) =>
  (await Promise.all(["eth_chainId", "eth_blockNumber"].map(call))).map(Number);

const [name, path] = process.argv.slice(2);
const scheme = /^(?:http|ws)(?=:)/.exec(path)?.[0]; // undefined for a path
const { call, chainId, codeOf, onBlock, batch } = await clients[name](path);

await show({
  call: async () => [await chainId(), await call("upper", ["hé😀"])],
  error: async () => codeOf(await failure(call("nope", []))),
  ...batch && { batch },
  "100 at once": () => hundred(call),
  ...scheme !== undefined && {
    "600 KB": () => long(async (method, params) => ({ result: await call(method, params) })),
  },
  ...scheme !== "http" && { "calls back": blockTold },
});
process.exit();

async function blockTold() {
  const block = Promise.withResolvers();
  await onBlock(block.resolve);
  call("mine", []); // web3 4 loses an answer that comes in one chunk with a notification
  return await block.promise;
}
