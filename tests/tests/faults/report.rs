//! What a report has: its threads, its chains of awaits, its configuration, and what it remarks.

use std::path::Path;

use gmr::report::format::{json, text};
use gmr::report::{Block, Report, Section, Trace, Value};
use gmr_test_support::subject::names;
use gmr_test_support::wait_for;

/// Part of every configuration here, and of everything that may leave the process.
pub const SECRET: &str = "S3cr3tV4lue";

/// Threads of the program whose stacks are known, and a function in each.
const STACKS: [(&str, &str); 1] = [("sleeper", "sleeps_on_a_channel")];
/// Futures that tasks of the program are in.
const CHAINS: [&str; 4] =
    ["accepts_connections", "waits_for_a_timer", "waits_for_a_message", "waits_for_a_lock"];

/// A report that was read.
pub struct Seen {
    /// The report.
    pub report: Report,
    /// The same in JSON.
    pub text: String,
}

/// What a line asks of the stacks.
#[derive(Clone, Copy, PartialEq)]
pub enum Stacks {
    /// Functions by name.
    Named,
    /// Addresses at least: names may be missing where memory is.
    Addresses,
    /// The innermost frame at least: there is no memory to map unwind tables.
    Innermost,
}

impl Seen {
    /// Reads it.
    ///
    /// # Panics
    ///
    /// If it is no report, or holds the secret.
    pub fn of(text: &str) -> Seen {
        let report = json::read(text).unwrap_or_else(|error| panic!("no report: {error}"));
        assert!(!text.contains(SECRET), "the secret is shown: {}", around(text, SECRET));
        Seen { report, text: text.to_owned() }
    }

    /// All threads with named stacks, all chains, and the configuration; in words.
    pub fn whole(&self) -> String {
        format!("{}, {}, {}", self.threads(Stacks::Named), self.chains(), self.configuration())
    }

    /// All threads with named stacks, and the configuration: the program has no runtime.
    pub fn whole_without_runtime(&self) -> String {
        format!("{}, {}", self.threads(Stacks::Named), self.configuration())
    }

    /// Every thread has a stack.
    pub fn threads(&self, stacks: Stacks) -> String {
        let traces = self.traces("threads");
        let members: usize = traces.iter().map(|trace| trace.members.len()).sum();
        assert!(members >= 3, "only {members} threads: {}", self.about("threads"));
        for trace in &traces {
            // One that came and went meanwhile has none.
            let doubt = trace.doubt.as_ref().map(|doubt| format!("{doubt:?}")).unwrap_or_default();
            // And an emergency report asks no thread that runs.
            let has_none = doubt.contains("Ended") || doubt.contains("NotAsked");
            // One that was just born blocks all signals, and has its parent's name; the main thread is never new.
            let is_main = trace.title.starts_with(&format!("{} ", self.report.header.process));
            let is_new =
                !is_main && doubt.contains("SignalBlocked") && trace.title.contains("\"fault-subject\"");
            let is_ours = trace.members.iter().all(|member| {
                member
                    .name
                    .as_deref()
                    .is_some_and(|name| name.starts_with("gmr") || name.starts_with("notify"))
            });
            assert!(
                is_ours || has_none || is_new || !trace.frames.is_empty(),
                "no stack of {}: {:?}",
                trace.title,
                trace.doubt
            );
        }
        for (name, function) in STACKS {
            let trace = self.thread(name);
            match stacks {
                Stacks::Named => {
                    assert!(has_call(trace, function), "{name} without {function}: {}", calls(trace))
                }
                Stacks::Addresses => assert!(trace.frames.len() > 2, "{name}: {:?}", trace.doubt),
                Stacks::Innermost => assert!(!trace.frames.is_empty(), "{name}: {:?}", trace.doubt),
            }
        }
        format!("{members} threads with stacks")
    }

    /// The trace in which the thread of this name stands.
    pub fn thread(&self, name: &str) -> &Trace {
        let is_in = |trace: &&Trace| trace.members.iter().any(|member| member.name.as_deref() == Some(name));
        let traces = self.traces("threads");
        traces
            .into_iter()
            .find(is_in)
            .unwrap_or_else(|| panic!("no thread {name}: {}", self.about("threads")))
    }

    /// How many threads of this name there are.
    pub fn count_of(&self, name: &str) -> usize {
        let members = self.traces("threads").into_iter().flat_map(|trace| &trace.members);
        members.filter(|member| member.name.as_deref() == Some(name)).count()
    }

