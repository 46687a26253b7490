// A program: builds a project with Vite. `_vite.js PROJECT OUT LIBRARY`, with the file that
// `@landline/rpc/browser` is.

import process from "node:process";
import { npm } from "../interop/programs/_print.js";

const [root, outDir, browser] = process.argv.slice(2);
const { build } = await npm("vite@7");
await build({
  root,
  configFile: false,
  logLevel: "warn",
  build: { outDir, emptyOutDir: true, target: "esnext" },
  resolve: { alias: { "@landline/rpc/browser": browser } },
});
process.exit();
