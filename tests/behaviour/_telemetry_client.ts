// The client of telemetry_test.ts: calls what `_telemetry_api.ts` serves.
//
//     deno run -N _telemetry_client.ts ADDRESS URL

import { connect, method, settle } from "../../lib/mod.ts";
import type { api } from "./_telemetry_api.ts";

const [address = "", url = ""] = Deno.args;
const own = { answer: method(() => "answer") };
await using line = await connect<typeof api>(address, { api: own });
console.log(await line.call.fetched(url));
console.log(await line.call.asked());
await settle(line.call.failed());
await settle(line.request("nothing"));
line.notify.failed();
// Deno's own fetch begins the trace, and sends it in a header.
const body = JSON.stringify({ jsonrpc: "2.0", id: "by HTTP", method: "fetched", params: [url] });
const answer = await fetch(address.replace("tcp:", "http:"), {
  method: "POST",
  headers: { "content-type": "application/json" },
  body,
});
await answer.body?.cancel();
