//! The control group of the process, version 2 or 1, from `/proc/self/cgroup` and `/sys/fs/cgroup`, and the
//! system's pressure from `/proc/pressure`.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::{Usage, file};
use crate::proc::pressure::Stall;
use crate::proc::{cgroup, keys, pressure};

/// The control group of the process: its container, as a rule. Sizes are in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Cgroup {
    /// Its path, as the process sees it.
    pub path: String,
    /// 1 or 2.
    pub version: u8,
    /// Memory in use by the group.
    pub memory: Option<u64>,
    /// The most that ever was.
    pub peak_memory: Option<u64>,
    /// Where the kernel kills; `None` is unlimited or unknown.
    pub max_memory: Option<u64>,
    /// Where the kernel begins to slow the group down; `None` is unlimited or unknown.
    pub high_memory: Option<u64>,
    /// Swap in use by the group.
    pub swap: Option<u64>,
    /// The most swap it may use; `None` is unlimited or unknown.
    pub max_swap: Option<u64>,
    /// How often something in the group was killed for want of memory.
    pub out_of_memory_kills: Option<u64>,
    /// Processors' worth of time that it may use; `None` is unlimited or unknown.
    pub processors: Option<f64>,
    /// Periods in which it ran.
    pub periods: Option<u64>,
    /// Of these, periods in which it was held back.
    pub throttled_periods: Option<u64>,
    /// For how long it was held back.
    pub throttled: Option<Duration>,
    /// Processes and threads in the group.
    pub tasks: Option<u64>,
    /// How many there may be; `None` is unlimited or unknown.
    pub max_tasks: Option<u64>,
    /// Pressure, of the group first, then of the whole system.
    pub pressures: Vec<Pressure>,
}

/// Pressure on one resource (PSI, see the kernel's `Documentation/accounting/psi.rst`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// `cpu`, `memory` or `io`.
    pub resource: &'static str,
    /// Whether it is the group's, and not the whole system's.
    pub of_group: bool,
    /// At least one task stalled.
    pub some: Option<Stall>,
    /// All tasks stalled at once.
    pub full: Option<Stall>,
}

/// Version 1 says "unlimited" with the largest number of whole pages.
const UNLIMITED: u64 = 1 << 62;

pub(super) fn take() -> Option<Cgroup> {
    let memberships = file::read("/proc/self/cgroup")?;
    let root = Path::new("/sys/fs/cgroup");
    // With both versions mounted the controllers are in version 1.
    if root.join("cgroup.controllers").exists() {
        version_2(root, &memberships)
    } else {
        version_1(root, &memberships).or_else(|| version_2(&root.join("unified"), &memberships))
    }
}

fn version_2(root: &Path, memberships: &[u8]) -> Option<Cgroup> {
    let path = cgroup::unified(memberships)?;
    let group = directory(root, &path);
    let file = |name: &str| file::number(group.join(name));
    let statistics = file::read(group.join("cpu.stat")).unwrap_or_default();
    let events = file::read(group.join("memory.events")).unwrap_or_default();
    let microseconds = |key| keys::number_after(&statistics, key).map(Duration::from_micros);
    let mut pressures = pressures(|resource| group.join(format!("{resource}.pressure")), true);
    pressures.extend(system_pressures());
    Some(Cgroup {
        path,
        version: 2,
        memory: file("memory.current"),
        peak_memory: file("memory.peak"),
        max_memory: file("memory.max"),
        high_memory: file("memory.high"),
        swap: file("memory.swap.current"),
        max_swap: file("memory.swap.max"),
        out_of_memory_kills: keys::number_after(&events, "oom_kill"),
        processors: file::read(group.join("cpu.max")).and_then(|text| cgroup::quota(&text)),
        periods: keys::number_after(&statistics, "nr_periods"),
        throttled_periods: keys::number_after(&statistics, "nr_throttled"),
        throttled: microseconds("throttled_usec"),
        tasks: file("pids.current"),
        max_tasks: file("pids.max"),
        pressures,
    })
}

