// Makes the component disks.wasm of disks.js: `node build.mjs WIT_FOLDER`.

import { writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";

const [witPath = "../../wit"] = process.argv.slice(2);
const { component } = await componentize({
  sourcePath: "disks.js",
  witPath,
  worldName: "plugin",
  // A plugin has no network. Without these the component does not even ask for it.
  disableFeatures: ["http", "fetch-event"],
});
await writeFile("disks.wasm", component);
