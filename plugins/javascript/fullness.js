// What the disks plugin works out, without the host: so it has tests of its own, in fullness.test.js.

// The writable file systems that tell their size, fullest first. Sizes are BigInts, as the interface has them.
export function fullness(mounts) {
  const sources = new Set();
  // Where several are mounted in one place, the last one covers the others.
  const visible = new Map(mounts.map((mount) => [mount.path, mount])).values();
  return [...visible]
    .filter((mount) => !mount.readOnly && mount.size !== undefined && mount.size > 0n && mount.free !== undefined)
    // One device may be mounted in many places; it is full only once.
    .filter((mount) => !mount.source.startsWith("/") || (!sources.has(mount.source) && sources.add(mount.source)))
    .map((mount) => ({ ...mount, percent: percent(mount.size - mount.free, mount.size) }))
    .sort((one, other) => other.percent - one.percent);
}

// The share in percent with one digit after the point, rounded down: 100 is said of nothing that has room.
function percent(part, whole) {
  return Number((part * 1000n) / whole) / 10;
}

// A size in words, by powers of 1024.
export function bytes(size) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let number = Number(size);
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${number} B` : `${number.toFixed(1)} ${units[unit]}`;
}
