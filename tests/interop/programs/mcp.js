// The Model Context Protocol's own library over its "streamable HTTP": `mcp.js http://127.0.0.1:8080/rpc` is a
// client, `mcp.js serve` a server that prints where it listens.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";
import { failure, npm, show } from "./_print.js";

const sdk = (path) => npm(`@modelcontextprotocol/sdk@1/${path}.js`);
const [url] = process.argv.slice(2);

if (url === "serve") {
  const { McpServer } = await sdk("server/mcp");
  const { StreamableHTTPServerTransport } = await sdk("server/streamableHttp");
  const { ListRootsResultSchema } = await sdk("types");
  const { default: z } = await npm("zod@3");
  const server = new McpServer({ name: "theirs", version: "1.0.0" });
  const answer = (text) => ({ content: [{ type: "text", text }] });
  server.registerTool(
    "add",
    { inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => answer(String(a + b)),
  );
  server.registerTool("work", {}, async ({ _meta, sendNotification }) => {
    const params = { progressToken: _meta.progressToken, progress: 1, total: 2 };
    await sendNotification({ method: "notifications/progress", params });
    return answer("done");
  });
  // It asks in the answer to the call, and gets its own answer by another request.
  server.registerTool("ask", {}, async ({ sendRequest }) => {
    const { roots } = await sendRequest({ method: "roots/list" }, ListRootsResultSchema);
    return answer(roots.map(({ uri }) => uri).join());
  });
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
  await server.connect(transport);
  const http = createServer((request, response) => transport.handleRequest(request, response));
  http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
} else {
  const { Client } = await sdk("client/index");
  const { StreamableHTTPClientTransport } = await sdk("client/streamableHttp");
  const client = new Client({ name: "theirs", version: "1" }, { capabilities: {} });
  const errors = [];
  client.onerror = (error) => errors.push(error);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const add = async (a, b) =>
    (await client.callTool({ name: "add", arguments: { a, b } })).content[0].text;
  await show({
    "by name": async () => [(await client.listTools()).tools[0].name, await add(1, 2)],
    error: async () => (await failure(client.listPrompts())).code,
    notification: () => errors.map(String),
    "100 at once": () => Promise.all(Array.from({ length: 100 }, (_, n) => add(n, 0))),
  });
  await client.close();
  process.exit();
}
