//! Plugins as reports see them: limits that they share, what one leaves to the next, what their table says.

mod described;
mod folder;
mod identity;
mod state;
mod totals;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_report::{Block, Report, Section, Value};
use gmr_test_support::guests;

use super::sandbox::handle::no_report;
use super::{Config, Facts, Grant, Limits, PluginConfig, Plugins};

/// Longer than any wait takes on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);

/// A folder, and the plugins in it.
struct Bench {
    folder: tempfile::TempDir,
    plugins: Plugins,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(|_| {})
    }

    fn with(configure: impl FnOnce(&mut Config)) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { directories: vec![folder.path().to_owned()], ..Config::default() };
        configure(&mut config);
        let plugins = Plugins::start(config, Arc::new(Facts::new())).unwrap();
        Bench { folder, plugins }
    }

    /// Puts a plugin in place by a rename, as an installer does.
    fn install(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let part = self.folder.path().join(".part");
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(part, self.folder.path().join(file)).unwrap();
    }

    fn settle(&self) {
        assert!(self.plugins.settle(Instant::now() + BOUND), "the folder is not loaded in time");
    }

    fn sections(&self) -> Vec<Section> {
        self.settle();
        self.sections_within(BOUND)
    }

    fn sections_within(&self, time: Duration) -> Vec<Section> {
        let mut sections = Vec::new();
        self.plugins
            .render(self.plugins.visible(&report()), Instant::now() + time, |section| sections.push(section));
        sections
    }

    /// Each section in a word: its text, or why there is none.
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let shown: Vec<String> = self.sections().iter().map(words).collect();
        assert_eq!(shown, expected);
    }

    /// A cell of the Plugins section.
    fn cell(&self, plugin: &str, column: &str) -> Value {
        let section = self.plugins.section();
        let Some(Block::Table { columns, rows, .. }) = section.blocks.first() else { panic!("{section:?}") };
        let column = columns.iter().position(|name| name == column).unwrap();
        rows.iter().find(|row| row[0] == Value::from(plugin)).unwrap()[column].clone()
    }

    fn remarks(&self) -> String {
        self.plugins.section().remarks.join("\n")
    }
}

fn report() -> Report {
    no_report()
}

fn words(section: &Section) -> String {
    match (&section.failure, &section.blocks[..]) {
        (Some(failure), _) => format!("{}: {failure}", section.name),
        (None, [Block::Paragraph { text, .. }]) => format!("{}: {text}", section.name),
        (None, blocks) => format!("{}: {blocks:?}", section.name),
    }
}

/// The hello plugin under this title of five letters.
fn titled(title: &str) -> Vec<u8> {
    assert_eq!(title.len(), 5);
    let place = format!("(; describe ;) (data (i32.const 256) \"{title}\")");
    guests::assemble(&guests::text("hello").replace("(; describe ;)", &place))
}

/// A plugin that answers with this word of five letters.
fn says(word: &str) -> Vec<u8> {
    assert_eq!(word.len(), 5);
    guests::assemble(
        &guests::text("hello")
            .replace("(; describe ;)", &format!("(; describe ;) (data (i32.const 266) \"{word}\")")),
    )
}

/// The same plugin with so much more code that compiling it takes longer than any look at the folder.
fn says_at_length(word: &str) -> Vec<u8> {
    let operations =
        "(i32.mul (i32.const 3) (i32.add (i32.const 5) ".repeat(100) + "(local.get 0)" + &"))".repeat(100);
    let functions = format!("(func (param i32) (result i32) {operations})").repeat(500);
    let text = guests::text("hello");
    let more = format!("(; describe ;) (data (i32.const 266) \"{word}\") {functions}");
    guests::assemble(&text.replace("(; describe ;)", &more))
}

