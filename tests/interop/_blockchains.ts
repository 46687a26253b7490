// Clients of Ethereum's nodes and Bitcoin's programs, with a server of ours in the place of those.

import * as z from "npm:zod@4";
import { type Api, method, notification, type Peer, RpcError, withContext } from "../../lib/mod.ts";
import { clientProgram, type Ends, portOf, prints } from "./_client_program.ts";
import { program } from "./_npm.ts";
import { type Cell, FEATURES, type Pair, WEB_FEATURES } from "./_pairs.ts";

/** What the clients serve that subscribe to something. */
const subscriber = {
  eth_subscription: notification(z.unknown(), () => {}),
  "blockchain.headers.subscribe": notification(z.unknown(), () => {}),
  "mining.set_difficulty": notification(z.unknown(), () => {}),
  "mining.notify": notification(z.unknown(), () => {}),
};
const withSubscriber = withContext<{ peer: Peer<typeof subscriber> }>();

// ---- Ethereum: a node at a Unix socket ---------------------------------------------------------------

const ZEROS = `0x${"0".repeat(64)}`;

/** A header as a node tells of it. */
const BLOCK = {
  number: "0x7",
  hash: ZEROS,
  parentHash: ZEROS,
  sha3Uncles: ZEROS,
  stateRoot: ZEROS,
  transactionsRoot: ZEROS,
  receiptsRoot: ZEROS,
  logsBloom: `0x${"0".repeat(512)}`,
  miner: `0x${"0".repeat(40)}`,
  nonce: "0x0000000000000000",
  extraData: "0x",
  difficulty: "0x0",
  gasLimit: "0x0",
  gasUsed: "0x0",
  timestamp: "0x0",
};

/** A node with one block, and another that is mined when a client asks for it. */
const ethereum: Api = {
  eth_chainId: method(() => "0x2a"),
  net_version: method(() => "42"),
  eth_blockNumber: method(() => "0x0"),
  eth_subscribe: method(z.tuple([z.literal("newHeads")]), () => "0x1"),
  eth_unsubscribe: method(z.tuple([z.string()]), () => true),
  mine: withSubscriber.method((_, { peer }) => {
    peer.notify.eth_subscription({ subscription: "0x1", result: BLOCK });
    return true;
  }),
};

/** A client in programs/ethereum.js. */
function ethereumClient(
  name: string,
  tool: string,
  theirs: string,
  how: string,
  batch: Cell<Ends>,
  scheme?: "http" | "ws",
): Pair {
  return clientProgram({
    theirs,
    over: scheme ?? "unix, json",
    how,
    onPath: scheme === undefined,
    features: scheme === undefined ? FEATURES : WEB_FEATURES,
    api: ethereum,
    start: (at) => program("ethereum.js", name, scheme === undefined ? at : `${scheme}://${at}/`),
    tools: [tool],
    cells: {
      call: prints([42, "HÉ😀"]),
      "by name": "its methods take arrays",
      notification: "it only asks",
      batch,
      stream: "it has no streams",
      "items up": "it has no streams",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": scheme === "http" ? "HTTP has no way back" : prints(7),
    },
  });
}

// ---- Bitcoin -----------------------------------------------------------------------------------------

const bitcoin: Api = {
  "server.banner": method(() => "Hello"),
  "blockchain.headers.subscribe": method(() => ({ height: 6, hex: "00" })),
  mine: withSubscriber.method((_, { peer }) =>
    peer.notify["blockchain.headers.subscribe"]([{ height: 7, hex: "01" }])
  ),
  getinfo: method(() => ({ alias: "landline" })),
};

/** A pool: it tells the miner its difficulty and its work. */
const pool: Api = {
  "mining.subscribe": method(() => [[["mining.notify", "1"]], "08000002", 4]),
  "mining.authorize": withSubscriber.method(z.tuple([z.string(), z.string()]), (_, { peer }) => {
    peer.notify["mining.set_difficulty"]([512]);
    peer.notify["mining.notify"](["job", "00", "01", "02", [], "20", "18", "64", true]);
    return true;
  }),
  "mining.submit": method(z.array(z.string()), () => {
    throw new RpcError(21, "Job not found");
  }),
};

export const BLOCKCHAIN_CLIENTS: readonly Pair[] = [
  ethereumClient(
    "viem",
    "npm:viem@2",
    "viem 2",
    "`createPublicClient({ transport: ipc(path) })`",
    "it has no batches",
  ),
  ethereumClient(
    "web3",
    "npm:web3@1",
    "web3 1",
    "`new Web3(new Web3.providers.IpcProvider(path, net))`",
    prints([42, 0]),
  ),
  ethereumClient(
    "web3v4",
    "npm:web3@4",
    "web3 4",
    "`new Web3(new IpcProvider(path))`",
    prints([42, 0]),
  ),
  ethereumClient(
    "ethers",
    "npm:ethers@6",
    "ethers 6",
    "`new IpcSocketProvider(path)`",
    "it has no batches",
  ),
  clientProgram({
    theirs: "electrum-client 0",
    over: "tcp, json",
    how: '`new ElectrumClient(port, host, "tcp")`',
    start: (address) => program("bitcoin.js", "electrum", portOf(address)),
    tools: ["npm:electrum-client@0"],
    api: bitcoin,
    cells: {
      call: prints(["Hello", "HÉ😀"]),
      notification: "it only asks",
      batch: "it has no batches",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": prints([6, 7]),
    },
  }),
  clientProgram({
    theirs: "clightning-client 0",
    over: "unix, json",
    how: "`clightningClient(path)`",
    start: (path) => program("bitcoin.js", "lightning", path),
    tools: ["npm:clightning-client@0"],
    onPath: true,
    api: bitcoin,
    cells: {
      call: prints(["landline", "HÉ😀"]),
      notification: "it only asks",
      batch: "it has no batches",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": "it only answers",
    },
  }),
  clientProgram({
    theirs: "stratum-client 1",
    over: "tcp, json (JSON-RPC 1.0)",
    how: "`stratumClient({ server, port, worker, onNewMiningWork })`",
    start: (address) => program("bitcoin.js", "stratum", portOf(address)),
    tools: ["npm:stratum-client@1"],
    api: pool,
    cells: {
      call: prints(["08000002", true]),
      "by name": "its methods take arrays",
      error: prints("Job not found"),
      notification: "it only asks",
      batch: "it has no batches",
      "100 at once": "it uses one id for all calls of a method",
      cancel: "it does not know how to cancel a call",
      progress: "it has no progress",
      "calls back": prints([512, "job"]),
    },
  }),
];

/** The same clients as they usually reach a node. */
export const WEB_BLOCKCHAIN_CLIENTS: readonly Pair[] = (["http", "ws"] as const).flatMap((
  scheme,
) => [
  ethereumClient(
    "ethers",
    "npm:ethers@6",
    "ethers 6",
    scheme === "http" ? "`new JsonRpcProvider(url)`" : "`new WebSocketProvider(url)`",
    scheme === "http" ? prints([42, 0]) : "it has no batches",
    scheme,
  ),
  ethereumClient(
    "viem",
    "npm:viem@2",
    "viem 2",
    `\`createPublicClient({ transport: ${
      scheme === "http" ? "http(url, { batch: true })" : "webSocket(url)"
    } })\``,
    scheme === "http" ? prints([42, 0]) : "it has no batches",
    scheme,
  ),
  ethereumClient(
    "web3v4",
    "npm:web3@4",
    "web3 4",
    "`new Web3(url)`",
    prints([42, 0]),
    scheme,
  ),
]);