fn version_1(root: &Path, memberships: &[u8]) -> Option<Cgroup> {
    let path = |controller: &str| cgroup::of_controller(memberships, controller);
    let group = |controller: &str| Some(directory(&root.join(controller), &path(controller)?));
    let (memory, cpu, tasks) = (group("memory"), group("cpu"), group("pids"));
    let of = |group: &Option<PathBuf>, name: &str| file::number(group.as_ref()?.join(name));
    let limit = |group: &Option<PathBuf>, name: &str| of(group, name).filter(|limit| *limit < UNLIMITED);
    let text = |group: &Option<PathBuf>, name: &str| file::read(group.as_ref()?.join(name));
    let statistics = text(&cpu, "cpu.stat").unwrap_or_default();
    let events = text(&memory, "memory.oom_control").unwrap_or_default();
    let quota = (of(&cpu, "cpu.cfs_quota_us"), of(&cpu, "cpu.cfs_period_us").filter(|period| *period > 0));
    let with_swap = of(&memory, "memory.memsw.usage_in_bytes");
    let used = of(&memory, "memory.usage_in_bytes");
    Some(Cgroup {
        path: path("memory").or_else(|| path("cpu"))?,
        version: 1,
        memory: used,
        peak_memory: of(&memory, "memory.max_usage_in_bytes"),
        max_memory: limit(&memory, "memory.limit_in_bytes"),
        high_memory: limit(&memory, "memory.soft_limit_in_bytes"),
        swap: with_swap.zip(used).and_then(|(both, memory)| both.checked_sub(memory)),
        max_swap: None,
        out_of_memory_kills: keys::number_after(&events, "oom_kill"),
        processors: quota.0.zip(quota.1).map(|(quota, period)| quota as f64 / period as f64),
        periods: keys::number_after(&statistics, "nr_periods"),
        throttled_periods: keys::number_after(&statistics, "nr_throttled"),
        throttled: keys::number_after(&statistics, "throttled_time").map(Duration::from_nanos),
        tasks: of(&tasks, "pids.current"),
        max_tasks: of(&tasks, "pids.max"),
        pressures: system_pressures(),
    })
}

/// In a container the group's own directory is often mounted as the root, while the path still tells the host's, or
/// leads out of what is mounted (`/../other`): then as much of the path's end as there is, or the root.
fn directory(root: &Path, path: &str) -> PathBuf {
    let mut path = Path::new(path.trim_start_matches('/'));
    if path.components().any(|part| !matches!(part, Component::Normal(_))) {
        return root.to_owned();
    }
    loop {
        let below = root.join(path);
        if below.is_dir() || path.as_os_str().is_empty() {
            return below;
        }
        let mut parts = path.components();
        parts.next();
        path = parts.as_path();
    }
}

/// How much memory may still be taken before the kernel kills or slows down something in the group or in one around it;
/// `None` if nothing limits it, or that cannot be found out.
pub(super) fn available_memory() -> Option<u64> {
    memory_usage().map(Usage::left)
}

/// How much memory is in use, without the cached files that the kernel would give up, and where the kernel kills or slows down:
/// of the group or of that one around it which has least left.
pub(super) fn memory_usage() -> Option<Usage> {
    memory_usage_in(Path::new("/sys/fs/cgroup"), &file::read("/proc/self/cgroup")?)
}

fn memory_usage_in(root: &Path, memberships: &[u8]) -> Option<Usage> {
    let root_1 = root.join("memory");
    if let Some(path) = cgroup::of_controller(memberships, "memory").filter(|_| root_1.is_dir()) {
        return groups(&root_1, &path)
            .filter_map(|group| memory_usage_1(&group))
            .min_by_key(|usage| usage.left());
    }
    let unified = root.join("unified");
    let root_2 = if root.join("cgroup.controllers").exists() { root } else { &unified };
    let path = cgroup::unified(memberships)?;
    groups(root_2, &path).filter_map(|group| memory_usage_2(&group)).min_by_key(|usage| usage.left())
}

