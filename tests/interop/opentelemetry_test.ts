// OpenTelemetry's own SDK for JavaScript, which is not Deno's: calls are spans there too.

import { assertEquals } from "@std/assert";
import { testWith } from "../support/tools.ts";
import { program } from "./_npm.ts";

const PACKAGES = ["api@1", "context-async-hooks@2", "core@2", "sdk-trace-base@2"]
  .map((name) => `npm:@opentelemetry/${name}`);

testWith(
  PACKAGES,
  "the SDK of OpenTelemetry gets a span of the client, below it that of the server, and none of a call that its caller does not record",
  async () => {
    const [command, ...args] = program("opentelemetry.js");
    const { stdout, stderr } = await new Deno.Command(command!, { args }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    const { active, spans: [served, called], counts } = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    assertEquals([served.name, served.kind], ["active", 1]);
    assertEquals([called.name, called.kind], ["active", 2]);
    assertEquals([served.trace, served.parent], [called.trace, called.id]);
    assertEquals(active, served.id);
    assertEquals(counts, [0, 2]); // its sampler would record all
  },
);
