import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, fullness } from "./fullness.js";

const mount = (path, size, free, more = {}) => ({
  path,
  source: `/dev/${path}`,
  kind: "ext4",
  readOnly: false,
  size,
  free,
  ...more,
});

test("the fullest comes first", () => {
  const disks = fullness([mount("/", 100n, 50n), mount("/data", 1000n, 1n)]);
  assert.deepEqual(disks.map((disk) => [disk.path, disk.percent]), [["/data", 99.9], ["/", 50]]);
});

test("what cannot be written or tells no size is left out, and a device or place is shown once", () => {
  const disks = fullness([
    mount("/", 100n, 50n, { source: "/dev/sda" }),
    mount("/again", 100n, 50n, { source: "/dev/sda" }),
    mount("/tmp", 100n, 10n, { source: "tmpfs" }),
    mount("/tmp", 100n, 50n, { source: "tmpfs" }),
    mount("/run", 100n, 50n, { source: "tmpfs" }),
    mount("/snap", 100n, 0n, { readOnly: true }),
    mount("/proc", 0n, 0n),
    mount("/net", undefined, undefined),
  ]);
  assert.deepEqual(disks.map((disk) => [disk.path, disk.percent]), [["/", 50], ["/tmp", 50], ["/run", 50]]);
});

test("sizes are in the largest unit that leaves a number of at least 1", () => {
  assert.deepEqual([0n, 1023n, 1024n, 1610612736n].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]);
});
