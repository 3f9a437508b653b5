//! Guests that misbehave cost their own section, each with a message that its author can act on.

#[path = "../../../tests/guests/assemble.rs"]
mod assemble;

use std::time::Duration;

use gmr::plugin::{CheckOptions, Checked, Limits, PluginConfig, check};
use gmr::report::{Block, Section};

fn run(name: &str, bytes: &[u8], limits: Limits) -> Result<Checked, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap();
    let config = PluginConfig { limits, ..PluginConfig::default() };
    check(&path, CheckOptions { config, ..CheckOptions::default() })
}

/// The section of a guest that loads.
fn section(name: &str, limits: Limits) -> Section {
    run(name, &assemble::guest(name), limits).unwrap().section
}

/// The reason why a guest has no section, without the file, version and digest that follow it.
fn failure(name: &str, limits: Limits) -> String {
    let failure = section(name, limits).failure.unwrap_or_else(|| panic!("{name} has a section"));
    let source = failure.rfind(" (").unwrap();
    assert!(failure[source..].starts_with(&format!(" ({name}.wasm, 1.0.0, digest ")), "{failure}");
    failure[..source].to_owned()
}

fn innermost(section: &Section) -> &str {
    let Some(Block::Trace(trace)) = section.blocks.first() else { panic!("{:?}", section.blocks) };
    trace.frames[0].function.as_deref().unwrap()
}

fn short() -> Limits {
    Limits { deadline: Duration::from_millis(50), ..Limits::default() }
}

#[test]
fn a_guest_that_behaves_becomes_a_section() {
    let checked = run("hello", &assemble::guest("hello"), Limits::default()).unwrap();
    assert_eq!((checked.title.as_str(), checked.version.as_str()), ("Guest", "1.0.0"));
    assert_eq!(checked.section.name, "hello");
    assert_eq!(checked.section.failure, None);
    assert_eq!(checked.section.blocks, [Block::Paragraph { text: "hello".into() }]);
}

#[test]
fn a_loop_in_render_is_cut_and_shows_where_it_stood() {
    assert_eq!(failure("loop-in-render", short()), "its deadline of 50ms passed");
    assert_eq!(innermost(&section("loop-in-render", short())), "spin");
}