#[test]
fn a_report_does_not_wait_for_a_compilation() {
    let bench = Bench::new();
    bench.install("p.wasm", says("first"));
    bench.install("gone.wasm", says("other"));
    bench.check(&["gone: other", "p: first"]);
    bench.install("p.wasm", says_at_length("newer"));
    bench.install("q.wasm", says_at_length("later"));
    std::fs::remove_file(bench.folder.path().join("gone.wasm")).unwrap();
    let shown: Vec<String> = bench.sections_within(BOUND).iter().map(words).collect();
    assert_eq!(shown, ["p: first"], "what is gone is gone, and the older version serves");
    let Value::Text(state) = bench.cell("p", "state") else { panic!("the state is no text") };
    let begins = ["compiling since ", "waiting to be compiled"].iter().any(|words| state.starts_with(words));
    assert!(begins && state.ends_with(", an older version serves"), "{state}");
    assert!(bench.remarks().contains("no section yet of q: still being compiled"), "{}", bench.remarks());
    assert!(bench.remarks().contains("an older section of p: the new one"), "{}", bench.remarks());
    bench.check(&["p: newer", "q: later"]);
    assert_eq!(bench.remarks(), "");
}

#[test]
fn the_applications_own_section_keeps_its_name() {
    let bench = Bench::with(|config| config.taken = vec!["pool".to_owned()]);
    bench.install("pool.wasm", says("first"));
    bench.install("other.wasm", says("other"));
    bench.check(&["other: other"]);
    assert_eq!(
        bench.remarks(),
        "pool.wasm does not load: `pool` is a section that the application fills itself: rename the file"
    );
}

#[test]
fn plugins_with_stacks_of_their_own_run_side_by_side() {
    let bench = Bench::with(|config| {
        for (name, bytes) in [("deep", 64 << 20), ("hang", 2 << 20)] {
            let deadline = if name == "hang" { Duration::from_millis(50) } else { BOUND };
            let limits = Limits { wasm_stack_bytes: bytes, deadline, ..Limits::default() };
            config.plugins.insert(name.to_owned(), PluginConfig { limits, ..PluginConfig::default() });
        }
    });
    bench.install("deep.wasm", guests::component("deep-calls"));
    bench.install("hang.wasm", guests::component("loop-in-render"));
    bench.install("usual.wasm", guests::component("deep-calls"));
    let [deep, hang, usual] = &bench.sections()[..] else { panic!("not three sections") };
    assert_eq!(words(deep), "deep: hello");
    assert!(words(hang).contains("its deadline of 50 ms passed"), "{}", words(hang));
    assert!(words(usual).contains("its stack of 1.0 MiB is used up"), "{}", words(usual));
}

#[test]
fn text_is_a_plugin_where_the_settings_allow_it() {
    let text = |name: &str| format!("(; a comment ;) (component (; {name} ;))");
    let bench = Bench::with(|config| config.text = true);
    bench.install("q.wat", text("q"));
    bench.check(&[]);
    assert!(bench.remarks().contains("q.wat does not load: it exports nothing"), "{}", bench.remarks());
    let bench = Bench::new();
    bench.install("q.wat", text("q"));
    bench.install("r.wasm", text("r"));
    bench.check(&[]);
    for file in ["q.wat", "r.wasm"] {
        let refused = format!("{file} does not load: it is WebAssembly text, which `plugin_text = true`");
        assert!(bench.remarks().contains(&refused), "{}", bench.remarks());
    }
}

#[test]
fn a_plugin_can_be_switched_off() {
    let off = PluginConfig { enabled: false, ..PluginConfig::default() };
    let bench = Bench::with(|config| drop(config.plugins.insert("p".into(), off)));
    bench.install("p.wasm", says("first"));
    bench.check(&[]);
    assert_eq!(bench.cell("p", "state"), Value::from("disabled"));
}

#[test]
fn after_a_restart_nothing_is_compiled() {
    let cache = tempfile::tempdir().unwrap();
    let start = || Bench::with(|config| config.cache_dir = Some(cache.path().join("cache")));
    let first = start();
    first.install("p.wasm", says("first"));
    first.check(&["p: first"]);
    assert_eq!(first.cell("p", "state"), Value::from("ready"));
    let second = start();
    second.install("p.wasm", says("first"));
    second.check(&["p: first"]);
    assert_eq!(second.cell("p", "state"), Value::from("ready, from the cache"));
    second.install("p.wasm", says("newer"));
    second.check(&["p: newer"]);
    assert_eq!(second.cell("p", "state"), Value::from("ready"));
    // The very same file, which need not even be read.
    let third = Bench::with(|config| {
        config.cache_dir = Some(cache.path().join("cache"));
        config.directories = vec![first.folder.path().to_owned()];
    });
    third.check(&["p: first"]);
    assert_eq!(third.cell("p", "state"), Value::from("ready, from the cache"));
}