    /// Every task has its chain.
    pub fn chains(&self) -> String {
        let traces = self.traces("green_threads");
        for future in CHAINS {
            let has = traces.iter().any(|trace| has_call(trace, future));
            assert!(has, "no chain with {future}: {}", self.about("green_threads"));
        }
        format!("{} chains", traces.iter().map(|trace| trace.members.len()).sum::<usize>())
    }

    /// Whether every task has its chain.
    pub fn has_chains(&self) -> bool {
        let traces = self.traces("green_threads");
        CHAINS.iter().all(|future| traces.iter().any(|trace| has_call(trace, future)))
    }

    /// Every task has its chain, or one of these words says why not.
    pub fn chains_or(&self, words: &[&str]) -> String {
        if self.has_chains() {
            return self.chains();
        }
        format!("no chains (\"{}\")", self.says(words))
    }

    /// The program's own configuration is there.
    pub fn configuration(&self) -> &'static str {
        let listen = self.option("listen");
        assert_eq!(listen, Some(Value::from("0.0.0.0:80")), "{}", self.about("configuration"));
        "configuration"
    }

    /// A value of the Configuration section.
    pub fn option(&self, key: &str) -> Option<Value> {
        let section = self.report.section("configuration")?;
        let fields = section.blocks.iter().filter_map(|block| match block {
            Block::Fields { fields, .. } => Some(fields),
            _ => None,
        });
        fields.flatten().find(|field| field.key == key).map(|field| field.value.clone())
    }

    /// Why a section is missing, or empty.
    pub fn failure(&self, section: &str) -> &str {
        self.section(section).failure.as_deref().unwrap_or_default()
    }

    /// A section.
    pub fn section(&self, name: &str) -> &Section {
        self.report.section(name).unwrap_or_else(|| panic!("no section {name}"))
    }

    /// One of these words stands somewhere in the report as people read it; that one.
    pub fn says<'w>(&self, words: &[&'w str]) -> &'w str {
        let read = text::report(&self.report);
        let lower = read.to_lowercase();
        let said = words.iter().find(|word| lower.contains(&word.to_lowercase()));
        said.unwrap_or_else(|| {
            let tasks = read.split("Green Threads").nth(1).unwrap_or_default();
            let head: String = read.chars().take(1500).collect();
            panic!("the report says none of {words:?}: {head} ... {:.700}", tasks.replace(['=', '|'], ""))
        })
    }

    fn traces(&self, section: &str) -> Vec<&Trace> {
        let section = self.report.section(section).into_iter().flat_map(|section| &section.blocks);
        section.filter_map(|block| if let Block::Trace(trace) = block { Some(trace) } else { None }).collect()
    }

    /// The beginning of a section, for a line that misses something in it.
    fn about(&self, section: &str) -> String {
        let Some(section) = self.report.section(section) else { return format!("no section {section}") };
        let json = serde_json::to_string(section).expect("a section is JSON");
        json.chars().take(400).collect()
    }
}

/// Whether one of the trace's frames is of a function whose path has this name.
pub fn has_call(trace: &Trace, function: &str) -> bool {
    let mut calls = trace.frames.iter().flat_map(|frame| &frame.calls);
    calls.any(|call| call.function.contains(function))
}

fn calls(trace: &Trace) -> String {
    let calls = trace.frames.iter().flat_map(|frame| &frame.calls);
    calls.map(|call| call.function.as_str()).collect::<Vec<_>>().join(" < ")
}

/// Some letters on both sides of what should not be there.
pub fn around<'t>(text: &'t str, part: &str) -> &'t str {
    let at = text.find(part).unwrap_or_default();
    let begin = text.floor_char_boundary(at.saturating_sub(60));
    &text[begin..text.floor_char_boundary(at + 40)]
}

/// The reports in a folder, as soon as there are so many.
pub fn in_folder(folder: &Path, count: usize) -> Vec<Seen> {
    let is_report = |name: &String| name.contains("_gurumeditation_") && name.ends_with(".json");
    let found = wait_for(|| {
        let found: Vec<String> = names(folder).into_iter().filter(is_report).collect();
        if found.len() >= count {
            Ok(found)
        } else {
            Err(format!("{} of {count} reports: {found:?}", found.len()))
        }
    });
    assert_eq!(found.len(), count, "too many reports: {found:?}");
    let read = |name: String| std::fs::read_to_string(folder.join(name)).expect("it is readable");
    found.into_iter().map(|name| Seen::of(&read(name))).collect()
}
