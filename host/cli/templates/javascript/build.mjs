// Makes the component my_plugin.wasm of my_plugin.js.

import { writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: "my_plugin.js",
  witPath: "wit",
  worldName: "plugin",
  // A plugin has no network. Without these the component does not even ask for it.
  disableFeatures: ["http", "fetch-event"],
});
await writeFile("my_plugin.wasm", component);
