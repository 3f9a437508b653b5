//! The Plugins section: which plugins there are, from where, what came of their calls, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gmr_report::{Block, Field, NativeSection, Section, Value};

use crate::plugin::files::catalogue::{Catalogue, Entry};

type Entries = BTreeMap<PathBuf, Entry>;

pub fn section(catalogue: &Catalogue, directories: &[PathBuf]) -> Section {
    let mut section = Section::native(NativeSection::Plugins);
    let entries = &catalogue.entries;
    section.blocks.push(if entries.is_empty() { nothing(directories) } else { table(entries) });
    section.remarks.extend(broken(entries));
    section.remarks.extend(catalogue.problems.iter().chain(&catalogue.not_cached).cloned());
    if let Some(reason) = &catalogue.no_child {
        let note = format!("in this process, under the limits of files alone: {reason}");
        section.blocks.push(Block::fields([Field::new("compiled", note)]));
    }
    let problems = section.remarks.iter().map(|remark| Field::new("problem", remark.as_str()));
    for fields in [problems.collect(), wishes(entries)] {
        let fields: Vec<Field> = fields;
        if !fields.is_empty() {
            section.blocks.push(Block::fields(fields));
        }
    }
    // Told above all sections, since nothing stands where theirs will, or an older one does.
    section.remarks.extend(compiling(entries));
    section
}

fn nothing(directories: &[PathBuf]) -> Block {
    let folders: Vec<String> = directories.iter().map(|folder| folder.display().to_string()).collect();
    Block::paragraph(format!("no plugins in {}", folders.join(", ")))
}

/// Files that do not load, and why.
fn broken(entries: &Entries) -> impl Iterator<Item = String> {
    entries.iter().filter_map(|(path, entry)| {
        let problem = entry.problem.as_ref()?;
        let serves = if entry.ready.is_some() { "; the version before it serves" } else { "" };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Some(format!("{file} does not load: {problem}{serves}"))
    })
}

/// Plugins that have no section yet, or an older version's.
fn compiling(entries: &Entries) -> impl Iterator<Item = String> {
    let names = |has_older: bool| {
        let is_awaited = |entry: &&Entry| {
            let is_first = entry.ready.is_none() && entry.problem.is_none();
            entry.enabled && entry.ready.is_some() == has_older && (entry.pending.is_some() || is_first)
        };
        let names: Vec<&str> = entries.values().filter(is_awaited).map(|entry| entry.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let first = names(false).map(|names| format!("no section yet of {names}: still being compiled"));
    let newer =
        names(true).map(|names| format!("an older section of {names}: the new one is still being compiled"));
    first.into_iter().chain(newer)
}

fn table(entries: &Entries) -> Block {
    let columns =
        ["plugin", "state", "version", "digest", "loaded in", "calls", "failed", "took", "memory", "file"];
    let rows = entries.iter().map(|(path, entry)| {
        let ready = entry.ready.as_ref();
        let last = entry.record.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        vec![
            Value::from(entry.name.as_str()),
            Value::from(state(entry)),
            ready.map(|ready| ready.plugin.description.version.clone()).into(),
            ready.map(|ready| ready.plugin.digest.short()).into(),
            ready.map(|ready| rounded(ready.took)).into(),
            Value::from(entry.record.calls.load(Ordering::Relaxed)),
            Value::from(entry.record.failures.load(Ordering::Relaxed)),
            last.as_ref().map(|last| last.took).into(),
            last.map_or(Value::None, |last| Value::Bytes(last.memory_bytes)),
            Value::from(path.display().to_string()),
        ]
    });
    Block::table(columns, rows)
}

/// How long something took, as the table shows it.
pub fn rounded(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn state(entry: &Entry) -> String {
    if let Some(pending) = entry.pending {
        let serves = if entry.ready.is_some() { ", an older version serves" } else { "" };
        return match pending.since {
            Some(since) => format!("compiling since {}{serves}", since.strftime("%H:%M:%S UTC")),
            None => format!("waiting to be compiled{serves}"),
        };
    }
    let state = match (&entry.ready, &entry.problem) {
        (None, None) if !entry.enabled => "disabled",
        (None, None) => "loading",
        (None, Some(_)) => "failed",
        (Some(_), Some(_)) => "an older version",
        (Some(ready), None) if ready.from_cache => "ready, from the cache",
        (Some(_), None) => "ready",
    };
    state.to_owned()
}

/// What plugins would like to see and are not granted, which is the operator's decision.
fn wishes(entries: &Entries) -> Vec<Field> {
    let wish = |entry: &Entry| {
        let plugin = &entry.ready.as_ref()?.plugin;
        let granted = &plugin.config().grants;
        let missing = |wanted: &&String| !granted.iter().any(|grant| grant.to_string() == **wanted);
        let missing: Vec<&str> =
            plugin.description.wants.iter().filter(missing).map(String::as_str).collect();
        let wishes = format!("{} would like to see: {}", entry.name, missing.join(", "));
        (!missing.is_empty()).then(|| Field::new("not granted", wishes))
    };
    entries.values().filter_map(wish).collect()
}
