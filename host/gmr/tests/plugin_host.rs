//! An installed reporter with plugins, in a process of its own: what the application grants, what a hostile plugin costs
//! the others, and what ten thousand calls leave behind.

#[path = "../../../tests/guests/assemble.rs"]
mod assemble;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gmr::plugin::{Grant, Limits, PluginConfig};
use gmr::report::{Block, Report, Section};
use gmr::{Builder, Guard, Settings};

/// Handlers as the kernel knows them: which signals this process catches, ignores and blocks.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines =
        status.lines().filter(|line| ["SigBlk", "SigIgn", "SigCgt"].iter().any(|key| line.starts_with(key)));
    lines.map(str::to_owned).collect()
}

/// Reports until the plugins are there: they are compiled beside the first ones.
fn report_with(guard: &Guard, sections: &[&str]) -> Report {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let report = guard.report().unwrap();
        if sections.iter().all(|name| report.section(name).is_some()) {
            return report;
        }
        assert!(Instant::now() < end, "no {sections:?}: {:?}", names(&report));
    }
}

fn names(report: &Report) -> Vec<&str> {
    report.sections.iter().map(|section| section.name.as_str()).collect()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// One test: a reporter, and what it leaves behind, belong to a whole process.
#[test]
fn hostile_plugins_cost_their_own_sections() {
    let folder = tempfile::tempdir().unwrap();
    let guests = [
        "hello",
        "loop-in-render",
        "recursion",
        "memory-growth",
        "million-blocks",
        "divides-by-zero",
        "trap",
        "escapes",
    ];
    for name in guests {
        std::fs::write(folder.path().join(format!("{name}.wasm")), assemble::guest(name)).unwrap();
    }
    std::fs::write(folder.path().join("module.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    let limits = Limits { deadline: Duration::from_millis(200), ..Limits::default() };
    let hostile =
        PluginConfig { limits, grants: vec![Grant::Process, Grant::Report], ..PluginConfig::default() };
    let mut settings = Settings::default();
    settings.plugin_dir = vec![folder.path().to_owned()];
    settings.plugins = guests.iter().map(|name| ((*name).to_owned(), hostile.clone())).collect();
    let before = threads();
    let guard = Builder::new(gmr::package!()).settings(settings).install().unwrap();
    let handlers = dispositions();
    let report = report_with(&guard, &guests);

    let native = ["package", "threads", "green_threads", "configuration", "plugins"];
    let whole = |name: &str| report.section(name).is_some_and(|section: &Section| section.failure.is_none());
    assert!(native.iter().all(|name| whole(name)), "{:?}", names(&report));
    assert_eq!(report.section("hello").unwrap().blocks, [Block::Paragraph { text: "hello".into() }]);
    for name in guests.iter().filter(|name| !["hello", "escapes"].contains(name)) {
        assert!(report.section(name).unwrap().failure.is_some(), "{name} has failed");
    }
    let unique: BTreeSet<_> = names(&report).into_iter().collect();
    assert_eq!(unique.len(), report.sections.len(), "each section once");
    let remarks = &report.section("plugins").unwrap().remarks;
    assert!(
        remarks.iter().any(|remark| remark.contains("module.wasm does not load: it is a core")),
        "{remarks:?}"
    );
    assert_eq!(dispositions(), handlers, "no plugin has changed what happens on signals");
    let text = gmr::render::text::report(&report);
    assert!(!text.contains('\x1b'), "no escape sequence reaches the terminal");

    for name in guests.iter().filter(|name| **name != "hello") {
        std::fs::remove_file(folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    let flat = |reports: u32| {
        (0..reports).for_each(|_| assert!(guard.report().unwrap().section("hello").is_some()));
        resident_bytes()
    };
    // What leaks grows from each measurement to the next. The allocator takes a new arena of some megabytes now and
    // then, and caches fill at first: that is growth between two of them.
    let sizes: Vec<u64> = (0..5).map(|_| flat(300)).collect();
    let least = sizes.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min();
    assert!(least < Some(1 << 20), "resident bytes after every 300 reports: {sizes:?}");
    // Arenas of 7 to 9 MB were seen, one at a time.
    let total = sizes.last().zip(sizes.first()).map(|(last, first)| last.saturating_sub(*first));
    assert!(total < Some(24 << 20), "resident bytes after every 300 reports: {sizes:?}");

    drop(guard);
    let end = Instant::now() + Duration::from_secs(60);
    // notify's thread ends by itself, a moment after its watcher is dropped.
    while threads() > before {
        assert!(Instant::now() < end, "{} threads were there before, {} are now", before, threads());
        std::thread::yield_now();
    }
}
