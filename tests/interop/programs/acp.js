// The Agent Client Protocol's own library, at both ends: `acp.js agent` at standard input and output, as
// an editor starts agents, and `acp.js client PORT`.

import { failure, hundred, npm, show } from "./_print.js";
import { connect } from "node:net";
import process from "node:process";
import { Readable, Writable } from "node:stream";

const { agent, client, methods, ndJsonStream } = await npm("@agentclientprotocol/sdk@2");
const [end, port] = process.argv.slice(2);

if (end === "agent") {
  agent({ name: "theirs" })
    .onRequest(methods.agent.initialize, () => ({ protocolVersion: 1, agentCapabilities: {} }))
    .onRequest(methods.agent.session.new, () => ({ sessionId: "one" }))
    // Tells what it does, asks whether it may, and ends.
    .onRequest(methods.agent.session.prompt, async ({ params: { sessionId }, client }) => {
      await client.notify(methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "half" } },
      });
      const { outcome } = await client.request(methods.client.session.requestPermission, {
        sessionId,
        toolCall: { toolCallId: "1", title: "Really?" },
        options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
      });
      return { stopReason: outcome.optionId === "yes" ? "end_turn" : "refusal" };
    })
    .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)));
} else {
  const socket = connect(Number(port), "127.0.0.1");
  const stream = ndJsonStream(Writable.toWeb(socket), Readable.toWeb(socket));
  const updates = [];
  await client({ name: "theirs" })
    .onNotification(methods.client.session.update, ({ params }) => void updates.push(params))
    .onRequest(
      methods.client.session.requestPermission,
      () => ({ outcome: { outcome: "selected", optionId: "yes" } }),
    )
    .connectWith(stream, async (agent) => {
      const { protocolVersion } = await agent.request(methods.agent.initialize, {
        protocolVersion: 1,
        clientCapabilities: {},
      });
      const { sessionId } = await agent.request(methods.agent.session.new, {
        cwd: "/",
        mcpServers: [],
      });
      const prompt = { sessionId, prompt: [{ type: "text", text: "Go" }] };
      await show({
        "by name": () => [protocolVersion, sessionId],
        error: async () => (await failure(agent.request("nope", {}))).code,
        notification: () => agent.notify("note", { text: "noted" }),
        "100 at once": () => hundred((method, [text]) => agent.request(method, [text])),
        progress: async () => {
          const { stopReason } = await agent.request(methods.agent.session.prompt, prompt);
          return [updates[0].update.content.text, stopReason];
        },
        "calls back": async () =>
          (await agent.request(methods.agent.session.prompt, prompt)).stopReason,
      });
    });
  process.exit();
}