/// The directories of a group and of those around it.
fn groups(root: &Path, path: &str) -> impl Iterator<Item = PathBuf> {
    let group = directory(root, path);
    let depth = group.components().count() - root.components().count();
    let groups: Vec<PathBuf> = group.ancestors().take(depth + 1).map(Path::to_owned).collect();
    groups.into_iter()
}

fn memory_usage_1(group: &Path) -> Option<Usage> {
    let number = |name| file::number(group.join(name));
    let limit = number("memory.limit_in_bytes").filter(|limit| *limit < UNLIMITED)?;
    let statistics = file::read(group.join("memory.stat")).unwrap_or_default();
    let cached = cached(&statistics, ["total_inactive_file", "total_active_file"]);
    Some(Usage::new(number("memory.usage_in_bytes")?.saturating_sub(cached), limit))
}

fn memory_usage_2(group: &Path) -> Option<Usage> {
    let number = |name| file::number(group.join(name));
    let limit = number("memory.max").into_iter().chain(number("memory.high")).min()?;
    let statistics = file::read(group.join("memory.stat")).unwrap_or_default();
    let cached = cached(&statistics, ["inactive_file", "active_file"]);
    Some(Usage::new(number("memory.current")?.saturating_sub(cached), limit))
}

/// What the kernel would give up of the files that it has cached: of those in use half, as it counts for `MemAvailable`.
fn cached(statistics: &[u8], [inactive, active]: [&str; 2]) -> u64 {
    let of = |key| keys::number_after(statistics, key).unwrap_or(0);
    of(inactive).saturating_add(of(active) / 2)
}

fn system_pressures() -> Vec<Pressure> {
    pressures(|resource| Path::new("/proc/pressure").join(resource), false)
}

