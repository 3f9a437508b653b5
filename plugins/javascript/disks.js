// Shows how full the mounted file systems are, the fullest first, and remarks on those that are nearly full.
//
// Read-only ones are left out: they are always full, and nobody is woken for that. Settings: `warn_percent` (80).

import { mounts } from "gmr:plugin/process@0.1.0";
import { get } from "gmr:plugin/settings@0.1.0";
import { bytes, fullness } from "./fullness.js";

export const section = {
  describe() {
    return {
      title: "Disks",
      summary: "How full the mounted file systems are",
      order: 0,
      version: "0.1.0",
      wants: ["process"],
      settings: [
        {
          key: "warn_percent",
          summary: "from which share of a file system on there is a remark",
          kind: "number",
          repeated: false,
          required: false,
          default: { tag: "integer", val: 80n },
          least: 1,
          most: 100,
          choices: [],
        },
      ],
    };
  },

  render() {
    // A call that is refused throws an object whose `payload` is what the interface declares as its error.
    const found = attempt(mounts, (denial) => ({ tag: "denied", val: denial }));
    // The host has seen to it that it is a number, whole or not, or the default. Whole ones are BigInts.
    const threshold = Number(get("warn_percent").val);
    const disks = fullness(found);
    if (disks.length === 0) {
      throw { tag: "unavailable", val: "no mounted file system tells its size" };
    }
    const remarks = disks
      .filter((disk) => disk.percent >= threshold)
      .map((disk) => ({ tag: "remark", val: `${disk.path}: ${bytes(disk.free)} free (${disk.percent} % used)` }));
    const table = {
      columns: ["mounted on", "type", "size", "free", "percent used"],
      rows: disks.map((disk) => [
        { tag: "text", val: disk.path },
        { tag: "text", val: disk.kind },
        { tag: "bytes", val: disk.size },
        { tag: "bytes", val: disk.free },
        { tag: "number", val: disk.percent },
      ]),
    };
    return [...remarks, { tag: "table", val: table }];
  },
};

// What is thrown out of `render` becomes its typed failure.
function attempt(call, failure) {
  try {
    return call();
  } catch (error) {
    throw failure(error.payload ?? error);
  }
}
