//! Guests that misbehave cost their own section, each with a message that its author can act on.

mod grants;

use std::time::Duration;

use gmr::plugin::{CheckOptions, Checked, Grant, Limits, PluginConfig, check};
use gmr::report::{Block, Section};
use gmr_test_support::guests;

fn run(name: &str, bytes: &[u8], limits: Limits) -> Result<Checked, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap();
    check(&path, CheckOptions::default().with_config(PluginConfig::default().with_limits(limits)))
}

/// The section of a guest that loads.
fn section(name: &str, limits: Limits) -> Section {
    run(name, &guests::component(name), limits).unwrap().section
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
    &trace.frames[0].calls[0].function
}

/// The usual limits but for what this sets.
fn limited(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

fn short() -> Limits {
    limited(|limits| limits.deadline = Duration::from_millis(50))
}

#[test]
fn a_guest_that_behaves_becomes_a_section() {
    let checked = run("hello", &guests::component("hello"), Limits::default()).unwrap();
    assert_eq!((checked.title.as_str(), checked.version.as_str()), ("Guest", "1.0.0"));
    assert_eq!(checked.section.name, "hello");
    assert_eq!(checked.section.failure, None);
    assert_eq!(checked.section.blocks, [Block::paragraph("hello")]);
}

#[test]
fn a_loop_in_render_is_cut_and_shows_where_it_stood() {
    assert_eq!(failure("loop-in-render", short()), "its deadline of 50 ms passed");
    assert_eq!(innermost(&section("loop-in-render", short())), "spin");
}

/// A guest that imports more than `gmr:plugin`.
fn with_wasi(name: &str) -> Vec<u8> {
    guests::assemble_for("with-wasi", &guests::text(name))
}

/// Why a file is no plugin.
fn refusal(bytes: impl AsRef<[u8]>) -> String {
    run("guest", bytes.as_ref(), short()).unwrap_err()
}

#[test]
fn a_loop_in_start_is_found_when_it_is_loaded() {
    let error = refusal(guests::component("loop-in-start"));
    assert!(
        error.contains("guest.wasm: it does not say what it is: its deadline of 50 ms passed, in begin"),
        "{error}"
    );
}

#[test]
fn recursion_ends_at_the_stacks_limit() {
    let failure = failure("recursion", Limits::default());
    assert_eq!(failure, "its calls are nested too deeply: its stack of 1.0 MiB is used up");
    assert_eq!(innermost(&section("recursion", Limits::default())), "down");
}

#[test]
fn the_stack_is_as_deep_as_is_set() {
    let stack = |wasm_stack_bytes| limited(|limits| limits.wasm_stack_bytes = wasm_stack_bytes);
    let used_up = |size: &str| format!("its calls are nested too deeply: its stack of {size} is used up");
    assert_eq!(failure("recursion", stack(64 << 10)), used_up("64.0 KiB"));
    assert_eq!(failure("deep-calls", Limits::default()), used_up("1.0 MiB"));
    assert_eq!(section("deep-calls", stack(64 << 20)).failure, None);
    for bytes in [(64 << 10) - 1, (64 << 20) + 1] {
        let error = run("guest", &guests::component("hello"), stack(bytes)).unwrap_err();
        assert!(error.contains("a WebAssembly stack must be 64 KiB to 64 MiB, not "), "{error}");
    }
}

#[test]
fn instances_memories_and_tables_are_counted() {
    let refused = |name: &str, limits| run("guest", &guests::component(name), limits).unwrap_err();
    // A plugin, and the two modules that the component needs for its imports.
    let instances = |instances| limited(|limits| limits.instances = instances);
    assert_eq!(section("asks-for-grants", instances(3)).failure, None);
    let error = refused("asks-for-grants", instances(2));
    assert!(error.contains("it has more than its 2 core instances"), "{error}");
    let memories = |memories| limited(|limits| limits.memories = memories);
    assert_eq!(section("three-of-each", memories(3)).failure, None);
    let error = refused("three-of-each", memories(2));
    assert!(error.contains("it has more than its 2 memories"), "{error}");
    let tables = |tables| limited(|limits| limits.tables = tables);
    assert_eq!(section("three-of-each", tables(3)).failure, None);
    let error = refused("three-of-each", tables(2));
    assert!(error.contains("it has more than its 2 tables"), "{error}");
}

#[test]
fn memory_is_limited_and_what_was_used_is_told() {
    let limits = || limited(|limits| limits.memory_bytes = 8 << 20);
    assert_eq!(failure("memory-growth", limits()), "it wanted more than its 8.0 MiB of memory");
    let checked = run("guest", &guests::component("memory-growth"), limits()).unwrap();
    assert!((7 << 20..=8 << 20).contains(&checked.usage.memory_bytes), "{}", checked.usage.memory_bytes);
    // Two pages is what a guest begins with.
    let pages = |pages: u64| limited(|limits| limits.memory_bytes = pages << 16);
    assert_eq!(section("hello", pages(2)).failure, None);
    let error = run("guest", &guests::component("hello"), pages(1)).unwrap_err();
    assert!(error.contains("it wanted more than its 64.0 KiB of memory"), "{error}");
}

#[test]
fn table_elements_are_limited() {
    assert_eq!(failure("table-growth", Limits::default()), "it wanted more than its 100000 table elements");
}

#[test]
fn calls_to_the_host_are_limited() {
    let limits = limited(|limits| {
        limits.host_calls = 1000;
        limits.deadline = Duration::from_secs(60);
    });
    assert_eq!(failure("host-calls", limits), "it called the host more than 1000 times");
}

#[test]
fn a_text_that_is_not_there_or_too_long_is_refused() {
    let error = failure("gigabyte-string", Limits::default());
    assert!(error.contains("out of bounds"), "{error}");
    let error = failure("long-string", limited(|limits| limits.deadline = Duration::from_secs(60)));
    assert_eq!(error, "it handed over far more than it may: 1.0 MiB of text, 10000 blocks, 100000 items");
}

#[test]
fn blocks_are_limited_before_they_fill_the_hosts_memory() {
    let error = failure("million-blocks", limited(|limits| limits.deadline = Duration::from_secs(60)));
    assert_eq!(error, "it handed over far more than it may: 1.0 MiB of text, 10000 blocks, 100000 items");
    let blocks = |blocks| section("eleven-blocks", limited(|limits| limits.blocks = blocks));
    assert_eq!((blocks(11).blocks.len(), blocks(11).failure), (11, None));
    let cut = blocks(10);
    assert_eq!(cut.blocks.len(), 10, "those within the limit are shown");
    assert!(cut.failure.unwrap().starts_with("it returned 11 blocks and may return 10"));
}

#[test]
fn values_that_do_not_exist_are_refused() {
    let error = failure("invalid-case", Limits::default());
    assert!(error.contains("discriminant"), "{error}");
    let error = failure("invalid-text", Limits::default());
    assert!(error.contains("utf-8"), "{error}");
}

#[test]
fn escape_sequences_do_not_reach_a_terminal() {
    let section = section("escapes", Limits::default());
    assert_eq!(section.failure, None);
    let text = gmr::report::format::text::section(&section);
    assert!(text.contains("owned") && !text.contains(['\x1b', '\x07', '\r']), "{text:?}");
}

#[test]
fn a_trap_shows_its_frames_and_what_was_printed_before() {
    let section = section("trap", Limits::default());
    assert!(section.failure.as_deref().unwrap().starts_with("it trapped: it panicked or aborted"));
    let [Block::Trace(trace), Block::Preformatted { text, .. }] = &section.blocks[..] else {
        panic!("{section:?}")
    };
    let functions: Vec<_> =
        trace.frames.iter().flat_map(|frame| &frame.calls).map(|call| &*call.function).collect();
    assert_eq!(functions[..2], ["topology::walk", "render"]);
    assert_eq!(text, "ring is not settled");
    assert_eq!(
        failure("divides-by-zero", Limits::default()),
        "it trapped: wasm trap: integer divide by zero"
    );
    assert_eq!(
        failure("reads-beyond-memory", Limits::default()),
        "it trapped: wasm trap: out of bounds memory access"
    );
}

#[test]
fn what_is_printed_is_kept_up_to_its_limit() {
    let diagnostics = |diagnostic_bytes| {
        let limits = limited(|limits| limits.diagnostic_bytes = diagnostic_bytes);
        run("guest", &guests::component("trap"), limits).unwrap().diagnostics
    };
    assert_eq!(diagnostics(20), "ring is not settled");
    assert_eq!(diagnostics(7), "ring is\n… and 13 bytes more");
}

#[test]
fn exit_ends_the_plugin_only() {
    let section = run("exit", &with_wasi("exit"), Limits::default()).unwrap().section;
    assert!(section.failure.unwrap().starts_with("it exited with status 1 instead of returning"));
}

#[test]
fn a_sleep_is_cut_at_the_deadline() {
    let checked = run("sleep", &with_wasi("sleep"), short()).unwrap();
    let failure = checked.section.failure.unwrap();
    let expected = "its deadline of 50 ms passed while it waited in WASI, for a sleep or a poll (sleep.wasm";
    assert!(failure.starts_with(expected), "{failure}");
    assert_eq!(checked.section.blocks, [Block::preformatted("waits for the ring")]);
}

#[test]
fn wasi_is_empty_but_for_what_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asks.wasm");
    std::fs::write(&path, with_wasi("asks-for-everything")).unwrap();
    let answer = |grants: &[String]| {
        let grants = grants.iter().map(|grant| Grant::parse(grant).unwrap());
        let config = PluginConfig::default().with_grants(grants);
        let section = check(&path, CheckOptions::default().with_config(config)).unwrap().section;
        match &section.blocks[..] {
            [Block::Paragraph { text, .. }] => text.clone(),
            _ => panic!("{section:?}"),
        }
    };
    // No directory, variable or argument; sockets are refused as access-denied, the look-up of "localhost", which would
    // succeed, as permanent-resolver-failure.
    assert_eq!(answer(&[]), "00022E");
    assert_eq!(answer(&[format!("read:{}", folder.path().display()), "env:PATH".to_owned()]), "11022E");
}