fn pressures(file: impl Fn(&str) -> PathBuf, of_group: bool) -> Vec<Pressure> {
    let pressure = |resource| {
        let text = file::read(file(resource))?;
        let stall = |kind| pressure::stall(&text, kind);
        Some(Pressure { resource, of_group, some: stall("some"), full: stall("full") })
    };
    ["cpu", "memory", "io"].into_iter().filter_map(pressure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempdir::Dir {
        let root = tempdir::Dir::new();
        for (path, content) in files {
            let path = root.0.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    mod tempdir {
        use std::sync::atomic::{AtomicU32, Ordering};

        pub struct Dir(pub std::path::PathBuf);

        impl Dir {
            pub fn new() -> Dir {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let name =
                    format!("gmr-cgroup-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                Dir(std::env::temp_dir().join(name))
            }
        }

        impl Drop for Dir {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    #[test]
    fn version_2_is_read_from_one_directory() {
        let root = tree(&[
            ("app/memory.current", "1000\n"),
            ("app/memory.max", "max\n"),
            ("app/memory.high", "4096\n"),
            ("app/memory.events", "low 0\noom 2\noom_kill 1\n"),
            ("app/cpu.max", "150000 100000\n"),
            ("app/cpu.stat", "usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 12\n"),
            ("app/pids.current", "5\n"),
            ("app/memory.pressure", "some avg10=1.50 avg60=0.00 avg300=0.25 total=7\n"),
        ]);
        let group = version_2(&root.0, b"0::/app\n").unwrap();
        assert_eq!((group.memory, group.max_memory, group.high_memory), (Some(1000), None, Some(4096)));
        assert_eq!((group.out_of_memory_kills, group.processors, group.tasks), (Some(1), Some(1.5), Some(5)));
        assert_eq!((group.periods, group.throttled_periods), (Some(7), Some(3)));
        assert_eq!(group.throttled, Some(Duration::from_micros(12)));
        let stall = Stall { averages: [1.5, 0.0, 0.25], total: Duration::from_micros(7) };
        let expected = Pressure { resource: "memory", of_group: true, some: Some(stall), full: None };
        assert_eq!(group.pressures.first(), Some(&expected));
    }

    #[test]
    fn version_1_has_a_directory_for_each_controller() {
        let root = tree(&[
            ("memory/a/memory.usage_in_bytes", "10"),
            ("memory/a/memory.limit_in_bytes", "9223372036854771712"),
            ("memory/a/memory.soft_limit_in_bytes", "20"),
            ("cpu/cpu.cfs_quota_us", "-1"),
            ("cpu/cpu.cfs_period_us", "100000"),
            ("pids/pids.max", "max"),
        ]);
        let memberships = b"8:pids:/\n4:memory:/a\n1:cpu,cpuacct:/host/path\n0::/\n";
        let group = version_1(&root.0, memberships).unwrap();
        assert_eq!((group.memory, group.max_memory, group.high_memory), (Some(10), None, Some(20)));
        assert_eq!((group.processors, group.max_tasks), (None, None));
        assert_eq!(group.path, "/a");
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_followed_as_far_as_it_is_mounted() {
        let root = tree(&[("memory.current", "1"), ("sub/memory.current", "2"), ("a/b/memory.current", "3")]);
        let check = |path: &str, expected| {
            let group = version_2(&root.0, format!("0::{path}\n").as_bytes()).unwrap();
            assert_eq!(group.memory, Some(expected), "{path}");
        };
        check("/", 1);
        check("/a/b", 3);
        check("/docker/0123", 1);
        check("/docker/0123/sub", 2);
        // Out of the namespace: joined, this would be a directory beside the control groups.
        check("/..", 1);
        check("/../../a/b", 1);
    }

    #[test]
    fn the_tightest_of_the_groups_around_limits_memory() {
        let check = |files: &[(&str, &str)], memberships: &[u8], expected| {
            let root = tree(files);
            assert_eq!(memory_usage_in(&root.0, memberships).map(Usage::left), expected, "{files:?}");
        };
        let second = [
            ("cgroup.controllers", "memory"),
            ("a/memory.max", "1000"),
            ("a/memory.current", "900"),
            ("a/memory.stat", "anon 1\ninactive_file 100\nactive_file 40\n"),
            ("a/b/memory.max", "max"),
            ("a/b/memory.high", "600"),
            ("a/b/memory.current", "300"),
        ];
        check(&second, b"0::/a\n", Some(220));
        check(&second, b"0::/a/b\n", Some(220));
        check(&second[4..], b"0::/a/b\n", None);
        check(&[second[0], second[4], second[5], second[6]], b"0::/a/b\n", Some(300));
        let first = [
            ("memory/memory.limit_in_bytes", "9223372036854771712"),
            ("memory/a/memory.limit_in_bytes", "500"),
            ("memory/a/memory.usage_in_bytes", "600"),
            ("memory/a/memory.stat", "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 0\n"),
        ];
        check(&first, b"4:memory:/a\n0::/\n", Some(100));
        check(&first[..3], b"4:memory:/a\n0::/\n", Some(0));
        check(&first, b"4:memory:/\n0::/\n", None);
        check(&[], b"4:memory:/a\n0::/\n", None);
        check(&[], b"", None);
    }

    #[test]
    fn what_is_not_there_or_not_readable_is_none() {
        let root = tree(&[
            ("app/memory.current", "much"),
            ("app/cpu.max", "1 0"),
            ("app/io.pressure", "some avg10=x"),
        ]);
        let group = version_2(&root.0, b"0::/app\n").unwrap();
        assert_eq!((group.memory, group.processors, group.throttled), (None, None, None));
        assert_eq!(group.pressures[0].some, None);
        assert_eq!(version_2(&root.0, b"1:name=systemd:/\n"), None);
        assert_eq!(version_1(&root.0, b"0::/\n"), None);
    }
}
