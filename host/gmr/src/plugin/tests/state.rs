//! What plugins remember from one report to the next, and what they print, as reports show it.

use gmr_test_support::guests;

use super::*;
use crate::plugin::{Candidate, CheckOptions};

/// A plugin that answers with how often it was called before and succeeded.
fn remembers() -> Vec<u8> {
    guests::component("remembers-its-calls")
}

fn bench(configure: impl FnOnce(&mut PluginConfig)) -> Bench {
    let mut plugin = PluginConfig::default();
    configure(&mut plugin);
    Bench::with(|config| drop(config.plugins.insert("p".to_owned(), plugin)))
}

#[test]
fn what_a_plugin_remembers_is_there_in_the_next_report() {
    let bench = bench(|_| {});
    bench.install("p.wasm", remembers());
    bench.install("q.wasm", remembers());
    bench.check(&["p: before 0", "q: before 0"]);
    std::fs::remove_file(bench.folder.path().join("q.wasm")).unwrap();
    bench.check(&["p: before 1"]);
    bench.install("q.wasm", remembers());
    bench.check(&["p: before 2", "q: before 0"]);
}

#[test]
fn another_version_and_a_touched_file_start_with_nothing() {
    let bench = bench(|_| {});
    bench.install("p.wasm", remembers());
    bench.check(&["p: before 0"]);
    bench.check(&["p: before 1"]);
    // The same content in another file: what is installed once more has been touched.
    bench.install("p.wasm", remembers());
    bench.check(&["p: before 0"]);
    bench.check(&["p: before 1"]);
    bench.install("p.wasm", says("other"));
    bench.check(&["p: other"]);
    bench.install("p.wasm", remembers());
    bench.check(&["p: before 0"]);
}

#[test]
fn a_call_that_fails_or_traps_leaves_the_state_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.wasm");
    std::fs::write(&file, remembers()).unwrap();
    let plugin = Candidate::load(&file, &PluginConfig::default()).unwrap();
    let check = |setting: Option<&str>| {
        let mut config = PluginConfig::default();
        config.settings.extend(setting.map(|key| (key.to_owned(), true.into())));
        plugin.check(CheckOptions::default().with_config(config)).section
    };
    assert_eq!(words(&check(None)), "p: before 0");
    for failing in ["trap", "fail"] {
        assert!(check(Some(failing)).failure.is_some(), "{failing}");
    }
    assert_eq!(words(&check(None)), "p: before 1");
}

#[test]
fn state_and_diagnostics_are_shown_on_demand() {
    let shown = |configure: fn(&mut PluginConfig)| {
        let bench = bench(configure);
        bench.install("p.wasm", remembers());
        bench.check_blocks()
    };
    assert_eq!(shown(|_| {}), "before 0");
    assert_eq!(shown(|plugin| plugin.show_diagnostics = true), "before 0 / Diagnostics / a line");
    assert_eq!(shown(|plugin| plugin.show_state = true), "before 0 / State / calls = 1");
    let cut =
        |plugin: &mut PluginConfig| (plugin.show_diagnostics, plugin.limits.diagnostic_bytes) = (true, 3);
    assert_eq!(shown(cut), "before 0 / Diagnostics / a l\n… and 4 bytes more");
}

#[test]
fn what_is_shown_of_a_state_counts_for_what_plugins_share() {
    let shown = |output_bytes| {
        let plugin = PluginConfig { show_state: true, ..PluginConfig::default() };
        let bench = Bench::with(|config| {
            config.output_bytes = output_bytes;
            config.plugins.insert("p".to_owned(), plugin);
        });
        bench.install("p.wasm", remembers());
        bench.check_blocks()
    };
    // A block with eight bytes of text; the key has five, and its number counts 16.
    assert_eq!(shown(24 + 21), "before 0 / State / calls = 1");
    assert!(shown(24 + 20).starts_with("before 0 / what it remembers is left out"));
}

impl Bench {
    /// The blocks of the only plugin's section, in words.
    fn check_blocks(&self) -> String {
        let [section] = &self.sections()[..] else { panic!("not one section") };
        let words = |block: &Block| match block {
            Block::Paragraph { text, .. }
            | Block::Preformatted { text, .. }
            | Block::Heading { text, .. } => text.clone(),
            Block::Table { columns, rows, .. } => {
                assert_eq!(columns, &["key", "value", "set before"]);
                let [Value::Text(key), value, Value::Duration(_)] = &rows[0][..] else { panic!("{rows:?}") };
                format!("{key} = {}", gmr_report::words::value(value))
            }
            block => panic!("{block:?}"),
        };
        section.blocks.iter().map(words).collect::<Vec<_>>().join(" / ")
    }
}
