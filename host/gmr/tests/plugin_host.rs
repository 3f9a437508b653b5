//! An installed reporter with plugins, in a process of its own: what the application grants, what a hostile plugin costs
//! the others, and what hundreds of reports leave behind.

use std::collections::BTreeSet;
use std::time::Duration;

use gmr::plugin::{Grant, Limits, PluginConfig};
use gmr::report::{Block, Report, Section};
use gmr::{Builder, Guard, Settings};
use gmr_test_support::guests;
use gmr_test_support::memory::{self, COUNTING, Counting};
use gmr_test_support::{wait_for, wait_for_compiler};

/// Handlers as the kernel knows them: which signals this process catches, ignores and blocks.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines =
        status.lines().filter(|line| ["SigBlk", "SigIgn", "SigCgt"].iter().any(|key| line.starts_with(key)));
    lines.map(str::to_owned).collect()
}

/// Reports until the plugins are there: they are compiled beside the first ones, at a low priority, so that reports
/// without a pause would take a busy machine's time from the compiler.
fn report_with(guard: &Guard, sections: &[&str]) -> Report {
    wait_for_compiler(|| {
        let report = guard.report().unwrap();
        let is_whole = sections.iter().all(|name| report.section(name).is_some());
        if is_whole { Ok(report) } else { Err(format!("no {sections:?}: {:?}", names(&report))) }
    })
}

fn names(report: &Report) -> Vec<&str> {
    report.sections.iter().map(|section| section.name.as_str()).collect()
}

/// Counts what the process has allocated: resident memory would show the allocator's arenas instead, which grow by
/// megabytes now and then.
#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

/// Bytes of address space: mapped code, stacks, the memories of plugins.
fn mapped_bytes() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/statm").unwrap();
    maps.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64
}

/// Makes a hundred reports and returns the least that was allocated and mapped after one of them: what a thread that is
/// just ending still holds is not counted so.
fn hundred_reports(guard: &Guard) -> (i64, u64) {
    let report = || {
        assert!(guard.report().unwrap().section("hello").is_some());
        (memory::live(), mapped_bytes())
    };
    let sizes: Vec<_> = std::iter::repeat_with(report).take(100).collect();
    let live = sizes.iter().map(|(live, _)| *live).min();
    let mapped = sizes.iter().map(|(_, mapped)| *mapped).min();
    live.zip(mapped).unwrap()
}

/// Makes reports until a hundred of them have left nothing behind. A leak of a byte in each would show every time; caches
/// fill at first, and the allocator maps an arena now and then.
fn stays_flat(guard: &Guard) {
    let mut sizes = vec![hundred_reports(guard)];
    for _ in 0..20 {
        let (live_before, mapped_before) = sizes[sizes.len() - 1];
        let (live, mapped) = hundred_reports(guard);
        sizes.push((live, mapped));
        if live < live_before + 100 && mapped <= mapped_before {
            return;
        }
    }
    panic!("bytes allocated and mapped, the least within every hundred reports: {sizes:?}");
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
        std::fs::write(folder.path().join(format!("{name}.wasm")), guests::component(name)).unwrap();
    }
    std::fs::write(folder.path().join("module.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    let mut limits = Limits::default();
    limits.deadline = Duration::from_millis(200);
    let hostile = PluginConfig::default().with_limits(limits).with_grants([Grant::Process, Grant::Report]);
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
    assert_eq!(report.section("hello").unwrap().blocks, [Block::paragraph("hello")]);
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
    let text = gmr::report::format::text::report(&report);
    assert!(!text.contains('\x1b'), "no escape sequence reaches the terminal");

    for name in guests.iter().filter(|name| **name != "hello") {
        std::fs::remove_file(folder.path().join(format!("{name}.wasm"))).unwrap();
    }
    stays_flat(&guard);

    drop(guard);
    // notify's thread ends by itself, a moment after its watcher is dropped.
    wait_for(|| match threads() {
        now if now > before => Err(format!("{before} threads were there before, {now} are now")),
        _ => Ok(()),
    });
}
