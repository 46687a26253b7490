// Landline as it is measured on Node, from an installed package: serve() with its default limits.
//
//     node node_server.mjs PORT

import { method, serve } from "@landline/rpc";

/** A schema that looks at the members of an object, and makes nothing new of it. */
const schema = (fits) => ({
  "~standard": {
    version: 1,
    vendor: "bench",
    validate: (value) => fits(value) ? { value } : { issues: [{ message: "it does not fit" }] },
  },
});

const api = {
  add: method(
    schema((value) => typeof value?.a === "number" && typeof value.b === "number"),
    ({ a, b }) => a + b,
  ),
  echo: method(schema((value) => typeof value?.data === "string"), ({ data }) => data),
};
const server = serve(api, { listen: `tcp://127.0.0.1:${globalThis.process.argv[2] ?? 0}` });
await server.ready;
