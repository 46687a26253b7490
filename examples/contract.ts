/**
 * An API that is declared first: a contract of schemas, handlers that implement it, and a client that holds
 * both sides to it.
 *
 * ```sh
 * deno run -N examples/contract.ts
 * ```
 *
 * @module
 */

import { connect, method as handled, serve, settle } from "../lib/mod.ts";
import { contract, ContractError, implement } from "../lib/contract.ts";
import * as z from "npm:zod@4";

const { method, stream, notification } = contract;

// What both sides know: in a project it is a file of its own, which imports no code of either.
/** The contract. */
export const shop = contract({
  price: method(z.object({ item: z.string().min(1) }), {
    summary: "What it costs, in cents",
    result: z.int(),
    errors: { UNKNOWN_ITEM: z.object({ item: z.string() }) },
  }),
  stock: {
    list: stream({ result: z.string() }),
    total: method({ items: z.int(), result: z.int() }),
  },
  closed: notification(),
});

// The server. The compiler finds a handler that is missing, and one that returns something else.
const prices: Readonly<Record<string, number>> = { tea: 250, cake: 400 };

/** The API that implements it. */
export const api = implement(shop, {
  price({ item }, { error }) {
    const price = prices[item];
    if (price === undefined) throw error("UNKNOWN_ITEM", { item });
    return price;
  },
  stock: {
    list: () => Object.keys(prices),
    async total(_, { items }) {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
  },
  closed: () => console.log("a guest has left"),
});

if (import.meta.main) {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect(server.addresses[0]!, { contract: shop });

  console.log(await line.call.price({ item: "tea" }));
  for await (const item of line.call.stock.list()) console.log(item);
  console.log(await line.call.stock.total(undefined, { items: [1, 2, 3] }));
  const gold = await settle(line.call.price({ item: "gold" }));
  if (!gold.ok && gold.reason === "UNKNOWN_ITEM") console.log(`no ${gold.data.item} here`);

  // What breaks the contract is not sent,
  console.log(await line.call.price({ item: "" }).catch(told));

  // and what a server answers that breaks it is not handed on.
  const other = { price: handled(z.unknown(), () => "2.50") };
  await using elsewhere = serve(other, { listen: "tcp://127.0.0.1:0" });
  await using second = await connect(elsewhere.addresses[0]!, { contract: shop });
  console.log(await second.call.price({ item: "tea" }).catch(told));
}

function told(error: unknown): string {
  return error instanceof ContractError ? `${error.brokenBy}: ${error.message}` : String(error);
}
