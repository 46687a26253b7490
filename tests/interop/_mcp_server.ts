// An MCP server as its SDK's users write it, over standard input and output.

import { McpServer } from "npm:@modelcontextprotocol/sdk@1/server/mcp.js";
import { StdioServerTransport } from "npm:@modelcontextprotocol/sdk@1/server/stdio.js";
import * as z from "npm:zod@4";

/** What the SDK hands to a tool, as far as it is used here. */
interface Extra {
  readonly _meta?: { readonly progressToken?: string | number };
  sendNotification(notification: {
    readonly method: "notifications/progress";
    readonly params: Record<string, unknown>;
  }): Promise<void>;
}

const server = new McpServer({ name: "theirs", version: "1.0.0" });
const answer = (text: string) => ({ content: [{ type: "text" as const, text }] });

server.registerTool(
  "add",
  { inputSchema: { a: z.number(), b: z.number() } },
  ({ a, b }: { a: number; b: number }) => answer(String(a + b)),
);
server.registerTool("work", {}, async (extra: Extra) => {
  const progressToken = extra._meta?.progressToken;
  if (progressToken !== undefined) {
    await extra.sendNotification({
      method: "notifications/progress",
      params: { progressToken, progress: 1, total: 2 },
    });
  }
  return answer("done");
});
server.registerTool("ask", {}, async () => {
  const { roots } = await server.server.listRoots();
  return answer(roots.map(({ uri }: { uri: string }) => uri).join());
});

await server.connect(new StdioServerTransport());