#[test]
fn twenty_hanging_plugins_leave_the_report_its_deadline() {
    let bench = Bench::new();
    for number in 10..30 {
        bench.install(&format!("hang{number}.wasm"), guests::component("loop-in-render"));
    }
    bench.install("z.wasm", says("whole"));
    bench.settle();
    let began = Instant::now();
    let sections = bench.sections_within(Duration::from_secs(3));
    // Not a measurement: one after the other they would take twenty seconds.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(sections.len(), 21, "each has a section");
    assert!(sections[..20].iter().all(|section| section.failure.is_some()));
    assert_eq!(words(&sections[20]), "z: whole", "the last one has its turn");
}

#[test]
fn a_report_without_time_says_so_for_each_plugin() {
    let bench = Bench::new();
    bench.install("p.wasm", says("first"));
    bench.settle();
    let sections = bench.sections_within(Duration::ZERO);
    assert_eq!(sections.len(), 1);
    let failure = sections[0].failure.as_deref().unwrap();
    assert!(failure.starts_with("the report's time was over before its turn"), "{failure}");
}

#[test]
fn nothing_is_kept_from_one_call_to_the_next() {
    let bench = Bench::new();
    bench.install("count.wasm", guests::component("counts-its-calls"));
    bench.settle();
    for _ in 0..50 {
        assert_eq!(bench.sections_within(BOUND).iter().map(words).collect::<Vec<_>>(), ["count: call 1"]);
    }
    assert_eq!(bench.cell("count", "calls"), Value::from(50_u64));
}

#[test]
fn a_wish_is_shown_until_it_is_granted() {
    let asks = || guests::component("wants-process");
    let wishes = |bench: &Bench| format!("{:?}", bench.plugins.section().blocks);
    let bench = Bench::new();
    bench.install("p.wasm", asks());
    bench.settle();
    assert!(wishes(&bench).contains("p would like to see: process"), "{}", wishes(&bench));
    let granted = PluginConfig { grants: vec![Grant::Process], ..PluginConfig::default() };
    let bench = Bench::with(|config| drop(config.plugins.insert("p".into(), granted)));
    bench.install("p.wasm", asks());
    bench.settle();
    assert!(!wishes(&bench).contains("would like"), "{}", wishes(&bench));
}

#[test]
fn a_file_that_takes_the_place_of_a_granted_plugin_has_its_grants_and_no_others() {
    let granted = PluginConfig { grants: vec![Grant::Process], ..PluginConfig::default() };
    let bench = Bench::with(|config| drop(config.plugins.insert("p".into(), granted)));
    bench.install("p.wasm", says("first"));
    bench.check(&["p: first"]);
    // Each digit is a kind of grant, 0 where there is one.
    for file in ["p.wasm", "q.wasm"] {
        bench.install(file, guests::component("asks-for-grants"));
    }
    bench.check(&["p: 01111", "q: 11111"]);
}

#[test]
fn no_thread_of_ours_is_left_when_all_is_quiet() {
    let bench = Bench::new();
    bench.install("p.wasm", says("first"));
    bench.check(&["p: first"]);
    let ours = |path: &Path| {
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        ["gmr-plugin", "gmr-loader", "gmr-compiler", "gmr-fact"]
            .contains(&name.trim())
            .then(|| name.trim().to_owned())
    };
    let end = Instant::now() + BOUND;
    loop {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let threads: Vec<String> = threads.filter_map(|thread| ours(&thread.unwrap().path())).collect();
        // Other tests of this process have theirs, which come and go.
        if threads.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "{threads:?}");
        std::thread::yield_now();
    }
}
