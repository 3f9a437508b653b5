//! What plugins that are made to cost much cost the process that they are in, when a report is made and between two: memory
//! and descriptors. The files are made up here, as an attacker would.

use std::path::Path;
use std::time::Duration;

use gmr::plugin::PluginConfig;
use gmr::report::{Block, Report};
use gmr::{Builder, Guard, Settings};
use gmr_test_support::encoding::{debug_information, with_memories, with_sections};
use gmr_test_support::memory::{self, COUNTING, Counting};
use gmr_test_support::{guests, wait_for_compiler};

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Reports until the plugins are there.
fn report_with(guard: &Guard, plugins: &[&str]) -> Report {
    wait_for_compiler(|| {
        let report = guard.report().unwrap();
        let is_there = |name: &&str| report.section(name).is_some();
        if plugins.iter().all(is_there) {
            Ok(report)
        } else {
            Err(format!("{:?}", report.section("plugins")))
        }
    })
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(format!("{name}.wasm")), bytes).unwrap();
}

/// One test: descriptors and memory belong to a whole process.
#[test]
fn what_is_made_to_cost_much_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let hello = guests::component("hello");
    write(folder.path(), "hello", &hello);
    write(folder.path(), "dwarf", &with_sections(&guests::component("trap"), &debug_information(500_000)));
    let many = ["many-1", "many-2", "many-3", "many-4"];
    for name in many {
        write(folder.path(), name, &with_memories(&hello, 50));
    }
    let mut settings = Settings::default();
    settings.plugin_dir = vec![folder.path().to_owned()];
    settings.deadline = Duration::from_secs(60);
    settings.plugins = [("hello".to_owned(), PluginConfig::default())].into();
    let before = descriptors();
    let guard = Builder::new(gmr::package!()).settings(settings).install().unwrap();
    let plugins = [&["hello", "dwarf"][..], &many].concat();
    report_with(&guard, &plugins);

    let allocated = memory::allocated();
    let report = guard.report().unwrap();
    let allocated = memory::allocated() - allocated;
    for name in ["hello"].iter().chain(&many) {
        assert_eq!(report.section(name).unwrap().blocks, [Block::paragraph("hello")], "{name}");
    }
    let trapped = report.section("dwarf").unwrap();
    assert!(trapped.failure.as_ref().unwrap().starts_with("it trapped: "), "{trapped:?}");
    // wasmtime would take 1.2 KB a unit.
    assert!(allocated < 200 << 20, "{allocated} bytes were allocated for a report");
    // The reporter's own, of which there are about a dozen, and two a plugin.
    let more = descriptors() - before;
    assert!(more <= 20 + 2 * plugins.len(), "{more} descriptors more");
}