#[test]
fn what_is_no_plugin_tells_its_author_what_to_do() {
    #[track_caller]
    fn check(bytes: impl AsRef<[u8]>, expected: &str) {
        let error = refusal(bytes);
        assert!(error.contains("guest.wasm: ") && error.contains(expected), "{error}");
    }
    let exports = |name: &str| {
        format!("(component (component $c) (instance $i (instantiate $c)) (export \"{name}\" (instance $i)))")
    };
    check("", "the file is empty");
    check("(module)", "wasm-tools component new");
    check(wat::parse_str("(module)").unwrap(), "wasm-tools component new");
    check("(component)", "it exports nothing; a plugin exports `gmr:plugin/section`");
    check(exports("wasi:cli/run@0.2.0"), "for another world: it exports `wasi:cli/run@0.2.0`");
    check(
        exports("gmr:plugin/section@0.2.0"),
        "built against gmr:plugin 0.2.0, and this program speaks 0.1.0",
    );
    check(exports("gmr:plugin/section@1.0.0"), "or the program with a newer gmr");
    check(exports("gmr:plugin/section@0.1.0"), "is not the one of gmr:plugin 0.1.0");
    check(with_wasi("stranger"), "asks for what the host does not have (only gmr:plugin and WASI 0.2)");
    check("(component", "it is no valid WebAssembly text: ");
    check("hello", "it is no WebAssembly file");
    check([0xff, 0xfe], "neither the binary format nor text");
    check([0; 8], "it is no WebAssembly file");
}
