//! Measures the plugin platform from inside a process that has a reporter; `cargo xtask bench plugins` builds and runs it.
//!
//! Every figure is a median. What an operator's report shows is taken from reports; nothing here knows the insides.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gmr::plugin::{Candidate, CheckOptions, Facts, Grant, PluginConfig};
use gmr::report::{Block, Field, Report, Value};
use gmr::{Builder, Guard, Settings};

/// A shipped plugin, what it is granted, how often it is called and how often it is loaded.
struct Subject {
    name: &'static str,
    language: &'static str,
    grants: &'static [&'static str],
    calls: usize,
    loads: usize,
}

const SUBJECTS: [Subject; 4] = [
    Subject { name: "facts", language: "Rust", grants: &["facts:*"], calls: 2000, loads: 31 },
    Subject { name: "process", language: "Rust", grants: &["process"], calls: 2000, loads: 31 },
    Subject { name: "disks", language: "JavaScript", grants: &["process"], calls: 300, loads: 31 },
    Subject { name: "frames", language: "Python", grants: &["report"], calls: 300, loads: 31 },
];

/// A minute is what a Python plugin takes to compile on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Reports with each way to make a section, and plugins that are dropped.
const REPORTS: usize = 1001;
const DROPS: usize = 21;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("bench-plugins FOLDER"));
    println!("\ncalls: a fresh instance made, called and dropped, without the report around it");
    for subject in &SUBJECTS {
        calls(&folder, subject);
    }
    println!(
        "\nloads at a start: from the file's being looked into until the plugin is ready, described once"
    );
    for subject in &SUBJECTS {
        loads(&folder, subject);
    }
    println!(
        "\none section more in a report: the same values by the plugin `facts` and by the application's closure"
    );
    sections(&folder);
    println!(
        "\ndrops: from the rename into the folder until a report shows the section (reports are asked for all the time)"
    );
    drops(&folder);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn words(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

fn config(subject: &Subject) -> PluginConfig {
    let grants = subject.grants.iter().map(|grant| Grant::parse(grant).expect("a grant"));
    PluginConfig::default().with_grants(grants)
}

fn file(folder: &Path, subject: &Subject) -> PathBuf {
    folder.join(subject.name).with_extension("wasm")
}

fn value() -> [(&'static str, u64); 3] {
    [("size", 8), ("idle", 3), ("waiting", 0)]
}

fn facts() -> std::sync::Arc<Facts> {
    let facts = Facts::new();
    facts.add("pool", || std::collections::BTreeMap::from(value()));
    facts.into()
}

fn calls(folder: &Path, subject: &Subject) {
    let plugin = Candidate::load(&file(folder, subject), &config(subject)).expect("it loads");
    let guard = Builder::new(gmr::package!()).install().expect("the reporter is installed");
    // For those that look at other sections: this process has a few threads.
    let report = guard.report().expect("a report");
    drop(guard);
    let call = |config: &PluginConfig| {
        plugin.check(
            CheckOptions::default()
                .with_config(config.clone())
                .with_facts(facts())
                .with_report(report.clone()),
        )
    };
    let times = |config: PluginConfig| {
        let checked: Vec<_> = std::iter::repeat_with(|| call(&config)).take(subject.calls).collect();
        median(checked.iter().map(|checked| checked.usage.took).collect())
    };
    let granted = config(subject);
    let last = call(&granted);
    println!(
        "{:<8} {:<10}  {} with its grants, {} without any (it says so and returns); {} KiB of memory; compiled in {}{}",
        subject.name,
        subject.language,
        words(times(granted)),
        words(times(PluginConfig::default())),
        last.usage.memory_bytes >> 10,
        words(last.code.took),
        last.section.failure.as_ref().map(|failure| format!("; FAILED: {failure}")).unwrap_or_default(),
    );
}

/// A reporter that sees these folders.
fn reporter(folder: &Path, cache: Option<&Path>, own: bool) -> Guard {
    let mut settings = Settings::default();
    settings.plugin_dir = vec![folder.to_owned()];
    settings.cache_dir = cache.map(Path::to_owned);
    settings.plugins = SUBJECTS.iter().map(|subject| (subject.name.to_owned(), config(subject))).collect();
    let builder = Builder::new(gmr::package!()).settings(settings);
    let builder = builder.fact("pool", || std::collections::BTreeMap::from(value()));
    let section = || {
        let fields = value().map(|(key, value)| Field::new(format!("pool.{key}"), value));
        vec![Block::fields(fields)]
    };
    let builder = if own { builder.section("Own", section) } else { builder };
    builder.install().expect("the reporter is installed")
}

/// A cell of the Plugins section.
fn cell(report: &Report, plugin: &str, column: &str) -> Option<Value> {
    let Some(Block::Table { columns, rows, .. }) = report.section("plugins")?.blocks.first() else {
        return None;
    };
    let column = columns.iter().position(|name| name == column)?;
    rows.iter().find(|row| row[0] == Value::from(plugin)).map(|row| row[column].clone())
}

/// Waits until the plugin is in this state, and returns how long it took to load.
fn loaded(guard: &Guard, plugin: &str, state: &str) -> Duration {
    let end = Instant::now() + PATIENCE;
    loop {
        let report = guard.report().expect("a report");
        let is = cell(&report, plugin, "state");
        if let (Some(Value::Duration(took)), true) =
            (cell(&report, plugin, "loaded in"), is == Some(Value::from(state)))
        {
            return took;
        }
        assert!(Instant::now() < end, "{plugin} is {is:?} and not {state}");
        // Reports must not take the processor from what they wait for.
        std::thread::sleep(Duration::from_millis(25));
    }
}

fn loads(folder: &Path, subject: &Subject) {
    let place = tempfile::tempdir().expect("a folder");
    let (plugins, cache) = (place.path().join("plugins"), place.path().join("cache"));
    std::fs::create_dir(&plugins).expect("a folder");
    std::fs::copy(file(folder, subject), plugins.join(subject.name).with_extension("wasm")).expect("copied");
    let guard = reporter(&plugins, Some(&cache), false);
    let compiled = loaded(&guard, subject.name, "ready");
    let is_kept = || has(&cache, "receipt");
    while !is_kept() {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(guard);
    let entry = first(&cache, "cwasm").and_then(|path| path.metadata().ok()).map_or(0, |entry| entry.len());
    let start = || {
        let guard = reporter(&plugins, Some(&cache), false);
        loaded(&guard, subject.name, "ready, from the cache")
    };
    let known = median(std::iter::repeat_with(start).take(subject.loads).collect());
    let unknown = || {
        while let Some(receipt) = first(&cache, "receipt") {
            std::fs::remove_file(receipt).expect("removed");
        }
        start()
    };
    let checked = median(std::iter::repeat_with(unknown).take(subject.loads).collect());
    println!(
        "{:<8} {:<10}  from the cache in {} ({:.0} times faster than compiled in {}); in {} if the digests of {} KiB \
         and {} KiB are taken first",
        subject.name,
        subject.language,
        words(known),
        compiled.as_secs_f64() / known.as_secs_f64(),
        words(compiled),
        words(checked),
        std::fs::metadata(file(folder, subject)).map_or(0, |file| file.len() >> 10),
        entry >> 10,
    );
}

fn first(folder: &Path, extension: &str) -> Option<PathBuf> {
    let mut paths = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|ending| ending == extension))
}

fn has(folder: &Path, extension: &str) -> bool {
    first(folder, extension).is_some()
}

/// The three kinds of report take turns of a few, so that a busy moment hits all of them.
fn sections(folder: &Path) {
    let place = tempfile::tempdir().expect("a folder");
    let (empty, plugins, cache) = ["empty", "plugins", "cache"].map(|name| place.path().join(name)).into();
    for folder in [&empty, &plugins] {
        std::fs::create_dir(folder).expect("a folder");
    }
    std::fs::copy(file(folder, &SUBJECTS[0]), plugins.join("facts.wasm")).expect("copied");
    let kinds: [(&Path, bool, Option<&str>); 3] =
        [(&empty, false, None), (&empty, true, Some("own")), (&plugins, false, Some("facts"))];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    const TURNS: usize = 11;
    for _ in 0..TURNS {
        for ((folder, own, section), times) in kinds.iter().zip(&mut times) {
            let guard = reporter(folder, Some(&cache), *own);
            while section
                .is_some_and(|name| guard.report().is_ok_and(|report| report.section(name).is_none()))
            {
            }
            for _ in 0..REPORTS / TURNS {
                let began = Instant::now();
                let report = guard.report().expect("a report");
                times.push(began.elapsed());
                assert!(section.is_none_or(|name| report.section(name).unwrap().failure.is_none()));
            }
        }
    }
    let [without, native, plugin] = times.map(median);
    let more = |time: Duration| words(time.saturating_sub(without));
    println!(
        "a whole report takes {} without it, {} with the closure ({} more), {} with the plugin ({} more; {:.2} times the \
         report with the closure)",
        words(without),
        words(native),
        more(native),
        words(plugin),
        more(plugin),
        plugin.as_secs_f64() / native.as_secs_f64(),
    );
}

fn drops(folder: &Path) {
    let subject = &SUBJECTS[0];
    let place = tempfile::tempdir().expect("a folder");
    let plugins = place.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    let (source, target) = (file(folder, subject), plugins.join("facts.wasm"));
    for cache in [None, Some(place.path().join("cache"))] {
        let guard = reporter(&plugins, cache.as_deref(), false);
        let drop_in = || {
            let part = plugins.join(".part");
            std::fs::copy(&source, &part).expect("copied");
            let began = Instant::now();
            std::fs::rename(part, &target).expect("renamed");
            while guard.report().is_ok_and(|report| report.section("facts").is_none()) {}
            let took = began.elapsed();
            std::fs::remove_file(&target).expect("removed");
            while guard.report().is_ok_and(|report| report.section("facts").is_some()) {}
            took
        };
        let all: Vec<Duration> = std::iter::repeat_with(drop_in).take(DROPS).collect();
        let how = if cache.is_some() { "known to the cache" } else { "compiled" };
        println!("{:<8} {how:<18}  {}", subject.name, words(median(all)));
    }
}
